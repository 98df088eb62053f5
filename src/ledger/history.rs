//! Reading runs back.

use jiff::Timestamp;
use rusqlite::{Row, params};
use serde_json::Value;

use super::{Error, Ledger, instant, slot_instant};
use crate::words::{JobName, Outcome, RunId, Trigger};

/// Which runs to list; newest first.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only this job's.
    pub job: Option<JobName>,
    /// Only those that did not do what they are for: failed, timed out, cancelled, lost.
    pub failed: bool,
    /// Only those older than this run, for paging.
    pub before: Option<RunId>,
    /// At most this many.
    pub limit: u32,
}

/// One run as history shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRow {
    /// Its number.
    pub run: RunId,
    /// Its job.
    pub job: JobName,
    /// The instant at which it was due.
    pub slot: Timestamp,
    /// Why it exists.
    pub trigger: Trigger,
    /// How many earlier slots it stands for.
    pub missed: u32,
    /// Attempts made.
    pub attempts: u32,
    /// How it ended; `None` while it is going on.
    pub outcome: Option<Outcome>,
    /// Why, unless it succeeded.
    pub reason: Option<String>,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// What it reported.
    pub report: Option<Value>,
}

/// The columns of a run as `collect` reads them.
pub(super) const COLUMNS: &str = "id, job, slot, trigger, missed, attempts, outcome, reason, started_at, \
                       finished_at, report";

/// The lane in which a run is done again: it takes one run.
pub fn retry_lane(run: RunId) -> String {
    format!("retry:{run}")
}

struct Raw {
    id: i64,
    job: String,
    slot: i64,
    trigger: String,
    missed: u32,
    attempts: u32,
    outcome: Option<String>,
    reason: Option<String>,
    started_at: i64,
    finished_at: Option<i64>,
    report: Option<String>,
}

impl Ledger {
    /// The runs that `filter` lets through, newest first.
    ///
    /// # Errors
    /// [`Error::Statement`], [`Error::Row`].
    pub fn runs(&self, filter: &Filter) -> Result<Vec<RunRow>, Error> {
        let before = filter.before.map_or(i64::MAX, |run| run.0);
        // One statement a shape, so that each walks its own index from the newest end.
        let (by_job, by_failure) = (
            if filter.job.is_some() {
                "job = ?2"
            } else {
                "?2 IS NULL"
            },
            if filter.failed {
                "outcome IN ('failed', 'timed-out', 'cancelled', 'lost')"
            } else {
                "TRUE"
            },
        );
        let sql = format!(
            "SELECT {COLUMNS} FROM runs WHERE id < ?1 AND {by_job} AND {by_failure}
             ORDER BY id DESC LIMIT ?3"
        );
        let job = filter.job.as_ref().map(JobName::as_str);
        self.collect(&sql, params![before, job, filter.limit])
    }

    /// One run by its number.
    ///
    /// # Errors
    /// [`Error::Statement`], [`Error::Row`].
    pub fn run(&self, run: RunId) -> Result<Option<RunRow>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM runs WHERE id = ?1");
        Ok(self.collect(&sql, params![run.0])?.pop())
    }

    /// The run in which `run` was done again, if it was.
    ///
    /// # Errors
    /// [`Error::Statement`].
    pub fn retried_by(&self, run: &RunRow) -> Result<Option<RunId>, Error> {
        let key = params![run.job.as_str(), retry_lane(run.run)];
        self.lock()
            .prepare_cached("SELECT max(id) FROM runs WHERE job = ?1 AND scope = ?2")
            .and_then(|mut select| select.query_row(key, |row| row.get::<_, Option<i64>>(0)))
            .map(|id| id.map(RunId))
            .map_err(self.failed("look for a retry"))
    }

    /// The runs going on now, oldest first.
    ///
    /// # Errors
    /// [`Error::Statement`], [`Error::Row`].
    pub fn running(&self) -> Result<Vec<RunRow>, Error> {
        self.collect(
            &format!("SELECT {COLUMNS} FROM runs WHERE outcome IS NULL ORDER BY id"),
            [],
        )
    }

    pub(super) fn collect(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
    ) -> Result<Vec<RunRow>, Error> {
        let connection = self.lock();
        let read = || {
            connection
                .prepare_cached(sql)?
                .query_map(params, raw)?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        let rows = read().map_err(self.failed("read runs"))?;
        rows.iter().map(|raw| self.resolve(raw)).collect()
    }

    fn resolve(&self, raw: &Raw) -> Result<RunRow, Error> {
        let unreadable = |column: &str, text: &str| Error::Row {
            path: self.path.clone(),
            what: format!("run {}: {column} `{text}`", raw.id),
        };
        let outcome = raw
            .outcome
            .as_deref()
            .map(|word| Outcome::from_word(word).ok_or_else(|| unreadable("outcome", word)))
            .transpose()?;
        let report = raw
            .report
            .as_deref()
            .map(|text| serde_json::from_str(text).map_err(|_| unreadable("report", text)))
            .transpose()?;
        let trigger =
            Trigger::from_word(&raw.trigger).ok_or_else(|| unreadable("trigger", &raw.trigger))?;
        Ok(RunRow {
            run: RunId(raw.id),
            job: self.job_name(&raw.job)?,
            slot: slot_instant(raw.slot),
            trigger,
            missed: raw.missed,
            attempts: raw.attempts,
            outcome,
            reason: raw.reason.clone(),
            started_at: instant(raw.started_at),
            finished_at: raw.finished_at.map(instant),
            report,
        })
    }
}

fn raw(row: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok(Raw {
        id: row.get(0)?,
        job: row.get(1)?,
        slot: row.get(2)?,
        trigger: row.get(3)?,
        missed: row.get(4)?,
        attempts: row.get(5)?,
        outcome: row.get(6)?,
        reason: row.get(7)?,
        started_at: row.get(8)?,
        finished_at: row.get(9)?,
        report: row.get(10)?,
    })
}
