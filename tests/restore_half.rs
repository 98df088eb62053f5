//! Half a restore is ended before anything is believed that stands in the root.

use std::{fs, path::PathBuf, thread, time::Duration};

use bellkeeper::lock::{Holder, InstanceLock};
use serde_json::{Value, json};

use crate::world::{BY_HAND, World, text, until};

/// The folder of the one restore that is kept.
fn kept(world: &World) -> PathBuf {
    let names = world.names("data").into_iter();
    let mut kept = names.filter(|name| name.starts_with(".before-restore-"));
    let name = kept.next().unwrap();
    assert_eq!(kept.next(), None);
    world.path("data").join(name)
}

/// As if the last restore had been killed before it came to the file called `name`.
fn cut_short(world: &World, name: &str) {
    let folder = kept(world);
    let record = folder.join("RECORD.json");
    let mut told: Value = serde_json::from_slice(&fs::read(&record).unwrap()).unwrap();
    assert_eq!(told["state"], "kept");
    let side = told["wanted"].as_str().unwrap().to_owned();
    let other = if side == "new" { "old" } else { "new" };
    told["state"] = json!("going");
    fs::create_dir_all(folder.join(&side)).unwrap();
    fs::rename(world.path(name), folder.join(&side).join(name)).unwrap();
    if folder.join(other).join(name).exists() {
        fs::rename(folder.join(other).join(name), world.path(name)).unwrap();
    }
    fs::write(&record, told.to_string()).unwrap();
}

/// A root into which an archive was restored that has another job file than there was before.
fn restored(before: Option<&str>) -> World {
    let world = World::new(BY_HAND);
    world.write("config/watchlist.yaml", b"symbols: [then]\n");
    let archive = world.archive("backup-daily");
    world.write("config/watchlist.yaml", b"symbols: [now]\n");
    match before {
        Some(jobs) => world.jobs(jobs),
        None => fs::remove_file(world.path("jobs.yaml")).unwrap(),
    }
    world.run(["restore", text(&archive), "--yes"]).code(0);
    world
}

#[test]
fn a_job_file_that_is_yet_to_come_keeps_nobody_from_ending_the_restore() {
    let world = restored(None);
    for verb in [
        &["pause", "backup-daily"][..],
        &["run-job", "backup-daily"],
        &["keys", "rotate"],
    ] {
        cut_short(&world, "jobs.yaml");
        assert!(!world.path("jobs.yaml").exists());
        world.run(verb.iter().copied()).code(0);
        world.run(["validate"]).code(0);
    }
    cut_short(&world, "jobs.yaml");
    world.start().stop();
    // What cannot be read when it is ended is told as ever, and that it is ended stays known.
    cut_short(&world, "jobs.yaml");
    world.run(["pause", "nobody"]).code(4).says("nobody");
    world.run(["validate"]).code(0);
}

#[test]
fn a_run_by_hand_takes_the_job_file_that_the_restore_brings() {
    let world = restored(Some("jobs: {other: {backup: {what: [config]}}}\n"));
    cut_short(&world, "jobs.yaml");
    world.run(["list"]).code(0).says("other");
    world.run_job("backup-daily");
    assert_eq!(
        fs::read_to_string(world.path("jobs.yaml")).unwrap(),
        BY_HAND
    );
}

#[test]
fn an_undo_that_is_cut_short_is_ended_by_a_start() {
    let world = restored(Some("jobs: {other: {backup: {what: [config]}}}\n"));
    world.run(["restore", "--undo", "--yes"]).code(0);
    cut_short(&world, "jobs.yaml");
    // Half of it: a job file that names a calendar which is gone.
    world.jobs("jobs: {late: {calendar: gone, schedule: \"at open\", backup: {}}}\n");
    world.run(["validate"]).code(78);
    world.start().stop();
    world.run(["list"]).code(0).says("other");
}

#[test]
fn a_daemon_that_starts_while_a_restore_is_swapping_waits_for_it() {
    let world = restored(None);
    cut_short(&world, "jobs.yaml");
    let holder = Holder::this_process("restore", jiff::Timestamp::UNIX_EPOCH);
    let lock = InstanceLock::acquire(&kept(&world).join("lock"), &holder).unwrap();
    let process = world.spawn(["start", "--json"]);
    until("the daemon to have the lock of the root", || {
        assert!(!process.has_ended(), "{:?}", process.so_far());
        bellkeeper::lock::holder(&world.path("data/bellkeeper.lock")).unwrap()
    });
    thread::sleep(Duration::from_millis(300));
    assert!(!process.has_ended(), "{:?}", process.so_far());
    assert!(!world.path("jobs.yaml").exists());
    drop(lock);
    until("the daemon to be ready", || {
        assert!(!process.has_ended(), "{:?}", process.so_far());
        process.lines().into_iter().next()
    });
    assert!(world.path("jobs.yaml").exists());
    process.kill();
}
