//! Databases of every shape come back as they were.

use std::path::Path;

use rusqlite::{Connection, types::Value};

use crate::world::{World, dump, integrity, query};

const TABLES: &str = "
    CREATE TABLE t (id INTEGER PRIMARY KEY, word TEXT, number REAL, bytes BLOB);
    CREATE INDEX t_word ON t (word);
    CREATE TABLE pair (a TEXT, b INTEGER, PRIMARY KEY (a, b)) WITHOUT ROWID;
    CREATE TABLE gone (data BLOB);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
        INSERT INTO t SELECT i, 'wörd ' || i, i / 7.0, randomblob(i * 3) FROM n;
    INSERT INTO t VALUES (1000, NULL, 1e300, zeroblob(70000));
    INSERT INTO pair SELECT word, id FROM t WHERE word IS NOT NULL;
    INSERT INTO gone SELECT bytes FROM t;
    DELETE FROM gone;
";

/// Backs up and restores a database made by `sql`, and compares all that is in it.
fn comes_back(name: &str, sql: &str) {
    let world = World::new("jobs: {b: {backup: {what: [database]}}}\ndatabase: data/shape.db\n");
    let path = world.path("data/shape.db");
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(sql).unwrap();
    let before = dump(&path);
    let archive = world.archive("b");
    let restored = world.restore(&archive, "restored").join("data/shape.db");
    integrity(&restored);
    assert!(dump(&restored) == before, "{name} differs");
    for what in ["page_size", "auto_vacuum", "encoding", "freelist_count"] {
        let value = |path: &Path| query::<Value>(path, &format!("PRAGMA {what}"));
        assert_eq!(value(&restored), value(&path), "{name}: {what}");
    }
}

#[test]
fn of_every_page_size() {
    for size in [512, 1_024, 4_096, 65_536] {
        for mode in ["wal", "delete"] {
            let sql = format!("PRAGMA page_size={size}; PRAGMA journal_mode={mode}; {TABLES}");
            comes_back(&sql, &sql);
        }
    }
}

#[test]
fn of_every_auto_vacuum() {
    for mode in ["none", "full", "incremental"] {
        let sql = format!("PRAGMA auto_vacuum={mode}; {TABLES}");
        comes_back(mode, &sql);
    }
}

#[test]
fn in_utf_16() {
    for encoding in ["UTF-16le", "UTF-16be"] {
        comes_back(
            encoding,
            &format!("PRAGMA encoding=\"{encoding}\"; PRAGMA journal_mode=wal; {TABLES}"),
        );
    }
}

#[test]
fn with_full_text_search() {
    let compiled = Connection::open_in_memory()
        .unwrap()
        .execute_batch("CREATE VIRTUAL TABLE x USING fts5(y)");
    if let Err(error) = compiled {
        crate::world::skip(&format!("no FTS5: {error}"));
        return;
    }
    let sql = format!(
        "{TABLES} CREATE VIRTUAL TABLE notes USING fts5(body);
         INSERT INTO notes SELECT word FROM t WHERE word IS NOT NULL;"
    );
    comes_back("fts5", &sql);
}

#[test]
fn with_views_triggers_and_generated_columns() {
    let sql = format!(
        "{TABLES} CREATE VIEW v AS SELECT word FROM t;
         CREATE TRIGGER r AFTER DELETE ON t BEGIN INSERT INTO gone VALUES (old.bytes); END;
         CREATE TABLE g (a INTEGER, b INTEGER AS (a * 2) STORED, c AS (a + b) VIRTUAL);
         INSERT INTO g (a) VALUES (1), (2);
         CREATE TABLE strict_one (a INTEGER, b ANY) STRICT;
         CREATE INDEX partial ON t (number) WHERE number > 10;"
    );
    comes_back("much", &sql);
}

#[test]
fn that_are_empty() {
    comes_back("empty", "PRAGMA journal_mode=wal; CREATE TABLE t (a);");
    comes_back("without any table", "PRAGMA user_version = 3;");
}
