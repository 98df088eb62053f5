//! Why a run failed, and whether trying again can help.

use std::{error::Error, fmt};

use serde::{Deserialize, Serialize};

use crate::watch::{CancelReason, Cancelled};

/// What the planner does with an error; it reads nothing else of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// Another attempt may succeed: a lock, a full disk, a network.
    Retry,
    /// Another attempt would fail the same way: a wrong setting, a broken file.
    Permanent,
    /// The run was told to stop.
    Interrupted(CancelReason),
}

/// An error on its way from a job to the ledger.
#[derive(Debug)]
pub struct JobError {
    /// Whether trying again can help.
    pub disposition: Disposition,
    /// What went wrong.
    pub source: Box<dyn Error + Send + Sync>,
    /// How a person mends it.
    pub hint: Option<String>,
}

impl JobError {
    /// An error that another attempt may not meet again.
    pub fn retry(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            disposition: Disposition::Retry,
            source: source.into(),
            hint: None,
        }
    }

    /// An error that every attempt would meet.
    pub fn permanent(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            disposition: Disposition::Permanent,
            source: source.into(),
            hint: None,
        }
    }

    /// Adds how a person mends it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The error and its causes in one line, as history shows it.
    pub fn chain(&self) -> String {
        chain(&*self.source)
    }
}

/// An error and its causes in one line: `a: b: c`, without a cause that its effect already names.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.ends_with(&message) {
            text = format!("{text}: {message}");
        }
        cause = error.source();
    }
    text
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.chain())
    }
}

impl Error for JobError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.source()
    }
}

impl From<Cancelled> for JobError {
    fn from(cancelled: Cancelled) -> Self {
        Self {
            disposition: Disposition::Interrupted(cancelled.0),
            source: Box::new(cancelled),
            hint: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("write `x`")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn the_chain_is_one_line() {
        let error = JobError::retry(Outer(std::io::Error::other("no space")));
        assert_eq!(error.to_string(), "write `x`: no space");
    }
}
