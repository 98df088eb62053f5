//! Making refusals, and texts of servers fit to be shown.

use super::source::{Class, Refusal};

/// Longest text of a server that is told.
const LONGEST: usize = 200;

impl Refusal {
    /// A refusal without a hint.
    pub fn new(source: &str, class: Class, what: impl Into<String>) -> Self {
        Self {
            source_name: source.to_owned(),
            class,
            what: what.into(),
            hint: None,
        }
    }

    /// Adds how a person mends it.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }
}

/// A text of a server on one line, without control characters, and not too long.
pub(super) fn said(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    let shown: String = line
        .chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .take(LONGEST)
        .collect();
    if shown.len() < line.len() {
        format!("{shown}…")
    } else {
        shown
    }
}

/// What to say of an answer that is no JSON, or not the one that was expected. One that ends too soon
/// was cut off on its way.
pub(super) fn no_json(source: &str, body: &[u8], error: &serde_json::Error) -> Refusal {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    match first {
        None => Refusal::new(source, Class::Transport, "the answer is empty"),
        Some(b'<') => Refusal::new(
            source,
            Class::Parse,
            "the answer is a page of HTML, not data",
        ),
        _ if error.is_eof() => {
            Refusal::new(source, Class::Transport, "the answer ends in the middle")
        }
        _ => Refusal::new(
            source,
            Class::Parse,
            format!(
                "the answer is not what it should be: {}",
                said(&error.to_string())
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_say_is_one_short_line() {
        assert_eq!(said(" a\n\tb  c\u{1b}[2J "), "a b c?[2J");
        assert_eq!(said(&"ü".repeat(300)).chars().count(), 201);
    }
}
