//! A database for oneself: nobody else can open it, and its main file alone is all of it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};

use super::{Error, fold_on_close, prepare};

/// What SQLite appends to a database's name for its own files beside it.
pub const SIDE_FILES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// The path of a file of SQLite's own beside a database: `ending` is one of [`SIDE_FILES`].
pub fn beside(database: &Path, ending: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// A database that is held exclusively until this value is dropped or the process ends.
///
/// While it is held, every committed row is in the main file, and what lies beside it means nothing:
/// the file may be renamed, and its side files removed. Dropping it touches no file by its name, for
/// that name may be another database's by then.
#[derive(Debug)]
pub struct Exclusive {
    /// Never read: closing it gives the lock back.
    _connection: Connection,
}

impl Exclusive {
    /// Takes the database at `path`, waiting so long for others to end what they do, and folds its
    /// write-ahead log or rolls its journal back.
    ///
    /// # Errors
    /// [`Error::Open`]; its trouble is `Locked` when others have it open (with a write-ahead log: even
    /// if they do nothing), and `Damaged` when nobody could read it.
    pub fn take(path: &Path, patience: Duration) -> Result<Self, Error> {
        let wrap = |source| Error::Open {
            path: path.to_owned(),
            source,
        };
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(wrap)?;
        let take = || {
            prepare(&connection)?;
            connection.busy_timeout(patience)?;
            fold_on_close(&connection, false)?;
            // Before the first look at the file: then the index of the log is in this process alone.
            connection.pragma_update(None, "locking_mode", "exclusive")?;
            // The lock stays when the transaction is over.
            connection.execute_batch("BEGIN EXCLUSIVE; COMMIT")?;
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
                row.get::<_, i64>(0)
            })
        };
        match take().map_err(wrap)? {
            0 => Ok(Self {
                _connection: connection,
            }),
            // Nobody else can be there; but half a log must never be left behind.
            _ => Err(wrap(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
                Some("the write-ahead log could not be folded".to_owned()),
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::sqlite::Trouble;

    const SHORT: Duration = Duration::from_millis(50);

    fn create(mode: &str) -> (tempfile::TempDir, PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("x.db");
        let connection = Connection::open(&path).unwrap();
        connection
            .pragma_update(None, "journal_mode", mode)
            .unwrap();
        fold_on_close(&connection, false).unwrap();
        connection
            .execute_batch("CREATE TABLE t(x); INSERT INTO t VALUES (1), (2)")
            .unwrap();
        drop(connection);
        (root, path)
    }

    #[test]
    fn the_main_file_alone_has_every_row() {
        for mode in ["wal", "delete"] {
            let (root, path) = create(mode);
            if mode == "wal" {
                assert!(beside(&path, "-wal").metadata().unwrap().len() > 0);
            }
            let held = Exclusive::take(&path, SHORT).unwrap();
            for ending in SIDE_FILES {
                crate::files::remove(&beside(&path, ending)).unwrap();
            }
            // Trap 1 does not matter for the copy: the lock is not needed any more.
            let copy = root.path().join("copy.db");
            fs::copy(&path, &copy).unwrap();
            drop(held);
            let rows: i64 = Connection::open(&copy)
                .unwrap()
                .query_row("SELECT count(*) FROM t", [], |row| row.get(0))
                .unwrap();
            assert_eq!(rows, 2, "{mode}");
            let names = fs::read_dir(root.path()).unwrap().count();
            assert_eq!(names, 2, "{mode}: nothing is made when it is given back");
        }
    }

    #[test]
    fn whoever_has_it_open_keeps_it() {
        let (_root, path) = create("wal");
        let other = Connection::open(&path).unwrap();
        let _one: i64 = other
            .query_row("SELECT count(*) FROM t", [], |row| row.get(0))
            .unwrap();
        let error = Exclusive::take(&path, SHORT).unwrap_err();
        assert_eq!(error.trouble(), Trouble::Locked);
        drop(other);
        let held = Exclusive::take(&path, SHORT).unwrap();
        let other = Connection::open(&path).unwrap();
        other.busy_timeout(std::time::Duration::ZERO).unwrap();
        other.execute_batch("INSERT INTO t VALUES (3)").unwrap_err();
        drop(held);
        other.execute_batch("INSERT INTO t VALUES (3)").unwrap();
    }

    #[test]
    fn what_is_no_database_is_damaged() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("x.db");
        crate::files::write_new(&path, &[7; 10_000]).unwrap();
        let error = Exclusive::take(&path, SHORT).unwrap_err();
        assert_eq!(error.trouble(), Trouble::Damaged);
        assert_eq!(fs::read(&path).unwrap(), [7; 10_000]);
    }
}
