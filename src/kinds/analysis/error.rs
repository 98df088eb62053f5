//! Why an analysis failed as a whole.

use crate::{
    job::{Cancelled, Disposition, JobError},
    market::SourcesError,
    store,
};

/// What ends a run; what is wrong with a symbol does not.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Sources(#[from] SourcesError),
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    #[error("the time zones of this computer lack that of the calendar `XNYS`")]
    Zone,
    #[error("{failed} of {of} symbols failed, more than {most}: {told}")]
    TooMany {
        failed: usize,
        of: usize,
        most: crate::units::Percent,
        told: String,
        /// How the first one is mended.
        hint: Option<String>,
        /// Whether trying again can help all of them.
        passes: bool,
    },
}

impl From<Error> for JobError {
    fn from(error: Error) -> Self {
        let (disposition, hint) = match &error {
            Error::Cancelled(cancelled) => return (*cancelled).into(),
            Error::Store(store) => match store.cancelled() {
                Some(reason) => return Cancelled(reason).into(),
                None if store.is_retryable() => (Disposition::Retry, store.hint()),
                None => (Disposition::Permanent, store.hint()),
            },
            Error::Sources(_) => (Disposition::Permanent, None),
            Error::Zone => {
                let hint = "install the time zone database (`tzdata`)";
                (Disposition::Permanent, Some(hint.to_owned()))
            }
            Error::TooMany { hint, passes, .. } => {
                let disposition = if *passes {
                    Disposition::Retry
                } else {
                    Disposition::Permanent
                };
                (disposition, hint.clone())
            }
        };
        Self {
            disposition,
            source: Box::new(error),
            hint,
        }
    }
}
