//! How late jobs start and what waiting costs, with durable claims; tokio-cron-scheduler's own
//! ticker beside it.
//!
//! `cargo bench --bench lateness -- [SECONDS=30] [JOBS=10000] [BURST=1000]`. Each part runs in a
//! process of its own, so that its memory and processor time are its own.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures with the machine's clock and waits for it"
)]

use std::{
    path::Path,
    process::Command,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use bellkeeper::{
    archive::Encryption,
    clock::Clock,
    engine::{Config, Engine, Event},
    job::{Cx, Env, Job, JobError, JobSet, JobSpec, Outcome, Plan, Policy, Problem, Report},
    ledger::{Filter, Ledger, Registration},
    logs::{self, Console},
    schedule::{Interner, Schedule},
    settings::{Raw, Settings},
};
use jiff::Timestamp;
use support::{
    args, memory,
    promise::promise,
    report::{millis, quantile},
};
use tokio::sync::broadcast::error::RecvError;
use tokio_cron_scheduler::{Job as Ticked, JobScheduler};

mod support {
    pub(crate) mod args;
    pub(crate) mod memory;
    pub(crate) mod promise;
    pub(crate) mod report;
}

/// How long idling is watched.
const IDLE: Duration = Duration::from_secs(20);
/// A burst comes this often.
const BURST_EVERY: u64 = 5;
const PARTS: [&str; 6] = [
    "seconds",
    "burst",
    "idle",
    "ticker-seconds",
    "ticker-burst",
    "ticker-idle",
];

fn main() -> Result<()> {
    let sizes = args::numbers([30, 10_000, 1_000]);
    match std::env::args().find(|argument| PARTS.contains(&argument.as_str())) {
        Some(part) => one(&part, sizes),
        None => PARTS.iter().try_for_each(|part| {
            let status = Command::new(std::env::current_exe()?)
                .arg(part)
                .args(sizes.map(|size| size.to_string()))
                .status()?;
            ensure!(status.success(), "{part} failed: {status}");
            Ok(())
        }),
    }
}

fn one(part: &str, sizes: [u64; 3]) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let plan = Timetable::new(part, sizes)?;
    runtime.block_on(async {
        match part {
            "seconds" | "burst" => plan.engine().await,
            "idle" => plan.engine_idle().await,
            "ticker-seconds" | "ticker-burst" => plan.ticker().await,
            "ticker-idle" => plan.ticker_idle().await,
            _ => bail!("no part is called {part}"),
        }
    })
}

/// Milliseconds from the instant a job was due to the instant it was entered.
type Late = Arc<Mutex<Vec<f64>>>;

fn note(late: &Late, due: Timestamp) {
    let by = Timestamp::now().duration_since(due).as_secs_f64() * 1e3;
    late.lock().unwrap_or_else(PoisonError::into_inner).push(by);
}

#[derive(Debug)]
struct Probe(Late);

impl Job for Probe {
    fn check(&self, _: &Env) -> Vec<Problem> {
        Vec::new()
    }

    fn plan(&self, _: &Cx) -> Result<Plan, JobError> {
        Ok(Plan::default())
    }

    fn run(&self, cx: &Cx) -> Result<Report, JobError> {
        note(&self.0, cx.run.slot);
        Ok(Report::new("done"))
    }
}

/// Which job is due when: six cron fields each, in UTC.
struct Timetable {
    name: String,
    /// One expression a job.
    expressions: Vec<String>,
    /// How long to watch after the first slot.
    seconds: u64,
    jobs: u64,
}

impl Timetable {
    fn new(part: &str, [seconds, jobs, burst]: [u64; 3]) -> Result<Self> {
        let now = u64::try_from(Timestamp::now().as_second())?;
        // Loading ends well before the first slot; what is not due is due half a day later.
        let (soon, far) = (now + 15, now + 43_200);
        let expression = |job: u64| match part {
            "seconds" | "ticker-seconds" => daily(soon + job),
            "burst" | "ticker-burst" if job < burst => format!("*/{BURST_EVERY} * * * * *"),
            _ => daily(far + job % 20_000),
        };
        Ok(Self {
            name: part.to_owned(),
            expressions: (0..jobs).map(expression).collect(),
            seconds: seconds + 15,
            jobs,
        })
    }

    async fn engine(&self) -> Result<()> {
        let late = Late::default();
        let loaded = self.load(&late).await?;
        let claimed = listen(&loaded.engine);
        tokio::time::sleep(Duration::from_secs(self.seconds)).await;
        loaded.engine.drain(Duration::from_secs(10)).await?;
        loaded.engine.stopped().await;
        let late = late.lock().unwrap_or_else(PoisonError::into_inner);
        show(&late);
        let claimed = claimed.lock().unwrap_or_else(PoisonError::into_inner);
        let at = |q| quantile(&claimed, q);
        println!(
            "  of these until the claim was durable: p50 {:.2} ms, p99 {:.2} ms, largest {:.2} ms",
            at(0.5),
            at(0.99),
            at(1.0)
        );
        println!("  warnings in the log: {}", loaded.warnings()?);
        let limit = if self.name == "burst" { 50.0 } else { 10.0 };
        promise("  lateness, p99", quantile(&late, 0.99), limit, "ms");
        let filter = Filter {
            limit: u32::MAX,
            ..Filter::default()
        };
        let rows = loaded.ledger.runs(&filter)?;
        let well = rows
            .iter()
            .filter(|row| row.outcome == Some(Outcome::Succeeded))
            .count();
        ensure!(well == late.len(), "{well} rows of {} runs", late.len());
        #[expect(clippy::cast_precision_loss, reason = "a few thousand runs")]
        let lost = (rows.len() - well) as f64;
        promise("  slots without a run that succeeded", lost, 0.0, "");
        Ok(())
    }

    async fn engine_idle(&self) -> Result<()> {
        let loaded = self.load(&Late::default()).await?;
        let share = idle_share().await;
        promise("idle: processor time with nothing due", share, 0.05, "%");
        loaded.engine.drain(Duration::ZERO).await?;
        loaded.engine.stopped().await;
        Ok(())
    }

    /// An engine with all jobs; says what loading them took.
    async fn load(&self, late: &Late) -> Result<Loaded> {
        let root = tempfile::tempdir()?;
        let before = resident()?;
        let mut interner = Interner::default();
        let specs = self.expressions.iter().enumerate().map(|(number, text)| {
            Ok(JobSpec {
                name: format!("job-{number}").parse()?,
                kind: "probe",
                schedules: vec![interner.parse(text)?],
                policy: Policy::default(),
                job: Arc::new(Probe(Arc::clone(late))),
            })
        });
        let specs: Vec<JobSpec> = specs.collect::<Result<_>>()?;
        let parsed = resident()?;
        // The daemon logs each run to its file; so do we.
        logs::init(&logs::Options {
            filter: "info,tokio_cron_scheduler=warn",
            console: Console::Off,
            file: Some(&root.path().join("bellkeeper.log")),
            clock: Clock::System,
            zone: jiff::tz::TimeZone::UTC,
        })?;
        let start = Instant::now();
        let (config, ledger) = config(root.path(), specs)?;
        let registered = millis(start.elapsed());
        let engine = Engine::start(config).await?;
        // It answers only once everything is planned.
        engine.status().await?;
        let ready = millis(start.elapsed());
        println!(
            "\n{}: {} jobs, memory {:.0} MB + {:.0} MB of schedules + {:.0} MB of engine; \
             ready after {ready:.0} ms ({registered:.0} ms of them in the ledger)",
            self.name,
            self.jobs,
            before,
            parsed - before,
            resident()? - parsed
        );
        Ok(Loaded {
            engine,
            ledger,
            root,
        })
    }

    async fn ticker(&self) -> Result<()> {
        let late = Late::default();
        let mut scheduler = self.load_ticker(&late).await?;
        tokio::time::sleep(Duration::from_secs(self.seconds)).await;
        let seen = late.lock().unwrap_or_else(PoisonError::into_inner).clone();
        show(&seen);
        scheduler.shutdown().await?;
        Ok(())
    }

    async fn ticker_idle(&self) -> Result<()> {
        let mut scheduler = self.load_ticker(&Late::default()).await?;
        println!(
            "  processor time with nothing due {:.3} %",
            idle_share().await
        );
        scheduler.shutdown().await?;
        Ok(())
    }

    /// tokio-cron-scheduler as its documentation has it, but for channels that are large enough.
    async fn load_ticker(&self, late: &Late) -> Result<JobScheduler> {
        let (before, start) = (resident()?, Instant::now());
        let room = usize::try_from(self.jobs * 4)?.max(1_024);
        let scheduler = JobScheduler::new_with_channel_size(room).await?;
        for text in &self.expressions {
            let (late, schedule) = (Arc::clone(late), Schedule::parse(text)?);
            let job = Ticked::new_async(text, move |_, _| {
                let (late, schedule) = (Arc::clone(&late), schedule.clone());
                Box::pin(async move {
                    if let Some(due) = nearest(&schedule) {
                        note(&late, due);
                    }
                })
            })?;
            scheduler.add(job).await?;
        }
        scheduler.start().await?;
        println!(
            "\n{}: {} jobs, {:.0} MB more; ready after {:.0} ms",
            self.name,
            self.jobs,
            resident()? - before,
            millis(start.elapsed())
        );
        Ok(scheduler)
    }
}

fn show(late: &[f64]) {
    let at = |q| quantile(late, q);
    println!(
        "  {} runs: lateness p50 {:.2} ms, p99 {:.2} ms, largest {:.2} ms",
        late.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

struct Loaded {
    engine: Engine,
    ledger: Arc<Ledger>,
    root: tempfile::TempDir,
}

impl Loaded {
    fn warnings(&self) -> Result<usize> {
        let log = std::fs::read_to_string(self.root.path().join("bellkeeper.log"))?;
        Ok(log
            .lines()
            .filter(|line| !line.contains("\"INFO\""))
            .count())
    }
}

/// Milliseconds from the instant a run was due to its claim, of the runs that events tell of.
fn listen(engine: &Engine) -> Late {
    let claimed = Late::default();
    let (list, mut events) = (Arc::clone(&claimed), engine.events());
    tokio::spawn(async move {
        loop {
            match events.recv().await {
                Ok(Event::Started { run, started_at }) => {
                    let by = started_at.duration_since(run.slot).as_secs_f64() * 1e3;
                    list.lock().unwrap_or_else(PoisonError::into_inner).push(by);
                }
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    });
    claimed
}

fn daily(second: u64) -> String {
    format!(
        "{} {} {} * * *",
        second % 60,
        second / 60 % 60,
        second / 3_600 % 24
    )
}

/// The slot that a run which was not told its own must be of.
fn nearest(schedule: &Schedule) -> Option<Timestamp> {
    let frame = bellkeeper::schedule::Frame {
        zone: jiff::tz::TimeZone::UTC,
        dst: bellkeeper::schedule::Dst::default(),
        anchor: Timestamp::UNIX_EPOCH,
        calendar: None,
        only: None,
    };
    let from = Timestamp::now().checked_sub(Duration::from_secs(3)).ok()?;
    schedule.next_after(from, &frame)
}

fn config(root: &Path, jobs: Vec<JobSpec>) -> Result<(Config, Arc<Ledger>)> {
    let raw = Raw {
        root: Some(root.to_owned()),
        jobs_file: None,
    };
    let settings = Settings::resolve(&raw, root);
    std::fs::create_dir_all(settings.data())?;
    let clock = Clock::System;
    let ledger = Arc::new(Ledger::open(&settings.ledger(), clock.clone())?);
    let instance = ledger.begin("bench", "host", "1")?;
    let registrations: Vec<_> = jobs
        .iter()
        .map(|spec| Registration {
            job: spec.name.clone(),
            schedule: spec.schedules.iter().map(ToString::to_string).collect(),
            needed: false,
        })
        .collect();
    let known = ledger.register(&registrations)?;
    let env = Arc::new(Env {
        database: settings.path("db"),
        settings,
        encryption: Encryption::default(),
        clock,
        host: "host".into(),
        sources: bellkeeper::market::Sources::default(),
        archives: std::collections::BTreeMap::new(),
        rules: bellkeeper::job::Rules::default(),
    });
    let config = Config {
        set: JobSet {
            jobs,
            env,
            max_running: None,
        },
        ledger: Arc::clone(&ledger),
        instance,
        known,
        lost: Vec::new(),
        timer: true,
    };
    Ok((config, ledger))
}

fn resident() -> Result<f64> {
    memory::megabytes(std::process::id(), "VmRSS").context("no /proc")
}

/// The share of one processor that this process uses while it waits, in percent.
async fn idle_share() -> f64 {
    use rustix::time::{ClockId, clock_gettime};
    let used = || {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        Duration::try_from(time).unwrap_or_default()
    };
    // What loading has left to do is done by then.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = used();
    tokio::time::sleep(IDLE).await;
    used().saturating_sub(before).as_secs_f64() / IDLE.as_secs_f64() * 100.0
}
