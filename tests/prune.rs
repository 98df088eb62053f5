//! `prune`, its undo, and `maintain`, with the real program; also killed at any moment.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use bellkeeper::{
    archive::{self, rows},
    sqlite::Value,
};
use rusqlite::Connection;

use crate::world::{Dice, Out, Process, World, need, query, rounds, skip, until};

const JOBS: &str = "\
timezone: UTC
jobs:
  backup-daily:
    backup: {what: [database]}
  prune:
    prune: {tables: {signals: {column: timestamp, keep: 90d}}, max_delete: 80%}
  maintain:
    maintain: {}
";
const FOLDER: &str = "backups/prune";

/// A root with `rows` signals, three of four of them old, and a backup of them.
fn world(rows: u32) -> World {
    let world = World::new(JOBS);
    let connection = Connection::open(world.database()).unwrap();
    connection
        .execute_batch(&format!(
            "DROP TABLE moves; DROP TABLE filler;
             CREATE TABLE signals(id INTEGER PRIMARY KEY, timestamp TEXT NOT NULL, price REAL, note);
             CREATE INDEX by_time ON signals(timestamp);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
             INSERT INTO signals SELECT i,
                strftime('%Y-%m-%d %H:%M:%S', 'now', iif(i % 4, '-200 days', '-1 day'), -i || ' seconds'),
                i / 7.0,
                CASE i % 4 WHEN 0 THEN NULL WHEN 1 THEN zeroblob(300) WHEN 2 THEN CAST(x'ff' AS TEXT)
                    ELSE 'a note ' || i END
             FROM n"
        ))
        .unwrap();
    drop(connection);
    world.archive("backup-daily");
    world
}

/// The rows of the table and of the archives, by their key.
struct Seen {
    live: BTreeMap<i64, Vec<Value>>,
    archived: BTreeMap<i64, Vec<Value>>,
    paths: Vec<PathBuf>,
}

fn live(world: &World) -> BTreeMap<i64, Vec<Value>> {
    let connection = Connection::open(world.database()).unwrap();
    let mut statement = connection.prepare("SELECT * FROM signals").unwrap();
    let mut found = statement.query([]).unwrap();
    let mut live = BTreeMap::new();
    while let Some(row) = found.next().unwrap() {
        let values = (0..4).map(|at| row.get_ref(at).unwrap().into());
        live.insert(row.get(0).unwrap(), values.collect());
    }
    live
}

fn look(world: &World) -> Seen {
    let keys = world.identities();
    let mut archived = BTreeMap::new();
    let mut paths = Vec::new();
    for found in rows::list(&world.path(FOLDER)).unwrap() {
        let (_, rows) = rows::check(&found.path, &keys).unwrap();
        assert!(rows > 0);
        rows::each(&found.path, &keys, |_, row| {
            let Some(Value::Integer(id)) = row.first() else {
                panic!("{row:?}")
            };
            archived.insert(*id, row);
            Ok(())
        })
        .unwrap();
        paths.push(found.path);
    }
    Seen {
        live: live(world),
        archived,
        paths,
    }
}

/// Every row is in the table or in a published archive that reads whole, as it was.
#[track_caller]
fn nothing_is_lost(world: &World, all: &BTreeMap<i64, Vec<Value>>) -> Seen {
    let seen = look(world);
    for (id, row) in all {
        let found = seen.live.get(id).or_else(|| seen.archived.get(id));
        assert_eq!(found, Some(row), "row {id}");
    }
    seen
}

fn run_ids(world: &World) -> Vec<i64> {
    let found = rows::list(&world.path(FOLDER)).unwrap();
    let ids = found
        .into_iter()
        .map(|rows| rows.sidecar.unwrap().header.run_id);
    let mut ids: Vec<i64> = ids.collect();
    ids.dedup();
    ids
}

fn undo(world: &World, run: i64, more: &[&str]) -> Out {
    let run = run.to_string();
    let args = ["prune", "--undo", &run]
        .into_iter()
        .chain(more.iter().copied());
    world.run(args)
}

#[test]
fn what_went_comes_back_once() {
    let world = world(1_000);
    let before = live(&world);
    let end = world.run_job("prune");
    let run = end["run_id"].as_i64().unwrap();
    assert_eq!(end["report"]["facts"]["deleted"], 750);
    let seen = nothing_is_lost(&world, &before);
    assert_eq!(
        (seen.live.len(), seen.archived.len(), seen.paths.len()),
        (250, 750, 1)
    );

    undo(&world, run, &["--dry-run"])
        .code(0)
        .says("750 rows of signals");
    undo(&world, run + 77, &[])
        .code(4)
        .says("no archive has rows of run");
    archive::generate(&world.outside("other.key"), jiff::Timestamp::UNIX_EPOCH).unwrap();
    let other = world.outside("other.key");
    undo(&world, run, &["--key", other.to_str().unwrap()]).code(11);
    assert_eq!(live(&world).len(), 250);

    // Somebody has put one back by hand, and has taken another one's place.
    let back = "INSERT INTO signals SELECT 1, timestamp, 1, 'mine' FROM signals LIMIT 1";
    Connection::open(world.database())
        .unwrap()
        .execute(back, [])
        .unwrap();
    undo(&world, run, &[])
        .code(1)
        .says("put 749 rows back")
        .says("signals with id 1: another row");
    let seen = look(&world);
    assert_eq!((seen.live.len(), seen.paths.len()), (1_000, 1));
    assert!(
        before
            .iter()
            .all(|(id, row)| *id == 1 || seen.live.get(id) == Some(row))
    );
    Connection::open(world.database())
        .unwrap()
        .execute("DELETE FROM signals WHERE id = 1", [])
        .unwrap();
    undo(&world, run, &[]).code(0).says("put 1 row back");
    assert_eq!((live(&world), look(&world).paths.len()), (before, 0));
    undo(&world, run, &[]).code(1).says("was undone before");
    let journal = "SELECT count(*) FROM journal WHERE act = 'prune --undo'";
    assert_eq!(query::<i64>(&world.path("data/bellkeeper.db"), journal), 2);
}

#[test]
fn undo_finds_its_archive_with_a_new_ledger_and_beside_a_daemon() {
    let world = world(400);
    let before = live(&world);
    let daemon = world.start();
    let run = world.run_job("prune")["run_id"].as_i64().unwrap();
    let lines: Vec<_> = undo(&world, run, &["--json"]).code(0).lines();
    assert_eq!(
        (&lines[0]["inserted"], &lines[0]["conflicts"]),
        (&300.into(), &0.into())
    );
    assert_eq!(live(&world), before);
    let run = world.run_job("prune")["run_id"].as_i64().unwrap();
    daemon.stop();
    for name in world.names("data") {
        if name.starts_with("bellkeeper.db") {
            std::fs::remove_file(world.path("data").join(name)).unwrap();
        }
    }
    undo(&world, run, &[]).code(0).says("put 300 rows back");
    assert_eq!(live(&world), before);
}

#[test]
fn more_than_max_delete_takes_a_yes_with_and_without_a_daemon() {
    let world = world(400);
    world.jobs(&JOBS.replace("80%", "50%"));
    for with_daemon in [true, false] {
        let daemon = with_daemon.then(|| world.start());
        let refused = world.run(["run-job", "prune"]).code(1);
        refused
            .says("300 of 400 rows of `signals` (75 %)")
            .says("run-job prune --yes");
        assert_eq!(live(&world).len(), 400);
        world.run(["run-job", "prune", "--yes"]).code(0);
        assert_eq!(live(&world).len(), 100);
        let run = run_ids(&world)[0];
        undo(&world, run, &[]).code(0);
        if let Some(daemon) = daemon {
            daemon.stop();
        }
    }
}

#[test]
fn bad_input_is_told_with_its_remedy() {
    let world = world(100);
    for (from, to, told) in [
        (
            "signals:",
            "signal:",
            ["there is no table `signal`", "did you mean `signals`?"],
        ),
        (
            "column: timestamp",
            "column: tmestamp",
            ["has no column `tmestamp`", "`timestamp`"],
        ),
        (
            "keep: 90d",
            "keep: 90",
            ["a duration with its unit", "`7d`"],
        ),
        (
            "keep: 90d",
            "kep: 90d",
            ["unknown key `kep`", "did you mean `keep`?"],
        ),
        ("max_delete: 80%", "max_delete: 0.8", ["max_delete", "80%"]),
        (
            "max_delete: 80%",
            "require_backup: nightly",
            ["there is no job `nightly`", "`backup-daily`"],
        ),
    ] {
        world.jobs(&JOBS.replace(from, to));
        let mut out = world.run(["validate"]).code(78);
        for part in told.iter().filter(|part| **part != "80%") {
            out = out.says(part);
        }
    }
    world.jobs(JOBS);
    let connection = Connection::open(world.database()).unwrap();
    connection
        .execute("UPDATE signals SET timestamp = 'n/a' WHERE id = 9", [])
        .unwrap();
    let out = world.run(["run-job", "prune"]).code(1);
    out.says("it holds ISO 8601 text (`")
        .says("but also `n/a`")
        .says("name a column");
    connection
        .execute("DELETE FROM signals WHERE id = 9", [])
        .unwrap();
    world.write("backups/prune", b"a file in the way");
    world
        .run(["run-job", "prune"])
        .code(1)
        .says("backups/prune` is not a folder");
    assert_eq!(live(&world).len(), 99);
}

#[test]
fn maintain_names_who_holds_the_lock() {
    let world = world(100);
    world.jobs(&JOBS.replace("maintain: {}", "maintain: {}\n    retry: {attempts: 1}"));
    let other = Connection::open(world.database()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let pid = format!("(pid {})", std::process::id());
    let out = world.run(["run-job", "maintain"]).code(1);
    out.says("the database is locked by").says(&pid);
    other.execute_batch("COMMIT").unwrap();
    let end = world.run_job("maintain");
    assert!(
        end["report"]["summary"]
            .as_str()
            .unwrap()
            .starts_with("sound, "),
        "{end}"
    );
}

/// So many rows that a run takes a few tenths of a second.
const ROWS: u32 = if cfg!(debug_assertions) {
    4_000
} else {
    60_000
};

#[test]
#[expect(clippy::print_stderr, reason = "figures of the long run")]
fn a_kill_at_any_moment_loses_no_row_and_undo_ends_right() {
    let world = world(ROWS);
    let all = live(&world);
    let mut dice = Dice::new(u64::from(std::process::id()));
    let timed = |act: &dyn Fn()| {
        let start = Instant::now();
        act();
        start.elapsed()
    };
    let run = timed(&|| drop(world.run_job("prune")));
    let back = timed(&|| undo_all(&world));
    assert_eq!(live(&world), all);
    let within = |dice: &mut Dice, span: Duration| {
        Duration::from_micros(dice.below(u64::try_from(span.as_micros()).unwrap()))
    };
    let count = rounds(200, 4);
    let (mut halfway, mut undos, mut half_back) = (0, 0, 0);
    for round in 0..count {
        let process = world.spawn(["run-job", "prune"]);
        if round % 2 == 0 {
            thread::sleep(within(&mut dice, run + run / 8));
        } else {
            // While rows are being removed, which is a small part of it.
            let published = || rows::list(&world.path(FOLDER)).unwrap().pop();
            until("an archive", || {
                process.has_ended().then_some(()).or(published().map(drop))
            });
            thread::sleep(within(&mut dice, run / 6));
        }
        process.kill();
        let seen = nothing_is_lost(&world, &all);
        halfway += usize::from(!seen.paths.is_empty() && seen.live.len() > all.len() / 4);
        world.run(["run-job", "prune"]).code(0);
        nothing_is_lost(&world, &all);
        for id in run_ids(&world) {
            let process = world.spawn(["prune", "--undo", &id.to_string()]);
            thread::sleep(within(&mut dice, back + back / 8));
            process.kill();
            undos += 1;
            let seen = nothing_is_lost(&world, &all);
            half_back += usize::from(seen.live.len() < all.len());
        }
        undo_all(&world);
        let seen = look(&world);
        // None in both, none in neither, each once.
        assert!(seen.live == all && seen.paths.is_empty(), "round {round}");
        std::fs::remove_dir_all(world.path(FOLDER).join("undone")).unwrap_or_default();
    }
    if crate::world::long() {
        eprintln!(
            "{count} kills of prune within {run:?} ({halfway} between archive and last row) and \
             {undos} of undo within {back:?} ({half_back} before the last row): no row lost"
        );
    }
}

/// Undoes every run of which there is an archive.
fn undo_all(world: &World) {
    for id in run_ids(world) {
        undo(world, id, &[]).code(0);
    }
}

/// Runs the job with `target` on a small disk of its own; `None` where that is not possible.
fn on_a_disk(world: &World, options: &str) -> Option<Out> {
    if !need(&["unshare", "mount"]) {
        return None;
    }
    std::fs::create_dir_all(world.path("target")).unwrap();
    let job = world.command(["run-job", "prune"]);
    let script = "mount -t tmpfs -o \"$0\" tmpfs target || exit 99; exec \"$@\"";
    let run = |flags: &str| {
        let mut command = Command::new("unshare");
        command
            .args([flags, "--", "sh", "-c", script, options])
            .arg(job.get_program())
            .args(job.get_args())
            .current_dir(world.root());
        Process::spawn(command).end()
    };
    let is_made = |out: &Out| out.code != 99 && !out.stderr.contains("unshare: ");
    let out = ["-m", "-rm"].into_iter().map(run).find(is_made);
    if out.is_none() {
        skip("no file system can be mounted here");
    }
    out
}

#[test]
fn a_full_or_read_only_disk_for_the_archive_leaves_every_row() {
    let world = world(4_000);
    let to = "max_delete: 80%, to: target";
    let jobs = JOBS.replace("max_delete: 80%", to);
    world.jobs(&jobs.replace(to, &format!("{to}}}\n    retry: {{attempts: 1")));
    let connection = Connection::open(world.database()).unwrap();
    let fill = "UPDATE signals SET note = randomblob(600)";
    connection.execute(fill, []).unwrap();
    let before = live(&world);
    for options in ["size=200k", "ro"] {
        let Some(out) = on_a_disk(&world, options) else {
            return;
        };
        out.code(1).says("target/").says("help: ");
        assert!(live(&world) == before, "{options}");
    }
    world.run(["run-job", "prune"]).code(0);
}
