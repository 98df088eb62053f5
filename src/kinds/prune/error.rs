//! Why nothing, or not everything, was removed.

use crate::{
    archive,
    job::{CancelReason, Cancelled, Disposition, JobError},
    store,
    units::Percent,
};

/// Why a run of `prune` failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// An archive.
    #[error(transparent)]
    Archive(#[from] archive::Error),
    /// More of a table would go than may.
    #[error(
        "{count} of {of} rows of `{table}` ({percent:.0} %) would go, more than `max_delete: {most}` \
         allows; nothing was removed"
    )]
    TooMuch {
        /// The table.
        table: String,
        /// How many rows are past their limits.
        count: u64,
        /// How many there are.
        of: u64,
        /// Their share in percent.
        percent: f64,
        /// The largest share that may go.
        most: Percent,
        /// The newest row, if it is old itself.
        stale: Option<String>,
        /// The job.
        job: String,
    },
    /// There is no verified backup.
    #[error(
        "{count} rows of `{table}` are past their limits, but no verified backup is newer than they \
         are; nothing was removed"
    )]
    NoBackup {
        /// The table.
        table: String,
        /// How many rows.
        count: u64,
        /// What would help.
        hint: String,
    },
    /// The log grew too long because of a reader, before anything was removed.
    #[error("{0}; nothing was removed")]
    Reader(String),
    /// The work was told to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Error {
    fn cancelled(&self) -> Option<CancelReason> {
        match self {
            Self::Store(error) => error.cancelled(),
            Self::Archive(error) => error.cancelled(),
            Self::Cancelled(Cancelled(reason)) => Some(*reason),
            _ => None,
        }
    }

    fn is_retryable(&self) -> bool {
        match self {
            Self::Store(error) => error.is_retryable(),
            Self::Archive(error) => error.is_retryable(),
            Self::Reader(_) => true,
            _ => false,
        }
    }

    /// What a person can do about it.
    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Archive(error) => error.hint(),
            Self::TooMuch { stale, job, .. } => Some(too_much(stale.as_deref(), job)),
            Self::NoBackup { hint, .. } => Some(hint.clone()),
            Self::Reader(_) => Some("end that program, or its long query".to_owned()),
            Self::Cancelled(_) => None,
        }
    }
}

fn too_much(stale: Option<&str>, job: &str) -> String {
    let remedy = format!(
        "if it is meant so, `bellkeeper run-job {job} --yes` does it once; `--dry-run` shows what \
         would go"
    );
    match stale {
        Some(newest) => format!(
            "the newest row is of {newest}: has the clock of this computer leapt, or has nothing \
             been written since? {remedy}"
        ),
        None => format!("is the unit of `keep` right, and the clock? {remedy}"),
    }
}

impl From<Error> for JobError {
    fn from(error: Error) -> Self {
        if let Some(reason) = error.cancelled() {
            return Cancelled(reason).into();
        }
        let disposition = if error.is_retryable() {
            Disposition::Retry
        } else {
            Disposition::Permanent
        };
        let hint = error.hint();
        Self {
            disposition,
            source: Box::new(error),
            hint,
        }
    }
}
