//! What a job looks at, and by which rules.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, SeqAccess},
};

use super::WATCH_LIST;
use crate::{
    analysis::{Strategy, Symbol},
    job::{Cx, Env},
    market::SourceName,
};

/// The symbols of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Symbols {
    /// These.
    List(Vec<Symbol>),
    /// Those of a watch list, relative to the root.
    File(PathBuf),
}

impl Default for Symbols {
    fn default() -> Self {
        Self::File(PathBuf::from(WATCH_LIST))
    }
}

impl Symbols {
    /// The watch list, absolute.
    pub(super) fn file(&self, env: &Env) -> Option<PathBuf> {
        match self {
            Self::List(_) => None,
            Self::File(path) => Some(env.settings.path(path)),
        }
    }

    /// The symbols, each once.
    pub(super) fn of(&self, env: &Env) -> Vec<Symbol> {
        let all = match self {
            Self::List(list) => list.clone(),
            Self::File(path) => {
                let list = env.rules.lists.get(&env.settings.path(path));
                list.map(|list| list.to_vec()).unwrap_or_default()
            }
        };
        let mut symbols: Vec<Symbol> = Vec::with_capacity(all.len());
        let mut seen = std::collections::HashSet::new();
        symbols.extend(all.into_iter().filter(|symbol| seen.insert(symbol.clone())));
        symbols
    }
}

impl Serialize for Symbols {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::List(list) => list.serialize(serializer),
            Self::File(path) => path.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Symbols {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> de::Visitor<'de> for Read {
            type Value = Symbols;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of symbols or the path of a watch list")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Symbols, E> {
                let path = Path::new(text);
                let is_list = |end: &std::ffi::OsStr| end == "yaml" || end == "yml";
                if text.contains('/') || path.extension().is_some_and(is_list) {
                    return Ok(Symbols::File(path.to_owned()));
                }
                let symbol = text.parse().map_err(E::custom)?;
                Ok(Symbols::List(vec![symbol]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Symbols, A::Error> {
                let mut list = Vec::new();
                while let Some(symbol) = items.next_element()? {
                    list.push(symbol);
                }
                if list.is_empty() {
                    return Err(de::Error::custom("the list is empty"));
                }
                Ok(Symbols::List(list))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

impl JsonSchema for Symbols {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Symbols".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "a list of symbols or the path of a watch list",
            "anyOf": [
                { "type": "string" },
                { "type": "array", "items": { "type": "string" }, "minItems": 1 },
            ],
        })
    }
}

/// The rules of a job.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Chosen {
    /// All of them.
    #[default]
    All,
    /// These.
    Named(Vec<String>),
}

impl Chosen {
    /// The names; none for all.
    pub(super) fn names(&self) -> &[String] {
        match self {
            Self::All => &[],
            Self::Named(names) => names,
        }
    }

    fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.iter().any(|other| other == name),
        }
    }

    /// The rules, in the order of their file.
    pub(super) fn of<'a>(&self, all: &'a Arc<[Strategy]>) -> Vec<&'a Strategy> {
        all.iter().filter(|rule| self.has(&rule.name)).collect()
    }
}

impl Serialize for Chosen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::Named(names) => names.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Chosen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> de::Visitor<'de> for Read {
            type Value = Chosen;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`all`, or a list of names of strategies")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Chosen, E> {
                match text {
                    "all" => Ok(Chosen::All),
                    name => Ok(Chosen::Named(vec![name.to_owned()])),
                }
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Chosen, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = items.next_element()? {
                    names.push(name);
                }
                if names.is_empty() {
                    return Err(de::Error::custom("the list is empty: write `all` or names"));
                }
                Ok(Chosen::Named(names))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

impl JsonSchema for Chosen {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Chosen".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "`all`, or a list of names of strategies",
            "anyOf": [
                { "type": "string" },
                { "type": "array", "items": { "type": "string" }, "minItems": 1 },
            ],
        })
    }
}

/// Sources in the order in which they are asked, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceOrder(Vec<SourceName>);

impl SourceOrder {
    /// The sources.
    pub fn names(&self) -> &[SourceName] {
        &self.0
    }
}

impl Default for SourceOrder {
    fn default() -> Self {
        Self(vec![SourceName::Csv])
    }
}

impl Serialize for SourceOrder {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [only] => only.serialize(serializer),
            many => many.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for SourceOrder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> de::Visitor<'de> for Read {
            type Value = SourceOrder;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a source, or a list of them")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<SourceOrder, E> {
                let name = SourceName::deserialize(de::value::StrDeserializer::new(text))?;
                Ok(SourceOrder(vec![name]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<SourceOrder, A::Error> {
                let mut names: Vec<SourceName> = Vec::new();
                while let Some(name) = items.next_element()? {
                    names.push(name);
                }
                if names.is_empty() {
                    return Err(de::Error::custom("the list is empty: name a source"));
                }
                Ok(SourceOrder(names))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

impl JsonSchema for SourceOrder {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SourceOrder".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let name = generator.subschema_for::<SourceName>();
        schemars::json_schema!({
            "description": "the name of a source, or a list of them in the order in which they are asked",
            "anyOf": [name, { "type": "array", "items": name, "minItems": 1 }],
        })
    }
}

/// A short list of what is worked out on what, for plans.
pub(super) fn words(rules: &[&Strategy]) -> String {
    let names: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
    match names.as_slice() {
        [] => "no strategy".to_owned(),
        names if names.len() > 5 => format!("{} strategies", names.len()),
        names => names.join(", "),
    }
}

/// The calendar by whose sessions the job's bars close: its own, or New York's.
pub(super) fn calendar(cx: &Cx) -> Option<Arc<crate::schedule::Calendar>> {
    let own = cx.env.rules.calendars.get(&cx.run.job).cloned();
    own.or_else(|| crate::schedule::built_in_calendar("XNYS"))
}
