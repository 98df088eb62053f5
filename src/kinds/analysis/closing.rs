//! When a bar closed.

use jiff::{Timestamp, ToSpan, civil::Date};

use crate::{
    analysis::{Stamp, Timeframe},
    schedule::{Calendar, Day},
};

/// The instant at which a bar closed: the close of its session; of a week, that of its last session. A
/// date without a session, or outside of the calendar, counts as a usual one.
pub(super) fn closed_at(
    stamp: Stamp,
    timeframe: Timeframe,
    calendar: &Calendar,
) -> Option<Timestamp> {
    let date = match stamp {
        Stamp::Instant(at) => return Some(at),
        Stamp::Day(date) => date,
    };
    let last = match timeframe {
        Timeframe::W1 => last_of_week(date, calendar),
        _ => date,
    };
    if let Day::Session(session) = calendar.day(last) {
        return Some(session.close);
    }
    let close = last.to_datetime(calendar.hours().close());
    calendar.zone().to_timestamp(close).ok()
}

/// The last date with a session in the week of a date, Monday to Sunday; its Friday if none is known.
fn last_of_week(date: Date, calendar: &Calendar) -> Date {
    let back = i64::from(date.weekday().to_monday_zero_offset());
    let monday = date.checked_sub(back.days()).unwrap_or(date);
    let of = |days: i64| monday.checked_add(days.days()).unwrap_or(date);
    let known = calendar.session_dates(monday, of(6)).last().copied();
    known.unwrap_or_else(|| of(4))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::schedule::built_in_calendar;

    fn told(stamp: Date, timeframe: Timeframe) -> String {
        let calendar = built_in_calendar("XNYS").unwrap();
        closed_at(Stamp::Day(stamp), timeframe, &calendar)
            .unwrap()
            .to_string()
    }

    #[test]
    fn a_day_closes_with_its_session_and_a_week_with_its_last() {
        assert_eq!(
            told(date(2013, 2, 28), Timeframe::D1),
            "2013-02-28T21:00:00Z"
        );
        assert_eq!(
            told(date(2026, 7, 1), Timeframe::D1),
            "2026-07-01T20:00:00Z"
        );
        // The day after Thanksgiving ends early.
        assert_eq!(
            told(date(2026, 11, 27), Timeframe::D1),
            "2026-11-27T18:00:00Z"
        );
        assert_eq!(
            told(date(2026, 11, 23), Timeframe::W1),
            "2026-11-27T18:00:00Z"
        );
        // A Saturday has no session.
        assert_eq!(
            told(date(2026, 11, 28), Timeframe::D1),
            "2026-11-28T21:00:00Z"
        );
        let at: Timestamp = "2026-11-27T15:35:00Z".parse().unwrap();
        let calendar = built_in_calendar("XNYS").unwrap();
        assert_eq!(
            closed_at(Stamp::Instant(at), Timeframe::M5, &calendar),
            Some(at)
        );
    }
}
