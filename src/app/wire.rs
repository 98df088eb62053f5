//! What goes over the control socket, as JSON.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{engine::Status, units::Span};

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
    /// What the engine is doing.
    pub engine: Status,
}

/// What `stop` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopRequest {
    /// How long running jobs may go on.
    pub grace: Span,
    /// Whether to start again afterwards.
    pub restart: bool,
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
}
