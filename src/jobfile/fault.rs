//! What goes wrong while the tree becomes values: an error that knows its place.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use super::{problem::Problem, source::Place};
use crate::suggest::{hint, one_of};

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wrong {
    /// A key that nobody knows.
    Key {
        name: String,
        expected: &'static [&'static str],
    },
    /// A word that is not one of a few.
    Word {
        name: String,
        expected: &'static [&'static str],
    },
    /// A key that must be there is not.
    Missing { name: &'static str },
    /// A key is missing because its value was wrong, which has been told already.
    Consequence,
    /// A value of another type.
    Type { expected: String, found: String },
    /// What the type itself says.
    Told(String),
}

/// An error with the place and the tree entry in which it arose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) wrong: Wrong,
    /// Where; the innermost place wins.
    pub(super) place: Option<Place>,
    /// The id of the value whose removal removes the fault; the innermost wins.
    pub(super) entry: Option<u32>,
    /// The key whose value is wrong; the innermost wins.
    pub(super) key: Option<String>,
}

/// A [`Fault`], boxed because results carry it through every visitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Error(pub(super) Box<Fault>);

impl Error {
    pub(super) fn new(wrong: Wrong) -> Self {
        Self(Box::new(Fault {
            wrong,
            place: None,
            entry: None,
            key: None,
        }))
    }

    /// Adds where it arose, if nobody closer has.
    pub(super) fn at(mut self, place: Place, entry: u32) -> Self {
        self.0.place.get_or_insert(place);
        self.0.entry.get_or_insert(entry);
        self
    }

    /// Adds the key whose value is wrong, if nobody closer has.
    pub(super) fn under(mut self, key: &str) -> Self {
        self.0.key.get_or_insert_with(|| key.to_owned());
        self
    }

    pub(super) fn is_located(&self) -> bool {
        self.0.place.is_some()
    }

    /// Takes the value out of the message: it came from `variable` and may be a secret.
    pub(super) fn conceal(mut self, variable: &str) -> Self {
        let value = format!("the value of `${{{variable}}}`");
        self.0.wrong = match self.0.wrong {
            Wrong::Type { expected, .. } => Wrong::Type {
                expected,
                found: value,
            },
            Wrong::Word { expected, .. } => {
                Wrong::Told(format!("{value} is none of {}", one_of(expected)))
            }
            Wrong::Told(_) => Wrong::Told(format!("{value} does not fit here")),
            other => other,
        };
        self
    }
}

impl Fault {
    /// The same for a person.
    pub(super) fn problem(&self) -> Problem {
        let place = self.place.unwrap_or(Place::FILE);
        match &self.wrong {
            Wrong::Key { name, expected } => unknown(place, "unknown key", name, expected),
            Wrong::Word { name, expected } => {
                let what = format!("{}unknown value", self.prefix());
                unknown(place, &what, name, expected)
            }
            Wrong::Missing { name } => {
                Problem::new(place, format!("the key `{name}` is missing here"))
            }
            Wrong::Consequence => Problem::new(place, "a key is missing here"),
            Wrong::Type { expected, found } => {
                let message = format!("{}expected {expected}, found {found}", self.prefix());
                Problem::new(place, message).maybe_hint(mend(expected, found).map(str::to_owned))
            }
            Wrong::Told(message) => Problem::new(place, format!("{}{message}", self.prefix())),
        }
    }

    fn prefix(&self) -> String {
        self.key
            .as_ref()
            .map(|key| format!("`{key}`: "))
            .unwrap_or_default()
    }
}

/// What is forgotten most often.
fn mend(expected: &str, found: &str) -> Option<&'static str> {
    let number = found.starts_with("the number") || found.starts_with('`');
    match expected {
        "text" if number => Some("put it in quotes"),
        "a list" if found.starts_with("text") => Some("put it in brackets: `[…]`"),
        _ => None,
    }
}

/// An unknown key or word: with a suggestion, or with all that would do.
pub(super) fn unknown(place: Place, what: &str, name: &str, expected: &[&str]) -> Problem {
    let all = || format!("expected one of {}", one_of(expected));
    let help = hint(name, expected.iter().copied()).unwrap_or_else(all);
    Problem::new(place, format!("{what} `{name}`")).hint(help)
}

/// What serde's visitors expect, in plain words.
fn plain(expected: &str) -> String {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => "a whole number, 0 or more".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a string" | "str" | "path string" => "text".to_owned(),
        "a boolean" => "`true` or `false`".to_owned(),
        "a sequence" => "a list".to_owned(),
        text if text.starts_with("struct ") || text == "a map" => "keys with values".to_owned(),
        text if text.starts_with("enum ") || text.starts_with("variant") => "a word".to_owned(),
        text => text.to_owned(),
    }
}

/// What was found instead, in plain words.
fn found(unexpected: &Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Bool(value) => format!("`{value}`"),
        Unexpected::Unsigned(n) => format!("the number {n}"),
        Unexpected::Signed(n) => format!("the number {n}"),
        Unexpected::Float(n) => format!("the number {n}"),
        Unexpected::Str("") => "an empty text".to_owned(),
        Unexpected::Str(text) => format!("text `{text}`"),
        Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "keys with values".to_owned(),
        other => other.to_string(),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.problem().message)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Wrong::Told(message.to_string()))
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Wrong::Type {
            expected: plain(&expected.to_string()),
            found: found(&unexpected),
        })
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(unexpected, expected)
    }

    fn unknown_variant(name: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Wrong::Word {
            name: name.to_owned(),
            expected,
        })
    }

    fn unknown_field(name: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Wrong::Key {
            name: name.to_owned(),
            expected,
        })
    }

    fn missing_field(name: &'static str) -> Self {
        Self::new(Wrong::Missing { name })
    }
}
