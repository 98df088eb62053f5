//! Reading back what is known of the slots of one job, and of the daemons that had to see to them.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::{Error, Ledger, RunRow, history::COLUMNS, instant, slot_instant};
use crate::words::{JobName, RunId};

/// Whose runs are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Those that decide a slot of the schedule.
    Schedule,
    /// All others: by hand and whatever else has a lane of its own.
    Others,
}

/// Since when a job is known, and from which instant on its present schedule owes slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenure {
    /// Everything that decides when it is due, as the daemon last read it.
    pub schedule: String,
    /// The phase of `every`: the second in which the job was first seen.
    pub anchor: Timestamp,
    /// Slots after this second are owed.
    pub since: Timestamp,
}

/// An attempt that failed and was repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRow {
    /// Which attempt, from 1.
    pub attempt: u32,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Why it failed.
    pub error: String,
}

/// One life of a daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Life {
    /// Its process.
    pub pid: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended in good order; `None` while it lives, and for ever when it died.
    pub ended_at: Option<Timestamp>,
}

impl Ledger {
    /// The newest `limit` runs of a job whose slots lie between `from` and `until`, both included;
    /// by slot, and of one slot the last run first.
    ///
    /// # Errors
    /// [`Error::Statement`], [`Error::Row`].
    pub fn runs_between(
        &self,
        job: &JobName,
        lane: Lane,
        from: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<RunRow>, Error> {
        let lane = match lane {
            Lane::Schedule => "scope = ''",
            Lane::Others => "scope <> ''",
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM runs WHERE job = ?1 AND {lane} AND slot BETWEEN ?2 AND ?3
             ORDER BY slot DESC, id DESC LIMIT ?4"
        );
        let (from, until) = (from.as_second(), until.as_second());
        self.collect(&sql, params![job.as_str(), from, until, limit])
    }

    /// The first run that decides a slot of the schedule after `at`.
    ///
    /// # Errors
    /// [`Error::Statement`], [`Error::Row`].
    pub fn decided_after(&self, job: &JobName, at: Timestamp) -> Result<Option<RunRow>, Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM runs WHERE job = ?1 AND scope = '' AND slot > ?2
             ORDER BY slot, id LIMIT 1"
        );
        let mut rows = self.collect(&sql, params![job.as_str(), at.as_second()])?;
        Ok(rows.pop())
    }

    /// The slots of a job that are kept waiting, oldest first, each with what it waits for.
    ///
    /// # Errors
    /// [`Error::Statement`].
    pub fn waiting(&self, job: &JobName) -> Result<Vec<(Timestamp, String)>, Error> {
        let sql = "SELECT at, coalesce(note, '') FROM slots
                   WHERE job = ?1 AND scope = '' AND state = 'waiting' ORDER BY at";
        let connection = self.lock();
        let read = || {
            let mut select = connection.prepare_cached(sql)?;
            let rows = select.query_map([job.as_str()], |row| {
                Ok((slot_instant(row.get(0)?), row.get(1)?))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(self.failed("read slots that wait"))
    }

    /// The failed attempts of a run before its last one, in order.
    ///
    /// # Errors
    /// [`Error::Statement`].
    pub fn failed_attempts(&self, run: RunId) -> Result<Vec<AttemptRow>, Error> {
        let sql = "SELECT attempt, ended_at, error FROM attempts WHERE run = ?1 ORDER BY attempt";
        let connection = self.lock();
        let read = || {
            let mut select = connection.prepare_cached(sql)?;
            let rows = select.query_map([run.0], |row| {
                Ok(AttemptRow {
                    attempt: row.get(0)?,
                    ended_at: instant(row.get(1)?),
                    error: row.get(2)?,
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(self.failed("read attempts"))
    }

    /// Since when a job is known; `None` if no daemon has ever seen it.
    ///
    /// # Errors
    /// [`Error::Statement`].
    pub fn tenure(&self, job: &JobName) -> Result<Option<Tenure>, Error> {
        let sql = "SELECT schedule, anchor, since FROM jobs WHERE job = ?1";
        let connection = self.lock();
        let read = || {
            let mut select = connection.prepare_cached(sql)?;
            let row = select.query_row([job.as_str()], |row| {
                Ok(Tenure {
                    schedule: row.get(0)?,
                    anchor: slot_instant(row.get(1)?),
                    since: slot_instant(row.get(2)?),
                })
            });
            row.optional()
        };
        read().map_err(self.failed("read a job"))
    }

    /// The lives of processes that were `what` and had not ended before `from`, newest first, and
    /// the one before them.
    ///
    /// # Errors
    /// [`Error::Statement`].
    pub fn lives(&self, what: &str, from: Timestamp) -> Result<Vec<Life>, Error> {
        // One that died has no end: it is known to be over once the next one begins, so all lives
        // from the last one that began before `from` on are of interest.
        let sql = "SELECT pid, started_at, ended_at FROM instances
                   WHERE what = ?1 AND id >= coalesce((SELECT max(id) FROM instances
                       WHERE what = ?1 AND started_at <= ?2), 0)
                   ORDER BY id DESC";
        let connection = self.lock();
        let read = || {
            let mut select = connection.prepare_cached(sql)?;
            let rows = select.query_map(params![what, from.as_millisecond()], |row| {
                Ok(Life {
                    pid: row.get(0)?,
                    started_at: instant(row.get(1)?),
                    ended_at: row.get::<_, Option<i64>>(2)?.map(instant),
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(self.failed("read lives"))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        clock::Clock,
        ledger::{Claim, Decision, FailedAttempt, Instance, Registration},
        words::{Slot, Trigger},
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn job() -> JobName {
        "a".parse().unwrap()
    }

    fn slot(second: i64, scope: &str) -> Slot {
        Slot {
            job: job(),
            at: at(second),
            scope: scope.into(),
        }
    }

    fn run(ledger: &Ledger, me: Instance, slot: Slot) -> crate::ledger::Fence {
        let claim = Claim {
            slot,
            trigger: Trigger::Schedule,
            missed: 0,
            lease: Duration::from_mins(1),
            max_claims: 3,
        };
        let decided = ledger.decide(me, &[Decision::Run(claim)], &[]).unwrap();
        decided[0].unwrap().fence.unwrap()
    }

    fn opened(folder: &std::path::Path) -> (Ledger, Instance) {
        let ledger = Ledger::open(&folder.join("x.db"), Clock::System).unwrap();
        let me = ledger.begin("daemon", "host", "1").unwrap();
        (ledger, me)
    }

    #[test]
    fn runs_are_read_by_slot_and_lane() {
        let folder = tempfile::tempdir().unwrap();
        let (ledger, me) = opened(folder.path());
        for second in [30, 10, 20, 40] {
            run(&ledger, me, slot(second, ""));
        }
        run(&ledger, me, slot(25, "manual"));
        let slots = |lane, from, until, limit| -> Vec<i64> {
            let rows = ledger.runs_between(&job(), lane, at(from), at(until), limit);
            rows.unwrap()
                .iter()
                .map(|row| row.slot.as_second())
                .collect()
        };
        assert_eq!(slots(Lane::Schedule, 10, 30, 9), [30, 20, 10]);
        assert_eq!(slots(Lane::Schedule, 0, 99, 2), [40, 30]);
        assert_eq!(slots(Lane::Others, 0, 99, 9), [25]);
        let after = |second| ledger.decided_after(&job(), at(second)).unwrap();
        assert_eq!(after(20).unwrap().slot, at(30), "not the run by hand");
        assert_eq!(after(40), None);
    }

    #[test]
    fn failed_attempts_are_read_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let (ledger, me) = opened(folder.path());
        let fence = run(&ledger, me, slot(10, ""));
        for attempt in [1, 2] {
            let error = format!("error {attempt}");
            let failed = FailedAttempt {
                fence,
                attempt,
                error,
            };
            ledger.attempt_failed(&failed).unwrap();
        }
        let rows = ledger.failed_attempts(fence.run()).unwrap();
        let told: Vec<_> = rows
            .iter()
            .map(|row| (row.attempt, row.error.as_str()))
            .collect();
        assert_eq!(told, [(1, "error 1"), (2, "error 2")]);
    }

    #[test]
    fn tenure_is_what_was_registered() {
        let folder = tempfile::tempdir().unwrap();
        let (ledger, _) = opened(folder.path());
        assert_eq!(ledger.tenure(&job()).unwrap(), None);
        let schedule = "@daily in UTC".to_owned();
        let registration = Registration {
            job: job(),
            schedule: schedule.clone(),
            needed: false,
        };
        let known = ledger.register(&[registration]).unwrap()[0];
        let tenure = ledger.tenure(&job()).unwrap().unwrap();
        assert_eq!((tenure.anchor, tenure.schedule), (known.anchor, schedule));
        assert_eq!(tenure.since, known.decided_until);
    }

    #[test]
    fn lives_reach_back_to_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let (ledger, first) = opened(folder.path());
        ledger.end(first).unwrap();
        ledger.begin("run-job a", "host", "1").unwrap();
        ledger.begin("daemon", "host", "1").unwrap();
        let now = Clock::System.now();
        let ended = |from| -> Vec<bool> {
            let lives = ledger.lives("daemon", from).unwrap();
            lives.iter().map(|life| life.ended_at.is_some()).collect()
        };
        assert_eq!(ended(Timestamp::UNIX_EPOCH), [false, true]);
        assert_eq!(ended(now), [false], "it began before, and lives");
    }
}
