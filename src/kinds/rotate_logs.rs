//! `rotate_logs`: logs get another file before they are too large, old ones are compressed and go.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    archive,
    job::{Cx, Disposition, Env, Job, JobError, JobName, Kind, Plan, Problem, Report, Step},
    logs::{self, Limits, MAX_SIZE},
    units::Bytes,
};

mod apply;
mod find;
mod keep;
mod pattern;
mod period;
mod seal;
mod tasks;

pub use keep::KeepLogs;
pub use pattern::Pattern;
pub use period::Every;

use apply::Work;
use find::{Finding, find};
use tasks::tasks;

/// The settings of a `rotate_logs` job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RotateLogs {
    /// Which logs: paths relative to the root, with `*` and `?` in names, e.g. `logs/*.log`. Files
    /// that were rotated already are not meant.
    pub files: Vec<Pattern>,
    /// A log of this size gets another file. Bellkeeper's own log never becomes larger, others are
    /// looked at when the job runs.
    pub max_size: Bytes,
    /// Smaller logs get another file, too, if they have had none this `hour`, `day`, `week` or
    /// `month` of the job's time zone.
    pub every: Option<Every>,
    /// Logs smaller than this are not rotated by `every`.
    pub min_size: Bytes,
    /// Which rotated files stay, for each log; without rules all do.
    pub keep: KeepLogs,
    /// What becomes of rotated files: `gzip` or `none`.
    pub compress: Compress,
    /// How many of the newest rotated files stay as they are, for people to read.
    pub delay: u32,
    /// Where rotated files go when they are compressed, relative to the root; default: beside their
    /// log. May be on another filesystem.
    pub archive_dir: Option<PathBuf>,
    /// How another program's log gets another file: `rename` (the program opens its log again), or
    /// `copy` (it never does: the log is copied, then emptied). Bellkeeper swaps its own.
    pub method: Method,
    /// Whether compressed files are encrypted, too, to the recipients of archives.
    pub encrypt: bool,
    /// Folders outside of the root whose logs may be rotated.
    pub allowed: Vec<PathBuf>,
}

/// What becomes of rotated files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Compress {
    /// One gzip member each.
    #[default]
    Gzip,
    /// They stay as they are.
    None,
}

/// How another program's log gets another file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Its file gets another name and an empty one takes its place.
    #[default]
    Rename,
    /// Its lines are copied and the file is emptied.
    Copy,
}

/// Rotations of one process come one after the other, whatever jobs they belong to: two jobs may
/// cover one log.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

impl Default for RotateLogs {
    fn default() -> Self {
        Self {
            files: vec![Pattern::logs()],
            max_size: MAX_SIZE,
            every: None,
            min_size: Bytes::default(),
            keep: KeepLogs::default(),
            compress: Compress::default(),
            delay: 1,
            archive_dir: None,
            method: Method::default(),
            encrypt: false,
            allowed: Vec::new(),
        }
    }
}

impl RotateLogs {
    /// Whether the log at `path` is one of this job's.
    pub fn covers(&self, path: &Path, env: &Env) -> bool {
        let root = env.settings.root();
        self.files.iter().any(|files| files.matches(path, root))
    }

    /// When the writer of a log of this program rotates it by itself.
    pub fn limits(&self, env: &Env) -> Limits {
        Limits {
            max_size: self.max_size,
            archive_dir: self.archive(env),
        }
    }

    /// Finishes or undoes what a crash has left, as each run does first; returns what was done.
    ///
    /// # Errors
    /// When a folder or file cannot be read or written.
    pub fn recover(&self, env: &Env) -> Result<Vec<Step>, JobError> {
        let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = seal::Keys::at_hand(env);
        let archive = self.archive(env);
        let mut done = Vec::new();
        let logs = find(self, env).map_err(log_error)?.logs;
        for log in logs.iter().filter(|log| log.refused.is_none()) {
            let found = logs::recover(&log.path, archive.as_deref(), &|sealed, original| {
                keys.holds(sealed, original)
            });
            for repair in found.map_err(log_error)?.repairs {
                repair.apply().map_err(log_error)?;
                done.push(tasks::repair_step(&repair, env));
            }
        }
        Ok(done)
    }

    fn archive(&self, env: &Env) -> Option<PathBuf> {
        let folder = self.archive_dir.as_ref()?;
        Some(env.settings.path(folder).components().collect())
    }
}

impl Job for RotateLogs {
    fn check(&self, env: &Env) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut report = |setting, message: String, hint: &str| {
            problems.push(Problem::new(setting, message, hint));
        };
        if self.files.is_empty() {
            let hint = "name at least one, e.g. `logs/*.log`";
            report("files", "no logs are named".into(), hint);
        }
        if self.min_size > self.max_size {
            let (min, max) = (self.min_size, self.max_size);
            let message = format!("`min_size` of {min} is more than `max_size` of {max}");
            report("min_size", message, "make it smaller");
        }
        if self.encrypt && self.compress == Compress::None {
            let message = "only compressed files are encrypted".to_owned();
            report("encrypt", message, "use `compress: gzip`");
        }
        for refused in find::refused(self, env) {
            report("files", refused.message, refused.hint);
        }
        problems
    }

    fn plan(&self, cx: &Cx) -> Result<Plan, JobError> {
        let finding = find(self, &cx.env).map_err(log_error)?;
        let mut plan = Plan::default();
        plan.steps.extend(nothing(&finding, &cx.env));
        let keys = self.keys(cx)?;
        for log in &finding.logs {
            let tasks = tasks(self, log, cx, &keys).map_err(log_error)?;
            plan.steps.extend(tasks.into_iter().map(|task| task.step));
        }
        Ok(plan)
    }

    fn run(&self, cx: &Cx) -> Result<Report, JobError> {
        cx.checkpoint()?;
        let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        cx.checkpoint()?;
        let keys = self.keys(cx)?;
        let finding = find(self, &cx.env).map_err(log_error)?;
        let mut work = Work::new(self, cx, &keys);
        work.note_all(&nothing(&finding, &cx.env));
        for log in &finding.logs {
            work.log(log)?;
        }
        work.end()
    }

    /// In one archive folder two jobs would take each other's files for theirs.
    fn owned_folders(&self, _: &JobName, env: &Env) -> Vec<PathBuf> {
        let root = env.settings.root();
        let with_logs = |folder: &PathBuf| {
            let mut patterns = self.files.iter().map(|files| files.folder(root));
            patterns.any(|place| place.as_ref() == Some(folder))
        };
        let archive = self.archive(env).filter(|folder| !with_logs(folder));
        archive.into_iter().collect()
    }

    /// An archive with files of this folder's logs alone is like none.
    fn log_archive(&self, env: &Env) -> Option<PathBuf> {
        let root = env.settings.root();
        let of_others = |folder: &PathBuf| {
            let mut patterns = self.files.iter();
            patterns.any(|files| files.folder(root).as_ref() != Some(folder))
        };
        self.archive(env).filter(of_others)
    }

    fn rotates_in(&self, folder: &Path, env: &Env) -> bool {
        let root = env.settings.root();
        self.files
            .iter()
            .any(|files| files.looks_into(folder, root))
    }
}

impl RotateLogs {
    /// Fails before anything is done if nothing could be encrypted.
    fn keys(&self, cx: &Cx) -> Result<seal::Keys, JobError> {
        let keys = seal::Keys::at_hand(&cx.env);
        if self.encrypt {
            return keys.with_recipients(&cx.env).map_err(archive_error);
        }
        Ok(keys)
    }
}

impl Kind for RotateLogs {
    const NAME: &'static str = "rotate_logs";
    const SUMMARY: &'static str = "logs get another file in time; old ones are compressed and go";
    const EXAMPLE: &'static str = "\
rotate-logs:
  schedule: \"0 3 * * *\"
  rotate_logs: {files: [\"logs/*.log\"], max_size: 20MB, every: day, keep: {age: 30d, total_size: 1GB}}
";
}

/// A step for each pattern that no file matches.
fn nothing(finding: &Finding, env: &Env) -> Vec<Step> {
    let step = |pattern: &Pattern| Step {
        act: "skip".to_owned(),
        subject: pattern.to_string(),
        reason: format!("no log matches it in {}", env.settings.root().display()),
    };
    finding.without.iter().map(step).collect()
}

fn log_error(error: logs::Error) -> JobError {
    if let Some(reason) = error.cancelled() {
        return crate::job::Cancelled(reason).into();
    }
    let disposition = if error.is_retryable() {
        Disposition::Retry
    } else {
        Disposition::Permanent
    };
    JobError {
        disposition,
        hint: error.hint(),
        source: Box::new(error),
    }
}

fn archive_error(error: archive::Error) -> JobError {
    let hint = error.hint();
    let error = JobError::permanent(error);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

#[cfg(test)]
mod tests;
