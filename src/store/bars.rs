//! Reading bars.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, Row};

use super::{Error, Reader};
use crate::{
    analysis::{Bar, Bars, Stamp, Timeframe},
    micros::Micros,
    sqlite,
};

/// The daily bars of a symbol, oldest first; none if it has none.
///
/// # Errors
/// [`Error::Open`] if there is no database, [`Error::Statement`] if it has no such table.
pub fn daily_bars(database: &Path, symbol: &str) -> Result<Bars, Error> {
    read(database, |connection| {
        let mut statement = connection.prepare(
            "SELECT ts, open, high, low, close, volume FROM bars
             WHERE symbol = ?1 AND timeframe = '1d' ORDER BY ts",
        )?;
        let bars = statement.query_map([symbol], bar)?;
        bars.collect()
    })
}

/// Bars that are kept.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StoredBars {
    /// Oldest first.
    pub bars: Bars,
    /// How the newest of them is adjusted, as it was written; nothing where there is none.
    pub adjustment: String,
}

/// The bars of a symbol and timeframe.
///
/// # Errors
/// [`Error::Statement`] if there is no such table.
pub fn stored_bars(
    reader: &Reader,
    symbol: &str,
    timeframe: Timeframe,
) -> Result<StoredBars, Error> {
    let read = || -> rusqlite::Result<StoredBars> {
        let mut statement = reader.connection().prepare_cached(
            "SELECT ts, open, high, low, close, volume, adjustment FROM bars
             WHERE symbol = ?1 AND timeframe = ?2 ORDER BY ts",
        )?;
        let mut rows = statement.query([symbol, timeframe.as_str()])?;
        let mut stored = StoredBars::default();
        while let Some(row) = rows.next()? {
            stored.bars.extend([bar(row)?]);
            let adjustment = row.get_ref(6)?.as_str()?;
            if stored.adjustment != adjustment {
                adjustment.clone_into(&mut stored.adjustment);
            }
        }
        Ok(stored)
    };
    read().map_err(reader.failed("read bars"))
}

/// The symbols that have bars, in order.
///
/// # Errors
/// As [`daily_bars`].
pub fn symbols(database: &Path) -> Result<Vec<String>, Error> {
    read(database, |connection| {
        // From one to the next by the key: a plain DISTINCT reads every bar there is.
        let mut statement = connection.prepare(
            "WITH RECURSIVE known (symbol) AS (
                 SELECT min(symbol) FROM bars
                 UNION ALL
                 SELECT (SELECT min(symbol) FROM bars WHERE symbol > known.symbol)
                 FROM known WHERE known.symbol IS NOT NULL)
             SELECT symbol FROM known WHERE symbol IS NOT NULL",
        )?;
        let symbols = statement.query_map([], |row| row.get(0))?;
        symbols.collect()
    })
}

fn read<T>(
    database: &Path,
    query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<T, Error> {
    let connection = sqlite::open_existing(database)?;
    query(&connection).map_err(|source| Error::statement("read bars", database.to_owned(), source))
}

fn bar(row: &Row<'_>) -> rusqlite::Result<Bar> {
    let price = |at| Ok::<_, rusqlite::Error>(Micros(row.get(at)?).to_f64());
    #[expect(clippy::cast_precision_loss, reason = "no volume has 16 digits")]
    let volume = row.get::<_, i64>(5)? as f64;
    Ok(Bar {
        stamp: stamp(row.get_ref(0)?.as_str()?)?,
        open: price(1)?,
        high: price(2)?,
        low: price(3)?,
        close: price(4)?,
        volume,
    })
}

fn stamp(text: &str) -> rusqlite::Result<Stamp> {
    let day = text.parse().map(Stamp::Day);
    let instant = || text.parse::<Timestamp>().map(Stamp::Instant);
    day.or_else(|_| instant()).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bars_of_the_sample_come_back_as_they_were_written() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("store.db");
        super::super::create_sample(&path).unwrap();
        assert_eq!(symbols(&path).unwrap(), ["AAPL", "GOOG", "MSFT"]);
        let bars = daily_bars(&path, "AAPL").unwrap();
        assert_eq!(bars.stamps()[0].to_string(), "2012-11-05");
        let close = bars.column(crate::analysis::Field::Close)[0];
        assert_eq!(close.to_string(), "584.6211");
        assert!(daily_bars(&path, "NONE").unwrap().is_empty());
        assert!(daily_bars(&root.path().join("none.db"), "AAPL").is_err());
    }
}
