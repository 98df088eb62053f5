//! `backup`: an encrypted, verified archive of the database and of files.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    job::{Cx, Env, Job, JobError, Kind, Plan, Problem, Report},
    retention::Keep,
    units::Span,
};

/// The settings of a `backup` job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Backup {
    /// What goes in: `database`, `config`, `logs`, `data`, or paths relative to the root.
    pub what: Vec<String>,
    /// The folder of the archives, relative to the root; default `backups/<job>`.
    pub to: Option<PathBuf>,
    /// Which archives stay.
    pub keep: Keep,
    /// How hard to compress.
    pub compression: Compression,
}

/// How hard to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// zlib level 1.
    Fast,
    /// zlib level 4.
    #[default]
    Default,
    /// zlib level 9.
    Best,
}

impl Default for Backup {
    fn default() -> Self {
        Self {
            what: vec!["database".into(), "config".into()],
            to: None,
            keep: Keep::default(),
            compression: Compression::default(),
        }
    }
}

impl Job for Backup {
    fn check(&self, _env: &Env) -> Vec<Problem> {
        Vec::new()
    }

    fn plan(&self, _cx: &Cx) -> Result<Plan, JobError> {
        Ok(Plan::default())
    }

    fn run(&self, _cx: &Cx) -> Result<Report, JobError> {
        Err(JobError::permanent(
            "the archive writer is not in place yet",
        ))
    }
}

impl Kind for Backup {
    const NAME: &'static str = "backup";
    const SUMMARY: &'static str = "an encrypted, verified archive of the database and of files";
    const EXAMPLE: &'static str = "\
backup-daily:
  schedule: \"0 2 * * *\"
  backup: {what: [database, config], to: backups/daily, keep: {daily: 7}}
";
    // A machine that is off for a day and a night still gets yesterday's archive.
    const CATCH_UP_WINDOW: Span = Span::from_secs(36 * 3_600);
}
