//! One thing that is wrong with a job file.

use serde::Serialize;

pub use super::source::Place;

/// What a job file with nothing in it is told.
pub(super) const EXAMPLE_HINT: &str =
    "start with `jobs: {backup-daily: {schedule: \"0 2 * * *\", backup: {}}}`";

/// How many problems are kept; a file with more is not a job file with mistakes.
pub(super) const MAX_PROBLEMS: usize = 100;

/// How bad the problems of a list are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// It can, but most likely something else was meant.
    Warning,
}

/// One mistake in a job file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What is wrong, as a lowercase sentence without a full stop.
    pub message: String,
    /// How to mend it.
    pub hint: Option<String>,
    /// A second place that has to do with it, and in what way.
    pub also: Option<(Place, &'static str)>,
    /// Whether the line must not be shown, because it holds a secret.
    pub private: bool,
}

impl Problem {
    pub(super) fn new(place: Place, message: impl Into<String>) -> Self {
        Self {
            place,
            message: printable(&message.into()),
            hint: None,
            also: None,
            private: false,
        }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        self.maybe_hint(Some(hint.into()))
    }

    pub(super) fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint.map(|hint| printable(&hint));
        self
    }

    pub(super) fn also(mut self, place: Place, label: &'static str) -> Self {
        self.also = Some((place, label));
        self
    }

    pub(super) fn private(mut self) -> Self {
        self.private = true;
        self
    }
}

/// Text from a file must not drive a terminal: control characters become escapes. Very long text
/// is cut.
pub(super) fn printable(text: &str) -> String {
    const LONGEST: usize = 600;
    let mut out = String::with_capacity(text.len().min(LONGEST));
    for c in text.chars() {
        if out.len() >= LONGEST {
            out.push('…');
            break;
        }
        if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}') {
            out.extend(c.escape_debug());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_never_reach_a_terminal() {
        let problem = Problem::new(Place::FILE, "key `\u{1b}[2J`\n").hint("\u{202e}x");
        assert_eq!(problem.message, "key `\\u{1b}[2J`\\n");
        assert_eq!(problem.hint.as_deref(), Some("\\u{202e}x"));
        assert!(Problem::new(Place::FILE, "x".repeat(9_999)).message.len() < 700);
    }
}
