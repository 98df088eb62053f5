//! On which symbols the requests of a day are spent; pure.

use jiff::{Span, Timestamp, civil::Date};

use crate::{
    analysis::{Stamp, Timeframe},
    schedule::{Calendar, Day, Session},
};

/// A symbol whose bars are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// Which.
    pub symbol: &'a str,
    /// The newest bar that is known.
    pub newest: Option<Stamp>,
}

/// Who is asked about, and who is not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spending<'a> {
    /// In this order.
    pub ask: Vec<&'a str>,
    /// The others, each with why.
    pub leave: Vec<(&'a str, &'static str)>,
}

/// Spends `left` requests (`None` for as many as one likes) on symbols that have a newly closed bar by
/// the calendar, those first whose newest known bar is the oldest; among equals in the order of the
/// alphabet. On days without a session nothing is asked. A day that the calendar does not know may have
/// one.
pub fn spend<'a>(
    wanted: &[Wanted<'a>],
    timeframe: Timeframe,
    calendar: &Calendar,
    now: Timestamp,
    left: Option<u32>,
) -> Spending<'a> {
    let mut spending = Spending::default();
    let today = calendar.day(calendar.date_of(now));
    let closed = newest_closed(timeframe, calendar, now);
    let mut sorted = wanted.to_vec();
    sorted.sort_by_key(|wanted| (wanted.newest, wanted.symbol));
    sorted.dedup_by_key(|wanted| wanted.symbol);
    let mut left = left.unwrap_or(u32::MAX);
    for Wanted { symbol, newest } in sorted {
        let why = if today == Day::Closed {
            "there is no session today"
        } else if today != Day::Unknown && !is_behind(newest, closed) {
            "no bar has closed since its newest one"
        } else if left == 0 {
            "the requests of the day are spent on older ones"
        } else {
            left -= 1;
            spending.ask.push(symbol);
            continue;
        };
        spending.leave.push((symbol, why));
    }
    spending
}

/// The newest bar that is over: its date, and when it ended.
fn newest_closed(
    timeframe: Timeframe,
    calendar: &Calendar,
    now: Timestamp,
) -> Option<(Date, Timestamp)> {
    let from = calendar.date_of(now).saturating_sub(Span::new().days(14));
    let begun = calendar
        .sessions_from(from)
        .take_while(|session| session.open <= now);
    let ends = begun.filter_map(|session| Some((session.date, end(timeframe, &session, now)?)));
    ends.last()
}

/// When the newest bar of a session ended that is over.
fn end(timeframe: Timeframe, session: &Session, now: Timestamp) -> Option<Timestamp> {
    let Some(length) = timeframe.within_a_session() else {
        return (session.close <= now).then_some(session.close);
    };
    if session.close <= now {
        return Some(session.close);
    }
    let length = i64::try_from(length.as_secs()).ok()?;
    let bars = now.duration_since(session.open).as_secs() / length;
    let after = jiff::SignedDuration::from_secs(bars * length);
    (bars > 0)
        .then(|| session.open.checked_add(after).ok())
        .flatten()
}

fn is_behind(newest: Option<Stamp>, closed: Option<(Date, Timestamp)>) -> bool {
    match (newest, closed) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(Stamp::Day(day)), Some((date, _))) => day < date,
        (Some(Stamp::Instant(at)), Some((_, end))) => at < end,
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::schedule::built_in_calendar;

    fn wanted(symbol: &'static str, day: i8) -> Wanted<'static> {
        let newest = (day > 0).then(|| Stamp::Day(date(2026, 1, day)));
        Wanted { symbol, newest }
    }

    fn asked(now: &str, left: Option<u32>) -> Spending<'static> {
        let all = [
            wanted("B", 6),
            wanted("D", 2),
            wanted("A", 6),
            wanted("NEW", 0),
            wanted("C", 5),
        ];
        let xnys = built_in_calendar("XNYS").unwrap();
        spend(&all, Timeframe::D1, &xnys, now.parse().unwrap(), left)
    }

    #[test]
    fn the_oldest_go_first_and_only_those_with_a_new_bar() {
        // Tuesday before the close: Monday's bars are the newest that are over.
        let during = asked("2026-01-06T20:00:00Z", None);
        assert_eq!(during.ask, ["NEW", "D"]);
        assert_eq!(during.leave.len(), 3);
        // Wednesday after the close.
        let after = asked("2026-01-07T21:00:00Z", None);
        assert_eq!(after.ask, ["NEW", "D", "C", "A", "B"]);
        let three = asked("2026-01-07T21:00:00Z", Some(3));
        assert_eq!(three.ask, ["NEW", "D", "C"]);
        assert_eq!(
            three.leave[0],
            ("A", "the requests of the day are spent on older ones")
        );
    }

    #[test]
    fn nothing_is_asked_on_days_without_a_session() {
        // Saturday; New Year's Day. Friday evening in New York is still Friday.
        assert!(asked("2026-01-10T15:00:00Z", None).ask.is_empty());
        assert!(asked("2026-01-01T15:00:00Z", None).ask.is_empty());
        assert_eq!(asked("2026-01-10T02:00:00Z", None).ask.len(), 5);
        assert_eq!(asked("1800-01-10T15:00:00Z", None).ask.len(), 5);
    }

    #[test]
    fn within_a_session_a_bar_is_new_when_it_is_over() {
        let xnys = built_in_calendar("XNYS").unwrap();
        let known = Stamp::Instant("2026-01-06T15:00:00Z".parse().unwrap());
        let all = [Wanted {
            symbol: "A",
            newest: Some(known),
        }];
        let asked = |now: &str| {
            let now = now.parse().unwrap();
            !spend(&all, Timeframe::M30, &xnys, now, None).ask.is_empty()
        };
        assert!(!asked("2026-01-06T15:29:59Z"));
        assert!(asked("2026-01-06T15:30:00Z"));
    }
}
