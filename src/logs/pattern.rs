//! What a person looks for in the log.

use regex_automata::{meta::Regex, util::syntax};

/// How large an expression may become; what is larger is no expression anybody means.
const LARGEST: usize = 4 << 20;

/// A regular expression, or text that is none and is looked for as it stands.
#[derive(Debug, Clone)]
pub enum Pattern {
    /// A regular expression.
    Regex(Regex),
    /// Text, and why it is no regular expression.
    Text(String, String),
}

impl Pattern {
    /// Reads what a person wrote; every text is one or the other.
    pub fn new(text: &str) -> Self {
        let config = Regex::config()
            .nfa_size_limit(Some(LARGEST))
            .onepass_size_limit(Some(LARGEST));
        let limits = syntax::Config::new().nest_limit(50);
        match Regex::builder()
            .configure(config)
            .syntax(limits)
            .build(text)
        {
            Ok(regex) => Self::Regex(regex),
            Err(error) => {
                let why = error
                    .syntax_error()
                    .map_or_else(|| error.to_string(), ToString::to_string);
                let last = why.lines().last().unwrap_or_default();
                let why = last.trim_start_matches("error: ").to_owned();
                Self::Text(text.to_owned(), why)
            }
        }
    }

    /// Whether it is in `text`.
    pub fn is_in(&self, text: &str) -> bool {
        match self {
            Self::Regex(regex) => regex.is_match(text),
            Self::Text(part, _) => text.contains(part),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_one_and_other_text_stands_for_itself() {
        assert!(Pattern::new("claim(s|ed) .*ledger").is_in("claims wait for the ledger"));
        assert!(Pattern::new("(?i)ERROR").is_in("an error"));
        assert!(!Pattern::new("^wait").is_in("claims wait"));
        let text = Pattern::new("run(");
        assert!(text.is_in("a run( b") && !text.is_in("a run b"));
        let Pattern::Text(_, why) = text else {
            panic!()
        };
        assert_eq!(why, "unclosed group");
    }

    #[test]
    fn no_expression_takes_for_ever_or_all_memory() {
        let long = "a".repeat(100_000);
        assert!(Pattern::new("(a*)*b|a$").is_in(&long));
        for huge in ["a{1000}{1000}{1000}", &"(".repeat(10_000), r"\pL{9999}{99}"] {
            assert!(
                matches!(Pattern::new(huge), Pattern::Text(..)),
                "{}",
                huge.len()
            );
        }
    }
}
