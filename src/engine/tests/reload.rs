//! Other jobs under load.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::words::Trigger;

/// Descriptors that this process has open.
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

async fn reload(bench: &Bench, jobs: &[(&str, &str, Behaviour, Policy)]) {
    let set = set(jobs, &bench.env);
    let registrations = registrations(&set);
    bench.ledger.retire_others(&registrations).unwrap();
    let known = bench.ledger.register(&registrations).unwrap();
    bench.engine.reload(set, known).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_thousand_reloads_under_load_lose_nothing_and_move_no_phase() {
    let steady: Vec<String> = (0..20).map(|n| format!("steady-{n}")).collect();
    let coming: Vec<String> = (0..50).map(|n| format!("coming-{n}")).collect();
    let base: Vec<(&str, &str, Behaviour, Policy)> = steady
        .iter()
        .map(|name| {
            (
                name.as_str(),
                "every 2s",
                well as Behaviour,
                Policy::default(),
            )
        })
        .collect();
    let bench = bench(&base, true).await;
    let mut warm = 0;
    for round in 0..1_000 {
        let mut jobs = base.clone();
        let some = coming.iter().skip(round % 50).take(round % 7);
        jobs.extend(some.map(|name| {
            let schedule = if round % 2 == 0 {
                "every 1s"
            } else {
                "* * * * * *"
            };
            (
                name.as_str(),
                schedule,
                well as Behaviour,
                Policy::default(),
            )
        }));
        jobs.rotate_left(round % 13);
        reload(&bench, &jobs).await;
        tokio::time::sleep(Duration::from_millis(333)).await;
        if round == 100 {
            warm = descriptors();
        }
    }
    let status = bench.engine.status().await.unwrap();
    assert!(
        status.upcoming.len() >= 20 && status.waiting.is_empty(),
        "{status:?}"
    );
    // Other tests of this process come and go; a descriptor a reload would be hundreds.
    let now = descriptors();
    assert!(now < warm + 100, "{warm} descriptors have become {now}");
    bench.engine.drain(Duration::from_mins(1)).await.unwrap();
    bench.engine.stopped().await;
    let filter = Filter {
        limit: 1_000_000,
        ..Filter::default()
    };
    let mut slots: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
    for row in bench.ledger.runs(&filter).unwrap() {
        assert_eq!(row.outcome, Some(Outcome::Succeeded), "{row:?}");
        assert_eq!(row.trigger, Trigger::Schedule);
        let new = slots
            .entry(row.job.to_string())
            .or_default()
            .insert(row.slot.as_second());
        assert!(new, "{row:?} is the second of its slot");
    }
    let begin = START.parse::<Timestamp>().unwrap().as_second();
    for name in &steady {
        let seen = &slots[name];
        let expected: BTreeSet<i64> = (begin + 2..).step_by(2).take(seen.len()).collect();
        assert_eq!(*seen, expected, "{name}");
        assert!(seen.len() >= 165, "{name}: {}", seen.len());
    }
    assert!(slots.keys().any(|name| name.starts_with("coming")));
}

#[tokio::test(start_paused = true)]
async fn a_run_outlives_the_job_it_belongs_to() {
    let bench = bench(&[("a", "0 2 * * *", obediently, Policy::default())], true).await;
    let mut handle = bench.engine.run("a").await.unwrap();
    assert!(matches!(
        handle.events.recv().await,
        Some(Event::Started { .. })
    ));
    reload(&bench, &[("b", "0 2 * * *", well, Policy::default())]).await;
    assert!(matches!(
        bench.engine.run("a").await,
        Err(Error::UnknownJob(_))
    ));
    assert_eq!(
        bench.engine.status().await.unwrap().running[0]
            .run
            .job
            .as_str(),
        "a"
    );
    bench
        .engine
        .cancel(handle.ticket, CancelReason::Operator)
        .await
        .unwrap();
    assert_eq!(follow(&mut handle).await.1.outcome, Outcome::Cancelled);
    let mut handle = bench.engine.run("b").await.unwrap();
    assert_eq!(follow(&mut handle).await.1.outcome, Outcome::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_job_taken_out_while_its_attempts_wait_gets_its_last_one() {
    let bench = bench(&[("a", "0 2 * * *", badly_once, Policy::default())], true).await;
    let mut handle = bench.engine.run("a").await.unwrap();
    while !matches!(handle.events.recv().await, Some(Event::Retrying { .. })) {}
    reload(&bench, &[]).await;
    let (_, end) = follow(&mut handle).await;
    assert_eq!((end.outcome, end.attempts), (Outcome::Succeeded, 2));
}
