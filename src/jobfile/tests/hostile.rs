//! Input that wants to hurt: refused quickly, with a message.

use std::fmt::Write;

use proptest::prelude::*;

use super::loading::loaded;
use crate::clock::Clock;

/// `line` for each number below `count`.
fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

/// The first message about a hostile file, which must come at once.
fn refused(text: &[u8]) -> String {
    let start = Clock::System.monotonic();
    let problems = loaded(text).unwrap_err();
    let rendered = problems.render(false);
    let took = Clock::System.monotonic().saturating_sub(start);
    // Milliseconds; the limit leaves room for an unoptimised build on a busy machine.
    assert!(took.as_secs() < 5, "{took:?}");
    assert!(rendered.len() < 100_000);
    problems.list().first().unwrap().message.clone()
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..30 {
        let alias = vec![format!("*a{}", n - 1); 9].join(", ");
        let _ = writeln!(text, "a{n}: &a{n} [{alias}]");
    }
    let message = refused(text.as_bytes());
    assert!(
        message.contains("alias") || message.contains("values"),
        "{message}"
    );
}

#[test]
fn a_recursive_alias_is_refused() {
    refused(b"a: &a [*a]\njobs: {}\n");
}

#[test]
fn deep_nesting_is_refused() {
    assert!(refused("[".repeat(100_000).as_bytes()).contains("levels deep"));
    assert!(refused("{a: ".repeat(50_000).as_bytes()).contains("levels deep"));
    assert!(refused("- ".repeat(100_000).as_bytes()).contains("levels deep"));
    let block = lines(1_000, |n| {
        format!(
            "{}a:
",
            " ".repeat(n)
        )
    });
    assert!(refused(block.as_bytes()).contains("levels deep"));
}

#[test]
fn giants_are_refused_unread() {
    assert!(refused(&vec![b'x'; 10_000_000]).contains("larger than 1 MB"));
    assert!(refused(&vec![0xff; 10_000_000]).contains("larger than 1 MB"));
}

#[test]
fn garbage_is_refused() {
    for unit in [
        "x", "[]", "a: 1\n", "\"", "\t", "&a ", "*a ", "- 1\n", "? ", "!!", "%", "{}:", "\0",
    ] {
        refused(unit.repeat(60_000 / unit.len()).as_bytes());
    }
}

#[test]
fn a_flood_of_mistakes_is_cut() {
    let unknown = lines(4_000, |n| {
        format!(
            "  k{n}: 1
"
        )
    });
    refused(unknown.as_bytes());
    refused(format!("jobs:\n a:\n{unknown}").as_bytes());
    let jobs = lines(2_000, |n| {
        format!(
            "  j{n}: {{timezone: Asia/Nowhere}}
"
        )
    });
    refused(format!("jobs:\n{jobs}").as_bytes());
    let twice = lines(5_000, |_| {
        "  j: 1
"
        .to_owned()
    });
    refused(format!("jobs:\n{twice}").as_bytes());
}

#[test]
fn a_thousand_jobs_are_no_flood() {
    let job = |n: usize| format!("  j{n}: {{schedule: \"0 2 * * *\", backup: {{to: b/{n}}}}}\n");
    let jobs = lines(1_000, job);
    let loaded = loaded(format!("jobs:\n{jobs}").as_bytes()).unwrap();
    assert_eq!((loaded.set.jobs.len(), loaded.places.len()), (1_000, 1_000));
}

#[test]
fn one_anchor_may_serve_all_jobs() {
    let first = "jobs:\n  j: &common {timeout: 5m, retry: {attempts: 5}, backup: {to: x}}\n";
    let job = |n: usize| format!("  j{n}: {{<<: *common, backup: {{to: b/{n}}}}}\n");
    let loaded = loaded(format!("{first}{}", lines(500, job)).as_bytes()).unwrap();
    let last = loaded.set.jobs.last().unwrap();
    assert_eq!(
        (last.name.as_str(), last.policy.retry.attempts),
        ("j499", 5)
    );
}

const WORDS: &[&str] = &[
    "jobs",
    ":",
    " ",
    "\n",
    "  ",
    "- ",
    "backup",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "*",
    "&a",
    "*a",
    "<<",
    "schedule",
    "0 2 * * *",
    "timezone",
    "UTC",
    "${",
    "${SECRET}",
    "$${",
    "retry",
    "attempts",
    "5",
    "1e999",
    ".nan",
    "~",
    "|",
    ">",
    "#",
    "!!",
    "---",
    "\t",
    "ü",
    "\u{0}",
    "defaults",
    ",",
    "10m",
    "to",
    "keep",
    "daily",
    "on",
    "true",
    "?",
    "@",
    "encryption",
    "recipients",
    "age1",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Err(problems) = loaded(&bytes) {
            prop_assert!(!problems.list().is_empty());
            prop_assert!(!problems.render(true).is_empty());
        }
    }

    #[test]
    fn no_words_make_it_panic(picks in proptest::collection::vec(0..WORDS.len(), 0..60)) {
        let text: String = picks.into_iter().map(|n| WORDS[n]).collect();
        if let Err(problems) = loaded(text.as_bytes()) {
            prop_assert!(!problems.list().is_empty());
            let told = problems.render(false);
            prop_assert!(!told.contains("hunter2"), "{}", told);
        }
    }
}
