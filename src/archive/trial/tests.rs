use std::path::PathBuf;

use super::*;
use crate::{
    archive::{extract, testing::World},
    watch::{Cancel, CancelReason},
};

const FILL: &str = "
    CREATE TABLE parent(id INTEGER PRIMARY KEY);
    CREATE TABLE child(id INTEGER PRIMARY KEY, at REAL, word TEXT, parent REFERENCES parent(id));
    CREATE INDEX child_word ON child(word);
    INSERT INTO parent VALUES (1);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
    INSERT INTO child SELECT i, i / 7.0, printf('word %d', i), 1 FROM n;";

struct Trial {
    world: World,
    extracted: Extracted,
}

impl Trial {
    fn new(more: &str) -> Self {
        let world = World::new();
        let live = world.database("data/trading.db");
        live.execute_batch(FILL).unwrap();
        live.execute_batch(more).unwrap();
        let made = world.archive(true, &[]);
        let to = world.path("out");
        let extracted = extract(&made.path, &world.keys(), &to, &Watch::default()).unwrap();
        Self { world, extracted }
    }

    fn path(&self) -> PathBuf {
        self.extracted.to.join("data/trading.db")
    }

    fn change(&self, sql: &str) {
        let connection = Connection::open(self.path()).unwrap();
        // Rules about rows are not what is tried here.
        connection
            .execute_batch("PRAGMA foreign_keys = OFF")
            .unwrap();
        connection.execute_batch(sql).unwrap();
    }

    fn check(&self) -> Result<Sound, Error> {
        check_extracted(&self.extracted, &Watch::default())
    }
}

#[test]
fn a_restored_database_is_what_was_archived_and_stays_as_it_is() {
    for journal in ["WAL", "DELETE"] {
        let trial = Trial::new(&format!("PRAGMA journal_mode = {journal}"));
        let before = std::fs::read(trial.path()).unwrap();
        let watch = Watch::default();
        let sound = check_extracted(&trial.extracted, &watch).unwrap();
        let expected = Sound {
            databases: 1,
            tables: 3,
            rows: 303,
            notes: Vec::new(),
        };
        assert_eq!(sound, expected);
        assert_eq!(std::fs::read(trial.path()).unwrap(), before);
        let beside = std::fs::read_dir(trial.extracted.to.join("data")).unwrap();
        assert_eq!(beside.count(), 1);
        let sample = watch.progress.sample();
        assert_eq!((sample.done, sample.step.as_str()), (sample.total, "check"));
    }
}

#[test]
fn whatever_is_not_as_it_was_is_told() {
    for (change, told) in [
        (
            "DELETE FROM signals WHERE id = 1",
            "1 rows in `signals` instead of 2",
        ),
        (
            "UPDATE signals SET timestamp = '2025-12-31' WHERE id = 2",
            "the newest of `signals` is 2026-01-01 instead of 2026-01-02",
        ),
        (
            "UPDATE signals SET timestamp = NULL",
            "is nothing instead of 2026-01-02",
        ),
        (
            "UPDATE child SET at = 42.9 WHERE id = 300",
            "instead of 42.857",
        ),
        (
            "ALTER TABLE parent RENAME TO p",
            "the table `parent` is missing",
        ),
        ("PRAGMA user_version = 9", "schema version 9 instead of 0"),
    ] {
        let trial = Trial::new("");
        trial.change(change);
        let error = trial.check().unwrap_err();
        assert!(matches!(error, Error::Unsound { .. }), "{error}");
        assert!(error.to_string().contains(told), "{change}: {error}");
        assert!(!error.is_retryable() && error.hint().is_some());
    }
    let mut trial = Trial::new("");
    trial.extracted.manifest.databases[0].tables.remove(0);
    let error = trial.check().unwrap_err().to_string();
    assert!(error.contains("the table `child` was not there"), "{error}");
    trial.extracted.manifest.databases[0].pages += 1;
    let error = trial.check().unwrap_err().to_string();
    assert!(error.contains("bytes instead of"), "{error}");
}

/// `quick_check` does not see this: an index without one of its rows.
#[test]
fn an_index_that_has_lost_a_row_is_found() {
    let trial = Trial::new("");
    trial.change(
        "PRAGMA writable_schema = ON;
         DELETE FROM sqlite_schema WHERE name = 'child_word';",
    );
    trial.change("DELETE FROM child WHERE id = 7; INSERT INTO child VALUES (7, 1.0, 'other', 1)");
    let root: i64 = {
        let live = trial.world.database("data/trading.db");
        let query = "SELECT rootpage FROM sqlite_schema WHERE name = 'child_word'";
        live.query_row(query, [], |row| row.get(0)).unwrap()
    };
    trial.change(&format!(
        "PRAGMA writable_schema = ON;
         INSERT INTO sqlite_schema VALUES
             ('index', 'child_word', 'child', {root}, 'CREATE INDEX child_word ON child(word)')"
    ));
    let error = trial.check().unwrap_err().to_string();
    assert!(
        error.contains("row 7 missing from index child_word"),
        "{error}"
    );
}

#[test]
fn overwritten_pages_are_found() {
    use std::os::unix::fs::FileExt;
    let trial = Trial::new("");
    let file = std::fs::File::options()
        .write(true)
        .open(trial.path())
        .unwrap();
    file.write_all_at(&[0x5a; 2048], 2 * 4096).unwrap();
    let error = trial.check().unwrap_err();
    assert!(matches!(error, Error::Unsound { .. }), "{error}");
    file.write_all_at(&[0; 100], 0).unwrap();
    let error = trial.check().unwrap_err();
    assert!(matches!(error, Error::Unsound { .. }), "{error}");
}

#[test]
fn rows_that_were_archived_broken_are_a_note() {
    let trial = Trial::new(
        "PRAGMA foreign_keys = OFF; INSERT INTO child VALUES (301, 1.0, 'x', 99);
         CREATE TABLE odd(a REFERENCES signals(timestamp))",
    );
    let notes = trial.check().unwrap().notes;
    let told: Vec<_> = notes.iter().map(|note| note.note.as_str()).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("foreign key mismatch"), "{told:?}");
    trial.change("DROP TABLE odd");
    let mut trial = trial;
    trial.extracted.manifest.databases[0].pages = trial.path().metadata().unwrap().len() / 4096;
    trial.extracted.manifest.databases[0]
        .tables
        .retain(|table| table.name != "odd");
    let notes = trial.check().unwrap().notes;
    assert_eq!(
        notes[0].note,
        "1 row(s) of `child` refer to missing rows of `parent`"
    );
}

#[test]
fn full_text_search_and_an_empty_database_are_sound() {
    let trial = Trial::new(
        "CREATE VIRTUAL TABLE notes USING fts5(body); INSERT INTO notes VALUES ('one two')",
    );
    let sound = trial.check().unwrap();
    assert_eq!((sound.rows, sound.notes), (304, Vec::new()));
    let world = World::new();
    crate::files::remove(&world.path("data/trading.db")).unwrap();
    world.put("data/trading.db", b"");
    let made = world.archive(true, &[]);
    let to = world.path("out");
    let extracted = extract(&made.path, &world.keys(), &to, &Watch::default()).unwrap();
    assert_eq!(
        check_extracted(&extracted, &Watch::default())
            .unwrap()
            .databases,
        1
    );
}

#[test]
fn a_check_that_is_told_to_stop_says_why() {
    let trial = Trial::new("");
    let watch = Watch {
        cancel: Cancel::default(),
        ..Watch::default()
    };
    watch.cancel.cancel(CancelReason::Timeout);
    let error = check_extracted(&trial.extracted, &watch).unwrap_err();
    assert_eq!(error.cancelled(), Some(CancelReason::Timeout));
}
