//! What a person is told when the ledger, or a file that every command needs, is in trouble.

use crate::{ledger::Error, sqlite::Trouble};

use super::exit;

/// The exit code and the remedy of an error of the ledger.
pub(super) fn judge(error: &Error) -> (u8, Option<String>) {
    if matches!(error, Error::TooNew { .. }) {
        let hint = "use the newer bellkeeper that wrote it; this one has left it as it was";
        return (exit::CONFIGURATION, Some(hint.to_owned()));
    }
    trouble(error.trouble())
}

/// The exit code and the remedy of a trouble.
pub(super) fn trouble(trouble: Trouble) -> (u8, Option<String>) {
    let (code, hint) = match trouble {
        Trouble::Damaged => (
            exit::FAILED,
            "the next `bellkeeper start` sets it aside, deletes nothing and begins a new one",
        ),
        Trouble::ReadOnly => (
            exit::TEMPORARY,
            "make the file and its folder writable for this user, and look whether the disk is \
             mounted read-only",
        ),
        Trouble::Full => (
            exit::TEMPORARY,
            "free some space on the disk that holds it, then try again",
        ),
        Trouble::Locked => (
            exit::TEMPORARY,
            "close the program that has it open, then try again",
        ),
        Trouble::Closed => (
            exit::FAILED,
            "see that it is a file which this user may read and write",
        ),
        Trouble::Other => return (exit::FAILED, None),
    };
    (code, Some(hint.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trouble_has_its_code_and_a_remedy() {
        for (given, code, part) in [
            (Trouble::Damaged, 1, "sets it aside"),
            (Trouble::ReadOnly, 75, "writable"),
            (Trouble::Full, 75, "free some space"),
            (Trouble::Locked, 75, "close the program"),
            (Trouble::Closed, 1, "which this user may read"),
        ] {
            let (found, hint) = trouble(given);
            assert_eq!(found, code, "{given:?}");
            assert!(hint.unwrap().contains(part), "{given:?}");
        }
        let error = Error::TooNew {
            path: "x".into(),
            found: 9,
            known: 1,
        };
        assert_eq!(judge(&error).0, 78);
    }
}
