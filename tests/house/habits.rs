//! What every file keeps: a length, no silenced lint, no unfinished work, modules outside macros.

use super::{
    File,
    source::{Source, only_tests},
};

/// The longest file, in lines before its tests.
const MAX_LINES: usize = 450;

/// Words that mark unfinished work, as whole words anywhere, comments and strings included.
const UNFINISHED: [&str; 6] = ["TODO", "FIXME", "XXX", "HACK", "WIP", "TBD"];

/// Lints that rustc must be told to apply.
const LINTS: [(&str, &[&str]); 3] = [
    ("unsafe_code", &["forbid"]),
    ("unreachable_pub", &["warn", "deny", "forbid"]),
    ("missing_docs", &["warn", "deny", "forbid"]),
];

/// Whether the manifest asks rustc for the lints of the house.
pub(super) fn lints(manifest: &str) -> Vec<String> {
    let section = manifest
        .split_once("[lints.rust]")
        .map_or("", |(_, rest)| rest.split("\n[").next().unwrap_or_default());
    let level = |lint: &str| {
        let line = section.lines().find_map(|line| line.strip_prefix(lint));
        line.and_then(|rest| rest.trim().strip_prefix('='))
            .map(|value| value.trim().trim_matches('"'))
    };
    LINTS
        .iter()
        .filter(|(lint, good)| !level(lint).is_some_and(|level| good.contains(&level)))
        .map(|(lint, good)| {
            let good = good.first().unwrap_or(&"");
            format!("Cargo.toml: [lints.rust] must say {lint} = \"{good}\"")
        })
        .collect()
}

pub(super) fn check(source: &Source) -> Vec<String> {
    let mut found = length(source);
    for at in 0..source.tokens.len() {
        let line = source.tokens.get(at).map_or(0, |token| token.line);
        if let Some(what) = offence(source, at) {
            found.push(format!("{}:{line}: {what}", source.path));
        }
    }
    found.extend(unfinished(source));
    found
}

fn length(source: &Source) -> Vec<String> {
    let tests = source.tokens.windows(2).find_map(|pair| {
        let [token, name] = pair else { return None };
        (token.test && token.text == "mod" && name.is_word()).then_some(token.line)
    });
    let whole = source.text.lines().count();
    let lines = tests.map_or(whole, |line| line.saturating_sub(2));
    if only_tests(&source.path) || lines <= MAX_LINES {
        return Vec::new();
    }
    vec![format!(
        "{}:{}: has {lines} lines before its tests, more than {MAX_LINES}",
        source.path,
        MAX_LINES + 1
    )]
}

fn offence(source: &Source, at: usize) -> Option<&'static str> {
    let token = source.tokens.get(at)?;
    let next = source.word(at + 1);
    match token.text.as_str() {
        "allow" if next == "(" && in_attribute(source, at) => {
            Some("no `allow`: mend it, or `expect` it with a reason")
        }
        "expect" if next == "(" && in_attribute(source, at) => {
            let inside = source.tokens.iter().skip(at).take_while(|t| t.text != "]");
            let words: Vec<_> = inside.map(|token| token.text.as_str()).collect();
            if words.contains(&"missing_docs") {
                Some("every public item is documented")
            } else {
                (!words.contains(&"reason")).then_some("an `expect` gives its reason")
            }
        }
        "todo" | "unimplemented" if next == "!" => Some("no unfinished work"),
        "extern" if next == "crate" => Some("no `extern crate`"),
        "path" if next == "=" && source.word(at.wrapping_sub(1)) == "[" => {
            Some("a module lies where its name says: no `#[path]`")
        }
        "mod" if next == "tests" && !token.test => Some("`tests` stands under `#[cfg(test)]`"),
        "mod" if token.in_macro && declares_file(source, at) => {
            Some("no `mod x;` inside a macro: rustfmt never visits it")
        }
        _ => None,
    }
}

/// Whether a `;` comes after the name of the module at `at`, rather than its body.
fn declares_file(source: &Source, at: usize) -> bool {
    let mut after = source.tokens.iter().skip(at + 1);
    after
        .find(|token| !token.is_word() && token.text != "$")
        .is_some_and(|token| token.text == ";")
}

/// Whether the token at `at` stands inside `#[…]` or `#![…]`.
fn in_attribute(source: &Source, at: usize) -> bool {
    let mut depth = 0i32;
    for back in (0..at).rev() {
        match source.word(back) {
            "]" | "}" | ";" => return false,
            "[" if depth == 0 => {
                let before = |n: usize| back.checked_sub(n).map_or("", |it| source.word(it));
                return before(1) == "#" || (before(1) == "!" && before(2) == "#");
            }
            ")" => depth += 1,
            "(" => depth = (depth - 1).max(0),
            _ => {}
        }
    }
    false
}

fn unfinished(source: &Source) -> Vec<String> {
    let words = |line: &str| -> Vec<String> {
        let parts = line.split(|c: char| !c.is_alphanumeric() && c != '_');
        parts.map(str::to_owned).collect()
    };
    let lines = source.text.lines().enumerate();
    lines
        .filter_map(|(number, line)| {
            let word = words(line)
                .into_iter()
                .find(|w| UNFINISHED.contains(&w.as_str()))?;
            Some(format!(
                "{}:{}: `{word}` marks unfinished work",
                source.path,
                number + 1
            ))
        })
        .collect()
}

/// Lines that name a folder of some person's own machine. `me` and `user` are nobody.
pub(super) fn home_folders(file: &File) -> Vec<String> {
    const NOBODY: [&str; 4] = ["me", "user", "you", "USER"];
    let mut found = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        for home in ["/home/", "/Users/", "/root/"] {
            for (at, _) in line.match_indices(home) {
                let starts = line[..at]
                    .chars()
                    .next_back()
                    .is_none_or(|c| !c.is_alphanumeric());
                let rest = line.get(at + home.len()..).unwrap_or_default();
                let owner = rest
                    .split(|c: char| !c.is_alphanumeric())
                    .next()
                    .unwrap_or_default();
                if starts && (home == "/root/" || !NOBODY.contains(&owner) && !owner.is_empty()) {
                    found.push(format!(
                        "{}:{}: names `{home}{owner}`",
                        file.path,
                        number + 1
                    ));
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{
        super::samples::{MANIFEST, file, judge},
        *,
    };

    const NONE: [&str; 0] = [];

    #[test]
    fn a_long_file_is_caught_and_its_tests_are_free() {
        let long = "fn f() {}\n".repeat(451);
        assert_eq!(
            judge("src/job.rs", &long),
            ["src/job.rs:451: has 451 lines before its tests, more than 450"]
        );
        let tests = format!(
            "{}#[cfg(test)]\nmod tests {{\n{long}}}\n",
            "fn f() {}\n".repeat(450)
        );
        assert_eq!(judge("src/job.rs", &tests), NONE);
    }

    #[test]
    fn no_lint_is_silenced() {
        for bad in [
            "#[allow(dead_code)]\nfn f() {}",
            "#![allow(clippy::all)]",
            "#[cfg_attr(unix, allow(unused))]\nfn f() {}",
        ] {
            let found = judge("src/job.rs", bad);
            assert_eq!(
                found,
                ["src/job.rs:1: no `allow`: mend it, or `expect` it with a reason"]
            );
        }
        assert_eq!(
            judge("src/job.rs", "#[expect(missing_docs, reason = \"x\")]"),
            ["src/job.rs:1: every public item is documented"]
        );
        assert_eq!(
            judge("src/job.rs", "#[expect(dead_code)]"),
            ["src/job.rs:1: an `expect` gives its reason"]
        );
        let good = "// #[allow(x)]\n#[expect(dead_code, reason = \"x\")]\nfn f() { g.allow(1).expect(2); }";
        assert_eq!(judge("src/job.rs", good), NONE);
    }

    #[test]
    fn no_work_is_left_unfinished() {
        for (bad, says) in [
            ("fn f() { todo!() }", "no unfinished work"),
            ("fn f() { unimplemented!(\"later\") }", "no unfinished work"),
            ("// FIXME: later", "`FIXME` marks unfinished work"),
            ("const A: &str = \"TODO\";", "`TODO` marks unfinished work"),
        ] {
            assert_eq!(judge("src/job.rs", bad), [format!("src/job.rs:1: {says}")]);
        }
        assert_eq!(
            judge("src/job.rs", "fn todo() {} // the todo list of FIXMEs"),
            NONE
        );
    }

    #[test]
    fn modules_are_declared_where_tools_find_them() {
        let bad = "kinds! {\n    mod backup;\n}\nmacro_rules! m { ($n:ident) => { mod $n; } }";
        let says = "no `mod x;` inside a macro: rustfmt never visits it";
        assert_eq!(
            judge("src/job.rs", bad),
            [
                format!("src/job.rs:2: {says}"),
                format!("src/job.rs:4: {says}")
            ]
        );
        assert_eq!(
            judge("src/job.rs", "#[path = \"x.rs\"]\nmod y;"),
            ["src/job.rs:1: a module lies where its name says: no `#[path]`"]
        );
        assert_eq!(
            judge("src/job.rs", "extern crate self as me;"),
            ["src/job.rs:1: no `extern crate`"]
        );
        assert_eq!(
            judge("src/job.rs", "mod a;\nm! { mod b { } }\nfn f(path: u8) {}"),
            NONE
        );
    }

    #[test]
    fn a_lint_taken_from_the_manifest_is_missed() {
        assert_eq!(lints(MANIFEST), NONE);
        assert_eq!(
            lints(&MANIFEST.replace("missing_docs = \"warn\"", "missing_docs = \"allow\"")),
            ["Cargo.toml: [lints.rust] must say missing_docs = \"warn\""]
        );
        assert_eq!(lints("[lints.clippy]\nmissing_docs = \"warn\"\n").len(), 3);
    }

    #[test]
    fn a_home_folder_is_caught_and_an_example_is_not() {
        let bad = file("README.md", "a\nsee /home/kim/box");
        assert_eq!(home_folders(&bad), ["README.md:2: names `/home/kim`"]);
        let good = file(
            "README.md",
            "/home/me/box, https://x.org/home/kim, $HOME/box, ~/box",
        );
        assert_eq!(home_folders(&good), NONE);
    }
}
