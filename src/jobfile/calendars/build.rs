//! From a calendar file to a calendar, with everything that is wrong.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::{civil::Date, tz::TimeZone};

use super::raw::{Clock, Day, Days, RawCalendar, Weekday};
use crate::{
    jobfile::{
        collect,
        fault::Fault,
        node::{Key, Node, Skip, Value},
        problem::{Place, Problem},
        zone,
    },
    schedule::{CALENDARS, Calendar, Hours, HoursError, Parts, built_in_calendar},
    suggest,
};

/// More years than this in one file are a mistyped one.
const MAX_YEARS: i16 = 100;

/// The calendar of a tree; `problems` gets what is wrong.
pub(super) fn calendar(name: &str, root: &Node, problems: &mut Vec<Problem>) -> Option<Calendar> {
    let mut skip = Skip::new();
    let mut tell = |fault: Fault| problems.push(fault.problem());
    let raw: RawCalendar = collect::read(root, &mut skip, &mut tell)?;
    let mut build = Build {
        root,
        raw: &raw,
        skip: &skip,
        missing: Vec::new(),
        problems,
    };
    build.calendar(name)
}

struct Build<'a> {
    root: &'a Node,
    raw: &'a RawCalendar,
    skip: &'a Skip,
    /// Keys that must be there and are not.
    missing: Vec<&'static str>,
    problems: &'a mut Vec<Problem>,
}

impl Build<'_> {
    fn calendar(&mut self, name: &str) -> Option<Calendar> {
        let base = self.base();
        let base = base.as_deref();
        let zone = self.zone();
        let zone = self.given("timezone", zone, base.map(|base| base.zone().clone()));
        let hours = self.hours(base);
        let range = self.range(base);
        self.tell_missing();
        let (zone, hours, (from, through)) = (zone?, hours?, range?);
        let (closed, extra) = (dates(&self.raw.closed), dates(&self.raw.sessions));
        let parts = Parts {
            name: name.to_owned(),
            zone,
            hours,
            from,
            through,
            weekdays: weekdays(self.raw.weekdays.as_deref()),
            closed,
            extra,
            early: early(&self.raw.early_closes),
        };
        let calendar = Calendar::new(parts, base);
        self.check(&calendar);
        Some(calendar)
    }

    fn base(&mut self) -> Option<Arc<Calendar>> {
        let name = self.raw.extends.as_deref()?;
        let calendar = built_in_calendar(name);
        if calendar.is_none() {
            let hint = suggest::hint(name, CALENDARS);
            let hint = hint.unwrap_or_else(|| format!("one of {}", suggest::one_of(&CALENDARS)));
            let message = "only a calendar that comes with Bellkeeper can be extended";
            self.tell("extends", message, Some(hint));
        }
        calendar
    }

    fn zone(&mut self) -> Option<TimeZone> {
        let texts = self.root.get("timezone")?.texts(self.skip);
        let (text, place) = texts.first()?;
        zone::parse(text, *place)
            .map_err(|problem| self.problems.push(problem))
            .ok()
    }

    /// What was written, or what is extended says. Neither is told of, unless it is there and
    /// wrong, or what it extends is.
    fn given<T>(&mut self, key: &'static str, written: Option<T>, base: Option<T>) -> Option<T> {
        let value = written.or(base);
        let told = self.root.get(key).is_some() || self.root.get("extends").is_some();
        if value.is_none() && !told {
            self.missing.push(key);
        }
        value
    }

    /// One problem for all keys that must be there and are not.
    fn tell_missing(&mut self) {
        if self.missing.is_empty() {
            return;
        }
        let keys = suggest::all_of(&self.missing);
        let are = if self.missing.len() == 1 { "is" } else { "are" };
        let problem = Problem::new(Place::FILE, format!("{keys} {are} missing"))
            .hint("only a calendar that says `extends: NAME` may leave them out");
        self.problems.push(problem);
    }

    fn hours(&mut self, base: Option<&Calendar>) -> Option<Hours> {
        let usual = base.map(Calendar::hours);
        let open = self.raw.open.map(|Clock(time)| time);
        let close = self.raw.close.map(|Clock(time)| time);
        let open = self.given("open", open, usual.map(Hours::open));
        let close = self.given("close", close, usual.map(Hours::close));
        // `break:` with nothing behind it takes away that of what is extended.
        let lunch = match (self.raw.lunch, self.root.get("break")) {
            (Some(lunch), _) => Some((lunch.0, lunch.1)),
            (None, Some(_)) => None,
            (None, None) => usual.and_then(Hours::lunch),
        };
        match Hours::new(open?, close?, lunch) {
            Ok(hours) => Some(hours),
            Err(error) => {
                let close = if self.raw.close.is_some() {
                    "close"
                } else {
                    "open"
                };
                let key = match error {
                    HoursError::Lunch if self.root.get("break").is_some() => "break",
                    _ => close,
                };
                self.tell(key, &error.to_string(), None);
                None
            }
        }
    }

    fn range(&mut self, base: Option<&Calendar>) -> Option<(Date, Date)> {
        let day = |day: Option<Day>| day.map(|Day(date)| date);
        let (from, through) = (day(self.raw.valid_from), day(self.raw.valid_through));
        let from = self.given("valid_from", from, base.map(Calendar::valid_from));
        let through = self.given("valid_through", through, base.map(Calendar::valid_through));
        let (from, through) = (from?, through?);
        let key = if self.raw.valid_through.is_some() {
            "valid_through"
        } else {
            "valid_from"
        };
        if from > through {
            self.tell(key, "`valid_through` lies before `valid_from`", None);
            return None;
        }
        if through.year() - from.year() >= MAX_YEARS {
            let message = format!("a calendar covers at most {MAX_YEARS} years");
            self.tell(key, &message, None);
            return None;
        }
        Some((from, through))
    }

    /// What is written and says nothing, which nobody means.
    fn check(&mut self, calendar: &Calendar) {
        if calendar
            .sessions_from(calendar.valid_from())
            .next()
            .is_none()
        {
            let message = "no date has a session";
            self.problems.push(Problem::new(Place::FILE, message));
            return;
        }
        let raw = self.raw;
        for (key, list) in [("closed", &raw.closed), ("sessions", &raw.sessions)] {
            let places = self.places(key);
            for (Days(first, last), place) in list.iter().zip(places) {
                if !calendar.covers(*first) || !calendar.covers(*last) {
                    self.problems.push(outside(place, calendar));
                }
            }
        }
        let closed = dates(&raw.closed);
        if let Some(date) = dates(&raw.sessions).intersection(&closed).next() {
            let message = format!("{date} stands under `closed` and under `sessions`");
            self.tell("sessions", &message, None);
        }
        for (Day(date), Clock(close)) in &raw.early_closes {
            if let Some(problem) = self.early(calendar, *date, *close) {
                self.problems.push(problem);
            }
        }
    }

    fn early(&self, calendar: &Calendar, date: Date, close: jiff::civil::Time) -> Option<Problem> {
        let (key, value) = self.root.get("early_closes")?.entry(&date.to_string())?;
        let session = calendar.sessions_from(date).next();
        if !calendar.covers(date) {
            return Some(outside(key.place, calendar));
        }
        if session.is_none_or(|session| session.date != date) {
            let message = format!("{date} has no session that could end early");
            return Some(Problem::new(key.place, message));
        }
        let hours = calendar.hours();
        (!hours.can_close_at(close)).then(|| {
            let message = "an early close lies between the open and the usual close";
            Problem::new(value.place, message).hint(format!("a usual session is {hours}"))
        })
    }

    /// The places of the items of a list that were read.
    fn places(&self, key: &str) -> Vec<Place> {
        let Some(Value::List(items)) = self.root.get(key).map(|node| &node.value) else {
            return Vec::new();
        };
        let read = items.iter().filter(|item| !self.skip.contains(&item.id));
        read.map(|item| item.place).collect()
    }

    fn tell(&mut self, key: &str, message: &str, hint: Option<String>) {
        let entry: Option<&(Key, Node)> = self.root.entry(key);
        let place = entry.map_or(Place::FILE, |(_, node)| node.place);
        self.problems
            .push(Problem::new(place, message).maybe_hint(hint));
    }
}

fn outside(place: Place, calendar: &Calendar) -> Problem {
    let (from, through) = (calendar.valid_from(), calendar.valid_through());
    let message = format!("this is outside what the calendar covers, {from} to {through}");
    Problem::new(place, message).hint("mend the date, or `valid_from` and `valid_through`")
}

fn dates(list: &[Days]) -> BTreeSet<Date> {
    let stretch = |Days(from, to): &Days| {
        let (from, to) = (*from, *to);
        from.series(jiff::Span::new().days(1))
            .take_while(move |date| *date <= to)
    };
    list.iter().flat_map(stretch).collect()
}

fn early(written: &BTreeMap<Day, Clock>) -> BTreeMap<Date, jiff::civil::Time> {
    let plain = |(Day(date), Clock(time)): (&Day, &Clock)| (*date, *time);
    written.iter().map(plain).collect()
}

fn weekdays(written: Option<&[Weekday]>) -> [bool; 7] {
    use Weekday as W;
    let usual = [W::Mon, W::Tue, W::Wed, W::Thu, W::Fri];
    let trades = |day: W| written.unwrap_or(&usual).contains(&day);
    [W::Mon, W::Tue, W::Wed, W::Thu, W::Fri, W::Sat, W::Sun].map(trades)
}
