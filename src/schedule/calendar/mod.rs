//! Trading calendars: on which dates an exchange has a session, and from when to when.
//!
//! XNYS and XLON follow their rules, XSHG and XHKG a table, others come from files of the user; in
//! the end each is the same: dates with a session inside a range that is known. Outside that range
//! the answer is [`Day::Unknown`], never a guess. All times are the exchange's own wall clock; a
//! session begins and ends on one date.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use jiff::{
    Timestamp,
    civil::{Date, Time},
    tz::TimeZone,
};

mod built_in;
mod days;
mod gate;
mod hours;
mod tables;
#[cfg(test)]
mod tests;
mod xlon;
mod xnys;

pub use built_in::{NAMES, built_in};
pub(super) use gate::next;
pub use gate::{Gate, Only};
pub use hours::{Hours, HoursError};

/// When an exchange trades. Immutable; shared by all jobs that name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    name: String,
    zone: TimeZone,
    hours: Hours,
    from: Date,
    through: Date,
    /// In order.
    sessions: Vec<Date>,
    early: BTreeMap<Date, Time>,
}

/// What a calendar is made of.
#[derive(Debug, Clone)]
pub struct Parts {
    /// What it is called, e.g. `XNYS`.
    pub name: String,
    /// The zone of its hours and dates.
    pub zone: TimeZone,
    /// The hours of a usual session.
    pub hours: Hours,
    /// The first date that is known.
    pub from: Date,
    /// The last date that is known.
    pub through: Date,
    /// The weekdays that usually have a session, Monday first.
    pub weekdays: [bool; 7],
    /// Dates without a session.
    pub closed: BTreeSet<Date>,
    /// Dates with a session although the weekday, or the calendar that is extended, has none.
    pub extra: BTreeSet<Date>,
    /// Sessions that end early, and when. Those on other dates, and times that are not inside the
    /// usual hours, are left out.
    pub early: BTreeMap<Date, Time>,
}

/// What is known of a date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Day {
    /// The exchange trades.
    Session(Session),
    /// It does not.
    Closed,
    /// The calendar does not reach so far.
    Unknown,
}

/// The trading hours of one date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The date, in the exchange's zone.
    pub date: Date,
    /// The first instant.
    pub open: Timestamp,
    /// The first instant after it.
    pub close: Timestamp,
    /// Whether it ends before the usual time.
    pub early: bool,
    /// The instants of the lunch break; none when the session ends before it would be over.
    pub lunch: Option<Range<Timestamp>>,
}

impl Calendar {
    /// Makes a calendar. With `base`, the dates that it knows are sessions when they are sessions
    /// there, early where they are early there; `parts.weekdays` decides only about the others.
    pub fn new(parts: Parts, base: Option<&Self>) -> Self {
        let Parts {
            name,
            zone,
            hours,
            from,
            through,
            weekdays,
            closed,
            extra,
            mut early,
        } = parts;
        let usual = |date: Date| match base.filter(|base| base.covers(date)) {
            Some(base) => base.sessions.binary_search(&date).is_ok(),
            None => weekdays
                .get(usize::from(
                    date.weekday().to_monday_zero_offset().unsigned_abs(),
                ))
                .is_some_and(|trades| *trades),
        };
        let sessions: Vec<Date> = from
            .series(jiff::Span::new().days(1))
            .take_while(|date| *date <= through)
            .filter(|date| !closed.contains(date) && (usual(*date) || extra.contains(date)))
            .collect();
        for (date, close) in base.iter().flat_map(|base| &base.early) {
            early.entry(*date).or_insert(*close);
        }
        early.retain(|date, close| {
            sessions.binary_search(date).is_ok() && hours.can_close_at(*close)
        });
        Self {
            name,
            zone,
            hours,
            from,
            through,
            sessions,
            early,
        }
    }

    /// What it is called, e.g. `XNYS`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The zone of its hours and dates.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The hours of a usual session.
    pub fn hours(&self) -> &Hours {
        &self.hours
    }

    /// The first date that is known.
    pub fn valid_from(&self) -> Date {
        self.from
    }

    /// The last date that is known.
    pub fn valid_through(&self) -> Date {
        self.through
    }

    /// Whether anything is known of a date.
    pub fn covers(&self, date: Date) -> bool {
        (self.from..=self.through).contains(&date)
    }

    /// What is known of a date.
    pub fn day(&self, date: Date) -> Day {
        if !self.covers(date) {
            return Day::Unknown;
        }
        let session = self.sessions.binary_search(&date).ok();
        session
            .and_then(|_| self.session(date))
            .map_or(Day::Closed, Day::Session)
    }

    /// The date on the exchange's wall clock.
    pub fn date_of(&self, at: Timestamp) -> Date {
        self.zone.to_datetime(at).date()
    }

    /// The known sessions on and after a date, in order.
    pub fn sessions_from(&self, date: Date) -> impl Iterator<Item = Session> {
        let first = self.sessions.partition_point(|session| *session < date);
        let rest = self.sessions.get(first..).unwrap_or_default();
        rest.iter().filter_map(|date| self.session(*date))
    }

    /// The dates of the known sessions from one date to another, both included.
    pub fn session_dates(&self, from: Date, to: Date) -> &[Date] {
        let first = self.sessions.partition_point(|session| *session < from);
        let end = self.sessions.partition_point(|session| *session <= to);
        self.sessions.get(first..end).unwrap_or_default()
    }

    /// How many days after the date of `now` are still known; negative when the end has passed.
    pub fn days_left(&self, now: Timestamp) -> i32 {
        let left = self.through.duration_since(self.date_of(now)).as_hours() / 24;
        i32::try_from(left).unwrap_or(i32::MAX)
    }

    /// Whether at most `days` days after the date of `now` are still known: time to renew it.
    pub fn ends_within(&self, now: Timestamp, days: i32) -> bool {
        self.days_left(now) <= days
    }

    /// The hours of a date that has a session.
    fn session(&self, date: Date) -> Option<Session> {
        let at = |time: Time| self.zone.to_timestamp(date.to_datetime(time)).ok();
        let early = self.early.get(&date).copied();
        let closes = early.unwrap_or(self.hours.close());
        let lunch = self.hours.lunch().filter(|(_, end)| *end < closes);
        Some(Session {
            date,
            open: at(self.hours.open())?,
            close: at(closes)?,
            early: early.is_some(),
            lunch: lunch.and_then(|(start, end)| Some(at(start)?..at(end)?)),
        })
    }
}
