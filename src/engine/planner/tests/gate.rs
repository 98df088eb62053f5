//! Locks, room, priorities.

use super::*;

fn locking(locks: &[&str], priority: i32) -> Policy {
    Policy {
        locks: locks.iter().map(|lock| lock.parse().unwrap()).collect(),
        priority,
        ..Policy::default()
    }
}

#[test]
fn who_shares_a_lock_goes_one_after_the_other_by_priority() {
    let jobs = [("low", -5), ("high", 9), ("mid", 0)]
        .map(|(name, priority)| spec(name, "0 2 * * *", locking(&["db"], priority)));
    let mut planner = planner(jobs, None);
    let actions = tick(&mut planner, "02:00:00");
    assert_eq!(started_jobs(&actions), ["high"]);
    assert_eq!(
        notes(&actions),
        [
            "low waits for the lock `db`: `high` holds it",
            "mid waits for the lock `db`: `high` holds it",
        ]
    );
    let high = starts(&actions)[0].0;
    let actions = finish(&mut planner, "02:01:00", high, None);
    assert_eq!(started_jobs(&actions), ["mid"]);
    let mid = starts(&actions)[0].0;
    let actions = finish(&mut planner, "02:02:00", mid, None);
    assert_eq!(started_jobs(&actions), ["low"]);
}

#[test]
fn while_it_is_held_nothing_starts_and_afterwards_all_that_waited_does() {
    let jobs = [
        spec("a", "0 2 * * *", Policy::default()),
        spec("b", "1 2 * * *", Policy::default()),
    ];
    let mut planner = planner(jobs, None);
    let a = starts(&tick(&mut planner, "02:00:00"))[0].0;
    assert!(planner.handle(at("02:00:30"), Input::Hold(true)).is_empty());
    assert_eq!(planner.at_work(), [a]);
    let actions = tick(&mut planner, "02:01:00");
    assert_eq!(notes(&actions), ["b waits for the end of a restore"]);
    let kept = matches!(actions[..], [Action::Wait { keep: true, .. }]);
    assert!(kept, "a crash forgets nothing: {actions:?}");
    // Another attempt waits, too.
    let failed = finish(&mut planner, "02:01:10", a, Some(Disposition::Retry));
    assert!(
        matches!(failed[..], [Action::WillRetry { .. }]),
        "{failed:?}"
    );
    assert_eq!(planner.at_work(), []);
    let again = tick(&mut planner, "02:30:00");
    assert!(!again.iter().any(|it| matches!(it, Action::Attempt { .. })));
    let ends = planner.handle(at("02:31:00"), Input::Hold(false));
    assert_eq!(started_jobs(&ends), ["b"]);
    assert!(ends.iter().any(|it| matches!(it, Action::Attempt { .. })));
}

#[test]
fn a_claim_that_the_ledger_could_not_take_waits_for_the_end_of_the_hold() {
    let jobs = [spec("a", "0 2 * * *", Policy::default())];
    let mut planner = planner(jobs, None);
    let a = starts(&tick(&mut planner, "02:00:00"))[0].0;
    planner.handle(at("02:00:01"), Input::Unclaimed(a));
    planner.handle(at("02:00:02"), Input::Hold(true));
    assert_eq!(started_jobs(&tick(&mut planner, "02:00:20")), [""; 0]);
    planner.handle(at("02:00:30"), Input::Hold(false));
    assert_eq!(started_jobs(&tick(&mut planner, "02:00:40")), ["a"]);
}

#[test]
fn who_needs_two_locks_is_not_overtaken_for_ever() {
    let jobs = [
        spec("a", "0 2 * * *", locking(&["x"], 2)),
        spec("both", "0 2 * * *", locking(&["x", "y"], 1)),
        spec("b", "0 2 * * *", locking(&["y"], 0)),
    ];
    let mut planner = planner(jobs, None);
    let actions = tick(&mut planner, "02:00:00");
    assert_eq!(started_jobs(&actions), ["a"]);
    assert!(notes(&actions).contains(&"b waits for the lock `y`: somebody ahead wants it".into()));
    let a = starts(&actions)[0].0;
    assert_eq!(
        started_jobs(&finish(&mut planner, "02:01:00", a, None)),
        ["both"]
    );
}

#[test]
fn between_two_attempts_the_lock_is_free_and_the_next_attempt_waits_for_it() {
    let jobs = [
        spec("a", "0 2 * * *", locking(&["x"], 1)),
        spec("b", "0 2 * * *", locking(&["x"], 0)),
    ];
    let mut planner = planner(jobs, None);
    let a = starts(&tick(&mut planner, "02:00:00"))[0].0;
    let actions = finish(&mut planner, "02:00:01", a, Some(Disposition::Retry));
    assert_eq!(started_jobs(&actions), ["b"]);
    let b = starts(&actions)[0].0;
    // Its slot is claimed: the wait needs no row of its own.
    let actions = tick(&mut planner, "02:00:11");
    assert!(matches!(actions[..], [Action::Wait { keep: false, .. }]));
    let actions = finish(&mut planner, "02:00:20", b, None);
    assert!(actions.contains(&Action::Attempt {
        ticket: a,
        attempt: 2
    }));
}

#[test]
fn no_more_runs_than_there_is_room_for_but_a_person_gets_in() {
    let jobs = ["a", "b", "c"].map(|name| spec(name, "0 2 * * *", Policy::default()));
    let mut planner = planner(jobs, Some(2));
    let actions = tick(&mut planner, "02:00:00");
    assert_eq!(started_jobs(&actions), ["a", "b"]);
    assert_eq!(
        notes(&actions),
        ["c waits for room: 2 runs are at work, the most allowed"]
    );
    assert_eq!(planner.waiting()[0].slot.job.as_str(), "c");
    let ticket = planner.ticket();
    let slot = Slot {
        job: "d".parse().unwrap(),
        at: at("02:00:01"),
        scope: "manual".into(),
    };
    let gone = planner.handle(
        at("02:00:01"),
        Input::RunNow {
            ticket,
            slot: slot.clone(),
            trigger: Trigger::Manual,
        },
    );
    assert_eq!(skips(&gone)[0].1, "the job is not in the job file");
    let slot = Slot {
        job: "a".parse().unwrap(),
        ..slot
    };
    let a = starts(&actions)[0].0;
    let actions = finish(&mut planner, "02:00:02", a, None);
    assert_eq!(started_jobs(&actions), ["c"]);
    let ticket = planner.ticket();
    let by_hand = planner.handle(
        at("02:00:03"),
        Input::RunNow {
            ticket,
            slot,
            trigger: Trigger::Manual,
        },
    );
    assert_eq!(started_jobs(&by_hand), ["a"]);
}

#[test]
fn a_slot_that_comes_while_the_last_one_waits_says_so() {
    let jobs = [
        spec("a", "every 5m", locking(&["x"], 1)),
        spec("b", "every 5m", locking(&["x"], 0)),
    ];
    let mut planner = planner(jobs, None);
    tick(&mut planner, "00:05:00");
    let skipped = skips(&tick(&mut planner, "00:10:00"));
    assert_eq!(
        skipped[1].1,
        "overlap: the last run still waits for the lock `x`: `a` holds it"
    );
}

#[test]
fn what_waits_at_the_gate_can_be_cancelled_and_outlives_a_shutdown() {
    let jobs = ["a", "b", "c"].map(|name| spec(name, "0 2 * * *", locking(&["x"], 0)));
    let mut planner = planner(jobs, None);
    tick(&mut planner, "02:00:00");
    let b = planner.tickets_of(&"b".parse().unwrap())[0];
    let reason = CancelReason::Operator;
    let actions = planner.handle(at("02:00:01"), Input::Cancel { ticket: b, reason });
    assert_eq!(skips(&actions).len(), 1);
    let actions = planner.handle(at("02:00:02"), Input::Shutdown);
    let c = planner.tickets_of(&"c".parse().unwrap());
    assert!(matches!(actions[..], [Action::Forget(_)]) && c.is_empty());
}

#[test]
fn a_slot_of_a_paused_job_is_skipped_but_a_person_may_run_it() {
    let mut planner = planner([spec("a", "every 5m", Policy::default())], None);
    let job: JobName = "a".parse().unwrap();
    let pause = Some(Pause {
        since: at("00:01:00"),
        until: Some(at("00:10:00")),
    });
    let input = Input::Pause {
        job: job.clone(),
        pause,
    };
    planner.handle(at("00:01:00"), input);
    assert_eq!(planner.pauses(at("00:02:00")).len(), 1);
    let skipped = skips(&tick(&mut planner, "00:05:00"));
    assert_eq!(skipped[0].1, "paused until 2026-11-23T00:10:00Z");
    assert_eq!(starts(&tick(&mut planner, "00:10:00")).len(), 1);
    assert!(planner.pauses(at("00:10:00")).is_empty());
}

#[test]
fn jitter_delays_a_slot_the_same_way_each_time_and_keeps_its_instant() {
    let policy = Policy {
        jitter: Span::from_secs(60),
        ..Policy::default()
    };
    let job = spec("a", "0 * * * *", policy);
    let slot = at("02:00:00");
    let (delay, again) = (job.jitter(slot), job.jitter(slot));
    assert!(delay == again && delay < SignedDuration::from_secs(60));
    let mut planner = planner([job], None);
    let wake = planner.next_wake().unwrap();
    assert!(wake >= at("01:00:00") && wake < at("01:01:00"));
    assert!(
        planner
            .handle(wake - SignedDuration::from_millis(1), Input::Tick)
            .is_empty()
    );
    let fired = starts(&planner.handle(wake, Input::Tick));
    assert_eq!(fired[0].1, "2026-11-23T01:00:00Z");
    let delays: std::collections::HashSet<_> = (1..=9)
        .map(|hour| {
            spec(
                "a",
                "0 * * * *",
                Policy {
                    jitter: Span::from_secs(60),
                    ..Policy::default()
                },
            )
            .jitter(at(&format!("0{hour}:00:00")))
        })
        .collect();
    assert!(delays.len() > 6, "{delays:?}");
}
