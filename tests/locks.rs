//! POSIX locks belong to a process and a file, and closing the file by any other way than SQLite
//! drops them. So: the locks on the database's files are what they were, whatever runs beside.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use rusqlite::Connection;

use crate::world::{World, text};

const JOBS: &str = "\
timezone: UTC
jobs:
  backup-daily:
    backup: {what: [database, config, logs]}
  whole:
    backup: {what: [data], to: backups/whole}
";

/// The lines of /proc/locks about the database and its side files, without their numbers.
fn locks(database: &Path) -> Vec<String> {
    let inodes: Vec<String> = ["", "-wal", "-shm"]
        .into_iter()
        .filter_map(|suffix| fs::metadata(format!("{}{suffix}", text(database))).ok())
        .map(|metadata| format!(":{} ", metadata.ino()))
        .collect();
    let all = fs::read_to_string("/proc/locks").unwrap();
    let mut lines: Vec<String> = all
        .lines()
        .filter(|line| inodes.iter().any(|inode| line.contains(inode.as_str())))
        .map(|line| line.split_once(": ").unwrap().1.to_owned())
        .collect();
    // The list is read in pieces and may show one lock twice while others come and go.
    lines.sort();
    lines.dedup();
    lines
}

fn is_possible() -> bool {
    let possible = fs::read_to_string("/proc/locks").is_ok();
    if !possible {
        crate::world::skip("no /proc/locks here");
    }
    possible
}

/// A connection with an open read transaction.
fn reader(database: &Path) -> Connection {
    let connection = Connection::open(database).unwrap();
    connection.execute_batch("BEGIN").unwrap();
    let read: i64 = connection
        .query_row("SELECT count(*) FROM moves", [], |row| row.get(0))
        .unwrap();
    assert_eq!(read, 2);
    connection
}

fn every_command(world: &World, name: &str) {
    let database = world.database();
    let to = world.outside(name);
    let commands: [&[&str]; 21] = [
        &["run-job", "backup-daily"],
        &["run-job", "whole"],
        &["run-job", "backup-daily", "--dry-run"],
        &["run-job", "whole", "--dry-run"],
        &["status"],
        &["list"],
        &["next"],
        &["history"],
        &["validate"],
        &["schema"],
        &["when", "@daily"],
        &["backups", "list"],
        &["backups", "show", "latest"],
        &["backups", "verify"],
        &["keys", "show"],
        &["version"],
        &["restore", "latest", "--to", text(&to)],
        &["restore", "latest", "--dry-run"],
        &["restore", "latest", "--diff"],
        &["--help"],
        &["start", "--help"],
    ];
    for command in commands {
        let before = locks(&database);
        assert!(!before.is_empty());
        let out = world.run(command.iter().copied());
        assert!(matches!(out.code, 0 | 3), "{command:?}: {out:?}");
        assert_eq!(locks(&database), before, "{command:?}");
    }
}

#[test]
fn no_command_touches_the_locks_of_another_program() {
    if !is_possible() {
        return;
    }
    let world = World::new(JOBS);
    let reader = reader(&world.database());
    every_command(&world, "without-daemon");
    let before = locks(&world.database());
    let daemon = world.start();
    assert_eq!(locks(&world.database()), before);
    every_command(&world, "with-daemon");
    world.run(["start"]).code(6);
    world.run(["restart"]).code(0);
    assert_eq!(locks(&world.database()), before);
    world.run(["stop"]).code(0);
    daemon.process.end().code(0);
    assert_eq!(locks(&world.database()), before);
    drop(reader);
}

/// The daemon keeps its ledger open for life; archiving the folder that it lies in must not cost
/// it the locks on it, nor the lock of the instance.
#[test]
fn runs_of_a_daemon_leave_the_daemon_its_locks() {
    if !is_possible() {
        return;
    }
    let world = World::new(JOBS);
    let daemon = world.start();
    let own = || {
        let pid = format!(" {} ", daemon.process.pid());
        let mut own = locks(&world.path("data/bellkeeper.db"));
        own.extend(locks(&world.path("data/bellkeeper.lock")));
        own.retain(|line| line.contains(&pid));
        own
    };
    let before = own();
    assert!(before.len() >= 2, "{before:?}");
    for job in ["whole", "backup-daily", "whole"] {
        world.run_job(job);
        assert_eq!(own(), before, "{job}");
    }
    // Nobody else can take what the daemon still has.
    world.run(["start"]).code(6);
    daemon.stop();
}
