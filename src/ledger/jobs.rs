//! What the ledger remembers of a job between two lives of the daemon.

use std::{collections::HashSet, time::Duration};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::{Durability, Error, Ledger, slot_instant};
use crate::words::{JobName, Pause};

/// A job as the job file has it now.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Its name.
    pub job: JobName,
    /// Everything that decides when it is due, as text; empty when it is never due.
    pub schedule: String,
    /// Whether other jobs wait for its success.
    pub needed: bool,
}

/// What is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The phase of `every`: the second in which the job was first seen.
    pub anchor: Timestamp,
    /// Up to here every slot is decided: the newest decided slot, or the instant since which the
    /// present schedule is in force. A job seen for the first time has missed nothing.
    pub decided_until: Timestamp,
    /// The newest slot that succeeded, of a job that others need.
    pub succeeded: Option<Timestamp>,
    /// Since and until when its slots are skipped.
    pub pause: Option<Pause>,
}

impl Ledger {
    /// Makes the jobs known, in order, and says what was known of each.
    ///
    /// # Errors
    /// [`Error::Statement`].
    pub fn register(&self, jobs: &[Registration]) -> Result<Vec<Known>, Error> {
        let now = self.clock.now().as_second();
        self.write("register jobs", Durability::Normal, |tx| {
            jobs.iter().map(|job| register_one(tx, job, now)).collect()
        })
    }

    /// Jobs that are not among these owe nothing from now on: one that comes back some day has
    /// missed nothing.
    ///
    /// # Errors
    /// [`Error::Statement`].
    pub fn retire_others(&self, jobs: &[Registration]) -> Result<(), Error> {
        let kept: HashSet<&str> = jobs.iter().map(|job| job.job.as_str()).collect();
        self.write("retire jobs", Durability::Normal, |tx| {
            let mut select = tx.prepare_cached("SELECT job FROM jobs WHERE schedule <> ''")?;
            let known = select.query_map([], |row| row.get::<_, String>(0))?;
            let known = known.collect::<rusqlite::Result<Vec<_>>>()?;
            let gone = known.iter().filter(|job| !kept.contains(job.as_str()));
            gone.into_iter().try_for_each(|job| {
                tx.prepare_cached("UPDATE jobs SET schedule = '' WHERE job = ?1")?
                    .execute([job])
                    .map(|_| ())
            })
        })
    }

    /// The phase of `job`, if it is known; looks without making it known.
    ///
    /// # Errors
    /// [`Error::Statement`].
    pub fn anchor(&self, job: &JobName) -> Result<Option<Timestamp>, Error> {
        self.lock()
            .prepare_cached("SELECT anchor FROM jobs WHERE job = ?1")
            .and_then(|mut select| {
                select
                    .query_row([job.as_str()], |row| row.get(0))
                    .optional()
            })
            .map(|anchor| anchor.map(slot_instant))
            .map_err(self.failed("read a job"))
    }
}

impl Ledger {
    /// What is known of a job, its newest success included; looks without making it known.
    ///
    /// # Errors
    /// [`Error::Statement`].
    pub fn known(&self, job: &JobName) -> Result<Option<Known>, Error> {
        let connection = self.lock();
        let read = || {
            let row: Option<(i64, i64)> = connection
                .prepare_cached("SELECT anchor, since FROM jobs WHERE job = ?1")?
                .query_row([job.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            row.map(|row| known(&connection, job.as_str(), row, true))
                .transpose()
        };
        read().map_err(self.failed("read a job"))
    }

    /// How long the newest `runs` good runs of a job took on average; `None` without any.
    ///
    /// # Errors
    /// [`Error::Statement`].
    pub fn usual_duration(&self, job: &JobName, runs: u32) -> Result<Option<Duration>, Error> {
        let sql = "SELECT avg(took) FROM (SELECT finished_at - started_at AS took FROM runs
                   WHERE job = ?1 AND outcome = 'succeeded' ORDER BY id DESC LIMIT ?2)";
        self.lock()
            .prepare_cached(sql)
            .and_then(|mut select| {
                select.query_row(params![job.as_str(), runs], |row| {
                    row.get::<_, Option<f64>>(0)
                })
            })
            .map(|millis| {
                let seconds = millis.map(|millis| millis / 1_000.0);
                seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            })
            .map_err(self.failed("read how long a job takes"))
    }

    /// Keeps a new phase of a job's `every`.
    ///
    /// # Errors
    /// [`Error::Statement`].
    pub fn set_anchor(&self, job: &JobName, anchor: Timestamp) -> Result<(), Error> {
        self.write("keep the phase of a job", Durability::Normal, |tx| {
            tx.execute(
                "UPDATE jobs SET anchor = ?2 WHERE job = ?1",
                params![job.as_str(), anchor.as_second()],
            )
            .map(|_| ())
        })
    }

    /// Pauses a job; a pause it has is replaced.
    ///
    /// # Errors
    /// [`Error::Statement`].
    pub fn pause(&self, job: &JobName, pause: Pause) -> Result<(), Error> {
        let until = pause.until.map(Timestamp::as_second);
        self.write("pause a job", Durability::Full, |tx| {
            tx.execute(
                "INSERT INTO pauses (job, since, until) VALUES (?1, ?2, ?3)
                 ON CONFLICT (job) DO UPDATE SET since = ?2, until = ?3",
                params![job.as_str(), pause.since.as_second(), until],
            )
            .map(|_| ())
        })
    }

    /// Ends a job's pause. False if it has none.
    ///
    /// # Errors
    /// [`Error::Statement`].
    pub fn resume(&self, job: &JobName) -> Result<bool, Error> {
        self.write("resume a job", Durability::Full, |tx| {
            tx.execute("DELETE FROM pauses WHERE job = ?1", [job.as_str()])
                .map(|changed| changed == 1)
        })
    }

    /// All pauses, also those that have passed, by job.
    ///
    /// # Errors
    /// [`Error::Statement`], [`Error::Row`].
    pub fn pauses(&self) -> Result<Vec<(JobName, Pause)>, Error> {
        let connection = self.lock();
        let read = || {
            connection
                .prepare_cached("SELECT job, since, until FROM pauses ORDER BY job")?
                .query_map([], |row| {
                    Ok((row.get::<_, String>(0)?, (row.get(1)?, row.get(2)?)))
                })?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        let rows = read().map_err(self.failed("read pauses"))?;
        rows.into_iter()
            .map(|(job, pause)| Ok((self.job_name(&job)?, resolve_pause(pause))))
            .collect()
    }
}

fn resolve_pause((since, until): (i64, Option<i64>)) -> Pause {
    Pause {
        since: slot_instant(since),
        until: until.map(slot_instant),
    }
}

fn register_one(tx: &Transaction<'_>, job: &Registration, now: i64) -> rusqlite::Result<Known> {
    let name = job.job.as_str();
    let row: Option<(String, i64, i64)> = tx
        .prepare_cached("SELECT schedule, anchor, since FROM jobs WHERE job = ?1")?
        .query_row([name], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let (anchor, since) = match row {
        // A clock that was ahead when the job came must not keep it silent until then.
        Some((schedule, anchor, since)) if schedule == job.schedule => (anchor, since.min(now)),
        row => {
            let anchor = row.map_or(now, |(_, anchor, _)| anchor);
            tx.prepare_cached(
                "INSERT INTO jobs (job, schedule, anchor, since) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (job) DO UPDATE SET schedule = ?2, since = ?4",
            )?
            .execute(params![name, job.schedule, anchor, now])?;
            (anchor, now)
        }
    };
    known(tx, name, (anchor, since), job.needed)
}

/// What is known of a job whose phase and begin have been read.
fn known(
    connection: &Connection,
    name: &str,
    (anchor, since): (i64, i64),
    needed: bool,
) -> rusqlite::Result<Known> {
    let newest: Option<i64> = connection
        .prepare_cached("SELECT max(at) FROM slots WHERE job = ?1 AND scope = ''")?
        .query_row([name], |row| row.get(0))?;
    let succeeded: Option<i64> = if needed {
        connection
            .prepare_cached("SELECT max(slot) FROM runs WHERE job = ?1 AND outcome = 'succeeded'")?
            .query_row([name], |row| row.get(0))?
    } else {
        None
    };
    let pause = connection
        .prepare_cached("SELECT since, until FROM pauses WHERE job = ?1")?
        .query_row([name], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(Known {
        anchor: slot_instant(anchor),
        decided_until: slot_instant(newest.unwrap_or(since).max(since)),
        succeeded: succeeded.map(slot_instant),
        pause: pause.map(resolve_pause),
    })
}
