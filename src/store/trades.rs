//! Trades and the positions that follow from them.

use std::{collections::BTreeSet, path::Path};

use rusqlite::{Connection, Row, Transaction, TransactionBehavior, params, types::Type};

use super::Error;
use crate::{
    analysis::{Book, Position, Trade},
    micros::Micros,
    sqlite,
};

/// A trade that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTrade {
    /// Its number.
    pub id: i64,
    /// The trade.
    pub trade: Trade,
}

/// What to do with a trade that equals one that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Twice {
    /// It is another one.
    Keep,
    /// It is the same one: a file was read before.
    Skip,
}

/// All trades, in the order of their times.
///
/// # Errors
/// [`Error::Open`] if there is no database, [`Error::Query`] if it has no such table.
pub fn trades(database: &Path) -> Result<Vec<StoredTrade>, Error> {
    let connection = sqlite::open_existing(database)?;
    all(&connection, None).map_err(|source| query(database, source))
}

/// Adds trades and derives the positions anew, all or nothing. The numbers of the trades that are
/// new, in their order; `None` for one that was skipped.
///
/// # Errors
/// [`Error::Book`] when the trades make no sense with those that are there.
pub fn add_trades(database: &Path, new: &[Trade], twice: Twice) -> Result<Vec<Option<i64>>, Error> {
    within(database, |transaction| {
        let numbers = add(transaction, database, new, twice)?;
        Ok((numbers, true))
    })
}

/// As [`add_trades`] with [`Twice::Skip`], and leaves everything as it was.
///
/// # Errors
/// As [`add_trades`].
pub fn try_trades(database: &Path, new: &[Trade]) -> Result<Vec<Option<i64>>, Error> {
    within(database, |transaction| {
        let numbers = add(transaction, database, new, Twice::Skip)?;
        Ok((numbers, false))
    })
}

/// Works in a transaction, which is kept or undone as the answer says.
fn within<T>(
    database: &Path,
    work: impl FnOnce(&Transaction<'_>) -> Result<(T, bool), Error>,
) -> Result<T, Error> {
    let wrap = |source| query(database, source);
    let mut connection = sqlite::open_existing(database)?;
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(wrap)?;
    let (done, keep) = work(&transaction)?;
    let ended = if keep {
        transaction.commit()
    } else {
        transaction.rollback()
    };
    ended.map_err(wrap)?;
    Ok(done)
}

fn add(
    connection: &Connection,
    database: &Path,
    new: &[Trade],
    twice: Twice,
) -> Result<Vec<Option<i64>>, Error> {
    let wrap = |source| query(database, source);
    let mut known = BTreeSet::new();
    if twice == Twice::Skip {
        let stored = all(connection, None).map_err(wrap)?;
        known.extend(stored.iter().map(|stored| key(&stored.trade)));
    }
    let mut numbers = Vec::new();
    for trade in new {
        let is_new = !known.contains(&key(trade));
        let number = is_new.then(|| insert(connection, trade)).transpose();
        numbers.push(number.map_err(wrap)?);
    }
    let symbols: BTreeSet<&str> = new.iter().map(|trade| trade.symbol.as_str()).collect();
    for symbol in symbols {
        let stored = all(connection, Some(symbol)).map_err(wrap)?;
        let book = Book::of(stored.iter().map(|stored| &stored.trade))?;
        if let Some(position) = book.positions.get(symbol) {
            upsert(connection, symbol, position).map_err(wrap)?;
        }
    }
    Ok(numbers)
}

fn query(database: &Path, source: rusqlite::Error) -> Error {
    Error::Query {
        path: database.to_owned(),
        source,
    }
}

/// What makes two trades the same one.
fn key(trade: &Trade) -> (String, String, i64, i64, i64) {
    let (at, side) = (trade.at.as_second(), trade.side.to_string());
    (
        trade.symbol.clone(),
        side,
        at,
        trade.quantity.0,
        trade.price.0,
    )
}

fn all(connection: &Connection, symbol: Option<&str>) -> rusqlite::Result<Vec<StoredTrade>> {
    const COLUMNS: &str =
        "SELECT id, symbol, side, quantity, price, fee, timestamp, strategy, note FROM trades";
    let sql = match symbol {
        Some(_) => format!("{COLUMNS} WHERE symbol = ?1 ORDER BY timestamp, id"),
        None => format!("{COLUMNS} ORDER BY timestamp, id"),
    };
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map(rusqlite::params_from_iter(symbol), stored)?;
    rows.collect()
}

fn stored(row: &Row<'_>) -> rusqlite::Result<StoredTrade> {
    let wrong =
        |at, error: String| rusqlite::Error::FromSqlConversionFailure(at, Type::Text, error.into());
    let side: String = row.get(2)?;
    let at: String = row.get(6)?;
    Ok(StoredTrade {
        id: row.get(0)?,
        trade: Trade {
            symbol: row.get(1)?,
            side: side.parse().map_err(|error| wrong(2, error))?,
            quantity: Micros(row.get(3)?),
            price: Micros(row.get(4)?),
            fee: Micros(row.get(5)?),
            at: at
                .parse()
                .map_err(|error: jiff::Error| wrong(6, error.to_string()))?,
            strategy: row.get(7)?,
            note: row.get(8)?,
        },
    })
}

fn insert(connection: &Connection, trade: &Trade) -> rusqlite::Result<i64> {
    let at = whole_second(trade);
    connection
        .prepare_cached("INSERT INTO trades VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?
        .insert(params![
            trade.symbol,
            trade.side.to_string(),
            trade.quantity.0,
            trade.price.0,
            trade.fee.0,
            at,
            trade.strategy,
            trade.note
        ])
}

/// Times are compared as text, so all have the same form.
fn whole_second(trade: &Trade) -> String {
    let second = jiff::Timestamp::from_second(trade.at.as_second());
    second.unwrap_or(trade.at).to_string()
}

fn upsert(connection: &Connection, symbol: &str, position: &Position) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO positions VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (symbol) DO UPDATE
                 SET quantity = ?2, avg_cost = ?3, realised_pnl = ?4, updated_at = ?5",
        )?
        .execute(params![
            symbol,
            position.quantity.0,
            position.average_cost().0,
            position.realised.0,
            position.updated_at.to_string()
        ])
        .map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Side;

    fn trade(side: Side, quantity: &str, at: &str) -> Trade {
        Trade {
            symbol: "NEW".into(),
            side,
            quantity: quantity.parse().unwrap(),
            price: "2.5".parse().unwrap(),
            fee: Micros::ZERO,
            at: at.parse().unwrap(),
            strategy: None,
            note: Some("by hand".into()),
        }
    }

    fn sample() -> (tempfile::TempDir, std::path::PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("store.db");
        super::super::create_sample(&path).unwrap();
        (root, path)
    }

    fn position(path: &Path, symbol: &str) -> (i64, i64, i64, String) {
        let connection = sqlite::open_existing(path).unwrap();
        let sql =
            "SELECT quantity, avg_cost, realised_pnl, updated_at FROM positions WHERE symbol = ?1";
        let row = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
        connection.query_row(sql, [symbol], row).unwrap()
    }

    #[test]
    fn the_positions_of_the_sample_are_those_that_follow_from_its_trades() {
        let (_root, path) = sample();
        let stored = trades(&path).unwrap();
        let book = Book::of(stored.iter().map(|stored| &stored.trade)).unwrap();
        for (symbol, derived) in &book.positions {
            let (quantity, cost, realised, updated) = position(&path, symbol);
            let derived = (
                derived.quantity.0,
                derived.average_cost().0,
                derived.realised.0,
                derived.updated_at.to_string(),
            );
            assert_eq!((quantity, cost, realised, updated), derived, "{symbol}");
        }
    }

    #[test]
    fn trades_are_added_all_or_none_and_positions_follow() {
        let (_root, path) = sample();
        let buy = trade(Side::Buy, "4", "2026-01-05T15:00:00Z");
        let sell = trade(Side::Sell, "1", "2026-01-06T15:00:00.5Z");
        let numbers = add_trades(&path, &[buy.clone(), sell.clone()], Twice::Keep).unwrap();
        assert!(numbers.iter().all(Option::is_some));
        assert_eq!(position(&path, "NEW").0, 3_000_000);
        let again = add_trades(&path, &[buy.clone(), sell], Twice::Skip).unwrap();
        assert_eq!(again, [None, None]);
        let before = trades(&path).unwrap();
        let much = trade(Side::Sell, "3.5", "2026-01-07T15:00:00Z");
        let error = add_trades(&path, &[buy.clone(), much], Twice::Skip).unwrap_err();
        assert!(error.to_string().contains("but 3.00 are held"), "{error}");
        // Sold before it was bought.
        let early = trade(Side::Sell, "1", "2026-01-04T15:00:00Z");
        assert!(add_trades(&path, &[early], Twice::Keep).is_err());
        assert_eq!(trades(&path).unwrap(), before);
    }
}
