//! Jobs that run after others, and slots that wait for them.

use super::*;

fn needing(needs: &[&str]) -> Policy {
    Policy {
        needs: needs.iter().map(|need| need.parse().unwrap()).collect(),
        ..Policy::default()
    }
}

fn after(name: &str, needs: &[&str]) -> JobSpec {
    JobSpec {
        schedules: Vec::new(),
        ..spec(name, "@start", needing(needs))
    }
}

fn ticket_of(planner: &Planner, job: &str) -> Ticket {
    planner.tickets_of(&job.parse().unwrap())[0]
}

#[test]
fn a_job_runs_after_the_success_of_all_it_needs_for_their_slot() {
    let jobs = [
        spec("a", "0 2 * * *", Policy::default()),
        spec("b", "0 3 * * *", Policy::default()),
        after("c", &["a", "b"]),
    ];
    let mut planner = planner(jobs, None);
    let a = starts(&tick(&mut planner, "02:00:00"))[0].0;
    assert!(starts(&finish(&mut planner, "02:01:00", a, None)).is_empty());
    let b = starts(&tick(&mut planner, "03:00:00"))[0].0;
    let actions = finish(&mut planner, "03:01:00", b, None);
    assert_eq!(
        starts(&actions)
            .iter()
            .map(|start| (start.1.as_str(), start.2))
            .collect::<Vec<_>>(),
        [("2026-11-23T03:00:00Z", Trigger::After)]
    );
    // Not again before both have succeeded anew.
    let c = starts(&actions)[0].0;
    assert!(starts(&finish(&mut planner, "03:02:00", c, None)).is_empty());
}

#[test]
fn a_failure_starts_nothing() {
    let jobs = [
        spec("a", "0 2 * * *", Policy::default()),
        after("b", &["a"]),
    ];
    let mut planner = planner(jobs, None);
    let a = starts(&tick(&mut planner, "02:00:00"))[0].0;
    let actions = finish(&mut planner, "02:01:00", a, Some(Disposition::Permanent));
    assert!(starts(&actions).is_empty() && planner.is_idle());
}

#[test]
fn a_success_just_before_a_crash_is_made_up_for() {
    let two = at("02:00:00");
    let jobs = [
        (
            spec("a", "0 2 * * *", Policy::default()),
            Known {
                succeeded: Some(two),
                decided_until: two,
                ..known(at("00:00:00"))
            },
        ),
        (after("b", &["a"]), known(at("00:00:00"))),
    ];
    let mut planner = Planner::new(jobs, None);
    planner.handle(at("02:30:00"), Input::Start { left: Vec::new() });
    let caught = starts(&tick(&mut planner, "02:30:02"));
    assert_eq!(
        (caught[0].1.as_str(), caught[0].2),
        ("2026-11-23T02:00:00Z", Trigger::CatchUp)
    );
}

#[test]
fn a_slot_waits_for_the_success_in_its_period() {
    let jobs = [
        spec("a", "0 2 * * *", Policy::default()),
        spec("b", "0 2 * * *", needing(&["a"])),
    ];
    let mut planner = planner(jobs, None);
    let actions = tick(&mut planner, "02:00:00");
    assert_eq!(started_jobs(&actions), ["a"]);
    assert_eq!(notes(&actions), ["b waits for the success of `a`"]);
    let a = ticket_of(&planner, "a");
    let actions = finish(&mut planner, "02:10:00", a, None);
    assert_eq!(started_jobs(&actions), ["b"]);
}

#[test]
fn a_success_that_came_before_in_the_same_period_is_enough() {
    let jobs = [
        spec("a", "0 2 * * *", Policy::default()),
        spec("b", "0 4 * * *", needing(&["a"])),
    ];
    let mut planner = planner(jobs, None);
    let a = starts(&tick(&mut planner, "02:00:00"))[0].0;
    finish(&mut planner, "02:10:00", a, None);
    assert_eq!(started_jobs(&tick(&mut planner, "04:00:00")), ["b"]);
}

#[test]
fn a_slot_whose_needs_are_not_met_until_the_next_one_is_skipped_with_the_reason() {
    let jobs = [
        spec("a", "0 0 1 1 *", Policy::default()),
        spec("b", "0 * * * *", needing(&["a"])),
    ];
    let mut planner = planner(jobs, None);
    tick(&mut planner, "01:00:00");
    let actions = tick(&mut planner, "02:00:00");
    assert_eq!(
        skips(&actions),
        [(
            "2026-11-23T01:00:00Z".to_owned(),
            "needs not met: it waits for the success of `a` until the next slot".to_owned()
        )]
    );
    assert_eq!(notes(&actions), ["b waits for the success of `a`"]);
}

#[test]
fn who_waits_for_another_to_be_caught_up_does_not_hold_it_up() {
    let jobs = [
        spec(
            "b",
            "0 2 * * *",
            Policy {
                priority: 9,
                ..needing(&["a"])
            },
        ),
        spec("a", "0 2 * * *", Policy::default()),
    ];
    let midnight = at("00:00:00");
    let mut planner = Planner::new(jobs.map(|spec| (spec, known(midnight))), None);
    planner.handle(at("05:00:00"), Input::Start { left: Vec::new() });
    let actions = tick(&mut planner, "05:00:02");
    assert_eq!(started_jobs(&actions), ["a"]);
    let a = ticket_of(&planner, "a");
    let actions = finish(&mut planner, "05:00:03", a, None);
    assert_eq!(started_jobs(&actions), ["b"]);
}

#[test]
fn a_person_may_run_it_all_the_same() {
    let jobs = [
        spec("a", "0 0 1 1 *", Policy::default()),
        after("b", &["a"]),
    ];
    let mut planner = planner(jobs, None);
    let ticket = planner.ticket();
    let slot = Slot {
        job: "b".parse().unwrap(),
        at: at("01:00:00"),
        scope: "manual".into(),
    };
    let input = Input::RunNow {
        ticket,
        slot,
        trigger: Trigger::Manual,
    };
    assert_eq!(started_jobs(&planner.handle(at("01:00:00"), input)), ["b"]);
}

#[test]
fn without_a_daemon_what_comes_after_is_left_to_the_next_one() {
    let jobs = [
        spec("a", "0 2 * * *", Policy::default()),
        after("b", &["a"]),
    ];
    let midnight = at("00:00:00");
    let mut planner = Planner::new(jobs.map(|spec| (spec, known(midnight))), None);
    let ticket = planner.ticket();
    let slot = Slot {
        job: "a".parse().unwrap(),
        at: at("01:00:00"),
        scope: "manual".into(),
    };
    let trigger = Trigger::Manual;
    planner.handle(
        at("01:00:00"),
        Input::RunNow {
            ticket,
            slot,
            trigger,
        },
    );
    let actions = finish(&mut planner, "01:00:01", ticket, None);
    assert!(starts(&actions).is_empty() && planner.is_idle());
}

#[test]
fn an_older_slot_does_not_take_the_place_of_a_newer_one_that_waits() {
    let all = Policy {
        catch_up: CatchUp::All,
        ..needing(&["a"])
    };
    let jobs = [
        spec("a", "0 0 1 1 *", Policy::default()),
        spec("b", "0 * * * *", all),
    ];
    let known = |spec| (spec, known(at("00:30:00")));
    let mut planner = Planner::new(jobs.map(known), None);
    planner.handle(at("01:59:59"), Input::Start { left: Vec::new() });
    // The slot of two o'clock is on time and waits; that of one o'clock is in the backlog.
    tick(&mut planner, "02:00:00");
    let skipped = skips(&tick(&mut planner, "02:00:10"));
    assert_eq!(
        skipped,
        [(
            "2026-11-23T01:00:00Z".to_owned(),
            "overlap: a newer slot waits for its needs".to_owned()
        )]
    );
    assert_eq!(planner.waiting()[0].slot.at, at("02:00:00"));
}
