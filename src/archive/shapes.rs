//! Databases of every shape, through a whole archive and back, by either way of reading pages.

use std::{fs, path::Path};

use rusqlite::Connection;

use super::{
    Extracted, check_extracted, create::create_with, extract, request::Seams, testing::World,
};
use crate::{sqlite, watch::Watch};

const FILL: &str = "
    CREATE TABLE parent(id INTEGER PRIMARY KEY, at TEXT);
    CREATE TABLE t(id INTEGER PRIMARY KEY, timestamp TEXT, body TEXT, p REFERENCES parent(id));
    CREATE INDEX t_time ON t(timestamp);
    CREATE TABLE w(k TEXT PRIMARY KEY, created_at INTEGER, extra BLOB) WITHOUT ROWID;
    CREATE VIRTUAL TABLE words USING fts5(body);
    INSERT INTO parent VALUES (1, '2026-01-01');
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
    INSERT INTO t SELECT i, printf('2026-01-%02d', i % 28 + 1), 'wörd ' || hex(zeroblob(i)), 1 FROM n;
    INSERT INTO w SELECT 'ключ ' || id, id, zeroblob(id * 20) FROM t WHERE id <= 60;
    INSERT INTO words SELECT body FROM t WHERE id <= 50;
    DELETE FROM t WHERE id % 3 = 0;
    PRAGMA user_version = 5;";

/// All rows of all tables as text, in order; a different database has a different one.
fn dump(path: &Path) -> Vec<String> {
    let image = sqlite::open_image(path).unwrap();
    let query = "SELECT name FROM pragma_table_list WHERE schema = 'main' ORDER BY name";
    let mut statement = image.prepare(query).unwrap();
    let names = statement
        .query_map([], |row| row.get::<_, String>(0))
        .unwrap();
    let mut lines = Vec::new();
    for name in names {
        let name = name.unwrap();
        let mut all = image.prepare(&format!("SELECT * FROM \"{name}\"")).unwrap();
        let columns = all.column_count();
        let row = |row: &rusqlite::Row<'_>| {
            let cells = (0..columns).map(|at| row.get::<_, rusqlite::types::Value>(at));
            cells.collect::<Result<Vec<_>, _>>()
        };
        for cells in all.query_map([], row).unwrap() {
            lines.push(format!("{name} {:?}", cells.unwrap()));
        }
    }
    lines
}

fn text(path: &Path, pragma: &str) -> String {
    let query = format!("SELECT CAST({pragma} AS TEXT) FROM pragma_{pragma}");
    let image = sqlite::open_image(path).unwrap();
    image.query_row(&query, [], |row| row.get(0)).unwrap()
}

fn come_back(world: &World, name: &str, copy: bool) -> Extracted {
    let watch = Watch::default();
    let seams = Seams {
        copy,
        ..Seams::default()
    };
    let made = create_with(&world.request(true, &[]), &watch, &seams).unwrap();
    let extracted = extract(&made.path, &world.keys(), &world.path("out"), &watch).unwrap();
    let sound = check_extracted(&extracted, &watch).unwrap();
    assert_eq!((sound.databases, sound.notes), (1, Vec::new()), "{name}");
    extracted
}

/// A database of this shape goes through an archive.
fn round_trip(page_size: u32, vacuum: &str, encoding: &str, journal: &str, copy: bool) {
    let name = format!("{page_size} {vacuum} {encoding} {journal} copy={copy}");
    let world = World::new();
    let path = world.path("data/trading.db");
    crate::files::remove(&path).unwrap();
    let live = Connection::open(&path).unwrap();
    live.execute_batch(&format!(
        "PRAGMA page_size = {page_size}; PRAGMA auto_vacuum = {vacuum};
         PRAGMA encoding = '{encoding}'; PRAGMA journal_mode = {journal}; {FILL}"
    ))
    .unwrap();
    let extracted = come_back(&world, &name, copy);
    // Closing folds the log into the file: now its bytes are its pages.
    live.close().unwrap();
    let restored = extracted.to.join("data/trading.db");
    assert_eq!(dump(&restored), dump(&path), "{name}");
    for pragma in [
        "page_size",
        "auto_vacuum",
        "encoding",
        "user_version",
        "freelist_count",
    ] {
        assert_eq!(
            text(&restored, pragma),
            text(&path, pragma),
            "{name}: {pragma}"
        );
    }
    assert_eq!(text(&restored, "encoding"), encoding);
    if !copy && journal == "DELETE" {
        assert!(
            fs::read(&restored).unwrap() == fs::read(&path).unwrap(),
            "{name}: bytes"
        );
    }
}

/// The check sum of a file that does not fit into memory.
fn sum(path: &Path) -> (String, u64) {
    let mut file = super::hash::Hashing::new(fs::File::open(path).unwrap());
    std::io::copy(&mut file, &mut std::io::sink()).unwrap();
    file.finish()
}

/// Whether everything is asked for, and not only every so many-th.
fn long() -> bool {
    std::env::var_os("BELLKEEPER_LONG").is_some_and(|value| value == "1")
}

#[test]
fn every_shape_of_database_comes_back_by_either_way() {
    let mut number = 0;
    for page_size in [512, 1_024, 2_048, 4_096, 8_192, 16_384, 32_768, 65_536] {
        for vacuum in ["NONE", "FULL", "INCREMENTAL"] {
            for encoding in ["UTF-8", "UTF-16le", "UTF-16be"] {
                for journal in ["WAL", "DELETE"] {
                    for copy in [false, true] {
                        number += 1;
                        // 23 shares no factor with the counts, so every value of each is met.
                        if long() || number % 23 == 0 {
                            round_trip(page_size, vacuum, encoding, journal, copy);
                        }
                    }
                }
            }
        }
    }
    assert_eq!(number, 288);
}

/// Past 1 GiB there is a page that SQLite never uses, for its locks lie there.
#[test]
#[ignore = "writes 4 GB and takes minutes: cargo test -- --ignored larger_than"]
#[expect(clippy::print_stderr, reason = "its figures are wanted")]
fn a_database_larger_than_a_gibibyte_comes_back() {
    for copy in [false, true] {
        let world = World::new();
        let path = world.path("data/trading.db");
        let live = Connection::open(&path).unwrap();
        live.execute_batch(
            "PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF; CREATE TABLE big(id INTEGER PRIMARY KEY, b BLOB);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1150)
             INSERT INTO big SELECT i, CAST(randomblob(1000) || zeroblob(999000) AS BLOB) FROM n",
        )
        .unwrap();
        live.close().unwrap();
        let length = fs::metadata(&path).unwrap().len();
        assert!(length > 1 << 30);
        let clock = crate::clock::Clock::System;
        let start = clock.monotonic();
        let extracted = come_back(&world, "large", copy);
        let took = clock.monotonic().saturating_sub(start);
        let restored = extracted.to.join("data/trading.db");
        let same = sum(&restored) == sum(&path);
        assert!(same || copy, "the bytes differ");
        assert_eq!(text(&restored, "page_count"), text(&path, "page_count"));
        eprintln!(
            "{length} bytes, copy={copy}: archived, extracted and checked in {took:?}; same bytes: {same}"
        );
    }
}
