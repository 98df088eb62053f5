//! All that is wrong with one block at once, although serde stops at the first.

use serde::de::DeserializeOwned;

use super::{
    de,
    fault::{Fault, Wrong},
    node::{Node, Skip},
    problem::MAX_PROBLEMS,
};

/// Reads `node`; each fault is given to `tell`, then the entry it is in is left out and the block
/// read again, until it can be read. `None` if nothing readable is left.
///
/// Each round leaves out one more entry, so there are at most as many rounds as entries, and never
/// more than [`MAX_PROBLEMS`].
pub(super) fn read<T: DeserializeOwned>(
    node: &Node,
    skip: &mut Skip,
    tell: &mut dyn FnMut(Fault),
) -> Option<T> {
    for _ in 0..MAX_PROBLEMS {
        let fault = match de::read(node, skip) {
            Ok(value) => return Some(value),
            Err(error) => *error.0,
        };
        let entry = fault.entry;
        if fault.wrong != Wrong::Consequence {
            tell(fault);
        }
        match entry {
            Some(entry) if entry != node.id && skip.insert(entry) => {}
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;
    use crate::{
        job::{Overlap, Retry},
        jobfile::{node, source::Source},
        units::Span,
    };

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        name: String,
        #[serde(default)]
        retry: Retry,
        #[serde(default)]
        overlap: Overlap,
        #[serde(default)]
        on: bool,
        #[serde(default)]
        waits: Vec<Span>,
        #[serde(default)]
        limits: BTreeMap<String, f64>,
        #[serde(default)]
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        must: u8,
    }

    fn read_text(text: &str) -> (Option<Sample>, Vec<String>) {
        let source = Source {
            name: "x".into(),
            text: text.into(),
        };
        let mut problems = Vec::new();
        let root = node::parse(&source, &mut problems).unwrap();
        assert_eq!(problems, []);
        let mut told = Vec::new();
        let value = read(&root, &mut Skip::new(), &mut |fault| {
            let problem = fault.problem();
            told.push(format!(
                "{}:{} {}",
                problem.place.line, problem.place.column, problem.message
            ));
        });
        (value, told)
    }

    #[test]
    fn a_good_block_is_read_at_once() {
        let (value, told) = read_text(
            "name: a\nretry: {attempts: 5, backoff: 2}\noverlap: queue\non: true\n\
             waits: [1s, 2m]\nlimits: {x: 1.5}\ninner: {must: 3}\n",
        );
        assert_eq!(told, [""; 0]);
        let value = value.unwrap();
        assert_eq!((value.retry.attempts, value.overlap), (5, Overlap::Queue));
        assert_eq!(value.waits, [Span::from_secs(1), Span::from_secs(120)]);
        assert_eq!(value.inner, Some(Inner { must: 3 }));
    }

    #[test]
    fn every_fault_is_told_once_and_the_rest_is_read() {
        let (value, told) = read_text(
            "name: a\nretry: {attempts: many, delays: 1s}\noverlap: skipp\non: yes\n\
             waits: [1s, 2, 3]\nlimits: {x: hot}\ninner: {must: 900}\n",
        );
        assert_eq!(
            told,
            [
                "2:19 `attempts`: expected a whole number, 0 or more, found text `many`",
                "2:25 unknown key `delays`",
                "3:10 `overlap`: unknown value `skipp`",
                "4:5 `on`: expected `true` or `false`, found text `yes`",
                "5:13 `waits`: expected a duration with its unit, such as `90s`, `10m`, `1h30m` or `7d`, \
                 found the number 2",
                "5:16 `waits`: expected a duration with its unit, such as `90s`, `10m`, `1h30m` or `7d`, \
                 found the number 3",
                "6:13 `x`: expected a number, found text `hot`",
                "7:15 `must`: expected a whole number, 0 or more, found the number 900",
            ]
        );
        assert_eq!(value.unwrap().name, "a");
    }

    #[test]
    fn a_missing_key_is_told_at_its_block_and_only_if_it_is_missing() {
        let (value, told) = read_text("name: a\ninner:\n");
        assert_eq!((value.unwrap().inner, told.len()), (None, 0));
        let (value, told) = read_text("name: a\ninner: {}\n");
        assert_eq!(told, ["2:1 the key `must` is missing here"]);
        assert!(value.is_some());
        let (value, told) = read_text("name: [a]\n");
        assert_eq!(told, ["1:7 `name`: expected text, found a list"]);
        assert!(value.is_none());
    }
}
