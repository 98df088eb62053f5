//! What the planner keeps of jobs and runs.

use std::sync::Arc;

use jiff::Timestamp;

use crate::job::{Cursor, JobName, JobSpec, Pause, Slot, Trigger};

/// One run as the planner sees it; numbers are never used twice in a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// The index of a job in the planner's list; good until the next reload.
pub(super) type JobIx = usize;

/// One job.
#[derive(Debug)]
pub(super) struct JobState {
    pub(super) spec: Arc<JobSpec>,
    /// The phase of `every`.
    pub(super) anchor: Timestamp,
    /// Every slot up to here is decided, or waits somewhere in the planner.
    pub(super) cursor: Cursor,
    pub(super) pause: Option<Pause>,
    /// Its runs, whatever they do or wait for; what is queued behind them is not among them.
    pub(super) live: Vec<Ticket>,
    /// By `overlap`, the run that follows them.
    pub(super) queued: Option<Pending>,
    /// Phases of `every` that were left when the clock was set back.
    pub(super) used: Vec<UsedPhase>,
}

/// A phase whose slots up to an instant are decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UsedPhase {
    pub(super) anchor: Timestamp,
    pub(super) until: Timestamp,
}

impl JobState {
    /// The next slot that is not decided.
    pub(super) fn next_slot(&self) -> Option<Timestamp> {
        if !self.spec.policy.enabled {
            return None;
        }
        self.spec.next_from(self.cursor, self.anchor)
    }

    /// When the run of a slot is to start.
    pub(super) fn fires_at(&self, slot: Timestamp) -> Timestamp {
        let jitter = self.spec.jitter(slot);
        slot.checked_add(jitter).unwrap_or(Timestamp::MAX)
    }
}

/// A run that shall start but has not.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) ticket: Ticket,
    pub(super) slot: Slot,
    pub(super) trigger: Trigger,
    pub(super) missed: u32,
}

impl Pending {
    /// Whether a person asked for it: no pause, need or limit holds it up.
    pub(super) fn by_person(&self) -> bool {
        matches!(self.trigger, Trigger::Manual | Trigger::Retry)
    }

    pub(super) fn job(&self) -> &JobName {
        &self.slot.job
    }
}

/// A run between its admission and its end.
#[derive(Debug)]
pub(super) struct Live {
    /// The definition that it runs under, whatever is loaded meanwhile.
    pub(super) spec: Arc<JobSpec>,
    pub(super) pending: Pending,
    pub(super) attempt: u32,
    pub(super) stage: Stage,
    /// Whether its slot is claimed: then there is a row to end.
    pub(super) claimed: bool,
    /// Whether it holds its locks and counts as running.
    pub(super) inside: bool,
    /// What it waits for.
    pub(super) note: String,
}

/// What a live run does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    /// It waits for the success of the jobs it needs.
    Needs,
    /// It waits for locks and room.
    Ready,
    /// Its claim or an attempt is under way.
    Running,
    /// The ledger could not take its claim.
    Unclaimed,
    /// It waits for its next attempt after this error.
    Between(String),
}

/// What the planner wants to do at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    Slot(JobIx),
    Attempt(Ticket),
    Claim(Ticket),
    Backlog,
}
