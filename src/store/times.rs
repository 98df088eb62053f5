//! What a column of times holds, and where in it an instant stands.
//!
//! SQLite sorts numbers before texts, so the smallest and the largest value tell what all are. Text
//! sorts by time only where all of it has one form; so near the boundary the forms are looked at, and
//! where they differ the boundary is moved back by as much as zones can differ: rows stay up to two
//! days longer, but none goes early.

use std::collections::BTreeSet;

use jiff::{
    Timestamp,
    tz::{Offset, TimeZone},
};
use rusqlite::Connection;

use crate::sqlite::{Value, quoted};

/// Numbers below this are seconds since 1970 (until the year 5138), those from it on milliseconds
/// (since 1973).
const FIRST_MILLIS: f64 = 1e11;
/// Numbers from this on are microseconds or nonsense.
const AFTER_MILLIS: f64 = 1e14;
/// How every form of ISO 8601 that sorts by time begins.
pub(super) const DATE: &str = "[0-9][0-9][0-9][0-9]-[0-1][0-9]-[0-3][0-9]*";

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// ISO 8601 text.
    Text,
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Millis,
}

impl Form {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Text => "ISO 8601 text",
            Self::Seconds => "seconds since 1970",
            Self::Millis => "milliseconds since 1970",
        }
    }

    /// What all values between these two are.
    ///
    /// # Errors
    /// In words with an example of each: two kinds, or none that is known.
    pub(super) fn of(oldest: &Value, newest: &Value) -> Result<Self, String> {
        let (a, b) = (Self::of_one(oldest), Self::of_one(newest));
        match (a, b) {
            (Some(a), Some(b)) if a == b => Ok(a),
            (Some(a), Some(b)) => Err(format!(
                "it holds both {} (`{}`) and {} (`{}`)",
                a.words(),
                oldest.shown(),
                b.words(),
                newest.shown()
            )),
            (Some(a), None) => Err(mixed(a, oldest, newest)),
            (None, Some(b)) => Err(mixed(b, newest, oldest)),
            (None, None) => Err(format!("`{}` is no time", oldest.shown())),
        }
    }

    fn of_one(value: &Value) -> Option<Self> {
        match value {
            #[expect(clippy::cast_precision_loss, reason = "only its magnitude counts")]
            Value::Integer(number) => Self::of_number(*number as f64),
            Value::Real(number) => Self::of_number(*number),
            Value::Text(text) if begins_with_a_date(text) => Some(Self::Text),
            _ => None,
        }
    }

    fn of_number(number: f64) -> Option<Self> {
        match number {
            n if (0.0..FIRST_MILLIS).contains(&n) => Some(Self::Seconds),
            n if (FIRST_MILLIS..AFTER_MILLIS).contains(&n) => Some(Self::Millis),
            _ => None,
        }
    }
}

fn mixed(form: Form, good: &Value, bad: &Value) -> String {
    format!(
        "it holds {} (`{}`), but also `{}`",
        form.words(),
        good.shown(),
        bad.shown()
    )
}

/// Whether a text begins with `YYYY-MM-DD`, as [`DATE`] says.
fn begins_with_a_date(text: &[u8]) -> bool {
    let date = text.get(..10).unwrap_or_default();
    let shape: Vec<u8> = date.iter().map(|byte| zero(*byte)).collect();
    shape == b"0000-00-00"
        && matches!(date.get(5), Some(b'0' | b'1'))
        && matches!(date.get(8), Some(b'0'..=b'3'))
}

fn zero(byte: u8) -> u8 {
    if byte.is_ascii_digit() { b'0' } else { byte }
}

/// The smallest value of the column that is not before `cutoff`.
///
/// `zone` is that of texts which name none; such text may as well be in UTC, so the earlier of the
/// two readings counts.
pub(super) fn boundary(
    connection: &Connection,
    table: &str,
    column: &str,
    form: Form,
    cutoff: Timestamp,
    zone: &TimeZone,
) -> rusqlite::Result<Value> {
    match form {
        Form::Seconds => Ok(Value::Integer(cutoff.as_second())),
        Form::Millis => Ok(Value::Integer(cutoff.as_millisecond())),
        Form::Text => {
            let shapes = shapes(connection, table, column, cutoff)?;
            Ok(Value::Text(text(&shapes, cutoff, zone).into_bytes()))
        }
    }
}

/// How a text writes an instant: all that is not a digit, and the digits of its zone.
type Shape = Vec<u8>;

/// The forms of the texts within two days of `cutoff`.
fn shapes(
    connection: &Connection,
    table: &str,
    column: &str,
    cutoff: Timestamp,
) -> rusqlite::Result<BTreeSet<Shape>> {
    const MANY: usize = 8;
    let day = |hours: i64| {
        let at = cutoff.saturating_add(jiff::SignedDuration::from_hours(hours));
        let at = at.unwrap_or(cutoff).to_zoned(TimeZone::UTC);
        at.strftime("%Y-%m-%d").to_string()
    };
    let query = format!(
        "SELECT {column} FROM {table} WHERE {column} >= ?1 AND {column} < ?2",
        column = quoted(column),
        table = quoted(table)
    );
    let mut statement = connection.prepare(&query)?;
    let mut rows = statement.query([day(-48), day(48)])?;
    let mut shapes = BTreeSet::new();
    while let Some(row) = rows.next()? {
        if let Ok(text) = row.get_ref(0)?.as_bytes() {
            shapes.insert(shape(text));
        }
        if shapes.len() > MANY {
            break;
        }
    }
    Ok(shapes)
}

fn shape(text: &[u8]) -> Shape {
    // The zone begins at the first `Z`, `+` or `-` behind the date; its digits tell zones apart.
    let behind = |at: &usize| *at >= 10;
    let is_zone = |byte: &u8| matches!(byte, b'Z' | b'z' | b'+' | b'-');
    let zone = text
        .iter()
        .enumerate()
        .find(|(at, byte)| behind(at) && is_zone(byte));
    let end = zone.map_or(text.len(), |(at, _)| at);
    let digits = |(at, byte): (usize, &u8)| if at < end { zero(*byte) } else { *byte };
    text.iter().enumerate().map(digits).collect()
}

/// `cutoff` as the texts write it, or, where they do not agree, a date before it.
fn text(shapes: &BTreeSet<Shape>, cutoff: Timestamp, zone: &TimeZone) -> String {
    /// Further than any zone is from UTC.
    const FURTHEST: i64 = 15;
    if let Some(shape) = shapes.first().filter(|_| shapes.len() == 1)
        && let Some(text) = written(shape, cutoff, zone)
    {
        return text;
    }
    if shapes.is_empty() {
        // Nothing is near: any text of that day will do.
        let at = cutoff.to_zoned(TimeZone::UTC);
        return at.strftime("%Y-%m-%d").to_string();
    }
    let early = cutoff.saturating_add(jiff::SignedDuration::from_hours(-FURTHEST));
    let early = early.unwrap_or(cutoff).to_zoned(TimeZone::UTC);
    early.strftime("%Y-%m-%d").to_string()
}

/// `at` in the form `shape`, cut to its precision; `None` for a form that is not known.
fn written(shape: &[u8], at: Timestamp, zone: &TimeZone) -> Option<String> {
    let shape = std::str::from_utf8(shape).ok()?;
    let rest = shape.get(10..)?;
    let split = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (time, suffix) = rest.split_at(split);
    let render = |zone: TimeZone| {
        let at = at.to_zoned(zone);
        let full = at.strftime("%Y-%m-%d0%H:%M:%S.%9f").to_string();
        // The letter between date and time is the column's own.
        let time = match time.chars().next() {
            None => String::new(),
            Some(letter) => format!("{letter}{}", full.get(11..full.len().min(10 + time.len()))?),
        };
        Some(format!("{}{time}{suffix}", full.get(..10)?))
    };
    let known = ["", "T00:00", "T00:00:00", " 00:00", " 00:00:00"];
    let fraction = time.get(..10).filter(|_| time.len() > 10);
    let is_fraction = fraction.is_some_and(|start| {
        matches!(start, "T00:00:00." | " 00:00:00.")
            && time.len() <= 19
            && time.bytes().skip(10).all(|byte| byte == b'0')
    });
    if !known.contains(&time) && !is_fraction {
        return None;
    }
    match suffix {
        "Z" | "z" => render(TimeZone::UTC),
        "" => render(TimeZone::UTC).min(render(zone.clone())),
        offset => render(offset_of(offset)?.to_time_zone()),
    }
}

/// `+08:00`, `+0800` or `+08`.
fn offset_of(text: &str) -> Option<Offset> {
    let negative = text.starts_with('-');
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let hours: i32 = digits.get(..2)?.parse().ok()?;
    let minutes: i32 = match digits.get(2..)? {
        "" => 0,
        minutes if minutes.len() == 2 => minutes.parse().ok()?,
        _ => return None,
    };
    let seconds = (hours * 60 + minutes) * 60;
    Offset::from_seconds(if negative { -seconds } else { seconds }).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text_value(text: &str) -> Value {
        Value::Text(text.as_bytes().to_vec())
    }

    #[test]
    fn kinds_are_told_apart_and_mixtures_refused_with_an_example_of_each() {
        let (iso, epoch) = (
            text_value("2026-01-02T03:04:05Z"),
            Value::Integer(1_767_000_000),
        );
        let millis = Value::Real(1_767_000_000_123.0);
        for (value, form) in [
            (&iso, Form::Text),
            (&epoch, Form::Seconds),
            (&millis, Form::Millis),
        ] {
            assert_eq!(Form::of(value, value), Ok(form));
        }
        for (a, b, told) in [
            (
                &epoch,
                &iso,
                "both seconds since 1970 (`1767000000`) and ISO 8601 text (`2026-01-",
            ),
            (
                &epoch,
                &millis,
                "both seconds since 1970 (`1767000000`) and milliseconds",
            ),
            (&iso, &text_value("n/a"), "but also `n/a`"),
            (&text_value("12/31/2026"), &iso, "but also `12/31/2026`"),
            (&iso, &Value::Blob(vec![1]), "a blob of 1 bytes"),
            (&Value::Integer(-5), &Value::Integer(-1), "`-5` is no time"),
            (&epoch, &Value::Integer(1_767_000_000_000_000), "but also"),
        ] {
            let error = Form::of(a, b).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }

    /// The boundary of a column of these texts at an instant.
    fn boundary_of(texts: &[&str], cutoff: &str, zone: &str) -> String {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t(ts)").unwrap();
        for text in texts {
            connection
                .execute("INSERT INTO t VALUES (?1)", [text])
                .unwrap();
        }
        let (cutoff, zone) = (cutoff.parse().unwrap(), TimeZone::get(zone).unwrap());
        let value = boundary(&connection, "t", "ts", Form::Text, cutoff, &zone).unwrap();
        value.shown()
    }

    #[test]
    fn one_form_gets_an_exact_boundary() {
        let cutoff = "2026-03-01T05:06:07.89Z";
        for (like, expected) in [
            ("2026-03-01T00:00:00Z", "2026-03-01T05:06:07Z"),
            ("2026-03-01 00:00:00", "2026-03-01 05:06:07"),
            ("2026-03-01T00:00", "2026-03-01T05:06"),
            ("2026-03-01T00:00:00.123Z", "2026-03-01T05:06:07.890Z"),
            (
                "2026-03-01T00:00:00.123456+08:00",
                "2026-03-01T13:06:07.890000+08:00",
            ),
            ("2026-03-01T00:00:00-0530", "2026-02-28T23:36:07-0530"),
            ("2026-03-01", "2026-03-01"),
            ("2019-01-01T00:00:00Z", "2026-03-01"),
        ] {
            assert_eq!(boundary_of(&[like], cutoff, "UTC"), expected, "{like}");
        }
        // Without a zone it may be local or UTC: the earlier one counts.
        let naive = ["2026-03-01T00:00:00"];
        assert_eq!(
            boundary_of(&naive, cutoff, "Asia/Shanghai"),
            "2026-03-01T05:06:07"
        );
        assert_eq!(
            boundary_of(&naive, cutoff, "America/New_York"),
            "2026-03-01T00:06:07"
        );
    }

    #[test]
    fn several_forms_get_a_date_before_it() {
        for texts in [
            ["2026-03-01T00:00:00Z", "2026-03-01 00:00:00"],
            ["2026-03-01T00:00:00+08:00", "2026-03-01T00:00:00+01:00"],
            ["2026-03-01T00:00:00Z", "2026-03-01Week9"],
        ] {
            assert_eq!(
                boundary_of(&texts, "2026-03-01T05:06:07Z", "UTC"),
                "2026-02-28"
            );
        }
    }

    proptest! {
        /// Whatever mixture of forms: what compares as before the boundary is before the cutoff.
        #[test]
        fn no_row_goes_early(
            rows in proptest::collection::vec((-100i64..100, 0usize..6, -12i64..=14), 1..12),
            at in 0i64..86_400,
        ) {
            let cutoff = Timestamp::from_second(1_772_000_000 + at).unwrap();
            let rows: Vec<(Timestamp, String)> = rows.into_iter().map(|(hours, form, offset)| {
                let instant = cutoff.checked_add(jiff::SignedDuration::from_mins(hours * 31)).unwrap();
                let zone = if form < 3 { 0 } else { offset };
                let zone = Offset::from_seconds(i32::try_from(zone * 3_600).unwrap()).unwrap();
                let format = ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.%3fZ",
                    "%Y-%m-%dT%H:%M:%S%:z", "%Y-%m-%d %H:%M%:z", "%Y-%m-%dT%H:%M:%S.%6f%:z"][form];
                (instant, instant.to_zoned(zone.to_time_zone()).strftime(format).to_string())
            }).collect();
            let texts: Vec<&str> = rows.iter().map(|(_, text)| text.as_str()).collect();
            let boundary = boundary_of(&texts, &cutoff.to_string(), "UTC");
            for (instant, text) in &rows {
                prop_assert!(*text >= boundary || *instant < cutoff, "{text} < {boundary}");
                // And nothing stays for ever: some two days later it is gone.
                let old = instant.duration_until(cutoff) > jiff::SignedDuration::from_hours(54);
                prop_assert!(*text < boundary || !old, "{text} >= {boundary}");
            }
        }
    }
}
