//! The clock of a real engine is set, and the computer sleeps.

use super::*;
use crate::{
    ledger::RunRow,
    words::{GapKind, Trigger},
};

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn rows(ledger: &Ledger, job: &str) -> Vec<RunRow> {
    let filter = Filter {
        job: Some(job.parse().unwrap()),
        limit: 100_000,
        ..Filter::default()
    };
    let mut rows = ledger.runs(&filter).unwrap();
    rows.reverse();
    rows
}

/// No slot has two rows, and nothing is left open.
fn once_each(ledger: &Ledger) {
    for job in ["hourly", "minutely"] {
        let rows = rows(ledger, job);
        let slots: std::collections::HashSet<_> = rows.iter().map(|row| row.slot).collect();
        assert_eq!(slots.len(), rows.len(), "{job}");
        assert!(rows.iter().all(|row| row.outcome.is_some()), "{job}");
    }
}

fn ran(rows: &[RunRow], trigger: Trigger) -> Vec<&RunRow> {
    rows.iter()
        .filter(|row| row.trigger == trigger && row.outcome == Some(Outcome::Succeeded))
        .collect()
}

async fn up() -> Bench {
    let jobs: [(&str, &str, Behaviour, Policy); 2] = [
        ("hourly", "0 * * * *", well, Policy::default()),
        ("minutely", "every 1m", well, Policy::default()),
    ];
    let bench = bench(&jobs, true).await;
    tokio::time::sleep(Duration::from_mins(90) + Duration::from_secs(5)).await;
    bench
}

async fn down(bench: &Bench) {
    bench.engine.drain(Duration::from_mins(1)).await.unwrap();
    bench.engine.stopped().await;
}

#[tokio::test(start_paused = true)]
async fn an_hour_forward_is_one_catch_up_and_every_goes_on() {
    for step in [SignedDuration::from_hours(1), DAY * 30] {
        let bench = up().await;
        let before = bench.clock.now();
        bench.clock.step(step);
        let set = bench.clock.now();
        tokio::time::sleep(Duration::from_mins(10)).await;
        down(&bench).await;
        once_each(&bench.ledger);
        for (job, most) in [("hourly", 1), ("minutely", 1)] {
            let rows = rows(&bench.ledger, job);
            let caught = ran(&rows, Trigger::CatchUp);
            assert_eq!(caught.len(), most, "{job} {step}");
            // Not before things had settled.
            assert!(
                caught[0].started_at >= set + planner::RESUME_SETTLE,
                "{job} {step}"
            );
            assert!(caught[0].missed > 0 || job == "hourly");
        }
        let rows = rows(&bench.ledger, "minutely");
        let after = ran(&rows, Trigger::Schedule)
            .into_iter()
            .filter(|row| row.slot > set);
        assert!(after.count() >= 8, "it goes on");
        let gaps = bench.ledger.gaps(before).unwrap();
        assert!(
            gaps.iter()
                .any(|gap| gap.what == GapKind::Stepped && gap.covers(set)),
            "{gaps:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_hour_back_fires_nothing_twice_and_every_goes_on() {
    let bench = up().await;
    bench.clock.step(SignedDuration::from_hours(-1));
    let set = bench.clock.now();
    let begun = rows(&bench.ledger, "minutely").len();
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert_eq!(
        rows(&bench.ledger, "minutely").len(),
        begun + 10,
        "one a minute as before"
    );
    assert!(
        rows(&bench.ledger, "minutely")
            .iter()
            .skip(begun)
            .all(|row| row.slot > set)
    );
    tokio::time::sleep(Duration::from_mins(80)).await;
    down(&bench).await;
    once_each(&bench.ledger);
    let hours: Vec<_> = rows(&bench.ledger, "hourly")
        .iter()
        .map(|row| row.slot.to_string())
        .collect();
    assert_eq!(hours, ["2026-11-23T01:00:00Z", "2026-11-23T02:00:00Z"]);
    assert_eq!(
        ran(&rows(&bench.ledger, "minutely"), Trigger::CatchUp).len(),
        0
    );
}

#[tokio::test(start_paused = true)]
async fn a_night_of_sleep_is_told_from_a_step() {
    let bench = up().await;
    bench.clock.suspend(Duration::from_hours(8));
    tokio::time::sleep(Duration::from_mins(5)).await;
    down(&bench).await;
    once_each(&bench.ledger);
    let rows = rows(&bench.ledger, "hourly");
    let caught = ran(&rows, Trigger::CatchUp);
    assert_eq!((caught.len(), caught[0].missed), (1, 7));
    let skipped = rows
        .iter()
        .filter(|row| row.outcome == Some(Outcome::Skipped));
    assert!(skipped.clone().count() == 7 && skipped.into_iter().all(|row| row.reason.is_some()));
    let gaps = bench.ledger.gaps(Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(
        gaps.iter().map(|gap| gap.what).collect::<Vec<_>>(),
        [GapKind::Suspended]
    );
}

#[tokio::test(start_paused = true)]
async fn a_wrong_date_that_is_set_right_again_at_once_costs_nothing() {
    let bench = up().await;
    bench.clock.step(DAY * 365);
    tokio::time::sleep(Duration::from_secs(20)).await;
    bench.clock.step(-DAY * 365);
    tokio::time::sleep(Duration::from_hours(1)).await;
    down(&bench).await;
    once_each(&bench.ledger);
    let rows = rows(&bench.ledger, "hourly");
    assert_eq!(rows.len(), 2);
    assert!(ran(&rows, Trigger::Schedule).len() == 2, "{rows:?}");
}
