//! Databases to back up, and what is in them.

use std::{
    fmt::Write,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rusqlite::{Connection, types::FromSql};

/// A database in WAL mode whose column `moves.amount` sums to 0 after every commit.
pub(crate) fn create(path: &Path) {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL;
             CREATE TABLE moves (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL, note TEXT);
             CREATE TABLE filler (id INTEGER PRIMARY KEY, data BLOB);
             INSERT INTO moves (amount, note) VALUES (7, 'first'), (-7, 'first');",
        )
        .unwrap();
}

/// Puts megabytes that do not compress into the database and folds its WAL.
pub(crate) fn holds(path: &Path, megabytes: u32) {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(&format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {megabytes} * 64)
             INSERT INTO filler (data) SELECT randomblob(16000) FROM n;
             PRAGMA wal_checkpoint(TRUNCATE);"
        ))
        .unwrap();
}

/// The first value of a query.
pub(crate) fn query<T: FromSql>(path: &Path, sql: &str) -> T {
    let connection = Connection::open(path).unwrap();
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Asserts that a database is sound.
#[track_caller]
pub(crate) fn integrity(path: &Path) {
    assert_eq!(query::<String>(path, "PRAGMA integrity_check"), "ok");
}

/// Everything in a database as text: its schema, then every row of every table.
pub(crate) fn dump(path: &Path) -> String {
    let connection = Connection::open(path).unwrap();
    let mut text = rows(
        &connection,
        "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name, type",
    );
    let tables = rows(
        &connection,
        "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name",
    );
    for table in tables.lines() {
        let name = table.trim_matches(['[', ']']);
        let name = name
            .strip_prefix("Text(\"")
            .and_then(|name| name.strip_suffix("\")"))
            .unwrap();
        writeln!(text, "{name}").unwrap();
        text += &rows(&connection, &format!("SELECT * FROM \"{name}\""));
    }
    text
}

fn rows(connection: &Connection, sql: &str) -> String {
    let mut statement = connection.prepare(sql).unwrap();
    let columns = statement.column_count();
    let mut rows = statement.query([]).unwrap();
    let mut text = String::new();
    while let Some(row) = rows.next().unwrap() {
        let values: Vec<rusqlite::types::Value> =
            (0..columns).map(|at| row.get(at).unwrap()).collect();
        writeln!(text, "{values:?}").unwrap();
    }
    text
}

/// Commits 100 times a second, two rows each that cancel out, until it is told to stop.
pub(crate) struct Writer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Written>,
}

/// What a writer saw.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) commits: u32,
    pub(crate) slowest: Duration,
    pub(crate) lasted: Duration,
}

impl Writer {
    const EVERY: Duration = Duration::from_millis(10);

    pub(crate) fn start(path: &Path) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (path, told) = (path.to_owned(), Arc::clone(&stop));
        let thread = thread::spawn(move || Self::write(&path, &told));
        Self { stop, thread }
    }

    fn write(path: &Path, stop: &AtomicBool) -> Written {
        let mut connection = Connection::open(path).unwrap();
        connection.busy_timeout(Duration::from_secs(30)).unwrap();
        connection
            .pragma_update(None, "synchronous", "normal")
            .unwrap();
        let start = Instant::now();
        let (mut commits, mut slowest, mut next) = (0, Duration::ZERO, start);
        while !stop.load(Ordering::Relaxed) {
            let begun = Instant::now();
            let transaction = connection
                .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
                .unwrap();
            for amount in [i64::from(commits), -i64::from(commits)] {
                let sql = "INSERT INTO moves (amount, note) VALUES (?1, 'written while archived')";
                transaction.execute(sql, [amount]).unwrap();
            }
            transaction.commit().unwrap();
            slowest = slowest.max(begun.elapsed());
            commits += 1;
            next += Self::EVERY;
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
        Written {
            commits,
            slowest,
            lasted: start.elapsed(),
        }
    }

    pub(crate) fn stop(self) -> Written {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}
