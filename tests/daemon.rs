//! The daemon's life: start, stop, restart, status, signals, and what survives it.

use std::fs;

use jiff::{Timestamp, tz::TimeZone};
use rusqlite::Connection;
use rustix::process::Signal;
use serde_json::Value;

use crate::world::{BY_HAND, Process, World, path_of, text, until};

/// A job that runs as long as somebody else locks its database.
const HELD: &str = "\
timezone: UTC
database: held.db
jobs:
  held:
    retry: {attempts: 1}
    backup: {what: [database], to: backups/held}
  endless:
    backup: {what: [big], to: backups/endless}
";

/// A root whose job `held` cannot go on before the returned connection lets go.
fn held() -> (World, Connection) {
    let world = World::new(HELD);
    let holder = Connection::open(world.path("held.db")).unwrap();
    holder
        .execute_batch("CREATE TABLE t (a); BEGIN EXCLUSIVE; INSERT INTO t VALUES (1);")
        .unwrap();
    world.endless("big");
    (world, holder)
}

/// Starts a job with `run-job --json` and waits until it runs.
#[track_caller]
fn started(world: &World, job: &str) -> Process {
    let run = world.spawn(["run-job", job, "--json"]);
    until("the run to start", || {
        assert!(!run.has_ended(), "{:?}", run.so_far());
        run.lines()
            .into_iter()
            .find(|line| line["event"] == "started")
    });
    run
}

fn status(world: &World) -> Value {
    world.json(["status"]).pop().unwrap()
}

#[test]
fn it_starts_answers_and_stops() {
    let world = World::bare(BY_HAND);
    world.run(["status"]).code(3).says("stopped");
    world.run(["stop"]).code(3).says("help: start one");
    let daemon = world.start();
    assert_eq!(daemon.ready["jobs"], 1);
    assert_eq!(daemon.ready["lost"], 0);
    let status = status(&world);
    assert_eq!(status["state"], "running");
    assert_eq!(status["pid"], daemon.process.pid());
    for key in [
        "since",
        "version",
        "jobs",
        "running",
        "next",
        "memory_bytes",
    ] {
        assert!(!status[key].is_null(), "{key} is missing in {status}");
    }
    world.run(["status"]).code(0).says("running  pid");
    let stopped = world.json(["stop"]).pop().unwrap();
    assert_eq!(stopped["state"], "stopped");
    daemon.process.end().code(0);
    world.run(["status", "--json"]).code(3).says("stopped");
    assert!(!world.path("data/bellkeeper.sock").exists());
}

#[test]
fn people_are_told_where_to_look() {
    let world = World::bare(BY_HAND);
    let process = world.spawn(["start"]);
    until("the daemon to be up", || {
        let (out, _) = process.so_far();
        out.contains("Ctrl-C").then_some(())
    });
    process.signal(Signal::INT);
    let out = process.end().code(0);
    for part in [
        "is up (pid",
        "config/backup.key",
        "data/trading_assistant.db",
        "logs/bellkeeper.log",
    ] {
        assert!(out.stdout.contains(part), "`{part}` is missing in {out:#?}");
    }
}

#[test]
fn a_second_daemon_is_refused_and_the_first_is_named() {
    let world = World::new(BY_HAND);
    let daemon = world.start();
    let pid = format!("pid {}", daemon.process.pid());
    // Since when, in the computer's own time.
    let since: Timestamp = status(&world)["since"].as_str().unwrap().parse().unwrap();
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    let since = since
        .to_zoned(zone)
        .strftime("since %a %Y-%m-%d %H:")
        .to_string();
    let mut second = world.command(["start"]);
    second.env("TZ", "Asia/Shanghai");
    let refused = Process::spawn(second).end().code(6).says(&pid);
    let refused = refused
        .says("help: ")
        .says(&since)
        .says(" +08:00) is at work");
    assert!(!refused.stderr.contains('Z'), "{refused:?}");
    world.run(["status"]).code(0);
    daemon.stop();
    world.start().stop();
}

#[test]
fn two_runs_by_hand_do_not_meet() {
    let (world, holder) = held();
    let first = started(&world, "held");
    let pid = format!("pid {}", first.pid());
    world
        .run(["run-job", "endless"])
        .code(6)
        .says(&pid)
        .says("run-job held");
    world.run(["start"]).code(6).says(&pid);
    world.run(["status"]).code(3).says(&pid);
    world.run(["stop"]).code(3).says(&pid);
    holder.execute_batch("ROLLBACK").unwrap();
    first.end().code(0);
}

#[test]
fn a_lock_of_a_dead_process_is_no_lock() {
    let world = World::new(BY_HAND);
    let daemon = world.start();
    daemon.process.kill().code(-9);
    assert!(world.path("data/bellkeeper.sock").exists());
    world.run(["status"]).code(3);
    world.run(["stop"]).code(3);
    world.run_job("backup-daily");
    world.start().stop();
}

#[test]
fn sigterm_lets_a_running_job_end() {
    let (world, holder) = held();
    let daemon = world.start();
    let run = started(&world, "held");
    daemon.process.signal(Signal::TERM);
    until("the daemon to drain", || {
        status(&world)["draining"]
            .as_bool()
            .filter(|draining| *draining)
    });
    assert!(!daemon.process.has_ended());
    // Nothing new begins now.
    let refused = world.run(["run-job", "endless"]);
    assert!(matches!(refused.code, 5 | 75), "{refused:?}");
    holder.execute_batch("ROLLBACK").unwrap();
    let end = run.end().code(0).lines().pop().unwrap();
    assert_eq!(end["outcome"], "succeeded");
    daemon.process.end().code(0);
    let mut runs = world.history().into_iter();
    let held = runs.find(|run| run["job"] == "held").unwrap();
    assert_eq!(held["outcome"], "succeeded");
    assert!(path_of(&end).exists());
}

#[test]
fn stop_now_cancels_what_runs() {
    let (world, _holder) = held();
    let daemon = world.start();
    let run = started(&world, "endless");
    until("the archive to be written", || {
        (!world.leftovers("backups/endless").is_empty()).then_some(())
    });
    world.run(["stop", "--now"]).code(0);
    run.end().code(130).says("cancelled");
    daemon.process.end().code(0);
    assert_eq!(world.leftovers("backups/endless"), [""; 0]);
    assert_eq!(world.history()[0]["outcome"], "cancelled");
}

#[test]
fn ctrl_c_cancels_a_run_and_leaves_nothing() {
    let (world, _holder) = held();
    for with_daemon in [false, true] {
        let daemon = with_daemon.then(|| world.start());
        let run = started(&world, "endless");
        until("the archive to be written", || {
            (!world.leftovers("backups/endless").is_empty()).then_some(())
        });
        run.signal(Signal::INT);
        let end = run.end().code(130).lines().pop().unwrap();
        assert_eq!(end["outcome"], "cancelled", "{end}");
        assert_eq!(world.leftovers("backups/endless"), [""; 0]);
        assert_eq!(world.history()[0]["outcome"], "cancelled");
        if let Some(daemon) = daemon {
            assert_eq!(status(&world)["state"], "running");
            daemon.stop();
        }
    }
    assert_eq!(
        world.archives("backups/endless"),
        [""; 0].map(std::path::PathBuf::from)
    );
}

#[test]
fn a_timeout_ends_a_run() {
    let world = World::new(
        "jobs: {endless: {timeout: 1s, retry: {attempts: 1}, backup: {what: [big], to: backups/e}}}\n",
    );
    world.endless("big");
    let end = world
        .run(["run-job", "endless", "--json"])
        .code(124)
        .lines();
    assert_eq!(end.last().unwrap()["outcome"], "timed-out");
    assert_eq!(world.leftovers("backups/e"), [""; 0]);
}

#[test]
fn a_run_is_told_the_same_way_with_a_daemon_and_without() {
    let world = World::new(BY_HAND);
    let shape = |lines: Vec<Value>| -> Vec<String> {
        let steps = lines.into_iter().filter(|line| line["event"] != "progress");
        let keys = |value: &Value| {
            let keys = value.as_object().unwrap().keys().cloned();
            keys.collect::<Vec<_>>().join(" ")
        };
        steps
            .map(|line| format!("{} {}", line["event"], keys(&line)))
            .collect()
    };
    let alone = shape(world.json(["run-job", "backup-daily"]));
    let daemon = world.start();
    let asked = shape(world.json(["run-job", "backup-daily"]));
    assert_eq!(alone, asked);
    assert_eq!(alone.len(), 2, "{alone:?}");
    let in_words = world.run(["run-job", "backup-daily"]).code(0);
    assert!(in_words.stdout.contains("succeeded"), "{in_words:?}");
    daemon.stop();
    let alone_in_words = world.run(["run-job", "backup-daily"]).code(0);
    assert_eq!(
        alone_in_words.stdout.lines().count(),
        in_words.stdout.lines().count()
    );
    let runs = world.history();
    assert!(
        runs.iter().all(|run| run["trigger"] == "manual"),
        "{runs:?}"
    );
}

#[test]
fn a_second_run_of_a_job_is_skipped_while_the_first_goes_on() {
    let (world, holder) = held();
    let daemon = world.start();
    let first = started(&world, "held");
    let second = world.run(["run-job", "held", "--json"]).code(5);
    let end = second.lines().pop().unwrap();
    assert_eq!(end["outcome"], "skipped");
    assert!(!end["reason"].as_str().unwrap().is_empty());
    holder.execute_batch("ROLLBACK").unwrap();
    first.end().code(0);
    daemon.stop();
    let outcomes: Vec<_> = world
        .history()
        .iter()
        .map(|run| run["outcome"].clone())
        .collect();
    assert!(outcomes.contains(&"skipped".into()), "{outcomes:?}");
}

#[test]
fn a_schedule_fires_by_itself() {
    let world = World::new(
        "jobs: {often: {schedule: every 1s, backup: {what: [config], to: backups/often}}}\n",
    );
    let daemon = world.start();
    assert_eq!(daemon.ready["next"]["job"], "often");
    until("two runs", || {
        let runs = world.history();
        (runs
            .iter()
            .filter(|run| run["outcome"] == "succeeded")
            .count()
            >= 2)
            .then_some(())
    });
    daemon.stop();
    let runs = world.history();
    let slots: Vec<_> = runs.iter().map(|run| run["slot"].to_string()).collect();
    let mut distinct = slots.clone();
    distinct.dedup();
    assert_eq!(slots, distinct, "a slot ran twice");
    assert!(
        runs.iter().all(|run| run["trigger"] == "schedule"),
        "{runs:?}"
    );
    assert_eq!(world.archives("backups/often").len(), runs.len());
}

#[test]
fn restart_keeps_the_process_and_loads_the_file_again() {
    let world = World::new(BY_HAND);
    let daemon = world.start();
    let before = status(&world);
    world.jobs("jobs: {a: {backup: {}}, b: {backup: {}}}\n");
    let answer = world.json(["restart"]).pop().unwrap();
    assert_eq!(answer["pid"], daemon.process.pid());
    assert_eq!(answer["jobs"], 2);
    let after = status(&world);
    assert_eq!(after["pid"], before["pid"]);
    assert_ne!(after["since"], before["since"]);
    assert_eq!(after["jobs"], 2);
    world.run_job("a");
    daemon.stop();
}

#[test]
fn a_broken_job_file_does_not_take_a_daemon_down() {
    let world = World::new(BY_HAND);
    let daemon = world.start();
    let before = status(&world)["since"].clone();
    world.jobs("jobs: {a: {backup: {wat: 1}}}\n");
    world.run(["restart"]).code(78).says("jobs.yaml:1:");
    world.jobs(BY_HAND);
    assert_eq!(status(&world)["since"], before);
    world.run_job("backup-daily");
    daemon.stop();
}

#[test]
fn restart_starts_what_is_down() {
    let world = World::new(BY_HAND);
    let process = world.spawn(["restart", "--json"]);
    let ready = until("the daemon to be ready", || {
        process.lines().into_iter().next()
    });
    assert_eq!(ready["state"], "ready");
    process.signal(Signal::TERM);
    process.end().code(0);
}

#[test]
fn a_job_the_daemon_does_not_know_yet_is_explained() {
    let world = World::new(BY_HAND);
    let daemon = world.start();
    // With a mistake in the file the daemon does not take it.
    world.jobs(&format!("{BY_HAND}  new:\n    backup: {{}}\n  bad:\n"));
    world
        .run(["run-job", "new"])
        .code(4)
        .says("bellkeeper reload");
    daemon.stop();
    world.jobs(&format!("{BY_HAND}  new:\n    backup: {{}}\n"));
    world.run_job("new");
}

/// A schedule that is due so many seconds from now, and then not for a day.
fn due_in(seconds: i64) -> (Timestamp, String) {
    let at = Timestamp::from_second(Timestamp::now().as_second() + seconds).unwrap();
    let schedule = at.to_zoned(TimeZone::UTC).strftime("%-S %-M %-H * * *");
    (at, format!("\"{schedule}\""))
}

/// A slot whose run died with the daemon is run again by the next one.
#[test]
fn a_lost_slot_is_caught_up() {
    let (at, schedule) = due_in(4);
    let world = World::new(&format!(
        "timezone: UTC\njobs: {{slow: {{schedule: {schedule}, backup: {{what: [big], to: backups/slow}}}}}}\n",
    ));
    world.endless("big");
    let daemon = world.start();
    until("the scheduled run to write", || {
        (!world.leftovers("backups/slow").is_empty()).then_some(())
    });
    daemon.process.kill().code(-9);
    world.write("big", b"small now");
    let daemon = world.start();
    assert_eq!(daemon.ready["lost"], 1);
    let caught_up = until("the catch-up", || {
        let mut runs = world.history().into_iter();
        runs.find(|run| run["trigger"] == "catch-up" && run["outcome"] == "succeeded")
    });
    daemon.stop();
    let runs = world.history();
    let lost = runs.iter().find(|run| run["outcome"] == "lost").unwrap();
    assert_eq!(lost["trigger"], "schedule");
    // The same slot, and an archive that carries it.
    assert_eq!(lost["slot"], at.to_string());
    assert_eq!(caught_up["slot"], lost["slot"]);
    let archives = world.archives("backups/slow");
    assert_eq!(archives, [path_of(&caught_up)]);
    let slot = at.strftime("%Y%m%dT%H%M%SZ").to_string();
    assert!(text(&archives[0]).contains(&slot), "{archives:?}");
    assert_eq!(world.leftovers("backups/slow"), [""; 0]);
}

/// While the daemon was down its slots passed: one run stands for all of them.
#[test]
fn missed_slots_are_caught_up_once() {
    let (first, later): (Vec<_>, Vec<_>) = (5..8).map(due_in).unzip();
    let world = World::new(&format!(
        "timezone: UTC\njobs: {{seldom: {{schedule: [{}], backup: {{what: [config], to: backups/seldom}}}}}}\n",
        later.join(", ")
    ));
    // From now on the job is known: a new one has missed nothing.
    world.start().stop();
    assert!(world.history().is_empty(), "it took too long to start");
    until("three slots to pass", || {
        (Timestamp::now() > first[2]).then_some(())
    });
    let daemon = world.start();
    let caught_up = until("the catch-up", || {
        let mut runs = world.history().into_iter();
        runs.find(|run| run["outcome"] == "succeeded")
    });
    daemon.stop();
    assert_eq!(caught_up["trigger"], "catch-up");
    assert_eq!(caught_up["missed"], 2, "{caught_up}");
    assert_eq!(caught_up["slot"], first[2].to_string());
    // Each of the others has a row that says what became of it.
    let runs = world.history();
    assert_eq!(runs.len(), 3, "{runs:?}");
    for run in runs
        .iter()
        .filter(|run| run["run_id"] != caught_up["run_id"])
    {
        assert_eq!(run["outcome"], "skipped");
        assert!(run["reason"].as_str().unwrap().contains("missed"), "{run}");
    }
    assert_eq!(world.archives("backups/seldom").len(), 1);
}

#[test]
fn a_root_with_a_long_path_has_a_socket_too() {
    let world = World::new(BY_HAND);
    let deep = world.path("deep/".repeat(30));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("jobs.yaml"), BY_HAND).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_bellkeeper"));
    command.args(["start", "--json", "--root", text(&deep)]);
    let daemon = Process::spawn(command);
    until("the daemon to be ready", || {
        daemon.lines().into_iter().next()
    });
    let ask = |verb: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_bellkeeper"));
        command.args([verb, "--json", "--root", text(&deep)]);
        Process::spawn(command).end()
    };
    ask("status").code(0);
    ask("stop").code(0);
    daemon.end().code(0);
}
