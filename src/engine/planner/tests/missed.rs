//! Slots that passed while nobody was awake.

use super::*;

#[test]
fn after_a_night_only_the_latest_slot_is_caught_up_and_the_rest_are_rows() {
    let (mut planner, actions) = started("0 * * * *", Policy::default(), "05:30:00");
    assert_eq!(skips(&actions).len(), 4);
    assert!(
        skips(&actions)[0]
            .1
            .contains("merged into the catch-up of 2026-11-23T05:00:00Z")
    );
    assert_eq!(planner.next_wake(), Some(at("05:30:02")));
    let caught = starts(&tick(&mut planner, "05:30:02"));
    assert_eq!(caught[0].1, "2026-11-23T05:00:00Z");
    assert_eq!((caught[0].2, caught[0].3), (Trigger::CatchUp, 4));
}

#[test]
fn a_caught_up_run_has_as_many_attempts_as_any_other_and_a_permanent_error_ends_it() {
    for (disposition, attempts) in [(Disposition::Retry, 3), (Disposition::Permanent, 1)] {
        let (mut planner, _) = started("0 2 * * *", Policy::default(), "05:30:00");
        let mut now = at("05:30:02");
        let ticket = starts(&planner.handle(now, Input::Tick))[0].0;
        let mut made = 1;
        let end = loop {
            let failure = Some(Failure {
                disposition,
                reason: "no".into(),
            });
            let actions = planner.handle(now, Input::Finished { ticket, failure });
            if let [Action::End { attempts, .. }] = actions[..] {
                break attempts;
            }
            now = planner.next_wake().unwrap();
            planner.handle(now, Input::Tick);
            made += 1;
        };
        assert_eq!((end, made), (attempts, attempts), "{disposition:?}");
    }
}

#[test]
fn all_missed_slots_are_caught_up_one_after_the_other() {
    let all = Policy {
        catch_up: CatchUp::All,
        ..Policy::default()
    };
    let (mut planner, _) = started("0 * * * *", all, "03:30:00");
    let mut now = at("03:30:02");
    for hour in 1..=3 {
        let caught = starts(&planner.handle(now, Input::Tick));
        assert_eq!(caught.len(), 1, "one at a time");
        assert_eq!(caught[0].1, format!("2026-11-23T0{hour}:00:00Z"));
        planner.handle(
            now,
            Input::Finished {
                ticket: caught[0].0,
                failure: None,
            },
        );
        now += SignedDuration::from_secs(1);
    }
    assert!(starts(&planner.handle(now, Input::Tick)).is_empty());
}

#[test]
fn nothing_is_caught_up_beyond_the_window_or_against_the_will() {
    let none = Policy {
        catch_up: CatchUp::None,
        ..Policy::default()
    };
    let narrow = Policy {
        catch_up_window: Span::from_secs(600),
        ..Policy::default()
    };
    for (policy, reason) in [
        (none, "missed: catch_up is none"),
        (narrow, "missed: older than the catch-up window of 10m"),
    ] {
        let (mut planner, actions) = started("0 2 * * *", policy, "03:30:00");
        assert_eq!(skips(&actions)[0].1, reason);
        assert!(starts(&tick(&mut planner, "03:30:02")).is_empty());
    }
}

#[test]
fn a_lost_run_is_caught_up_like_a_missed_slot() {
    let two = at("02:00:00");
    let mut planner = Planner::new(
        [(spec("a", "0 2 * * *", Policy::default()), known(two))],
        None,
    );
    let left = vec![Left {
        job: "a".parse().unwrap(),
        at: two,
        ran: true,
    }];
    planner.handle(at("02:10:00"), Input::Start { left });
    let caught = starts(&planner.handle(at("02:10:02"), Input::Tick));
    assert_eq!(caught[0].1, "2026-11-23T02:00:00Z");
}

#[test]
fn a_sleep_over_several_slots_is_one_catch_up() {
    let (mut planner, _) = started("every 5m", Policy::default(), "00:00:00");
    let actions = tick(&mut planner, "07:02:00");
    assert!(starts(&actions).is_empty() && skips(&actions).len() == 83);
    assert_eq!(starts(&tick(&mut planner, "07:02:02")).len(), 1);
}

#[test]
fn a_small_delay_is_no_missed_slot() {
    let (mut planner, _) = started("every 1s", policy(Overlap::Allow), "00:00:00");
    assert_eq!(starts(&tick(&mut planner, "00:00:04")).len(), 4);
}

#[test]
fn a_month_of_seconds_stays_a_small_number_of_rows() {
    let (mut planner, _) = started("every 1s", Policy::default(), "00:00:00");
    let actions = planner.handle("2026-11-25T00:00:00Z".parse().unwrap(), Input::Tick);
    let rows = skips(&actions);
    assert_eq!(rows.len(), catch_up::MAX_ROWS - 1);
}
