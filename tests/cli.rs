//! What the commands print, for people and for programs.

use std::{fmt::Write, process::Command};

use serde_json::Value;

use crate::world::{BY_HAND, Out, Process, World, need, text};

const JOBS: &str = "\
timezone: Asia/Shanghai
jobs:
  backup-daily:
    description: every night
    schedule: \"0 2 29 2 *\"
    backup: {}
  by-hand:
    backup: {what: [config]}
";

#[track_caller]
fn has(line: &Value, keys: &[&str]) {
    for key in keys {
        assert!(!line[key].is_null(), "{key} is missing in {line}");
    }
}

#[test]
fn programs_find_the_promised_fields() {
    let world = World::new(JOBS);
    world.run_job("backup-daily");
    let only = |args: &[&str]| world.json(args.iter().copied()).remove(0);
    let history = only(&["history"]);
    let fields = [
        "run_id",
        "job",
        "slot",
        "trigger",
        "outcome",
        "started_at",
        "finished_at",
    ];
    has(&history, &fields);
    assert_eq!(history["job"], "backup-daily");
    assert_eq!(history["trigger"], "manual");
    assert_eq!(history["outcome"], "succeeded");
    has(&only(&["next"]), &["job", "at"]);
    has(&only(&["when", "@daily"]), &["at"]);
    let backup = only(&["backups", "list"]);
    has(
        &backup,
        &[
            "path",
            "job",
            "slot",
            "size_bytes",
            "state",
            "keep",
            "reasons",
        ],
    );
    assert_eq!(backup["state"], "verified");
    assert_eq!(backup["slot"], history["slot"]);
    has(
        &only(&["backups", "show", "latest"]),
        &["path", "sha256", "databases", "notes"],
    );
    has(
        &only(&["backups", "verify", "latest"]),
        &["path", "verified", "depth"],
    );
}

#[test]
fn programs_find_what_is_and_what_comes() {
    let world = World::new(JOBS);
    world.run_job("backup-daily");
    let only = |args: &[&str]| world.json(args.iter().copied()).remove(0);
    let list = world.json(["list"]);
    has(
        &list[0],
        &[
            "job",
            "kind",
            "schedule",
            "timezone",
            "enabled",
            "next",
            "last_outcome",
        ],
    );
    assert_eq!(list[0]["kind"], "backup");
    assert!(list[1]["next"].is_null(), "{}", list[1]);
    assert_eq!(
        world.run(["status", "--json"]).code(3).lines()[0]["state"],
        "stopped"
    );
    let daemon = world.start();
    let status = only(&["status"]);
    has(
        &status,
        &["state", "pid", "since", "jobs", "running", "next"],
    );
    has(&status["next"][0], &["job", "at"]);
    daemon.stop();
    has(&only(&["version"]), &["name", "version"]);
    has(&only(&["keys", "show"]), &["recipient", "fingerprint"]);
    assert_eq!(only(&["validate"])["valid"], true);
    let error = world
        .run(["run-job", "nothing", "--json"])
        .code(4)
        .lines()
        .remove(0);
    has(&error, &["error", "hints", "exit_code"]);
    assert_eq!(error["exit_code"], 4);
}

#[test]
fn next_is_in_order_and_counts() {
    let world = World::new(
        "jobs:\n  a: {schedule: every 7m, backup: {}}\n  b: {schedule: every 3m, backup: {}}\n  \
         c: {schedule: \"@daily\", enabled: false, backup: {}}\n",
    );
    let slots = world.json(["next", "-n", "9"]);
    assert_eq!(slots.len(), 9);
    let at: Vec<_> = slots
        .iter()
        .map(|slot| slot["at"].as_str().unwrap())
        .collect();
    assert!(at.is_sorted(), "{at:?}");
    assert!(slots.iter().all(|slot| slot["job"] != "c"));
    let only = world.json(["next", "b", "-n", "2"]);
    assert!(only.len() == 2 && only.iter().all(|slot| slot["job"] == "b"));
}

/// The shared cases, through the program itself.
#[test]
fn when_knows_daylight_saving() {
    let world = World::bare("");
    let cases: Vec<Value> = serde_json::from_str(include_str!("fixtures/cron_cases.json")).unwrap();
    for case in cases.iter().step_by(cases.len() / 12) {
        let field = |name: &str| case[name].as_str().unwrap();
        let args = [
            "when",
            field("expr"),
            "--timezone",
            field("tz"),
            "--after",
            field("after"),
            "-n",
            "5",
        ];
        let found: Vec<_> = world
            .json(args)
            .into_iter()
            .map(|line| line["at"].clone())
            .collect();
        assert_eq!(Value::Array(found), case["next"], "{case}");
    }
}

#[test]
fn when_takes_every_sort_of_schedule() {
    let world = World::bare("");
    let at = |args: &[&str]| -> Vec<String> {
        let all = ["when"].into_iter().chain(args.iter().copied());
        let lines = world.json(all.chain(["--timezone", "Asia/Shanghai"]));
        let at = lines
            .iter()
            .map(|line| line["at"].as_str().unwrap().to_owned());
        at.collect()
    };
    assert_eq!(
        at(&["every 90m", "--after", "2026-11-23 02:00", "-n", "2"]),
        ["2026-11-23T03:30:00+08:00", "2026-11-23T05:00:00+08:00"]
    );
    assert_eq!(
        at(&["@monthly", "--after", "2026-11-23 02:00", "-n", "1"]),
        ["2026-12-01T00:00:00+08:00"]
    );
    assert_eq!(
        at(&["*/20 * * * * *", "--after", "2026-11-23 02:00", "-n", "2"]),
        ["2026-11-23T02:00:20+08:00", "2026-11-23T02:00:40+08:00"]
    );
    let words = world.run(["when", "0 2 * * *", "-n", "3"]).code(0);
    assert_eq!(words.stdout.lines().count(), 3);
}

#[test]
fn when_explains_what_is_wrong() {
    let world = World::bare("");
    world
        .run(["when", "61 * * * *"])
        .code(2)
        .says("out of range")
        .says("^^");
    world
        .run(["when", "@daily", "--timezone", "Asia/Shangai"])
        .code(2)
        .says("did you mean `Asia/Shanghai`?");
    world
        .run(["when", "@daily", "--after", "someday"])
        .code(2)
        .says("expected an instant");
}

#[test]
fn help_and_version_are_success() {
    let world = World::bare("");
    for args in [
        &["--help"][..],
        &["help"],
        &["run-job", "--help"],
        &["--version"],
        &["version"],
    ] {
        let out = world.run(args.iter().copied()).code(0);
        assert!(
            out.stdout.contains("bellkeeper") || out.stdout.contains("Usage"),
            "{out:?}"
        );
        assert_eq!(out.stderr, "");
    }
}

#[test]
fn wrong_usage_is_code_2() {
    let world = World::bare(BY_HAND);
    for args in [
        &["frobnicate"][..],
        &[],
        &["run-job"],
        &["list", "--wat"],
        &["stop", "--timeout", "10"],
        &["restore"],
        &["restore", "latest", "--undo"],
        &["restore", "latest", "--diff", "--dry-run"],
        &["next", "-n", "many"],
    ] {
        let out = world.run(args.iter().copied()).code(2);
        assert!(!out.stderr.is_empty(), "{args:?}: {out:?}");
    }
    let near = world.run(["run-jbo", "x"]).code(2);
    assert!(near.stderr.contains("run-job"), "{near:?}");
}

#[test]
fn a_root_that_is_not_there_is_named() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bellkeeper"));
    command.args(["--root", "/nowhere/at/all", "list"]);
    Process::spawn(command)
        .end()
        .code(4)
        .says("/nowhere/at/all")
        .says("help: ");
}

#[test]
fn the_root_may_come_from_the_environment_and_be_relative() {
    let world = World::new(BY_HAND);
    let run = |root: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bellkeeper"));
        command
            .args(["list", "--json"])
            .env("BELLKEEPER_ROOT", root)
            .current_dir(world.outside(""));
        Process::spawn(command).end().code(0).lines().len()
    };
    assert_eq!(run(text(&world.root())), 1);
    assert_eq!(run("root"), 1);
}

/// Runs a line of sh with the program as `$B`, in the root.
fn sh(world: &World, line: &str) -> Out {
    let mut command = Command::new("sh");
    command
        .args(["-c", line])
        .env("B", env!("CARGO_BIN_EXE_bellkeeper"))
        .env("BELLKEEPER_ROOT", world.root());
    Process::spawn(command).end()
}

#[test]
fn a_closed_pipe_is_success() {
    let world = World::new(JOBS);
    world.run_job("by-hand");
    for verb in [
        "list",
        "history --json",
        "schema",
        "when '@daily' -n 50000",
        "backups list",
        "--help",
        "run-job by-hand --json",
    ] {
        let out = sh(
            &world,
            &format!("{{ $B {verb}; echo $? >&2; }} | head -n 1"),
        );
        assert_eq!(out.stderr.lines().last(), Some("0"), "{verb}: {out:?}");
        assert!(!out.stderr.contains("panic"), "{verb}: {out:?}");
        assert_eq!(out.stdout.lines().count(), 1, "{verb}: {out:?}");
    }
    let closed = sh(&world, "$B list >&-; echo $?");
    assert_eq!(closed.stdout.trim(), "0", "{closed:?}");
}

#[test]
fn colours_only_where_they_are_wanted() {
    let world = World::new("jobs: {a: {bakcup: {}}}\n");
    let escapes = |line: &str| sh(&world, line).stderr.contains('\u{1b}');
    assert!(!escapes("$B validate"), "a file is no terminal");
    assert!(escapes("$B validate --color always"));
    assert!(!escapes("$B validate --color never"));
    if !need(&["script"]) {
        return;
    }
    // On a terminal, which `script` pretends to be.
    let terminal = |environment: &str| {
        let line = format!("{environment} script -qec '$B validate' /dev/null < /dev/null");
        sh(&world, &line).stdout.contains("\u{1b}[1m\u{1b}")
            || sh(&world, &line).stdout.contains("\u{1b}[1;31m")
            || sh(&world, &line).stdout.contains("\u{1b}[91m")
    };
    assert!(terminal("TERM=xterm"));
    assert!(!terminal("TERM=xterm NO_COLOR=1"));
}

#[test]
fn tables_fit_narrow_terminals() {
    let world = World::new(JOBS);
    world.run_job("backup-daily");
    for columns in ["20", "80", "300"] {
        for verb in ["list", "history", "next", "backups list", "keys show"] {
            let out = sh(&world, &format!("COLUMNS={columns} $B {verb}"));
            assert_eq!(out.code, 0, "{verb} at {columns}: {out:?}");
            assert!(!out.stdout.is_empty());
        }
    }
}

#[test]
fn quiet_says_only_results() {
    let world = World::new(JOBS);
    let out = world.run(["run-job", "by-hand", "-q"]).code(0);
    assert_eq!(out.stderr, "");
    let out = world.run(["history", "-q", "--failed"]).code(0);
    assert_eq!((out.stdout.as_str(), out.stderr.as_str()), ("", ""));
}

#[test]
fn history_can_be_narrowed() {
    let world = World::new("jobs: {a: {backup: {}}, b: {backup: {what: [nowhere]}}}\n");
    world.run_job("a");
    world.run(["run-job", "b"]).code(1);
    let jobs = |args: &[&str]| -> Vec<String> {
        let lines = world.json(args.iter().copied());
        let jobs = lines
            .iter()
            .map(|line| line["job"].as_str().unwrap().to_owned());
        jobs.collect()
    };
    assert_eq!(jobs(&["history"]), ["b", "a"]);
    assert_eq!(jobs(&["history", "a"]), ["a"]);
    assert_eq!(jobs(&["history", "--failed"]), ["b"]);
    assert_eq!(jobs(&["history", "-n", "1"]), ["b"]);
}

#[test]
fn the_schema_is_the_committed_one() {
    let world = World::bare("");
    let out = world.run(["schema"]).code(0);
    let schema: Value = serde_json::from_str(&out.stdout).unwrap();
    let committed: Value =
        serde_json::from_str(include_str!("../schema/jobs.schema.json")).unwrap();
    assert_eq!(schema, committed);
}

#[test]
fn the_shipped_job_file_is_valid_and_its_jobs_run() {
    // As on a fresh machine: with what the first start makes.
    let world = World::bare(include_str!("../jobs.yaml"));
    world.start().stop();
    world.run(["validate"]).code(0);
    for job in world.json(["list"]) {
        world.run_job(job["job"].as_str().unwrap());
    }
    assert_eq!(world.json(["backups", "verify"]).len(), 2);
}

/// What is secret is shown nowhere.
#[test]
fn the_private_key_is_never_shown() {
    let world = World::new(BY_HAND);
    let secret = std::fs::read_to_string(world.key()).unwrap();
    let secret = secret
        .lines()
        .find(|line| line.starts_with("AGE-SECRET-KEY-"))
        .unwrap();
    let daemon = world.start();
    let mut seen = format!("{:?}", world.run(["run-job", "backup-daily"]));
    for args in [
        &["keys", "show"][..],
        &["status"],
        &["backups", "show", "latest"],
        &["history", "--json"],
    ] {
        write!(seen, "{:?}", world.run(args.iter().copied())).unwrap();
    }
    daemon.stop();
    seen += &std::fs::read_to_string(world.path("logs/bellkeeper.log")).unwrap();
    seen += &std::fs::read_to_string(world.path("backups/backup-daily/RESTORE.txt")).unwrap();
    let ledger = std::fs::read(world.path("data/bellkeeper.db")).unwrap();
    seen += &String::from_utf8_lossy(&ledger);
    assert!(!seen.contains(secret));
}

/// Standard output may be closed from the start, as under some supervisors.
#[test]
fn a_daemon_lives_without_standard_streams() {
    let world = World::new(BY_HAND);
    let line = "exec $B start >&- 2>&- <&-";
    let mut shell = Command::new("sh");
    shell
        .args(["-c", line])
        .env("B", env!("CARGO_BIN_EXE_bellkeeper"))
        .env("BELLKEEPER_ROOT", world.root());
    let daemon = Process::spawn(shell);
    crate::world::until("the daemon to be up", || {
        (world.run(["status"]).code == 0).then_some(())
    });
    world.run_job("backup-daily");
    daemon.signal(rustix::process::Signal::TERM);
    daemon.end().code(0);
}

#[test]
fn shells_take_the_completions_and_man_takes_the_page() {
    let world = World::bare(BY_HAND);
    for (shell, part) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef bellkeeper"),
        ("fish", "complete -c bellkeeper"),
    ] {
        let script = world.run(["completions", shell]).code(0).stdout;
        assert!(script.contains(part), "{shell}: {script}");
        assert!(
            script.contains("run-job") && script.contains("ensure"),
            "{shell}"
        );
    }
    let script = world.run(["completions", "bash"]).stdout;
    world.write("completions", script.as_bytes());
    let path = world.path("completions");
    let checked = std::process::Command::new("bash")
        .arg("-n")
        .arg(&path)
        .status();
    assert!(checked.unwrap().success());
    world
        .run(["completions", "bsh"])
        .code(2)
        .says("possible values");
    let page = world.run(["man"]).code(0).stdout;
    assert!(page.contains(".TH bellkeeper 1"), "{page}");
    assert!(page.contains(".SH \"RESTORE\""));
}
