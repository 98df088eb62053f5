//! Whether somebody has touched rows between the moment they were read and the moment they go.
//!
//! Comparing each row once more costs as much as removing it. Where SQLite itself can say that nobody
//! else has written, that is enough: other connections show in `data_version`, writes of this process
//! in the update hook of its one writing connection. What neither tells (rows that `REPLACE` removes,
//! a truncated table) shows in the number of rows that are left to remove.

use rusqlite::Connection;

use super::{Error, gather::Piece, handle::Writer, queue::Class, seen::Seen, table::Table};
use crate::sqlite::Value;

/// Watches a table from before its rows are read until they have gone.
#[derive(Debug)]
pub struct Witness {
    seen: Seen,
    table: String,
    version: i64,
}

impl Witness {
    /// Begins to watch; `None` for a table without row ids, of which the hook tells nothing. Keep the
    /// writer as long as the witness: it is his connection that is watched.
    ///
    /// # Errors
    /// [`Error::Locked`], [`Error::Statement`].
    pub fn of(writer: &Writer, table: &Table) -> Result<Option<Self>, Error> {
        if !table.by_rowid {
            return Ok(None);
        }
        let mut witness = Self {
            seen: writer.seen(),
            table: table.name.clone(),
            version: 0,
        };
        witness.seen.watch(&witness.table);
        witness.version = writer.directly(Class::Batch, "watch a table", |connection| {
            data_version(connection)
        })?;
        Ok(Some(witness))
    }

    /// Whether a program other than this process has written; asked within a transaction.
    pub(super) fn is_blind(&self, connection: &Connection) -> rusqlite::Result<bool> {
        Ok(data_version(connection)? != self.version)
    }

    /// Whether a row of the piece may have been written, or one come in between.
    pub(super) fn saw(&self, piece: &Piece) -> bool {
        match (piece.first.as_slice(), piece.last.as_slice()) {
            ([Value::Integer(first)], [Value::Integer(last)]) => {
                self.seen.touched(&self.table, *first, *last)
            }
            _ => true,
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.seen.forget(&self.table);
    }
}

/// It differs whenever another connection has committed since this one asked.
pub(super) fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "data_version", |row| row.get(0))
}
