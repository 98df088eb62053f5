//! Opening the store, and telling whose database it is.
//!
//! A database is ours if its table `bellkeeper_meta` says so, or if it has our first version of
//! `signals` and `user_version` 1, as databases had before there was that table. Only ours are
//! migrated. In a database of another program `user_version`, `application_id` and journal mode are
//! that program's: they are read, never written.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::{Error, schema::MIGRATIONS};
use crate::sqlite;

/// Bytes of write-ahead log that stay on disk after it was folded in.
const LOG_LIMIT: i64 = 16 << 20;

/// Whose database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// Bellkeeper's, with so many migrations.
    Us(i64),
    /// Another program's.
    Other,
}

/// A connection for reading. One that was the only one leaves no files behind.
pub(super) fn read(path: &Path) -> Result<Connection, Error> {
    if !path.exists() {
        let path = path.to_owned();
        return Err(Error::Missing { path });
    }
    let has_log = side_file(path, "-wal").exists();
    let connection = sqlite::open_existing(path)?;
    let wrap = |source| Error::statement("open for reading", path.to_owned(), source);
    // Nothing can be folded that was not there; but what SQLite makes to read must go again.
    sqlite::fold_on_close(&connection, !has_log).map_err(wrap)?;
    check(path, owner(&connection).map_err(wrap)?)?;
    Ok(connection)
}

/// A connection for writing; a database of ours is brought to the newest schema.
pub(super) fn write(path: &Path) -> Result<Connection, Error> {
    if !path.exists() {
        let path = path.to_owned();
        return Err(Error::Missing { path });
    }
    let mut connection = sqlite::open_existing(path)?;
    let wrap = |source| Error::statement("open for writing", path.to_owned(), source);
    let owner = owner(&connection).map_err(wrap)?;
    check(path, owner)?;
    connection
        .execute_batch(&format!(
            "PRAGMA foreign_keys = ON; PRAGMA synchronous = NORMAL;
             PRAGMA journal_size_limit = {LOG_LIMIT};"
        ))
        .map_err(wrap)?;
    if let Owner::Us(version) = owner {
        connection
            .pragma_update(None, "journal_mode", "wal")
            .map_err(wrap)?;
        if version < known() {
            migrate(&mut connection).map_err(wrap)?;
        }
    }
    Ok(connection)
}

fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Somebody may have been faster.
    if let Owner::Us(version) = owner(&transaction)? {
        let done = usize::try_from(version).unwrap_or(usize::MAX);
        for migration in MIGRATIONS.iter().skip(done) {
            transaction.execute_batch(migration)?;
        }
        transaction.pragma_update(None, "user_version", version.max(known()))?;
    }
    transaction.commit()
}

fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

fn check(path: &Path, owner: Owner) -> Result<(), Error> {
    match owner {
        Owner::Us(found) if found > known() => Err(sqlite::Error::TooNew {
            path: path.to_owned(),
            found,
            known: known(),
        }
        .into()),
        _ => Ok(()),
    }
}

/// Whose database this is.
pub(super) fn owner(connection: &Connection) -> rusqlite::Result<Owner> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if meta(connection, "owner")?.as_deref() == Some("bellkeeper") {
        return Ok(Owner::Us(version));
    }
    let query = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = 'signals'";
    let signals: Option<String> = connection
        .query_row(query, [], |row| row.get(0))
        .optional()?;
    let first = MIGRATIONS.first().copied().unwrap_or_default();
    let ours = signals.is_some_and(|sql| first.contains(&sql));
    Ok(if ours && version == 1 {
        Owner::Us(1)
    } else {
        Owner::Other
    })
}

/// What `bellkeeper_meta` says; nothing in a database of another program.
pub(super) fn meta(connection: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    let query = "SELECT count(*) FROM pragma_table_info('bellkeeper_meta') \
                 WHERE name IN ('key', 'value')";
    if connection.query_row(query, [], |row| row.get::<_, i64>(0))? != 2 {
        return Ok(None);
    }
    connection
        .query_row(
            "SELECT value FROM bellkeeper_meta WHERE key = ?1",
            [key],
            |row| row.get(0),
        )
        .optional()
}

/// Writes into `bellkeeper_meta`.
pub(super) fn set_meta(
    transaction: &Transaction<'_>,
    key: &str,
    value: &str,
) -> rusqlite::Result<()> {
    transaction
        .execute(
            "INSERT OR REPLACE INTO bellkeeper_meta VALUES (?1, ?2)",
            [key, value],
        )
        .map(|_| ())
}

/// The path of a database with `suffix` added.
pub(super) fn side_file(path: &Path, suffix: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
