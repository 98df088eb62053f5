//! Removing rows in short transactions, and only those that are as they were when they were read.

use std::{sync::mpsc, time::Duration};

use super::{
    Error,
    gather::{self, Piece, Sql},
    handle::Writer,
    queue::Class,
    select::Selection,
    wal::{Log, LogKeeper, Pressure},
    witness::{self, Witness},
};
use crate::{clock::Clock, watch::Watch};

/// How fast rows are removed and what makes it stop.
#[derive(Debug, Clone)]
pub struct Pace {
    /// How long a transaction may take; the piece that it is in is still removed.
    pub turn: Duration,
    /// How long the write-ahead log may grow.
    pub log: Log,
    /// The monotonic time at which it ends, done or not.
    pub until: Duration,
    /// The clock that tells it.
    pub clock: Clock,
}

/// How often it is looked whether a reader has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// How long the database is left to others between two transactions, if there are any: SQLite's busy
/// handler tries again after 1, 2, 5, 10 … milliseconds.
const GAP: Duration = Duration::from_millis(3);

/// Why not everything was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stopped {
    /// The time was up.
    Budget,
    /// The time was up while a reader kept so many bytes of the log from being folded in.
    Reader(u64),
    /// The log has so many bytes.
    Log(u64),
}

/// What was removed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deleted {
    /// So many rows.
    pub rows: u64,
    /// So many rows are in pieces that had changed since they were read, and stay.
    pub changed: u64,
    /// Why it ended early, if it did.
    pub stopped: Option<Stopped>,
}

/// Rows that are to be removed.
#[derive(Debug)]
pub struct Removal<'a> {
    /// Through whom.
    pub writer: &'a Writer,
    /// What was selected.
    pub selection: &'a Selection,
    /// The pieces of it.
    pub pieces: &'a [Piece],
    /// The fingerprint that each row had when it was read, in the order of the pieces.
    pub prints: &'a [u64],
    /// Who has watched the table since before it was read; without one each row is compared again.
    pub witness: Option<&'a Witness>,
    /// How fast.
    pub pace: &'a Pace,
    /// The token to obey.
    pub watch: &'a Watch,
}

impl Removal<'_> {
    /// Removes the rows that are as they were. A piece in which a row was changed, added or removed
    /// since is left alone.
    ///
    /// `pinned` is told once when a reader is in the way, with the bytes that it keeps in the log.
    ///
    /// # Errors
    /// [`Error::Cancelled`] between two transactions, [`Error::Locked`], [`Error::Statement`]. What
    /// was removed before stays removed.
    pub fn run(&self, pinned: &mut dyn FnMut(u64)) -> Result<Deleted, Error> {
        let mut deleted = Deleted::default();
        let mut log = LogKeeper::open(self.writer.path())?;
        let sql = Sql::new(self.selection);
        let _folding = by_hand(self.writer)?;
        let mut rest = self.pieces;
        let mut trusted = self.witness;
        let mut version = 0;
        while !rest.is_empty() {
            self.watch.cancel.checkpoint()?;
            deleted.stopped = self.wait(&mut log, pinned)?;
            if deleted.stopped.is_some() {
                break;
            }
            let batch = self.batch(&sql, rest, trusted)?;
            if batch.missing {
                trusted = None;
                continue;
            }
            self.let_others(log.is_wal(), &mut version)?;
            deleted.rows += batch.rows;
            deleted.changed += batch.changed;
            rest = rest.get(batch.pieces..).unwrap_or_default();
        }
        Ok(deleted)
    }

    /// Programs that do not wait in the queue only try again from time to time: they need a gap to
    /// find. Without a write-ahead log readers do, too.
    fn let_others(&self, is_wal: bool, version: &mut i64) -> Result<(), Error> {
        let now = self
            .writer
            .directly(Class::Batch, "look for others", |connection| {
                witness::data_version(connection)
            })?;
        let others = std::mem::replace(version, now) != now;
        if others || !is_wal {
            pause(GAP);
        }
        Ok(())
    }

    /// One transaction.
    fn batch(
        &self,
        sql: &Sql<'_>,
        pieces: &[Piece],
        trusted: Option<&Witness>,
    ) -> Result<Batch, Error> {
        let done = self.writer.write_unseen(Class::Batch, "remove rows", |tx| {
            let end = self.pace.clock.monotonic() + self.pace.turn;
            let blind = match trusted {
                Some(witness) => witness.is_blind(tx)?,
                None => true,
            };
            let trusted = trusted.filter(|_| !blind);
            let mut batch = Batch::default();
            let mut delete = tx.prepare_cached(&sql.piece("DELETE"))?;
            for piece in pieces {
                let untouched = trusted.is_some_and(|witness| !witness.saw(piece));
                if untouched || gather::is_unchanged(tx, sql, piece, self.prints)? {
                    let rows = delete.execute(sql.bound(piece).as_slice())?;
                    if rows != piece.rows {
                        // Rolled back: rows have gone of which the witness could not know.
                        return Err(rusqlite::Error::StatementChangedRows(rows));
                    }
                    batch.rows += count(rows);
                } else {
                    batch.changed += count(piece.rows);
                }
                batch.pieces += 1;
                if self.pace.clock.monotonic() >= end {
                    break;
                }
            }
            Ok(batch)
        });
        match done {
            Err(Error::Statement {
                source: rusqlite::Error::StatementChangedRows(_),
                ..
            }) if trusted.is_some() => Ok(Batch {
                missing: true,
                ..Batch::default()
            }),
            done => done,
        }
    }

    /// Waits until the log is short enough, or says why to stop.
    fn wait(
        &self,
        log: &mut LogKeeper,
        pinned: &mut dyn FnMut(u64),
    ) -> Result<Option<Stopped>, Error> {
        let pace = self.pace;
        let mut told = false;
        loop {
            let late = pace.clock.monotonic() >= pace.until;
            match log.look(self.writer, &pace.log)? {
                Pressure::TooMuch(bytes) => return Ok(Some(Stopped::Log(bytes))),
                Pressure::Pinned(bytes) if late => return Ok(Some(Stopped::Reader(bytes))),
                Pressure::Pinned(bytes) => {
                    if !std::mem::replace(&mut told, true) {
                        pinned(bytes);
                    }
                    log.try_again();
                    pause(LOOK_AGAIN);
                    self.watch.cancel.checkpoint()?;
                }
                Pressure::None if late => return Ok(Some(Stopped::Budget)),
                Pressure::None => return Ok(None),
            }
        }
    }
}

fn pause(span: Duration) {
    let (_held, never) = mpsc::channel::<()>();
    // Nothing comes: this only waits.
    let _timeout = never.recv_timeout(span);
}

#[derive(Default)]
struct Batch {
    pieces: usize,
    rows: u64,
    changed: u64,
    /// Fewer rows were there than nobody has touched: nothing was removed.
    missing: bool,
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}

/// SQLite folds the log in by itself within the commit that makes it long; meanwhile that is done
/// between the commits.
fn by_hand(writer: &Writer) -> Result<impl Drop, Error> {
    struct Automatic<'a>(&'a Writer);
    impl Drop for Automatic<'_> {
        fn drop(&mut self) {
            // It only makes the log longer if it fails.
            let _set = set_automatic(self.0, 1_000);
        }
    }
    set_automatic(writer, 0)?;
    Ok(Automatic(writer))
}

fn set_automatic(writer: &Writer, pages: i64) -> Result<(), Error> {
    writer.directly(Class::Batch, "set up the log", |connection| {
        connection.pragma_update(None, "wal_autocheckpoint", pages)
    })
}
