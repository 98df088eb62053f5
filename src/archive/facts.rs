//! What a database holds: its health, its rows, its newest moments.

use rusqlite::{Connection, types::ValueRef};
use serde_json::Value;

use super::{Error, manifest::Table};
use crate::watch::Watch;

/// Column names that hold the time of a row, the most telling first.
const TIME_COLUMNS: [&str; 12] = [
    "timestamp",
    "ts",
    "time",
    "datetime",
    "date",
    "created_at",
    "updated_at",
    "fetched_at",
    "executed_at",
    "opened_at",
    "entry_time",
    "at",
];

/// In a table of more rows the newest moment is looked up only if an index gives it: a scan would
/// decode every row, which took 5 % of the processor time of a whole backup.
const LONGEST_SCAN: i64 = 100_000;

/// What a check says of rows that break a rule of their table in a file that is whole.
const CONSTRAINTS: [&str; 5] = [
    "NULL value in ",
    "CHECK constraint failed in ",
    "TEXT value in ",
    "NUMERIC value in ",
    "non-",
];

/// Whether a finding concerns rules about rows, not the file: worth a note, no reason to stop.
pub(super) fn is_only_a_constraint(problem: &str) -> bool {
    let is_note = |start: &&str| problem.starts_with(*start);
    CONSTRAINTS.iter().any(is_note) || problem.starts_with("not checked: ")
}

/// How much of a database is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Pages and rows, without the indexes: `quick_check`.
    Quick,
    /// Every index against its table, too: `integrity_check`.
    Whole,
}

/// What SQLite finds when it checks the database; empty if all is well.
pub(super) fn check(
    connection: &Connection,
    depth: Depth,
    watch: &Watch,
    wrap: &dyn Fn(rusqlite::Error) -> Error,
) -> Result<Vec<String>, Error> {
    let mut problems = Vec::new();
    let pragma = match depth {
        Depth::Quick => "PRAGMA quick_check(20)",
        Depth::Whole => "PRAGMA integrity_check(20)",
    };
    let mut statement = match connection.prepare(pragma) {
        Ok(statement) => statement,
        Err(error) => return unknown_or(error, wrap).map(|note| vec![note]),
    };
    let mut rows = statement.query([]).map_err(wrap)?;
    loop {
        watch.cancel.checkpoint()?;
        match rows.next() {
            Ok(None) => return Ok(problems),
            Ok(Some(row)) => {
                let line: String = row.get(0).map_err(wrap)?;
                // The first line of a finding may be a heading: `*** in database main ***`.
                if line != "ok" {
                    problems.push(line);
                }
            }
            Err(error) => {
                problems.push(unknown_or(error, wrap)?);
                return Ok(problems);
            }
        }
    }
}

/// A database may use modules, collations or functions that only its own program has.
fn unknown_or(
    error: rusqlite::Error,
    wrap: &dyn Fn(rusqlite::Error) -> Error,
) -> Result<String, Error> {
    let text = error.to_string();
    if text.contains("no such ") || text.contains("unknown tokenizer") {
        return Ok(format!("not checked: {text}"));
    }
    Err(wrap(error))
}

/// Rows and newest moment of every table, by name.
pub(super) fn tables(
    connection: &Connection,
    watch: &Watch,
    wrap: &dyn Fn(rusqlite::Error) -> Error,
) -> Result<Vec<Table>, Error> {
    let query = "SELECT name FROM pragma_table_list WHERE schema = 'main' \
                 AND type IN ('table', 'virtual') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
                 ORDER BY name";
    let names = connection
        .prepare(query)
        .and_then(|mut statement| {
            let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })
        .map_err(wrap)?;
    let mut tables = Vec::new();
    for name in names {
        watch.cancel.checkpoint()?;
        let table = match table(connection, &name) {
            Ok(table) => table,
            Err(error) => {
                unknown_or(error, wrap)?;
                Table {
                    name,
                    rows: None,
                    newest: None,
                }
            }
        };
        tables.push(table);
    }
    Ok(tables)
}

fn table(connection: &Connection, name: &str) -> rusqlite::Result<Table> {
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
    let columns = statement
        .query_map([name], |row| row.get::<_, String>(0))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let time = TIME_COLUMNS.iter().find_map(|wanted| {
        columns
            .iter()
            .find(|have| have.eq_ignore_ascii_case(wanted))
    });
    // Two statements: alone, SQLite counts pages instead of rows and takes the end of an index.
    let count = format!("SELECT count(*) FROM {}", quoted(name));
    let rows: i64 = connection.query_row(&count, [], |row| row.get(0))?;
    let newest = match time {
        Some(column) if rows <= LONGEST_SCAN || leads_an_index(connection, name, column)? => {
            let query = format!("SELECT max({}) FROM {}", quoted(column), quoted(name));
            connection.query_row(&query, [], |row| Ok(json(row.get_ref(0)?)))?
        }
        _ => None,
    };
    Ok(Table {
        name: name.to_owned(),
        rows: Some(rows.unsigned_abs()),
        newest,
    })
}

/// Whether the newest value stands at the end of an index.
fn leads_an_index(connection: &Connection, table: &str, column: &str) -> rusqlite::Result<bool> {
    let query = "SELECT count(*) > 0 FROM pragma_index_list(?1) AS list, \
                 pragma_index_info(list.name) AS info \
                 WHERE info.seqno = 0 AND info.name = ?2 AND NOT list.partial";
    connection.query_row(query, [table, column], |row| row.get(0))
}

pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn json(value: ValueRef<'_>) -> Option<Value> {
    match value {
        ValueRef::Integer(number) => Some(number.into()),
        // JSON has no infinity, and what is written as null would be read back as nothing.
        ValueRef::Real(number) => serde_json::Number::from_f64(number).map(Value::Number),
        ValueRef::Text(text) => Some(String::from_utf8_lossy(text).into()),
        ValueRef::Null | ValueRef::Blob(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newest(setup: &str, rows: i64) -> Option<Value> {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(setup).unwrap();
        let fill = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
                    INSERT INTO t (ts) SELECT i FROM n";
        connection.execute(fill, [rows]).unwrap();
        let table = table(&connection, "t").unwrap();
        assert_eq!(table.rows, Some(rows.unsigned_abs()));
        table.newest
    }

    #[test]
    fn the_newest_moment_comes_from_an_index_or_a_short_scan() {
        let plain = "CREATE TABLE t(id INTEGER PRIMARY KEY, ts)";
        assert_eq!(newest(plain, 10), Some(10.into()));
        assert_eq!(newest(plain, LONGEST_SCAN + 1), None);
        let indexed = "CREATE TABLE t(id INTEGER PRIMARY KEY, ts); CREATE INDEX i ON t(ts)";
        assert_eq!(
            newest(indexed, LONGEST_SCAN + 1),
            Some((LONGEST_SCAN + 1).into())
        );
        let partial = "CREATE TABLE t(ts); CREATE INDEX i ON t(ts) WHERE ts < 5";
        assert_eq!(newest(partial, LONGEST_SCAN + 1), None);
    }
}
