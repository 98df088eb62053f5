//! What a schedule most likely was not meant to say: good cron, read otherwise by most people.

use std::ops::Range;

use jiff::{SignedDuration, Timestamp};

use super::{
    Frame, Schedule, clock_changes, describe,
    field::{Field, Kind, Part},
    pattern::Pattern,
};

/// A schedule that is not due for longer than this is rare enough to be told.
const RARE: SignedDuration = SignedDuration::from_hours(24 * 366);
/// For most of those who wait that long it is never.
const NEVER: SignedDuration = SignedDuration::from_hours(24 * 366 * 5);

/// Something that is no mistake, but surprises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// What, as a lowercase sentence without a full stop.
    pub message: String,
    /// What to write instead, or how to get used to it.
    pub hint: Option<String>,
    /// The bytes of the schedule's text that it is about.
    pub span: Range<usize>,
}

impl Schedule {
    /// What is doubtful about it, seen at `now`: two restricted days, uneven steps, times that
    /// daylight saving skips or repeats in the next 400 days, slots that are years away.
    ///
    /// Spans refer to the text as [`Schedule::parse`] was given it, without blanks in front.
    pub fn doubts(&self, frame: &Frame, now: Timestamp) -> Vec<Doubt> {
        let Self::Cron(pattern) = self else {
            return Vec::new();
        };
        let mut doubts = Vec::new();
        let words = words(pattern);
        if let (Some(fields), Some(words)) = (pattern.fields(), &words) {
            doubts.extend(either_day(pattern, &fields, words));
            let uneven = fields.iter().zip(words).filter_map(uneven);
            doubts.extend(uneven);
        }
        let changes = clock_changes::doubts(pattern, frame, now);
        let whole = 0..pattern.text().len();
        doubts.extend(changes.into_iter().map(|(message, hint)| Doubt {
            message,
            hint: Some(hint),
            span: whole.clone(),
        }));
        doubts.extend(self.rare(pattern, frame, now));
        doubts
    }

    fn rare(&self, pattern: &Pattern, frame: &Frame, now: Timestamp) -> Option<Doubt> {
        let next = self.next_after(now, frame);
        let message = match next {
            None => "this schedule is never due again".to_owned(),
            Some(at) => {
                let date = at.to_zoned(frame.zone.clone()).date();
                match at.duration_since(now) {
                    wait if wait > NEVER => {
                        format!("never due within the next 5 years: next on {date}")
                    }
                    wait if wait > RARE => format!("rarely due: next on {date}"),
                    _ => return None,
                }
            }
        };
        let leap = pattern.fields().is_some_and(|[_, _, _, day, month, _]| {
            day.single() == Some(29) && month.single() == Some(2)
        });
        Some(Doubt {
            message,
            hint: leap.then(|| "the last day of every February is day `L` of month 2".to_owned()),
            span: 0..pattern.text().len(),
        })
    }
}

/// The places of the six fields; none of a nickname's, and an empty one where five stand.
fn words(pattern: &Pattern) -> Option<[Range<usize>; 6]> {
    let text = pattern.text();
    let mut words: Vec<Range<usize>> = Vec::new();
    for word in text.split_whitespace() {
        let start = word.as_ptr() as usize - text.as_ptr() as usize;
        words.push(start..start + word.len());
    }
    if words.len() == 5 {
        words.insert(0, 0..0);
    }
    words.try_into().ok()
}

/// Day and weekday are both restricted: cron is due when either fits, people often mean both.
fn either_day(
    pattern: &Pattern,
    [_, _, _, day, month, weekday]: &[Field; 6],
    words: &[Range<usize>; 6],
) -> Option<Doubt> {
    if day.is_wild() || weekday.is_wild() {
        return None;
    }
    let (first, second) = (
        describe::month_days(day, month),
        describe::weekdays(weekday, month),
    );
    let [_, _, _, from, _, until] = words;
    let hint = match nth(day, weekday) {
        Some(better) => {
            let mut texts = words
                .clone()
                .map(|word| pattern.text().get(word).unwrap_or_default());
            let [_, _, _, day, _, weekday] = &mut texts;
            (*day, *weekday) = ("*", better.as_str());
            format!("for both at once write `{}`", texts.join(" ").trim_start())
        }
        None => "cron cannot say both at once, but the 2nd Friday is weekday `5#2` with day `*`; \
                 where either is meant, two schedules in a list say so plainly"
            .to_owned(),
    };
    Some(Doubt {
        message: format!("day OR weekday, as in cron: {first} and also {second}"),
        hint: Some(hint),
        span: from.start..until.end,
    })
}

/// `8-14` with one weekday is its second one in the month, `25-31` nearly always the last.
fn nth(day: &Field, weekday: &Field) -> Option<String> {
    let weekday = weekday.single()? % 7;
    let [Part::Range(from, to)] = day.parts.as_slice() else {
        return None;
    };
    match (from % 7, to - from) {
        (1, 6) => Some(format!("{weekday}#{}", from / 7 + 1)),
        _ if (*from, *to) == (25, 31) => Some(format!("{weekday}L")),
        _ => None,
    }
}

/// `*/45` minutes are 45 and 15 minutes apart in turn.
fn uneven((field, word): (&Field, &Range<usize>)) -> Option<Doubt> {
    let [Part::Step(true, _, _, step)] = field.parts.as_slice() else {
        return None;
    };
    let (cycle, of, unit) = match field.kind {
        Kind::Second => (60, "minute", "s"),
        Kind::Minute => (60, "hour", "m"),
        Kind::Hour => (24, "day", "h"),
        // Months have no common length.
        Kind::Day => (0, "month", "d"),
        Kind::Month => (12, "year", ""),
        Kind::Weekday => (7, "week", ""),
    };
    let step = *step;
    if step == 1 || (cycle > 0 && cycle % step == 0) {
        return None;
    }
    let noun = field.kind.name();
    let at = describe::counted(noun, field);
    let hint = match field.kind {
        Kind::Month => "write the months that are meant, such as `1,6,11`".to_owned(),
        Kind::Weekday => "write the weekdays that are meant, such as `mon,wed,fri`".to_owned(),
        _ => format!("`every {step}{unit}` keeps the distance, whatever the clock shows"),
    };
    Some(Doubt {
        message: format!("`*/{step}` is uneven: {at} of each {of}, not every {step} {noun}s"),
        hint: Some(hint),
        span: word.clone(),
    })
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::schedule::Dst;

    fn doubts(text: &str) -> Vec<Doubt> {
        let frame = Frame {
            zone: TimeZone::UTC,
            dst: Dst::default(),
            anchor: Timestamp::UNIX_EPOCH,
            calendar: None,
            only: None,
        };
        let now = "2026-11-24T00:00:00Z".parse().unwrap();
        Schedule::parse(text).unwrap().doubts(&frame, now)
    }

    fn told(text: &str) -> Vec<(String, String)> {
        let part = |doubt: Doubt| (text[doubt.span].to_owned(), doubt.message);
        doubts(text).into_iter().map(part).collect()
    }

    #[test]
    fn what_most_people_read_rightly_is_not_told() {
        for text in [
            "0 2 * * *",
            "*/5 * * * *",
            "*/20 */6 * * 1-5",
            "*/15 * * * * *",
            "0 0 */1 * *",
            "0 0 1 */3 *",
            "0 0 13 * *",
            "0 0 */2 * mon",
            "0-50/7 * * * *",
            "0 0 1 1 *",
            "@yearly",
            "every 45m",
            "@start",
        ] {
            let found: Vec<_> = told(text)
                .into_iter()
                .filter(|(part, _)| part != "*/2")
                .collect();
            assert_eq!(found, [], "{text}");
        }
    }

    #[test]
    fn the_13th_or_friday() {
        let doubt = doubts("0 0 13 * fri").remove(0);
        assert_eq!(doubt.span, 4..12);
        assert_eq!(
            doubt.message,
            "day OR weekday, as in cron: on day 13 of every month and also every Friday"
        );
        assert!(doubt.hint.unwrap().contains("`5#2`"));
    }

    #[test]
    fn a_week_of_days_with_a_weekday_has_a_better_spelling() {
        let better = |text: &str| doubts(text).remove(0).hint.unwrap();
        let said = |spelling: &str| format!("for both at once write `{spelling}`");
        assert_eq!(better("0 9 8-14 * mon"), said("0 9 * * 1#2"));
        assert_eq!(better("30 0 9 1-7 */3 7"), said("30 0 9 * */3 0#1"));
        assert_eq!(better("0 9 25-31 * fri"), said("0 9 * * 5L"));
        for said in [better("0 9 8-14 * mon"), better("0 9 25-31 * fri")] {
            let spelling = said.split('`').nth(1).unwrap();
            assert_eq!(doubts(spelling), [], "{spelling}");
        }
        assert!(better("0 9 8-15 * mon").contains("cron cannot say"));
    }

    #[test]
    fn steps_that_do_not_divide_their_field_are_uneven() {
        for (text, part, message) in [
            (
                "*/45 * * * *",
                "*/45",
                "`*/45` is uneven: minutes 0 and 45 of each hour, not every 45 minutes",
            ),
            (
                "0 */5 * * *",
                "*/5",
                "`*/5` is uneven: hours 0, 5, 10, 15 and 20 of each day, not every 5 hours",
            ),
            (
                "*/40 * * * * *",
                "*/40",
                "`*/40` is uneven: seconds 0 and 40 of each minute, not every 40 seconds",
            ),
            (
                "0 0 1 */5 *",
                "*/5",
                "`*/5` is uneven: months 1, 6 and 11 of each year, not every 5 months",
            ),
            (
                "0 0 * * */3",
                "*/3",
                "`*/3` is uneven: weekdays 0, 3 and 6 of each week, not every 3 weekdays",
            ),
            (
                "0 0 */15 * *",
                "*/15",
                "`*/15` is uneven: days 1, 16 and 31 of each month, not every 15 days",
            ),
        ] {
            assert_eq!(
                told(text),
                [(part.to_owned(), message.to_owned())],
                "{text}"
            );
        }
        let hint = doubts("*/45 * * * *").remove(0).hint.unwrap();
        assert!(hint.contains("`every 45m`"), "{hint}");
    }

    #[test]
    fn slots_that_are_years_away_are_told_with_their_date() {
        let rare = |text: &str| told(text).into_iter().map(|(_, message)| message).next();
        assert_eq!(
            rare("0 0 29 2 *").as_deref(),
            Some("rarely due: next on 2028-02-29")
        );
        assert!(
            doubts("0 0 29 2 *")[0]
                .hint
                .as_deref()
                .unwrap()
                .contains("`L`")
        );
        // The first Monday that is the 29th of a February.
        assert_eq!(
            rare("0 0 */28 2 1#5").as_deref(),
            Some("`*/28` is uneven: days 1 and 29 of each month, not every 28 days")
        );
        let never = &told("0 0 */28 2 1#5")[1].1;
        assert_eq!(
            never,
            "never due within the next 5 years: next on 2044-02-29"
        );
    }
}
