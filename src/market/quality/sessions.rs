//! Bars held against the calendar and the clock.

use jiff::{Span, Timestamp, civil::Date, tz::TimeZone};

use super::Desk;
use crate::{
    analysis::{Stamp, Timeframe},
    market::{Flaw, Severity},
    schedule::{Calendar, Day},
};

/// Takes out bars whose time is not over: their values will change.
pub(super) fn incomplete(desk: &mut Desk<'_>) {
    let now = desk.context.now;
    let open = desk.kept().rev().filter_map(|(at, bar)| {
        let over = over(desk, bar.stamp)?;
        Some((at, bar.stamp, over))
    });
    // Ordered by now: the first that is over ends it.
    let open: Vec<_> = open.take_while(|(_, _, over)| *over > now).collect();
    for (at, stamp, _) in open.into_iter().rev() {
        let ahead = desk.date(stamp) > desk.zone().to_datetime(now).date();
        let what = if ahead && desk.timeframe() != Timeframe::W1 {
            format!("{stamp} is after now, {now}: one of the two is wrong")
        } else {
            format!("{stamp} was not over at {now}")
        };
        desk.quarantine(at, Flaw::Incomplete, what);
    }
}

/// When a bar is complete.
fn over(desk: &Desk<'_>, stamp: Stamp) -> Option<Timestamp> {
    let date = match stamp {
        Stamp::Instant(at) => return Some(at),
        Stamp::Day(date) => date,
    };
    let (first, last) = match desk.timeframe() {
        Timeframe::W1 => (monday(date), later(monday(date), 6)),
        _ => (date, date),
    };
    let by_calendar = desk.context.calendar.and_then(|calendar| {
        let last = *calendar.session_dates(first, last).last()?;
        close(calendar, last)
    });
    by_calendar.or_else(|| midnight(desk.zone(), later(last, 1)))
}

/// When the session of a date is over.
fn close(calendar: &Calendar, date: Date) -> Option<Timestamp> {
    match calendar.day(date) {
        Day::Session(session) => Some(session.close),
        Day::Closed | Day::Unknown => None,
    }
}

fn midnight(zone: &TimeZone, date: Date) -> Option<Timestamp> {
    let start = date.to_datetime(jiff::civil::Time::midnight());
    zone.to_timestamp(start).ok()
}

fn later(date: Date, days: i64) -> Date {
    date.checked_add(Span::new().days(days)).unwrap_or(date)
}

fn monday(date: Date) -> Date {
    later(date, -i64::from(date.weekday().to_monday_zero_offset()))
}

/// Takes out bars of days on which nobody can have traded.
pub(super) fn closed(desk: &mut Desk<'_>) {
    let Some(calendar) = desk.context.calendar else {
        return;
    };
    if desk.timeframe() == Timeframe::W1 {
        return;
    }
    let days = |desk: &Desk<'_>| -> Vec<(usize, Date)> {
        let days = desk.kept().map(|(at, bar)| (at, desk.date(bar.stamp)));
        days.filter(|(_, date)| calendar.covers(*date)).collect()
    };
    let days = days(desk);
    let (Some((_, first)), Some((_, last))) = (days.first(), days.last()) else {
        return;
    };
    let mut sessions = calendar.session_dates(*first, *last).iter().peekable();
    for (at, date) in days {
        while sessions.next_if(|session| **session < date).is_some() {}
        if sessions.peek() != Some(&&date) {
            let what = format!("{} has no session on {date}", calendar.name());
            desk.quarantine(at, Flaw::ClosedDay, what);
        }
    }
}

/// Tells of sessions without a bar between the first and the last one. A bar that was taken out is not
/// missing.
pub(super) fn missing(desk: &mut Desk<'_>) {
    let Some(calendar) = desk.context.calendar else {
        return;
    };
    let there = there(desk);
    let (Some(first), Some(last)) = (there.first(), there.last()) else {
        return;
    };
    let week = desk.timeframe() == Timeframe::W1;
    let mut gap: Option<(Date, Date, usize)> = None;
    let mut gaps = Vec::new();
    let mut bars = there.iter().peekable();
    let mut seen = None;
    let last = if week { later(*last, 6) } else { *last };
    for session in calendar.session_dates(*first, last) {
        let key = if week { monday(*session) } else { *session };
        if seen.replace(key) == Some(key) {
            continue;
        }
        while bars.next_if(|bar| **bar < key).is_some() {}
        if bars.peek() == Some(&&key) {
            gaps.extend(gap.take());
            continue;
        }
        let (_, end, count) = gap.get_or_insert((key, key, 0));
        *end = key;
        *count += 1;
    }
    gaps.extend(gap);
    let of = if week { "weeks" } else { "sessions" };
    for (from, to, count) in gaps {
        let what = match count {
            1 => format!(
                "{} has a session on {from}, and there is no bar",
                calendar.name()
            ),
            _ => format!("there is no bar of {count} {of} from {from} to {to}"),
        };
        let stamp = Some(Stamp::Day(from));
        desk.tell(Flaw::MissingSession, Severity::Warning, stamp, what);
    }
}

/// The days, or Mondays of weeks, of which there is any row, in order.
fn there(desk: &Desk<'_>) -> Vec<Date> {
    let rows = desk.rows.iter().map(|row| row.bar.stamp);
    let told = desk.series.findings.iter().filter_map(|told| told.stamp);
    let dates = rows.chain(told).map(|stamp| desk.date(stamp));
    let mut dates: Vec<Date> = match desk.timeframe() {
        Timeframe::W1 => dates.map(monday).collect(),
        _ => dates.collect(),
    };
    dates.sort_unstable();
    dates.dedup();
    dates
}

/// Tells when the newest bar is older than the last session that is over.
pub(super) fn stale(desk: &mut Desk<'_>) {
    let Some(calendar) = desk.context.calendar else {
        return;
    };
    let newest = desk.rows.iter().map(|row| row.bar.stamp).max();
    let Some((stamp, closed)) = newest.zip(last_closed(calendar, desk.context.now)) else {
        return;
    };
    let date = desk.date(stamp);
    let is_old = match desk.timeframe() {
        // The week that is going on has no bar yet.
        Timeframe::W1 => monday(date) < later(monday(closed), -7),
        _ => date < closed,
    };
    if is_old {
        let name = calendar.name();
        let what = format!("the newest bar is of {date}, and {name} had a session on {closed}");
        desk.tell(Flaw::Stale, Severity::Warning, Some(stamp), what);
    }
}

/// The date of the last session that is over.
fn last_closed(calendar: &Calendar, now: Timestamp) -> Option<Date> {
    let today = calendar.date_of(now);
    let sessions = calendar.session_dates(calendar.valid_from(), today);
    let is_over = |date: &&Date| close(calendar, **date).is_some_and(|close| close <= now);
    sessions.iter().rev().find(is_over).copied()
}
