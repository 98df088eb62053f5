//! Restoring in place: with a daemon and without, cut short at any moment, and with every mistake that
//! a person can make.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use serde_json::Value;

use crate::world::{
    BY_HAND, Dice, Out, Process, World, create, dump, holds, integrity, need, query, rounds, skip,
    text, until,
};

const CONFIG: [&str; 2] = ["config/watchlist.yaml", "config/other.yaml"];

/// What somebody sees who knows nothing of Bellkeeper.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    database: String,
    files: Vec<Option<String>>,
}

fn see(world: &World) -> Seen {
    let read = |name: &str| fs::read_to_string(world.path(name)).ok();
    let files = CONFIG.into_iter().chain(["jobs.yaml"]);
    Seen {
        database: dump(&world.database()),
        files: files.map(read).collect(),
    }
}

/// Rows of which the newest are in the write-ahead log alone.
fn write_rows(world: &World, note: &str) {
    let connection = Connection::open(world.database()).unwrap();
    connection
        .set_db_config(
            rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE,
            true,
        )
        .unwrap();
    let insert = "INSERT INTO moves (amount, note) VALUES (3, ?1), (-3, ?1)";
    connection.execute(insert, [note]).unwrap();
}

/// A root with an archive, and after that other rows and other settings.
fn changed() -> (World, Seen, Seen) {
    let world = World::new(BY_HAND);
    world.write(CONFIG[1], b"of then\n");
    write_rows(&world, "then");
    let then = see(&world);
    world.archive("backup-daily");
    write_rows(&world, "now");
    world.write(CONFIG[0], b"symbols: [now]\n");
    fs::remove_file(world.path(CONFIG[1])).unwrap();
    world.jobs(&format!("{BY_HAND}# now\n"));
    let now = see(&world);
    write_rows(&world, "and now");
    let now = Seen {
        database: dump(&world.database()),
        ..now
    };
    (world, then, now)
}

fn kept(world: &World) -> Vec<String> {
    let names = world.names("data").into_iter();
    names
        .filter(|name| name.starts_with(".before-restore-"))
        .collect()
}

fn acts(world: &World) -> Vec<String> {
    let path = world.path("data/bellkeeper.db");
    let connection = Connection::open(path).unwrap();
    let mut statement = connection
        .prepare("SELECT act FROM journal WHERE act LIKE 'restore%' ORDER BY id")
        .unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn what_was_there_comes_back_and_that_can_be_undone_and_redone() {
    let (world, then, now) = changed();
    let dry = world.json(["restore", "latest", "--dry-run"]);
    let of = |subject: &str| {
        let path = world.path(subject).display().to_string();
        let step = dry.iter().find(|step| step["subject"] == path);
        step.unwrap_or_else(|| panic!("{subject}: {dry:#?}"))["act"].clone()
    };
    for (subject, act) in [
        ("data/trading_assistant.db", "replace"),
        (CONFIG[0], "replace"),
        (CONFIG[1], "create"),
        ("jobs.yaml", "replace"),
        ("config/backup.key", "keep"),
    ] {
        assert_eq!(of(subject), act, "{subject}");
    }
    assert_eq!((see(&world), kept(&world)), (now.clone(), vec![]));
    let done = world.json(["restore", "latest", "--yes"]).pop().unwrap();
    assert_eq!(
        (&done["replaced"], &done["created"]),
        (&3.into(), &1.into())
    );
    assert_eq!(see(&world), then);
    integrity(&world.database());
    world.run(["restore", "--undo", "--yes"]).code(0);
    assert_eq!(see(&world), now);
    world.run(["restore", "--undo", "--yes"]).code(0);
    assert_eq!(see(&world), then);
    assert_eq!(kept(&world).len(), 1);
    assert_eq!(
        acts(&world),
        ["restore", "restore undone", "restore redone"]
    );
    // What is kept is no part of the next backup of all data.
    world.jobs("jobs:\n  all:\n    backup: {what: [data]}\n");
    let archive = world.archive("all");
    let manifest = world.verify(&archive).manifest.unwrap();
    let names: Vec<_> = manifest
        .entries
        .iter()
        .map(|it| it.path.to_string())
        .collect();
    assert!(
        !names.iter().any(|name| name.contains("before-restore")),
        "{names:?}"
    );
}

#[test]
fn a_difference_is_told_and_changes_nothing() {
    let (world, _, now) = changed();
    let lines = world.json(["restore", "latest", "--diff"]);
    let table = lines.iter().find(|line| line["table"] == "moves").unwrap();
    let figures = ["only_archive", "only_live", "changed"].map(|key| table[key].clone());
    assert_eq!(figures, [0.into(), 4.into(), Value::from(0)]);
    world
        .run(["restore", "latest", "--diff"])
        .code(0)
        .says("you will lose 4 moves")
        .says("-symbols: [now]");
    assert_eq!((see(&world), kept(&world)), (now, vec![]));
}

#[test]
fn one_part_comes_back_and_the_rest_stays() {
    let (world, then, now) = changed();
    world
        .run(["restore", "latest", "--only", "database", "--yes"])
        .code(0);
    assert_eq!(see(&world).database, then.database);
    assert_eq!(see(&world).files, now.files);
    world
        .run(["restore", "latest", "--only", CONFIG[0], "--yes"])
        .code(0);
    let files = see(&world).files;
    assert_eq!((&files[0], &files[2]), (&then.files[0], &now.files[2]));
    world
        .run(["restore", "latest", "--only", "config", "--yes"])
        .code(0);
    assert_eq!(see(&world), then);
    // Only the newest two of what was replaced are kept.
    assert_eq!(kept(&world).len(), 2);
    let to = world.outside("beside");
    world
        .run(["restore", "latest", "--only", "config", "--to", text(&to)])
        .code(0);
    assert!(to.join("config").exists() && !to.join("data").exists());
    world
        .run(["restore", "latest", "--only", "config"])
        .code(0)
        .says("everything is as in the archive");
}

#[test]
fn every_mistake_has_its_code_and_its_remedy() {
    let (world, _, now) = changed();
    let archive = world.archives("backups/backup-daily").pop().unwrap();
    let args = |args: &[&str]| -> Out { world.run(args.iter().copied()) };
    args(&["restore", "latest"]).code(2).says("--yes");
    args(&["restore"]).code(2);
    args(&["restore", "latest", "--undo"]).code(2);
    args(&["restore", "--undo"])
        .code(4)
        .says("no restore to undo");
    args(&["restore", "bakup"])
        .code(4)
        .says("no archive is called");
    args(&["restore", "yesterday"])
        .code(4)
        .says("of yesterday or before");
    args(&["restore", "latest", "--only", "confg"])
        .code(2)
        .says("did you mean `config`?");
    args(&["restore", "latest", "--only", "config/none.yaml"])
        .code(4)
        .says("holds nothing of `config/none.yaml`");
    args(&["restore", "latest", "--key", "nowhere"]).code(11);
    let other = world.outside("other.key");
    bellkeeper::archive::generate(&other, jiff::Timestamp::UNIX_EPOCH).unwrap();
    args(&["restore", "latest", "--key", text(&other)]).code(11);
    // A folder where a file belongs.
    fs::create_dir_all(world.path("config/other.yaml/x")).unwrap();
    args(&["restore", "latest", "--yes"])
        .code(1)
        .says("is in the way");
    fs::remove_dir_all(world.path("config/other.yaml")).unwrap();
    // Damage, with an older archive at hand.
    world.run_job("backup-daily");
    let newest = world.archives("backups/backup-daily").pop().unwrap();
    let mut bytes = fs::read(&newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&newest, bytes).unwrap();
    let name = archive.file_name().unwrap().to_str().unwrap();
    args(&["restore", "latest", "--yes"]).code(1).says(name);
    assert_eq!((see(&world), kept(&world)), (now, vec![]));
}

#[test]
fn a_time_means_the_newest_archive_up_to_it() {
    let (world, then, _) = changed();
    world.run_job("backup-daily");
    let archives = world.archives("backups/backup-daily");
    let shown = |archive: &Path| {
        let sidecar = fs::read(format!("{}.json", text(archive))).unwrap();
        let sidecar: Value = serde_json::from_slice(&sidecar).unwrap();
        let at: jiff::Timestamp = sidecar["created_at"].as_str().unwrap().parse().unwrap();
        at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    };
    let [old, new] = &archives[..] else {
        panic!("{archives:?}")
    };
    let taken = |time: &str| {
        let dry = world.json(["restore", time, "--dry-run"]);
        PathBuf::from(dry[0]["subject"].as_str().unwrap())
    };
    assert_eq!(&taken(&shown(new)), new);
    assert_eq!(&taken("now"), new);
    if shown(old) != shown(new) {
        assert_eq!(&taken(&shown(old)), old);
    }
    let name = old.file_name().unwrap().to_str().unwrap();
    world.run(["restore", name, "--yes"]).code(0);
    assert_eq!(see(&world), then);
}

#[test]
fn settings_that_could_not_be_read_are_refused() {
    let world = World::new(BY_HAND);
    let bad = format!("{BY_HAND}    backup: {{}}\n");
    world.run_job("backup-daily");
    world.jobs(&bad);
    // The job file as it is now is broken, and the archive mends it.
    world.run(["validate"]).code(78);
    world.run(["restore", "latest", "--yes"]).code(0);
    world.run(["validate"]).code(0);
    // The other way round: what was archived needs a variable that is not set here.
    let needs = format!("{BY_HAND}encryption: {{recipients: [\"${{TEST_RECIPIENT}}\"]}}\n");
    let key = bellkeeper::archive::identities(&world.key())
        .unwrap()
        .unwrap()[0]
        .recipient();
    world.jobs(&needs);
    let run = world
        .command(["run-job", "backup-daily"])
        .env("TEST_RECIPIENT", key.to_string())
        .output()
        .unwrap();
    assert!(run.status.success(), "{run:?}");
    world.jobs(BY_HAND);
    let newest = world.archives("backups/backup-daily").pop().unwrap();
    world
        .run(["restore", text(&newest), "--yes"])
        .code(78)
        .says("TEST_RECIPIENT");
    assert_eq!(
        fs::read_to_string(world.path("jobs.yaml")).unwrap(),
        BY_HAND
    );
    assert_eq!(kept(&world).len(), 1, "of the first restore");
}

#[test]
fn a_program_that_has_the_database_open_is_named() {
    let (world, _, now) = changed();
    let mut other = Command::new("sleep")
        .arg("60")
        .stdin(fs::File::open(world.database()).unwrap())
        .spawn()
        .unwrap();
    let out = world.run(["restore", "latest", "--yes"]);
    let pid = other.id();
    other.kill().unwrap();
    other.wait().unwrap();
    out.code(6).says(&format!("pid {pid} sleep"));
    assert_eq!((see(&world), kept(&world)), (now, vec![]));
    // One that holds SQLite's locks.
    let open = Connection::open(world.database()).unwrap();
    let _rows: i64 = open
        .query_row("SELECT count(*) FROM moves", [], |row| row.get(0))
        .unwrap();
    world.run(["restore", "latest", "--yes"]).code(6);
    drop(open);
    world.run(["restore", "latest", "--yes"]).code(0);
}

#[test]
fn a_folder_that_was_read_only_comes_back_with_its_files() {
    let mode = |world: &World| {
        let found = fs::metadata(world.path("config/fixed")).unwrap();
        found.permissions().mode() & 0o777
    };
    let world = World::new(BY_HAND);
    world.write("config/fixed/a.yaml", b"a\n");
    let set = |mode| {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(world.path("config/fixed"), mode).unwrap();
    };
    set(0o555);
    world.archive("backup-daily");
    set(0o755);
    fs::remove_dir_all(world.path("config/fixed")).unwrap();
    world.run(["restore", "latest", "--yes"]).code(0);
    // Its owner may write in it now.
    assert_eq!(mode(&world), 0o755);
    let text = fs::read_to_string(world.path("config/fixed/a.yaml")).unwrap();
    assert_eq!(text, "a\n");
}

#[test]
fn a_restore_that_was_cut_short_is_over_before_the_next_one_begins() {
    let (world, then, now) = changed();
    world.jobs(BY_HAND);
    let daemon = world.start();
    world
        .run(["restore", "latest", "--only", "database", "--yes"])
        .code(0);
    assert_eq!(see(&world).database, then.database);
    // As if putting back what was there had begun, and died before it did anything.
    let record = world
        .path("data")
        .join(&kept(&world)[0])
        .join("RECORD.json");
    let read = fs::read_to_string(&record).unwrap();
    let going = read
        .replace("\"state\": \"kept\"", "\"state\": \"taking_back\"")
        .replace("\"wanted\": \"new\"", "\"wanted\": \"old\"");
    assert_ne!(read, going);
    fs::write(&record, going).unwrap();
    let open = Connection::open(world.database()).unwrap();
    let _rows: i64 = open
        .query_row("SELECT count(*) FROM moves", [], |row| row.get(0))
        .unwrap();
    for args in [
        ["restore", "latest", "--yes"],
        ["restore", "--undo", "--yes"],
    ] {
        world.run(args).code(6).says("is not over");
    }
    drop(open);
    // It is ended first, and then undone: what the restore brought is in force again.
    world.run(["restore", "--undo", "--yes"]).code(0);
    assert_eq!(see(&world).database, then.database);
    world.run(["restore", "--undo", "--yes"]).code(0);
    assert_eq!(see(&world).database, now.database);
    daemon.stop();
}

#[test]
fn a_damaged_database_is_replaced_and_kept() {
    let (world, then, _) = changed();
    let database = world.database();
    for ending in ["-wal", "-shm"] {
        drop(fs::remove_file(format!("{}{ending}", text(&database))));
    }
    fs::write(&database, [7; 9_999]).unwrap();
    world
        .run(["restore", "latest", "--yes"])
        .code(0)
        .says("cannot be read");
    assert_eq!(see(&world), then);
    world.run(["restore", "--undo", "--yes"]).code(0);
    assert!(fs::read(&database).unwrap() == [7; 9_999]);
}

/// How long a command takes, learned anew with each try: it takes longer as what it works on grows, and
/// while other tests run beside it.
struct Aim {
    whole: Duration,
}

impl Aim {
    /// Runs a command once.
    fn at(world: &World, args: &[&str]) -> Self {
        let start = Instant::now();
        world.run(args.iter().copied()).code(0);
        let whole = start.elapsed();
        Self { whole }
    }

    /// Kills the command at a random moment, if it is not over by then. Whether it was killed.
    fn kill(&mut self, world: &World, args: &[&str], dice: &mut Dice) -> bool {
        // The end is where things happen.
        let after = self.whole * u32::try_from(40 + dice.below(70)).unwrap() / 100;
        let process = world.spawn(args.iter().copied());
        let start = Instant::now();
        while start.elapsed() < after && !process.has_ended() {
            thread::sleep(Duration::from_micros(200));
        }
        let out = process.kill();
        let was_killed = out.code == -9;
        if was_killed {
            self.whole += self.whole / 50;
        } else {
            self.whole = (self.whole + start.elapsed()) / 2;
            out.code(0);
        }
        was_killed
    }
}

/// What is there after a kill must be all old or all new for anybody who looks, and after the next
/// command that works here.
fn is_whole(world: &World, both: [&Seen; 2]) {
    // A copy, for looking folds the log.
    let database = query_copy(world);
    let is_one = both.iter().any(|seen| seen.database == database);
    assert!(is_one, "{database}");
    let files = see_files(world);
    for (number, file) in files.iter().enumerate() {
        let known = both.iter().any(|seen| seen.files[number] == *file);
        assert!(known, "{file:?}");
    }
    // Anything that works in the root ends it.
    world.run(["pause", "idle"]).code(0);
    let seen = see(world);
    assert!(both.contains(&&seen), "{seen:?}");
    let begun = seen.database == database || seen == *both[1];
    assert!(begun, "it went back");
}

fn see_files(world: &World) -> Vec<Option<String>> {
    let read = |name: &str| fs::read_to_string(world.path(name)).ok();
    CONFIG.into_iter().chain(["jobs.yaml"]).map(read).collect()
}

/// The content of the database as SQLite sees it at once, with what lies beside it.
fn query_copy(world: &World) -> String {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("x.db");
    for ending in ["", "-wal", "-journal"] {
        let from = format!("{}{ending}", text(&world.database()));
        if Path::new(&from).exists() {
            fs::copy(from, format!("{}{ending}", text(&copy))).unwrap();
        }
    }
    integrity(&copy);
    dump(&copy)
}

#[test]
fn killed_at_any_moment_all_is_old_or_new() {
    let jobs = format!("{BY_HAND}  idle:\n    backup: {{what: [logs], to: backups/idle}}\n");
    let world = World::new(&jobs);
    fs::create_dir_all(world.path("logs")).unwrap();
    world.write(CONFIG[1], b"of then\n");
    write_rows(&world, "then");
    let then = see(&world);
    let archive = world.archive("backup-daily");
    let change = || {
        // What was restored last is the old state of the next round.
        write_rows(&world, "now");
        world.write(CONFIG[0], b"symbols: [now]\n");
        drop(fs::remove_file(world.path(CONFIG[1])));
        world.jobs(&format!("{jobs}# now\n"));
        see(&world)
    };
    let restore = ["restore", text(&archive), "--yes"];
    let undo = ["restore", "--undo", "--yes"];
    let mut now = change();
    let (mut restoring, mut undoing) = (Aim::at(&world, &restore), Aim::at(&world, &undo));
    let mut dice = Dice::new(11);
    let wanted = rounds(200, 3);
    let (mut restores, mut undos) = (0, 0);
    for round in 0.. {
        if restores >= wanted && undos >= wanted {
            break;
        }
        assert!(round < 40 * wanted, "{restores} and {undos} were killed");
        if see(&world) == then && undos < wanted && !kept(&world).is_empty() && round % 3 > 0 {
            undos += usize::from(undoing.kill(&world, &undo, &mut dice));
            is_whole(&world, [&then, &now]);
            continue;
        }
        if see(&world) == then {
            now = change();
        }
        write_rows(&world, &format!("round {round}"));
        now.database = query_copy(&world);
        restores += usize::from(restoring.kill(&world, &restore, &mut dice));
        is_whole(&world, [&now, &then]);
    }
}

const BUSY: &str = "\
timezone: UTC
jobs:
  often:
    schedule: every 1s
    backup: {what: [config], to: backups/often, keep: {last: 3}}
  backup-daily:
    backup: {}
";

/// The slots of a job with what became of them.
fn slots(world: &World, job: &str) -> Vec<(String, String)> {
    let runs = world.json(["history", job, "-n", "1000"]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    runs.iter()
        .map(|run| (text(&run["slot"]), text(&run["outcome"])))
        .collect()
}

#[test]
fn a_daemon_waits_and_loses_no_slot() {
    let world = World::new(BUSY);
    let archive = world.archive("backup-daily");
    write_rows(&world, "now");
    let daemon = world.start();
    until("a run", || {
        (!slots(&world, "often").is_empty()).then_some(())
    });
    let then = dump(&world.database());
    world.run(["restore", text(&archive), "--yes"]).code(0);
    assert_ne!(dump(&world.database()), then);
    world.run(["restore", "--undo", "--yes"]).code(0);
    assert_eq!(dump(&world.database()), then);
    let before = slots(&world, "often").len();
    until("runs afterwards", || {
        (slots(&world, "often").len() > before + 1).then_some(())
    });
    daemon.stop();
    assert_eq!(acts(&world), ["restore", "restore undone"]);
    let mut at: Vec<jiff::Timestamp> = slots(&world, "often")
        .iter()
        .map(|(slot, _)| slot.parse().unwrap())
        .collect();
    at.sort_unstable();
    for pair in at.windows(2) {
        assert_eq!(pair[1].as_second() - pair[0].as_second(), 1, "{at:?}");
    }
}

#[test]
fn a_restore_that_is_killed_lets_the_daemon_go_on() {
    let world = World::new(BUSY);
    let archive = world.archive("backup-daily");
    // A run that does not end: the restore waits for it.
    world.endless("config/endless");
    let daemon = world.start();
    until("a run at work", || {
        let status = world.json(["status"]).pop().unwrap();
        (!status["running"].as_array().unwrap().is_empty()).then_some(())
    });
    let restore = world.spawn(["restore", text(&archive), "--only", "database", "--yes"]);
    until("the hold", || {
        let status = world.json(["status"]).pop().unwrap();
        status["held_since"].as_str().map(drop)
    });
    until("the run that it waits for", || {
        restore.so_far().1.contains("waits for run").then_some(())
    });
    world.run(["status"]).code(0).says("held");
    // A second one is told.
    world
        .run(["restore", text(&archive), "--only", "database", "--yes"])
        .code(6)
        .says("another restore is going on");
    restore.kill();
    until("the end of the hold", || {
        let status = world.json(["status"]).pop().unwrap();
        status["held_since"].is_null().then_some(())
    });
    fs::remove_file(world.path("config/endless")).unwrap();
    world.run(["cancel", "often"]).code(0);
    let before = slots(&world, "often").len();
    until("runs afterwards", || {
        let slots = slots(&world, "often");
        let good = slots.iter().any(|(_, outcome)| outcome == "succeeded");
        (slots.len() > before && good).then_some(())
    });
    daemon.stop();
}

#[test]
fn the_ledger_comes_back_only_if_it_is_named_and_no_daemon_is_up() {
    let jobs = "jobs:\n  all:\n    backup: {what: [data, config]}\n";
    let world = World::new(jobs);
    let archive = world.archive("all");
    let dry = world.json(["restore", text(&archive), "--dry-run"]);
    let ledger = world.path("data/bellkeeper.db").display().to_string();
    let step = dry.iter().find(|step| step["subject"] == ledger.as_str());
    assert_eq!(step.unwrap()["act"], "leave");
    let named = [
        "restore",
        text(&archive),
        "--only",
        "data/bellkeeper.db",
        "--yes",
    ];
    let daemon = world.start();
    world
        .run(named)
        .code(6)
        .says("ledger of the running daemon");
    daemon.stop();
    world.run_job("all");
    world.run(named).code(0);
    let runs: i64 = query(
        &world.path("data/bellkeeper.db"),
        "SELECT count(*) FROM runs",
    );
    assert_eq!(runs, 1, "as it was in the archive");
    world.run_job("all");
}

#[test]
fn a_database_that_is_gone_is_made_and_undo_takes_it_away() {
    let (world, then, _) = changed();
    write_rows(&world, "in the log");
    fs::remove_file(world.database()).unwrap();
    let wal = format!("{}-wal", text(&world.database()));
    assert!(Path::new(&wal).exists(), "the log of the one that is gone");
    world.run(["restore", "latest", "--yes"]).code(0);
    assert_eq!(see(&world), then);
    world.run(["restore", "--undo", "--yes"]).code(0);
    assert!(!world.database().exists());
    // On a new computer there is no job file, either.
    let fresh = World::bare(BY_HAND);
    fs::remove_file(fresh.path("jobs.yaml")).unwrap();
    let archive = world.archives("backups/backup-daily").pop().unwrap();
    let key = world.key();
    let args = ["restore", text(&archive), "--key", text(&key), "--yes"];
    fresh.run(args).code(0);
    assert_eq!(see(&fresh), then);
    create(&fresh.path("data/another.db"));
}

/// How much of a file system of 5 MB is filled before a restore of 1 MB, in KB.
const FILLED: [u32; 8] = [0, 2_400, 2_600, 2_800, 3_000, 3_200, 3_400, 3_600];

#[test]
fn a_disk_that_is_full_leaves_everything_as_it_was() {
    if !need(&["unshare", "mount"]) {
        return;
    }
    let world = World::new(BY_HAND);
    holds(&world.database(), 1);
    let then = dump(&world.database());
    let archive = world.archive("backup-daily");
    holds(&world.database(), 1);
    write_rows(&world, "in the log");
    fs::create_dir(world.path("seen")).unwrap();
    let script = format!(
        "cp -a data before\nfor f in {}; do\n\
         mount -t tmpfs -o size=5m,mode=700 tmpfs data || exit 99\n\
         cp -a before/. data/ && head -c ${{f}}k /dev/zero > data/filler\n\
         \"$B\" --root . restore \"$A\" --only database --yes > seen/$f.out 2> seen/$f.err\n\
         echo $? > seen/$f.code\nls -A data > seen/$f.names\n\
         mkdir seen/$f && cp -a data/trading_assistant.db* seen/$f/ && umount data || exit 98\n\
         done",
        FILLED.map(|kb| kb.to_string()).join(" ")
    );
    let run = |flags: &str| {
        let mut command = Command::new("unshare");
        command
            .args([flags, "--", "sh", "-uc", &script])
            .current_dir(world.root())
            .env("B", env!("CARGO_BIN_EXE_bellkeeper"))
            .env("A", &archive)
            .env_remove("BELLKEEPER_ROOT");
        Process::spawn(command).end()
    };
    let mut outs = ["-m", "-rm"].into_iter().map(run);
    let Some(out) = outs.find(|out| out.code != 99) else {
        skip("no file system can be mounted here");
        return;
    };
    out.code(0);
    let now = dump(&world.path("before/trading_assistant.db"));
    let mut codes = Vec::new();
    for kb in FILLED {
        let read =
            |name: &str| fs::read_to_string(world.path(format!("seen/{kb}.{name}"))).unwrap();
        let code: i32 = read("code").trim().parse().unwrap();
        let found = dump(&world.path(format!("seen/{kb}/trading_assistant.db")));
        let err = read("err");
        if code == 0 {
            assert!(found == then, "{kb}: {err}");
        } else {
            assert_eq!(code, 75, "{kb}: {err}");
            assert!(found == now, "{kb}: {err}");
            assert!(err.contains("space"), "{kb}: {err}");
            assert!(
                !read("names").contains("before-restore"),
                "{kb}: {}",
                read("names")
            );
        }
        codes.push(code);
    }
    assert!(codes.contains(&0) && codes.contains(&75), "{codes:?}");
}

#[test]
fn a_newer_schema_is_refused_unless_it_is_the_one_that_is_there() {
    let world = World::new(BY_HAND);
    let version = |version: u32| {
        let connection = Connection::open(world.database()).unwrap();
        connection
            .pragma_update(None, "user_version", version)
            .unwrap();
    };
    version(99);
    world.run_job("backup-daily");
    write_rows(&world, "now");
    // Another program's own count: nobody else's business.
    world.run(["restore", "latest", "--dry-run"]).code(0);
    version(1);
    world
        .run(["restore", "latest", "--yes"])
        .code(78)
        .says("has schema version 99, this program knows up to");
    assert!(dump(&world.database()).contains("now"));
}
