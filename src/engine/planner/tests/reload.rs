//! Other jobs while the planner is at work.

use super::*;

fn reload(
    planner: &mut Planner,
    now: &str,
    jobs: impl IntoIterator<Item = JobSpec>,
) -> Vec<Action> {
    let known = known(at(now));
    let jobs = jobs.into_iter().map(|spec| (spec, known)).collect();
    let max_running = None;
    planner.handle(at(now), Input::Reload { jobs, max_running })
}

#[test]
fn a_job_that_stays_keeps_its_phase_and_owes_what_it_owed() {
    let job = || spec("a", "every 5m", Policy::default());
    let mut planner = planner([job()], None);
    tick(&mut planner, "00:05:00");
    assert_eq!(
        reload(
            &mut planner,
            "00:07:00",
            [job(), spec("b", "every 7m", Policy::default())]
        ),
        []
    );
    assert_eq!(
        planner.upcoming()[0],
        (at("00:10:00"), "a".parse().unwrap())
    );
    assert_eq!(
        planner.upcoming()[1],
        (at("00:14:00"), "b".parse().unwrap())
    );
    // A slot that fell due but was not yet looked at is not lost.
    reload(&mut planner, "00:10:03", [job()]);
    let skipped = skips(&tick(&mut planner, "00:10:03"));
    assert_eq!(skipped[0].0, "2026-11-23T00:10:00Z");
}

#[test]
fn a_run_ends_under_the_definition_it_began_with() {
    let with = |attempts| Policy {
        retry: crate::job::Retry {
            attempts,
            ..crate::job::Retry::default()
        },
        ..Policy::default()
    };
    let mut planner = planner([spec("a", "0 2 * * *", with(2))], None);
    let ticket = starts(&tick(&mut planner, "02:00:00"))[0].0;
    assert_eq!(
        reload(&mut planner, "02:00:01", [spec("a", "0 3 * * *", with(1))]),
        []
    );
    let actions = finish(&mut planner, "02:00:02", ticket, Some(Disposition::Retry));
    assert!(matches!(actions[..], [Action::WillRetry { .. }]));
    // The wait for the next attempt survives another reload, even without the job.
    assert_eq!(reload(&mut planner, "02:00:03", []), []);
    assert_eq!(
        tick(&mut planner, "02:00:12"),
        [Action::Attempt { ticket, attempt: 2 }]
    );
    let actions = finish(&mut planner, "02:00:13", ticket, None);
    assert!(matches!(
        actions[..],
        [Action::End {
            outcome: Outcome::Succeeded,
            ..
        }]
    ));
    assert!(planner.is_idle());
}

#[test]
fn a_job_that_comes_back_finds_its_run_still_going_on() {
    let job = || spec("a", "every 5m", Policy::default());
    let mut planner = planner([job()], None);
    let ticket = starts(&tick(&mut planner, "00:05:00"))[0].0;
    reload(&mut planner, "00:06:00", []);
    reload(&mut planner, "00:07:00", [job()]);
    let skipped = skips(&tick(&mut planner, "00:12:00"));
    assert_eq!(skipped[0].1, "overlap: the last run is still going on");
    finish(&mut planner, "00:12:30", ticket, None);
    assert_eq!(starts(&tick(&mut planner, "00:17:00")).len(), 1);
}

#[test]
fn what_waits_for_a_job_that_is_gone_is_skipped() {
    let policy = || Policy {
        locks: vec!["x".parse().unwrap()],
        ..Policy::default()
    };
    let jobs = || ["a", "b"].map(|name| spec(name, "0 2 * * *", policy()));
    let mut planner = planner(jobs(), None);
    tick(&mut planner, "02:00:00");
    let [a, _] = jobs();
    let actions = reload(&mut planner, "02:00:01", [a]);
    assert_eq!(
        skips(&actions)[0].1,
        "the job was taken out of the job file or disabled"
    );
}

#[test]
fn what_waits_runs_under_the_new_definition() {
    let locked = |name: &str, lock: &str| {
        let policy = Policy {
            locks: vec![lock.parse().unwrap()],
            ..Policy::default()
        };
        spec(name, "0 2 * * *", policy)
    };
    let mut planner = planner([locked("a", "x"), locked("b", "x")], None);
    tick(&mut planner, "02:00:00");
    let actions = reload(
        &mut planner,
        "02:00:01",
        [locked("a", "x"), locked("b", "y")],
    );
    assert_eq!(started_jobs(&actions), ["b"]);
}

#[test]
fn a_new_schedule_has_missed_nothing() {
    let mut planner = planner([spec("a", "0 2 * * *", Policy::default())], None);
    tick(&mut planner, "02:00:00");
    reload(
        &mut planner,
        "05:00:00",
        [spec("a", "0 4 * * *", Policy::default())],
    );
    assert_eq!(
        planner.next_wake(),
        Some("2026-11-24T04:00:00Z".parse().unwrap())
    );
}

#[test]
fn what_was_missed_by_the_old_timing_is_caught_up_although_the_new_one_has_missed_nothing() {
    let (mut planner, _) = started("0 * * * *", Policy::default(), "00:30:00");
    // It slept, and was carried to another zone: nothing is decided yet.
    let slept = SignedDuration::from_hours(5);
    let stepped = SignedDuration::ZERO;
    planner.handle(at("05:30:00"), Input::Clock { slept, stepped });
    assert!(tick(&mut planner, "05:30:00").is_empty());
    let timezone = jiff::tz::TimeZone::get("Asia/Tokyo").unwrap();
    let policy = Policy {
        timezone,
        ..Policy::default()
    };
    let actions = reload(&mut planner, "05:30:10", [spec("a", "0 * * * *", policy)]);
    assert_eq!(skips(&actions).len(), 4);
    assert!(starts(&tick(&mut planner, "05:30:44")).is_empty());
    let caught = starts(&tick(&mut planner, "05:30:45"));
    assert_eq!(caught[0].1, "2026-11-23T05:00:00Z");
}

#[test]
fn a_slot_within_its_jitter_is_not_lost_when_its_timing_changes() {
    let policy = Policy {
        jitter: Span::from_secs(900),
        ..Policy::default()
    };
    let job = spec("a", "0 * * * *", policy);
    let wait = job.jitter(at("01:00:00"));
    assert!(wait > SignedDuration::from_secs(5), "{wait}");
    let mut planner = planner([job], None);
    tick(&mut planner, "01:00:02");
    let actions = reload(
        &mut planner,
        "01:00:03",
        [spec("a", "30 * * * *", Policy::default())],
    );
    assert_eq!(notes(&actions), ["a waits to be caught up"]);
    assert_eq!(
        starts(&tick(&mut planner, "01:00:05"))[0].1,
        "2026-11-23T01:00:00Z"
    );
    assert_eq!(planner.next_wake(), Some(at("01:30:00")));
}

#[test]
fn what_a_job_that_goes_has_missed_is_a_row() {
    let (mut planner, _) = started("0 * * * *", Policy::default(), "00:30:00");
    let actions = reload(&mut planner, "03:30:00", []);
    assert_eq!(skips(&actions).len(), 3);
}

#[test]
fn a_job_that_is_disabled_does_not_run_what_it_has_queued() {
    let job = |enabled| {
        let policy = Policy {
            enabled,
            ..policy(Overlap::Queue)
        };
        spec("a", "every 5m", policy)
    };
    let mut planner = planner([job(true)], None);
    let running = starts(&tick(&mut planner, "00:05:00"))[0].0;
    tick(&mut planner, "00:10:00");
    let actions = reload(&mut planner, "00:11:00", [job(false)]);
    assert_eq!(skips(&actions).len(), 1);
    assert!(starts(&finish(&mut planner, "00:12:00", running, None)).is_empty());
}
