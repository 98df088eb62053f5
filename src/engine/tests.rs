//! The engine on a virtual clock with a real ledger.

use std::sync::atomic::{AtomicU32, Ordering};

use jiff::SignedDuration;

use super::*;
use crate::{
    archive::Encryption,
    clock::Clock,
    job::{
        Cx, Env, Job, JobError, JobSpec, Outcome, Overlap, Plan, Policy, Problem, Report, Retry,
    },
    ledger::{Filter, Registration},
    schedule::Schedule,
    settings::{Raw, Settings},
    units::Span,
};

mod clock;
mod reload;

/// What a test job does on its nth run.
type Behaviour = fn(u32, &Cx) -> Result<Report, JobError>;

#[derive(Debug)]
struct Scripted(Behaviour, AtomicU32);

impl Job for Scripted {
    fn check(&self, _: &Env) -> Vec<Problem> {
        Vec::new()
    }
    fn plan(&self, _: &Cx) -> Result<Plan, JobError> {
        Ok(Plan::default())
    }
    fn run(&self, cx: &Cx) -> Result<Report, JobError> {
        (self.0)(self.1.fetch_add(1, Ordering::Relaxed), cx)
    }
}

struct Bench {
    engine: Engine,
    ledger: Arc<Ledger>,
    clock: Clock,
    env: Arc<Env>,
    _root: tempfile::TempDir,
}

#[expect(clippy::unnecessary_wraps, reason = "one type for all behaviours")]
fn well(_: u32, _: &Cx) -> Result<Report, JobError> {
    Ok(Report::new("done"))
}

fn badly_once(n: u32, _: &Cx) -> Result<Report, JobError> {
    if n == 0 {
        Err(JobError::retry("no luck").hint("wait"))
    } else {
        Ok(Report::new("done"))
    }
}

fn obediently(_: u32, cx: &Cx) -> Result<Report, JobError> {
    loop {
        cx.checkpoint()?;
        std::thread::yield_now();
    }
}

fn wildly(_: u32, _: &Cx) -> Result<Report, JobError> {
    panic!("on purpose")
}

const START: &str = "2026-11-23T00:00:00Z";

async fn bench(jobs: &[(&str, &str, Behaviour, Policy)], timer: bool) -> Bench {
    let root = tempfile::tempdir().unwrap();
    let raw = Raw {
        root: Some(root.path().into()),
        jobs_file: None,
    };
    let settings = Settings::resolve(&raw, root.path());
    crate::files::create_private_dir(&settings.data()).unwrap();
    let clock = Clock::virtual_from(START.parse().unwrap());
    let ledger = Arc::new(Ledger::open(&settings.ledger(), clock.clone()).unwrap());
    let instance = ledger.begin("test", "host", "1").unwrap();
    let env = Arc::new(Env {
        database: settings.path("db"),
        settings,
        encryption: Encryption::default(),
        clock: clock.clone(),
        host: "host".into(),
        sources: crate::market::Sources::default(),
        archives: std::collections::BTreeMap::new(),
        rules: crate::job::Rules::default(),
    });
    let set = set(jobs, &env);
    let known = ledger.register(&registrations(&set)).unwrap();
    let config = Config {
        set,
        ledger: Arc::clone(&ledger),
        instance,
        known,
        lost: Vec::new(),
        timer,
    };
    Bench {
        engine: Engine::start(config).await.unwrap(),
        ledger,
        clock,
        env,
        _root: root,
    }
}

fn set(jobs: &[(&str, &str, Behaviour, Policy)], env: &Arc<Env>) -> JobSet {
    let spec = |(name, schedule, behaviour, policy): &(&str, &str, Behaviour, Policy)| JobSpec {
        name: name.parse().unwrap(),
        kind: "scripted",
        schedules: vec![Schedule::parse(schedule).unwrap()],
        policy: policy.clone(),
        job: Arc::new(Scripted(*behaviour, AtomicU32::new(0))),
    };
    JobSet {
        jobs: jobs.iter().map(spec).collect(),
        env: Arc::clone(env),
        max_running: None,
    }
}

fn registrations(set: &JobSet) -> Vec<Registration> {
    let registration = |spec: &JobSpec| Registration {
        job: spec.name.clone(),
        schedule: spec.timing(),
        needed: false,
    };
    set.jobs.iter().map(registration).collect()
}

/// The events of a run up to its end.
async fn follow(handle: &mut RunHandle) -> (Vec<Event>, Finished) {
    let mut seen = Vec::new();
    while let Some(event) = handle.events.recv().await {
        if let Event::Finished(end) = event {
            return (seen, end);
        }
        seen.push(event);
    }
    panic!("the events ended without an end")
}

fn outcomes(ledger: &Ledger) -> Vec<(String, Option<Outcome>)> {
    let filter = Filter {
        limit: 1_000,
        ..Filter::default()
    };
    let rows = ledger.runs(&filter).unwrap();
    rows.iter()
        .rev()
        .map(|row| (row.slot.to_string(), row.outcome))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_day_of_slots_is_a_day_of_rows() {
    let bench = bench(&[("a", "every 1h", well, Policy::default())], true).await;
    tokio::time::sleep(Duration::from_hours(24) + Duration::from_secs(30)).await;
    bench.engine.drain(Duration::ZERO).await.unwrap();
    bench.engine.stopped().await;
    let rows = outcomes(&bench.ledger);
    assert_eq!(rows.len(), 24);
    assert!(
        rows.iter()
            .all(|(_, outcome)| *outcome == Some(Outcome::Succeeded)),
        "{rows:?}"
    );
    assert_eq!(rows[0].0, "2026-11-23T01:00:00Z");
}

#[tokio::test(start_paused = true)]
async fn a_run_by_hand_tells_its_whole_story() {
    let retry = Policy {
        retry: Retry {
            attempts: 2,
            ..Retry::default()
        },
        ..Policy::default()
    };
    let bench = bench(&[("a", "0 2 * * *", badly_once, retry)], false).await;
    let mut handle = bench.engine.run("a").await.unwrap();
    let (seen, end) = follow(&mut handle).await;
    assert!(matches!(seen[0], Event::Started { .. }), "{seen:?}");
    assert!(matches!(&seen[1], Event::Retrying { attempt: 1, reason, .. } if reason == "no luck"));
    assert_eq!((end.outcome, end.attempts), (Outcome::Succeeded, 2));
    assert_eq!(
        (end.report.unwrap().summary.as_str(), end.hint),
        ("done", None)
    );
    let row = bench.ledger.run(end.run_id).unwrap().unwrap();
    assert_eq!((row.outcome, row.attempts), (Some(Outcome::Succeeded), 2));
}

#[tokio::test(start_paused = true)]
async fn runs_by_hand_of_one_second_are_runs_of_their_own() {
    // More than there are seconds in a minute, as a script may start them.
    const RUNS: usize = 200;
    let bench = bench(&[("a", "0 2 * * *", well, Policy::default())], false).await;
    let mut slots = std::collections::BTreeSet::new();
    for _ in 0..RUNS {
        let mut handle = bench.engine.run("a").await.unwrap();
        slots.insert(follow(&mut handle).await.1.slot);
    }
    assert_eq!(slots.len(), RUNS);
    let start: Timestamp = START.parse().unwrap();
    assert_eq!(slots.first(), Some(&start));
    assert!(
        *slots.last().unwrap() < start + SignedDuration::from_mins(10),
        "{slots:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_unknown_job_is_named() {
    let bench = bench(&[], false).await;
    let error = bench.engine.run("nobody").await.unwrap_err();
    assert_eq!(error.to_string(), "no job is called `nobody`");
}

#[tokio::test(start_paused = true)]
async fn a_second_run_by_hand_is_skipped_queued_or_replaces_as_the_job_says() {
    for (overlap, first_end, second_end) in [
        (Overlap::Skip, Outcome::Cancelled, Outcome::Skipped),
        (Overlap::Replace, Outcome::Cancelled, Outcome::Cancelled),
    ] {
        let policy = Policy {
            overlap,
            ..Policy::default()
        };
        let bench = bench(&[("a", "0 2 * * *", obediently, policy)], false).await;
        let mut first = bench.engine.run("a").await.unwrap();
        let mut second = bench.engine.run("a").await.unwrap();
        if overlap == Overlap::Skip {
            assert_eq!(follow(&mut second).await.1.outcome, second_end);
            bench
                .engine
                .cancel(first.ticket, CancelReason::Operator)
                .await
                .unwrap();
            assert_eq!(follow(&mut first).await.1.outcome, first_end);
        } else {
            assert_eq!(follow(&mut first).await.1.outcome, first_end);
            bench
                .engine
                .cancel(second.ticket, CancelReason::Operator)
                .await
                .unwrap();
            let (seen, end) = follow(&mut second).await;
            assert!(matches!(seen[0], Event::Waiting { .. }));
            assert_eq!(end.outcome, second_end);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_stops_the_job_and_waits_for_it() {
    let policy = Policy {
        timeout: Span::from_secs(60),
        ..Policy::default()
    };
    let bench = bench(&[("a", "0 2 * * *", obediently, policy)], false).await;
    let mut handle = bench.engine.run("a").await.unwrap();
    assert!(matches!(
        handle.events.recv().await,
        Some(Event::Started { .. })
    ));
    // The attempt's own deadline is armed before time moves on.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    tokio::time::advance(Duration::from_secs(61)).await;
    let (_, end) = follow(&mut handle).await;
    assert_eq!(end.outcome, Outcome::TimedOut);
    assert_eq!(end.reason.as_deref(), Some("its timeout of 1m passed"));
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failed_run_and_the_job_runs_again_next_time() {
    let bench = bench(&[("a", "0 2 * * *", wildly, Policy::default())], false).await;
    for _ in 0..2 {
        let mut handle = bench.engine.run("a").await.unwrap();
        let (_, end) = follow(&mut handle).await;
        assert_eq!(end.outcome, Outcome::Failed);
        assert_eq!(end.reason.as_deref(), Some("the job panicked: on purpose"));
    }
}

#[tokio::test(start_paused = true)]
async fn the_drain_cancels_what_outlives_its_grace() {
    let bench = bench(&[("a", "0 2 * * *", obediently, Policy::default())], true).await;
    let mut handle = bench.engine.run("a").await.unwrap();
    let status = bench.engine.status().await.unwrap();
    assert_eq!(status.running[0].run.job.as_str(), "a");
    assert_eq!(status.upcoming[0].0.to_string(), "2026-11-23T02:00:00Z");
    bench.engine.drain(Duration::from_hours(1)).await.unwrap();
    assert!(bench.engine.status().await.unwrap().draining);
    bench.engine.drain(Duration::ZERO).await.unwrap();
    let (_, end) = follow(&mut handle).await;
    assert_eq!(end.outcome, Outcome::Cancelled);
    bench.engine.stopped().await;
    assert!(matches!(bench.engine.run("a").await, Err(Error::Stopped)));
}

#[tokio::test(start_paused = true)]
async fn a_thousand_jobs_of_one_instant_all_run() {
    let names: Vec<String> = (0..1_000).map(|n| format!("j{n}")).collect();
    let jobs: Vec<(&str, &str, Behaviour, Policy)> = names
        .iter()
        .map(|name| {
            (
                name.as_str(),
                "0 1 * * *",
                well as Behaviour,
                Policy::default(),
            )
        })
        .collect();
    let bench = bench(&jobs, true).await;
    tokio::time::sleep(Duration::from_mins(61)).await;
    bench.engine.drain(Duration::from_mins(1)).await.unwrap();
    bench.engine.stopped().await;
    let rows = outcomes(&bench.ledger);
    assert_eq!(rows.len(), 1_000);
    assert!(
        rows.iter()
            .all(|(_, outcome)| *outcome == Some(Outcome::Succeeded))
    );
}

#[tokio::test(start_paused = true)]
async fn a_hold_waits_for_what_runs_and_lets_the_rest_wait() {
    let slowly: Behaviour = |_, cx| {
        while cx.checkpoint().is_ok() {
            std::thread::yield_now();
        }
        Ok(Report::new("told to end"))
    };
    let jobs = [
        ("slow", "@yearly", slowly, Policy::default()),
        ("often", "every 1h", well as Behaviour, Policy::default()),
    ];
    let bench = bench(&jobs, true).await;
    let mut run = bench.engine.run("slow").await.unwrap();
    while !matches!(run.events.recv().await.unwrap(), Event::Started { .. }) {}
    let mut hold = bench.engine.hold().await.unwrap();
    let waits_for = hold.waits_for.borrow_and_update().clone();
    assert_eq!(waits_for.len(), 1);
    assert!(matches!(bench.engine.hold().await, Err(Error::Held)));
    run.watch.cancel.cancel(CancelReason::Operator);
    hold.waits_for.changed().await.unwrap();
    assert!(hold.waits_for.borrow().is_empty());
    let before = outcomes(&bench.ledger).len();
    tokio::time::sleep(Duration::from_hours(2)).await;
    let status = bench.engine.status().await.unwrap();
    assert!(status.held_since.is_some());
    assert_eq!(status.waiting[0].note, "waits for the end of a restore");
    drop(hold);
    while bench.engine.status().await.unwrap().held_since.is_some() {
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(Duration::from_mins(1)).await;
    let runs = outcomes(&bench.ledger);
    assert!(runs.len() > before, "{runs:?}");
    assert!(
        runs.iter()
            .any(|(_, outcome)| *outcome == Some(Outcome::Succeeded))
    );
}

#[tokio::test(start_paused = true)]
async fn an_idle_engine_gives_a_sign_of_life() {
    let bench = bench(&[("a", "0 2 * * *", well, Policy::default())], true).await;
    tokio::time::sleep(Duration::from_mins(11)).await;
    bench.ledger.note_stop("test").unwrap();
    let gap = bench.ledger.gaps(Timestamp::UNIX_EPOCH).unwrap()[0];
    let silent = gap.ended_at.duration_since(gap.began_at);
    assert!(silent <= SignedDuration::from_mins(5), "{silent}");
}

#[tokio::test(start_paused = true)]
async fn what_comes_after_a_run_by_hand_is_left_to_the_daemon() {
    let after = Policy {
        needs: vec!["a".parse().unwrap()],
        ..Policy::default()
    };
    let jobs: [(&str, &str, Behaviour, Policy); 2] = [
        ("a", "0 2 * * *", well, Policy::default()),
        ("b", "@start", well, after),
    ];
    for (timer, rows) in [(false, 1), (true, 3)] {
        let bench = bench(&jobs, timer).await;
        let mut set = set(&jobs, &bench.env);
        set.jobs[1].schedules.clear();
        let known = bench.ledger.register(&registrations(&set)).unwrap();
        bench.engine.reload(set, known).await.unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
        let mut handle = bench.engine.run("a").await.unwrap();
        follow(&mut handle).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        bench.engine.drain(Duration::ZERO).await.unwrap();
        bench.engine.stopped().await;
        let rows_now = outcomes(&bench.ledger);
        assert_eq!(rows_now.len(), rows, "{rows_now:?}");
    }
}
