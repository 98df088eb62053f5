//! One field of a cron expression: what may stand in it, and what is wrong with what does not.
//!
//! croner reads the same syntax, but says neither where a mistake is nor refuses every text whose
//! meaning differs between dialects (`?`, a bare `L` as weekday, `5/15`). So each field is read
//! here first and handed on in the one spelling that croner cannot misread.

use std::fmt::{self, Write as _};

use super::{ScheduleError, hint};

/// Which field it is; the order is the order in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Second,
    Minute,
    Hour,
    Day,
    Month,
    Weekday,
}

pub(super) const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
pub(super) const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
            Self::Weekday => "weekday",
        }
    }

    /// The least and the greatest number. Weekday 7 is Sunday again.
    pub(super) const fn range(self) -> (u32, u32) {
        match self {
            Self::Second | Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::Day => (1, 31),
            Self::Month => (1, 12),
            Self::Weekday => (0, 7),
        }
    }

    /// Names that stand for numbers, and the number of the first.
    const fn names(self) -> (&'static [&'static str], u32) {
        match self {
            Self::Month => (&MONTHS, 1),
            Self::Weekday => (&WEEKDAYS, 0),
            _ => (&[], 0),
        }
    }
}

/// One element of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// `*`
    All,
    /// `3`
    One(u32),
    /// `1-5`
    Range(u32, u32),
    /// `*/5` (a `true` in front) or `10-40/5`
    Step(bool, u32, u32, u32),
    /// `L`, the last day of the month
    LastDay,
    /// `LW`, its last day from Monday to Friday
    LastWorkday,
    /// `15W`, the day from Monday to Friday nearest to a day, in the same month
    Nearest(u32),
    /// `5#3`, the third Friday
    Nth(u32, u32),
    /// `5L`, the last Friday
    LastOf(u32),
}

/// One field, read and found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) kind: Kind,
    pub(super) parts: Vec<Part>,
}

impl Field {
    /// Reads the text of one field, which starts at byte `at` of the whole expression.
    pub(super) fn parse(kind: Kind, text: &str, at: usize) -> Result<Self, ScheduleError> {
        let mut parts = Vec::new();
        let mut start = at;
        for part in text.split(',') {
            parts.push(Reader { kind, part, start }.read()?);
            start += part.len() + 1;
        }
        if parts.contains(&Part::LastDay) && parts.contains(&Part::LastWorkday) {
            return Err(ScheduleError::new(
                "`L` and `LW` cannot stand in one list",
                at..at + text.len(),
            )
            .hint("write two schedules"));
        }
        Ok(Self { kind, parts })
    }

    /// A field that says nothing: exactly `*`.
    pub(super) fn is_all(&self) -> bool {
        self.parts == [Part::All]
    }

    /// Whether it starts with `*`: what cron calls a wildcard.
    pub(super) fn is_wild(&self) -> bool {
        matches!(
            self.parts.first(),
            Some(Part::All | Part::Step(true, _, _, _))
        )
    }

    /// The single number it consists of.
    pub(super) fn single(&self) -> Option<u32> {
        match self.parts.as_slice() {
            [Part::One(n)] => Some(*n),
            _ => None,
        }
    }

    /// The numbers it matches by themselves, ascending, Sunday as 0; parts with `L`, `W`, `#` aside.
    pub(super) fn values(&self) -> Vec<u32> {
        let (low, high) = self.kind.range();
        let mut values: Vec<u32> = Vec::new();
        for part in &self.parts {
            match *part {
                Part::All => values.extend(low..=high),
                Part::One(n) => values.push(n),
                Part::Range(from, to) => values.extend(from..=to),
                Part::Step(_, from, to, step) => {
                    values.extend((from..=to).step_by(usize::try_from(step).unwrap_or(1).max(1)));
                }
                Part::LastDay
                | Part::LastWorkday
                | Part::Nearest(_)
                | Part::Nth(..)
                | Part::LastOf(_) => {}
            }
        }
        if self.kind == Kind::Weekday {
            for value in &mut values {
                *value %= 7;
            }
        }
        values.sort_unstable();
        values.dedup();
        values
    }
}

/// The spelling for croner: numbers only, and no `*` inside a list.
impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_all() {
            return f.write_char('*');
        }
        let (low, high) = self.kind.range();
        for (i, part) in self.parts.iter().enumerate() {
            if i > 0 {
                f.write_char(',')?;
            }
            match *part {
                Part::All => write!(f, "{low}-{high}")?,
                Part::One(n) => write!(f, "{n}")?,
                Part::Range(from, to) => write!(f, "{from}-{to}")?,
                Part::Step(_, from, to, step) => write!(f, "{from}-{to}/{step}")?,
                Part::LastDay => f.write_char('L')?,
                Part::LastWorkday => f.write_str("LW")?,
                Part::Nearest(n) => write!(f, "{n}W")?,
                Part::Nth(day, n) => write!(f, "{day}#{n}")?,
                Part::LastOf(day) => write!(f, "{day}L")?,
            }
        }
        Ok(())
    }
}

/// Reads one element of a list.
struct Reader<'a> {
    kind: Kind,
    part: &'a str,
    start: usize,
}

impl Reader<'_> {
    fn read(&self) -> Result<Part, ScheduleError> {
        if self.part.is_empty() {
            return Err(self.wrong("an element of the list is empty".to_owned()));
        }
        if self.part == "?" {
            return Err(self.wrong("`?` is not cron".to_owned()).hint(
                "write `*`; and mind that the dialects with `?` count Sunday as 1, cron as 0",
            ));
        }
        if let Some((range, step)) = self.part.split_once('/') {
            return self.step(range, step);
        }
        if self.part == "*" {
            return Ok(Part::All);
        }
        if let Some(part) = self.special()? {
            return Ok(part);
        }
        match self.part.split_once('-') {
            Some((from, to)) => self
                .bounds(from, to)
                .map(|(from, to)| Part::Range(from, to)),
            None => self.number(self.part).map(Part::One),
        }
    }

    /// `L`, `LW`, `15W` in the day; `5#3`, `5L` in the weekday.
    fn special(&self) -> Result<Option<Part>, ScheduleError> {
        let upper = self.part.to_ascii_uppercase();
        match self.kind {
            Kind::Day if upper == "L" => Ok(Some(Part::LastDay)),
            Kind::Day if upper == "LW" || upper == "WL" => Ok(Some(Part::LastWorkday)),
            Kind::Day => match upper.strip_suffix('W') {
                Some(day) => self.number(day).map(Part::Nearest).map(Some),
                None => Ok(None),
            },
            Kind::Weekday if upper == "L" => Err(self
                .wrong("`L` alone is no weekday".to_owned())
                .hint("`5L` is the last Friday of the month")),
            Kind::Weekday => {
                if let Some((day, nth)) = self.part.split_once('#') {
                    return self.nth(day, nth).map(Some);
                }
                match upper.strip_suffix('L') {
                    Some(day) => Ok(Some(Part::LastOf(self.number(day)? % 7))),
                    None => Ok(None),
                }
            }
            Kind::Second | Kind::Minute | Kind::Hour | Kind::Month => Ok(None),
        }
    }

    fn nth(&self, day: &str, nth: &str) -> Result<Part, ScheduleError> {
        match plain(nth) {
            Some(n @ 1..=5) => Ok(Part::Nth(self.number(day)? % 7, n)),
            _ => Err(self.wrong(format!("`#{nth}` must be `#1` to `#5`"))),
        }
    }

    fn step(&self, range: &str, step: &str) -> Result<Part, ScheduleError> {
        let (low, high) = self.kind.range();
        let name = self.kind.name();
        let (wild, from, to) = if range == "*" {
            (true, low, high)
        } else if let Some((from, to)) = range.split_once('-') {
            let (from, to) = self.bounds(from, to)?;
            (false, from, to)
        } else {
            let wrong = self.wrong(format!("a step needs a range, found `{}`", self.part));
            let hint = match self.number(range) {
                Ok(from) => format!("write `{from}-{high}/{step}`"),
                Err(_) => format!("write `*/{step}`"),
            };
            return Err(wrong.hint(hint));
        };
        match plain(step) {
            Some(0) => Err(self.wrong(format!("a step of 0 in {name} would never move on"))),
            Some(step) if step <= high => Ok(Part::Step(wild, from, to, step)),
            Some(step) => {
                let wrong = self.wrong(format!(
                    "a step of {step} leaves {name}'s range {low}–{high}"
                ));
                Err(match self.kind {
                    Kind::Second => wrong.hint(format!("`every {step}s` counts across minutes")),
                    Kind::Minute => wrong.hint(format!("`every {step}m` counts across hours")),
                    Kind::Hour => wrong.hint(format!("`every {step}h` counts across days")),
                    Kind::Day | Kind::Month | Kind::Weekday => wrong,
                })
            }
            None => Err(self.wrong(format!("`{step}` is not a step"))),
        }
    }

    fn bounds(&self, from: &str, to: &str) -> Result<(u32, u32), ScheduleError> {
        let low = self.number(from)?;
        let mut high = self.number(to)?;
        // `sat-sun` means Sunday after Saturday, but `sun-sun` is one day and not eight.
        if self.kind == Kind::Weekday && to.eq_ignore_ascii_case("sun") && low > 0 {
            high = 7;
        }
        if low > high {
            let (least, most) = self.kind.range();
            let most = if self.kind == Kind::Weekday { 6 } else { most };
            return Err(self
                .wrong(format!("the range {from}-{to} runs backwards"))
                .hint(format!("write two ranges: `{low}-{most},{least}-{high}`")));
        }
        Ok((low, high))
    }

    fn number(&self, text: &str) -> Result<u32, ScheduleError> {
        let name = self.kind.name();
        let (low, high) = self.kind.range();
        let (names, first) = self.kind.names();
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return plain(text)
                .filter(|n| (low..=high).contains(n))
                .ok_or_else(|| self.wrong(format!("{name} {text} is out of range {low}–{high}")));
        }
        let lower = text.to_ascii_lowercase();
        let found = names.iter().zip(first..).find(|(name, _)| **name == lower);
        match found {
            Some((_, number)) => Ok(number),
            None if text.is_empty() => {
                Err(self.wrong(format!("a number is missing in `{}`", self.part)))
            }
            None => {
                let wrong = self.wrong(format!("`{text}` is not a {name}"));
                let short = lower.get(..3).unwrap_or(&lower);
                Err(match hint::closest(short, names) {
                    Some(name) => wrong.hint(format!("did you mean `{name}`?")),
                    None => wrong.hint(format!("a number {low}–{high}")),
                })
            }
        }
    }

    fn wrong(&self, message: String) -> ScheduleError {
        ScheduleError::new(message, self.start..self.start + self.part.len())
    }
}

/// A number of digits only; no sign, no overflow.
fn plain(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(kind: Kind, text: &str) -> String {
        Field::parse(kind, text, 0).unwrap().to_string()
    }

    fn message(kind: Kind, text: &str) -> String {
        Field::parse(kind, text, 0).unwrap_err().message
    }

    #[test]
    fn names_become_numbers() {
        assert_eq!(shown(Kind::Month, "JAN,jul-Sep"), "1,7-9");
        assert_eq!(shown(Kind::Weekday, "MON-fri"), "1-5");
        assert_eq!(shown(Kind::Weekday, "sat-sun"), "6-7");
        assert_eq!(shown(Kind::Weekday, "sun-tue"), "0-2");
    }

    #[test]
    fn sunday_to_sunday_is_one_day() {
        let field = Field::parse(Kind::Weekday, "sun-sun", 0).unwrap();
        assert_eq!(field.values(), [0]);
    }

    #[test]
    fn a_star_in_a_list_is_spelled_out() {
        assert_eq!(shown(Kind::Day, "5,*"), "5,1-31");
        assert!(!Field::parse(Kind::Day, "5,*", 0).unwrap().is_wild());
        assert!(Field::parse(Kind::Day, "*,5", 0).unwrap().is_wild());
    }

    #[test]
    fn values_are_sorted_and_unique() {
        let field = Field::parse(Kind::Minute, "7,3,5,0-10/5", 0).unwrap();
        assert_eq!(field.values(), [0, 3, 5, 7, 10]);
        let days = Field::parse(Kind::Weekday, "7,0,5-7", 0).unwrap();
        assert_eq!(days.values(), [0, 5, 6]);
    }

    #[test]
    fn specials_stand_only_where_they_mean_something() {
        assert_eq!(shown(Kind::Day, "l"), "L");
        assert_eq!(shown(Kind::Day, "15w,LW"), "15W,LW");
        assert_eq!(shown(Kind::Weekday, "fri#3,7L"), "5#3,0L");
        for (kind, text) in [
            (Kind::Hour, "L"),
            (Kind::Minute, "5W"),
            (Kind::Month, "1#1"),
            (Kind::Day, "1#1"),
            (Kind::Day, "5L"),
            (Kind::Weekday, "L"),
            (Kind::Weekday, "5W"),
            (Kind::Day, "L,LW"),
            (Kind::Day, "W"),
            (Kind::Weekday, "#1"),
            (Kind::Weekday, "1#6"),
            (Kind::Weekday, "1-5#2"),
        ] {
            assert!(Field::parse(kind, text, 0).is_err(), "{text}");
        }
    }

    #[test]
    fn messages_name_field_value_and_range() {
        assert_eq!(
            message(Kind::Minute, "61"),
            "minute 61 is out of range 0–59"
        );
        assert_eq!(message(Kind::Day, "0"), "day 0 is out of range 1–31");
        assert_eq!(
            message(Kind::Minute, "99999999999999999999"),
            "minute 99999999999999999999 is out of range 0–59"
        );
        assert_eq!(
            message(Kind::Minute, "*/90"),
            "a step of 90 leaves minute's range 0–59"
        );
        assert_eq!(
            message(Kind::Hour, "*/0"),
            "a step of 0 in hour would never move on"
        );
        assert_eq!(message(Kind::Hour, "22-4"), "the range 22-4 runs backwards");
        assert_eq!(
            message(Kind::Hour, "1,,2"),
            "an element of the list is empty"
        );
        assert_eq!(message(Kind::Hour, "1-"), "a number is missing in `1-`");
    }

    #[test]
    fn hints_say_how_to_mend() {
        let hint = |kind, text| Field::parse(kind, text, 0).unwrap_err().hint.unwrap();
        assert_eq!(hint(Kind::Weekday, "mno"), "did you mean `mon`?");
        assert_eq!(hint(Kind::Weekday, "sunday"), "did you mean `sun`?");
        assert_eq!(hint(Kind::Minute, "5/15"), "write `5-59/15`");
        assert_eq!(hint(Kind::Minute, "/15"), "write `*/15`");
        assert_eq!(
            hint(Kind::Minute, "*/90"),
            "`every 90m` counts across hours"
        );
        assert!(hint(Kind::Day, "?").starts_with("write `*`"));
    }

    #[test]
    fn the_place_is_that_of_the_element() {
        let error = Field::parse(Kind::Minute, "1,61,2", 10).unwrap_err();
        assert_eq!(error.span, 12..14);
    }
}
