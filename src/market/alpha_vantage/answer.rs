//! The JSON of Alpha Vantage as it comes: names with numbers before them, all values as text.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};

/// Names and texts, e.g. `2. Symbol`.
pub(super) type Texts = BTreeMap<String, Text>;

/// An answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) meta: Texts,
    /// The rows as they stand there, by their stamps; `None` if there is no such key at all.
    pub(super) rows: Option<Vec<(String, Texts)>>,
    /// What it says instead of data.
    pub(super) message: Option<String>,
    /// Whether there is a quote, and whether it is empty.
    pub(super) empty_quote: Option<bool>,
    /// The names of all other keys.
    pub(super) others: Vec<String>,
}

/// A text; numbers count as such.
#[derive(Debug, PartialEq)]
pub(super) struct Text(pub(super) String);

/// The value of `name`, whatever number stands before it.
pub(super) fn named<'a>(texts: &'a Texts, name: &str) -> Option<&'a str> {
    let mut all = texts.iter();
    let (_, text) = all.find(|(key, _)| {
        let bare = key.split_once(". ").map_or(key.as_str(), |(_, bare)| bare);
        bare.eq_ignore_ascii_case(name)
    })?;
    Some(&text.0)
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or a number")
            }

            fn visit_str<E>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.to_owned()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }

            fn visit_unit<E>(self) -> Result<Text, E> {
                Ok(Text(String::new()))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// Rows in their order, two of one stamp included.
struct Rows(Vec<(String, Texts)>);

impl<'de> Deserialize<'de> for Rows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Rows;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bars by their stamps")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Rows, A::Error> {
                let mut rows = Vec::new();
                while let Some(row) = map.next_entry()? {
                    rows.push(row);
                }
                Ok(Rows(rows))
            }
        }
        deserializer.deserialize_map(All)
    }
}

impl<'de> Deserialize<'de> for Answer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Answer;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with data or a message")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Answer, A::Error> {
                let mut answer = Answer::default();
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "Meta Data" => answer.meta = map.next_value()?,
                        "Error Message" | "Information" | "Note" => {
                            let Text(text) = map.next_value()?;
                            answer.message.get_or_insert(text);
                        }
                        "Global Quote" => {
                            let quote: BTreeMap<String, IgnoredAny> = map.next_value()?;
                            answer.empty_quote = Some(quote.is_empty());
                        }
                        series if series.contains("Time Series") => {
                            answer.rows = Some(map.next_value::<Rows>()?.0);
                        }
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                            answer.others.push(key);
                        }
                    }
                }
                Ok(answer)
            }
        }
        deserializer.deserialize_map(Keys)
    }
}
