//! A small believable content: real daily bars of one winter, what a simple rule says to them,
//! and trades that follow it.

use std::path::Path;

use rusqlite::{Connection, Transaction, params};

use super::Error;
use crate::micros::Micros;

/// Daily bars as traded, public domain: `symbol,date,open,high,low,close,volume`.
const BARS: &str = include_str!("sample.csv");
/// When the sample says it was fetched: the evening of its last session.
const FETCHED_AT: &str = "2013-02-28T21:30:00Z";
const STRATEGY: &str = "sample_mean_20";
/// The rule looks back over this many closes.
const LOOK_BACK: usize = 20;
const SHARES: i64 = 10;
const FEE: i64 = Micros::ONE.0;

struct Bar<'a> {
    symbol: &'a str,
    date: &'a str,
    /// Open, high, low, close in millionths.
    prices: [i64; 4],
    volume: i64,
}

impl Bar<'_> {
    fn close(&self) -> i64 {
        let [_, _, _, close] = self.prices;
        close
    }

    /// The close of the New York session; the sample lies in winter, when that is 21:00 UTC.
    fn closed_at(&self) -> String {
        format!("{}T21:00:00Z", self.date)
    }
}

/// Writes the sample into the empty database at `path` in one transaction.
pub(super) fn write(connection: &mut Connection, path: &Path) -> Result<(), Error> {
    let bars = read()?;
    insert_all(connection, &bars).map_err(|source| Error::Fill {
        path: path.to_owned(),
        source,
    })
}

fn read() -> Result<Vec<Bar<'static>>, Error> {
    let lines = BARS.lines().enumerate().skip(1);
    lines
        .map(|(number, line)| parse(line).ok_or(Error::Sample { line: number + 1 }))
        .collect()
}

fn parse(line: &str) -> Option<Bar<'_>> {
    let mut fields = line.split(',');
    let (symbol, date) = (fields.next()?, fields.next()?);
    let mut price = || fields.next()?.parse().ok().map(|Micros(micros)| micros);
    let prices = [price()?, price()?, price()?, price()?];
    let volume = fields.next()?.parse().ok()?;
    Some(Bar {
        symbol,
        date,
        prices,
        volume,
    })
}

fn insert_all(connection: &mut Connection, bars: &[Bar<'_>]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for bar in bars {
        insert_bar(&transaction, bar)?;
    }
    for series in bars.chunk_by(|a, b| a.symbol == b.symbol) {
        trade(&transaction, series)?;
    }
    transaction.commit()
}

fn insert_bar(transaction: &Transaction<'_>, bar: &Bar<'_>) -> rusqlite::Result<()> {
    let [open, high, low, close] = bar.prices;
    transaction
        .prepare_cached(
            "INSERT INTO bars VALUES (?1, '1d', ?2, ?3, ?4, ?5, ?6, ?7, 'sample', 'none', ?8)",
        )?
        .execute(params![
            bar.symbol, bar.date, open, high, low, close, bar.volume, FETCHED_AT
        ])?;
    Ok(())
}

/// A position that is either empty or one lot.
#[derive(Default)]
struct Position {
    bought_at: Option<i64>,
    realised: i64,
    updated_at: Option<String>,
}

/// Buys a lot when the close crosses above its mean, sells it when it crosses below.
fn trade(transaction: &Transaction<'_>, series: &[Bar<'_>]) -> rusqlite::Result<()> {
    let mut position = Position::default();
    let mut above: Option<bool> = None;
    for window in series.windows(LOOK_BACK) {
        let Some(bar) = window.last() else { continue };
        let mean = mean(window);
        let now = bar.close() > mean;
        if above.replace(now).is_some_and(|before| before != now) {
            insert_signal(transaction, bar, now, mean)?;
            follow(transaction, bar, now, &mut position)?;
        }
    }
    let (Some(first), Some(updated_at)) = (series.first(), position.updated_at) else {
        return Ok(());
    };
    let quantity = position.bought_at.map_or(0, |_| SHARES * Micros::ONE.0);
    let cost = position.bought_at.unwrap_or_default();
    transaction.execute(
        "INSERT INTO positions VALUES (?1, ?2, ?3, ?4, ?5)",
        params![first.symbol, quantity, cost, position.realised, updated_at],
    )?;
    Ok(())
}

/// The mean close, cut to whole millionths; a look-back is never empty.
fn mean(window: &[Bar<'_>]) -> i64 {
    let count = i64::try_from(window.len()).unwrap_or(i64::MAX).max(1);
    window.iter().map(Bar::close).sum::<i64>() / count
}

fn side(buys: bool) -> &'static str {
    if buys { "buy" } else { "sell" }
}

fn insert_signal(
    transaction: &Transaction<'_>,
    bar: &Bar<'_>,
    buys: bool,
    mean: i64,
) -> rusqlite::Result<()> {
    let inputs = serde_json::json!({ "close_micros": bar.close(), "mean_20_micros": mean });
    transaction.execute(
        "INSERT INTO signals VALUES
             (NULL, ?1, '1d', ?2, ?3, ?4, 0.5, ?5, ?6, 'sample', 'none', 'sample', ?7)",
        params![
            bar.symbol,
            bar.closed_at(),
            STRATEGY,
            side(buys),
            bar.close(),
            inputs.to_string(),
            "1"
        ],
    )?;
    Ok(())
}

/// Trades on a signal; one to sell what is not there is only noted as a signal.
fn follow(
    transaction: &Transaction<'_>,
    bar: &Bar<'_>,
    buys: bool,
    position: &mut Position,
) -> rusqlite::Result<()> {
    let price = bar.close();
    match (buys, position.bought_at) {
        (true, None) => {
            position.bought_at = Some(price);
            position.realised -= FEE;
        }
        (false, Some(cost)) => {
            position.bought_at = None;
            position.realised += SHARES * (price - cost) - FEE;
        }
        _ => return Ok(()),
    }
    position.updated_at = Some(bar.closed_at());
    transaction.execute(
        "INSERT INTO trades VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, 'sample')",
        params![
            bar.symbol,
            side(buys),
            SHARES * Micros::ONE.0,
            price,
            FEE,
            bar.closed_at(),
            STRATEGY
        ],
    )?;
    Ok(())
}
