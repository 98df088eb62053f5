//! A schedule as anybody may have written it.

use bellkeeper::schedule::{Dst, Fold, Frame, Gap, Only, Schedule, built_in_calendar};
use jiff::{Timestamp, tz::TimeZone};

use super::tape::Tape;

const ZONES: [&str; 6] = [
    "UTC",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Pacific/Apia",
    "Asia/Kathmandu",
];

/// The first bytes choose zone, calendar and instant, the rest is the expression.
pub fn schedule(data: &[u8]) -> bool {
    let mut tape = Tape(data);
    let zone = tape.one_of(&ZONES);
    let calendar = tape.one_of(&[None, Some("XNYS"), Some("XSHG")]);
    let frame = Frame {
        zone: TimeZone::get(zone).unwrap(),
        dst: Dst {
            gap: tape.one_of(&[None, Some(Gap::Run), Some(Gap::Skip)]),
            fold: tape.one_of(&[None, Some(Fold::First), Some(Fold::Both), Some(Fold::Last)]),
        },
        anchor: Timestamp::UNIX_EPOCH,
        calendar: calendar.map(|name| built_in_calendar(name).unwrap()),
        only: tape.one_of(&[None, Some(Only::Open)]),
    };
    let now = instant(tape.bytes(8));
    let Ok(text) = std::str::from_utf8(tape.0) else {
        return false;
    };
    let schedule = match Schedule::parse(text) {
        Ok(schedule) => schedule,
        Err(error) => {
            assert!(text.get(error.span.clone()).is_some(), "{error:?}");
            assert!(!error.message.is_empty());
            return false;
        }
    };
    assert_eq!(Schedule::parse(&schedule.to_string()), Ok(schedule.clone()));
    assert!(!schedule.describe().is_empty());
    assert!(!schedule.describe_on(calendar, frame.only).is_empty());
    for doubt in schedule.doubts(&frame, now) {
        assert!(!doubt.message.is_empty());
    }
    let mut after = now;
    for _ in 0..4 {
        let Some(next) = schedule.next_after(after, &frame) else {
            break;
        };
        assert!(next > after && next.subsec_nanosecond() == 0);
        after = next;
    }
    true
}

/// An instant, mostly of this century.
fn instant(bytes: &[u8]) -> Timestamp {
    let mut all = [0; 8];
    all[..bytes.len()].copy_from_slice(bytes);
    let number = i64::from_le_bytes(all);
    Timestamp::from_second(number).unwrap_or_else(|_| {
        let second = number.rem_euclid(4_102_444_800);
        Timestamp::from_second(second).unwrap_or_default()
    })
}
