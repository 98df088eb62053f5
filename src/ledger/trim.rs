//! History that is older than anybody wants it goes, a piece at a time.
//!
//! What the planner asks the ledger for stays whatever its age, so a trimmed ledger gives the same
//! answers: the newest slot of the schedule (up to which everything is decided), the newest success
//! (which other jobs need), and whatever is not over. No slot without its runs, and no run without
//! its slot, is left behind.

use jiff::Timestamp;
use rusqlite::{Transaction, params};

use super::{Durability, Error, Ledger, millis, slot_instant};
use crate::words::JobName;

/// The jobs that have runs, each with its oldest slot: every step goes to the next name in the
/// index, however many runs there are.
const OLDEST: &str = "
    WITH RECURSIVE names (job) AS (
        SELECT min(job) FROM runs WHERE job > ?1
        UNION ALL
        SELECT (SELECT min(job) FROM runs WHERE runs.job > names.job)
        FROM names WHERE job IS NOT NULL
    )
    SELECT job, (SELECT min(slot) FROM runs WHERE runs.job = names.job)
    FROM names WHERE job IS NOT NULL LIMIT ?2";

/// The runs of a job that may go, oldest slot first.
const OLD: &str = "
    SELECT id, scope, slot FROM runs
    WHERE job = ?1 AND slot < ?2 AND finished_at < ?3
        AND slot IS NOT (SELECT max(slot) FROM runs WHERE job = ?1 AND outcome = 'succeeded')
        AND slot IS NOT (SELECT max(at) FROM slots WHERE job = ?1 AND scope = '')
        AND NOT EXISTS (SELECT 1 FROM slots
            WHERE slots.job = ?1 AND slots.scope = runs.scope AND slots.at = runs.slot
                AND state IN ('waiting', 'claimed', 'lost'))
    ORDER BY slot, id LIMIT ?4";

/// A slot whose last run has gone.
const EMPTY_SLOT: &str = "
    DELETE FROM slots
    WHERE job = ?1 AND scope = ?2 AND at = ?3 AND state IN ('ended', 'skipped')
        AND NOT EXISTS (SELECT 1 FROM runs WHERE job = ?1 AND slot = ?3 AND scope = ?2)";

impl Ledger {
    /// The first `most` jobs after `after` that have runs, also those that no job file names any
    /// more, each with its oldest slot; by name.
    ///
    /// # Errors
    /// [`Error::Statement`], [`Error::Row`].
    pub fn oldest_slots(
        &self,
        after: Option<&JobName>,
        most: u32,
    ) -> Result<Vec<(JobName, Timestamp)>, Error> {
        let after = after.map_or("", JobName::as_str);
        let connection = self.lock();
        let read = || {
            let mut select = connection.prepare_cached(OLDEST)?;
            let rows = select.query_map(params![after, most], |row| {
                Ok((row.get::<_, String>(0)?, row.get(1)?))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        let rows = read().map_err(self.failed("look for old runs"))?;
        rows.into_iter()
            .map(|(job, slot)| Ok((self.job_name(&job)?, slot_instant(slot))))
            .collect()
    }

    /// Removes at most `most` runs of a job that had ended before `before`, as their slots had come,
    /// with their attempts; and slots that have no run left. Says how many runs those were: none
    /// once there is nothing more to remove.
    ///
    /// Of a slot that is not over, of the newest slot of the schedule and of the newest success
    /// nothing is removed.
    ///
    /// # Errors
    /// [`Error::Statement`]; then nothing was removed.
    pub fn trim(&self, job: &JobName, before: Timestamp, most: u32) -> Result<usize, Error> {
        self.write("trim history", Durability::Normal, |tx| {
            let old = old(tx, job, before, most)?;
            old.iter().try_for_each(|run| remove(tx, job, run))?;
            Ok(old.len())
        })
    }
}

struct Old {
    run: i64,
    scope: String,
    slot: i64,
}

fn old(
    tx: &Transaction<'_>,
    job: &JobName,
    before: Timestamp,
    most: u32,
) -> rusqlite::Result<Vec<Old>> {
    let key = params![job.as_str(), before.as_second(), millis(before), most];
    let mut select = tx.prepare_cached(OLD)?;
    let rows = select.query_map(key, |row| {
        Ok(Old {
            run: row.get(0)?,
            scope: row.get(1)?,
            slot: row.get(2)?,
        })
    })?;
    rows.collect()
}

fn remove(tx: &Transaction<'_>, job: &JobName, old: &Old) -> rusqlite::Result<()> {
    tx.prepare_cached("DELETE FROM attempts WHERE run = ?1")?
        .execute([old.run])?;
    tx.prepare_cached("DELETE FROM runs WHERE id = ?1")?
        .execute([old.run])?;
    tx.prepare_cached(EMPTY_SLOT)?
        .execute(params![job.as_str(), old.scope, old.slot])
        .map(|_| ())
}

#[cfg(test)]
mod tests;
