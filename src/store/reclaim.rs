//! Giving the space of removed rows back to the disk.

use rusqlite::Connection;

use super::{
    Error,
    delete::Pace,
    handle::{Reader, Writer},
    queue::Class,
    wal::{self, LogKeeper, Pressure},
};
use crate::watch::Watch;

/// Pages that are given back in one turn.
const STEP: u32 = 200;
/// One page in so many stays free for what comes next.
const SPARE: u64 = 10;

/// The space of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Bytes of a page.
    pub page: u64,
    /// Pages in all.
    pub pages: u64,
    /// Of these, pages that hold nothing.
    pub free: u64,
    /// Whether free pages can be given back without writing all of it anew.
    pub incremental: bool,
}

impl Space {
    /// The bytes of the file.
    pub fn bytes(&self) -> u64 {
        self.page.saturating_mul(self.pages)
    }

    /// The bytes that hold nothing.
    pub fn free_bytes(&self) -> u64 {
        self.page.saturating_mul(self.free)
    }
}

/// Looks at the space of the store.
///
/// # Errors
/// [`Error::Statement`].
pub fn space(reader: &Reader) -> Result<Space, Error> {
    of(reader.connection()).map_err(reader.failed("look at the space"))
}

fn of(connection: &Connection) -> rusqlite::Result<Space> {
    let number = |pragma: &str| -> rusqlite::Result<i64> {
        connection.pragma_query_value(None, pragma, |row| row.get(0))
    };
    Ok(Space {
        page: number("page_size")?.unsigned_abs(),
        pages: number("page_count")?.unsigned_abs(),
        free: number("freelist_count")?.unsigned_abs(),
        incremental: number("auto_vacuum")? == 2,
    })
}

/// Gives free pages back, all but a tenth of the file, a few in each turn; returns how many bytes
/// that were. 0 where the database cannot do that.
///
/// # Errors
/// [`Error::Cancelled`], [`Error::Locked`], [`Error::Statement`].
pub fn reclaim(writer: &Writer, pace: &Pace, watch: &Watch) -> Result<u64, Error> {
    let mut log = LogKeeper::open(writer.path())?;
    let look = || {
        writer.directly(Class::Batch, "look at the space", |connection| {
            of(connection)
        })
    };
    let before = look()?;
    let mut now = before;
    while now.incremental && now.free > now.pages / SPARE && pace.clock.monotonic() < pace.until {
        watch.cancel.checkpoint()?;
        let most = u32::try_from(now.free - now.pages / SPARE)
            .unwrap_or(STEP)
            .min(STEP);
        writer.write(Class::Batch, "give free pages back", |tx| step(tx, most))?;
        if log.look(writer, &pace.log)? != Pressure::None {
            break;
        }
        let after = look()?;
        if after.free >= now.free {
            break;
        }
        now = after;
    }
    Ok(before.bytes().saturating_sub(now.bytes()))
}

/// Each step of this statement gives one page back: it must be stepped to its end.
fn step(connection: &Connection, pages: u32) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}

/// Lets SQLite look at the tables that have changed much, and folds the log in; false if a reader
/// is in the way of that.
///
/// # Errors
/// [`Error::Locked`], [`Error::Statement`].
pub fn settle(writer: &Writer) -> Result<bool, Error> {
    optimize(writer)?;
    LogKeeper::open(writer.path())?.finish(writer)
}

/// Brings the statistics for the query planner up to date from a few hundred rows an index: without
/// that limit it would read all of them.
///
/// # Errors
/// [`Error::Locked`], [`Error::Statement`].
pub fn optimize(writer: &Writer) -> Result<(), Error> {
    writer.directly(Class::Batch, "optimize", |connection| {
        connection.execute_batch("PRAGMA analysis_limit = 400; PRAGMA optimize = 0x10012;")
    })
}

/// Writes the whole database anew, without free pages. Everybody else waits meanwhile; it needs the
/// room of the database twice.
///
/// # Errors
/// [`Error::Locked`], [`Error::Statement`].
pub fn vacuum(writer: &Writer) -> Result<(), Error> {
    writer.directly(Class::Batch, "vacuum", |connection| {
        writer.seen().distrust();
        connection.execute_batch("VACUUM")
    })?;
    wal::truncate(writer).map(|_| ())
}
