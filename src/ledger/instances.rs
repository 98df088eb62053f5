//! Lives of the process, and the runs that died with one.

use jiff::Timestamp;
use rusqlite::{Row, params};

use super::{Durability, Error, Ledger, millis, slot_instant};
use crate::words::{JobName, RunId};

/// The number of one life of the process: the owner of its claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instance(pub(super) i64);

/// A slot that its process left behind: its run died, or it still waited for its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostRun {
    /// The newest run; `None` for a slot that waited and never ran.
    pub run: Option<RunId>,
    /// Its job.
    pub job: JobName,
    /// Its slot.
    pub slot: Timestamp,
    /// Its lane; `""` is the schedule's.
    pub scope: String,
}

/// What dead processes left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// How many runs were found unfinished now; those found by an earlier process do not count.
    pub died: usize,
    /// The slots that wait to be claimed, oldest first, however long ago that was.
    pub waiting: Vec<LostRun>,
}

impl Ledger {
    /// Begins a life: `what` says what the process is (`daemon`, `run-job x`).
    ///
    /// # Errors
    /// [`Error::Statement`].
    pub fn begin(&self, what: &str, host: &str, version: &str) -> Result<Instance, Error> {
        let now = millis(self.clock.now());
        self.write("begin", Durability::Normal, |tx| {
            tx.prepare_cached(
                "INSERT INTO instances (pid, host, version, what, started_at)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .insert(params![std::process::id(), host, version, what, now])
            .map(Instance)
        })
    }

    /// Keeps the time since the last sign of life of a process that was `what`, as a gap. Call it
    /// before the next one begins.
    ///
    /// # Errors
    /// [`Error::Statement`].
    pub fn note_stop(&self, what: &str) -> Result<(), Error> {
        let now = millis(self.clock.now());
        self.write("keep a gap", Durability::Normal, |tx| {
            // One that died was alive at its last beat, and when it last wrote of a run.
            tx.execute(
                "WITH life AS (
                     SELECT id, started_at, alive_at, ended_at FROM instances
                     WHERE id = (SELECT max(id) FROM instances WHERE what = ?1)
                 ), newest AS (
                     SELECT owner, max(started_at, coalesce(finished_at, 0)) AS at FROM runs
                     ORDER BY id DESC LIMIT 50
                 ), sign AS (
                     SELECT coalesce(ended_at, max(started_at, coalesce(alive_at, 0),
                         coalesce((SELECT max(at) FROM newest WHERE owner = life.id), 0))) AS at
                     FROM life
                 )
                 INSERT INTO gaps (what, began_at, ended_at)
                 SELECT 'stopped', at, ?2 FROM sign WHERE at < ?2",
                params![what, now],
            )
            .map(|_| ())
        })
    }

    /// Ends a life in good order.
    ///
    /// # Errors
    /// [`Error::Statement`].
    pub fn end(&self, instance: Instance) -> Result<(), Error> {
        let now = millis(self.clock.now());
        self.write("end", Durability::Normal, |tx| {
            tx.execute(
                "UPDATE instances SET ended_at = ?1 WHERE id = ?2",
                params![now, instance.0],
            )
            .map(|_| ())
        })
    }

    /// Marks every unfinished run of other instances as lost, lets their slots be claimed again,
    /// and says how many those were and which slots wait for that.
    ///
    /// Call it under the instance lock: only then is every other owner known to be dead.
    ///
    /// # Errors
    /// [`Error::Statement`].
    pub fn recover(&self, me: Instance) -> Result<Recovered, Error> {
        let now = millis(self.clock.now());
        let (died, rows) = self.write("recover lost runs", Durability::Full, |tx| {
            tx.execute(
                "UPDATE slots SET state = 'lost' WHERE (job, scope, at) IN
                     (SELECT job, scope, slot FROM runs WHERE outcome IS NULL AND owner <> ?1)
                 AND state = 'claimed'",
                [me.0],
            )?;
            let died = tx.execute(
                "UPDATE runs SET outcome = 'lost', finished_at = ?1,
                     reason = 'its process (pid ' ||
                         (SELECT pid FROM instances WHERE instances.id = runs.owner) || ') died'
                 WHERE outcome IS NULL AND owner <> ?2",
                params![now, me.0],
            )?;
            let mut lost = tx.prepare(
                "SELECT (SELECT max(id) FROM runs WHERE runs.job = slots.job
                             AND runs.scope = slots.scope AND runs.slot = slots.at),
                        job, at, scope
                 FROM slots WHERE state IN ('lost', 'waiting') ORDER BY at",
            )?;
            let rows = lost.query_map([], raw_lost)?;
            Ok((died, rows.collect::<rusqlite::Result<Vec<_>>>()?))
        })?;
        let waiting = rows
            .into_iter()
            .map(|(run, job, slot, scope)| {
                Ok(LostRun {
                    run: run.map(RunId),
                    job: self.job_name(&job)?,
                    slot: slot_instant(slot),
                    scope,
                })
            })
            .collect::<Result<Vec<_>, Error>>()?;
        Ok(Recovered { died, waiting })
    }

    pub(super) fn job_name(&self, text: &str) -> Result<JobName, Error> {
        text.parse().map_err(|error| Error::Row {
            path: self.path.clone(),
            what: format!("job: {error}"),
        })
    }
}

fn raw_lost(row: &Row<'_>) -> rusqlite::Result<(Option<i64>, String, i64, String)> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
}
