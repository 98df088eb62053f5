//! The contract between what jobs do (`kinds`) and when they run (`engine`).

use std::{
    any::Any,
    fmt,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;

mod calendars;
mod cx;
mod error;
mod past;
mod policy;
mod report;
mod rules;
mod set;
mod sources;
#[cfg(test)]
pub(crate) mod testing;

pub use calendars::calendar_warnings;
pub use cx::{ArchiveFolder, Cx, Env, RunInfo};
pub use error::{Disposition, JobError, chain};
pub use policy::{CatchUp, Overlap, Policy, Retry};
pub use report::{Plan, Report, Step};
pub use rules::{Rules, RulesWanted};
pub use set::{Cursor, JobSet, JobSpec};

use crate::units::Span;

pub use crate::{
    watch::{Cancel, CancelReason, Cancelled, Progress, Watch},
    words::{JobName, LockName, Outcome, Pause, RunId, Slot, Trigger},
};

/// One thing wrong with a job's settings, found before it ever runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key inside the kind's settings that it is about, e.g. `to`; empty for the whole.
    pub setting: &'static str,
    /// What is wrong, as a lowercase sentence without a full stop.
    pub message: String,
    /// How to mend it.
    pub hint: Option<String>,
}

impl Problem {
    /// One with a remedy.
    pub fn new(setting: &'static str, message: impl Into<String>, hint: &str) -> Self {
        Self {
            setting,
            message: message.into(),
            hint: Some(hint.to_owned()),
        }
    }
}

/// A job whose archives another job reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivesOf {
    /// The setting of the reading job that names it, e.g. `jobs`.
    pub setting: &'static str,
    /// The job that makes the archives.
    pub job: JobName,
}

/// What a job does: the whole contract of a kind.
///
/// Jobs are plain blocking functions on a thread of their own. They ask
/// [`Cx::checkpoint`] between units of work; nothing ever kills a thread.
pub trait Job: Any + fmt::Debug + Send + Sync {
    /// Facts that make the job impossible, found at load. No side effects.
    fn check(&self, env: &Env) -> Vec<Problem>;

    /// What is wrong with what it says of databases as they are at this moment, found at load; not asked
    /// where the job file is read to mend them. No side effects.
    fn look(&self, _env: &Env) -> Vec<Problem> {
        Vec::new()
    }

    /// What a run would do, each line with its reason. No side effects.
    ///
    /// # Errors
    /// What would make the run fail before it has done anything.
    fn plan(&self, cx: &Cx) -> Result<Plan, JobError>;

    /// Does it.
    ///
    /// # Errors
    /// [`JobError`], whose disposition says whether another attempt can help.
    fn run(&self, cx: &Cx) -> Result<Report, JobError>;

    /// Folders that this job alone may write into; two jobs owning one folder are refused at load.
    fn owned_folders(&self, _job: &JobName, _env: &Env) -> Vec<PathBuf> {
        Vec::new()
    }

    /// Where logs go that this job has rotated, if logs of other folders go there: they are told
    /// apart by their names alone, so that no other job may rotate what is there.
    fn log_archive(&self, _env: &Env) -> Option<PathBuf> {
        None
    }

    /// Whether this job rotates logs that lie in `folder`.
    fn rotates_in(&self, _folder: &Path, _env: &Env) -> bool {
        false
    }

    /// The archives that this job makes; jobs that read them find them in [`Env::archives`].
    fn archives(&self, _job: &JobName, _env: &Env) -> Option<ArchiveFolder> {
        None
    }

    /// Jobs whose archives this one reads; whether they are there and make archives is checked at
    /// load.
    fn archives_of(&self) -> Vec<ArchivesOf> {
        Vec::new()
    }

    /// What it needs of [`Env::rules`]; whether that is there is checked at load, at its settings
    /// `strategies` and `symbols`.
    fn rules_wanted(&self, _env: &Env) -> Option<RulesWanted> {
        None
    }
}

/// A kind of job: its settings are the type itself, read from the key `NAME` of a job.
pub trait Kind: Job + DeserializeOwned + schemars::JsonSchema {
    /// The key in jobs.yaml.
    const NAME: &'static str;
    /// One line for lists and the README.
    const SUMMARY: &'static str;
    /// A whole job (under its name) as it would stand in jobs.yaml; a test parses it.
    const EXAMPLE: &'static str;
    /// The least settings that make a job, as JSON; a test runs it.
    const LEAST: &'static str = "{}";
    /// How old a missed slot may be and still be caught up, unless the job file says otherwise.
    const CATCH_UP_WINDOW: Span = Span::from_secs(24 * 3_600);
}
