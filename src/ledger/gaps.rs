//! The awake ledger: when nobody was awake, and when the clock was set.

use jiff::Timestamp;
use rusqlite::params;

use super::{Durability, Error, Ledger, instant, millis};
use crate::words::GapKind;

/// A stretch of time in which no slot could fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// Why.
    pub what: GapKind,
    /// Its begin by the wall clock; for a clock that was set, what it showed before.
    pub began_at: Timestamp,
    /// Its end; for a clock that was set back, before the begin.
    pub ended_at: Timestamp,
}

impl Gap {
    /// Whether `at` lies in it.
    pub fn covers(&self, at: Timestamp) -> bool {
        self.began_at < at && at <= self.ended_at
    }
}

impl Ledger {
    /// Keeps a gap.
    ///
    /// # Errors
    /// [`Error::Statement`].
    pub fn note_gap(&self, gap: Gap) -> Result<(), Error> {
        self.write("keep a gap", Durability::Normal, |tx| {
            tx.execute(
                "INSERT INTO gaps (what, began_at, ended_at) VALUES (?1, ?2, ?3)",
                params![
                    gap.what.as_str(),
                    millis(gap.began_at),
                    millis(gap.ended_at)
                ],
            )
            .map(|_| ())
        })
    }

    /// The gaps that ended at or after `from`, oldest first.
    ///
    /// # Errors
    /// [`Error::Statement`], [`Error::Row`].
    pub fn gaps(&self, from: Timestamp) -> Result<Vec<Gap>, Error> {
        let connection = self.lock();
        let read = || {
            connection
                .prepare_cached(
                    "SELECT what, began_at, ended_at FROM gaps WHERE ended_at >= ?1
                     ORDER BY ended_at, id",
                )?
                .query_map([millis(from)], |row| {
                    Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?))
                })?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        let rows = read().map_err(self.failed("read gaps"))?;
        rows.into_iter()
            .map(|(what, began_at, ended_at)| {
                let what = GapKind::from_word(&what).ok_or_else(|| Error::Row {
                    path: self.path.clone(),
                    what: format!("gap: what `{what}`"),
                })?;
                Ok(Gap {
                    what,
                    began_at: instant(began_at),
                    ended_at: instant(ended_at),
                })
            })
            .collect()
    }
}
