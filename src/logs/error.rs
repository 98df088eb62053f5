//! What can go wrong with logs, whether trying again helps, and what a person can do.

use std::{io, path::PathBuf};

use tracing_subscriber::{filter::ParseError, util::TryInitError};

use super::NotALog;
use crate::{
    files,
    watch::{CancelReason, Cancelled},
};

/// What went wrong with a log.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter is not one.
    #[error("read the log filter `{filter}`")]
    Filter {
        /// As given.
        filter: String,
        /// What is wrong with it.
        source: ParseError,
    },
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] files::Error),
    /// A log that cannot be rotated because of its name.
    #[error(transparent)]
    Name(#[from] NotALog),
    /// What was just written does not read back as it was meant; the original is still there.
    #[error("`{}` does not read back as it was written", path.display())]
    ReadBack {
        /// What was to be made.
        path: PathBuf,
    },
    /// Somebody wrote a file that should have been at rest; it is still there.
    #[error("`{}` changed while it was read", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The work was told to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// This process has a log already.
    #[error("start the log")]
    Started(#[from] TryInitError),
}

impl Error {
    /// Whether the disk is full.
    pub fn is_full(&self) -> bool {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        matches!(self, Self::File(error) if matches!(error.source.kind(), StorageFull | QuotaExceeded))
    }

    /// Whether the same work may succeed later.
    pub fn is_retryable(&self) -> bool {
        use io::ErrorKind as Kind;
        match self {
            Self::ReadBack { .. } | Self::Changed { .. } => true,
            Self::File(files::Error { source, .. }) => {
                self.is_full()
                    || matches!(
                        source.kind(),
                        Kind::Interrupted
                            | Kind::TimedOut
                            | Kind::ResourceBusy
                            | Kind::WouldBlock
                            | Kind::OutOfMemory
                            | Kind::StaleNetworkFileHandle
                    )
            }
            _ => false,
        }
    }

    /// Why the work was told to stop, if that is what happened.
    pub fn cancelled(&self) -> Option<CancelReason> {
        match self {
            Self::Cancelled(Cancelled(reason)) => Some(*reason),
            Self::File(error) => {
                let inner = error.source.get_ref()?;
                inner
                    .downcast_ref::<Cancelled>()
                    .map(|cancelled| cancelled.0)
            }
            _ => None,
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            _ if self.is_full() => {
                "free space, or let `keep: {total_size: …}` or `keep: {min_free: …}` remove old ones; \
                 nothing is lost: what could not be compressed stays as it is"
            }
            Self::File(error)
                if matches!(
                    error.source.kind(),
                    io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
                ) =>
            {
                "make the folder writable for this user, or choose another one with `archive_dir`"
            }
            Self::Changed { .. } => {
                "let the program reopen its log after a rotation, or use `method: copy`"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(source: io::Error) -> Error {
        files::at("write", std::path::Path::new("x"))(source).into()
    }

    #[test]
    fn a_full_disk_passes_and_a_missing_right_does_not() {
        let full = file(io::ErrorKind::StorageFull.into());
        assert!(full.is_full() && full.is_retryable());
        assert!(full.hint().unwrap().contains("min_free"));
        let refused = file(io::ErrorKind::PermissionDenied.into());
        assert!(!refused.is_full() && !refused.is_retryable());
        assert!(refused.hint().unwrap().contains("archive_dir"));
    }

    #[test]
    fn a_cancellation_keeps_its_reason_through_a_reader() {
        let cancelled = Cancelled(CancelReason::Timeout);
        assert_eq!(
            file(cancelled.into()).cancelled(),
            Some(CancelReason::Timeout)
        );
        assert_eq!(
            Error::from(cancelled).cancelled(),
            Some(CancelReason::Timeout)
        );
    }
}
