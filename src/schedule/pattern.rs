//! A cron expression that was read: the only file that names croner.

use croner::{Cron, parser::CronParser};
use jiff::civil::{Date, DateTime, date};

use super::{
    ScheduleError,
    field::{Field, Kind},
};

/// A parsed expression, about 5.7 kB; shared through [`super::Interner`].
#[derive(Debug)]
pub struct Pattern {
    text: Box<str>,
    /// The five or six fields that `text` stands for, when it is a nickname.
    fields: Option<&'static str>,
    cron: Cron,
    fixed: bool,
}

impl Pattern {
    /// Reads `fields`, which starts at byte `at` of what was written.
    pub(super) fn parse(
        text: &str,
        nickname: Option<&'static str>,
        at: usize,
    ) -> Result<Self, ScheduleError> {
        let fields = read(nickname.unwrap_or(text), at)?;
        let whole = at..at + text.len();
        let [second, minute, hour, day, month, weekday] = &fields;
        // cron's rule: both restricted means either. A field that starts with `*` does not
        // restrict, so `*/2` as day keeps its meaning of "and".
        let both = day.is_wild() || weekday.is_wild();
        let spelled = format!("{second} {minute} {hour} {day} {month} {weekday}");
        let cron = CronParser::builder()
            .dom_and_dow(both)
            .build()
            .parse(&spelled)
            .map_err(|error| ScheduleError::new(error.to_string(), whole.clone()))?;
        if !fires(&cron) {
            return Err(ScheduleError::new("this schedule never fires", whole)
                .hint("no month that is named has such a day"));
        }
        Ok(Self {
            text: text.into(),
            fields: nickname,
            cron,
            fixed: !second.is_wild() && !minute.is_wild() && !hour.is_wild(),
        })
    }

    /// The text as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it names times of day: neither minute nor hour (nor seconds, if given) starts with
    /// `*`. A job with `*` in its seconds follows the wall clock like any wildcard job: sixty runs
    /// of a skipped minute must not become one, nor a repeated minute stay silent.
    pub fn is_fixed(&self) -> bool {
        self.fixed
    }

    /// The first wall time at or after `from` that matches, daylight saving aside.
    pub(super) fn slot_from(&self, from: DateTime) -> Option<DateTime> {
        self.cron.find_next_occurrence(&from, true).ok()
    }

    /// Seconds, minute, hour, day, month, weekday, as read from the text.
    pub(super) fn fields(&self) -> Option<[Field; 6]> {
        read(self.fields.unwrap_or(&self.text), 0).ok()
    }
}

/// Whether any day matches. The 28 years from 2000 hold every kind of year there is (a leap year
/// and a common one starting on each weekday), so the answer is exact for all years.
fn fires(cron: &Cron) -> bool {
    let mut day: Date = date(2000, 1, 1);
    while day.year() < 2028 {
        match matches(cron, day) {
            Some(true) => return true,
            Some(false) => {}
            None => return false,
        }
        let Ok(next) = day.tomorrow() else {
            return false;
        };
        day = next;
    }
    false
}

/// Whether a day matches; `None` if croner calls it no day at all.
fn matches(cron: &Cron, day: Date) -> Option<bool> {
    let month = u32::from(day.month().unsigned_abs());
    if !cron.pattern.month_match(month).ok()? {
        return Some(false);
    }
    let weekday = u32::from(day.weekday().to_sunday_zero_offset().unsigned_abs());
    cron.pattern
        .day_match(
            i32::from(day.year()),
            month,
            u32::from(day.day().unsigned_abs()),
            croner::Weekday::from_days_from_sunday(weekday),
        )
        .ok()
}

/// The six fields; five mean second 0.
fn read(text: &str, at: usize) -> Result<[Field; 6], ScheduleError> {
    let words: Vec<(usize, &str)> = text
        .split_whitespace()
        .map(|word| (at + (word.as_ptr() as usize - text.as_ptr() as usize), word))
        .collect();
    let (second, rest) = match words.as_slice() {
        rest @ [_, _, _, _, _] => ((at, "0"), rest),
        [second, rest @ ..] => (*second, rest),
        [] => ((at, ""), [].as_slice()),
    };
    let &[minute, hour, day, month, weekday] = rest else {
        let message = format!(
            "a cron expression has five fields (minute hour day month weekday) or six with \
             seconds in front; found {}",
            words.len()
        );
        return Err(ScheduleError::new(message, at..at + text.len()));
    };
    let field = |kind: Kind, (at, word): (usize, &str)| Field::parse(kind, word, at);
    Ok([
        field(Kind::Second, second)?,
        field(Kind::Minute, minute)?,
        field(Kind::Hour, hour)?,
        field(Kind::Day, day)?,
        field(Kind::Month, month)?,
        field(Kind::Weekday, weekday)?,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Result<Pattern, ScheduleError> {
        Pattern::parse(text, None, 0)
    }

    fn days(text: &str, from: &str, count: usize) -> Vec<String> {
        let pattern = pattern(text).unwrap();
        let mut at: DateTime = from.parse().unwrap();
        let mut found = Vec::new();
        while found.len() < count {
            at = pattern.slot_from(at).unwrap();
            found.push(at.date().to_string());
            at = at
                .date()
                .tomorrow()
                .unwrap()
                .to_datetime(jiff::civil::Time::midnight());
        }
        found
    }

    #[test]
    fn day_and_weekday_both_restricted_mean_either() {
        assert_eq!(
            days("0 0 13 * fri", "2026-11-01T00:00", 4),
            ["2026-11-06", "2026-11-13", "2026-11-20", "2026-11-27"]
        );
    }

    #[test]
    fn a_day_that_starts_with_a_star_restricts_together_with_the_weekday() {
        assert_eq!(
            days("0 0 */2 * mon", "2026-11-01T00:00", 3),
            ["2026-11-09", "2026-11-23", "2026-12-07"]
        );
        assert_eq!(
            days("0 0 1-10 * */2", "2026-11-01T00:00", 4),
            ["2026-11-01", "2026-11-03", "2026-11-05", "2026-11-07"]
        );
    }

    #[test]
    fn specials_name_the_right_days() {
        assert_eq!(
            days("0 0 L * *", "2028-02-01T00:00", 2),
            ["2028-02-29", "2028-03-31"]
        );
        assert_eq!(
            days("0 0 LW * *", "2026-10-01T00:00", 2),
            ["2026-10-30", "2026-11-30"]
        );
        assert_eq!(
            days("0 0 15W * *", "2026-11-01T00:00", 2),
            ["2026-11-16", "2026-12-15"]
        );
        assert_eq!(
            days("0 0 * * fri#3", "2026-11-01T00:00", 2),
            ["2026-11-20", "2026-12-18"]
        );
        assert_eq!(
            days("0 0 * * sunL", "2026-11-01T00:00", 2),
            ["2026-11-29", "2026-12-27"]
        );
    }

    #[test]
    fn rare_days_are_found_and_impossible_ones_refused() {
        assert_eq!(days("0 0 29 2 *", "2096-03-01T00:00", 1), ["2104-02-29"]);
        assert_eq!(days("0 0 * 2 mon#5", "2026-01-01T00:00", 1), ["2044-02-29"]);
        for never in [
            "0 0 31 2 *",
            "0 0 30 2 *",
            "0 0 31 4,6,9,11 *",
            "0 0 0 30-31 2 *",
        ] {
            let error = pattern(never).unwrap_err();
            assert_eq!(error.message, "this schedule never fires", "{never}");
            assert_eq!(error.span, 0..never.len());
        }
        for rare in ["0 0 29 2 *", "0 0 29 2 1#5", "0 0 31W 1 *", "0 0 29W 2 *"] {
            assert!(pattern(rare).is_ok(), "{rare}");
        }
    }

    #[test]
    fn fixed_means_no_star_in_front_of_a_time_field() {
        for fixed in [
            "0 2 * * *",
            "0,30 1-3 * * *",
            "15 30 2 * * *",
            "0-59/20 23 * * *",
        ] {
            assert!(pattern(fixed).unwrap().is_fixed(), "{fixed}");
        }
        for wild in ["* 2 * * *", "0 */2 * * *", "30 * * * *", "*/10 30 2 * * *"] {
            assert!(!pattern(wild).unwrap().is_fixed(), "{wild}");
        }
    }
}
