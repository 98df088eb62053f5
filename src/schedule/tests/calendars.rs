//! Calendars as filters of other schedules.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;

fn on(calendar: &str, zone: &str, only: Option<Only>) -> Frame {
    Frame {
        calendar: built_in_calendar(calendar),
        only,
        ..frame(zone)
    }
}

#[test]
fn a_date_counts_in_the_zone_of_the_exchange() {
    // Sunday 21:00 in New York is Monday in Shanghai, and Friday 21:00 is Saturday.
    assert_eq!(
        run(
            "0 21 * * *",
            &on("XSHG", "America/New_York", None),
            "2026-11-19T00:00:00Z",
            4
        ),
        [
            "2026-11-18T21:00:00-05:00",
            "2026-11-19T21:00:00-05:00",
            "2026-11-22T21:00:00-05:00",
            "2026-11-23T21:00:00-05:00",
        ]
    );
}

#[test]
fn holidays_are_left_out() {
    assert_eq!(
        run(
            "30 17 * * 1-5",
            &on("XNYS", "America/New_York", None),
            "2026-12-24T00:00:00Z",
            3
        ),
        [
            "2026-12-24T17:30:00-05:00",
            "2026-12-28T17:30:00-05:00",
            "2026-12-29T17:30:00-05:00",
        ]
    );
}

#[test]
fn only_open_keeps_out_lunch_and_early_closes() {
    let hong_kong = on("XHKG", "Asia/Hong_Kong", Some(Only::Open));
    let times = run("0,30 * * * *", &hong_kong, "2026-12-23T01:00:00Z", 16);
    let times: Vec<_> = times.iter().map(|at| &at[8..16]).collect();
    assert_eq!(
        times,
        [
            "23T09:30", "23T10:00", "23T10:30", "23T11:00", "23T11:30", "23T13:00", "23T13:30",
            "23T14:00", "23T14:30", "23T15:00", "23T15:30", "24T09:30", "24T10:00", "24T10:30",
            "24T11:00", "24T11:30",
        ]
    );
}

#[test]
fn a_period_keeps_its_phase_over_a_closed_time() {
    let mut frame = on("XNYS", "UTC", Some(Only::Open));
    frame.anchor = at("2026-11-20T00:00:07Z");
    // 21:00:07 is seven seconds after the close: the next one is on Monday.
    assert_eq!(
        run("every 45m", &frame, "2026-11-20T20:15:07Z", 1),
        ["2026-11-23T15:00:07+00:00"]
    );
}

#[test]
fn after_the_end_nothing_is_due() {
    let frame = on("XSHG", "Asia/Shanghai", None);
    for text in ["0 12 * * *", "every 1s", "at open", "@daily"] {
        let schedule = Schedule::parse(text).unwrap();
        assert!(
            schedule
                .next_after(at("2026-12-30T00:00:00Z"), &frame)
                .is_some()
        );
        let end = at("2026-12-31T16:00:00Z");
        assert_eq!(schedule.next_after(end, &frame), None, "{text}");
        let later = at("2090-01-01T00:00:00Z");
        assert_eq!(schedule.next_after(later, &frame), None, "{text}");
    }
}

#[test]
fn without_a_calendar_a_session_never_comes() {
    let schedule = Schedule::parse("at open").unwrap();
    assert_eq!(
        schedule.next_after(at("2026-11-23T00:00:00Z"), &frame("UTC")),
        None
    );
}

#[test]
fn what_never_falls_into_trading_hours_is_never_due() {
    let frame = on("XNYS", "America/New_York", Some(Only::Open));
    for text in ["0 3 * * *", "* * * * * 0", "0 12 25 12 *"] {
        let schedule = Schedule::parse(text).unwrap();
        assert_eq!(
            schedule.next_after(at("2026-11-23T00:00:00Z"), &frame),
            None,
            "{text}"
        );
    }
}

#[test]
fn a_closed_time_is_passed_in_one_step() {
    let calendar = built_in_calendar("XNYS").unwrap();
    let saturday = at("2026-11-21T12:00:00Z");
    let asked = std::cell::Cell::new(0);
    let every_second = |after: Timestamp| {
        asked.set(asked.get() + 1);
        after.checked_add(SignedDuration::from_secs(1)).ok()
    };
    let next = calendar::next(&calendar, Some(Only::Open), saturday, every_second);
    assert_eq!((next, asked.get()), (Some(at("2026-11-23T14:30:00Z")), 2));
}

#[test]
fn words_name_the_calendar() {
    for (text, only, words) in [
        ("at open+5m", None, "5m after the open of XNYS"),
        ("at close", Some(Only::Open), "at the close of XNYS"),
        ("@daily", None, "every day at 00:00, on sessions of XNYS"),
        ("every 5m", Some(Only::Open), "every 5m, while XNYS is open"),
        ("@start", None, "at each start of the daemon"),
    ] {
        let schedule = Schedule::parse(text).unwrap();
        assert_eq!(schedule.describe_on(Some("XNYS"), only), words);
        assert_eq!(schedule.describe_on(None, None), schedule.describe());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The filter finds what somebody finds who looks at every slot.
    #[test]
    fn no_slot_is_lost_or_added(
        name in prop::sample::select(&CALENDARS[..]),
        text in prop::sample::select(vec!["*/17 * * * *", "0 3,12 * * *", "every 7h", "30 11 * * 1-6"]),
        only in prop::option::of(Just(Only::Open)),
        second in 1_430_000_000i64..1_790_000_000,
    ) {
        let free = frame("Europe/Berlin");
        let calendar: Arc<Calendar> = built_in_calendar(name).unwrap();
        let kept = Frame { calendar: Some(Arc::clone(&calendar)), only, ..free.clone() };
        let schedule = Schedule::parse(text).unwrap();
        let after = Timestamp::from_second(second).unwrap();
        let found = schedule.next_after(after, &kept);
        let mut slot = after;
        let by_hand = (0..3_000).find_map(|_| {
            slot = schedule.next_after(slot, &free)?;
            (calendar.gate(slot, only) == Gate::Pass).then_some(slot)
        });
        if by_hand.is_some() {
            prop_assert_eq!(found, by_hand);
        }
    }
}
