//! The journal: every act an operator or the daemon performed, in order.

use jiff::Timestamp;
use rusqlite::params;

use super::{Durability, Error, Ledger, instant, millis};

/// One act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// Who: `daemon`, or the name of the operator.
    pub who: String,
    /// The verb.
    pub act: String,
    /// What it was done to.
    pub subject: String,
    /// Anything else worth knowing.
    pub detail: String,
}

impl Ledger {
    /// Writes an act down.
    ///
    /// # Errors
    /// [`Error::Statement`].
    pub fn note(&self, who: &str, act: &str, subject: &str, detail: &str) -> Result<(), Error> {
        let now = millis(self.clock.now());
        self.write("write the journal", Durability::Normal, |tx| {
            tx.prepare_cached(
                "INSERT INTO journal (at, who, act, subject, detail) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![now, who, act, subject, detail])
            .map(|_| ())
        })
    }

    /// Whether `who` has ever done `act`.
    ///
    /// # Errors
    /// [`Error::Statement`].
    pub fn has_done(&self, who: &str, act: &str) -> Result<bool, Error> {
        let query = "SELECT EXISTS (SELECT 1 FROM journal WHERE who = ?1 AND act = ?2)";
        self.lock()
            .query_row(query, [who, act], |row| row.get(0))
            .map_err(self.failed("read the journal"))
    }

    /// The newest `n` acts, newest first.
    ///
    /// # Errors
    /// [`Error::Statement`].
    pub fn journal(&self, n: u32) -> Result<Vec<Entry>, Error> {
        self.journal_since(n, Timestamp::MIN)
    }

    /// The newest `n` acts at or after `since`, newest first.
    ///
    /// # Errors
    /// [`Error::Statement`].
    pub fn journal_since(&self, n: u32, since: Timestamp) -> Result<Vec<Entry>, Error> {
        let connection = self.lock();
        let read = || {
            connection
                .prepare_cached(
                    "SELECT at, who, act, subject, detail FROM journal WHERE at >= ?2 \
                     ORDER BY id DESC LIMIT ?1",
                )?
                .query_map(params![n, millis(since)], |row| {
                    Ok(Entry {
                        at: instant(row.get(0)?),
                        who: row.get(1)?,
                        act: row.get(2)?,
                        subject: row.get(3)?,
                        detail: row.get(4)?,
                    })
                })?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(self.failed("read the journal"))
    }
}
