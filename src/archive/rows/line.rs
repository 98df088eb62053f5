//! Rows as lines of JSON that say exactly what was stored.
//!
//! A number is an integer, a string is text; what JSON cannot say is an object of one field:
//! `{"real":"0.1"}` (the shortest decimal that is the same float, `inf` and `-inf`), `{"blob":"00ff"}`
//! and, for text that is not UTF-8, `{"text":"ff"}`, both in hex.

use std::fmt;

use rusqlite::types::ValueRef;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, MapAccess, Visitor},
};

use crate::{archive::hash::hex, sqlite::Value, words::JobName};

/// The version of this layout.
pub(super) const FORMAT: u32 = 1;

/// The first line: what the rows are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The version of this layout.
    pub format: u32,
    /// The program and its version.
    pub program: String,
    /// The job that removes them.
    pub job: JobName,
    /// The slot it was due at.
    pub slot: jiff::Timestamp,
    /// The run.
    pub run_id: i64,
    /// The table.
    pub table: String,
    /// The names of the values of each row.
    pub columns: Vec<String>,
    /// The positions among them that name a row.
    pub key: Vec<usize>,
    /// Which rows: in words.
    pub which: String,
}

/// The last line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Trailer {
    /// How many rows there are.
    pub(super) rows: u64,
}

/// Appends a row as a line.
pub(super) fn write(values: &[ValueRef<'_>], line: &mut Vec<u8>) {
    line.push(b'[');
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            line.push(b',');
        }
        write_value(*value, line);
    }
    line.extend_from_slice(b"]\n");
}

fn write_value(value: ValueRef<'_>, line: &mut Vec<u8>) {
    match value {
        ValueRef::Null => line.extend_from_slice(b"null"),
        ValueRef::Integer(number) => line.extend_from_slice(number.to_string().as_bytes()),
        ValueRef::Real(number) => tagged("real", &format!("{number:?}"), line),
        ValueRef::Blob(bytes) => tagged("blob", &hex(bytes), line),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => write_string(text, line),
            Err(_) => tagged("text", &hex(bytes), line),
        },
    }
}

fn write_string(text: &str, line: &mut Vec<u8>) {
    // A string is written to memory: nothing can fail.
    let _written = serde_json::to_writer(line, text);
}

fn tagged(tag: &str, text: &str, line: &mut Vec<u8>) {
    line.extend_from_slice(b"{\"");
    line.extend_from_slice(tag.as_bytes());
    line.extend_from_slice(b"\":\"");
    line.extend_from_slice(text.as_bytes());
    line.extend_from_slice(b"\"}");
}

/// Reads a row that [`write`] has written.
///
/// # Errors
/// In words, for anything else.
pub(super) fn read(line: &[u8]) -> Result<Vec<Value>, String> {
    let cells: Vec<Cell> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    Ok(cells.into_iter().map(|cell| cell.0).collect())
}

struct Cell(Value);

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Cells).map(Cell)
    }
}

struct Cells;

impl<'de> Visitor<'de> for Cells {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of a row")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Integer(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
        i64::try_from(number).map(Value::Integer).map_err(E::custom)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.as_bytes().to_vec()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let wrong = || de::Error::custom("expected `real`, `blob` or `text`");
        let (tag, text): (String, String) = map.next_entry()?.ok_or_else(wrong)?;
        if map.next_key::<String>()?.is_some() {
            return Err(wrong());
        }
        let bytes = || unhex(&text).ok_or_else(wrong);
        match tag.as_str() {
            "real" => text.parse().map(Value::Real).map_err(de::Error::custom),
            "blob" => bytes().map(Value::Blob),
            "text" => bytes().map(Value::Text),
            _ => Err(wrong()),
        }
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| match pair {
        [high, low] => {
            let digit = |byte: &u8| char::from(*byte).to_digit(16);
            u8::try_from(digit(high)? * 16 + digit(low)?).ok()
        }
        _ => None,
    };
    pairs.map(byte).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::Integer),
            any::<f64>()
                .prop_filter("SQLite stores no NaN", |number| !number.is_nan())
                .prop_map(Value::Real),
            Just(Value::Real(f64::INFINITY)),
            Just(Value::Real(f64::NEG_INFINITY)),
            ".*".prop_map(|text| Value::Text(text.into_bytes())),
            proptest::collection::vec(any::<u8>(), 0..40).prop_map(Value::Text),
            proptest::collection::vec(any::<u8>(), 0..40).prop_map(Value::Blob),
        ]
    }

    proptest! {
        #[test]
        fn every_row_is_read_back_bit_for_bit(row in proptest::collection::vec(value(), 0..12)) {
            let mut line = Vec::new();
            let views: Vec<ValueRef<'_>> = row.iter().map(Value::view).collect();
            write(&views, &mut line);
            prop_assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1));
            prop_assert_eq!(read(&line), Ok(row));
        }

        #[test]
        fn no_line_makes_the_reader_panic(line in ".*") {
            let _ = read(line.as_bytes());
        }
    }

    #[test]
    fn a_line_looks_as_documented() {
        let row = [
            ValueRef::Null,
            ValueRef::Integer(-3),
            ValueRef::Real(0.1),
            ValueRef::Text(b"a\"b"),
            ValueRef::Text(&[0xff]),
            ValueRef::Blob(&[0, 255]),
        ];
        let mut line = Vec::new();
        write(&row, &mut line);
        let expected =
            "[null,-3,{\"real\":\"0.1\"},\"a\\\"b\",{\"text\":\"ff\"},{\"blob\":\"00ff\"}]\n";
        assert_eq!(String::from_utf8(line).unwrap(), expected);
    }

    #[test]
    fn what_was_not_written_so_is_refused() {
        for line in [
            "",
            "{}",
            "[1.5]",
            "[true]",
            "[{}]",
            "[{\"blob\":\"0\"}]",
            "[{\"real\":\"1\",\"blob\":\"\"}]",
            "[18446744073709551615]",
            "[[1]]",
            "[1] [2]",
        ] {
            assert!(read(line.as_bytes()).is_err(), "{line}");
        }
    }
}
