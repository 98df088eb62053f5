//! Changing the recipients in a person's job file, and nothing else in it.
//!
//! Only the bytes of the list are touched, so comments and layout stay; the result is read again and
//! must differ in nothing but the list. What cannot be done so is refused with the lines to write.

use std::path::Path;

use super::{
    node::{self, Node, Value},
    read,
    source::{Place, Source},
};

/// Why the recipients cannot be changed here, and what a person would write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the recipients in `{name}` cannot be changed safely: {why}")]
pub struct Refused {
    /// The file, as it is called in messages.
    pub name: String,
    /// Why.
    pub why: String,
    /// The lines that a person would write instead.
    pub lines: String,
}

/// The text of a job file with `wanted` as its recipients.
///
/// # Errors
/// [`Refused`] if the file cannot be read, or if more than that would change.
pub fn with_recipients(text: &[u8], name: &Path, wanted: &[String]) -> Result<String, Refused> {
    let name = name.display().to_string();
    let refused = |why: &str| Refused {
        name: name.clone(),
        why: why.to_owned(),
        lines: block(wanted, "\n"),
    };
    let (source, mut problems) = read::decode(text, name.clone());
    let before = node::parse(&source, &mut problems);
    let Some(before) = before.filter(|_| problems.is_empty()) else {
        return Err(refused("it cannot be read"));
    };
    let changed = change(&source, &before, wanted).map_err(&refused)?;
    let after = Source {
        name: name.clone(),
        text: changed,
    };
    let read = node::parse(&after, &mut problems).filter(|_| problems.is_empty());
    match read {
        Some(read) if is_meant(&before, &read, wanted) => Ok(after.text),
        _ => Err(refused("more than the list would change")),
    }
}

fn change(source: &Source, root: &Node, wanted: &[String]) -> Result<String, &'static str> {
    let text = &source.text;
    if root.get("encryption").is_none() {
        let end = line_end(text);
        let gap = if text.ends_with('\n') { "" } else { end };
        return Ok(format!("{text}{gap}{end}{}", block(wanted, end)));
    }
    let list = root
        .get("encryption")
        .and_then(|node| node.get("recipients"));
    let Some(Value::List(items)) = list.map(|list| &list.value) else {
        return Err("there is no list under `encryption: recipients:`");
    };
    let written: Option<Vec<(&str, Place)>> = items
        .iter()
        .map(|item| match &item.value {
            Value::Text(text) => Some((text.text.as_str(), item.place)),
            _ => None,
        })
        .collect();
    let Some(written) = written.filter(|written| !written.is_empty()) else {
        return Err("the list is empty or holds something else than texts");
    };
    put(text, &written, wanted)
}

/// Replaces the items that differ and adds those that are new at the end.
fn put(text: &str, written: &[(&str, Place)], wanted: &[String]) -> Result<String, &'static str> {
    if wanted.len() < written.len() {
        return Err("an entry would have to be taken out");
    }
    let mut changed = text.to_owned();
    let (replaced, added) = wanted.split_at(written.len());
    if let (Some((_, last)), false) = (written.last(), added.is_empty()) {
        let (at, more) = addition(text, *last, added)?;
        changed.insert_str(at, &more);
    }
    // From the last to the first, so that the places before stay where they are.
    for ((old, place), new) in written.iter().zip(replaced).rev() {
        if old != new {
            if text.get(place.bytes()).is_none() {
                return Err("an entry has no place");
            }
            changed.replace_range(place.bytes(), new);
        }
    }
    Ok(changed)
}

/// Where further entries go and how they are written, after the one at `last`.
fn addition(text: &str, last: Place, added: &[String]) -> Result<(usize, String), &'static str> {
    let (Some(before), Some(after)) = (text.get(..last.start), text.get(last.end..)) else {
        return Err("an entry has no place");
    };
    let line = before.rsplit('\n').next().unwrap_or_default();
    if line.trim_start().starts_with('-') && line.trim() == "-" {
        let rest = after.find('\n').unwrap_or(after.len());
        // A comment behind the entry stays behind it.
        let rest = after
            .get(..rest)
            .unwrap_or_default()
            .trim_end_matches('\r')
            .len();
        let end = line_end(text);
        let more = added.iter().map(|new| format!("{end}{line}{new}"));
        return Ok((last.end + rest, more.collect()));
    }
    let more = added.iter().map(|new| format!(", {new}"));
    Ok((last.end, more.collect()))
}

fn line_end(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

fn block(wanted: &[String], end: &str) -> String {
    let lines = wanted.iter().map(|one| format!("    - {one}{end}"));
    let lines: String = lines.collect();
    format!("encryption:{end}  recipients:{end}{lines}")
}

/// Whether nothing but the list differs, and that is as wanted.
fn is_meant(before: &Node, after: &Node, wanted: &[String]) -> bool {
    let others = |root: &'_ Node| -> Vec<(String, Node)> {
        let entries = root.entries().iter();
        entries
            .filter(|(key, _)| key.text != "encryption")
            .map(|(key, node)| (key.text.clone(), node.clone()))
            .collect()
    };
    let (a, b) = (others(before), others(after));
    let same_others = a.len() == b.len()
        && a.iter()
            .zip(&b)
            .all(|((x, a), (y, b))| x == y && is_same(a, b));
    let encryption = after.get("encryption");
    let list = encryption.and_then(|node| node.get("recipients"));
    let found = match list.map(|list| &list.value) {
        Some(Value::List(items)) => items.iter().map(text_of).collect(),
        _ => None,
    };
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    same_others && encryption.is_some_and(|node| node.entries().len() == 1) && found == Some(wanted)
}

fn text_of(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Text(text) => Some(&text.text),
        _ => None,
    }
}

/// Whether two trees say the same, wherever it stands.
fn is_same(a: &Node, b: &Node) -> bool {
    match (&a.value, &b.value) {
        (Value::List(a), Value::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        }
        (Value::Map(a), Value::Map(b)) => {
            let same = |((x, a), (y, b)): (&(node::Key, Node), &(node::Key, Node))| {
                x.text == y.text && is_same(a, b)
            };
            a.len() == b.len() && a.iter().zip(b).all(same)
        }
        (a, b) => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOBS: &str = "# mine\njobs:\n  a: {backup: {}} # the only one\n";

    fn edited(text: &str, wanted: &[&str]) -> Result<String, Refused> {
        let wanted: Vec<String> = wanted.iter().map(|&one| one.to_owned()).collect();
        with_recipients(text.as_bytes(), Path::new("jobs.yaml"), &wanted)
    }

    #[test]
    fn only_the_list_changes_however_it_is_written() {
        for (list, expected) in [
            (
                "encryption: {recipients: [age1a]}\n",
                "encryption: {recipients: [age1a, age1b]}\n",
            ),
            (
                "encryption:\n  recipients: [ age1a ] # laptop\n",
                "encryption:\n  recipients: [ age1a, age1b ] # laptop\n",
            ),
            (
                "encryption:\n  recipients: # who\n    # mine\n    - age1a  # laptop\n\n",
                "encryption:\n  recipients: # who\n    # mine\n    - age1a  # laptop\n    - age1b\n\n",
            ),
            (
                "encryption:\n  recipients:\n  - \"age1a\"\n",
                "encryption:\n  recipients:\n  - \"age1a\"\n  - age1b\n",
            ),
        ] {
            for text in [format!("{list}{JOBS}"), format!("{JOBS}{list}")] {
                let told = edited(&text, &["age1a", "age1b"]).unwrap();
                assert_eq!(told, text.replace(list, expected));
            }
        }
        let windows =
            JOBS.replace('\n', "\r\n") + "encryption:\r\n  recipients:\r\n    - age1a\r\n";
        let told = edited(&windows, &["age1a", "age1b"]).unwrap();
        assert_eq!(told, format!("{windows}    - age1b\r\n"));
    }

    #[test]
    fn an_entry_is_replaced_where_it_stands() {
        let text = format!("encryption: {{recipients: [age1a, 'age1b', age1c]}} # x\n{JOBS}");
        let told = edited(&text, &["age1a", "age1new", "age1c"]).unwrap();
        assert!(
            told.contains("[age1a, age1new, age1c]} # x\n# mine"),
            "{told}"
        );
        let text = format!("encryption:\n  recipients:\n    - age1a # old\n{JOBS}");
        let told = edited(&text, &["age1longer", "age1b"]).unwrap();
        assert_eq!(
            told,
            text.replace("- age1a # old\n", "- age1longer # old\n    - age1b\n")
        );
    }

    #[test]
    fn a_file_without_recipients_gets_them_at_its_end() {
        let expected = format!("{JOBS}\nencryption:\n  recipients:\n    - age1a\n    - age1b\n");
        assert_eq!(edited(JOBS, &["age1a", "age1b"]).unwrap(), expected);
        assert_eq!(
            edited(JOBS.trim_end(), &["age1a", "age1b"]).unwrap(),
            expected
        );
    }

    #[test]
    fn what_cannot_be_done_safely_is_refused_with_the_lines_to_write() {
        for text in [
            "encryption: {recipients: []}\n",
            "encryption: {}\n",
            "encryption:\n  recipients: age1a\n",
            "encryption: {recipients: [age1a, age1b, age1c]}\n",
            "encryption: &e {recipients: [age1a]}\nother: *e\n",
            "x: &k [age1a]\nencryption: {recipients: *k}\n",
            "encryption: {recipients: [age1a\n",
        ] {
            let refused = edited(&format!("{text}{JOBS}"), &["age1x", "age1b"]).unwrap_err();
            assert_eq!(
                refused.lines, "encryption:\n  recipients:\n    - age1x\n    - age1b\n",
                "{text}"
            );
        }
        // A root in braces has no end to append to.
        assert!(edited("{jobs: {a: {backup: {}}}}\n", &["age1a"]).is_err());
        assert!(edited("jobs:\n  a: {backup: {}}\n...\n", &["age1a"]).is_err());
    }
}
