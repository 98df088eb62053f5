//! `logs`: what a person sees of the daemon's log.

use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::world::{BY_HAND, World, until};

/// A root whose daemon has run a job twice and is gone.
fn lived() -> World {
    let world = World::new(BY_HAND);
    let daemon = world.start();
    world.run_job("backup-daily");
    world.run_job("backup-daily");
    daemon.stop();
    world
}

#[test]
fn the_log_is_shown_as_the_console_shows_it_and_as_it_stands() {
    let world = lived();
    let out = world.run(["logs"]).code(0);
    let lines: Vec<_> = out.stdout.lines().collect();
    assert_eq!(lines.len(), 7, "{out:?}");
    assert!(
        lines[0].contains("  INFO ready jobs=1 lost=0 version="),
        "{}",
        lines[0]
    );
    assert!(lines[1].contains("  INFO started job=backup-daily run=1 slot="));
    assert!(!out.stdout.contains('\u{1b}'), "colours in a file");
    let json = world.json(["logs"]);
    assert_eq!(json.len(), 7);
    assert_eq!(json[1]["message"], "started");
    let last = world.run(["logs", "-n", "1"]).code(0);
    assert_eq!(last.stdout.lines().count(), 1);
    assert!(last.stdout.contains(" INFO stopped"), "{last:?}");
    world
        .run(["--color", "always", "logs"])
        .code(0)
        .says("\u{1b}[32m INFO\u{1b}[0m");
}

#[test]
fn lines_are_found_by_run_job_level_text_and_time() {
    let world = lived();
    let count = |args: &[&str]| world.json(args.iter().copied()).len();
    assert_eq!(count(&["logs", "1"]), 2);
    assert_eq!(count(&["logs", "backup-daily"]), 4);
    assert_eq!(
        count(&["logs", "backup-daily", "--grep", "run=[12] .*slot|ready"]),
        2
    );
    assert_eq!(count(&["logs", "--level", "warn"]), 0);
    assert_eq!(count(&["logs", "--level", "INFO", "--since", "24h"]), 7);
    assert_eq!(count(&["logs", "--since", "24h", "-n", "3"]), 3);
    assert_eq!(count(&["logs", "--until", "24h"]), 0);
    world
        .run(["logs", "--level", "error"])
        .code(0)
        .says("no line fits");
    world
        .run(["logs", "--grep", "run("])
        .code(0)
        .says("`run(` is no regular expression (unclosed group)");
    // Neither a daemon nor a job file is needed.
    std::fs::remove_file(world.path("jobs.yaml")).unwrap();
    assert_eq!(count(&["logs"]), 7);
}

#[test]
fn mistakes_are_told() {
    let world = World::bare(BY_HAND);
    world
        .run(["logs"])
        .code(4)
        .says("there is no log yet: `logs/bellkeeper.log`")
        .says("help: `bellkeeper start` writes one");
    world.write(
        "logs/bellkeeper.log",
        b"no JSON\n{\"message\":\"x\"}\n{\"torn",
    );
    world
        .run(["logs"])
        .code(0)
        .says("no JSON\n    ? x\n{\"torn\n");
    world
        .run(["logs", "--json"])
        .code(0)
        .says("{\"message\":\"x\"}\nnote: 2 lines left out: no JSON");
    world
        .run(["logs", "--level", "eror"])
        .code(2)
        .says("did you mean `error`?");
    world
        .run(["logs", "bakup-daily"])
        .code(4)
        .says("did you mean `backup-daily`?");
    world.run(["logs", "../x"]).code(2).says("`../x` is no job");
    world
        .run(["logs", "--since", "soon"])
        .code(2)
        .says("found `soon`");
    world
        .run(["logs", "--since", "1h", "--until", "2h"])
        .code(2)
        .says("`--since` is not before `--until`");
    world.write("logs/bellkeeper-20261124T020000Z.log.gz", b"not gzip");
    world
        .run(["logs"])
        .code(0)
        .says("is damaged, lines may be missing");
}

#[test]
fn who_follows_sees_what_comes_and_ends_well() {
    let world = World::new(BY_HAND);
    let follower = world.spawn(["logs", "-f", "--json"]);
    let daemon = world.start();
    until("the first line", || {
        (!follower.lines().is_empty()).then_some(())
    });
    // As a rotation does it, and somebody who removes the file.
    std::fs::rename(
        world.path("logs/bellkeeper.log"),
        world.path("logs/bellkeeper-20261124T020000Z.log"),
    )
    .unwrap();
    world.run_job("backup-daily");
    daemon.stop();
    let ended = || {
        let lines = follower.lines();
        lines
            .iter()
            .any(|line| line["message"] == "stopped")
            .then_some(())
    };
    until("the last line", ended);
    follower.signal(Signal::INT);
    let messages: Vec<_> = follower
        .end()
        .code(0)
        .lines()
        .iter()
        .map(|line| line["message"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        messages,
        ["ready", "started", "succeeded", "stopping", "stopped"]
    );
}

#[test]
fn a_closed_pipe_is_a_good_end() {
    let world = World::bare(BY_HAND);
    let line = "{\"timestamp\":\"2026-11-24T02:00:00Z\",\"message\":\"x\"}\n";
    let shown = b"2026-11-24T02:00:00Z     ? x\n";
    world.write("logs/bellkeeper.log", line.repeat(100_000).as_bytes());
    let mut logs = world.command(["logs", "--since", "2000-01-01"]);
    let mut logs = logs
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let head = Command::new("head")
        .arg("-1")
        .stdin(logs.stdout.take().unwrap())
        .output();
    assert_eq!(head.unwrap().stdout, shown);
    let out = logs.wait_with_output().unwrap();
    assert_eq!(
        (out.status.code(), out.stderr.as_slice()),
        (Some(0), &b""[..])
    );
}
