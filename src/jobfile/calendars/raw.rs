//! What may stand in a calendar file, as written.

use std::{collections::BTreeMap, fmt};

use jiff::civil::{Date, Time};
use serde::{Deserialize, Deserializer, de};

/// A calendar file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawCalendar {
    /// A calendar that comes with the program and says all that is left out here.
    pub(super) extends: Option<String>,
    /// The zone of hours and dates, an IANA name.
    pub(super) timezone: Option<String>,
    /// When a usual session begins.
    pub(super) open: Option<Clock>,
    /// When it ends.
    pub(super) close: Option<Clock>,
    /// The lunch break.
    #[serde(rename = "break")]
    pub(super) lunch: Option<Lunch>,
    /// The weekdays with a session; Monday to Friday unless given.
    pub(super) weekdays: Option<Vec<Weekday>>,
    /// Dates without a session.
    pub(super) closed: Vec<Days>,
    /// Dates with a session although the weekday, or what is extended, has none.
    pub(super) sessions: Vec<Days>,
    /// Sessions that end early, and when.
    pub(super) early_closes: BTreeMap<Day, Clock>,
    /// The first date that the file speaks of.
    pub(super) valid_from: Option<Day>,
    /// The last one.
    pub(super) valid_through: Option<Day>,
}

/// A weekday's short name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// A time of day, `09:30`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock(pub(super) Time);

/// A date, `2027-01-04`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day(pub(super) Date);

/// A date, or a stretch of them, `2027-02-05..2027-02-11`, both ends included.
#[derive(Debug, Clone, Copy)]
pub(super) struct Days(pub(super) Date, pub(super) Date);

/// From when to when, `11:30-13:00`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lunch(pub(super) Time, pub(super) Time);

/// The longest stretch of dates, in days: one that is longer has a mistyped year.
const LONGEST: i64 = 100;

fn clock(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |part: &str| part.len() <= 2 && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(hour) || !digits(minute) || minute.len() != 2 {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

fn day(text: &str) -> Option<Date> {
    let dashes = text.len() == 10 && text.bytes().filter(|byte| *byte == b'-').count() == 2;
    let date: Date = dashes.then(|| text.parse().ok())??;
    (1900..=2199).contains(&date.year()).then_some(date)
}

fn days(text: &str) -> Option<Days> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let (first, last) = (day(first.trim())?, day(last.trim())?);
    let length = last.duration_since(first).as_hours() / 24;
    (0..LONGEST).contains(&length).then_some(Days(first, last))
}

fn lunch(text: &str) -> Option<Lunch> {
    let (from, to) = text.split_once('-')?;
    Some(Lunch(clock(from.trim())?, clock(to.trim())?))
}

/// Reads texts with a function that knows what it expects.
struct Reads<T>(&'static str, fn(&str) -> Option<T>);

impl<T> de::Visitor<'_> for Reads<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.1)(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

macro_rules! read_by {
    ($($type:ty, $expected:literal, $read:expr;)*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Reads($expected, $read))
            }
        }
    )*};
}

read_by! {
    Clock, "a time of day such as `09:30`", |text| clock(text).map(Clock);
    Day, "a date such as `2027-01-04`", |text| day(text).map(Day);
    Days, "a date, or up to 100 days such as `2027-02-05..2027-02-11`", days;
    Lunch, "two times of day such as `11:30-13:00`", lunch;
}
