//! Who has touched rows between the moment they were read and the moment they go.
//!
//! Comparing each row once more costs as much as removing it. Where SQLite itself can say that nobody
//! else has written, that is enough: other connections show in `data_version`, writes of this process
//! in the update hook of its one writing connection. What neither tells (rows that `REPLACE` removes,
//! a truncated table) shows in the number of rows that are left to remove.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use rusqlite::Connection;

use super::{Error, gather::Piece, handle::Writer, queue::Class, table::Table};
use crate::sqlite::Value;

/// So many row ids of a table are told apart; with more of them every row counts as touched.
const MOST: usize = 100_000;

/// What the update hook has seen of the tables that somebody watches, by their names.
#[derive(Debug, Default, Clone)]
pub(super) struct Seen(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Rows are being removed by whoever counts them.
    muted: AtomicBool,
    tables: Mutex<Tables>,
}

type Tables = BTreeMap<String, Touched>;

#[derive(Debug, Default)]
struct Touched {
    watchers: usize,
    rows: BTreeSet<i64>,
    /// Nothing is known of single rows.
    all: bool,
}

impl Seen {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        // Nothing that can panic happens while it is locked.
        self.0.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at everything that is written through this connection from now on.
    pub(super) fn hook(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        let seen = self.clone();
        connection.update_hook(Some(
            move |_: rusqlite::hooks::Action, _: &str, table: &str, row: i64| {
                seen.note(table, row);
            },
        ))
    }

    fn note(&self, table: &str, row: i64) {
        if self.0.muted.load(Ordering::Relaxed) {
            return;
        }
        if let Some(touched) = self.tables().get_mut(table) {
            touched.rows.insert(row);
            touched.all |= touched.rows.len() > MOST;
        }
    }

    /// Rows may have got other row ids, as by `VACUUM`.
    pub(super) fn distrust(&self) {
        for touched in self.tables().values_mut() {
            touched.all = true;
        }
    }

    /// Called and dropped within one turn of the queue, so that nobody else writes meanwhile.
    ///
    /// What is removed until the answer is dropped is counted by whoever removes it.
    pub(super) fn mute(&self) -> impl Drop + use<> {
        struct Muted(Seen);
        impl Drop for Muted {
            fn drop(&mut self) {
                self.0.0.muted.store(false, Ordering::Relaxed);
            }
        }
        self.0.muted.store(true, Ordering::Relaxed);
        Muted(self.clone())
    }
}

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
        let seen = writer.seen();
        let name = table.name.clone();
        seen.tables().entry(name).or_default().watchers += 1;
        let mut witness = Self {
            seen,
            table: table.name.clone(),
            version: 0,
        };
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
        let ([Value::Integer(first)], [Value::Integer(last)]) =
            (piece.first.as_slice(), piece.last.as_slice())
        else {
            return true;
        };
        let tables = self.seen.tables();
        let touched = tables.get(&self.table);
        touched.is_none_or(|t| t.all || t.rows.range(first..=last).next().is_some())
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let mut tables = self.seen.tables();
        if let Some(touched) = tables.get_mut(&self.table) {
            touched.watchers = touched.watchers.saturating_sub(1);
            if touched.watchers == 0 {
                tables.remove(&self.table);
            }
        }
    }
}

/// It differs whenever another connection has committed since this one asked.
pub(super) fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "data_version", |row| row.get(0))
}
