//! What an analysis has found of a symbol is written, all of it or nothing.

use jiff::Timestamp;
use rusqlite::{Transaction, params};
use sha2::{Digest, Sha256};

use super::{
    Error, Writer,
    findings::{Looked, NewFinding, keep_findings},
    queue::Class,
};
use crate::{
    analysis::{Bar, Bars, Field, Side, Stamp, Timeframe},
    micros::Micros,
};

/// The largest volume that is kept; more would not survive the way to a floating-point number and back.
const MOST: f64 = 9e15;

/// What was found of a symbol on bars of one timeframe.
#[derive(Debug)]
pub struct Recording<'a> {
    /// Of what.
    pub symbol: &'a str,
    /// On which bars.
    pub timeframe: Timeframe,
    /// Where the bars came from.
    pub source: &'a str,
    /// How they are adjusted.
    pub adjustment: &'a str,
    /// When they were fetched.
    pub fetched_at: Timestamp,
    /// Bars that are new or have changed; those that [`exact`] made.
    pub bars: &'a Bars,
    /// Whether all stored bars of the symbol and timeframe go first: they are adjusted in another way.
    pub replace: bool,
    /// What is wrong with the bars, and which were looked at.
    pub findings: (Looked<'a>, Vec<NewFinding<'a>>),
    /// The signals.
    pub signals: &'a [NewSignal<'a>],
}

/// A signal to be kept.
#[derive(Debug, Clone)]
pub struct NewSignal<'a> {
    /// When its bar closed.
    pub timestamp: Timestamp,
    /// By which strategy.
    pub strategy: &'a str,
    /// Which way it points.
    pub side: Side,
    /// How strongly, 0 to 1.
    pub strength: f64,
    /// The close of its bar.
    pub price: Micros,
    /// What led to it, as JSON.
    pub inputs: String,
    /// The hash of the bars up to its own.
    pub data_hash: String,
    /// What made it.
    pub version: &'a str,
}

/// How many rows were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recorded {
    /// Bars.
    pub bars: usize,
    /// Stored bars that went.
    pub removed: usize,
    /// Signals that were not there yet, by the positions of their recordings.
    pub signals: usize,
}

/// Writes everything of one symbol in one transaction. A signal that is there already stays as it is.
///
/// # Errors
/// [`Error::Locked`], [`Error::Statement`]; then nothing is written.
pub fn record(writer: &Writer, all: &[Recording<'_>]) -> Result<Recorded, Error> {
    writer.write(Class::User, "write bars and signals", |tx| {
        let mut recorded = Recorded::default();
        for one in all {
            if one.replace {
                let delete = "DELETE FROM bars WHERE symbol = ?1 AND timeframe = ?2";
                let key = params![one.symbol, one.timeframe.as_str()];
                recorded.removed += tx.execute(delete, key)?;
            }
            recorded.bars += upsert(tx, one)?;
            keep_findings(tx, &one.findings.0, &one.findings.1)?;
            for signal in one.signals {
                recorded.signals += insert(tx, one, signal)?;
            }
        }
        Ok(recorded)
    })
}

fn upsert(tx: &Transaction<'_>, one: &Recording<'_>) -> rusqlite::Result<usize> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO bars (symbol, timeframe, ts, open, high, low, close, volume, source, \
             adjustment, fetched_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (symbol, timeframe, ts) DO UPDATE SET open = ?4, high = ?5, low = ?6, \
             close = ?7, volume = ?8, source = ?9, adjustment = ?10, fetched_at = ?11",
    )?;
    let fetched_at = one.fetched_at.to_string();
    let mut written = 0;
    for at in 0..one.bars.len() {
        let Some((stamp, [open, high, low, close], volume)) = row(one.bars, at) else {
            continue;
        };
        written += statement.execute(params![
            one.symbol,
            one.timeframe.as_str(),
            stamp.to_string(),
            open,
            high,
            low,
            close,
            volume,
            one.source,
            one.adjustment,
            fetched_at
        ])?;
    }
    Ok(written)
}

fn insert(
    tx: &Transaction<'_>,
    one: &Recording<'_>,
    signal: &NewSignal<'_>,
) -> rusqlite::Result<usize> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO signals (symbol, timeframe, timestamp, strategy, side, strength, price, \
             inputs, source, adjustment, data_hash, version)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
         ON CONFLICT (symbol, timeframe, timestamp, strategy, side) DO NOTHING",
    )?;
    statement.execute(params![
        one.symbol,
        one.timeframe.as_str(),
        signal.timestamp.to_string(),
        signal.strategy,
        signal.side.to_string(),
        signal.strength,
        signal.price.0,
        signal.inputs,
        one.source,
        one.adjustment,
        signal.data_hash,
        signal.version
    ])
}

/// A bar as the store keeps it: its prices in millionths, its volume in whole shares.
fn row(bars: &Bars, at: usize) -> Option<(Stamp, [i64; 4], i64)> {
    let value = |field: Field| bars.column(field).get(at).copied();
    let price = |field| Some(whole(value(field)? * 1e6));
    let prices = [
        price(Field::Open)?,
        price(Field::High)?,
        price(Field::Low)?,
        price(Field::Close)?,
    ];
    let stamp = *bars.stamps().get(at)?;
    Some((stamp, prices, whole(value(Field::Volume)?)))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "bounded by `exact`, and a cast never leaves the range"
)]
fn whole(value: f64) -> i64 {
    value.round() as i64
}

/// A price as the store keeps it.
pub fn price(value: f64) -> Micros {
    Micros(whole(value * 1e6))
}

/// The bar as it will be when it is read from the store again, so that whatever is computed from it now
/// will be computed from it then; `None` if its prices are too small or too large to be kept.
pub fn exact(bar: Bar) -> Option<Bar> {
    let kept = |value: f64| {
        let scaled = value * 1e6;
        (scaled.abs() < MOST).then(|| Micros(whole(scaled)).to_f64())
    };
    let price = |value: f64| kept(value).filter(|price| *price > 0.0);
    let volume = bar.volume.round();
    Some(Bar {
        stamp: bar.stamp,
        open: price(bar.open)?,
        high: price(bar.high)?,
        low: price(bar.low)?,
        close: price(bar.close)?,
        volume: (volume.abs() < MOST).then_some(volume)?,
    })
}

/// The SHA-256 of the bars from the first to each of `ends`, that one included, in hexadecimal digits;
/// `ends` in order. Equal hashes mean equal bars.
pub fn data_hashes(bars: &Bars, ends: &[usize]) -> Vec<String> {
    let mut hash = Sha256::new();
    let mut hashes = Vec::with_capacity(ends.len());
    let mut next = 0;
    for end in ends {
        while next <= *end {
            if let Some((stamp, prices, volume)) = row(bars, next) {
                match stamp {
                    Stamp::Day(day) => hash.update(day.to_string()),
                    Stamp::Instant(at) => hash.update(at.to_string()),
                }
                for number in prices.into_iter().chain([volume]) {
                    hash.update(number.to_le_bytes());
                }
            }
            next += 1;
        }
        hashes.push(hex(&hash.clone().finalize()));
    }
    hashes
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing into a text never fails.
        let _never_fails = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests;
