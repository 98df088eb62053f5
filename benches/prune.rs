//! Removing most of a large table beside a program that commits 50 times a second: through the store,
//! and by one DELETE.
//!
//! `cargo bench --bench prune -- [ROWS=5000000] [PERCENT=60] [ROUNDS=3]`.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures with the machine's clock and waits for other programs"
)]

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use bellkeeper::{
    clock::Clock,
    sqlite::{Fingerprint, Value},
    store::{
        self, Class, Deleted, Gathered, Limits, Log, Moment, Pace, Portion, Removal, Selection,
        Stopped, Store, Table, Witness,
    },
    watch::Watch,
};
use jiff::{Timestamp, tz::TimeZone};
use rusqlite::{Connection, TransactionBehavior};
use support::{
    args,
    promise::promise,
    report::{millis, quantile},
};

mod support {
    pub(crate) mod args;
    pub(crate) mod promise;
    pub(crate) mod report;
}

const PERIOD: Duration = Duration::from_millis(20);
/// As a run of `prune` does it.
const PORTION: Portion = Portion {
    rows: 250_000,
    bytes: 64 << 20,
};

fn main() -> Result<()> {
    let [rows, percent, rounds] = args::numbers([5_000_000, 60, 3]);
    let folder = tempfile::tempdir()?;
    let origin = folder.path().join("origin.db");
    make(&origin, rows)?;
    let before = boundary(&origin, rows * percent / 100)?;
    println!(
        "{rows} rows in {} MB, {percent} % of them go",
        fs::metadata(&origin)?.len() / 1_000_000
    );
    println!("how      seconds  of it removing  slowest commit      p99  longest log");
    let (mut one, mut ours) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        for (name, all) in [("DELETE", &mut one), ("store", &mut ours)] {
            let copy = folder.path().join(format!("{name}-{round}.db"));
            fs::copy(&origin, &copy)?;
            let seen = beside_a_writer(&copy, name == "store", &before)?;
            seen.print(name);
            all.push(seen);
            remove(&copy)?;
        }
    }
    let median = |all: &[Seen], of: &dyn Fn(&Seen) -> f64| {
        quantile(&all.iter().map(of).collect::<Vec<_>>(), 0.5)
    };
    let most = |all: &[Seen], of: &dyn Fn(&Seen) -> f64| all.iter().map(of).fold(0.0, f64::max);
    let delete = median(&one, &|seen| seen.removing);
    let ratio = |of: &dyn Fn(&Seen) -> f64| median(&ours, of) / delete;
    // 0.85 times the speed is 1.18 times the time.
    promise(
        "time to remove against one DELETE",
        ratio(&|seen| seen.removing),
        1.176,
        "x",
    );
    println!(
        "         … and to read them first: {:.3} x",
        ratio(&|seen| seen.seconds)
    );
    promise(
        "slowest commit beside it",
        most(&ours, &|seen| seen.slowest),
        200.0,
        "ms",
    );
    println!(
        "         … beside one DELETE: {:.0} ms",
        most(&one, &|seen| seen.slowest)
    );
    promise("longest log", most(&ours, &|seen| seen.log), 32.0, "MB");
    println!(
        "         … of one DELETE: {:.0} MB",
        most(&one, &|seen| seen.log)
    );
    pinned(&origin, &folder.path().join("pinned.db"), &before)
}

/// A table of signals, one a second, and the index that the guide asks for.
fn make(path: &Path, rows: u64) -> Result<()> {
    let connection = Connection::open(path)?;
    connection.execute_batch(&format!(
        "PRAGMA auto_vacuum = incremental; PRAGMA journal_mode = wal; PRAGMA synchronous = off;
         CREATE TABLE signals (id INTEGER PRIMARY KEY, symbol TEXT NOT NULL, timestamp TEXT NOT NULL,
            strategy TEXT NOT NULL, side TEXT NOT NULL, strength REAL NOT NULL,
            price INTEGER NOT NULL, inputs TEXT NOT NULL, data_hash TEXT NOT NULL) STRICT;
         CREATE TABLE beats (id INTEGER PRIMARY KEY, at TEXT NOT NULL) STRICT;
         WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {rows} - 1)
         INSERT INTO signals SELECT NULL, 'S' || (i % 500), strftime('%Y-%m-%dT%H:%M:%SZ', 1700000000 + i,
            'unixepoch'), 'mean_20', iif(i % 2, 'buy', 'sell'), (i % 1000) / 999.0, 20000000 + i * 7919 % 900000,
            '{{\"sma20\":' || (i % 997) || '.25,\"rsi14\":' || (i % 89) || '}}', printf('%016x', i * 2654435761)
         FROM n;
         CREATE INDEX signals_timestamp ON signals (timestamp);
         PRAGMA wal_checkpoint(TRUNCATE);"
    ))?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(())
}

/// The time of row number `row`.
fn boundary(path: &Path, row: u64) -> Result<Timestamp> {
    let text: String = Connection::open(path)?.query_row(
        "SELECT timestamp FROM signals WHERE id = ?1",
        [row.cast_signed() + 1],
        |found| found.get(0),
    )?;
    Ok(text.parse()?)
}

fn remove(path: &Path) -> Result<()> {
    for end in ["", "-wal", "-shm"] {
        let path = format!("{}{end}", path.display());
        if fs::exists(&path)? {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

struct Seen {
    seconds: f64,
    removing: f64,
    /// Milliseconds.
    slowest: f64,
    p99: f64,
    /// Megabytes.
    log: f64,
}

impl Seen {
    fn print(&self, name: &str) {
        println!(
            "{name:<7} {:>8.2}  {:>14.2}  {:>11.1} ms  {:>4.1} ms  {:>8.1} MB",
            self.seconds, self.removing, self.slowest, self.p99, self.log
        );
    }
}

/// Removes the rows while somebody commits 50 times a second and somebody looks at the log.
fn beside_a_writer(path: &Path, ours: bool, before: &Timestamp) -> Result<Seen> {
    let (over, log) = (AtomicBool::new(false), AtomicU64::new(0));
    let begun = Instant::now();
    let (removing, commits) = thread::scope(|scope| {
        scope.spawn(|| watch_log(path, &over, &log));
        let writer = scope.spawn(|| {
            if ours {
                beats_through_the_store(path, &over)
            } else {
                beats(path, &over)
            }
        });
        let removed = if ours {
            through_the_store(path, before)
        } else {
            at_once(path, before)
        };
        over.store(true, Ordering::Relaxed);
        let commits = writer.join().ok().context("the writer panicked")?;
        anyhow::Ok((removed?, commits?))
    })?;
    #[expect(clippy::cast_precision_loss, reason = "a file length in megabytes")]
    let log = log.load(Ordering::Relaxed) as f64 / 1e6;
    Ok(Seen {
        seconds: begun.elapsed().as_secs_f64(),
        removing: removing.as_secs_f64(),
        slowest: quantile(&commits, 1.0),
        p99: quantile(&commits, 0.99),
        log,
    })
}

fn watch_log(path: &Path, over: &AtomicBool, longest: &AtomicU64) {
    while !over.load(Ordering::Relaxed) {
        longest.fetch_max(store::log_size(path), Ordering::Relaxed);
        thread::sleep(Duration::from_millis(2));
    }
}

/// Calls `commit` at a steady beat and returns how long each took, in milliseconds.
fn steady(over: &AtomicBool, mut commit: impl FnMut() -> Result<()>) -> Result<Vec<f64>> {
    let mut took = Vec::new();
    let mut next = Instant::now();
    while !over.load(Ordering::Relaxed) {
        let begun = Instant::now();
        commit()?;
        took.push(millis(begun.elapsed()));
        next += PERIOD;
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    Ok(took)
}

const BEAT: &str = "INSERT INTO beats (at) VALUES (datetime('now'))";

fn beats_through_the_store(path: &Path, over: &AtomicBool) -> Result<Vec<f64>> {
    let writer = Store::at(path).writer()?;
    steady(over, || {
        writer.write(Class::User, "beat", |tx| tx.execute(BEAT, []))?;
        Ok(())
    })
}

fn beats(path: &Path, over: &AtomicBool) -> Result<Vec<f64>> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_mins(2))?;
    connection.pragma_update(None, "synchronous", "normal")?;
    steady(over, || {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute(BEAT, [])?;
        Ok(transaction.commit()?)
    })
}

fn at_once(path: &Path, before: &Timestamp) -> Result<Duration> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_mins(2))?;
    connection.pragma_update(None, "synchronous", "normal")?;
    let begun = Instant::now();
    connection.execute(
        "DELETE FROM signals WHERE timestamp < ?1",
        [before.to_string()],
    )?;
    Ok(begun.elapsed())
}

fn selected(store: &Store, before: &Timestamp) -> Result<Selection> {
    let reader = store.reader()?;
    let table = Table::look(&reader, "signals")?;
    let limits = Limits {
        column: "timestamp".into(),
        keep: Some("0s".parse()?),
        rows: None,
        size: None,
    };
    let moment = Moment {
        now: *before,
        not_after: None,
        zone: &TimeZone::UTC,
        sample: false,
    };
    store::select(&reader, &table, &limits, &moment)?.context("nothing to remove")
}

fn gathered(
    store: &Store,
    selection: &Selection,
    after: Option<&[Value]>,
) -> Result<(Gathered, Vec<u64>)> {
    let reader = store.reader()?;
    let mut prints = Vec::new();
    let gathered = store::gather::<store::Error>(&reader, selection, after, PORTION, &mut |row| {
        prints.push(Fingerprint::of(row.iter().copied()));
        Ok(())
    })?;
    Ok((gathered, prints))
}

fn pace(until: Duration) -> Pace {
    let clock = Clock::System;
    Pace {
        turn: Duration::from_millis(20),
        log: Log::default(),
        until: clock.monotonic() + until,
        clock,
    }
}

/// Reads portions and removes each; returns how long removing alone took.
fn through_the_store(path: &Path, before: &Timestamp) -> Result<Duration> {
    let store = Store::at(path);
    let selection = selected(&store, before)?;
    let writer = store.writer()?;
    let (pace, watch) = (pace(Duration::from_hours(1)), Watch::default());
    let (mut removing, mut rows, mut after) = (Duration::ZERO, 0, None);
    loop {
        let witness = Witness::of(&writer, &selection.table)?;
        let (gathered, prints) = gathered(&store, &selection, after.as_deref())?;
        let begun = Instant::now();
        let removal = Removal {
            writer: &writer,
            selection: &selection,
            pieces: &gathered.pieces,
            prints: &prints,
            witness: witness.as_ref(),
            pace: &pace,
            watch: &watch,
        };
        rows += removal.run(&mut |_| {})?.rows;
        removing += begun.elapsed();
        after = gathered.last().map(<[Value]>::to_vec);
        if gathered.end {
            break;
        }
    }
    ensure!(
        rows == selection.count,
        "{rows} of {} rows went",
        selection.count
    );
    Ok(removing)
}

/// A reader that keeps a snapshot open: removing waits, and stops when its time is up.
fn pinned(origin: &Path, path: &Path, before: &Timestamp) -> Result<()> {
    fs::copy(origin, path)?;
    let store = Store::at(path);
    let selection = selected(&store, before)?;
    let old = Connection::open(path)?;
    old.execute_batch("BEGIN; SELECT count(*) FROM beats")?;
    let writer = store.writer()?;
    let (pace, watch) = (pace(Duration::from_secs(10)), Watch::default());
    let (mut deleted, mut after, mut told) = (Deleted::default(), None, 0);
    while deleted.stopped.is_none() {
        let witness = Witness::of(&writer, &selection.table)?;
        let (gathered, prints) = gathered(&store, &selection, after.as_deref())?;
        let removal = Removal {
            writer: &writer,
            selection: &selection,
            pieces: &gathered.pieces,
            prints: &prints,
            witness: witness.as_ref(),
            pace: &pace,
            watch: &watch,
        };
        let one = removal.run(&mut |_| told += 1)?;
        deleted.rows += one.rows;
        deleted.stopped = one.stopped;
        after = gathered.last().map(<[Value]>::to_vec);
        if gathered.end {
            break;
        }
    }
    let log = store::log_size(path) / 1_000_000;
    println!("with a reader in the way: {deleted:?}, log {log} MB, told {told} times");
    ensure!(
        matches!(
            deleted.stopped,
            None | Some(Stopped::Reader(_) | Stopped::Log(_) | Stopped::Budget)
        ),
        "it did not notice"
    );
    promise(
        "log with a reader in the way",
        f64::from(u32::try_from(log)?),
        80.0,
        "MB",
    );
    drop(old);
    remove(path)
}
