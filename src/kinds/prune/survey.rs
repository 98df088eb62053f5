//! What would go from each table and why, and what stands against it.

use jiff::{SignedDuration, Timestamp};

use super::{Error, Limit, Prune, Reclaim, require::Backup};
use crate::{
    archive::Recipient,
    job::{Cx, Plan},
    store::{self, Moment, Reader, Selection, Table, select},
};

/// All tables of the job.
pub(super) struct Survey {
    pub(super) tables: Vec<Surveyed>,
    pub(super) backup: Option<Backup>,
}

/// One table.
pub(super) struct Surveyed {
    pub(super) name: String,
    pub(super) limit: Limit,
    /// The rows that are past its limits; `None`: it holds no times.
    pub(super) selection: Option<Selection>,
    /// So many more would be, but are newer than the newest backup.
    pub(super) unsafe_rows: u64,
    /// Why nothing may be removed.
    pub(super) refusal: Option<Error>,
}

/// Looks at all tables before anything is done to one.
pub(super) fn survey(prune: &Prune, cx: &Cx) -> Result<Survey, Error> {
    let reader = cx.env.store().reader()?;
    let backup = prune.require_backup.newest(&cx.env)?;
    let needs_backup = prune.require_backup != super::RequireBackup::Any(false);
    let mut tables = Vec::new();
    for (name, limit) in &prune.tables {
        cx.checkpoint()?;
        cx.watch.progress.step(&format!("look at {name}"));
        let table = Table::look(&reader, name)?;
        let look = Look {
            prune,
            cx,
            reader: &reader,
            table: &table,
            limit,
        };
        tables.push(look.one(needs_backup, backup.as_ref())?);
    }
    Ok(Survey { tables, backup })
}

struct Look<'a> {
    prune: &'a Prune,
    cx: &'a Cx,
    reader: &'a Reader,
    table: &'a Table,
    limit: &'a Limit,
}

impl Look<'_> {
    fn select(&self, not_after: Option<Timestamp>) -> Result<Option<Selection>, store::Error> {
        let moment = Moment {
            now: self.cx.env.clock.now(),
            not_after,
            zone: &self.cx.zone,
            sample: self.cx.approved,
        };
        select(self.reader, self.table, &self.limit.limits(), &moment)
    }

    fn one(&self, needs_backup: bool, backup: Option<&Backup>) -> Result<Surveyed, Error> {
        let wanted = self.select(None)?;
        let count = wanted.as_ref().map_or(0, |selection| selection.count);
        let mut this = Surveyed {
            name: self.table.name.clone(),
            limit: self.limit.clone(),
            selection: wanted,
            unsafe_rows: 0,
            refusal: None,
        };
        if count == 0 {
            return Ok(this);
        }
        if needs_backup {
            if let Some(backup) = backup {
                this.selection = self.select(Some(backup.shows))?;
            }
            let safe = this.selection.as_ref().filter(|_| backup.is_some());
            let safe = safe.map_or(0, |selection| selection.count);
            this.unsafe_rows = count.saturating_sub(safe);
            if safe == 0 {
                this.refusal = Some(self.no_backup(count, backup));
                return Ok(this);
            }
        }
        this.refusal = this
            .selection
            .as_ref()
            .and_then(|selection| self.too_much(selection));
        Ok(this)
    }

    fn too_much(&self, selection: &Selection) -> Option<Error> {
        let percent = selection.percent();
        if self.cx.approved || percent <= f64::from(self.prune.max_delete.0) {
            return None;
        }
        let keep = self
            .limit
            .keep
            .map_or(SignedDuration::MAX, crate::units::Span::signed);
        let stale = selection.is_stale(self.cx.env.clock.now(), keep);
        Some(Error::TooMuch {
            table: self.table.name.clone(),
            count: selection.count,
            of: selection.of,
            percent,
            most: self.prune.max_delete,
            stale: stale.then(|| selection.newest.shown()),
            job: self.cx.run.job.to_string(),
        })
    }

    fn no_backup(&self, count: u64, backup: Option<&Backup>) -> Error {
        let env = &self.cx.env;
        let jobs: Vec<String> = self
            .prune
            .require_backup
            .jobs(env)
            .map(ToString::to_string)
            .collect();
        let hint = match (jobs.first(), backup) {
            (None, _) => "no job backs the database up: add a job of the kind `backup` with \
                          `what: [database]`, or say `require_backup: false`"
                .to_owned(),
            (Some(job), None) => format!(
                "there is none yet: `bellkeeper run-job {job}` makes one, then run this job again"
            ),
            (Some(job), Some(backup)) => format!(
                "the newest is of {}: `bellkeeper run-job {job}` makes another one, then run this \
                 job again",
                backup.shows
            ),
        };
        Error::NoBackup {
            table: self.table.name.clone(),
            count,
            hint,
        }
    }
}

impl Surveyed {
    /// Which limits say so, in words.
    fn why(&self, selection: &Selection) -> String {
        let keep = self.limit.keep.map(|keep| format!("keep: {keep}"));
        let rows = self.limit.rows.map(|rows| format!("rows: {rows}"));
        let size = self.limit.size.map(|size| format!("size: {size}"));
        let limits: Vec<String> = [keep, rows, size].into_iter().flatten().collect();
        let index = if selection.indexed {
            ""
        } else {
            ", without an index"
        };
        format!(
            "{} ({}; {}{index}; {:.0} % of the table)",
            which(selection),
            limits.join(", "),
            selection.form.words(),
            selection.percent()
        )
    }
}

impl Surveyed {
    /// The lines of one table; whether rows would go.
    fn plan(&self, prune: &Prune, cx: &Cx, plan: &mut Plan) -> Result<bool, Error> {
        let name = &self.name;
        let Some(selection) = &self.selection else {
            plan.step("keep", name, "no row of it has a time");
            return Ok(false);
        };
        if selection.sample > 0 {
            let rows = format!("{} rows of {name}", selection.sample);
            plan.step(
                "keep",
                rows,
                "they are the sample of the first start; `--yes` removes them, too",
            );
        }
        if let Some(refusal) = &self.refusal {
            plan.step(
                "refuse",
                format!("{} rows of {name}", selection.count),
                refusal,
            );
            return Ok(false);
        }
        if selection.count == 0 {
            plan.step(
                "keep",
                name,
                format!("nothing is past its limits: {}", self.why(selection)),
            );
            return Ok(false);
        }
        if self.unsafe_rows > 0 {
            let rows = format!("{} rows of {name}", self.unsafe_rows);
            plan.step("keep", rows, "no verified backup is newer than they are");
        }
        let rows = format!("{} rows of {name}", selection.count);
        if prune.archive {
            let recipients = cx.env.encryption.resolve()?;
            let to: Vec<String> = recipients.iter().map(Recipient::fingerprint).collect();
            let folder = prune.folder(&cx.run.job, &cx.env);
            let reason = format!("{rows}, encrypted to {}", to.join(", "));
            plan.step("write", folder.display(), reason);
        }
        plan.step("remove", rows, self.why(selection));
        Ok(true)
    }
}

/// Which rows go, in words.
pub(super) fn which(selection: &Selection) -> String {
    format!("{} before {}", selection.column, selection.before.shown())
}

impl Survey {
    /// What a run would do.
    pub(super) fn plan(&self, prune: &Prune, cx: &Cx) -> Result<Plan, Error> {
        let mut plan = Plan::default();
        let mut any = false;
        for table in &self.tables {
            any |= table.plan(prune, cx, &mut plan)?;
        }
        if let Some(backup) = &self.backup {
            let reason = format!(
                "the newest verified backup of the database, of {}",
                backup.shows
            );
            plan.step("rely on", backup.path.display(), reason);
        }
        if any && prune.reclaim == Reclaim::Auto {
            let reason = "`reclaim: auto`; a tenth of the file stays free";
            plan.step("shrink", cx.env.database.display(), reason);
        }
        Ok(plan)
    }
}
