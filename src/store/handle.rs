//! The store of one process: one queue and one writing connection a database file.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak},
};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::{
    Error, open,
    queue::{Class, Queue},
    seen::Seen,
};

/// The stores that somebody of this process has a handle of, by path.
///
/// For the whole process, because what it keeps in order belongs to the whole process: SQLite's
/// locks, and the order of writers. A daemon that reloads its job file keeps its one queue.
static SHARED: LazyLock<Mutex<HashMap<PathBuf, Weak<Shared>>>> = LazyLock::new(Mutex::default);

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    queue: Queue,
    /// The writing connection, as long as there is a [`Writer`].
    open: Mutex<Open>,
    /// What is written through it.
    seen: Seen,
}

#[derive(Debug, Default)]
struct Open {
    writers: usize,
    connection: Option<Connection>,
}

/// A handle of the assistant's database. It is no connection: nothing is open until something is
/// read or written.
#[derive(Debug, Clone)]
pub struct Store(Arc<Shared>);

impl Store {
    /// The store at `path`; all handles of one path in a process share one queue.
    pub fn at(path: &Path) -> Self {
        let mut stores = lock(&SHARED);
        if let Some(shared) = stores.get(path).and_then(Weak::upgrade) {
            return Self(shared);
        }
        stores.retain(|_, shared| shared.strong_count() > 0);
        let shared = Arc::new(Shared {
            path: path.to_owned(),
            queue: Queue::default(),
            open: Mutex::default(),
            seen: Seen::default(),
        });
        stores.insert(path.to_owned(), Arc::downgrade(&shared));
        Self(shared)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// A connection of its own for reading; closed when it is dropped.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Open`], [`Error::Locked`].
    pub fn reader(&self) -> Result<Reader, Error> {
        let path = self.0.path.clone();
        let connection = open::read(&path)?;
        Ok(Reader { path, connection })
    }

    /// A share of the writing connection.
    ///
    /// The first writer opens it, and **dropping the last one closes it**: whoever is about to
    /// replace the file needs only wait until the jobs that write have ended.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Open`], [`Error::Locked`].
    pub fn writer(&self) -> Result<Writer, Error> {
        let mut open = lock(&self.0.open);
        if open.connection.is_none() {
            let mut connection = open::write(&self.0.path)?;
            let hooked = self.0.seen.hook(&mut connection);
            hooked.map_err(|source| Error::statement("watch", self.0.path.clone(), source))?;
            open.connection = Some(connection);
        }
        open.writers += 1;
        Ok(Writer(Arc::clone(&self.0)))
    }
}

/// A connection for reading.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    connection: Connection,
}

impl Reader {
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn failed(&self, act: &'static str) -> impl Fn(rusqlite::Error) -> Error {
        let path = self.path.clone();
        move |source| Error::statement(act, path.clone(), source)
    }
}

/// A share of the writing connection; see [`Store::writer`].
#[derive(Debug)]
pub struct Writer(Arc<Shared>);

impl Drop for Writer {
    fn drop(&mut self) {
        let mut open = lock(&self.0.open);
        open.writers = open.writers.saturating_sub(1);
        if open.writers == 0 {
            open.connection = None;
        }
    }
}

impl Writer {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Waits for its turn and runs `body` in one transaction, which is committed if it ends well
    /// and rolled back otherwise, also by a panic, which goes on to the caller. `act` names it in
    /// errors.
    ///
    /// # Errors
    /// [`Error::Locked`] when another program holds the lock for longer than
    /// [`crate::sqlite::BUSY_TIMEOUT`], [`Error::Statement`].
    pub fn write<T>(
        &self,
        class: Class,
        act: &'static str,
        body: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        self.directly(class, act, |connection| transact(connection, body))
    }

    /// As [`Writer::write`], but nobody sees which rows are removed: whoever removes them counts them.
    /// Being seen costs a removed row an eighth of its time.
    pub(super) fn write_unseen<T>(
        &self,
        class: Class,
        act: &'static str,
        body: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        self.directly(class, act, |connection| {
            let mut unseen = self.0.seen.look_away(connection)?;
            transact(unseen.connection(), body)
        })
    }

    pub(super) fn seen(&self) -> Seen {
        self.0.seen.clone()
    }

    /// Waits for its turn and runs `body` outside of a transaction: for what SQLite does not do
    /// within one.
    pub(super) fn directly<T>(
        &self,
        class: Class,
        act: &'static str,
        body: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let _turn = self.0.queue.turn(class);
        let mut open = lock(&self.0.open);
        let Some(connection) = open.connection.as_mut() else {
            let path = self.0.path.clone();
            return Err(Error::Missing { path });
        };
        body(connection).map_err(|source| Error::statement(act, self.0.path.clone(), source))
    }
}

fn transact<T>(
    connection: &mut Connection,
    body: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let value = body(&transaction)?;
    transaction.commit()?;
    Ok(value)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic within a turn has rolled its transaction back: the connection is sound.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{panic, thread};

    use super::*;
    use crate::store::create_sample;

    fn store() -> (tempfile::TempDir, Store) {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("trading_assistant.db");
        create_sample(&path).unwrap();
        (root, Store::at(&path))
    }

    fn signals(store: &Store) -> i64 {
        let reader = store.reader().unwrap();
        let count = "SELECT count(*) FROM signals";
        reader
            .connection()
            .query_row(count, [], |row| row.get(0))
            .unwrap()
    }

    #[test]
    fn handles_of_one_path_share_one_connection_that_closes_with_its_last_user() {
        let (_root, store) = store();
        let again = Store::at(store.path());
        assert!(Arc::ptr_eq(&store.0, &again.0));
        let (a, b) = (store.writer().unwrap(), again.writer().unwrap());
        drop(a);
        assert!(lock(&store.0.open).connection.is_some());
        drop(b);
        assert!(lock(&store.0.open).connection.is_none());
    }

    #[test]
    fn nothing_stays_open_or_behind_after_reading() {
        let (root, store) = store();
        let count = signals(&store);
        assert!(count > 0);
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_error_and_a_panic_are_rolled_back_and_the_next_one_writes() {
        let (_root, store) = store();
        let before = signals(&store);
        let writer = store.writer().unwrap();
        let failed = writer.write(Class::User, "fail", |tx| {
            tx.execute_batch("DELETE FROM signals; SELECT nothing")
        });
        assert!(failed.is_err());
        let panicked = panic::catch_unwind(panic::AssertUnwindSafe(|| {
            writer.write(Class::User, "panic", |tx| -> rusqlite::Result<()> {
                tx.execute_batch("DELETE FROM signals")?;
                panic!("on purpose");
            })
        }));
        assert!(panicked.is_err());
        assert_eq!(signals(&store), before);
        let deleted = writer.write(Class::Batch, "delete", |tx| {
            tx.execute("DELETE FROM signals WHERE id = 1", [])
        });
        assert_eq!(deleted.unwrap(), 1);
        assert_eq!(signals(&store), before - 1);
    }

    #[test]
    fn many_writers_lose_nothing() {
        let (_root, store) = store();
        let before = signals(&store);
        thread::scope(|scope| {
            for worker in 0..4 {
                let store = &store;
                scope.spawn(move || {
                    let class = if worker % 2 == 0 {
                        Class::User
                    } else {
                        Class::Batch
                    };
                    for n in 0..50 {
                        let writer = store.writer().unwrap();
                        let insert = "INSERT INTO signals SELECT NULL, ?1, timeframe, timestamp, \
                            strategy, side, strength, price, inputs, source, adjustment, \
                            data_hash, version FROM signals WHERE id = 1";
                        writer
                            .write(class, "insert", |tx| {
                                tx.execute(insert, [format!("{worker}-{n}")])
                            })
                            .unwrap();
                    }
                });
            }
        });
        assert_eq!(signals(&store), before + 200);
    }

    #[test]
    fn what_is_not_there_is_not_made() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::at(&root.path().join("none.db"));
        assert!(matches!(store.reader(), Err(Error::Missing { .. })));
        assert!(matches!(store.writer(), Err(Error::Missing { .. })));
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
    }
}
