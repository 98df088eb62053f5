//! The calendars against the data of an independent library, and laws.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{DateTime, date};
use proptest::prelude::*;
use serde::Deserialize;

use super::*;

/// Facts exported from `exchange_calendars` 4.13.2: every weekday from `first` to `last` that is
/// not in `closed` is a session, and no other date is.
#[derive(Deserialize)]
struct Oracle {
    tz: String,
    first: Date,
    last: Date,
    sessions: usize,
    open: Time,
    close: Time,
    #[serde(rename = "break")]
    lunch: Option<(Time, Time)>,
    closed: BTreeSet<Date>,
    early: BTreeMap<Date, Time>,
}

fn oracle() -> BTreeMap<String, Oracle> {
    let text = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/calendars.json"
    ));
    serde_json::from_str(text).unwrap()
}

fn calendar(name: &str) -> std::sync::Arc<Calendar> {
    built_in(name).unwrap()
}

/// What the oracle says of a date.
fn expected(oracle: &Oracle, date: Date) -> Day {
    let weekend = date.weekday().to_monday_one_offset() > 5;
    if weekend || date < oracle.first || oracle.closed.contains(&date) {
        return Day::Closed;
    }
    let zone = TimeZone::get(&oracle.tz).unwrap();
    let at = |time: Time| {
        let wall: DateTime = date.to_datetime(time);
        zone.to_timestamp(wall).unwrap()
    };
    let early = oracle.early.get(&date);
    let close = at(*early.unwrap_or(&oracle.close));
    let lunch = oracle.lunch.map(|(from, to)| at(from)..at(to));
    Day::Session(Session {
        date,
        open: at(oracle.open),
        close,
        early: early.is_some(),
        lunch: lunch.filter(|_| early.is_none()),
    })
}

fn dates(from: Date, through: Date) -> impl Iterator<Item = Date> {
    from.series(jiff::Span::new().days(1))
        .take_while(move |date| *date <= through)
}

#[test]
fn no_session_and_no_close_differs_from_the_oracle() {
    let oracle = oracle();
    let mut compared = BTreeMap::new();
    let mut differences = Vec::new();
    for name in NAMES {
        let (calendar, oracle) = (calendar(name), &oracle[name]);
        assert_eq!(calendar.valid_from(), date(2015, 1, 1));
        assert!(calendar.valid_through() <= oracle.last);
        for date in dates(calendar.valid_from(), calendar.valid_through()) {
            let (found, expected) = (calendar.day(date), expected(oracle, date));
            if matches!(expected, Day::Session(_)) {
                *compared.entry(name).or_insert(0) += 1;
            }
            if found != expected {
                differences.push((name, found, expected));
            }
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
    let sessions = |name: &str| oracle[name].sessions;
    assert_eq!(compared["XNYS"], sessions("XNYS"));
    assert_eq!(compared["XLON"], sessions("XLON"));
    assert_eq!(compared["XSHG"], sessions("XSHG"));
    assert_eq!(
        compared,
        [
            ("XNYS", 8_791),
            ("XLON", 8_849),
            ("XSHG", 2_916),
            ("XHKG", 3_203)
        ]
        .into()
    );
}

#[test]
fn outside_its_range_a_calendar_knows_nothing() {
    for (name, through) in [
        ("XNYS", date(2049, 12, 31)),
        ("XLON", date(2049, 12, 31)),
        ("XSHG", date(2026, 12, 31)),
        ("XHKG", date(2027, 12, 31)),
    ] {
        let calendar = calendar(name);
        assert_eq!(calendar.valid_through(), through);
        for date in dates(date(2010, 1, 1), date(2014, 12, 31)) {
            assert_eq!(calendar.day(date), Day::Unknown, "{name} {date}");
        }
        for date in dates(through.tomorrow().unwrap(), date(2055, 1, 1)) {
            assert_eq!(calendar.day(date), Day::Unknown, "{name} {date}");
        }
        assert_eq!(
            calendar.sessions_from(through.tomorrow().unwrap()).count(),
            0
        );
    }
}

#[test]
fn a_half_day_has_no_lunch_break() {
    let hong_kong = calendar("XHKG");
    let session = |month, day| match hong_kong.day(date(2026, month, day)) {
        Day::Session(session) => session,
        other => panic!("{other:?}"),
    };
    let usual = session(12, 23);
    let lunch = usual.lunch.unwrap();
    assert_eq!(lunch.start.to_string(), "2026-12-23T04:00:00Z");
    assert_eq!(lunch.end.to_string(), "2026-12-23T05:00:00Z");
    let half = session(12, 24);
    assert_eq!(half.close.to_string(), "2026-12-24T04:00:00Z");
    assert_eq!((half.early, half.lunch), (true, None));
}

#[test]
fn the_end_comes_near_day_by_day() {
    let shanghai = calendar("XSHG");
    // 23 November in New York is 24 November in Shanghai.
    let now = "2026-11-23T18:00:00Z".parse().unwrap();
    assert_eq!(shanghai.days_left(now), 37);
    assert!(shanghai.ends_within(now, 37) && !shanghai.ends_within(now, 36));
    let last = "2026-12-31T15:59:59Z".parse().unwrap();
    assert_eq!(shanghai.days_left(last), 0);
    let over = "2026-12-31T16:00:00Z".parse().unwrap();
    assert_eq!(shanghai.days_left(over), -1);
}

#[test]
fn a_calendar_can_go_on_where_another_ends() {
    let base = calendar("XSHG");
    let parts = Parts {
        name: "MINE".to_owned(),
        zone: base.zone().clone(),
        hours: *base.hours(),
        from: base.valid_from(),
        through: date(2027, 1, 10),
        weekdays: [true, true, true, true, true, false, false],
        closed: [date(2026, 12, 30), date(2027, 1, 1)].into(),
        extra: [date(2026, 10, 1), date(2027, 1, 9)].into(),
        early: [
            (date(2027, 1, 8), Time::constant(11, 0, 0, 0)),
            (date(2027, 1, 1), Time::constant(11, 0, 0, 0)),
            (date(2027, 1, 7), Time::constant(15, 0, 0, 0)),
        ]
        .into(),
    };
    let mine = Calendar::new(parts, Some(&base));
    let sessions = |from| -> Vec<_> {
        let found = mine.sessions_from(from);
        found
            .map(|session| (session.date.day(), session.early))
            .collect()
    };
    assert_eq!(
        sessions(date(2026, 12, 29)),
        [29, 31, 4, 5, 6, 7, 8, 9].map(|day| (day, day == 8))
    );
    assert!(matches!(mine.day(date(2026, 10, 1)), Day::Session(_)));
    assert_eq!(mine.day(date(2026, 10, 2)), Day::Closed);
    assert_eq!(mine.day(date(2027, 1, 11)), Day::Unknown);
}

#[test]
fn early_closes_of_the_base_are_kept_where_its_sessions_are() {
    let base = calendar("XNYS");
    let parts = Parts {
        name: "XNYS".to_owned(),
        zone: base.zone().clone(),
        hours: *base.hours(),
        from: date(2026, 1, 1),
        through: date(2027, 12, 31),
        weekdays: [true; 7],
        closed: [date(2026, 11, 27)].into(),
        extra: BTreeSet::new(),
        early: BTreeMap::new(),
    };
    let mine = Calendar::new(parts, Some(&base));
    assert_eq!(mine.day(date(2026, 11, 27)), Day::Closed);
    assert_eq!(mine.day(date(2026, 11, 29)), Day::Closed);
    assert_eq!(mine.day(date(2027, 11, 26)), base.day(date(2027, 11, 26)));
    assert_eq!(mine.early.len(), 2);
}

/// An instant in the years that are known, at the edges, and around them.
fn instant() -> impl Strategy<Value = Timestamp> {
    let second = 1_400_000_000i64..2_540_000_000;
    second.prop_map(|second| Timestamp::from_second(second).unwrap())
}

proptest! {
    #[test]
    fn a_gate_says_when_to_ask_again_and_never_too_late(
        name in prop::sample::select(&NAMES[..]),
        at in instant(),
        only in prop::option::of(Just(Only::Open)),
    ) {
        let calendar = calendar(name);
        match calendar.gate(at, only) {
            Gate::Pass => {
                let Day::Session(session) = calendar.day(calendar.date_of(at)) else {
                    panic!("there is no session");
                };
                let trades = session.open <= at
                    && at < session.close
                    && session.lunch.is_none_or(|lunch| !lunch.contains(&at));
                prop_assert!(only.is_none() || trades);
            }
            Gate::Until(start) => {
                prop_assert!(start > at);
                prop_assert_eq!(calendar.gate(start, only), Gate::Pass);
                let before = start.checked_sub(jiff::SignedDuration::from_secs(1)).unwrap();
                prop_assert_ne!(calendar.gate(before, only), Gate::Pass);
            }
            Gate::End => prop_assert!(calendar.date_of(at) >= calendar.valid_through()
                || calendar.sessions_from(calendar.date_of(at)).count() <= 1),
        }
    }

    #[test]
    fn sessions_come_in_order_and_have_their_hours_in_order(
        name in prop::sample::select(&NAMES[..]),
        at in instant(),
    ) {
        let calendar = calendar(name);
        let sessions: Vec<_> = calendar.sessions_from(calendar.date_of(at)).take(20).collect();
        for pair in sessions.windows(2) {
            prop_assert!(pair[0].close < pair[1].open);
        }
        for session in sessions {
            prop_assert!(session.open < session.close);
            prop_assert_eq!(calendar.date_of(session.open), session.date);
            let inside = session.lunch.is_none_or(|lunch| {
                session.open < lunch.start && lunch.start < lunch.end && lunch.end < session.close
            });
            prop_assert!(inside);
        }
    }
}
