//! The daemon without a terminal, and the journal of what it did.

use std::process::Command;

use rustix::process::{Pid, Signal, getsid, kill_process, test_kill_process};

use crate::world::{BY_HAND, World, until};

/// The daemon of a root by its own word.
fn pid(world: &World) -> Pid {
    let status = world.json(["status"]).remove(0);
    let pid = i32::try_from(status["pid"].as_i64().unwrap()).unwrap();
    Pid::from_raw(pid).unwrap()
}

#[test]
fn a_detached_daemon_is_up_when_its_caller_returns_and_has_a_session_of_its_own() {
    let world = World::new(BY_HAND);
    // Its output is read to the end: a daemon that held on to it would never let it come.
    let output = world.command(["start", "--detach"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.starts_with("bellkeeper ") && !said.contains('\0'),
        "{said}"
    );
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    let daemon = pid(&world);
    assert_eq!(getsid(Some(daemon)).unwrap(), daemon);
    // Started again in its place it is still without a terminal.
    world.run(["restart"]).code(0);
    until("it to be up again", || {
        (world.run(["status"]).code == 0).then_some(())
    });
    assert_eq!(pid(&world), daemon);
    world
        .run(["start", "--detach"])
        .code(6)
        .says("at work in this root");
    world.run(["stop"]).code(0);
    until("it to be gone", || test_kill_process(daemon).err());
}

#[test]
fn ensure_starts_what_is_down_and_is_silent_when_it_is_up() {
    let world = World::new(BY_HAND);
    let first = world.run(["ensure", "--json"]).code(0);
    assert_eq!(first.lines()[0]["state"], "ready");
    let daemon = pid(&world);
    for _ in 0..3 {
        let again = world.run(["ensure"]).code(0);
        assert_eq!((again.stdout.as_str(), again.stderr.as_str()), ("", ""));
    }
    assert_eq!(pid(&world), daemon);
    kill_process(daemon, Signal::KILL).unwrap();
    until("it to be gone", || {
        (world.run(["status"]).code == 3).then_some(())
    });
    world.run(["ensure", "-q"]).code(0);
    assert_ne!(pid(&world), daemon);
    world.run(["stop"]).code(0);
}

#[test]
fn a_daemon_that_cannot_start_says_why_through_its_caller() {
    let world = World::new("jobs: {a: {scedule: x, backup: {}}}\n");
    for verb in [&["start", "--detach"][..], &["ensure"]] {
        let failed = world.run(verb.iter().copied()).code(78);
        failed.says("unknown key `scedule`");
    }
    let mut failed = world.command(["ensure", "--json"]);
    let failed = Command::output(&mut failed).unwrap();
    assert_eq!(failed.status.code(), Some(78));
    let said = String::from_utf8(failed.stdout).unwrap();
    let line = said.lines().next().unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert!(line.to_string().contains("unknown key `scedule`"), "{line}");
}

#[test]
fn the_journal_tells_what_was_done_newest_first() {
    let world = World::new(BY_HAND);
    world
        .run(["journal"])
        .code(0)
        .says("the journal has nothing");
    world.start().stop();
    world.run(["pause", "backup-daily"]).code(0);
    let acts = |args: &[&str]| -> Vec<String> {
        let lines = world.json(args.iter().copied());
        let act = |line: &serde_json::Value| line["act"].as_str().unwrap().to_owned();
        lines.iter().map(act).collect()
    };
    assert_eq!(acts(&["journal"]), ["pause", "stop", "start"]);
    assert_eq!(acts(&["journal", "-n", "1"]), ["pause"]);
    assert_eq!(acts(&["journal", "--since", "1h"]).len(), 3);
    assert_eq!(acts(&["journal", "--since", "2999-01-01"]), [""; 0]);
    let shown = world.run(["journal"]).code(0);
    shown.clone().says("operator: pause backup-daily");
    shown.says("    version ");
    world.run(["journal", "--since", "never"]).code(2);
}
