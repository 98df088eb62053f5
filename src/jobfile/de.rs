//! Values of any type from the tree: a serde deserializer whose errors know their place.

use std::slice;

use serde::{
    Deserializer,
    de::{
        self, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor,
        value::{MapAccessDeserializer, StrDeserializer},
    },
    forward_to_deserialize_any,
};

use super::{
    fault::{Error, Wrong},
    node::{Key, Node, Skip, Value},
};
use crate::suggest::one_of;

/// One node as a source of a value.
#[derive(Clone, Copy)]
pub(super) struct De<'de> {
    pub(super) node: &'de Node,
    pub(super) skip: &'de Skip,
}

impl<'de> De<'de> {
    fn with(self, node: &'de Node) -> Self {
        Self { node, ..self }
    }

    /// Reads the node with `seed`; an error gets the node's place unless it has one.
    fn read<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(self).map_err(|error| {
            let error = match self.node.variable() {
                Some(variable) if !error.is_located() => error.conceal(variable),
                _ => error,
            };
            error.at(self.node.place, self.node.id)
        })
    }

    fn entries(self, entries: &'de [(Key, Node)]) -> Entries<'de> {
        Entries {
            de: self,
            rest: entries.iter(),
            value: None,
        }
    }

    /// The text if it came from a variable: always text there, whatever it looks like.
    fn variable_text(self) -> Option<&'de str> {
        match &self.node.value {
            Value::Text(text) if text.variable.is_some() => Some(text.text.trim()),
            _ => None,
        }
    }

    fn number<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let Some(text) = self.variable_text() else {
            return self.deserialize_any(visitor);
        };
        if let Ok(n) = text.parse() {
            return visitor.visit_u64(n);
        }
        if let Ok(n) = text.parse() {
            return visitor.visit_i64(n);
        }
        match text.parse::<f64>() {
            Ok(n) if n.is_finite() => visitor.visit_f64(n),
            _ => self.deserialize_any(visitor),
        }
    }

    fn whole<V: Visitor<'de>>(n: i128, visitor: V) -> Result<V::Value, Error> {
        if let Ok(n) = u64::try_from(n) {
            visitor.visit_u64(n)
        } else if let Ok(n) = i64::try_from(n) {
            visitor.visit_i64(n)
        } else {
            visitor.visit_i128(n)
        }
    }
}

macro_rules! numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.number(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for De<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Int(n) => Self::whole(*n, visitor),
            Value::Float(n) => visitor.visit_f64(*n),
            Value::Text(text) => visitor.visit_borrowed_str(&text.text),
            Value::List(items) => visitor.visit_seq(Items {
                de: self,
                rest: items.iter(),
            }),
            Value::Map(entries) => visitor.visit_map(self.entries(entries)),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.variable_text() {
            Some("true") => visitor.visit_bool(true),
            Some("false") => visitor.visit_bool(false),
            _ => self.deserialize_any(visitor),
        }
    }

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8
        deserialize_u16 deserialize_u32 deserialize_u64 deserialize_f32 deserialize_f64
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    /// A map, or nothing: all settings of a block may be commented out.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let entries = match &self.node.value {
            Value::Null => &[],
            Value::Map(entries) => entries.as_slice(),
            // Not by `deserialize_any`: a derived struct would take a list for its fields in order.
            other => return Err(de::Error::invalid_type(unexpected(other), &visitor)),
        };
        let result = visitor.visit_map(self.entries(entries));
        result.map_err(|mut error| {
            if let Wrong::Missing { name } = error.0.wrong {
                let told =
                    |(key, node): &(Key, Node)| key.text == name && self.skip.contains(&node.id);
                if !error.is_located() && entries.iter().any(told) {
                    error.0.wrong = Wrong::Consequence;
                }
            }
            error
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Text(text) => {
                let word: StrDeserializer<'_, Error> = text.text.as_str().into_deserializer();
                visitor.visit_enum(word)
            }
            Value::Map(entries) if entries.len() == 1 => {
                visitor.visit_enum(MapAccessDeserializer::new(self.entries(entries)))
            }
            _ => self.deserialize_any(visitor).map_err(|mut error| {
                if let Wrong::Type { expected, .. } = &mut error.0.wrong {
                    *expected = one_of(words);
                }
                error
            }),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map
        identifier
    }
}

struct Items<'de> {
    de: De<'de>,
    rest: slice::Iter<'de, Node>,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        match self.rest.find(|node| !self.de.skip.contains(&node.id)) {
            None => Ok(None),
            Some(node) => self.de.with(node).read(seed).map(Some),
        }
    }
}

struct Entries<'de> {
    de: De<'de>,
    rest: slice::Iter<'de, (Key, Node)>,
    value: Option<(&'de Key, &'de Node)>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        let Some((key, node)) = self.rest.find(|(_, node)| !self.de.skip.contains(&node.id)) else {
            return Ok(None);
        };
        self.value = Some((key, node));
        let text: StrDeserializer<'de, Error> = key.text.as_str().into_deserializer();
        let read = seed.deserialize(text).map(Some);
        read.map_err(|error| error.at(key.place, node.id))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let Some((key, node)) = self.value.take() else {
            return Err(Error::new(Wrong::Told("a value without a key".to_owned())));
        };
        let read = seed.deserialize(self.de.with(node)).map_err(|error| {
            // What is missing in a block is best shown at the name of the block.
            match &error.0.wrong {
                Wrong::Missing { .. } | Wrong::Consequence => error.at(key.place, node.id),
                _ => error,
            }
        });
        read.map_err(|error| match node.variable() {
            Some(variable) if !error.is_located() => error.conceal(variable),
            _ => error,
        })
        .map_err(|error| error.under(&key.text).at(node.place, node.id))
    }
}

/// Reads a whole node.
pub(super) fn read<'de, T: serde::Deserialize<'de>>(
    node: &'de Node,
    skip: &'de Skip,
) -> Result<T, Error> {
    De { node, skip }.read(std::marker::PhantomData)
}

fn unexpected(value: &Value) -> Unexpected<'_> {
    match value {
        Value::Null => Unexpected::Unit,
        Value::Bool(value) => Unexpected::Bool(*value),
        Value::Int(n) => {
            i64::try_from(*n).map_or(Unexpected::Other("a large number"), Unexpected::Signed)
        }
        Value::Float(n) => Unexpected::Float(*n),
        Value::Text(text) => Unexpected::Str(&text.text),
        Value::List(_) => Unexpected::Seq,
        Value::Map(_) => Unexpected::Map,
    }
}
