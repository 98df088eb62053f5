//! What goes over the control socket, as JSON.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{engine::Status, job::RunInfo, jobfile::Difference, units::Span};

/// What `status` says of a daemon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Info {
    /// The process.
    pub pid: u32,
    /// Since when it lives.
    pub since: Timestamp,
    /// Its version.
    pub version: String,
    /// How many jobs it has loaded.
    pub jobs: usize,
    /// What keeps it from taking the job file as it is now.
    pub broken: Option<Broken>,
    /// What the engine is doing.
    pub engine: Status,
}

/// A job file that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    /// Since when it has been so.
    pub since: Timestamp,
    /// What is wrong, a line each; never empty.
    pub problems: Vec<String>,
}

/// A job file that was taken, or is the one in force already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// How many jobs are loaded now.
    pub jobs: usize,
    /// What has changed; empty if nothing has.
    pub difference: Difference,
}

/// What is wrong with a job file, as the daemon tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wrong {
    /// For people: each problem with its line and a caret.
    pub text: String,
    /// For programs: one object a problem.
    pub json: Vec<serde_json::Value>,
}

/// What `stop` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopRequest {
    /// How long running jobs may go on.
    pub grace: Span,
    /// Whether to start again afterwards.
    pub restart: bool,
}

/// A line of the stream of a hold: what is still going on; empty once all is quiet.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Holding {
    pub(super) waits_for: Vec<RunInfo>,
}

/// What a run by hand is asked for with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RunRequest {
    /// Whether the job may do what it does not do unasked.
    pub(super) approved: bool,
}

/// The first line of a run's stream.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Accepted {
    pub(super) ticket: u64,
}

/// An answer that is not what was asked for.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Refusal {
    pub(super) error: String,
    /// What is wrong with the job file, if it is that.
    #[serde(default)]
    pub(super) wrong: Option<Wrong>,
    /// How to mend it, if it is anything else and there is a way.
    #[serde(default)]
    pub(super) hint: Option<String>,
}

impl Refusal {
    pub(super) fn of(error: String) -> Self {
        Self {
            error,
            wrong: None,
            hint: None,
        }
    }
}

/// A value as one line.
pub(super) fn to_line(value: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).unwrap_or_default();
    line.push(b'\n');
    line
}
