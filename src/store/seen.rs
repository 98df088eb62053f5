//! What the update hook has seen of the tables that somebody watches.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rusqlite::{Connection, hooks::Action};

/// So many row ids of a table are told apart; with more of them every row counts as touched.
const MOST: usize = 100_000;

/// Row ids that were written through one connection, of the tables that are watched.
#[derive(Debug, Default, Clone)]
pub(super) struct Seen(Arc<Mutex<Tables>>);

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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at everything that is written through this connection from now on.
    pub(super) fn hook(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        let seen = self.clone();
        connection.update_hook(Some(move |_: Action, _: &str, table: &str, row: i64| {
            seen.note(table, row);
        }))
    }

    fn note(&self, table: &str, row: i64) {
        if let Some(touched) = self.tables().get_mut(table) {
            touched.rows.insert(row);
            touched.all |= touched.rows.len() > MOST;
        }
    }

    /// Watches a table until [`Seen::forget`] is called as often.
    pub(super) fn watch(&self, table: &str) {
        self.tables().entry(table.to_owned()).or_default().watchers += 1;
    }

    pub(super) fn forget(&self, table: &str) {
        let mut tables = self.tables();
        if let Some(touched) = tables.get_mut(table) {
            touched.watchers = touched.watchers.saturating_sub(1);
            if touched.watchers == 0 {
                tables.remove(table);
            }
        }
    }

    /// Whether one of these rows may have been written; true for a table that nobody watches.
    pub(super) fn touched(&self, table: &str, first: i64, last: i64) -> bool {
        let tables = self.tables();
        let touched = tables.get(table);
        touched.is_none_or(|t| t.all || t.rows.range(first..=last).next().is_some())
    }

    /// Rows may have got other row ids, as by `VACUUM`.
    pub(super) fn distrust(&self) {
        for touched in self.tables().values_mut() {
            touched.all = true;
        }
    }

    /// Sees nothing of what is written through this connection until the answer is dropped.
    pub(super) fn look_away<'a>(
        &self,
        connection: &'a mut Connection,
    ) -> rusqlite::Result<Unseen<'a>> {
        connection.update_hook(None::<fn(Action, &str, &str, i64)>)?;
        let seen = self.clone();
        Ok(Unseen { connection, seen })
    }
}

/// A connection of which nothing is seen.
#[derive(Debug)]
pub(super) struct Unseen<'a> {
    connection: &'a mut Connection,
    seen: Seen,
}

impl Unseen<'_> {
    pub(super) fn connection(&mut self) -> &mut Connection {
        self.connection
    }
}

impl Drop for Unseen<'_> {
    fn drop(&mut self) {
        if self.seen.hook(self.connection).is_err() {
            self.seen.distrust();
        }
    }
}
