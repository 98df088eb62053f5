//! Requests to sources of prices, each written down before it goes out.

use std::{path::Path, time::Duration};

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::{Class, Error, Writer};
use crate::sqlite;

/// A request, before it goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewCall<'a> {
    /// When.
    pub at: Timestamp,
    /// Which source is asked.
    pub source: &'a str,
    /// What it is asked.
    pub endpoint: &'a str,
    /// About what.
    pub symbol: &'a str,
    /// How its outcome is written until it is known.
    pub outcome: &'a str,
}

/// A request that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCall {
    /// When.
    pub at: Timestamp,
    /// What the source was asked.
    pub endpoint: String,
    /// About what.
    pub symbol: Option<String>,
    /// How it ended.
    pub outcome: String,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
}

/// Writes a request down and returns its number, if `may` says so of the times of the `look` newest ones
/// to the same source, the newest first. One transaction that survives a power cut: a request that went
/// out is counted, whatever happens then, and two processes never take the same place.
///
/// # Errors
/// [`Error::Locked`], [`Error::Statement`].
pub fn begin_call(
    writer: &Writer,
    call: &NewCall<'_>,
    look: usize,
    may: &mut dyn FnMut(&[Timestamp]) -> bool,
) -> Result<Option<i64>, Error> {
    writer.directly(Class::User, "write a request down", |connection| {
        connection.pragma_update(None, "synchronous", "full")?;
        let begun = begin(connection, call, look, may);
        connection.pragma_update(None, "synchronous", "normal")?;
        begun
    })
}

fn begin(
    connection: &mut Connection,
    call: &NewCall<'_>,
    look: usize,
    may: &mut dyn FnMut(&[Timestamp]) -> bool,
) -> rusqlite::Result<Option<i64>> {
    let immediate = rusqlite::TransactionBehavior::Immediate;
    let transaction = connection.transaction_with_behavior(immediate)?;
    let newest: Vec<Timestamp> = transaction
        .prepare_cached("SELECT at FROM api_calls WHERE source = ?1 ORDER BY at DESC LIMIT ?2")?
        .query_map(
            params![call.source, i64::try_from(look).unwrap_or(i64::MAX)],
            |row| time(row, 0),
        )?
        .collect::<Result<_, _>>()?;
    if !may(&newest) {
        return Ok(None);
    }
    transaction
        .prepare_cached(
            "INSERT INTO api_calls (at, source, endpoint, symbol, outcome, duration_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, 0)",
        )?
        .execute(params![
            written(call.at),
            call.source,
            call.endpoint,
            call.symbol,
            call.outcome
        ])?;
    let number = transaction.last_insert_rowid();
    transaction.commit()?;
    Ok(Some(number))
}

/// Writes down how a request ended. One that was removed meanwhile stays so.
///
/// # Errors
/// [`Error::Locked`], [`Error::Statement`].
pub fn end_call(writer: &Writer, number: i64, outcome: &str, took: Duration) -> Result<(), Error> {
    let took = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
    writer.write(
        Class::User,
        "write the end of a request down",
        |transaction| {
            let sql = "UPDATE api_calls SET outcome = ?2, duration_ms = ?3 WHERE id = ?1";
            transaction
                .prepare_cached(sql)?
                .execute(params![number, outcome, took])?;
            Ok(())
        },
    )
}

/// The requests to a source after an instant, oldest first; none if there is no database yet.
///
/// # Errors
/// [`Error::Open`], [`Error::Statement`].
pub fn calls_since(
    database: &Path,
    source: &str,
    after: Timestamp,
) -> Result<Vec<StoredCall>, Error> {
    if !database.exists() {
        return Ok(Vec::new());
    }
    let connection = sqlite::open_existing(database)?;
    let read = || -> rusqlite::Result<Vec<StoredCall>> {
        let mut statement = connection.prepare(
            "SELECT at, endpoint, symbol, outcome, duration_ms FROM api_calls
             WHERE source = ?1 AND at > ?2 ORDER BY at, id",
        )?;
        let rows = statement.query_map(params![source, written(after)], stored)?;
        rows.collect()
    };
    read().map_err(|source| Error::statement("read requests", database.to_owned(), source))
}

/// A time as text that sorts as the times do: always with milliseconds.
fn written(at: Timestamp) -> String {
    format!("{at:.3}")
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let text = row.get_ref(column)?.as_str()?;
    text.parse().map_err(|error: jiff::Error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, error.into())
    })
}

fn stored(row: &Row<'_>) -> rusqlite::Result<StoredCall> {
    Ok(StoredCall {
        at: time(row, 0)?,
        endpoint: row.get(1)?,
        symbol: row.get(2)?,
        outcome: row.get(3)?,
        duration_ms: row.get(4)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Store, create_sample};

    fn store() -> (tempfile::TempDir, Store) {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("store.db");
        create_sample(&path).unwrap();
        (root, Store::at(&path))
    }

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_700_000_000_000 + milliseconds).unwrap()
    }

    fn call(at: Timestamp) -> NewCall<'static> {
        NewCall {
            at,
            source: "yahoo",
            endpoint: "chart 1d",
            symbol: "AAPL",
            outcome: "begun",
        }
    }

    #[test]
    fn a_request_is_there_before_its_end_is_known() {
        let (_root, store) = store();
        let writer = store.writer().unwrap();
        let number = begin_call(&writer, &call(at(5)), 3, &mut |newest| newest.is_empty());
        let number = number.unwrap().unwrap();
        let all = || calls_since(store.path(), "yahoo", at(0)).unwrap();
        assert_eq!(
            (all().len(), all()[0].outcome.as_str(), all()[0].at),
            (1, "begun", at(5))
        );
        end_call(&writer, number, "ok", Duration::from_millis(1_234)).unwrap();
        assert_eq!(
            (all()[0].outcome.as_str(), all()[0].duration_ms),
            ("ok", 1_234)
        );
        assert!(
            calls_since(store.path(), "yahoo", at(5))
                .unwrap()
                .is_empty()
        );
        assert!(
            calls_since(store.path(), "other", at(0))
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn the_newest_are_looked_at_and_a_no_writes_nothing() {
        let (_root, store) = store();
        let writer = store.writer().unwrap();
        // With and without fractions: the order of the texts must be that of the times.
        for milliseconds in [1_000, 1_500, 900, 2_000] {
            begin_call(&writer, &call(at(milliseconds)), 1, &mut |_| true).unwrap();
        }
        let mut seen = Vec::new();
        let no = begin_call(&writer, &call(at(3_000)), 3, &mut |newest| {
            seen = newest.to_vec();
            false
        });
        assert_eq!(no.unwrap(), None);
        assert_eq!(seen, [at(2_000), at(1_500), at(1_000)]);
        let all = calls_since(store.path(), "yahoo", at(0)).unwrap();
        let times: Vec<_> = all.iter().map(|call| call.at).collect();
        assert_eq!(times, [at(900), at(1_000), at(1_500), at(2_000)]);
    }

    #[test]
    fn without_a_database_nothing_was_asked() {
        let root = tempfile::tempdir().unwrap();
        let none = root.path().join("none.db");
        assert!(calls_since(&none, "yahoo", at(0)).unwrap().is_empty());
    }

    #[test]
    fn both_questions_are_answered_by_the_index() {
        let (_root, store) = store();
        let connection = sqlite::open_existing(store.path()).unwrap();
        for sql in [
            "SELECT at FROM api_calls WHERE source = 'x' ORDER BY at DESC LIMIT 25",
            "SELECT at, outcome FROM api_calls WHERE source = 'x' AND at > 'y' ORDER BY at, id",
        ] {
            let plan = format!("EXPLAIN QUERY PLAN {sql}");
            let mut statement = connection.prepare(&plan).unwrap();
            let rows = statement
                .query_map([], |row| row.get::<_, String>(3))
                .unwrap();
            let plan: Vec<String> = rows.map(Result::unwrap).collect();
            assert_eq!(plan.len(), 1, "nothing is sorted: {plan:?}");
            assert!(plan[0].contains("api_calls_source_at"), "{plan:?}");
        }
    }
}
