//! Selecting, gathering, removing and putting back, on databases of all sorts.

use std::{path::PathBuf, time::Duration};

use jiff::{Timestamp, tz::TimeZone};
use rusqlite::Connection;

use super::super::{gather::Sql, *};
use crate::{
    clock::Clock,
    sqlite::{Fingerprint, Value},
    units::{Bytes, Span},
    watch::Watch,
};

const NOW: &str = "2026-06-30T12:00:00Z";

struct World {
    _root: tempfile::TempDir,
    path: PathBuf,
}

impl World {
    fn new(schema: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("x.db");
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch("PRAGMA auto_vacuum = 2; PRAGMA journal_mode = WAL")
            .unwrap();
        connection.execute_batch(schema).unwrap();
        Self { _root: root, path }
    }

    fn sql(&self, sql: &str) {
        Connection::open(&self.path)
            .unwrap()
            .execute_batch(sql)
            .unwrap();
    }

    fn ask(&self, sql: &str) -> i64 {
        let connection = Connection::open(&self.path).unwrap();
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    fn store(&self) -> Store {
        Store::at(&self.path)
    }

    /// One row a day, the newest of today.
    fn days(days: u32) -> Self {
        let world = Self::new(
            "CREATE TABLE t(id INTEGER PRIMARY KEY, ts TEXT, x); CREATE INDEX i ON t(ts)",
        );
        world.sql(&format!(
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {days} - 1)
             INSERT INTO t(ts, x) SELECT strftime('%Y-%m-%dT%H:%M:%SZ', '{NOW}', (i - {days} + 1) || ' days'), i
             FROM n"
        ));
        world
    }

    fn select(&self, limits: &Limits, not_after: Option<&str>) -> Result<Option<Selection>, Error> {
        let reader = self.store().reader()?;
        let table = Table::look(&reader, "t")?;
        let moment = Moment {
            now: NOW.parse().unwrap(),
            not_after: not_after.map(|at| at.parse().unwrap()),
            zone: &TimeZone::UTC,
            sample: false,
        };
        select(&reader, &table, limits, &moment)
    }

    fn gather(&self, selection: &Selection) -> (Gathered, Vec<u64>, Vec<Vec<Value>>) {
        let (mut prints, mut rows) = (Vec::new(), Vec::new());
        let most = Portion {
            rows: usize::MAX,
            bytes: usize::MAX,
        };
        let reader = self.store().reader().unwrap();
        let gathered = gather::<Error>(&reader, selection, None, most, &mut |values| {
            prints.push(Fingerprint::of(values.iter().copied()));
            rows.push(values.iter().map(|value| Value::from(*value)).collect());
            Ok(())
        });
        (gathered.unwrap(), prints, rows)
    }
}

fn pace() -> Pace {
    Pace {
        turn: Duration::from_millis(20),
        log: Log::default(),
        until: Duration::MAX,
        clock: Clock::System,
    }
}

fn limits(keep: &str) -> Limits {
    Limits {
        column: "ts".into(),
        keep: Some(keep.parse().unwrap()),
        rows: None,
        size: None,
    }
}

fn removal<'a>(
    writer: &'a Writer,
    selection: &'a Selection,
    (gathered, prints): (&'a Gathered, &'a [u64]),
    pace: &'a Pace,
    watch: &'a Watch,
) -> Removal<'a> {
    Removal {
        writer,
        selection,
        pieces: &gathered.pieces,
        prints,
        witness: None,
        pace,
        watch,
    }
}

fn remove(
    world: &World,
    selection: &Selection,
    gathered: &Gathered,
    prints: &[u64],
    pace: &Pace,
) -> Deleted {
    let (writer, watch) = (world.store().writer().unwrap(), Watch::default());
    let removal = removal(&writer, selection, (gathered, prints), pace, &watch);
    removal.run(&mut |_| {}).unwrap()
}

#[test]
fn age_number_and_size_each_choose_the_oldest() {
    let world = World::days(100);
    let count = |limits: &Limits| world.select(limits, None).unwrap().unwrap().count;
    assert_eq!(count(&limits("90d")), 9);
    assert_eq!(count(&limits("1000d")), 0);
    let by = |rows, size| Limits {
        keep: None,
        rows,
        size,
        ..limits("1d")
    };
    assert_eq!(count(&by(Some(30), None)), 70);
    assert_eq!(count(&by(Some(1_000), None)), 0);
    assert_eq!(count(&by(None, Some(Bytes(1 << 30)))), 0);
    let half = count(&by(None, Some(Bytes(6_000))));
    assert!((20..90).contains(&half), "{half}");
    // The strictest counts.
    let both = Limits {
        rows: Some(10),
        ..limits("90d")
    };
    assert_eq!(count(&both), 90);
    // What no backup holds stays.
    let selection = world
        .select(&limits("10d"), Some("2026-04-01T00:00:00Z"))
        .unwrap()
        .unwrap();
    assert_eq!(selection.count, 9);
    assert_eq!(
        world
            .select(&limits("10d"), Some("2020-01-01T00:00:00Z"))
            .unwrap()
            .unwrap()
            .count,
        0
    );
}

#[test]
fn seconds_and_milliseconds_are_understood() {
    for (unit, form) in [(1, Form::Seconds), (1_000, Form::Millis)] {
        let world = World::new("CREATE TABLE t(ts INTEGER)");
        let now: Timestamp = NOW.parse().unwrap();
        for day in 0..20 {
            let at = (now.as_second() - day * 86_400) * unit;
            world.sql(&format!("INSERT INTO t VALUES ({at})"));
        }
        let selection = world.select(&limits("10d"), None).unwrap().unwrap();
        assert_eq!(
            (selection.form, selection.count, selection.indexed),
            (form, 9, false)
        );
    }
    let empty = World::new("CREATE TABLE t(ts)");
    assert_eq!(empty.select(&limits("1d"), None).unwrap(), None);
}

#[test]
fn mixed_times_are_refused_with_an_example_of_each() {
    let world = World::days(50);
    for (value, told) in [
        ("1767225600", "but also `1767225600`"),
        ("'n/a'", "but also `n/a`"),
        ("'01/02/2026'", "but also `01/02/2026`"),
        ("'2026/01/02'", "but also `2026/01/02`"),
        ("x'00'", "a blob"),
    ] {
        world.sql(&format!("INSERT INTO t VALUES (9999, {value}, 0)"));
        let error = world.select(&limits("10d"), None).unwrap_err();
        assert!(matches!(error, Error::Times { .. }), "{error}");
        assert!(error.to_string().contains(told), "{value}: {error}");
        assert!(error.hint().is_some());
        world.sql("DELETE FROM t WHERE id = 9999");
    }
    let error = world
        .select(
            &Limits {
                column: "tz".into(),
                ..limits("1d")
            },
            None,
        )
        .unwrap_err();
    assert!(error.hint().unwrap().contains("`ts`"), "{error}");
}

const SORTS: [&str; 5] = [
    "CREATE TABLE t(id INTEGER PRIMARY KEY, ts TEXT, x); CREATE INDEX i ON t(ts)",
    "CREATE TABLE t(ts TEXT, x)",
    "CREATE TABLE t(a TEXT, b INTEGER, ts TEXT, x, PRIMARY KEY (a, b)) WITHOUT ROWID",
    "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, ts TEXT UNIQUE, x,
        day AS (substr(ts, 1, 10)) STORED)",
    "CREATE TABLE parent(id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1);
     CREATE TABLE t(ts TEXT, x, p INTEGER DEFAULT 1 REFERENCES parent);
     CREATE TRIGGER no BEFORE INSERT ON t WHEN NEW.x = 'never' BEGIN SELECT RAISE(ABORT, 'no'); END",
];

fn fill(world: &World, sort: &str) {
    let key = sort.contains("PRIMARY KEY (a, b)");
    let (names, values) = if key {
        ("a, b, ts, x", "'k' || (i % 7), i, ")
    } else {
        ("ts, x", "")
    };
    world.sql(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 2999)
         INSERT INTO t({names}) SELECT {values}
            strftime('%Y-%m-%dT%H:%M:%SZ', '{NOW}', -((i * 7919) % 3000) || ' hours'),
            CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN i WHEN 2 THEN i / 3.0 WHEN 3 THEN 'text ' || i
                ELSE CAST(x'ff00' AS TEXT) END
         FROM n"
    ));
}

#[test]
fn exactly_what_was_read_goes_and_comes_back_in_every_sort_of_table() {
    for sort in SORTS {
        let world = World::new(sort);
        fill(&world, sort);
        let sum = "SELECT count(*) + sum(length(quote(ts)) + length(quote(x))) FROM t";
        let (before, all) = (world.ask(sum), world.ask("SELECT count(*) FROM t"));
        let selection = world.select(&limits("30d"), None).unwrap().unwrap();
        let (gathered, prints, rows) = world.gather(&selection);
        assert_eq!(gathered.rows, rows.len());
        assert_eq!(
            u64::try_from(rows.len()).unwrap(),
            selection.count,
            "{sort}"
        );
        let deleted = remove(&world, &selection, &gathered, &prints, &pace());
        assert_eq!(
            (deleted.rows, deleted.changed),
            (selection.count, 0),
            "{sort}"
        );
        assert_eq!(
            world.ask("SELECT count(*) FROM t"),
            all - selection.count.cast_signed()
        );
        assert_eq!(
            world.select(&limits("30d"), None).unwrap().unwrap().count,
            0
        );

        let shape = Shape {
            table: "t".into(),
            values: selection.table.values.clone(),
            key: selection.table.key.clone(),
        };
        let writer = world.store().writer().unwrap();
        for round in 0..2 {
            let mut back = Inserted::default();
            insert(&writer, &shape, &rows, &mut back).unwrap();
            let expected = if round == 0 {
                (selection.count, 0)
            } else {
                (0, selection.count)
            };
            assert_eq!((back.inserted, back.there), expected, "{sort}");
        }
        assert_eq!(world.ask(sum), before, "{sort}");
    }
}

#[test]
fn a_row_that_was_changed_added_or_removed_keeps_its_neighbours() {
    for change in [
        "UPDATE t SET x = 'changed' WHERE id = 5",
        "DELETE FROM t WHERE id = 5",
        "INSERT INTO t VALUES (-3, '2026-01-01T00:00:00Z', 0); UPDATE t SET id = 4000 WHERE id = 1;
         UPDATE t SET id = 1 WHERE id = -3",
    ] {
        let world = World::days(2_000);
        let selection = world.select(&limits("100d"), None).unwrap().unwrap();
        let (gathered, prints, _) = world.gather(&selection);
        world.sql(change);
        let deleted = remove(&world, &selection, &gathered, &prints, &pace());
        assert_eq!(deleted.changed, 256, "{change}");
        assert_eq!(deleted.rows + deleted.changed, selection.count);
    }
    // A row that is new in between and past its limits: seen by nobody, removed by nobody.
    let world = World::days(2_000);
    world.sql("UPDATE t SET id = id * 2 + 100000");
    let selection = world.select(&limits("100d"), None).unwrap().unwrap();
    let (gathered, prints, _) = world.gather(&selection);
    world.sql("INSERT INTO t VALUES (100007, '2021-01-01T00:00:00Z', 'late')");
    remove(&world, &selection, &gathered, &prints, &pace());
    assert_eq!(world.ask("SELECT count(*) FROM t WHERE x = 'late'"), 1);
}

#[test]
fn a_taken_place_is_told_and_left_alone() {
    let world = World::days(10);
    let selection = world.select(&limits("5d"), None).unwrap().unwrap();
    let (gathered, prints, rows) = world.gather(&selection);
    remove(&world, &selection, &gathered, &prints, &pace());
    world.sql("INSERT INTO t VALUES (2, '2026-06-30T00:00:00Z', 'mine')");
    let shape = Shape {
        table: "t".into(),
        values: selection.table.values,
        key: selection.table.key,
    };
    let mut back = Inserted::default();
    insert(&world.store().writer().unwrap(), &shape, &rows, &mut back).unwrap();
    assert_eq!(
        (back.inserted, back.there, back.conflicts),
        (selection.count - 1, 0, 1)
    );
    assert_eq!(back.refused, ["t with id 2: another row has its key"]);
    assert_eq!(world.ask("SELECT count(*) FROM t WHERE x = 'mine'"), 1);
}

/// Every statement on rows goes along an index or the order of the rows.
#[test]
fn every_statement_follows_an_index() {
    for sort in SORTS {
        let world = World::new(sort);
        fill(&world, sort);
        let selection = world.select(&limits("30d"), None).unwrap().unwrap();
        let (gathered, ..) = world.gather(&selection);
        let sql = Sql::new(&selection);
        let connection = Connection::open(&world.path).unwrap();
        for act in ["SELECT", "DELETE"] {
            let explain = format!("EXPLAIN QUERY PLAN {}", sql.piece(act));
            let mut statement = connection.prepare(&explain).unwrap();
            let bound = sql.bound(&gathered.pieces[0]);
            let plan: Vec<String> = statement
                .query_map(bound.as_slice(), |row| row.get(3))
                .unwrap()
                .collect::<rusqlite::Result<_>>()
                .unwrap();
            assert_eq!(plan.len(), 1, "{sort}: {plan:?}");
            let along = plan[0].contains("USING INTEGER PRIMARY KEY (rowid>")
                || plan[0].contains("USING PRIMARY KEY (");
            assert!(plan[0].starts_with("SEARCH t") && along, "{sort}: {plan:?}");
        }
    }
    // What is asked of the times themselves, where they have an index as the guide wants.
    let world = World::days(100);
    let connection = Connection::open(&world.path).unwrap();
    for query in [
        "SELECT min(ts) FROM t",
        "SELECT max(ts) FROM t",
        "SELECT count(*), min(id), max(id) FROM t WHERE ts >= '2026' AND ts < '2027'",
        "SELECT ts FROM t WHERE ts IS NOT NULL ORDER BY ts DESC LIMIT 1 OFFSET 5",
        "SELECT ts FROM t WHERE ts >= '2026' AND ts < '2027' AND ts NOT GLOB 'x' LIMIT 1",
        "SELECT count(*) FROM t",
        "SELECT * FROM t WHERE ts = '2026' LIMIT 100",
    ] {
        let explain = format!("EXPLAIN QUERY PLAN {query}");
        let plan: String = connection
            .query_row(&explain, [], |row| row.get(3))
            .unwrap();
        assert!(plan.contains("INDEX i"), "{query}: {plan}");
    }
}

#[test]
fn removing_yields_to_users_and_keeps_the_log_short() {
    let world = World::days(3_000);
    world.sql("UPDATE t SET x = randomblob(2000)");
    let selection = world.select(&limits("100d"), None).unwrap().unwrap();
    let (gathered, prints, _) = world.gather(&selection);
    let quick = Pace {
        turn: Duration::ZERO,
        log: Log {
            fold: 200_000,
            ..Log::default()
        },
        ..pace()
    };
    let deleted = remove(&world, &selection, &gathered, &prints, &quick);
    assert_eq!(deleted.rows, selection.count);
    assert!(
        log_size(&world.path) < 3_000_000,
        "{}",
        log_size(&world.path)
    );
    let writer = world.store().writer().unwrap();
    let before = space(&world.store().reader().unwrap()).unwrap();
    assert!(
        before.incremental && before.free > before.pages / 2,
        "{before:?}"
    );
    let given = reclaim(&writer, &quick, &Watch::default()).unwrap();
    let after = space(&world.store().reader().unwrap()).unwrap();
    assert_eq!(before.bytes() - after.bytes(), given);
    assert!(
        after.free <= after.pages / 10 + 1 && after.free > 0,
        "{after:?}"
    );
    assert!(settle(&writer).unwrap());
    assert_eq!(log_size(&world.path), 0);
}

#[test]
fn a_reader_with_an_old_snapshot_makes_it_wait_or_stop() {
    let world = World::days(3_000);
    world.sql("UPDATE t SET x = randomblob(2000)");
    let selection = world.select(&limits("100d"), None).unwrap().unwrap();
    let (gathered, prints, _) = world.gather(&selection);
    let old = Connection::open(&world.path).unwrap();
    old.execute_batch("BEGIN; SELECT count(*) FROM t").unwrap();
    let clock = Clock::System;
    let tight = |wait, stop| Pace {
        turn: Duration::ZERO,
        log: Log {
            fold: 50_000,
            wait,
            stop,
        },
        until: clock.monotonic() + Duration::from_millis(400),
        clock: clock.clone(),
    };
    let deleted = remove(
        &world,
        &selection,
        &gathered,
        &prints,
        &tight(200_000, 300_000_000),
    );
    assert!(
        matches!(deleted.stopped, Some(Stopped::Reader(bytes)) if bytes > 200_000),
        "{deleted:?}"
    );
    assert!(deleted.rows > 0 && deleted.rows < selection.count);
    let stopped = remove(
        &world,
        &selection,
        &gathered,
        &prints,
        &tight(200_000, 210_000),
    );
    assert!(
        matches!(stopped.stopped, Some(Stopped::Log(_))),
        "{stopped:?}"
    );
    // It ends while the run waits, which notices and goes on.
    let writer = world.store().writer().unwrap();
    let mut told = 0;
    let selection = world.select(&limits("100d"), None).unwrap().unwrap();
    let (gathered, prints, _) = world.gather(&selection);
    let mut old = Some(old);
    let patient = Pace {
        until: Duration::MAX,
        ..tight(200_000, 300_000_000)
    };
    let mut pinned = |_| {
        told += 1;
        drop(old.take());
    };
    let watch = Watch::default();
    let removal = removal(&writer, &selection, (&gathered, &prints), &patient, &watch);
    let rest = removal.run(&mut pinned).unwrap();
    assert_eq!((rest.rows, rest.stopped, told), (selection.count, None, 1));
}

#[test]
fn the_time_ends_it_and_a_cancellation_stops_it_between_two_transactions() {
    let world = World::days(3_000);
    let selection = world.select(&limits("100d"), None).unwrap().unwrap();
    let (gathered, prints, _) = world.gather(&selection);
    let over = Pace {
        until: Duration::ZERO,
        ..pace()
    };
    let deleted = remove(&world, &selection, &gathered, &prints, &over);
    assert_eq!((deleted.rows, deleted.stopped), (0, Some(Stopped::Budget)));
    let watch = Watch::default();
    watch.cancel.cancel(crate::watch::CancelReason::Operator);
    let writer = world.store().writer().unwrap();
    let pace = pace();
    let removal = removal(&writer, &selection, (&gathered, &prints), &pace, &watch);
    let error = removal.run(&mut |_| {}).unwrap_err();
    assert!(error.cancelled().is_some());
    assert_eq!(world.ask("SELECT count(*) FROM t"), 3_000);
}

#[test]
fn a_database_of_another_program_keeps_what_is_its_own() {
    let world = World::new(
        "PRAGMA journal_mode = DELETE; PRAGMA user_version = 7; PRAGMA application_id = 42;
         CREATE TABLE Signals(Timestamp TEXT, x); CREATE TABLE trades(ticker);
         CREATE TABLE positions(symbol TEXT, q); CREATE INDEX p ON positions(q);
         CREATE INDEX bellkeeper_positions_symbol ON positions(symbol) WHERE q > 0;
         CREATE TABLE other(a)",
    );
    let store = world.store();
    let writer = store.writer().unwrap();
    let missing = missing_indexes(&store.reader().unwrap()).unwrap();
    let names: Vec<_> = missing.iter().map(|index| index.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "bellkeeper_Signals_Timestamp",
            "bellkeeper_positions_symbol_2"
        ]
    );
    assert_eq!(add_indexes(&writer).unwrap(), missing);
    assert_eq!(add_indexes(&writer).unwrap(), []);
    assert_eq!(world.ask("PRAGMA user_version"), 7);
    assert_eq!(world.ask("PRAGMA application_id"), 42);
    assert_eq!(
        world.ask("SELECT count(*) FROM sqlite_schema WHERE name = 'bellkeeper_meta'"),
        0
    );
    let mode: String = Connection::open(&world.path)
        .unwrap()
        .pragma_query_value(None, "journal_mode", |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "delete");
}

#[test]
fn ours_of_the_first_version_is_migrated_and_a_newer_one_refused_as_it_is() {
    let world = World::new(include_str!("../schema.sql"));
    world.sql("PRAGMA user_version = 1");
    drop(world.store().writer().unwrap());
    assert_eq!(world.ask("PRAGMA user_version"), 3);
    assert_eq!(
        world.ask("SELECT count(*) FROM bellkeeper_meta WHERE key = 'owner'"),
        1
    );
    world.sql("PRAGMA user_version = 4");
    for error in [
        world.store().writer().unwrap_err(),
        world.store().reader().unwrap_err(),
    ] {
        assert!(
            error
                .to_string()
                .contains("schema version 4, this program knows up to 3"),
            "{error}"
        );
        assert!(error.hint().unwrap().contains("newer bellkeeper"));
    }
    assert_eq!(world.ask("PRAGMA user_version"), 4);
}

#[test]
fn rows_of_the_sample_stay_unless_they_are_meant() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("trading_assistant.db");
    create_sample(&path).unwrap();
    let reader = Store::at(&path).reader().unwrap();
    let table = Table::look(&reader, "signals").unwrap();
    let limits = Limits {
        column: "timestamp".into(),
        ..limits("90d")
    };
    for (sample, count) in [(false, 0), (true, 22)] {
        let moment = Moment {
            now: NOW.parse().unwrap(),
            not_after: None,
            zone: &TimeZone::UTC,
            sample,
        };
        let selection = select(&reader, &table, &limits, &moment).unwrap().unwrap();
        assert_eq!((selection.count, selection.sample), (count, 22 - count));
        assert!(
            selection.indexed && selection.is_stale(moment.now, Span::from_secs(86_400).signed())
        );
    }
}

#[test]
fn health_tells_damage_and_times_the_guides_questions() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("trading_assistant.db");
    create_sample(&path).unwrap();
    let reader = Store::at(&path).reader().unwrap();
    assert_eq!(quick_check(&reader, &Watch::default()).unwrap(), [""; 0]);
    let timed = time_queries(&reader, &Clock::System).unwrap();
    let what: Vec<_> = timed
        .iter()
        .map(|query| (query.what.as_str(), query.indexed))
        .collect();
    assert_eq!(
        what,
        [
            ("signals by timestamp", true),
            ("trades by symbol", true),
            ("positions by symbol", true)
        ]
    );
}

#[test]
fn statistics_are_taken_from_a_few_rows() {
    let world = World::days(3_000);
    // Samples of an index are only taken by who reads all of it.
    let samples = || {
        let there = "SELECT count(*) FROM sqlite_schema WHERE name = 'sqlite_stat4'";
        match world.ask(there) {
            0 => 0,
            _ => world.ask("SELECT count(*) FROM sqlite_stat4"),
        }
    };
    optimize(&world.store().writer().unwrap()).unwrap();
    let known = world.ask("SELECT count(*) FROM sqlite_stat1 WHERE idx = 'i'");
    assert_eq!((known, samples()), (1, 0));
    world.sql("ANALYZE");
    assert!(samples() > 0);
}

/// What somebody does between the reading and the removing: the table itself, through the queue of this
/// process (`true`) or as another program.
const MEANWHILE: [(&str, bool); 9] = [
    ("SELECT 1", true),
    ("UPDATE t SET x = 'new' WHERE id = 20", true),
    ("UPDATE t SET x = 'new' WHERE id = 20", false),
    ("DELETE FROM t WHERE id = 20", true),
    (
        "DELETE FROM t WHERE id = 20; INSERT INTO t VALUES (20, '2026-01-01T00:00:00Z', 'other')",
        true,
    ),
    ("DELETE FROM t WHERE id = 20", false),
    (
        "INSERT OR REPLACE INTO t VALUES (20, '2026-05-20T00:00:00Z', 'replaced')",
        true,
    ),
    ("UPDATE t SET id = 5000 WHERE id = 20", true),
    (
        "INSERT INTO t VALUES (9000, '2026-06-30T00:00:00Z', 'new')",
        true,
    ),
];

#[test]
fn with_a_witness_exactly_the_same_rows_stay_as_without_one() {
    for (act, ours) in MEANWHILE {
        let left = [false, true].map(|watched| {
            let world = World::days(300);
            let selection = world.select(&limits("10d"), None).unwrap().unwrap();
            let writer = world.store().writer().unwrap();
            let witness = Witness::of(&writer, &selection.table).unwrap();
            let (gathered, prints, rows) = world.gather(&selection);
            if ours {
                let done = writer.write(Class::User, "meanwhile", |tx| tx.execute_batch(act));
                done.unwrap();
            } else {
                world.sql(act);
            }
            let (pace, watch) = (pace(), Watch::default());
            let removal = Removal {
                witness: witness.as_ref().filter(|_| watched),
                ..removal(&writer, &selection, (&gathered, &prints), &pace, &watch)
            };
            let deleted = removal.run(&mut |_| {}).unwrap();
            let all = "SELECT group_concat(quote(id) || quote(ts) || quote(x), ';') FROM t";
            let connection = Connection::open(&world.path).unwrap();
            let left: String = connection.query_row(all, [], |row| row.get(0)).unwrap();
            let quiet = ["SELECT 1", MEANWHILE[8].0].contains(&act);
            assert_eq!(
                deleted.rows == rows.len() as u64,
                quiet,
                "{act}: {deleted:?}"
            );
            (left, deleted)
        });
        assert_eq!(left[0], left[1], "{act} by us: {ours}");
    }
}

#[test]
fn a_witness_trusts_no_row_ids_after_a_vacuum_and_sees_no_table_without_them() {
    let world =
        World::new("CREATE TABLE t(ts TEXT, x); CREATE TABLE u(ts TEXT PRIMARY KEY) WITHOUT ROWID");
    fill(&world, SORTS[1]);
    let selection = world.select(&limits("10d"), None).unwrap().unwrap();
    let writer = world.store().writer().unwrap();
    let witness = Witness::of(&writer, &selection.table).unwrap().unwrap();
    let (gathered, ..) = world.gather(&selection);
    assert!(gathered.pieces.iter().all(|piece| !witness.saw(piece)));
    vacuum(&writer).unwrap();
    assert!(gathered.pieces.iter().all(|piece| witness.saw(piece)));
    let reader = world.store().reader().unwrap();
    let without = Table::look(&reader, "u").unwrap();
    assert!(Witness::of(&writer, &without).unwrap().is_none());
}

#[test]
fn rows_that_come_back_push_no_other_row_out_whatever_the_table_says() {
    for clause in ["REPLACE", "IGNORE", "ROLLBACK", "FAIL"] {
        let world = World::new(&format!(
            "CREATE TABLE t(id INTEGER PRIMARY KEY, ts TEXT, x, UNIQUE (ts) ON CONFLICT {clause})"
        ));
        world.sql("INSERT INTO t VALUES (1, '2026-01-01', 'old'), (2, '2026-01-02', 'old')");
        let rows = [1, 2].map(|id| {
            let ts = Value::Text(format!("2026-01-0{id}").into_bytes());
            vec![Value::Integer(id), ts, Value::Text(b"old".to_vec())]
        });
        world.sql("DELETE FROM t; INSERT INTO t VALUES (7, '2026-01-01', 'new')");
        let shape = Shape {
            table: "t".into(),
            values: ["id", "ts", "x"].map(str::to_owned).to_vec(),
            key: vec![0],
        };
        let mut inserted = Inserted::default();
        let writer = world.store().writer().unwrap();
        insert(&writer, &shape, &rows, &mut inserted).unwrap();
        assert_eq!((inserted.inserted, inserted.conflicts), (1, 1), "{clause}");
        let new = "SELECT count(*) FROM t WHERE x = 'new'";
        assert_eq!(
            (world.ask(new), world.ask("SELECT count(*) FROM t")),
            (1, 2)
        );
    }
}
