//! Sleeps and set clocks.

use super::*;

fn went(planner: &mut Planner, now: &str, slept: i64, stepped: i64) -> Vec<Action> {
    let input = Input::Clock {
        slept: SignedDuration::from_secs(slept),
        stepped: SignedDuration::from_secs(stepped),
    };
    let mut actions = planner.handle(at(now), input);
    actions.extend(tick(planner, now));
    actions
}

#[test]
fn after_a_sleep_nothing_missed_is_decided_until_things_have_settled() {
    let (mut planner, _) = started("0 * * * *", Policy::default(), "00:30:00");
    assert_eq!(went(&mut planner, "05:30:00", 18_000, 0), []);
    assert!(tick(&mut planner, "05:30:44").is_empty());
    let actions = tick(&mut planner, "05:30:45");
    assert_eq!(skips(&actions).len(), 4);
    let caught = starts(&tick(&mut planner, "05:30:47"));
    assert_eq!(
        (caught[0].1.as_str(), caught[0].3),
        ("2026-11-23T05:00:00Z", 4)
    );
    // The next slot comes as ever.
    finish(&mut planner, "05:31:00", caught[0].0, None);
    assert_eq!(starts(&tick(&mut planner, "06:00:00")).len(), 1);
}

#[test]
fn a_step_forward_that_is_taken_back_at_once_costs_nothing() {
    let (mut planner, _) = started("0 * * * *", Policy::default(), "00:30:00");
    assert_eq!(went(&mut planner, "09:30:00", 0, 9 * 3_600), []);
    assert_eq!(went(&mut planner, "00:30:10", 0, -9 * 3_600), []);
    assert!(tick(&mut planner, "00:31:00").is_empty());
    assert_eq!(starts(&tick(&mut planner, "01:00:00")).len(), 1);
}

#[test]
fn every_goes_on_after_a_step_back_without_using_a_slot_twice() {
    let (mut planner, _) = started("every 5m", Policy::default(), "00:00:00");
    let mut used = Vec::new();
    for minute in (5..=60).step_by(5) {
        let now = at("00:00:00") + SignedDuration::from_mins(minute);
        let fired = starts(&planner.handle(now, Input::Tick));
        used.push(fired[0].1.clone());
        finish(&mut planner, "01:00:00", fired[0].0, None);
    }
    let actions = went(&mut planner, "00:02:00", 0, -3_600);
    assert!(matches!(&actions[..], [Action::Phase { job, .. }] if job.as_str() == "a"));
    // It was due in three minutes and still is, give or take a second.
    let mut now = at("00:02:00");
    for _ in 0..14 {
        let wake = planner.next_wake().unwrap();
        let fired = starts(&planner.handle(wake, Input::Tick));
        assert!(
            wake.duration_since(now) <= SignedDuration::from_secs(301),
            "{wake}"
        );
        assert!(!used.contains(&fired[0].1), "{} again", fired[0].1);
        used.push(fired[0].1.clone());
        finish(&mut planner, "01:00:00", fired[0].0, None);
        now = wake;
    }
    assert_eq!(used[12], "2026-11-23T00:05:01Z");
}

#[test]
fn every_goes_on_after_several_steps_back() {
    let (mut planner, _) = started("every 2m", Policy::default(), "00:00:00");
    let mut used = std::collections::HashSet::new();
    let mut now = at("00:00:00");
    for _ in 0..6 {
        for _ in 0..10 {
            now = planner.next_wake().unwrap();
            let fired = starts(&planner.handle(now, Input::Tick));
            assert!(used.insert(fired[0].1.clone()));
            let ticket = fired[0].0;
            planner.handle(
                now,
                Input::Finished {
                    ticket,
                    failure: None,
                },
            );
        }
        now -= SignedDuration::from_mins(15);
        let (slept, stepped) = (SignedDuration::ZERO, SignedDuration::from_mins(-15));
        planner.handle(now, Input::Clock { slept, stepped });
        let wait = planner.next_wake().unwrap().duration_since(now);
        assert!(wait <= SignedDuration::from_secs(126), "{wait}");
    }
}

#[test]
fn the_wall_clocks_schedule_waits_until_it_is_past_what_is_decided() {
    let (mut planner, _) = started("0 * * * *", Policy::default(), "00:30:00");
    let fired = starts(&tick(&mut planner, "01:00:00"));
    finish(&mut planner, "01:00:01", fired[0].0, None);
    went(&mut planner, "00:10:00", 0, -3_000);
    assert_eq!(planner.next_wake(), Some(at("02:00:00")));
}

#[test]
fn the_wait_for_an_attempt_is_a_span_whatever_the_clock_does() {
    for (stepped, due) in [(-3_600, "01:00:11"), (3_600, "03:00:11")] {
        let (mut planner, _) = started("0 2 * * *", Policy::default(), "00:00:00");
        let ticket = starts(&tick(&mut planner, "02:00:00"))[0].0;
        finish(&mut planner, "02:00:01", ticket, Some(Disposition::Retry));
        let now = at("02:00:05") + SignedDuration::from_secs(stepped);
        let (slept, stepped) = (SignedDuration::ZERO, SignedDuration::from_secs(stepped));
        planner.handle(now, Input::Clock { slept, stepped });
        assert_eq!(
            tick(&mut planner, due),
            [Action::Attempt { ticket, attempt: 2 }]
        );
    }
}

#[test]
fn a_start_with_a_clock_that_was_set_back_meanwhile_goes_on_too() {
    let jobs = [(
        spec("a", "every 1m", Policy::default()),
        known(at("09:00:00")),
    )];
    let mut planner = Planner::new(jobs, None);
    let actions = planner.handle(at("03:00:00"), Input::Start { left: Vec::new() });
    assert!(matches!(actions[..], [Action::Phase { .. }]));
    assert_eq!(planner.next_wake(), Some(at("03:01:01")));
}
