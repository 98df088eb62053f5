//! A program that commits 100 times a second while backups run back to back, and alone.
//!
//! `cargo bench --bench writer -- [MEGABYTES=100] [SECONDS=10] [ROUNDS=2]`.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures with the machine's clock and waits for other programs"
)]

use std::{
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use support::{
    args,
    promise::promise,
    report::{millis, quantile},
    site,
};

mod support {
    pub(crate) mod args;
    pub(crate) mod assistant_log;
    pub(crate) mod promise;
    pub(crate) mod report;
    pub(crate) mod site;
}

const PERIOD: Duration = Duration::from_millis(10);

fn main() -> Result<()> {
    let [megabytes, seconds, rounds] = args::numbers([100, 10, 2]);
    let folder = tempfile::tempdir()?;
    let root = folder.path();
    site::make(root, megabytes)?;
    bellkeeper::archive::generate(
        &root.join("config/backup.key"),
        bellkeeper::clock::Clock::System.now(),
    )?;
    println!("{megabytes} MB of database, {rounds} rounds of {seconds} s each");
    println!("synchronous  backups  commits  refused      p50      p99  slowest");
    let mut total = Total::default();
    for _ in 0..rounds {
        for synchronous in ["normal", "full"] {
            for beside in [false, true] {
                let seen = round(root, synchronous, Duration::from_secs(seconds), beside)?;
                seen.print(synchronous);
                total.add(&seen, beside);
            }
        }
    }
    promise("slowest commit, alone", total.alone, 50.0, "ms");
    promise("slowest commit beside backups", total.beside, 50.0, "ms");
    promise("commits refused as busy", total.refused, 0.0, "");
    promise("backups that had to start again", total.again, 0.0, "");
    Ok(())
}

#[derive(Default)]
struct Total {
    alone: f64,
    beside: f64,
    refused: f64,
    again: f64,
}

impl Total {
    fn add(&mut self, seen: &Round, beside: bool) {
        let slowest = quantile(&seen.commits, 1.0);
        let of = if beside {
            &mut self.beside
        } else {
            &mut self.alone
        };
        *of = of.max(slowest);
        self.refused += f64::from(seen.refused);
        self.again += f64::from(seen.again);
    }
}

#[derive(Default)]
struct Round {
    /// Each commit's time in milliseconds.
    commits: Vec<f64>,
    /// `SQLITE_BUSY`: the writer waits for nobody.
    refused: u32,
    backups: u32,
    /// Backups that took more than one attempt.
    again: u32,
}

impl Round {
    fn print(&self, synchronous: &str) {
        let at = |q| quantile(&self.commits, q);
        println!(
            "{synchronous:<11}  {:>7}  {:>7}  {:>7}  {:>5.2} ms {:>5.2} ms {:>5.2} ms",
            self.backups,
            self.commits.len(),
            self.refused,
            at(0.5),
            at(0.99),
            at(1.0)
        );
    }
}

fn round(root: &Path, synchronous: &str, length: Duration, beside: bool) -> Result<Round> {
    let database = root.join("data/trading_assistant.db");
    let connection = Connection::open(&database)?;
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.busy_timeout(Duration::ZERO)?;
    let over = AtomicBool::new(false);
    let seen = thread::scope(|scope| {
        let backups = scope.spawn(|| backups(root, &over, beside));
        let seen = write(connection, length);
        over.store(true, Ordering::Relaxed);
        let done = backups
            .join()
            .ok()
            .context("the backups' thread panicked")?;
        let (mut seen, (backups, again)) = (seen?, done?);
        (seen.backups, seen.again) = (backups, again);
        anyhow::Ok(seen)
    })?;
    let sum: i64 = Connection::open(&database)?.query_row(
        "SELECT coalesce(sum(amount), 0) FROM moves",
        [],
        |row| row.get(0),
    )?;
    ensure!(sum == 0, "the moves sum to {sum}");
    ensure!(!beside || seen.backups > 0, "no backup ended");
    Ok(seen)
}

/// Commits at a steady beat; a late commit does not put off those after it.
fn write(mut connection: Connection, length: Duration) -> Result<Round> {
    let mut seen = Round::default();
    let start = Instant::now();
    let mut next = start;
    while start.elapsed() < length {
        let began = Instant::now();
        match commit(&mut connection) {
            Ok(()) => seen.commits.push(millis(began.elapsed())),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                seen.refused += 1;
            }
            Err(error) => return Err(error.into()),
        }
        next += PERIOD;
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    Ok(seen)
}

fn commit(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute(
        "INSERT INTO moves (amount) VALUES (abs(random()) % 1000)",
        [],
    )?;
    transaction.execute(
        "INSERT INTO moves (amount) SELECT -amount FROM moves WHERE id = last_insert_rowid()",
        [],
    )?;
    transaction.commit()
}

/// Backups one after the other; returns how many there were and how many needed a second attempt.
fn backups(root: &Path, over: &AtomicBool, wanted: bool) -> Result<(u32, u32)> {
    let (mut done, mut again) = (0, 0);
    while wanted && !over.load(Ordering::Relaxed) {
        let output = Command::new(env!("CARGO_BIN_EXE_bellkeeper"))
            .args(["--json", "run-job", "backup-daily", "--root"])
            .arg(root)
            .stderr(Stdio::inherit())
            .output()?;
        ensure!(
            output.status.success(),
            "the backup failed: {}",
            output.status
        );
        let lines = String::from_utf8(output.stdout)?;
        let end = lines.lines().last().context("the backup said nothing")?;
        let end: serde_json::Value = serde_json::from_str(end)?;
        let attempts = end.get("attempts").and_then(serde_json::Value::as_u64);
        done += 1;
        again += u32::from(attempts != Some(1));
    }
    Ok((done, again))
}
