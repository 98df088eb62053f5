//! Backups of a database that is being written to.

use std::time::Duration;

use crate::world::{BY_HAND, World, Writer, integrity, long, path_of, query, until};

const FOLDER: &str = "backups/backup-daily";
/// How many archives, half of them without a daemon.
const ARCHIVES: usize = 20;

#[test]
#[expect(clippy::print_stderr, reason = "figures of the long run")]
fn twenty_archives_made_beside_a_writer_are_all_consistent() {
    let world = World::new(BY_HAND);
    let writer = Writer::start(&world.database());
    for _ in 0..ARCHIVES / 2 {
        world.run_job("backup-daily");
    }
    let daemon = world.start();
    for _ in 0..ARCHIVES / 2 {
        world.run_job("backup-daily");
    }
    let written = writer.stop();
    daemon.stop();
    if long() {
        eprintln!("a writer beside {ARCHIVES} backups: {written:?}");
    }
    // The 50 ms of a released program are a benchmark; here everything runs at once, unoptimised.
    assert!(written.slowest < Duration::from_millis(500), "{written:?}");
    let wanted = u32::try_from(written.lasted.as_millis() / 10).unwrap();
    assert!(written.commits >= wanted / 2, "{written:?}");

    let archives = world.archives(FOLDER);
    assert_eq!(archives.len(), ARCHIVES);
    let mut rows_before = 0;
    for (index, archive) in archives.iter().enumerate() {
        let to = world.restore(archive, &format!("restored-{index}"));
        let database = to.join("data/trading_assistant.db");
        integrity(&database);
        let sum: i64 = query(&database, "SELECT sum(amount) FROM moves");
        let rows: i64 = query(&database, "SELECT count(*) FROM moves");
        assert_eq!((sum, rows % 2), (0, 0));
        assert!(rows >= rows_before, "{rows} rows after {rows_before}");
        rows_before = rows;
    }
    assert!(rows_before > 2, "nothing was written meanwhile");
    let runs = world.history();
    assert_eq!(runs.len(), ARCHIVES);
    for run in runs {
        assert_eq!(run["outcome"], "succeeded");
        // Nothing had to be begun again.
        assert_eq!(run["attempts"], 1);
    }
}

#[test]
fn an_archive_shows_one_instant_of_the_database() {
    let world = World::new(BY_HAND);
    let writer = Writer::start(&world.database());
    let archive = world.archive("backup-daily");
    writer.stop();
    let manifest = world.verify(&archive).manifest.unwrap();
    let table = |name: &str| {
        let tables = manifest.databases[0].tables.iter();
        tables
            .clone()
            .find(|table| table.name == name)
            .unwrap()
            .rows
    };
    let to = world.restore(&archive, "restored");
    let rows: i64 = query(
        &to.join("data/trading_assistant.db"),
        "SELECT count(*) FROM moves",
    );
    assert_eq!(table("moves"), u64::try_from(rows).ok());
    assert_eq!(table("filler"), Some(0));
}

#[test]
fn a_first_start_makes_what_a_first_backup_needs() {
    let world = World::bare(BY_HAND);
    let run = world.run(["run-job", "backup-daily"]).code(1);
    run.says("no recipient").says("help: start the daemon once");
    let daemon = world.start();
    assert_eq!(daemon.ready["made"].as_array().unwrap().len(), 2);
    let archive = world.archive("backup-daily");
    let to = world.restore(&archive, "restored");
    integrity(&to.join("data/trading_assistant.db"));
    assert!(!to.join("config/backup.key").exists());
    daemon.stop();
}

#[test]
fn the_older_ones_go_when_the_new_one_is_safe() {
    let world = World::new("jobs: {b: {backup: {keep: {last: 2}}}}\n");
    let made: Vec<_> = (0..4)
        .map(|_| {
            let made = world.archive("b");
            // Two runs by hand never share a slot: the second of a second gets one to come, and
            // what is from the future counts for nothing yet.
            let slot = world.history()[0]["slot"].clone();
            let slot: jiff::Timestamp = slot.as_str().unwrap().parse().unwrap();
            until("its slot to be past", || {
                (jiff::Timestamp::now().as_second() > slot.as_second()).then_some(())
            });
            made
        })
        .collect();
    assert_eq!(world.archives("backups/b"), made[2..]);
    assert_eq!(world.leftovers("backups/b"), [""; 0]);
    let notes = world.history()[0]["report"]["notes"].to_string();
    assert!(notes.contains("removed"), "{notes}");
}

#[test]
fn a_dry_run_does_nothing() {
    let world = World::new("jobs: {b: {backup: {keep: {last: 1}}}}\n");
    let first = path_of(&world.run_job("b"));
    let plan = world.json(["run-job", "b", "--dry-run"]);
    for act in ["read", "write", "keep"] {
        let step = plan.iter().find(|step| step["act"] == act);
        assert!(!step.unwrap()["reason"].as_str().unwrap().is_empty());
    }
    assert_eq!(world.archives("backups/b"), [first]);
    assert_eq!(world.history().len(), 1);
}
