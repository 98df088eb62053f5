//! Indexes that the guide asks for, in whosever database: what is missing is added, nothing that is
//! there is changed.

use rusqlite::Connection;

use super::{
    Error,
    handle::{Reader, Writer},
    queue::Class,
    table,
};
use crate::sqlite::quoted;

/// What is asked for by these columns again and again.
const WANTED: [(&str, &str); 3] = [
    ("signals", "timestamp"),
    ("trades", "symbol"),
    ("positions", "symbol"),
];

/// An index that is not there yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingIndex {
    /// The table, as SQLite has it.
    pub table: String,
    /// The column, as SQLite has it.
    pub column: String,
    /// What the index would be called.
    pub name: String,
}

/// The indexes that the guide asks for and that are not there, where their tables and columns are.
///
/// # Errors
/// [`Error::Statement`].
pub fn missing_indexes(reader: &Reader) -> Result<Vec<MissingIndex>, Error> {
    missing(reader.connection()).map_err(reader.failed("look at the indexes"))
}

/// Makes the missing indexes, one transaction each; returns them.
///
/// # Errors
/// [`Error::Locked`], [`Error::Statement`].
pub fn add_indexes(writer: &Writer) -> Result<Vec<MissingIndex>, Error> {
    let mut added = Vec::new();
    for index in writer.directly(Class::Batch, "look at the indexes", |c| missing(c))? {
        let sql = format!(
            "CREATE INDEX IF NOT EXISTS {} ON {} ({})",
            quoted(&index.name),
            quoted(&index.table),
            quoted(&index.column)
        );
        writer.write(Class::Batch, "add an index", |tx| tx.execute_batch(&sql))?;
        added.push(index);
    }
    Ok(added)
}

fn missing(connection: &Connection) -> rusqlite::Result<Vec<MissingIndex>> {
    let tables = table::tables(connection)?;
    let mut missing = Vec::new();
    for (table, column) in WANTED {
        let Some(table) = tables.iter().find(|name| name.eq_ignore_ascii_case(table)) else {
            continue;
        };
        let Some(column) = column_of(connection, table, column)? else {
            continue;
        };
        if !leads_an_index(connection, table, &column)? {
            missing.push(MissingIndex {
                name: free_name(connection, table, &column)?,
                table: table.clone(),
                column,
            });
        }
    }
    Ok(missing)
}

fn column_of(
    connection: &Connection,
    table: &str,
    column: &str,
) -> rusqlite::Result<Option<String>> {
    let query = "SELECT name FROM pragma_table_info(?1) WHERE name = ?2 COLLATE NOCASE";
    let mut statement = connection.prepare(query)?;
    let mut rows = statement.query([table, column])?;
    rows.next()?.map(|row| row.get(0)).transpose()
}

/// Whether an index that holds all rows begins with the column.
pub(super) fn leads_an_index(
    connection: &Connection,
    table: &str,
    column: &str,
) -> rusqlite::Result<bool> {
    let query = "SELECT count(*) > 0 FROM pragma_index_list(?1) AS list, \
                 pragma_index_info(list.name) AS info \
                 WHERE info.seqno = 0 AND info.name = ?2 COLLATE NOCASE AND NOT list.partial";
    connection.query_row(query, [table, column], |row| row.get(0))
}

fn free_name(connection: &Connection, table: &str, column: &str) -> rusqlite::Result<String> {
    let taken = "SELECT count(*) > 0 FROM sqlite_schema WHERE name = ?1 COLLATE NOCASE";
    let plain = format!("bellkeeper_{table}_{column}");
    let mut name = plain.clone();
    let mut serial = 1;
    while connection.query_row(taken, [&name], |row| row.get::<_, bool>(0))? {
        serial += 1;
        name = format!("{plain}_{serial}");
    }
    Ok(name)
}
