//! `prune`: rows that are too old leave their tables, archived first.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    job::{ArchivesOf, Cx, Env, Job, JobError, JobName, Kind, Plan, Problem, Report},
    store::{self, Limits, Table},
    units::{Bytes, Percent, Span},
};

mod error;
mod require;
mod round;
mod run;
mod survey;
#[cfg(test)]
mod tests;

use error::Error;
pub use require::RequireBackup;

/// The settings of a `prune` job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Prune {
    /// Which tables, and how much of each stays.
    pub tables: BTreeMap<String, Limit>,
    /// The largest share of a table that may go in one run. A larger one is refused: the clock may have
    /// leapt. `run-job JOB --yes` lets it happen once.
    pub max_delete: Percent,
    /// Whether rows go into an encrypted archive first, from which `prune --undo RUN` puts them back.
    pub archive: bool,
    /// Whether rows stay until a verified backup of the database is newer than they are; the name of
    /// a job: until one of that job is.
    pub require_backup: RequireBackup,
    /// The folder of the archives, relative to the root; default `backups/<job>`.
    pub to: Option<PathBuf>,
    /// How long a run may take; the next one goes on where it ended.
    pub budget: Span,
    /// Whether the room of the rows goes back to the disk (`auto`) or stays in the file for new ones.
    pub reclaim: Reclaim,
}

/// How much of a table stays. What any of them does not want goes, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// The column with the time of a row: ISO 8601 text, seconds or milliseconds since 1970.
    pub column: String,
    /// Rows up to this age stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<Span>,
    /// So many of the newest rows stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// So much of the newest stays, indexes included; by the average size of a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Bytes>,
}

/// What becomes of the room that rows took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Reclaim {
    /// It goes back to the disk, all but a tenth of the file, where the database can do that.
    #[default]
    Auto,
    /// It stays in the file.
    Never,
}

impl Default for Prune {
    fn default() -> Self {
        let signals = Limit {
            column: "timestamp".to_owned(),
            keep: Some(Span::from_secs(90 * 86_400)),
            rows: None,
            size: None,
        };
        Self {
            tables: BTreeMap::from([("signals".to_owned(), signals)]),
            max_delete: Percent(50),
            archive: true,
            require_backup: RequireBackup::Any(true),
            to: None,
            budget: Span::from_secs(600),
            reclaim: Reclaim::default(),
        }
    }
}

impl Prune {
    /// The folder of the archives of `job`.
    pub fn folder(&self, job: &JobName, env: &Env) -> PathBuf {
        let default = || Path::new("backups").join(job.as_str());
        env.settings.path(self.to.clone().unwrap_or_else(default))
    }

    /// What is wrong with the tables and columns that are named, where the database can be read; if it
    /// cannot, a run will tell.
    fn check_tables(&self, env: &Env) -> Vec<Problem> {
        let Ok(reader) = env.store().reader() else {
            return Vec::new();
        };
        let problem = |(name, limit): (&String, &Limit)| {
            let looked = Table::look(&reader, name);
            let error = looked
                .and_then(|table| table.column(&limit.column).map(drop))
                .err()?;
            let permanent = matches!(
                error,
                store::Error::NoTable { .. }
                    | store::Error::NoColumn { .. }
                    | store::Error::Unprunable { .. }
            );
            permanent.then(|| Problem {
                setting: "tables",
                message: error.to_string(),
                hint: error.hint(),
            })
        };
        self.tables.iter().filter_map(problem).collect()
    }
}

impl Limit {
    fn limits(&self) -> Limits {
        Limits {
            column: self.column.clone(),
            keep: self.keep,
            rows: self.rows,
            size: self.size,
        }
    }
}

impl Job for Prune {
    fn check(&self, _env: &Env) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut report = |setting, message: String, hint: &str| {
            problems.push(Problem::new(setting, message, hint));
        };
        if self.tables.is_empty() {
            let hint = "name one: `tables: {signals: {column: timestamp, keep: 90d}}`";
            report("tables", "no table is named".to_owned(), hint);
        }
        for (name, limit) in &self.tables {
            if limit.keep.is_none() && limit.rows.is_none() && limit.size.is_none() {
                let message = format!("nothing says how much of `{name}` stays");
                report("tables", message, "add `keep`, `rows` or `size`");
            }
        }
        if self.budget == Span::default() {
            report(
                "budget",
                "a run needs some time".to_owned(),
                "e.g. `budget: 10m`",
            );
        }
        problems
    }

    fn look(&self, env: &Env) -> Vec<Problem> {
        self.check_tables(env)
    }

    fn plan(&self, cx: &Cx) -> Result<Plan, JobError> {
        Ok(survey::survey(self, cx)?.plan(self, cx)?)
    }

    fn run(&self, cx: &Cx) -> Result<Report, JobError> {
        cx.checkpoint()?;
        Ok(run::run(self, cx)?)
    }

    fn owned_folders(&self, job: &JobName, env: &Env) -> Vec<PathBuf> {
        vec![self.folder(job, env)]
    }

    fn archives_of(&self) -> Vec<ArchivesOf> {
        match &self.require_backup {
            RequireBackup::Any(_) => Vec::new(),
            RequireBackup::Of(job) => vec![ArchivesOf {
                setting: "require_backup",
                job: job.clone(),
            }],
        }
    }
}

impl Kind for Prune {
    const NAME: &'static str = "prune";
    const SUMMARY: &'static str = "rows that are too old leave their tables, archived first";
    const EXAMPLE: &'static str = "\
prune-signals:
  schedule: \"30 3 * * sun\"
  prune: {tables: {signals: {column: timestamp, keep: 90d}}, max_delete: 50%}
";
}
