//! Keeping the write-ahead log short while much is written.
//!
//! A checkpoint copies what is committed into the database, and the next writer begins the log anew
//! once all of it is copied. That takes longer than a commit should, so it happens outside of
//! anybody's turn; what was added meanwhile is little and is copied within one. A reader that keeps an
//! old snapshot open stops it: then the log only grows.

use std::path::Path;

use rusqlite::Connection;

use super::{
    Error,
    handle::Writer,
    open::{self, side_file},
    queue::Class,
};

/// How long the log may grow, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// Above this it is folded in.
    pub fold: u64,
    /// Above this, and with a reader that keeps it from being folded in, nothing more is written
    /// until that has ended.
    pub wait: u64,
    /// Above this, whoever wrote it, the work stops.
    pub stop: u64,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            fold: 4 << 20,
            wait: 64 << 20,
            stop: 256 << 20,
        }
    }
}

/// What the log allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pressure {
    /// Go on.
    None,
    /// A reader keeps so many bytes from being folded in: wait.
    Pinned(u64),
    /// It has so many bytes: stop.
    TooMuch(u64),
}

/// Looks after the log of one database; has a connection of its own.
#[derive(Debug)]
pub(super) struct LogKeeper {
    connection: Connection,
    page: u64,
    is_wal: bool,
    /// How much a reader kept from being folded in when that was last tried.
    pinned: u64,
}

impl LogKeeper {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let connection = open::write(path)?;
        let failed = |source| Error::statement("look at the log", path.to_owned(), source);
        let page: i64 = connection
            .pragma_query_value(None, "page_size", |row| row.get(0))
            .map_err(failed)?;
        let mode: String = connection
            .pragma_query_value(None, "journal_mode", |row| row.get(0))
            .map_err(failed)?;
        Ok(Self {
            connection,
            page: page.unsigned_abs(),
            is_wal: mode == "wal",
            pinned: 0,
        })
    }

    /// Looks at the log, and folds it in if it is long.
    pub(super) fn look(&mut self, writer: &Writer, limits: &Log) -> Result<Pressure, Error> {
        if !self.is_wal {
            return Ok(Pressure::None);
        }
        let fold = |mode: &'static str, connection: &Connection| checkpoint(connection, mode);
        let failed = |source| Error::statement("fold the log in", writer.path().to_owned(), source);
        let (length, _) = fold("NOOP", &self.connection).map_err(failed)?;
        // With a reader in the way it is not tried again for every few pages.
        if length * self.page <= limits.fold + self.pinned {
            return Ok(Pressure::None);
        }
        let (mut length, mut done) = fold("PASSIVE", &self.connection).map_err(failed)?;
        if done < length {
            (length, done) = writer.directly(Class::Batch, "fold the log in", |connection| {
                fold("PASSIVE", connection)
            })?;
        }
        let (bytes, left) = (length * self.page, (length - done.min(length)) * self.page);
        self.pinned = left;
        Ok(match left {
            // All of it is copied, but readers that overlap keep anybody from beginning it anew.
            0 if bytes > limits.wait && !truncate(writer)? => Pressure::Pinned(bytes),
            0 => Pressure::None,
            _ if bytes > limits.stop => Pressure::TooMuch(bytes),
            _ if bytes > limits.wait => Pressure::Pinned(bytes),
            _ => Pressure::None,
        })
    }

    /// Whether there is a log at all.
    pub(super) fn is_wal(&self) -> bool {
        self.is_wal
    }

    /// Next time it is tried again, however little was added.
    pub(super) fn try_again(&mut self) {
        self.pinned = 0;
    }

    /// Folds all of it in, and cuts the file off if nobody is in the way.
    pub(super) fn finish(&self, writer: &Writer) -> Result<bool, Error> {
        if !self.is_wal {
            return Ok(true);
        }
        let path = writer.path().to_owned();
        checkpoint(&self.connection, "PASSIVE")
            .map_err(|source| Error::statement("fold the log in", path, source))?;
        truncate(writer)
    }
}

/// Folds the log in and cuts its file off; false if a reader is in the way.
pub(super) fn truncate(writer: &Writer) -> Result<bool, Error> {
    let busy: i64 = writer.directly(Class::Batch, "fold the log in", |connection| {
        // Not for long: everybody else waits behind this.
        connection.busy_timeout(std::time::Duration::from_millis(100))?;
        let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
        connection.busy_timeout(crate::sqlite::BUSY_TIMEOUT)?;
        busy
    })?;
    Ok(busy == 0)
}

/// Pages in the log, and how many of them have been copied.
fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<(u64, u64)> {
    let sql = format!("PRAGMA wal_checkpoint({mode})");
    let (log, done): (i64, i64) =
        connection.query_row(&sql, [], |row| Ok((row.get(1)?, row.get(2)?)))?;
    Ok((log.max(0).unsigned_abs(), done.max(0).unsigned_abs()))
}

/// The bytes of the log's file; 0 where there is none.
pub fn log_size(path: &Path) -> u64 {
    let log = side_file(path, "-wal");
    log.metadata().map_or(0, |found| found.len())
}
