//! The recipients of archives.

use super::{node::Text, problem::Problem, source::Place};

/// The problem with a recipient, if it is none. A private key is never shown, nor is its line.
pub(super) fn check(text: &Text, place: Place) -> Option<Problem> {
    if text
        .text
        .trim_start()
        .to_uppercase()
        .starts_with("AGE-SECRET-KEY")
    {
        let problem = Problem::new(place, "this is a private key, and it must not stand here");
        let hint = "write its public half, `age1…`, and replace the key: it may have been seen";
        return Some(problem.hint(hint).private());
    }
    let error = crate::archive::check_recipient(&text.text).err()?;
    let problem = match text.variable {
        Some(_) => Problem::new(place, format!("no age recipient {}", text.shown())),
        None => Problem::new(place, error),
    };
    Some(problem.hint("write an age public key, `age1…`; `bellkeeper keys show` prints yours"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> Option<Problem> {
        let text = Text {
            text: text.into(),
            variable: None,
        };
        check(&text, Place::FILE)
    }

    #[test]
    fn recipients_are_checked() {
        let good = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
        assert_eq!(problem(good), None);
        let message = problem("bob").unwrap().message;
        assert!(
            message.starts_with("`bob` is not an age public key"),
            "{message}"
        );
    }

    #[test]
    fn a_private_key_is_never_shown() {
        let problem = problem("AGE-SECRET-KEY-1QQQ").unwrap();
        assert!(problem.private && !problem.message.contains("1QQQ"));
    }
}
