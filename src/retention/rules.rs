//! The rules one by one: each looks at the archives from the newest to the oldest.

use jiff::{Timestamp, Zoned, tz::TimeZone};

use super::Keep;
use crate::units::Span;

/// A reason, and whether it is one to keep.
pub(super) type Verdict = Result<String, String>;

/// A rule on its way through the archives.
pub(super) enum Rule {
    Count(Count),
    Within { span: Span, newest: Timestamp },
}

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Last,
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// A rule that keeps the newest of each of the last `of` periods.
pub(super) struct Count {
    unit: Unit,
    of: u32,
    used: u32,
    last: Option<Period>,
}

/// Which day, week, month or year it is; for `last` every archive is a period of its own.
type Period = (i16, i16);

impl Rule {
    /// The rules of `keep`; `newest` is the newest archive that counts.
    pub(super) fn all(keep: &Keep, newest: Timestamp) -> Vec<Self> {
        let counts = [
            (Unit::Last, keep.last),
            (Unit::Daily, keep.daily),
            (Unit::Weekly, keep.weekly),
            (Unit::Monthly, keep.monthly),
            (Unit::Yearly, keep.yearly),
        ];
        let mut rules: Vec<_> = counts
            .into_iter()
            .filter_map(|(unit, of)| Some(Self::Count(Count::new(unit, of?))))
            .collect();
        if let Some(span) = keep.within {
            rules.push(Self::Within { span, newest });
        }
        rules
    }

    /// Looks at the next older archive; `oldest` when there is none after it.
    pub(super) fn look(&mut self, at: Timestamp, zone: &TimeZone, oldest: bool) -> Verdict {
        match self {
            Self::Count(count) => count.look(&at.to_zoned(zone.clone()), oldest),
            Self::Within { span, newest } => {
                if newest.duration_since(at) < span.signed() {
                    Ok(format!("within {span} of the newest"))
                } else {
                    Err(format!("not within {span} of the newest"))
                }
            }
        }
    }
}

impl Count {
    fn new(unit: Unit, of: u32) -> Self {
        Self {
            unit,
            of,
            used: 0,
            last: None,
        }
    }

    fn look(&mut self, at: &Zoned, oldest: bool) -> Verdict {
        let Self { unit, of, used, .. } = *self;
        let word = unit.word();
        if of == 0 {
            return Err(format!("{word} keeps none"));
        }
        if used >= of {
            return Err(match unit {
                Unit::Last => format!("older than the last {of}"),
                _ => format!("older than the last {of} {word} archives"),
            });
        }
        let period = unit.period(at);
        if unit == Unit::Last || self.last != Some(period) {
            self.last = Some(period);
            self.used += 1;
            return Ok(match unit.shown(at) {
                Some(shown) => format!("{word} {} of {of} ({shown})", self.used),
                None => format!("{word} {} of {of}", self.used),
            });
        }
        if oldest {
            self.used += 1;
            return Ok(format!(
                "oldest, while there are fewer than {of} {word} archives"
            ));
        }
        Err(format!("a newer archive of the same {} stays", unit.noun()))
    }
}

impl Unit {
    const fn word(self) -> &'static str {
        match self {
            Self::Last => "last",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Yearly => "yearly",
        }
    }

    const fn noun(self) -> &'static str {
        match self {
            Self::Last => "moment",
            Self::Daily => "day",
            Self::Weekly => "week",
            Self::Monthly => "month",
            Self::Yearly => "year",
        }
    }

    fn period(self, at: &Zoned) -> Period {
        let week = at.date().iso_week_date();
        match self {
            Self::Last => (0, 0),
            Self::Daily => (at.year(), at.day_of_year()),
            Self::Weekly => (week.year(), i16::from(week.week())),
            Self::Monthly => (at.year(), i16::from(at.month())),
            Self::Yearly => (at.year(), 0),
        }
    }

    fn shown(self, at: &Zoned) -> Option<String> {
        let week = at.date().iso_week_date();
        match self {
            Self::Last => None,
            Self::Daily => Some(at.date().to_string()),
            Self::Weekly => Some(format!("{}-W{:02}", week.year(), week.week())),
            Self::Monthly => Some(format!("{}-{:02}", at.year(), at.month())),
            Self::Yearly => Some(at.year().to_string()),
        }
    }
}
