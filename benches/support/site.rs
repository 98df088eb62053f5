//! A root with a believable database, configuration and logs.

use std::{fs, io::Write, path::Path};

use anyhow::Result;
use rusqlite::{Connection, params};

use super::assistant_log;
pub(crate) use super::assistant_log::{Dice, instant, symbol};

/// The table whose column must sum to zero, whoever looks and whenever.
const SCHEMA: &str = "
    PRAGMA page_size = 4096; PRAGMA journal_mode = wal; PRAGMA synchronous = off;
    CREATE TABLE bars (symbol TEXT NOT NULL, timeframe TEXT NOT NULL, ts TEXT NOT NULL,
        open INTEGER NOT NULL, high INTEGER NOT NULL, low INTEGER NOT NULL,
        close INTEGER NOT NULL, volume INTEGER NOT NULL, source TEXT NOT NULL,
        adjustment TEXT NOT NULL, fetched_at TEXT NOT NULL,
        PRIMARY KEY (symbol, timeframe, ts)) STRICT, WITHOUT ROWID;
    CREATE TABLE signals (id INTEGER PRIMARY KEY, symbol TEXT NOT NULL, timestamp TEXT NOT NULL,
        strategy TEXT NOT NULL, side TEXT NOT NULL, strength REAL NOT NULL,
        price INTEGER NOT NULL, inputs TEXT NOT NULL, data_hash TEXT NOT NULL) STRICT;
    CREATE INDEX signals_timestamp ON signals (timestamp);
    CREATE TABLE api_calls (id INTEGER PRIMARY KEY, at TEXT NOT NULL, source TEXT NOT NULL,
        endpoint TEXT NOT NULL, symbol TEXT, outcome TEXT NOT NULL,
        duration_ms INTEGER NOT NULL) STRICT;
    CREATE INDEX api_calls_source_at ON api_calls (source, at);
    CREATE TABLE moves (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL) STRICT;
";
const JOBS: &str = "\
jobs:
  backup-daily:
    schedule: \"0 2 * * *\"
    backup: {what: [database, config, logs], to: backups/daily, keep: {last: 1}}
";
/// Minute bars of one symbol; about 50 MB of database each hundred symbols.
const BARS: u64 = 4_000;

/// The database of a root.
pub(crate) const DATABASE: &str = "data/trading_assistant.db";

/// Makes the root: a database of about `megabytes`, closed and without a WAL, a tenth of that in
/// logs, and a little configuration.
pub(crate) fn make(root: &Path, megabytes: u64) -> Result<()> {
    let mut dice = files(root, megabytes)?;
    database(&root.join(DATABASE), megabytes, &mut dice)
}

/// Makes all of a root but its database.
pub(crate) fn files(root: &Path, megabytes: u64) -> Result<Dice> {
    for folder in ["data", "config", "logs"] {
        fs::create_dir_all(root.join(folder))?;
    }
    let mut dice = Dice::new();
    let mut jobs = fs::File::create(root.join("jobs.yaml"))?;
    jobs.write_all(JOBS.as_bytes())?;
    for name in ["symbols", "strategies", "limits"] {
        let mut file = fs::File::create(root.join(format!("config/{name}.yaml")))?;
        for line in 0..200 {
            writeln!(file, "{name}_{line}: {}", dice.below(1_000))?;
        }
    }
    assistant_log::write(&root.join("logs/assistant.log"), megabytes / 10, &mut dice)?;
    Ok(dice)
}

fn database(path: &Path, megabytes: u64, dice: &mut Dice) -> Result<()> {
    let mut connection = Connection::open(path)?;
    connection.execute_batch(SCHEMA)?;
    let transaction = connection.transaction()?;
    let mut number = 0;
    while pages(&transaction)? * 4_096 < megabytes * 1_000_000 {
        let name = format!("{}{}", symbol(number % 17_576), number / 17_576);
        bars(&transaction, &name, dice)?;
        signals(&transaction, &name, dice)?;
        number += 1;
    }
    transaction.commit()?;
    close(connection)
}

/// Closes a database without leaving a WAL.
pub(crate) fn close(connection: Connection) -> Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(())
}

pub(crate) fn pages(connection: &Connection) -> Result<u64> {
    let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
    Ok(pages.unsigned_abs())
}

fn bars(connection: &Connection, symbol: &str, dice: &mut Dice) -> Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO bars VALUES (?1, '1m', ?2, ?3, ?4, ?5, ?6, ?7, 'stooq', 'none', ?8)",
    )?;
    let start = dice.below(300_000);
    // Prices in millionths, quoted in cents.
    let mut price = 20_000_000 + dice.below(40_000) * 10_000;
    for minute in 0..BARS {
        let open = price;
        price = (price + dice.below(40) * 10_000)
            .saturating_sub(195_000)
            .max(1_000_000);
        let high = open.max(price) + dice.below(8) * 10_000;
        let low = open.min(price) - dice.below(8) * 10_000;
        let volume = 100 * (1 + dice.below(4_000));
        let (at, fetched) = (
            instant(start + minute),
            instant(start + minute / 390 * 390 + 389),
        );
        let numbers = [open, high, low, price, volume].map(u64::cast_signed);
        let [open, high, low, close, volume] = numbers;
        insert.execute(params![symbol, at, open, high, low, close, volume, fetched])?;
    }
    Ok(())
}

fn signals(connection: &Connection, symbol: &str, dice: &mut Dice) -> Result<()> {
    let mut signal = connection.prepare_cached(
        "INSERT INTO signals (symbol, timestamp, strategy, side, strength, price, inputs, data_hash)
         VALUES (?1, ?2, 'mean_20_50', ?3, ?4, ?5, ?6, ?7)",
    )?;
    let mut call = connection.prepare_cached(
        "INSERT INTO api_calls (at, source, endpoint, symbol, outcome, duration_ms)
         VALUES (?1, 'stooq', '/q/d/l', ?2, 'ok', ?3)",
    )?;
    for _ in 0..BARS / 10 {
        let at = instant(dice.below(1_000_000));
        let price = (20_000_000 + dice.below(40_000) * 10_000).cast_signed();
        let strength = f64::from(u32::try_from(dice.below(10_000))?) / 10_000.0;
        let inputs = format!(
            r#"{{"sma20":{}.{:02},"sma50":{}.{:02},"rsi14":{}.{},"volume":{}}}"#,
            dice.below(400),
            dice.below(100),
            dice.below(400),
            dice.below(100),
            dice.below(100),
            dice.below(10),
            dice.below(1_000_000),
        );
        let hash = format!("{:016x}", dice.below(u64::MAX));
        let side = if dice.below(2) == 0 { "buy" } else { "sell" };
        signal.execute(params![symbol, at, side, strength, price, inputs, hash])?;
        call.execute(params![at, symbol, dice.below(900).cast_signed()])?;
    }
    Ok(())
}
