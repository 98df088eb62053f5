//! The documents agree with the program: commands, exit codes, links, names of files and tests.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

#[expect(
    clippy::disallowed_methods,
    reason = "tests write their job files themselves"
)]
mod json;

const PAGES: [&str; 9] = [
    "README.md",
    "CHANGELOG.md",
    "config/README.md",
    "backups/README.md",
    "docs/ARCHITECTURE.md",
    "docs/CONTRIBUTING.md",
    "docs/DECISIONS.md",
    "docs/JOBS.md",
    "docs/JSON.md",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn output(args: &[&str]) -> String {
    let program = env!("CARGO_BIN_EXE_bellkeeper");
    let output = Command::new(program).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The verbs that a help text lists.
fn verbs(args: &[&str]) -> Vec<String> {
    let help = output(&[args, &["--help"]].concat());
    let (_, rest) = help.split_once("Commands:\n").unwrap();
    let lines = rest.lines().take_while(|line| !line.is_empty());
    lines
        // Descriptions that are wrapped are indented further.
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

/// What the first cells of the table rows under `heading` hold.
fn first_cells(page: &str, heading: &str) -> Vec<String> {
    let (_, section) = page.split_once(&format!("\n## {heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap_or_default();
    section
        .lines()
        .filter_map(|line| line.strip_prefix("| "))
        .filter_map(|line| line.split(" | ").next())
        .map(|cell| cell.trim_matches('`').to_owned())
        .skip(1)
        .collect()
}

/// The targets of the links `[text](target)` of a page.
fn links(page: &str) -> Vec<&str> {
    let ends = page.split("](").skip(1);
    ends.filter_map(|rest| rest.split(')').next()).collect()
}

#[test]
fn the_readme_names_the_two_commands() {
    let readme = read("README.md");
    for command in ["cargo run --release -- start", "cargo test"] {
        assert!(
            readme.contains(&format!("```sh\n{command}\n```\n")),
            "{command}"
        );
    }
}

#[test]
fn the_job_files_in_the_readme_are_good() {
    let readme = read("README.md");
    let blocks: Vec<_> = readme.split("```yaml\n").skip(1).collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        let text = block.split("```").next().unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file.as_file(), text.as_bytes()).unwrap();
        output(&["-c", file.path().to_str().unwrap(), "validate"]);
    }
}

#[test]
fn the_readme_lists_exactly_the_commands_there_are() {
    let rows = first_cells(&read("README.md"), "Commands");
    let mut expected = Vec::new();
    for verb in verbs(&[]) {
        if verb == "signals" {
            // It does something without a word behind it, too.
            expected.push(verb.clone());
        }
        if matches!(
            verb.as_str(),
            "backups" | "check" | "keys" | "signals" | "trades"
        ) {
            let inner = verbs(&[&verb]).into_iter().filter(|inner| inner != "help");
            expected.extend(inner.map(|inner| format!("{verb} {inner}")));
        } else {
            expected.push(verb);
        }
    }
    assert!(expected.len() > 15, "{expected:?}");
    let plain = |row: &String| {
        let words = row.split(' ');
        let lower = |word: &&str| word.starts_with(|c: char| c.is_ascii_lowercase());
        words.take_while(lower).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(rows.iter().map(plain).collect::<Vec<_>>(), expected);
}

#[test]
fn every_exit_code_stands_in_the_readme() {
    let mut codes: Vec<u8> = read("src/cli/shell/exit.rs")
        .lines()
        .filter_map(|line| {
            line.split_once(": u8 = ")?
                .1
                .trim_end_matches(';')
                .parse()
                .ok()
        })
        .collect();
    codes.sort_unstable();
    codes.dedup();
    assert!(codes.len() > 10, "{codes:?}");
    let rows = first_cells(&read("README.md"), "Exit codes");
    let rows: Vec<u8> = rows.iter().map(|row| row.parse().unwrap()).collect();
    assert_eq!(rows, codes);
    let help = output(&["--help"])
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    for code in codes {
        assert!(help.contains(&format!(" {code} ")), "--help: {code}");
    }
}

#[test]
fn every_relative_link_leads_to_a_file() {
    let mut dead = Vec::new();
    for name in PAGES {
        let page = read(name);
        let folder = Path::new(name).parent().unwrap();
        let local = links(&page)
            .into_iter()
            .filter(|link| !link.contains("://") && !link.starts_with('#'));
        dead.extend(local.filter_map(|link| {
            let path: PathBuf = folder.join(link.split('#').next().unwrap_or_default());
            (!root().join(&path).exists()).then(|| format!("{name}: {link}"))
        }));
    }
    assert!(dead.is_empty(), "{dead:#?}");
}

#[test]
fn every_page_is_checked() {
    for folder in ["docs", "config", "backups"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let page = format!("{folder}/{name}");
            let is_page = Path::new(&name).extension().is_some_and(|end| end == "md");
            assert!(!is_page || PAGES.contains(&page.as_str()), "{page}");
        }
    }
}

/// Floor and modules of the rows of a table of floors.
fn floors(page: &str) -> Vec<(i32, Vec<String>)> {
    let row = |line: &str| {
        let mut cells = line.trim_start_matches("//! ").split(" | ");
        let floor = cells.next()?.strip_prefix("| ")?.parse().ok()?;
        let names = cells.next()?.split(", ");
        let plain = |name: &str| name.trim_matches(['[', ']', '`']).to_owned();
        Some((floor, names.map(plain).collect()))
    };
    page.lines().filter_map(row).collect()
}

#[test]
fn the_map_has_the_floors_of_the_sources() {
    let map = floors(&read("docs/ARCHITECTURE.md"));
    assert_eq!(map, floors(&read("src/lib.rs")));
    assert!(map.len() > 8, "{map:?}");
}

/// The texts in backquotes.
fn quoted(page: &str) -> impl Iterator<Item = &str> {
    page.split('`').skip(1).step_by(2)
}

/// Whether `named`, a path or `path::test`, is there.
fn is_there(named: &str) -> bool {
    let (file, function) = named.split_once("::").unwrap_or((named, ""));
    let path = root().join(file);
    if function.is_empty() {
        return path.exists();
    }
    fs::read_to_string(path).is_ok_and(|text| text.contains(&format!("fn {function}(")))
}

#[test]
fn every_source_and_test_that_a_page_names_is_there() {
    let mut gone = Vec::new();
    for name in [
        "docs/ARCHITECTURE.md",
        "docs/CONTRIBUTING.md",
        "docs/DECISIONS.md",
    ] {
        let page = read(name);
        let ours = |word: &&str| word.starts_with("src/") || word.starts_with("tests/");
        let missing = quoted(&page).filter(ours).filter(|word| !is_there(word));
        gone.extend(missing.map(|word| format!("{name}: {word}")));
    }
    assert!(gone.is_empty(), "{gone:#?}");
    assert!(!is_there("src/nothing.rs") && !is_there("src/lib.rs::nothing"));
}
