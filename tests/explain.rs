//! `explain`, `why`, `next --until` and the warnings of `validate`, as a person meets them.

use serde_json::Value;

use crate::world::{World, until};

const JOBS: &str = "\
timezone: Asia/Shanghai
defaults: {timeout: 10m}
jobs:
  backup-daily:
    description: every night
    schedule: \"0 2 * * *\"
    retry: {attempts: 2}
    backup: {what: [config], to: \"${BELLKEEPER_TEST_FOLDER}/daily\"}
  often:
    schedule: every 1s
    catch_up: none
    backup: {what: [config]}
";

fn world() -> World {
    World::new(&JOBS.replace("${BELLKEEPER_TEST_FOLDER}", "backups"))
}

fn setting<'a>(explained: &'a Value, key: &str) -> &'a Value {
    let all = explained["settings"].as_array().unwrap().iter();
    let all = all.chain(explained["kind_settings"].as_array().unwrap());
    let mut found = all.filter(|setting| setting["key"] == key);
    found
        .next()
        .unwrap_or_else(|| panic!("{key} in {explained}"))
}

#[test]
fn explain_says_where_each_setting_comes_from() {
    let world = world();
    let explained = world.json(["explain", "backup-daily"]).remove(0);
    let told = |key: &str| {
        let setting = setting(&explained, key);
        let text = |field: &str| setting[field].as_str().unwrap().to_owned();
        (text("value"), text("from"), setting["line"].as_u64())
    };
    let expect = |value: &str, from: &str, line| (value.to_owned(), from.to_owned(), line);
    assert_eq!(told("timezone"), expect("Asia/Shanghai", "file", Some(1)));
    assert_eq!(told("timeout"), expect("10m", "defaults", Some(2)));
    assert_eq!(told("retry.attempts"), expect("2", "job", Some(7)));
    assert_eq!(told("overlap"), expect("skip", "built-in", None));
    assert_eq!(told("catch_up_window").1, "kind");
    assert_eq!(told("backup.to"), expect("backups/daily", "job", Some(8)));
    assert_eq!(explained["words"][0], "every day at 02:00");
    let next = world.json(["next", "backup-daily", "-n", "5"]);
    let next: Vec<_> = next.iter().map(|line| line["at"].clone()).collect();
    assert_eq!(explained["next"], Value::Array(next));
    world
        .run(["explain", "backup-daily"])
        .code(0)
        .says("every day at 02:00 (Asia/Shanghai)")
        .says("defaults, jobs.yaml:2");
}

#[test]
fn explain_never_shows_the_value_of_a_variable() {
    let world = World::new(JOBS);
    for args in [
        &["explain", "backup-daily"][..],
        &["explain", "backup-daily", "--json"],
    ] {
        let mut command = world.command(args.iter().copied());
        command.env("BELLKEEPER_TEST_FOLDER", "canary-in-a-variable");
        let out = crate::world::Process::spawn(command).end().code(0);
        assert!(
            !format!("{out:?}").contains("canary-in-a-variable"),
            "{out:?}"
        );
        assert!(
            out.stdout.contains("${BELLKEEPER_TEST_FOLDER}/daily"),
            "{out:?}"
        );
    }
}

#[test]
fn a_misspelt_job_is_suggested() {
    let world = world();
    for verb in ["explain", "why", "next"] {
        world
            .run([verb, "backup-dayly"])
            .code(4)
            .says("did you mean `backup-daily`?");
    }
}

#[test]
fn a_job_that_is_gone_has_its_history() {
    let world = world();
    world.run_job("often");
    world.jobs("jobs: {x: {backup: {}}}");
    world.run(["why", "often"]).code(4).says("history");
    let out = world.run(["why", "oftener"]).code(4);
    assert!(!out.stderr.contains("history"), "{out:?}");
}

#[test]
fn why_knows_nothing_before_the_first_start() {
    let world = world();
    for time in [&["yesterday", "02:00"][..], &["1h", "ago"], &["2026-11-01"]] {
        let args = ["why", "often"].into_iter().chain(time.iter().copied());
        assert!(
            world
                .json(args)
                .iter()
                .all(|told| told["fate"] == "not-known")
        );
    }
    world
        .run(["why", "often", "25:00"])
        .code(2)
        .says("expected an instant");
    assert_eq!(world.json(["why", "often"]), [Value::Null; 0]);
    world
        .run(["why", "often"])
        .code(0)
        .says("no slot has come yet");
    let told = world.json(["why", "often", "1h ago"]).remove(0);
    assert_eq!(
        (&told["fate"], &told["run_id"]),
        (&"not-known".into(), &Value::Null)
    );
}

#[test]
fn why_tells_what_ran_and_what_did_not() {
    let world = world();
    let daemon = world.start();
    until("a slot that succeeded", || {
        let told = world.json(["why", "often"]);
        told.iter()
            .any(|told| told["fate"] == "succeeded")
            .then_some(())
    });
    daemon.stop();
    world.run_job("often");
    let told = until("a slot that nobody ran", || {
        let told = world.json(["why", "often"]);
        told.iter()
            .any(|told| told["fate"] == "undecided")
            .then_some(told)
    });
    let slots: Vec<_> = told
        .iter()
        .map(|told| told["slot"].as_str().unwrap())
        .collect();
    assert!(
        slots.is_sorted_by(|newer, older| newer >= older),
        "{slots:?}"
    );
    let of = |fate: &str| told.iter().find(|told| told["fate"] == fate).unwrap();
    let reason = of("undecided")["reason"].as_str().unwrap();
    assert!(
        reason.contains("no daemon has been running since"),
        "{reason}"
    );
    assert!(reason.contains("catch_up: none"), "{reason}");
    assert!(
        told.iter().any(|told| told["trigger"] == "manual"),
        "{told:#?}"
    );
    // The next daemon decides, and says so in a row.
    let daemon = world.start();
    let missed = until("the missed slots to be skipped", || {
        let told = world.json(["why", "often", "-n", "100"]);
        let mut missed = told.into_iter().filter(|told| told["fate"] == "skipped");
        missed.find(|told| told["trigger"] == "catch-up")
    });
    assert_eq!(missed["reason"], "missed: catch_up is none");
    let slot = missed["slot"].as_str().unwrap();
    let one = world.json(["why", "often", slot]);
    assert_eq!(one.len(), 1);
    assert_eq!(one.first(), Some(&missed));
    daemon.stop();
}

#[test]
fn a_changed_schedule_is_not_in_force_before_it_is_read() {
    let world = world();
    world.start().stop();
    world.jobs(
        &JOBS
            .replace("${BELLKEEPER_TEST_FOLDER}", "backups")
            .replace("1s", "1m"),
    );
    let told = world.json(["why", "often", "in 5m"]);
    assert_eq!(told[0]["fate"], "not-due");
    let told = world.json(["why", "often", "2m ago"]).remove(0);
    assert_eq!(told["fate"], "not-known");
    assert!(
        told["reason"].as_str().unwrap().contains("has changed"),
        "{told}"
    );
}

#[test]
fn next_goes_as_far_as_it_is_told() {
    let world = world();
    let count = |args: &[&str]| world.json(args.iter().copied()).len();
    assert_eq!(count(&["next", "backup-daily", "--until", "7d"]), 7);
    assert_eq!(
        count(&["next", "backup-daily", "--until", "7d", "-n", "3"]),
        3
    );
    let minute = count(&["next", "often", "--until", "1m"]);
    assert!((59..=60).contains(&minute), "{minute}");
    let cut = world.run(["next", "--until", "7d", "--json"]).code(0);
    assert_eq!(cut.lines().len(), 10_000);
    assert!(cut.stderr.contains("cut after 10000"), "{}", cut.stderr);
    world
        .run(["next", "backup-daily", "--until", "1s ago"])
        .code(0)
        .says("nothing is due until");
    world
        .run(["next", "--until", "7"])
        .code(2)
        .says("needs a unit");
    world
        .run(["next", "--until", "soon"])
        .code(2)
        .says("expected an instant");
}

const DOUBTFUL: &str = "\
timezone: America/New_York
jobs:
  a: {schedule: \"30 2 * * *\", dst: {gap: skip}, backup: {}}
  b: {schedule: [\"@daily\", \"0 0 13 * fri\"], backup: {}}
  c: {schedule: \"*/45 * * * *\", backup: {}}
  d: {schedule: \"*/45 * * * *\", enabled: false, backup: {}}
  e: {schedule: \"${BELLKEEPER_TEST_CRON}\", backup: {}}
";

#[test]
fn validate_warns_and_stays_good() {
    let world = World::new(DOUBTFUL);
    let run = |args: &[&str]| {
        let mut command = world.command(args.iter().copied());
        command.env("BELLKEEPER_TEST_CRON", "*/45 * * * *");
        crate::world::Process::spawn(command).end().code(0)
    };
    let lines = run(&["validate", "--json"]).lines();
    let told: Vec<_> = lines
        .iter()
        .map(|line| {
            (
                line["severity"].as_str(),
                line["line"].as_u64(),
                line["column"].as_u64(),
            )
        })
        .collect();
    let warning = |line, column| (Some("warning"), Some(line), Some(column));
    let result = (None, None, None);
    let expected = [result, warning(3, 18), warning(4, 33), warning(5, 18)];
    assert_eq!(told, expected);
    assert_eq!(
        (&lines[0]["valid"], &lines[0]["warnings"]),
        (&true.into(), &3.into())
    );
    let message = lines[1]["message"].as_str().unwrap();
    assert!(
        message.ends_with("does not run then (dst.gap: skip)"),
        "{message}"
    );
    let out = run(&["validate"]);
    assert!(
        out.stdout
            .ends_with("5 jobs, nothing is wrong; 3 warnings\n"),
        "{out:?}"
    );
    assert!(out.stderr.contains("warning: `*/45` is uneven"), "{out:?}");
    assert!(
        out.stderr.lines().all(|line| line.chars().count() <= 80),
        "{out:?}"
    );
    assert_eq!(run(&["validate", "-q"]).stderr, "");
}

#[test]
fn start_logs_the_warnings_once() {
    let world = World::new(&DOUBTFUL.replace("${BELLKEEPER_TEST_CRON}", "@daily"));
    world.start().stop();
    let log = std::fs::read_to_string(world.path("logs/bellkeeper.log")).unwrap();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &Value| line.to_string().contains("is uneven"))
        .collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert!(lines[0].to_string().contains("WARN"), "{}", lines[0]);
}
