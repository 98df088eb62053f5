//! Backups are proved: verification, drills and keys as a person meets them.

use std::{fs, os::unix::fs::PermissionsExt, thread, time::Duration};

use serde_json::Value;

use crate::world::{Dice, World, holds, rounds, text, until};

const JOBS: &str = "\
timezone: UTC
jobs:
  backup-daily: {backup: {}}
  verify: {verify: {}}
  drill: {drill: {}}
";

/// What `backups list` knows of the newest archive.
fn newest(world: &World) -> Value {
    world.json(["backups", "list"]).remove(0)
}

#[test]
fn an_archive_rises_from_verified_to_drilled_and_falls_when_it_is_damaged() {
    let world = World::new(JOBS);
    let path = world.archive("backup-daily");
    assert_eq!(newest(&world)["state"], "verified");
    world.run_job("drill");
    let known = newest(&world);
    assert_eq!(known["state"], "drilled");
    assert!(known["recovery_seconds"].as_f64().unwrap() > 0.0);
    world.run_job("verify");
    assert_eq!(newest(&world)["state"], "drilled");
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, bytes).unwrap();
    let out = world.run(["run-job", "verify"]).code(1);
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(
        out.stderr.contains(name) && out.stderr.contains("is damaged"),
        "{}",
        out.stderr
    );
    assert_eq!(newest(&world)["state"], "damaged");
    let listed = world.run(["backups", "list"]).code(0).stdout;
    assert!(
        listed.contains("damaged") && listed.contains("problem:"),
        "{listed}"
    );
    assert!(
        listed.lines().all(|line| line.chars().count() <= 80),
        "{listed}"
    );
}

#[test]
fn an_archive_of_a_newer_program_is_told_from_a_damaged_one() {
    let world = World::new(JOBS);
    let path = world.archive("backup-daily");
    let side = format!("{}.json", text(&path));
    let newer = fs::read_to_string(&side)
        .unwrap()
        .replace("\"format\": 1", "\"format\": 3");
    fs::write(&side, &newer).unwrap();
    for args in [
        ["backups", "verify"],
        ["backups", "drill"],
        ["run-job", "drill"],
    ] {
        let out = world.run(args).code(1);
        let told = "made by a newer Bellkeeper: its format is 3, this one reads up to 1";
        assert!(out.stderr.contains(told), "{}", out.stderr);
    }
    assert_eq!(fs::read_to_string(&side).unwrap(), newer);
}

#[test]
fn a_missing_or_wrong_key_is_exit_code_11() {
    let world = World::new(JOBS);
    world.archive("backup-daily");
    let key = fs::read(world.key()).unwrap();
    world.run(["keys", "check"]).code(0);
    fs::remove_file(world.key()).unwrap();
    world.run(["keys", "check"]).code(11);
    world.run(["backups", "drill"]).code(11);
    let other = world.outside("other.key");
    bellkeeper::archive::generate(&other, jiff::Timestamp::UNIX_EPOCH).unwrap();
    for verb in [&["backups", "drill"][..], &["keys", "check"]] {
        let args = verb.iter().copied().chain(["--key", text(&other)]);
        let out = world.run(args).code(11);
        assert!(
            out.stderr.contains("no private key at hand opens"),
            "{}",
            out.stderr
        );
    }
    fs::write(world.key(), key).unwrap();
    world.run(["keys", "rotate"]).code(0);
    // The older key still opens what was made for it.
    world.run(["keys", "check"]).code(0);
    world.archive("backup-daily");
    let lines = world.json(["keys", "check"]);
    assert_eq!(lines[0]["opens"], 1);
    assert_eq!(lines.last().unwrap()["opened_by"], text(&world.key()));
    // Private keys are never told.
    for args in [
        &["keys", "show"][..],
        &["keys", "check"],
        &["keys", "rotate"],
    ] {
        let out = world.run(args.iter().copied()).code(0);
        assert!(!format!("{}{}", out.stdout, out.stderr).contains("AGE-SECRET-KEY-1"));
    }
}

#[test]
fn a_job_file_that_cannot_be_edited_safely_is_left_with_the_lines_to_write() {
    let world = World::new(&format!("encryption: {{recipients: []}}\n{JOBS}"));
    let before = fs::read(world.path("jobs.yaml")).unwrap();
    let new = world.outside("new.key");
    let out = world.run(["keys", "add", "--generate", text(&new)]).code(1);
    assert!(
        out.stderr.contains("encryption:\n        recipients:\n"),
        "{}",
        out.stderr
    );
    assert_eq!(fs::read(world.path("jobs.yaml")).unwrap(), before);
    assert!(!new.exists());
}

#[test]
fn a_folder_that_cannot_be_written_is_no_trouble_for_the_verb() {
    let world = World::new(JOBS);
    let path = world.archive("backup-daily");
    let folder = path.parent().unwrap();
    let mode = |bits| fs::set_permissions(folder, PermissionsExt::from_mode(bits)).unwrap();
    mode(0o500);
    let is_root = fs::write(folder.join("probe"), b"").is_ok();
    let out = world.run(["backups", "verify"]);
    mode(0o700);
    let out = out.code(0);
    assert!(
        is_root || out.stderr.contains("not kept in the sidecar"),
        "{}",
        out.stderr
    );
}

/// kill -9 at any moment of a drill: no plaintext outlives the next start.
#[test]
fn what_a_killed_drill_leaves_is_swept() {
    let world = World::new(JOBS);
    holds(&world.database(), 2);
    world.archive("backup-daily");
    let mut dice = Dice::new(u64::from(std::process::id()));
    let mut left = 0;
    for round in 0..rounds(100, 6) {
        let drill = world.spawn(["backups", "drill"]);
        if round % 2 == 0 {
            until("the trial to begin", || {
                (drill.has_ended() || world.path(".drill").exists()).then_some(())
            });
        }
        thread::sleep(Duration::from_micros(dice.below(60_000)));
        drill.kill();
        left += usize::from(world.path(".drill").exists());
        if round % 3 == 0 {
            world.start().stop();
        } else {
            world.run(["backups", "drill"]).code(0);
        }
        assert!(!world.path(".drill").exists() || world.names(".drill").is_empty());
    }
    assert!(left > 0, "no drill was hit");
    assert_eq!(world.leftovers("backups/backup-daily"), [""; 0]);
}
