//! A job file as a tree in which every value and key knows its place.

use std::{
    collections::{HashMap, HashSet},
    fmt,
};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_yaml::Spanned;

use super::{
    problem::{MAX_PROBLEMS, Problem},
    source::{Place, Source},
    syntax,
};

/// Nodes that are read as if they were not there, by id: what is wrong with them is known.
pub(super) type Skip = HashSet<u32>;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    /// Unique in the tree.
    pub(super) id: u32,
    pub(super) place: Place,
    pub(super) value: Value,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(Text),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A text, and the variable it came from if any: such a text is never shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) variable: Option<String>,
}

/// A key and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) place: Place,
}

impl Text {
    /// The text for a message: in backquotes, or the name of its variable instead.
    pub(super) fn shown(&self) -> String {
        match &self.variable {
            Some(variable) => format!("in the value of `${{{variable}}}`"),
            None => format!("`{}`", self.text),
        }
    }
}

impl Node {
    /// The entries of a map; none of anything else.
    pub(super) fn entries(&self) -> &[(Key, Self)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The entry of a map called `name`.
    pub(super) fn entry(&self, name: &str) -> Option<&(Key, Self)> {
        self.entries().iter().find(|(key, _)| key.text == name)
    }

    /// The value of a map's entry called `name`.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        self.entry(name).map(|(_, node)| node)
    }

    /// The text, or the texts of a list, without those in `skip`.
    pub(super) fn texts(&self, skip: &Skip) -> Vec<(&Text, Place)> {
        match &self.value {
            _ if skip.contains(&self.id) => Vec::new(),
            Value::Text(text) => vec![(text, self.place)],
            Value::List(items) => items.iter().flat_map(|item| item.texts(skip)).collect(),
            _ => Vec::new(),
        }
    }

    /// The first variable whose value is somewhere inside.
    pub(super) fn variable(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => text.variable.as_deref(),
            Value::List(items) => items.iter().find_map(Self::variable),
            Value::Map(entries) => entries.iter().find_map(|(_, node)| node.variable()),
            _ => None,
        }
    }
}

/// Reads the text of a job file into a tree; of keys that stand twice in one map the first stays
/// and each further one is a problem.
pub(super) fn parse(source: &Source, problems: &mut Vec<Problem>) -> Option<Node> {
    match serde_yaml::from_str_with_options::<Spanned<Raw>>(&source.text, syntax::options()) {
        Ok(root) => {
            let mut root = node(root);
            let mut next = 0;
            settle(&mut root, &mut next, problems);
            Some(root)
        }
        Err(error) => {
            problems.push(syntax::problem(&error, source));
            None
        }
    }
}

/// Numbers the nodes and drops duplicate keys.
fn settle(node: &mut Node, next: &mut u32, problems: &mut Vec<Problem>) {
    node.id = *next;
    *next += 1;
    match &mut node.value {
        Value::List(items) => items
            .iter_mut()
            .for_each(|item| settle(item, next, problems)),
        Value::Map(entries) => {
            let mut seen: HashMap<String, Place> = HashMap::new();
            entries.retain(|(key, _)| match seen.get(&key.text) {
                None => {
                    seen.insert(key.text.clone(), key.place);
                    true
                }
                Some(first) if problems.len() <= MAX_PROBLEMS => {
                    let message = format!("the key `{}` stands here twice", key.text);
                    problems.push(
                        Problem::new(key.place, message)
                            .also(*first, "first here")
                            .hint("remove or rename one of the two"),
                    );
                    false
                }
                Some(_) => false,
            });
            for (_, child) in entries {
                settle(child, next, problems);
            }
        }
        _ => {}
    }
}

struct Raw(Value);

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Tree).map(Raw)
    }
}

struct Tree;

impl<'de> Visitor<'de> for Tree {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Int(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(Text {
            text: text.to_owned(),
            variable: None,
        }))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Spanned<Raw>>()? {
            list.push(node(item));
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some((key, value)) = entries.next_entry::<Spanned<String>, Spanned<Raw>>()? {
            let key = Key {
                place: syntax::place(key.defined),
                text: key.value,
            };
            let mut value = node(value);
            // Nothing is written there: what can be pointed at is the key.
            if value.value == Value::Null && value.place.start == value.place.end {
                value.place = key.place;
            }
            map.push((key, value));
        }
        Ok(Value::Map(map))
    }
}

fn node(raw: Spanned<Raw>) -> Node {
    Node {
        id: 0,
        place: syntax::place(raw.defined),
        value: raw.value.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> (Option<Node>, Vec<Problem>, Source) {
        let source = Source {
            name: "jobs.yaml".into(),
            text: text.into(),
        };
        let mut problems = Vec::new();
        (parse(&source, &mut problems), problems, source)
    }

    #[test]
    fn every_key_and_value_knows_its_place() {
        let (root, problems, source) = tree(
            "jobs:\n  a: {x: \"q v\", n: 12}\n  b:   plain text # c\n  c: 'x'\n  d:\n  e: [k]\n",
        );
        assert_eq!(problems, []);
        let root = root.unwrap();
        let jobs = root.get("jobs").unwrap();
        let a = jobs.get("a").unwrap();
        let text = |node: &Node| source.at(node.place).to_owned();
        assert_eq!(text(a.get("x").unwrap()), "\"q v\"");
        assert_eq!(text(a.get("n").unwrap()), "12");
        assert_eq!(text(jobs.get("b").unwrap()), "plain text");
        assert_eq!(text(jobs.get("c").unwrap()), "'x'");
        assert_eq!(text(jobs.get("d").unwrap()), "d");
        assert_eq!(source.at(jobs.entry("b").unwrap().0.place), "b");
        let place = jobs.get("b").unwrap().place;
        assert_eq!((place.line, place.column), (3, 8));
        let none = Skip::new();
        let k = jobs.get("e").unwrap().texts(&none);
        assert_eq!((k[0].0.text.as_str(), k[0].1.line), ("k", 6));
    }

    #[test]
    fn words_of_old_yaml_stay_text() {
        let (root, ..) = tree("a: [on, yes, no, off, true, 1, 1.5, ~]\n");
        let root = root.unwrap();
        let Value::List(items) = &root.get("a").unwrap().value else {
            panic!("a list")
        };
        let kinds: Vec<_> = items
            .iter()
            .map(|item| item.texts(&Skip::new()).len())
            .collect();
        assert_eq!(kinds, [1, 1, 1, 1, 0, 0, 0, 0]);
    }

    #[test]
    fn every_further_duplicate_is_a_problem() {
        let (root, problems, _) = tree("a: 1\nb: 2\na: 3\na: 4\nc: {x: 1, x: 2}\n");
        let lines: Vec<_> = problems
            .iter()
            .map(|p| (p.place.line, p.also.as_ref().map(|also| also.0.line)))
            .collect();
        assert_eq!(lines, [(3, Some(1)), (4, Some(1)), (5, Some(5))]);
        assert_eq!(root.unwrap().get("a").unwrap().value, Value::Int(1));
    }

    #[test]
    fn aliases_and_merges_are_followed() {
        let (root, problems, source) = tree("a: &x {k: 1, l: 2}\nb: *x\nc:\n  <<: *x\n  k: 5\n");
        assert_eq!(problems, []);
        let root = root.unwrap();
        assert_eq!(
            root.get("b").unwrap().get("l").unwrap().value,
            Value::Int(2)
        );
        let c = root.get("c").unwrap();
        assert_eq!(c.get("k").unwrap().value, Value::Int(5));
        assert_eq!(source.at(c.entry("l").unwrap().0.place), "l");
    }
}
