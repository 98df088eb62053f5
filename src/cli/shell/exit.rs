//! The exit codes, all of them.

use crate::{archive, words::Outcome};

/// Done.
pub(in crate::cli) const OK: u8 = 0;
/// It failed, and none of the others fits.
pub(in crate::cli) const FAILED: u8 = 1;
/// The arguments are wrong.
pub(in crate::cli) const USAGE: u8 = 2;
/// The daemon is not running.
pub(in crate::cli) const NOT_RUNNING: u8 = 3;
/// There is no such job or archive.
pub(in crate::cli) const NOT_FOUND: u8 = 4;
/// The run was skipped.
pub(in crate::cli) const SKIPPED: u8 = 5;
/// Another process is at work in this root.
pub(in crate::cli) const BUSY: u8 = 6;
/// No given key opens the archive.
pub(in crate::cli) const WRONG_KEY: u8 = 11;
/// It may succeed later.
pub(in crate::cli) const TEMPORARY: u8 = 75;
/// The configuration is wrong.
pub(in crate::cli) const CONFIGURATION: u8 = 78;
/// The job's timeout passed.
pub(in crate::cli) const TIMEOUT: u8 = 124;
/// Somebody cancelled it.
pub(in crate::cli) const CANCELLED: u8 = 130;
/// SIGTERM cancelled it.
pub(in crate::cli) const TERMINATED: u8 = 143;
/// `check`: something wants looking at.
pub(in crate::cli) const WARNING: u8 = 1;
/// `check`: something does not work.
pub(in crate::cli) const CRITICAL: u8 = 2;
/// `check`: it could not look.
pub(in crate::cli) const UNKNOWN: u8 = 3;
/// `status` cannot tell whether the daemon is up.
pub(in crate::cli) const STATUS_UNKNOWN: u8 = 4;

/// The code of a run's outcome.
pub(in crate::cli) const fn of(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Succeeded => OK,
        Outcome::Failed | Outcome::Lost => FAILED,
        Outcome::TimedOut => TIMEOUT,
        Outcome::Cancelled => CANCELLED,
        Outcome::Skipped => SKIPPED,
    }
}

/// The code of what went wrong with an archive.
pub(in crate::cli) fn of_archive(error: &archive::Error) -> u8 {
    match error {
        archive::Error::WrongKey { .. } | archive::Error::MissingKey { .. } => WRONG_KEY,
        archive::Error::NoRecipient { .. } | archive::Error::Recipient { .. } => CONFIGURATION,
        archive::Error::Cancelled(_) => CANCELLED,
        error if error.is_retryable() => TEMPORARY,
        _ => FAILED,
    }
}
