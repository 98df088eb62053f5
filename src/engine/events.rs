//! What the engine tells its listeners; the history was written before.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    job::{JobName, Outcome, Report, RunId, RunInfo, Trigger},
    watch::Sample,
};

/// Something that happened to a run. Lossless for the one who asked for the run, lossy for others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run has to wait.
    Waiting {
        /// The job.
        job: JobName,
        /// For what, as a verb: `waits for …`.
        note: String,
    },
    /// Its slot is claimed and its first attempt starts.
    Started {
        /// Which run.
        run: RunInfo,
        /// When.
        started_at: Timestamp,
    },
    /// How far it is; made by shells that sample, not by the engine.
    Progress {
        /// The counters.
        sample: Sample,
    },
    /// An attempt failed and another one follows.
    Retrying {
        /// The run.
        run_id: RunId,
        /// The attempt that failed, from 1.
        attempt: u32,
        /// Why.
        reason: String,
        /// When the next one starts.
        next_at: Timestamp,
    },
    /// The run is over.
    Finished(Finished),
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// The run.
    pub run_id: RunId,
    /// Its job.
    pub job: JobName,
    /// The instant at which it was due.
    pub slot: Timestamp,
    /// Why it existed.
    pub trigger: Trigger,
    /// How many earlier slots it stood for.
    pub missed: u32,
    /// Attempts made.
    pub attempts: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, unless it succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How a person mends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What it reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
}
