//! The ledger: Bellkeeper's own database of slots, runs and the journal.
//!
//! A slot is claimed in a short transaction before anything runs, and a run's end is written before
//! anybody is told. Claims are written with `synchronous=FULL` (they survive a power cut), the rest
//! with `NORMAL`. Every write of a claim's owner carries its [`Fence`]; a write with an old fence
//! changes nothing, so another database could stand in this one's place.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::{clock::Clock, sqlite};

mod claims;
mod error;
mod fates;
mod gaps;
mod history;
mod instances;
mod jobs;
mod journal;
mod repair;
mod schema;
mod trim;

pub use claims::{Claim, Claimed, Decision, Ended, FailedAttempt, Fence, Waiting};
pub use error::Error;
pub use fates::{AttemptRow, Lane, Life, Tenure};
pub use gaps::Gap;
pub use history::{Filter, RunRow, retry_lane};
pub use instances::{Instance, LostRun, Recovered};
pub use jobs::{Known, Registration};
pub use journal::Entry;
pub use repair::SetAside;

/// The newest schema of a ledger that this program knows, as its `user_version`.
pub const SCHEMA_VERSION: usize = schema::MIGRATIONS.len();

/// The ledger, open. All methods block for a few milliseconds at most; call them from a blocking
/// thread.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    clock: Clock,
    connection: Mutex<Connection>,
}

/// Pages in the write-ahead log from which on it is copied into the database; SQLite's own default.
const FOLD_AFTER: i64 = 1_000;

/// How much a transaction must survive.
#[derive(Debug, Clone, Copy)]
enum Durability {
    /// A power cut.
    Full,
    /// The death of the process.
    Normal,
}

impl Ledger {
    /// Opens the ledger, creating it when there is none; the clock judges leases.
    ///
    /// # Errors
    /// [`Error::Open`], [`Error::TooNew`].
    pub fn open(path: &Path, clock: Clock) -> Result<Self, Error> {
        let connection = sqlite::open_own(path, schema::MIGRATIONS)
            .map_err(|error| Error::opening(path.to_owned(), error))?;
        Ok(Self {
            path: path.to_owned(),
            clock,
            connection: Mutex::new(connection),
        })
    }

    /// Copies the write-ahead log into the database file, as the last act of a daemon's life.
    ///
    /// # Errors
    /// [`Error::Statement`].
    pub fn checkpoint(&self) -> Result<(), Error> {
        self.lock()
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(self.failed("checkpoint"))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic while the lock was held has rolled its transaction back: the connection is sound.
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, act: &'static str) -> impl Fn(rusqlite::Error) -> Error {
        let path = self.path.clone();
        move |source| Error::Statement {
            act,
            path: path.clone(),
            source,
        }
    }

    fn write<T>(
        &self,
        act: &'static str,
        durability: Durability,
        body: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let mut connection = self.lock();
        // A claim that is due now never waits for the write-ahead log to be folded in: whatever is
        // written next does that.
        let (level, fold_after) = match durability {
            Durability::Full => ("FULL", 0),
            Durability::Normal => ("NORMAL", FOLD_AFTER),
        };
        let run = || {
            connection.pragma_update(None, "synchronous", level)?;
            connection.pragma_update(None, "wal_autocheckpoint", fold_after)?;
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = body(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        run().map_err(self.failed(act))
    }
}

/// Milliseconds since 1970, as the ledger keeps instants.
fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

/// An instant kept as milliseconds; an impossible number becomes 1970, which no query looks for.
fn instant(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A slot's instant kept as seconds.
fn slot_instant(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests;
