//! A root as another program leaves it: prices as REAL, each signal with its indicators as JSON in
//! full precision and its reason in words.

use std::{fmt::Write as _, path::Path};

use anyhow::Result;
use rusqlite::{Connection, params};

use super::site::{self, Dice};

const SCHEMA: &str = "
    PRAGMA page_size = 4096; PRAGMA journal_mode = wal; PRAGMA synchronous = off;
    CREATE TABLE bars (id INTEGER PRIMARY KEY AUTOINCREMENT, symbol TEXT NOT NULL,
        timestamp TEXT NOT NULL, open REAL, high REAL, low REAL, close REAL, volume INTEGER);
    CREATE UNIQUE INDEX bars_symbol_timestamp ON bars (symbol, timestamp);
    CREATE TABLE signals (id INTEGER PRIMARY KEY, timestamp TEXT NOT NULL, symbol TEXT NOT NULL,
        strategy TEXT NOT NULL, signal TEXT NOT NULL, confidence REAL, price REAL,
        indicators TEXT, reason TEXT);
    CREATE INDEX signals_timestamp ON signals (timestamp);
";
/// Minute bars of one symbol, with a signal every eighth.
const BARS: u64 = 4_000;

/// Makes the root: a database of about `megabytes`, closed and without a WAL, and the rest as
/// [`site::make`] does.
pub(crate) fn make(root: &Path, megabytes: u64) -> Result<()> {
    let mut dice = site::files(root, megabytes)?;
    let mut connection = Connection::open(root.join(site::DATABASE))?;
    connection.execute_batch(SCHEMA)?;
    let transaction = connection.transaction()?;
    let mut number = 0;
    while site::pages(&transaction)? * 4_096 < megabytes * 1_000_000 {
        symbol(&transaction, &site::symbol(number), &mut dice)?;
        number += 1;
    }
    transaction.commit()?;
    site::close(connection)
}

fn symbol(connection: &Connection, symbol: &str, dice: &mut Dice) -> Result<()> {
    let mut bar = connection.prepare_cached(
        "INSERT INTO bars (symbol, timestamp, open, high, low, close, volume)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let mut signal = connection.prepare_cached(
        "INSERT INTO signals
             (timestamp, symbol, strategy, signal, confidence, price, indicators, reason)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    let start = dice.below(300_000);
    let mut cents = 2_000 + dice.below(38_000);
    for minute in 0..BARS {
        let (at, open) = (site::instant(start + minute), cents);
        // About seven basis points a minute.
        let step = cents / 800 + 1;
        cents = (cents + dice.below(2 * step + 1))
            .saturating_sub(step)
            .max(100);
        let (high, low) = (
            open.max(cents) + dice.below(6),
            open.min(cents) - dice.below(6),
        );
        let [open, high, low, close] = [open, high, low, cents].map(price);
        let volume = (dice.below(300) * dice.below(300)).cast_signed();
        bar.execute(params![symbol, at, open, high, low, close, volume])?;
        if minute % 8 == 0 {
            let [strategy, side] = [
                ["mean_reversion", "momentum", "breakout"],
                ["BUY", "SELL", "HOLD"],
            ]
            .map(|names| one_of(names, dice));
            let rsi = 10.0 + 80.0 * share(dice);
            let reason = format!("RSI {rsi:.1} crossed its threshold; price {close:.2}");
            let indicators = indicators(close, rsi, dice)?;
            signal.execute(params![
                at,
                symbol,
                strategy,
                side,
                share(dice),
                close,
                indicators,
                reason
            ])?;
        }
    }
    Ok(())
}

/// Eight values as a program writes them that does not round.
fn indicators(close: f64, rsi: f64, dice: &mut Dice) -> Result<String> {
    let mut json = format!(r#"{{"rsi_14": {rsi}"#);
    for name in ["sma_20", "sma_50", "bb_upper", "bb_lower"] {
        write!(
            json,
            r#", "{name}": {}"#,
            close * (0.98 + 0.04 * share(dice))
        )?;
    }
    for name in ["macd", "macd_signal", "atr_14"] {
        write!(json, r#", "{name}": {}"#, 3.0 * share(dice))?;
    }
    json.push('}');
    Ok(json)
}

fn price(cents: u64) -> f64 {
    f64::from(u32::try_from(cents).unwrap_or(u32::MAX)) / 100.0
}

/// From 0 to 1.
fn share(dice: &mut Dice) -> f64 {
    let number = u32::try_from(dice.below(1 << 32)).unwrap_or_default();
    f64::from(number) / f64::from(u32::MAX)
}

fn one_of(names: [&'static str; 3], dice: &mut Dice) -> &'static str {
    let number = usize::try_from(dice.below(3)).unwrap_or_default();
    names.get(number).copied().unwrap_or_default()
}
