//! Cases on which three independent readings of Debian's cron(8) agree, and hand-made ones.

use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Case {
    expr: String,
    tz: String,
    after: String,
    next: Vec<String>,
}

#[test]
fn every_case_of_the_oracle_holds() {
    let text = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/cron_cases.json"
    ));
    let cases: Vec<Case> = serde_json::from_str(text).unwrap();
    assert_eq!(cases.len(), 239);
    for Case {
        expr,
        tz,
        after,
        next,
    } in cases
    {
        let found = run(&expr, &frame(&tz), &after, next.len());
        assert_eq!(found, next, "`{expr}` in {tz} after {after}");
    }
}

#[test]
fn half_an_hour_of_daylight_saving() {
    let lord_howe = frame("Australia/Lord_Howe");
    // 02:00 → 02:30 on 4 October 2026; 02:00 → 01:30 on 5 April 2026.
    assert_eq!(
        run("15 2 * * *", &lord_howe, "2026-10-03T02:15:00+10:30", 2),
        ["2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"]
    );
    assert_eq!(
        run("45 1 * * *", &lord_howe, "2026-04-04T12:00:00+11:00", 2),
        ["2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"]
    );
    assert_eq!(
        run("*/15 * * * *", &lord_howe, "2026-04-05T01:30:00+11:00", 4),
        [
            "2026-04-05T01:45:00+11:00",
            "2026-04-05T01:30:00+10:30",
            "2026-04-05T01:45:00+10:30",
            "2026-04-05T02:00:00+10:30"
        ]
    );
}

#[test]
fn a_date_that_never_was_has_no_slot() {
    assert_eq!(
        run(
            "0 2 * * *",
            &frame("Pacific/Apia"),
            "2011-12-29T00:00:00-10:00",
            3
        ),
        [
            "2011-12-29T02:00:00-10:00",
            "2011-12-31T02:00:00+14:00",
            "2012-01-01T02:00:00+14:00"
        ]
    );
    assert_eq!(
        run(
            "0 */12 * * *",
            &frame("Pacific/Apia"),
            "2011-12-29T01:00:00-10:00",
            2
        ),
        ["2011-12-29T12:00:00-10:00", "2011-12-31T00:00:00+14:00"]
    );
}

#[test]
fn a_gap_over_midnight_is_made_up_for_after_it() {
    // Nuuk goes from 23:00 to 00:00 on 28 March 2026.
    assert_eq!(
        run(
            "30 23 * * *",
            &frame("America/Nuuk"),
            "2026-03-28T12:00:00-02:00",
            2
        ),
        ["2026-03-29T00:00:00-01:00", "2026-03-29T23:30:00-01:00"]
    );
}

#[test]
fn a_repeat_of_most_of_a_day_runs_a_fixed_job_once() {
    // Kwajalein went from 13:00 at +11 to 14:00 the day before at -12.
    assert_eq!(
        run(
            "0 6 * * *",
            &frame("Pacific/Kwajalein"),
            "1969-09-29T06:00:00+11:00",
            2
        ),
        ["1969-09-30T06:00:00+11:00", "1969-10-01T06:00:00-12:00"]
    );
}

#[test]
fn far_years_keep_daylight_saving() {
    assert_eq!(
        run(
            "30 2 * * sun#2",
            &frame("America/New_York"),
            "2099-03-01T00:00:00-05:00",
            1
        ),
        ["2099-03-08T03:00:00-04:00"]
    );
    assert_eq!(
        run(
            "14 3 19 1 *",
            &frame("Europe/Berlin"),
            "2038-01-01T00:00:00+01:00",
            1
        ),
        ["2038-01-19T03:14:00+01:00"]
    );
}

#[test]
fn the_knob_overrides_the_gap() {
    let mut berlin = frame("Europe/Berlin");
    let after = "2026-03-28T02:30:00+01:00";
    assert_eq!(
        run("30 2 * * *", &berlin, after, 1),
        ["2026-03-29T03:00:00+02:00"]
    );
    berlin.dst.gap = Some(Gap::Skip);
    assert_eq!(
        run("30 2 * * *", &berlin, after, 1),
        ["2026-03-30T02:30:00+02:00"]
    );
    berlin.dst.gap = Some(Gap::Run);
    let wild = "30 */2 * * *";
    let before = "2026-03-29T01:00:00+01:00";
    assert_eq!(
        run(wild, &berlin, before, 2),
        ["2026-03-29T03:00:00+02:00", "2026-03-29T04:30:00+02:00"]
    );
    berlin.dst.gap = None;
    assert_eq!(run(wild, &berlin, before, 1), ["2026-03-29T04:30:00+02:00"]);
}

#[test]
fn the_knob_overrides_the_fold() {
    let mut berlin = frame("Europe/Berlin");
    let after = "2026-10-25T01:59:00+02:00";
    let first = "2026-10-25T02:30:00+02:00";
    let last = "2026-10-25T02:30:00+01:00";
    let next = "2026-10-26T02:30:00+01:00";
    assert_eq!(run("30 2 * * *", &berlin, after, 2), [first, next]);
    berlin.dst.fold = Some(Fold::Last);
    assert_eq!(run("30 2 * * *", &berlin, after, 2), [last, next]);
    berlin.dst.fold = Some(Fold::Both);
    assert_eq!(run("30 2 * * *", &berlin, after, 3), [first, last, next]);
    berlin.dst.fold = Some(Fold::First);
    assert_eq!(
        run("30 * * * *", &berlin, after, 2),
        [first, "2026-10-25T03:30:00+01:00"]
    );
    berlin.dst.fold = Some(Fold::Last);
    assert_eq!(
        run("30 * * * *", &berlin, "2026-10-25T01:00:00+02:00", 2),
        ["2026-10-25T01:30:00+02:00", last]
    );
}

#[test]
fn a_star_in_the_seconds_follows_the_wall_clock() {
    let berlin = frame("Europe/Berlin");
    assert_eq!(
        run("*/30 30 2 * * *", &berlin, "2026-03-28T12:00:00+01:00", 1),
        ["2026-03-30T02:30:00+02:00"]
    );
    assert_eq!(
        run("*/30 30 2 * * *", &berlin, "2026-10-25T02:30:00+02:00", 2),
        ["2026-10-25T02:30:30+02:00", "2026-10-25T02:30:00+01:00"]
    );
}

#[test]
fn every_keeps_its_phase() {
    let mut utc = frame("UTC");
    utc.anchor = at("2026-11-23T10:00:07.9Z");
    assert_eq!(
        run("every 5m", &utc, "2026-11-23T10:01:00Z", 2),
        ["2026-11-23T10:05:07+00:00", "2026-11-23T10:10:07+00:00"]
    );
    assert_eq!(
        run("every 5m", &utc, "2026-11-23T09:55:07.5Z", 1),
        ["2026-11-23T10:00:07+00:00"]
    );
    assert_eq!(
        run("every 5m", &utc, "2026-11-23T09:55:06.5Z", 1),
        ["2026-11-23T09:55:07+00:00"]
    );
}

#[test]
fn start_is_never_due_by_the_clock() {
    for text in ["@start", "@reboot", "@START"] {
        let schedule = Schedule::parse(text).unwrap();
        assert!(schedule.at_start());
        assert_eq!(
            schedule.next_after(Timestamp::UNIX_EPOCH, &frame("UTC")),
            None
        );
    }
    assert!(!Schedule::parse("@daily").unwrap().at_start());
}

#[test]
fn fractions_of_a_second_are_cut() {
    let utc = frame("UTC");
    for (after, next) in [
        (
            "2026-11-23T01:59:59.999999999Z",
            "2026-11-23T02:00:00+00:00",
        ),
        (
            "2026-11-23T02:00:00.000000001Z",
            "2026-11-24T02:00:00+00:00",
        ),
        ("1969-12-31T01:59:59.5Z", "1969-12-31T02:00:00+00:00"),
    ] {
        assert_eq!(run("0 2 * * *", &utc, after, 1), [next]);
    }
}

#[test]
fn what_only_lies_in_gaps_is_given_up_soon() {
    let new_york = frame("America/New_York");
    let schedule = Schedule::parse("*/30 2 * 3 SUN#2").unwrap();
    assert_eq!(
        schedule.next_after(at("2026-01-01T00:00:00Z"), &new_york),
        None
    );
}
