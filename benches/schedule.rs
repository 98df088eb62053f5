//! What a schedule costs: to parse, to keep, to ask; and planning ten thousand jobs anew.
//!
//! `cargo bench --bench schedule -- [STEPS=2000] [ROUNDS=9] [JOBS=10000]`.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures with the machine's clock"
)]

use std::{hint::black_box, str::FromStr, sync::Arc, time::Instant};

use anyhow::{Context, Result};
use bellkeeper::{
    engine::planner::{Input, Planner},
    job::{JobSpec, Policy},
    ledger::Known,
    schedule::{Dst, Frame, Interner, Schedule},
};
use jiff::{Timestamp, tz::TimeZone};
use support::{
    args,
    idle_job::Nothing,
    memory,
    promise::promise,
    report::{millis, quantile},
};

mod support {
    pub(crate) mod args;
    pub(crate) mod idle_job;
    pub(crate) mod memory;
    pub(crate) mod promise;
    pub(crate) mod report;
}

const START: &str = "2026-11-23T00:00:00Z";
const EXPRESSIONS: [&str; 8] = [
    "* * * * *",
    "*/5 * * * *",
    "0 2 * * *",
    "30 9-16 * * mon-fri",
    "0 1 * * sun",
    "0 0 1 * *",
    "0 4 29 2 *",
    "15,45 8 L * *",
];

fn main() -> Result<()> {
    let [steps, rounds, jobs] = args::numbers([2_000, 9, 10_000]);
    next_after(steps, rounds)?;
    parsing(rounds)?;
    keeping(jobs)?;
    planning(jobs, rounds)
}

fn frame(zone: &str) -> Result<Frame> {
    Ok(Frame {
        zone: TimeZone::get(zone)?,
        dst: Dst::default(),
        anchor: START.parse()?,
        calendar: None,
        only: None,
    })
}

/// Nanoseconds a call of `body`, which makes `calls`: the median of `rounds`.
fn nanos(rounds: u64, calls: u64, mut body: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..rounds {
        let start = Instant::now();
        body()?;
        #[expect(clippy::cast_precision_loss, reason = "a few thousand calls")]
        times.push(start.elapsed().as_secs_f64() * 1e9 / calls as f64);
    }
    Ok(quantile(&times, 0.5))
}

fn next_after(steps: u64, rounds: u64) -> Result<()> {
    println!("next_after, ns a call, walking {steps} slots; croner alone walks the same zone");
    println!("expression                   UTC  New York    croner UTC  New York");
    for text in EXPRESSIONS {
        let mut figures = Vec::new();
        for zone in ["UTC", "America/New_York"] {
            figures.push(ours(text, zone, steps, rounds)?);
        }
        for zone in ["UTC", "America/New_York"] {
            figures.push(croner(text, zone, steps, rounds)?);
        }
        if let [utc, ny, croner_utc, croner_ny] = figures.as_slice() {
            println!("{text:<22} {utc:>9.0} {ny:>9.0}     {croner_utc:>9.0} {croner_ny:>9.0}");
        }
    }
    Ok(())
}

/// How many slots are walked: some expressions have few before the calendar ends.
fn within_reach(text: &str, steps: u64) -> u64 {
    if text.contains("29 2") {
        steps.min(100)
    } else {
        steps
    }
}

fn ours(text: &str, zone: &str, steps: u64, rounds: u64) -> Result<f64> {
    let (schedule, frame) = (Schedule::parse(text)?, frame(zone)?);
    let steps = within_reach(text, steps);
    nanos(rounds, steps, || {
        let mut at: Timestamp = START.parse()?;
        for _ in 0..steps {
            at = schedule
                .next_after(black_box(at), &frame)
                .context("no slot")?;
        }
        Ok(())
    })
}

fn croner(text: &str, zone: &str, steps: u64, rounds: u64) -> Result<f64> {
    let cron = croner::Cron::from_str(text)?;
    let steps = within_reach(text, steps);
    let start = START.parse::<Timestamp>()?.to_zoned(TimeZone::get(zone)?);
    nanos(rounds, steps, || {
        let mut at = start.clone();
        for _ in 0..steps {
            at = cron.find_next_occurrence(black_box(&at), false)?;
        }
        Ok(())
    })
}

fn parsing(rounds: u64) -> Result<()> {
    const TIMES: u64 = 200;
    println!("\nparsing, ns each     Schedule::parse    croner alone");
    for text in EXPRESSIONS {
        let ours = nanos(rounds, TIMES, || {
            for _ in 0..TIMES {
                black_box(Schedule::parse(black_box(text))?);
            }
            Ok(())
        })?;
        let croner = nanos(rounds, TIMES, || {
            for _ in 0..TIMES {
                black_box(croner::Cron::from_str(black_box(text))?);
            }
            Ok(())
        })?;
        println!("{text:<22} {ours:>13.0} {croner:>15.0}");
    }
    Ok(())
}

/// A daily expression of its own for each number below 86,400.
fn daily(number: u64) -> String {
    format!(
        "{} {} {} * * *",
        number % 60,
        number / 60 % 60,
        number / 3_600 % 24
    )
}

fn keeping(count: u64) -> Result<()> {
    let resident = || memory::megabytes(std::process::id(), "VmRSS").context("no /proc");
    let mut interner = Interner::default();
    let before = resident()?;
    let different: Vec<Schedule> = (0..count)
        .map(|n| interner.parse(&daily(n)))
        .collect::<Result<_, _>>()?;
    let between = resident()?;
    let equal: Vec<Schedule> = (0..count)
        .map(|_| interner.parse("0 2 * * *"))
        .collect::<Result<_, _>>()?;
    let after = resident()?;
    #[expect(clippy::cast_precision_loss, reason = "a number of jobs")]
    let each = |megabytes: f64| megabytes * 1e6 / count as f64;
    println!(
        "\nbytes a schedule: {:.0} when all differ, {:.0} when all are equal ({count} of them)",
        each(between - before),
        each(after - between)
    );
    drop((different, equal));
    Ok(())
}

fn planning(count: u64, rounds: u64) -> Result<()> {
    let now: Timestamp = START.parse()?;
    let zone = TimeZone::get("America/New_York")?;
    let specs = (0..count).map(|number| {
        Ok(JobSpec {
            name: format!("job-{number}").parse()?,
            kind: "nothing",
            schedules: vec![Schedule::parse(&daily(number * 7))?],
            policy: Policy {
                timezone: zone.clone(),
                ..Policy::default()
            },
            job: Arc::new(Nothing),
        })
    });
    let specs: Vec<JobSpec> = specs.collect::<Result<_>>()?;
    let (mut times, mut reloads) = (Vec::new(), Vec::new());
    let known = Known {
        anchor: now,
        decided_until: now,
        succeeded: None,
        pause: None,
    };
    for _ in 0..rounds {
        let fresh = specs.clone();
        let start = Instant::now();
        let mut planner = Planner::new(fresh.into_iter().map(|spec| (spec, known)), None);
        black_box(planner.handle(now, Input::Start { left: Vec::new() }));
        times.push(millis(start.elapsed()));
        black_box(planner.next_wake().context("nothing is planned")?);
        let jobs = specs.iter().cloned().map(|spec| (spec, known)).collect();
        let start = Instant::now();
        let max_running = None;
        black_box(planner.handle(now, Input::Reload { jobs, max_running }));
        reloads.push(millis(start.elapsed()));
    }
    println!();
    promise(
        &format!("planning {count} jobs anew"),
        quantile(&times, 0.5),
        50.0,
        "ms",
    );
    promise(
        &format!("taking {count} jobs over at a reload"),
        quantile(&reloads, 0.5),
        50.0,
        "ms",
    );
    Ok(())
}
