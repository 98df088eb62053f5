//! Jobs that run programs, with the real program as the guard: nothing of them is left, whatever
//! becomes of the daemon.

use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::world::{World, rounds, until};

/// A program with a child, and a grandchild that leaves the group; their numbers go to files.
const JOBS: &str = r#"
timezone: UTC
defaults: {retry: {attempts: 1}}
jobs:
  family:
    command:
      run:
        - sh
        - -c
        - |
          echo $PPID > guard
          setsid sh -c 'trap "" TERM; echo $$ > c; sleep 1000; sleep 1000' &
          sleep 1000 & echo $! > b
          echo $$ > a
          wait
      grace: 200ms
  fails: {command: {run: [sh, -c, "echo what went wrong >&2; exit 3"]}}
  says: {command: {run: [echo, "hello, ${CANARY}"], env: {TOKEN: "${CANARY}"}}}
"#;

fn pid(file: &Path) -> Option<i32> {
    let text = std::fs::read_to_string(file).ok()?;
    text.strip_suffix('\n')?.parse().ok()
}

/// Whether it still runs; what waits to be buried does not.
fn alive(pid: i32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    test_kill_process(Pid::from_raw(pid).unwrap()).is_ok() && !state.contains(") Z ")
}

/// The numbers of the family, once all are there.
fn family(world: &World) -> Vec<i32> {
    let files: Vec<PathBuf> = ["guard", "a", "b", "c"].map(|name| world.path(name)).into();
    until("the family to be there", || {
        files.iter().map(|file| pid(file)).collect()
    })
}

fn command(world: &World, args: &[&str]) -> crate::world::Process {
    let mut command = world.command(args.iter().copied());
    command.env("CANARY", "canary-5f1c");
    crate::world::Process::spawn(command)
}

#[test]
fn nothing_is_left_of_a_program_when_its_daemon_is_killed() {
    let world = World::bare(JOBS);
    for _ in 0..rounds(20, 2) {
        for name in ["guard", "a", "b", "c"] {
            drop(std::fs::remove_file(world.path(name)));
        }
        let daemon = command(&world, &["start", "--json"]);
        until("the daemon to be ready", || {
            daemon.lines().into_iter().next()
        });
        let asked = command(&world, &["run-job", "family"]);
        let family = family(&world);
        assert!(family.iter().all(|pid| alive(*pid)));
        daemon.kill();
        asked.end();
        until("the family to be gone", || {
            (!family.iter().any(|pid| alive(*pid))).then_some(())
        });
    }
}

#[test]
fn a_program_is_ended_by_ctrl_c_and_by_the_end_of_the_daemon() {
    let world = World::bare(JOBS);
    let asked = command(&world, &["run-job", "family"]);
    let first = family(&world);
    asked.signal(Signal::INT);
    asked.end().code(130);
    assert!(!first.iter().any(|pid| alive(*pid)));
    for name in ["guard", "a", "b", "c"] {
        std::fs::remove_file(world.path(name)).unwrap();
    }
    // Also when its guard was killed before.
    let asked = command(&world, &["run-job", "family"]);
    let second = family(&world);
    kill_process(Pid::from_raw(second[0]).unwrap(), Signal::KILL).unwrap();
    asked.end().code(1).says("its guard was killed");
    until("its group to be gone", || {
        (!second[1..3].iter().any(|pid| alive(*pid))).then_some(())
    });
    // What had left the group has nobody any more who knows it.
    kill_process(Pid::from_raw(second[3]).unwrap(), Signal::KILL).unwrap();
}

#[test]
fn a_failure_says_what_the_program_said_and_no_output_shows_a_secret() {
    let world = World::bare(JOBS);
    let failed = command(&world, &["run-job", "fails"]).end();
    failed.says("`sh` ended with exit code 3: what went wrong");
    let said = command(&world, &["run-job", "says"]).end().code(0);
    let said = said.says("hello, ${TOKEN}");
    let dry = command(&world, &["run-job", "says", "--dry-run"])
        .end()
        .code(0);
    let dry = dry.says("echo with 1 argument");
    let log = std::fs::read_to_string(world.path("logs/bellkeeper.log")).unwrap_or_default();
    let ledger = std::fs::read(world.path("data/bellkeeper.db")).unwrap();
    for text in [
        said.stdout,
        said.stderr,
        dry.stdout,
        log,
        String::from_utf8_lossy(&ledger).into(),
    ] {
        assert!(!text.contains("canary-5f1c"), "{text}");
    }
}
