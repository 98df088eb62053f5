//! Databases that nobody else uses: a restored file is looked at and left as it is, byte for byte.

use std::{ffi::OsString, os::unix::ffi::OsStrExt, path::Path};

use rusqlite::{Connection, OpenFlags};

use super::Error;
use crate::watch::Cancel;

/// Instructions of SQLite between two looks at a token: some ten microseconds.
const INSTRUCTIONS: std::ffi::c_int = 10_000;

/// A line of `foreign_key_check` for each table and the table that its rows miss something in.
const FOREIGN_KEYS: &str = "SELECT format('%d row(s) of `%s` refer to missing rows of `%s`', \
     count(*), \"table\", parent) FROM pragma_foreign_key_check GROUP BY \"table\", parent";

/// Opens a database that no other program uses, only to read it: no lock is taken and no file is
/// made beside it. Whatever a -wal or -journal beside it holds is not seen.
///
/// # Errors
/// [`Error::Open`].
pub fn open_image(path: &Path) -> Result<Connection, Error> {
    let wrap = |source| Error::Open {
        path: path.to_owned(),
        source,
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(uri(path), flags).map_err(wrap)?;
    connection
        .pragma_update(None, "trusted_schema", false)
        .map_err(wrap)?;
    Ok(connection)
}

/// Adds a database that no other program uses to a connection, under the name `schema`, as
/// [`open_image`] opens it. The connection must understand URIs, as those of
/// [`super::open_existing`] do.
///
/// # Errors
/// What SQLite said.
pub fn attach_image(connection: &Connection, path: &Path, schema: &str) -> rusqlite::Result<()> {
    let uri = uri(path);
    let uri = uri.to_string_lossy();
    let attach = format!("ATTACH ?1 AS \"{schema}\"");
    connection.execute(&attach, [uri]).map(|_| ())
}

/// The path as a URI: whatever could mean something there is escaped.
fn uri(path: &Path) -> OsString {
    let escaped = |byte: &u8| match byte {
        b'/' | b'.' | b'_' | b'-' => char::from(*byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(*byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    let path: String = path.as_os_str().as_bytes().iter().map(escaped).collect();
    format!("file:{path}?immutable=1").into()
}

/// Lets a statement of this connection end with an error soon after `cancel` was told to stop.
///
/// # Errors
/// What SQLite said.
pub fn heed(connection: &mut Connection, cancel: &Cancel) -> rusqlite::Result<()> {
    let cancel = cancel.clone();
    let told = move || cancel.reason().is_some();
    connection.progress_handler(INSTRUCTIONS, Some(told))
}

/// What `foreign_key_check` finds, one line for each pair of tables; empty if all is well.
///
/// # Errors
/// What SQLite said.
pub fn broken_references(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(FOREIGN_KEYS)?;
    let lines = statement.query_map([], |row| row.get(0))?;
    lines.collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::watch::CancelReason;

    #[test]
    fn looking_leaves_a_database_in_wal_mode_alone() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a b%3f?x#y\u{e9}.db");
        let made = Connection::open(&path).unwrap();
        made.execute_batch(
            "PRAGMA journal_mode = WAL; CREATE TABLE t(x); INSERT INTO t VALUES (1)",
        )
        .unwrap();
        drop(made);
        let before = fs::read(&path).unwrap();
        let image = open_image(&path).unwrap();
        let rows: i64 = image
            .query_row("SELECT count(*) FROM t", [], |row| row.get(0))
            .unwrap();
        assert_eq!(rows, 1);
        assert!(image.execute_batch("DELETE FROM t").is_err());
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
        drop(image);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
        assert_eq!(fs::read(&path).unwrap(), before);
        assert!(open_image(&root.path().join("none.db")).is_err());
    }

    #[test]
    fn rows_that_refer_to_nothing_are_counted() {
        let made = Connection::open_in_memory().unwrap();
        made.execute_batch(
            "PRAGMA foreign_keys = OFF;
             CREATE TABLE a(id INTEGER PRIMARY KEY);
             CREATE TABLE b(a REFERENCES a(id));
             INSERT INTO a VALUES (1); INSERT INTO b VALUES (1), (2), (3)",
        )
        .unwrap();
        let found = broken_references(&made).unwrap();
        assert_eq!(found, ["2 row(s) of `b` refer to missing rows of `a`"]);
        made.execute_batch("DELETE FROM b WHERE a > 1").unwrap();
        assert!(broken_references(&made).unwrap().is_empty());
    }

    #[test]
    fn a_long_statement_ends_when_it_is_told_to() {
        let mut made = Connection::open_in_memory().unwrap();
        let cancel = Cancel::default();
        heed(&mut made, &cancel).unwrap();
        let count = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ?1)
                     SELECT count(*) FROM n";
        let run = |rows: i64| made.query_row(count, [rows], |row| row.get::<_, i64>(0));
        assert_eq!(run(50_000), Ok(50_000));
        cancel.cancel(CancelReason::Operator);
        let error = run(i64::MAX).unwrap_err();
        assert_eq!(
            error.sqlite_error_code(),
            Some(rusqlite::ErrorCode::OperationInterrupted)
        );
    }
}
