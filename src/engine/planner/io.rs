//! What the planner is told and what it says.

use jiff::Timestamp;

use super::{JobIx, Ticket};
use crate::{
    job::{Disposition, JobName, Slot, Trigger},
    watch::CancelReason,
    words::Outcome,
};

/// What the planner is told.
#[derive(Debug, Clone)]
pub enum Input {
    /// The daemon starts: everything decided before is known, `lost` slots may run again.
    Start {
        /// Scheduled slots whose runs died with an earlier process.
        lost: Vec<(JobName, Timestamp)>,
    },
    /// The instant of `Planner::next_wake` has come.
    Tick,
    /// A person wants a run. The engine took the ticket from `Planner::ticket`.
    RunNow {
        /// The ticket.
        ticket: Ticket,
        /// The job.
        job: JobIx,
        /// The slot in the lane of runs by hand.
        slot: Slot,
    },
    /// An attempt is over: `None` when it succeeded, else why not.
    Finished {
        /// The run.
        ticket: Ticket,
        /// What went wrong.
        failure: Option<Failure>,
    },
    /// The slot had been decided by somebody else: the run never existed.
    Denied(Ticket),
    /// The ledger could not be written: the claim is to be tried again.
    Unclaimed(Ticket),
    /// The run is to stop, or not to start.
    Cancel {
        /// The run.
        ticket: Ticket,
        /// Why.
        reason: CancelReason,
    },
    /// No new slots from now on.
    Shutdown,
}

/// Why an attempt did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Whether another attempt can help.
    pub disposition: Disposition,
    /// The error in one line.
    pub reason: String,
}

/// What the engine is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Claim the slot and, if it is ours, make the first attempt.
    Start {
        /// The run.
        ticket: Ticket,
        /// The job.
        job: JobIx,
        /// The slot.
        slot: Slot,
        /// Why.
        trigger: Trigger,
        /// How many earlier slots the run stands for.
        missed: u32,
    },
    /// Decide the slot as skipped.
    Skip {
        /// The run that will not be.
        ticket: Ticket,
        /// The slot.
        slot: Slot,
        /// Why it would have run.
        trigger: Trigger,
        /// Why it does not.
        reason: String,
    },
    /// The run waits for the end of another one of its job.
    Wait(Ticket),
    /// Record that an attempt failed; the next one comes at `next_at`.
    WillRetry {
        /// The run.
        ticket: Ticket,
        /// The attempt that failed.
        attempt: u32,
        /// Why.
        reason: String,
        /// When the next one starts.
        next_at: Timestamp,
    },
    /// Make another attempt.
    Attempt {
        /// The run.
        ticket: Ticket,
        /// Which attempt, from 2.
        attempt: u32,
    },
    /// Tell the run to stop.
    Cancel {
        /// The run.
        ticket: Ticket,
        /// Why.
        reason: CancelReason,
    },
    /// The run never came to be: its claim was never written, and it is not wanted any more.
    Forget(Ticket),
    /// The run is over.
    End {
        /// The run.
        ticket: Ticket,
        /// How.
        outcome: Outcome,
        /// Why, unless it succeeded.
        reason: Option<String>,
        /// How many attempts there were.
        attempts: u32,
    },
}
