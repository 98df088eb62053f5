//! A ledger that is damaged, newer, read-only, full or not there as a file, and a clock that was
//! never set: what the commands say and what they leave.

use std::fs;

use rusqlite::Connection;

use crate::world::{BY_HAND, Out, Process, World, need, skip, until};

const LEDGER: &str = "data/bellkeeper.db";

/// A root with a ledger that knows one run.
fn lived() -> World {
    let world = World::new(BY_HAND);
    world.run_job("backup-daily");
    world
}

fn kept(world: &World) -> Vec<String> {
    let names = world.names("data").into_iter();
    names
        .filter(|name| name.starts_with("bellkeeper.db.corrupt-"))
        .collect()
}

#[test]
fn a_damaged_ledger_is_set_aside_by_the_next_start() {
    let world = lived();
    let garbage = b"no database at all".repeat(500);
    world.write(LEDGER, &garbage);
    // Who only reads says so and touches nothing.
    for verb in ["history", "list"] {
        world
            .run([verb])
            .code(1)
            .says("is damaged")
            .says("the next `bellkeeper start` sets it aside");
    }
    assert_eq!(fs::read(world.path(LEDGER)).unwrap(), garbage);
    let process = world.spawn(["start"]);
    let (out, err) = until("the daemon to be up", || {
        Some(process.so_far()).filter(|(out, _)| out.contains("Ctrl-C"))
    });
    let kept = kept(&world);
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(
        fs::read(world.path("data").join(&kept[0])).unwrap(),
        garbage
    );
    let told = format!("ledger  was damaged; kept as data/{}", kept[0]);
    assert!(out.contains(&told), "{out}");
    // Not a first start: nothing is made.
    assert!(!out.contains("made"), "{out}");
    assert!(err.contains("ERROR"), "{err}");
    assert!(err.contains("the ledger was damaged"), "{err}");
    assert!(world.history().is_empty());
    world.run_job("backup-daily");
    process.signal(rustix::process::Signal::TERM);
    process.end().code(0);
    let ledger = Connection::open(world.path(LEDGER)).unwrap();
    let noted: String = ledger
        .query_row(
            "SELECT subject FROM journal WHERE act = 'ledger set aside'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert!(noted.ends_with(&kept[0]), "{noted}");
    drop(ledger);
    world.start().stop();
    assert_eq!(self::kept(&world), kept);
}

#[test]
fn a_run_by_hand_sets_a_damaged_ledger_aside_too() {
    let world = lived();
    world.write(LEDGER, b"no database at all");
    world
        .run(["run-job", "backup-daily"])
        .code(0)
        .says("the ledger was damaged; kept as data/bellkeeper.db.corrupt-");
    assert_eq!((kept(&world).len(), world.history().len()), (1, 1));
}

#[test]
fn a_page_lost_by_a_killed_daemon_is_noticed() {
    let world = lived();
    world.start().process.kill();
    let ledger = Connection::open(world.path(LEDGER)).unwrap();
    let page: u32 = ledger
        .query_row(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'runs_by_job'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    ledger
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    drop(ledger);
    let mut bytes = fs::read(world.path(LEDGER)).unwrap();
    let start = usize::try_from(u64::from(page - 1) * 4_096).unwrap();
    bytes[start..start + 4_096].fill(0);
    fs::write(world.path(LEDGER), bytes).unwrap();
    let daemon = world.start();
    let set_aside = daemon.ready["set_aside"].as_str().unwrap();
    assert!(set_aside.ends_with(&kept(&world)[0]), "{set_aside}");
    daemon.stop();
}

#[test]
fn a_ledger_of_a_newer_version_is_refused_and_left_alone() {
    let world = lived();
    let ledger = Connection::open(world.path(LEDGER)).unwrap();
    ledger.pragma_update(None, "user_version", 99).unwrap();
    drop(ledger);
    let before = fs::read(world.path(LEDGER)).unwrap();
    for args in [&["start"][..], &["run-job", "backup-daily"], &["history"]] {
        world
            .run(args.iter().copied())
            .code(78)
            .says("is of a newer version")
            .says("help: use the newer bellkeeper");
    }
    assert_eq!(fs::read(world.path(LEDGER)).unwrap(), before);
    assert_eq!(kept(&world), [""; 0]);
}

#[test]
fn a_folder_in_place_of_the_ledger_is_left_alone() {
    let world = World::new(BY_HAND);
    fs::create_dir(world.path(LEDGER)).unwrap();
    for args in [&["start"][..], &["run-job", "backup-daily"]] {
        world
            .run(args.iter().copied())
            .code(1)
            .says("cannot be opened")
            .says("help: see that it is a file");
    }
    assert!(world.path(LEDGER).is_dir());
}

/// Runs `start` with `data/` on a file system of its own, after the shell lines `then` about it.
fn start_on_tmpfs(world: &World, then: &str) -> Option<Out> {
    if !need(&["unshare", "mount"]) {
        return None;
    }
    let script = format!(
        "cp -a data before\nmount -t tmpfs -o size=256k,mode=700 tmpfs data || exit 99\n\
         cp -a before/. data/ || exit 99\n{then}\n\
         \"$B\" --root . start > out 2> err\necho $? > code\n\
         cmp before/bellkeeper.db data/bellkeeper.db || exit 98\n\
         ls data > names\nexit 0"
    );
    let run = |flags: &str| {
        let mut command = std::process::Command::new("unshare");
        command
            .args([flags, "--", "sh", "-uc", &script])
            .current_dir(world.root())
            .env("B", env!("CARGO_BIN_EXE_bellkeeper"))
            .env_remove("BELLKEEPER_ROOT");
        Process::spawn(command).end()
    };
    let out = ["-m", "-rm"]
        .into_iter()
        .map(run)
        .find(|out| out.code != 99);
    if out.is_none() {
        skip("no file system can be mounted here");
    }
    out.map(|out| out.code(0))
}

#[track_caller]
fn is_refused_on_tmpfs(then: &str, parts: &[&str]) {
    let world = lived();
    let Some(_) = start_on_tmpfs(&world, then) else {
        return;
    };
    let read = |name: &str| fs::read_to_string(world.path(name)).unwrap();
    let err = read("err");
    assert_eq!(read("code").trim(), "75", "{err}");
    for part in parts {
        assert!(err.contains(part), "`{part}` is missing in {err}");
    }
    assert!(!read("names").contains("corrupt"), "{}", read("names"));
}

#[test]
fn a_full_disk_is_told_and_the_ledger_stays() {
    is_refused_on_tmpfs(
        "head -c 1m /dev/zero > data/filler 2>/dev/null || true",
        &["bellkeeper.db`", "help: free some space"],
    );
}

#[test]
fn a_read_only_disk_is_told_and_the_ledger_stays() {
    is_refused_on_tmpfs(
        "mount -o remount,ro data || exit 99",
        &[
            "data/bellkeeper.",
            "help: make the file and its folder writable",
        ],
    );
}
