//! Opening SQLite files: one place for pragmas, modes and migrations.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, TransactionBehavior, config::DbConfig};

use crate::files;

mod exclusive;
mod image;
mod trouble;
mod value;

pub use exclusive::{Exclusive, SIDE_FILES, beside};
pub use image::{attach_image, broken_references, heed, open_image};
pub use trouble::Trouble;
pub use value::{Fingerprint, Value, quoted};

/// What is wrong with a database file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be opened or prepared.
    #[error("open database `{}`", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The file could not be created privately.
    #[error(transparent)]
    File(#[from] files::Error),
    /// It was written by a newer program.
    #[error(
        "`{}` has schema version {found}, this program knows up to {known}",
        path.display()
    )]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its `user_version`.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
}

/// How long a statement waits for another connection's lock before it fails as busy.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens an existing database; never creates one.
///
/// Closing the last connection does not checkpoint: a visitor leaves the files as it found them.
pub fn open_existing(path: &Path) -> Result<Connection, Error> {
    let wrap = |source| Error::Open {
        path: path.to_owned(),
        source,
    };
    // The path itself is no URI: it is absolute, or a name.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(path, flags).map_err(wrap)?;
    prepare(&connection).map_err(wrap)?;
    fold_on_close(&connection, false).map_err(wrap)?;
    Ok(connection)
}

/// The `user_version` of an existing database.
///
/// # Errors
/// [`Error::Open`].
pub fn user_version(path: &Path) -> Result<i64, Error> {
    version(&open_existing(path)?).map_err(|source| Error::Open {
        path: path.to_owned(),
        source,
    })
}

/// Opens a database of our own in WAL mode, creating it (mode 0600) and bringing its schema up to
/// the newest of `migrations`; the number of applied ones is kept in `user_version`.
///
/// A database that cannot be opened so is left as it is, byte for byte.
///
/// # Errors
/// [`Error::TooNew`] if more migrations were applied than this program knows.
pub fn open_own(path: &Path, migrations: &[&str]) -> Result<Connection, Error> {
    let wrap = |source| Error::Open {
        path: path.to_owned(),
        source,
    };
    match files::create_private(path) {
        Err(error) if error.source.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(error.into());
        }
        _ => {}
    }
    let mut connection = Connection::open(path).map_err(wrap)?;
    prepare(&connection).map_err(wrap)?;
    // Until it is known to be sound and ours: closing would fold the write-ahead log into it.
    fold_on_close(&connection, false).map_err(wrap)?;
    let known = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    let found = version(&connection).map_err(wrap)?;
    if found > known {
        return Err(Error::TooNew {
            path: path.to_owned(),
            found,
            known,
        });
    }
    migrate(&mut connection, migrations).map_err(wrap)?;
    fold_on_close(&connection, true).map_err(wrap)?;
    Ok(connection)
}

/// Whether closing the last connection copies the write-ahead log into the database, as SQLite does
/// unless told otherwise.
pub fn fold_on_close(connection: &Connection, fold: bool) -> rusqlite::Result<()> {
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !fold)
        .map(|_| ())
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "trusted_schema", false)
}

fn migrate(connection: &mut Connection, migrations: &[&str]) -> rusqlite::Result<()> {
    connection.pragma_update(None, "auto_vacuum", "incremental")?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "journal_size_limit", 16 << 20)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&transaction)?;
    for migration in migrations
        .iter()
        .skip(usize::try_from(found).unwrap_or(usize::MAX))
    {
        transaction.execute_batch(migration)?;
    }
    let known = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    if found < known {
        transaction.pragma_update(None, "user_version", known)?;
    }
    transaction.commit()
}

/// Whether this SQLite can stream raw pages (`sqlite_dbpage`; a compile-time choice).
pub fn has_dbpage(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row(
        "SELECT count(*) > 0 FROM pragma_module_list WHERE name = 'sqlite_dbpage'",
        [],
        |row| row.get(0),
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn an_own_database_is_private_wal_and_migrated_once() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("own.db");
        let first = ["CREATE TABLE a(x)"];
        open_own(&path, &first).unwrap();
        let connection = open_own(&path, &["CREATE TABLE a(x)", "CREATE TABLE b(x)"]).unwrap();
        let tables: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0))
            .unwrap();
        let mode: String = connection
            .pragma_query_value(None, "journal_mode", |r| r.get(0))
            .unwrap();
        assert_eq!((tables, mode.as_str()), (2, "wal"));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let error = open_own(&path, &first).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("has schema version 2, this program knows up to 1")
        );
    }

    #[test]
    fn an_existing_database_is_never_created() {
        let root = tempfile::tempdir().unwrap();
        assert!(open_existing(&root.path().join("none.db")).is_err());
    }

    #[test]
    fn this_build_can_stream_pages() {
        assert!(has_dbpage(&Connection::open_in_memory().unwrap()).unwrap());
    }
}
