//! Values exactly as SQLite stores them: text need not be UTF-8, and numbers keep every bit.

use std::hash::{DefaultHasher, Hasher};

use rusqlite::{
    ToSql,
    types::{ToSqlOutput, ValueRef},
};

/// One stored value.
#[derive(Debug, Clone)]
pub enum Value {
    /// NULL.
    Null,
    /// A whole number of 64 bits.
    Integer(i64),
    /// A float; equal only bit for bit.
    Real(f64),
    /// Text as its bytes, which SQLite does not check.
    Text(Vec<u8>),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Value {
    /// The value as SQLite hands it out.
    pub fn view(&self) -> ValueRef<'_> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Real(number) => ValueRef::Real(*number),
            Self::Text(bytes) => ValueRef::Text(bytes),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }
    }

    /// The value as a person would read it, cut to a few dozen letters.
    pub fn shown(&self) -> String {
        const MOST: usize = 40;
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Integer(number) => number.to_string(),
            Self::Real(number) => format!("{number:?}"),
            Self::Text(bytes) => String::from_utf8_lossy(bytes).chars().take(MOST).collect(),
            Self::Blob(bytes) => format!("a blob of {} bytes", bytes.len()),
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Integer(a), Self::Integer(b)) => a == b,
            (Self::Real(a), Self::Real(b)) => a.to_bits() == b.to_bits(),
            (Self::Text(a), Self::Text(b)) | (Self::Blob(a), Self::Blob(b)) => a == b,
            _ => false,
        }
    }
}

impl From<ValueRef<'_>> for Value {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(number) => Self::Integer(number),
            ValueRef::Real(number) => Self::Real(number),
            ValueRef::Text(bytes) => Self::Text(bytes.to_vec()),
            ValueRef::Blob(bytes) => Self::Blob(bytes.to_vec()),
        }
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.view()))
    }
}

/// The fingerprint of a row, for finding out within one process whether it is still the same.
#[derive(Debug, Default)]
pub struct Fingerprint(DefaultHasher);

impl Fingerprint {
    /// Takes the next value of the row.
    pub fn add(&mut self, value: ValueRef<'_>) {
        let (tag, number, bytes): (u8, u64, &[u8]) = match value {
            ValueRef::Null => (0, 0, &[]),
            ValueRef::Integer(number) => (1, number.cast_unsigned(), &[]),
            ValueRef::Real(number) => (2, number.to_bits(), &[]),
            ValueRef::Text(bytes) => (3, length(bytes), bytes),
            ValueRef::Blob(bytes) => (4, length(bytes), bytes),
        };
        self.0.write_u8(tag);
        self.0.write_u64(number);
        self.0.write(bytes);
    }

    /// The fingerprint of all values so far.
    pub fn finish(&self) -> u64 {
        self.0.finish()
    }

    /// The fingerprint of a whole row.
    pub fn of<'a>(values: impl IntoIterator<Item = ValueRef<'a>>) -> u64 {
        let mut print = Self::default();
        values.into_iter().for_each(|value| print.add(value));
        print.finish()
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// A name in SQL, whatever letters it has.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_equal_only_if_stored_alike() {
        let distinct = [
            Value::Null,
            Value::Integer(0),
            Value::Integer(1),
            Value::Real(0.0),
            Value::Real(-0.0),
            Value::Real(1.0),
            Value::Text(Vec::new()),
            Value::Text(b"1".to_vec()),
            Value::Blob(Vec::new()),
            Value::Blob(b"1".to_vec()),
        ];
        for (at, a) in distinct.iter().enumerate() {
            for (with, b) in distinct.iter().enumerate() {
                assert_eq!(a == b, at == with, "{a:?} {b:?}");
                let same = Fingerprint::of([a.view()]) == Fingerprint::of([b.view()]);
                assert_eq!(same, at == with, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn where_one_value_ends_counts() {
        let text = |text: &'static str| ValueRef::Text(text.as_bytes());
        let (one, two) = ([text("ab"), text("c")], [text("a"), text("bc")]);
        assert_ne!(Fingerprint::of(one), Fingerprint::of(two));
    }

    #[test]
    fn every_value_goes_through_sqlite_unchanged() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        for value in [
            Value::Null,
            Value::Integer(i64::MIN),
            Value::Real(f64::INFINITY),
            Value::Real(5e-324),
            Value::Text(vec![0xff, 0, b'x']),
            Value::Blob(vec![0, 255]),
        ] {
            let back: Value = connection
                .query_row("SELECT ?1", [&value], |row| Ok(row.get_ref(0)?.into()))
                .unwrap();
            assert_eq!(back, value);
        }
    }

    #[test]
    fn a_name_with_quotes_stays_one_name() {
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
    }
}
