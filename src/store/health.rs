//! Whether the database is sound, and how fast it answers.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension};

use super::{Error, adopt, handle::Reader, table};
use crate::{clock::Clock, sqlite::quoted, watch::Watch};

/// How long the guide lets a query take.
pub const QUERY_LIMIT: Duration = Duration::from_millis(100);

/// What is asked of the store day by day, and how long it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timed {
    /// The table and what it is looked up by, e.g. `signals by timestamp`.
    pub what: String,
    /// How long it took.
    pub took: Duration,
    /// Whether an index leads to it.
    pub indexed: bool,
}

/// What SQLite's `quick_check` finds: nothing if all is well. A finding that only concerns a rule
/// about a row is one, too.
///
/// # Errors
/// [`Error::Damaged`] when the file cannot even be read, [`Error::Cancelled`], [`Error::Statement`].
pub fn quick_check(reader: &Reader, watch: &Watch) -> Result<Vec<String>, Error> {
    let failed = |source| {
        let error = Error::statement("check", reader.path().to_owned(), source);
        match error.trouble() {
            crate::sqlite::Trouble::Damaged => Error::Damaged {
                path: reader.path().to_owned(),
                problem: error.to_string(),
            },
            _ => error,
        }
    };
    let connection = reader.connection();
    let mut statement = connection
        .prepare("PRAGMA quick_check(20)")
        .map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        watch.cancel.checkpoint()?;
        let line: String = row.get(0).map_err(failed)?;
        found.extend(Some(line).filter(|line| line != "ok"));
    }
    Ok(found)
}

/// The tables, columns and conditions of the guide's questions; `{v}` stands for a value that is
/// there.
const QUESTIONS: [(&str, &str); 3] = [
    ("signals", "timestamp"),
    ("trades", "symbol"),
    ("positions", "symbol"),
];

/// Asks what the guide asks, where the tables are: the newest day's signals, the trades and the
/// positions of a symbol.
///
/// # Errors
/// [`Error::Statement`].
pub fn time_queries(reader: &Reader, clock: &Clock) -> Result<Vec<Timed>, Error> {
    let failed = reader.failed("time a query");
    let connection = reader.connection();
    let tables = table::tables(connection).map_err(&failed)?;
    let mut timed = Vec::new();
    for (table, column) in QUESTIONS {
        let Some(table) = tables.iter().find(|name| name.eq_ignore_ascii_case(table)) else {
            continue;
        };
        if let Some(took) = ask(connection, table, column, clock).map_err(&failed)? {
            timed.push(Timed {
                what: format!("{table} by {column}"),
                took,
                indexed: adopt::leads_an_index(connection, table, column).map_err(&failed)?,
            });
        }
    }
    Ok(timed)
}

/// How long up to a hundred rows of the largest value take; nothing without rows or column.
fn ask(
    connection: &Connection,
    table: &str,
    column: &str,
    clock: &Clock,
) -> rusqlite::Result<Option<Duration>> {
    let has = "SELECT count(*) > 0 FROM pragma_table_info(?1) WHERE name = ?2 COLLATE NOCASE";
    if !connection.query_row(has, [table, column], |row| row.get::<_, bool>(0))? {
        return Ok(None);
    }
    let (name, key) = (quoted(table), quoted(column));
    let any = format!("SELECT {key} FROM {name} WHERE {key} IS NOT NULL LIMIT 1");
    let value: Option<crate::sqlite::Value> = connection
        .query_row(&any, [], |row| Ok(row.get_ref(0)?.into()))
        .optional()?;
    let Some(value) = value else {
        return Ok(None);
    };
    let query = format!("SELECT * FROM {name} WHERE {key} = ?1 LIMIT 100");
    let begun = clock.monotonic();
    let mut statement = connection.prepare(&query)?;
    let mut rows = statement.query([value])?;
    while rows.next()?.is_some() {}
    Ok(Some(clock.monotonic().saturating_sub(begun)))
}
