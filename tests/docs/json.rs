//! docs/JSON.md shows the fields that the program prints.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use bellkeeper::{
    analysis::{Bar, Stamp, Timeframe},
    store::{self, Class, Looked, NewFinding, Store},
};
use serde_json::Value;

/// A root with a daemon in it.
struct World {
    root: tempfile::TempDir,
    daemon: Child,
}

impl World {
    /// A daemon that is up, and the line that it printed.
    fn start() -> (Self, Value) {
        let root = tempfile::tempdir().unwrap();
        let jobs = "jobs:\n  a:\n    schedule: \"0 2 * * *\"\n    backup: {keep: {daily: 7}}\n";
        fs::write(root.path().join("jobs.yaml"), jobs).unwrap();
        let mut start = command(root.path(), &["start", "-q"]);
        let mut daemon = start.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let stdout = daemon.stdout.as_mut().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).unwrap();
        (Self { root, daemon }, ready)
    }

    /// The lines that a command prints.
    fn say(&self, args: &[&str]) -> Vec<Value> {
        let output = command(self.root.path(), args).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{args:?}: {line}")))
            .collect()
    }

    /// The last of them.
    fn last(&self, args: &[&str]) -> Value {
        self.say(args).pop().unwrap_or_else(|| panic!("{args:?}"))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        drop(self.daemon.kill());
        drop(self.daemon.wait());
    }
}

fn command(root: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bellkeeper"));
    command.arg("--json").args(args).current_dir(root);
    command.env_remove("BELLKEEPER_ROOT");
    command
}

/// The example lines of the section whose heading starts with `heading`, up to the next heading.
fn examples(page: &str, heading: &str) -> Vec<Value> {
    let mut sections = page.split("\n## ").flat_map(|part| part.split("\n### "));
    let section = sections
        .find(|section| section.lines().next().is_some_and(|line| line == heading))
        .unwrap_or_else(|| panic!("no section `{heading}`"));
    section
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
        .collect()
}

/// The fields of a value and of what is in it, as `tables[].name`. Facts and notes are left out:
/// what is in them differs from run to run.
fn fields(value: &Value) -> BTreeSet<String> {
    fn add(found: &mut BTreeSet<String>, path: &str, value: &Value) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    found.insert(format!("{path}{key}"));
                    if !matches!(key.as_str(), "facts" | "notes" | "running" | "undefined") {
                        add(found, &format!("{path}{key}."), value);
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| add(found, path, item)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    add(&mut found, "", value);
    found
}

/// Fails unless the page has an example with the fields of `value`.
fn shown(page: &str, heading: &str, value: &Value) {
    let examples: Vec<_> = examples(page, heading).iter().map(fields).collect();
    let printed = fields(value);
    assert!(
        examples.contains(&printed),
        "`{heading}` shows {examples:#?}\nprinted is {value}"
    );
}

/// Something that is wrong with a bar.
fn finding(root: &Path) {
    let stamp = Stamp::Day("2026-11-24".parse().unwrap());
    let bar = Bar {
        stamp,
        open: 2.0,
        high: 1.0,
        low: 3.0,
        close: 2.0,
        volume: 5.0,
    };
    let found = NewFinding {
        flaw: "outside",
        severity: "quarantined",
        stamp: Some(stamp),
        line: None,
        what: "high 1 is below low 3",
        bar: Some(bar),
    };
    let looked = Looked {
        symbol: "AAPL",
        timeframe: Timeframe::D1,
        since: Some(stamp),
        source: "csv",
        at: "2026-11-24T21:15:00Z".parse().unwrap(),
    };
    let store = Store::at(&root.join(store::DEFAULT_PATH));
    let writer = store.writer().unwrap();
    let kept = writer.write(Class::User, "keep", |tx| {
        store::keep_findings(tx, &looked, &[found])
    });
    assert_eq!(kept.unwrap(), 1);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of all commands")]
fn every_example_has_the_fields_that_are_printed() {
    let page = super::read("docs/JSON.md");
    let (world, ready) = World::start();
    shown(&page, "`start`, and `restart` when no daemon runs", &ready);
    let bad = world.root.path().join("bad.yaml");
    fs::write(bad, "jobs:\n  a: {scedule: \"0 2 * * *\", backup: {}}\n").unwrap();
    let trades = "date,symbol,side,quantity,price\n2026-01-05,CSV,buy,1,2\n";
    fs::write(world.root.path().join("trades.csv"), trades).unwrap();
    let doubtful = world.root.path().join("doubtful.yaml");
    fs::write(
        doubtful,
        "jobs:\n  a: {schedule: \"*/45 * * * *\", backup: {}}\n",
    )
    .unwrap();
    finding(world.root.path());
    for (heading, args) in [
        ("`validate`", &["-c", "doubtful.yaml", "validate"][..]),
        ("Errors", &["run-job", "b"]),
        ("Errors", &["-c", "bad.yaml", "validate"]),
        ("`run-job`", &["run-job", "a"]),
        ("`run-job --dry-run`", &["run-job", "a", "--dry-run"]),
        ("`logs`", &["logs", "--grep", "started"]),
        ("`list`", &["list"]),
        ("`next`", &["next"]),
        ("`plan`", &["plan", "--days", "2"]),
        ("`explain`", &["explain", "a"]),
        ("`why`", &["why", "a"]),
        ("`when`", &["when", "@daily"]),
        ("`calendar`", &["calendar"]),
        ("`calendar NAME`", &["calendar", "XHKG", "--year", "2027"]),
        ("`pause`, `resume`", &["pause", "a", "--for", "2h"]),
        ("`pause`, `resume`", &["resume", "a"]),
        ("`journal`", &["journal", "--since", "1h"]),
        ("`validate`", &["validate"]),
        ("`backups list`", &["backups", "list"]),
        ("`backups plan`", &["backups", "plan", "--days", "2"]),
        ("`backups show`", &["backups", "show", "latest"]),
        ("`backups verify`", &["backups", "verify"]),
        ("`backups drill`", &["backups", "drill"]),
        ("`restore --to`", &["restore", "latest", "--to", "out"]),
        ("`restore --dry-run`", &["restore", "latest", "--dry-run"]),
        (
            "`restore --yes`, `restore --undo --yes`",
            &["restore", "latest", "--yes"],
        ),
        (
            "`restore --yes`, `restore --undo --yes`",
            &["restore", "--undo", "--yes"],
        ),
        ("`keys show`", &["keys", "show"]),
        ("`keys check`", &["keys", "check"]),
        ("`keys add`, `keys rotate`", &["keys", "rotate"]),
        (
            "`analyse`",
            &["analyse", "AAPL", "--show", "rsi(14), close > sma(50)"],
        ),
        ("`findings`", &["findings"]),
        ("`signals`", &["signals", "--days", "20000"]),
        ("`signals explain`", &["signals", "explain", "1"]),
        ("`signal-stats`", &["signal-stats", "--days", "20000"]),
        (
            "`trades add`, `trades list`",
            &["trades", "add", "NEW", "buy", "1", "2.5"],
        ),
        ("`trades add`, `trades list`", &["trades", "list"]),
        ("`trades import`", &["trades", "import", "trades.csv"]),
        ("`positions`", &["positions"]),
        ("`trade-stats`", &["trade-stats"]),
        ("`check api`", &["check", "api"]),
        ("`version`", &["version"]),
        ("`reload`", &["reload"]),
        ("`restart` of a running daemon", &["restart"]),
        ("`stop`", &["stop"]),
        ("`status`", &["status"]),
    ] {
        shown(&page, heading, &world.last(args));
    }
}

#[test]
fn rows_that_are_put_back_have_the_fields_of_their_example() {
    let page = super::read("docs/JSON.md");
    let (world, _) = World::start();
    let jobs = "jobs:\n  a: {backup: {}}\n  p: {prune: {max_delete: 0%}}\n";
    fs::write(world.root.path().join("jobs.yaml"), jobs).unwrap();
    world.last(&["reload"]);
    world.last(&["run-job", "a"]);
    // The rows of the sample go only when a person says so.
    let end = world.last(&["run-job", "p", "--yes"]);
    assert_eq!(end["report"]["facts"]["deleted"], 22, "{end}");
    let run = end["run_id"].to_string();
    let dry = world.last(&["prune", "--undo", &run, "--dry-run"]);
    shown(&page, "`run-job --dry-run`", &dry);
    shown(&page, "`prune`", &world.last(&["prune", "--undo", &run]));
}

#[test]
fn a_change_of_the_job_file_has_the_fields_of_its_example() {
    let page = super::read("docs/JSON.md");
    let (world, _) = World::start();
    let jobs = "jobs: {a: {schedule: every 5m, backup: {keep: {daily: 7}}}, b: {backup: {}}}\n";
    fs::write(world.root.path().join("jobs.yaml"), jobs).unwrap();
    // If the daemon has seen it by itself already, nothing has changed: that is shown, too.
    shown(&page, "`reload`", &world.last(&["reload"]));
}

#[test]
fn the_fields_of_a_run_are_the_same_in_events_and_history() {
    let page = super::read("docs/JSON.md");
    let (world, _) = World::start();
    let up = world.last(&["status"]);
    let shown_up = examples(&page, "`status`").remove(0);
    let names = |value: &Value| -> BTreeSet<String> {
        let map = value.as_object().unwrap();
        map.keys().filter(|key| *key != "event").cloned().collect()
    };
    assert_eq!(names(&up), names(&shown_up));
    let events = world.say(&["run-job", "a"]);
    let started = events.iter().find(|event| event["event"] == "started");
    shown(&page, "`run-job`", started.unwrap());
    let row = world.last(&["history", "-n", "1"]);
    assert_eq!(names(&row), names(&examples(&page, "`history`")[0]));
    let mut expected = names(events.last().unwrap());
    expected.insert("reason".into());
    assert_eq!(names(&row), expected);
}

#[test]
fn instants_are_utc_but_for_what_the_page_calls_local() {
    let (world, _) = World::start();
    let in_utc = |value: &Value| value.as_str().unwrap().ends_with('Z');
    assert!(!in_utc(&world.last(&["next"])["at"]));
    assert!(!in_utc(&world.last(&["list"])["next"]));
    assert!(!in_utc(&world.last(&["when", "@daily"])["at"]));
    assert!(in_utc(&world.last(&["status"])["next"][0]["at"]));
    let end = world.last(&["run-job", "a"]);
    let row = world.last(&["history"]);
    for field in ["slot", "started_at", "finished_at"] {
        assert!(in_utc(&end[field]) && in_utc(&row[field]), "{field}");
    }
}
