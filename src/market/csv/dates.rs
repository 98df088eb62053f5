//! How the dates of a file are written, decided from all of them.

use std::path::PathBuf;

use jiff::{
    Timestamp,
    civil::{Date, DateTime, Time},
    fmt::strtime,
};

use super::CsvError;
use crate::analysis::Stamp;

/// Dates with the month by its name.
const NAMED: [&str; 4] = ["%d-%b-%y", "%d-%b-%Y", "%b %d, %Y", "%d %b %Y"];

/// How dates are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dates {
    /// Whether `01/05/2026` is of May.
    day_first: bool,
    /// Whether stamps are instants, with midnight one of them; else midnight names its day.
    instants: bool,
}

/// What was seen of the dates of a file.
#[derive(Debug, Default)]
pub(super) struct Seen {
    month_first: Option<u64>,
    day_first: Option<u64>,
    either: Option<(u64, String)>,
    instants: bool,
}

impl Seen {
    pub(super) fn see(&mut self, line: u64, text: &str) {
        if text.parse::<Timestamp>().is_ok() {
            self.instants |= !has_midnight(text);
            return;
        }
        let Some((first, second, year)) = parts(text) else {
            return;
        };
        let is_date = |month, day| Date::new(year, month, day).is_ok();
        match (is_date(first, second), is_date(second, first)) {
            (true, false) => drop(self.month_first.get_or_insert(line)),
            (false, true) => drop(self.day_first.get_or_insert(line)),
            (true, true) if first != second && self.either.is_none() => {
                self.either = Some((line, text.to_owned()));
            }
            _ => {}
        }
    }

    pub(super) fn decide(self, path: impl Fn() -> PathBuf) -> Result<Dates, CsvError> {
        let day_first = match (self.month_first, self.day_first, self.either) {
            (Some(month_first), Some(day_first), _) => {
                return Err(CsvError::MixedDates {
                    path: path(),
                    month_first,
                    day_first,
                });
            }
            (None, None, Some((line, text))) => {
                return Err(CsvError::DayOrMonth {
                    path: path(),
                    line,
                    text,
                });
            }
            (_, day_first, _) => day_first.is_some(),
        };
        let instants = self.instants;
        Ok(Dates {
            day_first,
            instants,
        })
    }
}

impl Dates {
    /// When a bar is from.
    pub(super) fn stamp(self, text: &str) -> Result<Stamp, String> {
        if text.is_empty() {
            return Err("date is empty".to_owned());
        }
        if let Some(date) = self.date(text) {
            return if self.instants {
                Err(format!("`{text}` is a day, and other rows are instants"))
            } else {
                Ok(Stamp::Day(date))
            };
        }
        if let Some(date) = day_of_midnight(text).filter(|_| !self.instants) {
            return Ok(Stamp::Day(date));
        }
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(Stamp::Instant(at));
        }
        if text.parse::<DateTime>().is_ok() {
            return Err(format!(
                "`{text}` has no offset: write it as 2026-01-05 15:30:00-05:00"
            ));
        }
        Err(format!(
            "`{text}` is no date like 2026-01-05 and no instant with its offset"
        ))
    }

    fn date(self, text: &str) -> Option<Date> {
        if let Some((first, second, year)) = parts(text) {
            let (month, day) = if self.day_first {
                (second, first)
            } else {
                (first, second)
            };
            return Date::new(year, month, day).ok();
        }
        year_first(text)
            .or_else(|| german(text))
            .or_else(|| named(text))
    }
}

/// The three numbers of a text.
fn numbers(text: &str, separator: char) -> Option<[&str; 3]> {
    let mut parts = text.split(separator);
    let numbers = [parts.next()?, parts.next()?, parts.next()?];
    let digits = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    (parts.next().is_none() && numbers.iter().all(digits)).then_some(numbers)
}

/// `01/05/2026`, `1-5-26`: two numbers of which one is the month, and the year.
fn parts(text: &str) -> Option<(i8, i8, i16)> {
    let [first, second, year] = numbers(text, '/').or_else(|| numbers(text, '-'))?;
    (first.len() <= 2).then_some(())?;
    Some((first.parse().ok()?, second.parse().ok()?, full(year)?))
}

/// A year of two digits is of 1969 to 2068, as POSIX has it.
fn full(year: &str) -> Option<i16> {
    let number: i16 = year.parse().ok()?;
    match year.len() {
        4 => Some(number),
        2 if number < 69 => Some(2000 + number),
        2 => Some(1900 + number),
        _ => None,
    }
}

/// `2026-01-05`, `2026/1/5`, `2026.01.05`, `20260105`.
fn year_first(text: &str) -> Option<Date> {
    let mut separators = ['-', '/', '.'].into_iter();
    if let Some([year, month, day]) = separators.find_map(|by| numbers(text, by)) {
        (year.len() == 4).then_some(())?;
        return Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok();
    }
    let plain = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    let date = || strtime::parse("%Y%m%d", text).and_then(|parsed| parsed.to_date());
    plain.then(date)?.ok()
}

/// `05.01.2026`: with points the day is first.
fn german(text: &str) -> Option<Date> {
    let [day, month, year] = numbers(text, '.')?;
    Date::new(full(year)?, month.parse().ok()?, day.parse().ok()?).ok()
}

fn named(text: &str) -> Option<Date> {
    let read = |form: &str| {
        strtime::parse(form, text)
            .and_then(|parsed| parsed.to_date())
            .ok()
    };
    NAMED.iter().find_map(|form| read(form))
}

fn has_midnight(text: &str) -> bool {
    day_of_midnight(text).is_some()
}

/// The day that a text with the time of midnight names, whatever its offset.
fn day_of_midnight(text: &str) -> Option<Date> {
    let (day, rest) = text.split_once([' ', 'T'])?;
    // Offsets begin with a sign or are `Z`; a zone may follow.
    let end = rest
        .find(['+', '-', 'Z', 'z', '[', ' '])
        .unwrap_or(rest.len());
    let time: Time = rest.get(..end)?.parse().ok()?;
    (time == Time::midnight()).then_some(())?;
    day.parse().ok()
}
