//! A pattern in English. Shapes with a short true sentence get it; all others a field-wise one.

use super::{
    field::{Field, Part},
    pattern::Pattern,
};

const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// More times of day than this in one sentence are harder to read than the two fields.
const MAX_TIMES: usize = 4;

/// The whole sentence.
pub(super) fn pattern(pattern: &Pattern) -> String {
    let Some([second, minute, hour, day, month, weekday]) = pattern.fields() else {
        return pattern.text().to_owned();
    };
    let days = days(&day, &month, &weekday);
    if let Some(times) = times(&second, &minute, &hour) {
        return format!("{days} at {times}");
    }
    let clock = clock(&second, &minute, &hour);
    if days == "every day" {
        clock
    } else {
        format!("{clock}, {days}")
    }
}

/// `02:00`, `09:30 and 13:30`, `02:00:15`: when few times of day say it all.
fn times(second: &Field, minute: &Field, hour: &Field) -> Option<String> {
    let second = second.single()?;
    if minute.is_wild() || hour.is_wild() {
        return None;
    }
    let (minutes, hours) = (minute.values(), hour.values());
    if minutes.len() * hours.len() > MAX_TIMES {
        return None;
    }
    let time = |hour: u32, minute: u32| match second {
        0 => format!("{hour:02}:{minute:02}"),
        second => format!("{hour:02}:{minute:02}:{second:02}"),
    };
    let times = hours
        .iter()
        .flat_map(|hour| minutes.iter().map(|minute| time(*hour, *minute)));
    Some(list(&times.collect::<Vec<_>>()))
}

/// The time of day when it is not a few times.
fn clock(second: &Field, minute: &Field, hour: &Field) -> String {
    let at_zero = second.single() == Some(0);
    // `0 */2 * * *`: every two hours, counted from midnight.
    if let (true, Some(minute), Some(step)) = (at_zero, minute.single(), even(hour, 24)) {
        return match step {
            1 => format!("at minute {minute} of every hour"),
            step => format!("every {step} hours from 00:{minute:02}"),
        };
    }
    let hours = match even(hour, 24) {
        Some(1) => None,
        _ => Some(counted("hour", hour)),
    };
    let minutes = match even(minute, 60) {
        Some(1) => "every minute".to_owned(),
        Some(step) => format!("every {step} minutes"),
        None => format!("at {}", counted("minute", minute)),
    };
    let minutes = match (&hours, even(minute, 60)) {
        (Some(hours), _) => format!("{minutes} of {hours}"),
        (None, None) => format!("{minutes} of every hour"),
        (None, Some(_)) => minutes,
    };
    if at_zero {
        return minutes;
    }
    let seconds = match even(second, 60) {
        Some(1) => "every second".to_owned(),
        Some(step) => format!("every {step} seconds"),
        None => format!("at {}", counted("second", second)),
    };
    match (hours, even(minute, 60)) {
        (None, Some(1)) if even(second, 60).is_some() => seconds,
        (None, Some(1)) => format!("{seconds} of every minute"),
        (Some(hours), Some(1)) => format!("{seconds} of every minute of {hours}"),
        (None, _) => format!("{seconds} of {} of every hour", counted("minute", minute)),
        (Some(hours), _) => format!("{seconds} of {} of {hours}", counted("minute", minute)),
    }
}

/// The distance of values that are equally far apart all round the clock: `*` is 1, `*/5` of 60
/// is 5, but `*/7` is none: it starts over every hour.
fn even(field: &Field, cycle: u32) -> Option<u32> {
    match field.parts.as_slice() {
        [Part::All] => Some(1),
        [Part::Step(true, 0, _, step)] if cycle.is_multiple_of(*step) => Some(*step),
        _ => None,
    }
}

/// `minute 5`, `hours 9 to 15`, `minutes 0, 7 and 14`.
pub(super) fn counted(noun: &str, field: &Field) -> String {
    let values = field.values();
    let plural = if values.len() == 1 { "" } else { "s" };
    format!("{noun}{plural} {}", numbers(&values))
}

fn numbers(values: &[u32]) -> String {
    match (values.first(), values.last()) {
        (Some(first), Some(last)) if in_a_row(values) => format!("{first} to {last}"),
        _ => list(&values.iter().map(u32::to_string).collect::<Vec<_>>()),
    }
}

/// Three or more numbers without a hole.
fn in_a_row(values: &[u32]) -> bool {
    values.len() > 2
        && values
            .windows(2)
            .all(|pair| matches!(pair, [a, b] if a + 1 == *b))
}

/// The days: `every day`, `on day 1 of every month`, `every Sunday`.
fn days(day: &Field, month: &Field, weekday: &Field) -> String {
    match (day.is_all(), weekday.is_all()) {
        (true, true) if month.is_all() => "every day".to_owned(),
        (true, true) => format!("every day in {}", months(month)),
        (false, true) => month_days(day, month),
        (true, false) => weekdays(weekday, month),
        (false, false) if day.is_wild() || weekday.is_wild() => format!(
            "{}, but only if that is also {}",
            month_days(day, month),
            weekdays(weekday, month)
        ),
        (false, false) => format!(
            "{} and also {}",
            month_days(day, month),
            weekdays(weekday, month)
        ),
    }
}

/// `on days 1 and 15 of every month`.
pub(super) fn month_days(day: &Field, month: &Field) -> String {
    let values = day.values();
    let mut words = Vec::new();
    if !values.is_empty() {
        words.push(counted("day", day));
    }
    for part in &day.parts {
        match part {
            Part::LastDay => words.push("the last day".to_owned()),
            Part::LastWorkday => words.push("the last Monday-to-Friday day".to_owned()),
            Part::Nearest(n) => words.push(format!("the Monday-to-Friday day nearest day {n}")),
            _ => {}
        }
    }
    format!("on {} of {}", list(&words), months(month))
}

/// `every Sunday`, `every day from Monday to Friday`, `on the 3rd Friday of every month`.
pub(super) fn weekdays(weekday: &Field, month: &Field) -> String {
    let name = |day: u32| name(&WEEKDAYS, day);
    let values = weekday.values();
    let mut every = Vec::new();
    if let (true, [first, .., last]) = (in_a_row(&values), values.as_slice()) {
        every.push(format!(
            "every day from {} to {}",
            name(*first),
            name(*last)
        ));
    } else if !values.is_empty() {
        let names: Vec<_> = values.iter().map(|day| name(*day).to_owned()).collect();
        every.push(format!("every {}", list(&names)));
    }
    let nth: Vec<_> = weekday
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::Nth(day, nth) => Some(format!("the {} {}", ordinal(*nth), name(*day))),
            Part::LastOf(day) => Some(format!("the last {}", name(*day))),
            _ => None,
        })
        .collect();
    let plain_months = if month.is_all() {
        String::new()
    } else {
        format!(" in {}", months(month))
    };
    match (every.pop(), nth.is_empty()) {
        (Some(every), true) => format!("{every}{plain_months}"),
        (Some(every), false) => {
            format!(
                "{every}{plain_months} and also on {} of {}",
                list(&nth),
                months(month)
            )
        }
        (None, _) => format!("on {} of {}", list(&nth), months(month)),
    }
}

/// `every month`, `February`, `April to June`, `January and July`.
fn months(month: &Field) -> String {
    if month.is_all() {
        return "every month".to_owned();
    }
    let values = month.values();
    let name = |number: &u32| name(&MONTHS, number.saturating_sub(1)).to_owned();
    match values.as_slice() {
        [first, .., last] if in_a_row(&values) => format!("{} to {}", name(first), name(last)),
        values => list(&values.iter().map(name).collect::<Vec<_>>()),
    }
}

fn name(names: &[&'static str], index: u32) -> &'static str {
    usize::try_from(index)
        .ok()
        .and_then(|index| names.get(index))
        .copied()
        .unwrap_or("?")
}

fn ordinal(n: u32) -> String {
    match n {
        1 => "1st".to_owned(),
        2 => "2nd".to_owned(),
        3 => "3rd".to_owned(),
        n => format!("{n}th"),
    }
}

/// `a`, `a and b`, `a, b and c`.
fn list(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use crate::schedule::Schedule;

    fn words(text: &str) -> String {
        Schedule::parse(text).unwrap().describe()
    }

    #[test]
    fn common_shapes_read_like_speech() {
        for (text, expected) in [
            ("0 2 * * *", "every day at 02:00"),
            ("@daily", "every day at 00:00"),
            ("*/5 * * * *", "every 5 minutes"),
            ("* * * * *", "every minute"),
            ("*/1 * * * *", "every minute"),
            ("0 1 * * sun", "every Sunday at 01:00"),
            ("0 1 * * 7", "every Sunday at 01:00"),
            ("0 3 1 * *", "on day 1 of every month at 03:00"),
            ("@yearly", "on day 1 of January at 00:00"),
            ("@hourly", "at minute 0 of every hour"),
            ("30 */2 * * *", "every 2 hours from 00:30"),
            (
                "30 9,13 * * MON-FRI",
                "every day from Monday to Friday at 09:30 and 13:30",
            ),
            ("0 0 * * SAT,SUN", "every Sunday and Saturday at 00:00"),
            ("0 0 L * *", "on the last day of every month at 00:00"),
            ("0 9 * * fri#3", "on the 3rd Friday of every month at 09:00"),
            ("0 9 * dec friL", "on the last Friday of December at 09:00"),
            ("15 0 2 * * *", "every day at 02:00:15"),
            ("*/10 * * * * *", "every 10 seconds"),
            ("every 5m", "every 5m"),
            ("@start", "at each start of the daemon"),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn uneven_steps_are_not_called_a_distance() {
        assert_eq!(
            words("*/25 * * * *"),
            "at minutes 0, 25 and 50 of every hour"
        );
        assert_eq!(words("0 */9 * * *"), "at minute 0 of hours 0, 9 and 18");
        assert_eq!(
            words("5-59/20 * * * *"),
            "at minutes 5, 25 and 45 of every hour"
        );
    }

    #[test]
    fn other_shapes_are_told_field_by_field() {
        for (text, expected) in [
            (
                "*/5 9-15 * * 1-5",
                "every 5 minutes of hours 9 to 15, every day from Monday to Friday",
            ),
            ("* 2 * * *", "every minute of hour 2"),
            ("0,30 1-3 * * *", "at minutes 0 and 30 of hours 1 to 3"),
            ("0 0 * FEB *", "every day in February at 00:00"),
            ("0 8 * 2-4 *", "every day in February to April at 08:00"),
            (
                "0 0 1,15 * WED",
                "on days 1 and 15 of every month and also every Wednesday at 00:00",
            ),
            (
                "0 0 */10 * 1",
                "on days 1, 11, 21 and 31 of every month, but only if that is also every Monday at 00:00",
            ),
            ("30 * * * * *", "at second 30 of every minute"),
            ("*/10 30 2 * * *", "every 10 seconds of minute 30 of hour 2"),
            (
                "5 */2 * * * *",
                "at second 5 of minutes 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38, 40, 42, 44, 46, 48, 50, 52, 54, 56 and 58 of every hour",
            ),
            (
                "0 0 15W,LW * *",
                "on the Monday-to-Friday day nearest day 15 and the last Monday-to-Friday day of every month at 00:00",
            ),
            (
                "0 0 * * 1,5#3",
                "every Monday and also on the 3rd Friday of every month at 00:00",
            ),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }
}
