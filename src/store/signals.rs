//! Reading signals.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params, types::Type};
use serde_json::Value;

use super::Error;
use crate::{analysis::Side, micros::Micros, sqlite};

/// A signal as it was found.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredSignal {
    /// Its number.
    pub id: i64,
    /// Of what.
    pub symbol: String,
    /// On which bars.
    pub timeframe: String,
    /// When its bar closed.
    pub timestamp: Timestamp,
    /// By which strategy.
    pub strategy: String,
    /// Which way it points.
    pub side: Side,
    /// How strongly, up to 1.
    pub strength: f64,
    /// The price then.
    pub price: Micros,
    /// The values that led to it.
    pub inputs: Value,
    /// Where the bars came from.
    pub source: String,
    /// How they were adjusted.
    pub adjustment: String,
    /// The hash of the bars up to its own.
    pub data_hash: String,
    /// What made it.
    pub version: String,
}

/// The signals of `symbol` (all without) since an instant, oldest first.
///
/// # Errors
/// [`Error::Open`] if there is no database, [`Error::Statement`] if it has no such table.
pub fn signals(
    database: &Path,
    since: Timestamp,
    symbol: Option<&str>,
) -> Result<Vec<StoredSignal>, Error> {
    let connection = sqlite::open_existing(database)?;
    let read = || -> rusqlite::Result<Vec<StoredSignal>> {
        let mut statement = connection.prepare(
            "SELECT id, symbol, timeframe, timestamp, strategy, side, strength, price, inputs, source,
                 adjustment, data_hash, version
             FROM signals WHERE timestamp >= ?1 AND (?2 IS NULL OR symbol = ?2)
             ORDER BY timestamp, id",
        )?;
        let rows = statement.query_map(params![since.to_string(), symbol], stored)?;
        rows.collect()
    };
    read().map_err(|source| Error::statement("read signals", database.to_owned(), source))
}

/// The signal of a number.
///
/// # Errors
/// As [`signals`].
pub fn signal(database: &Path, id: i64) -> Result<Option<StoredSignal>, Error> {
    let connection = sqlite::open_existing(database)?;
    let read = || {
        let mut statement = connection.prepare(
            "SELECT id, symbol, timeframe, timestamp, strategy, side, strength, price, inputs, source,
                 adjustment, data_hash, version
             FROM signals WHERE id = ?1",
        )?;
        statement.query_row([id], stored).optional()
    };
    read().map_err(|source| Error::statement("read signals", database.to_owned(), source))
}

fn stored(row: &Row<'_>) -> rusqlite::Result<StoredSignal> {
    let wrong =
        |at, error: String| rusqlite::Error::FromSqlConversionFailure(at, Type::Text, error.into());
    let (timestamp, side): (String, String) = (row.get(3)?, row.get(5)?);
    Ok(StoredSignal {
        id: row.get(0)?,
        symbol: row.get(1)?,
        timeframe: row.get(2)?,
        timestamp: timestamp
            .parse()
            .map_err(|error: jiff::Error| wrong(3, error.to_string()))?,
        strategy: row.get(4)?,
        side: side.parse().map_err(|error| wrong(5, error))?,
        strength: row.get(6)?,
        price: Micros(row.get(7)?),
        inputs: row.get(8)?,
        source: row.get(9)?,
        adjustment: row.get(10)?,
        data_hash: row.get(11)?,
        version: row.get(12)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signals_of_the_sample_come_back() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("store.db");
        super::super::create_sample(&path).unwrap();
        let all = signals(&path, Timestamp::UNIX_EPOCH, None).unwrap();
        assert!(!all.is_empty());
        assert!(
            all.iter()
                .all(|signal| signal.inputs["close_micros"].is_i64())
        );
        let one = signals(&path, Timestamp::UNIX_EPOCH, Some("AAPL")).unwrap();
        assert!(!one.is_empty() && one.len() < all.len());
        assert!(one.iter().all(|signal| signal.symbol == "AAPL"));
        assert!(
            signals(&path, "2026-01-01T00:00:00Z".parse().unwrap(), None)
                .unwrap()
                .is_empty()
        );
    }
}
