//! A daemon that runs takes a changed job file: by itself, at SIGHUP, at `reload`; all of it or
//! nothing.

use std::{
    fs,
    os::unix::fs::symlink,
    process::Command,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use rusqlite::Connection;
use rustix::process::Signal;
use serde_json::Value;

use crate::world::{BY_HAND, Daemon, Process, World, rounds, text, until};

const TWO: &str = "\
timezone: UTC
jobs:
  backup-daily:
    backup: {}
  other:
    schedule: every 1h
    backup: {what: [database], to: backups/other}
";

const BAD: &str = "timezone: UTC\njobs:\n  backup-daily:\n    bakcup: {}\n";

fn status(world: &World) -> Value {
    world.json(["status"]).pop().unwrap()
}

/// Waits until the daemon has so many jobs and no trouble with its file.
#[track_caller]
fn has_jobs(world: &World, jobs: u64) -> Value {
    let start = Instant::now();
    until("the new jobs", || {
        let status = status(world);
        let late = start.elapsed() > Duration::from_secs(30);
        assert!(!late, "{status} {:?}", world.names("."));
        (status["jobs"] == jobs && status["broken"].is_null()).then_some(status)
    })
}

/// Waits until the daemon has seen that the file is wrong.
#[track_caller]
fn is_broken(world: &World) -> Value {
    until("the problem to be seen", || {
        Some(status(world)["broken"].clone()).filter(|broken| !broken.is_null())
    })
}

/// The details that the journal has of an act, oldest first.
fn journal(world: &World, act: &str) -> Vec<String> {
    let ledger = Connection::open(world.path("data/bellkeeper.db")).unwrap();
    let mut acts = ledger
        .prepare("SELECT detail FROM journal WHERE act = ?1 ORDER BY id")
        .unwrap();
    let details = acts.query_map([act], |row| row.get(0)).unwrap();
    details.collect::<Result<_, _>>().unwrap()
}

fn log(daemon: &Daemon) -> String {
    daemon.process.so_far().1
}

#[test]
fn a_saved_file_is_taken_by_itself() {
    let world = World::new(BY_HAND);
    let daemon = world.start();
    world.jobs(TWO);
    let after = has_jobs(&world, 2);
    assert_eq!(after["pid"], daemon.process.pid());
    assert_eq!(after["next"][0]["job"], "other");
    world.run_job("other");
    assert_eq!(journal(&world, "reload"), ["+ other  every 1h"]);
    // As an editor does it: a new file that takes the name of the old one.
    world.write(".jobs.yaml.swp", BY_HAND.as_bytes());
    fs::rename(world.path(".jobs.yaml.swp"), world.path("jobs.yaml")).unwrap();
    has_jobs(&world, 1);
    world.run(["run-job", "other"]).code(4);
    assert_eq!(journal(&world, "reload")[1], "- other");
    let told = log(&daemon);
    assert!(
        told.contains("+ other") && told.contains("- other"),
        "{told}"
    );
    daemon.stop();
}

#[test]
fn a_wrong_file_changes_nothing_and_says_where() {
    let world = World::new(TWO);
    let daemon = world.start();
    let before = status(&world)["next"].clone();
    world.jobs(BAD);
    let broken = is_broken(&world);
    let place = "jobs.yaml:4:5: unknown kind `bakcup`";
    assert_eq!(broken["problems"][0], place);
    assert_eq!(status(&world)["jobs"], 2);
    assert_eq!(status(&world)["next"], before);
    world.run_job("other");
    let shown = world.run(["status"]).code(0);
    assert!(
        shown.stdout.contains("jobs.yaml has problems since "),
        "{shown:?}"
    );
    assert!(shown.stdout.contains("bellkeeper validate"), "{shown:?}");
    assert!(log(&daemon).contains(place), "{}", log(&daemon));
    assert_eq!(journal(&world, "reload refused"), [place]);
    // Asked for again it says it again, but the journal has it once.
    let asked = world.run(["reload"]).code(78).says("--> jobs.yaml:4:5");
    let asked = asked.says("did you mean `backup`?");
    assert!(
        asked.stderr.contains("the jobs stay as they were"),
        "{asked:?}"
    );
    let line = world.run(["reload", "--json"]).code(78).lines().remove(0);
    assert_eq!((&line["line"], &line["column"]), (&4.into(), &5.into()));
    assert_eq!(journal(&world, "reload refused").len(), 1);
    world.jobs(TWO);
    has_jobs(&world, 2);
    assert_eq!(journal(&world, "reload"), [""; 0]);
    daemon.stop();
}

#[test]
fn a_file_that_vanishes_changes_nothing_until_it_returns() {
    let world = World::new(TWO);
    let daemon = world.start();
    fs::remove_file(world.path("jobs.yaml")).unwrap();
    let broken = is_broken(&world);
    let problem = broken["problems"][0].as_str().unwrap();
    assert!(problem.starts_with("no job file at `"), "{problem}");
    world
        .run(["reload"])
        .code(78)
        .says("no job file")
        .says("help: write one");
    world.run_job("other");
    world.jobs(BY_HAND);
    has_jobs(&world, 1);
    daemon.stop();
}

#[test]
fn reload_says_what_has_changed() {
    let world = World::new(BY_HAND);
    world.run(["reload"]).code(3).says("no daemon is running");
    let daemon = world.start();
    world.run(["reload"]).code(0).says("nothing has changed");
    let same = world.json(["reload"]).pop().unwrap();
    assert_eq!(
        (&same["reloaded"], &same["jobs"]),
        (&false.into(), &1.into())
    );
    // Faster than the watch, or after it: then the journal has it already.
    world.jobs("timezone: UTC\njobs:\n  new:\n    schedule: every 5m\n    backup: {}\n");
    let out = world.run(["reload"]).code(0);
    has_jobs(&world, 1);
    if !out.stdout.contains("nothing has changed") {
        let lines: Vec<_> = out.stdout.lines().collect();
        let expected = ["+ new  every 5m", "- backup-daily", "reloaded (1 job)"];
        assert_eq!(lines, expected, "{out:?}");
    }
    assert_eq!(
        journal(&world, "reload"),
        ["+ new  every 5m; - backup-daily"]
    );
    daemon.stop();
}

#[test]
fn sighup_reloads_and_ends_nothing() {
    // On a folder that cannot be watched SIGHUP is the way; here it must not hurt.
    let world = World::new(BY_HAND);
    let daemon = world.start();
    daemon.process.signal(Signal::HUP);
    world.jobs(TWO);
    daemon.process.signal(Signal::HUP);
    has_jobs(&world, 2);
    assert!(!daemon.process.has_ended());
    assert_eq!(journal(&world, "reload").len(), 1);
    daemon.stop();
}

#[test]
fn a_touched_or_equal_file_is_no_change() {
    let world = World::new(TWO);
    let daemon = world.start();
    world.jobs(TWO);
    world.jobs(&format!("# a comment\n{TWO}"));
    world.run(["reload"]).code(0).says("nothing has changed");
    assert_eq!(journal(&world, "reload"), [""; 0]);
    daemon.stop();
}

#[test]
fn a_linked_file_is_followed() {
    let world = World::bare(BY_HAND);
    let kept = world.outside("kept.yaml");
    fs::rename(world.path("jobs.yaml"), &kept).unwrap();
    symlink(&kept, world.path("jobs.yaml")).unwrap();
    let daemon = world.start();
    fs::write(&kept, TWO).unwrap();
    has_jobs(&world, 2);
    daemon.stop();
}

#[test]
fn the_value_of_a_variable_is_not_told() {
    let world = World::new(BY_HAND);
    let jobs = "timezone: UTC\njobs: {a: {backup: {to: \"backups/${CANARY}\"}}}\n";
    let mut command: Command = world.command(["start", "--json"]);
    command.env("CANARY", "hunter2hunter2");
    let process = Process::spawn(command);
    until("the daemon to be ready", || {
        process.lines().into_iter().next()
    });
    world.jobs(jobs);
    until("the new job", || {
        (!journal(&world, "reload").is_empty()).then_some(())
    });
    // Taken with the value that only the daemon knows.
    let end = world.run_job("a");
    assert!(crate::world::path_of(&end).starts_with(world.path("backups/hunter2hunter2")));
    world.jobs(&jobs.replace("backups/$", "backups/x-$"));
    until("the other folder", || {
        (journal(&world, "reload").len() == 2).then_some(())
    });
    let acts = journal(&world, "reload");
    assert_eq!(acts[1], "~ a  backup.to has another value");
    let (out, err) = process.so_far();
    let told = err
        .lines()
        .filter(|line| line.contains("reload") || line.contains('~'));
    assert!(told.clone().count() >= 3, "{err}");
    assert!(
        told.clone().all(|line| !line.contains("hunter2")),
        "{out}{err}"
    );
    process.signal(Signal::TERM);
    process.end().code(0);
}

#[test]
fn another_job_file_than_the_usual_is_watched_where_it_is() {
    let world = World::new(BY_HAND);
    let other = world.outside("elsewhere.yaml");
    fs::write(&other, BY_HAND).unwrap();
    let args = ["start", "--json", "-c", text(&other)];
    let process = world.spawn(args);
    until("the daemon to be ready", || {
        process.lines().into_iter().next()
    });
    fs::write(&other, TWO).unwrap();
    has_jobs(&world, 2);
    process.signal(Signal::TERM);
    process.end().code(0);
}

#[test]
fn a_running_job_ends_though_the_new_file_has_it_no_more() {
    let held = "timezone: UTC\ndatabase: held.db\njobs:\n  held:\n    \
                backup: {what: [database], to: backups/held}\n";
    let world = World::new(held);
    let holder = Connection::open(world.path("held.db")).unwrap();
    holder
        .execute_batch("CREATE TABLE t (a); BEGIN EXCLUSIVE; INSERT INTO t VALUES (1);")
        .unwrap();
    let daemon = world.start();
    let run = world.spawn(["run-job", "held", "--json"]);
    until("the run to start", || {
        let mut lines = run.lines().into_iter();
        lines.find(|line| line["event"] == "started")
    });
    world.jobs(BY_HAND);
    world.run(["reload"]).code(0);
    world.run(["run-job", "held"]).code(4);
    holder.execute_batch("ROLLBACK").unwrap();
    let end = run.end().code(0).lines().pop().unwrap();
    assert_eq!(end["outcome"], "succeeded");
    assert!(crate::world::path_of(&end).exists());
    daemon.stop();
}

/// Descriptors that a process has open.
fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

#[test]
fn many_reloads_lose_no_slot_move_no_phase_and_leak_nothing() {
    let jobs = |n: usize| {
        format!(
            "timezone: UTC\njobs:\n  tick: {{schedule: every 1s, timeout: {}s, \
             backup: {{what: [config], to: backups/tick, keep: {{last: 1}}}}}}\n  \
             seldom: {{schedule: \"{} 5 * * *\", backup: {{to: backups/seldom}}}}\n",
            60 + n % 7,
            n % 60
        )
    };
    let world = World::new(&jobs(0));
    let daemon = world.start();
    until("the first run", || world.history().pop());
    let before = descriptors(daemon.process.pid());
    for n in 1..=rounds(1_000, 40) {
        world.jobs(&jobs(n));
        world.run(["reload"]).code(0);
    }
    let seen = world.history().len();
    until("another run", || {
        (world.history().len() > seen).then_some(())
    });
    // A run may have one open.
    let after = until("descriptors to be closed", || {
        Some(descriptors(daemon.process.pid())).filter(|after| *after <= before + 1)
    });
    assert!(after > 0);
    daemon.stop();
    let slots: Vec<Timestamp> = world
        .json(["history", "tick", "-n", "100000"])
        .iter()
        .map(|run| run["slot"].as_str().unwrap().parse().unwrap())
        .rev()
        .collect();
    for pair in slots.windows(2) {
        assert_eq!(pair[1].as_second() - pair[0].as_second(), 1, "{slots:?}");
    }
}
