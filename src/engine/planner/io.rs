//! What the planner is told and what it says.

use jiff::{SignedDuration, Timestamp};

use super::Ticket;
use crate::{
    job::{Disposition, JobName, JobSpec, Pause, Slot, Trigger},
    ledger::Known,
    watch::CancelReason,
    words::Outcome,
};

/// What the planner is told.
#[derive(Debug, Clone)]
pub enum Input {
    /// The daemon starts: everything decided before is known, what was left open may run.
    Start {
        /// Slots of the schedule that an earlier process left open.
        left: Vec<Left>,
    },
    /// The instant of `Planner::next_wake` has come.
    Tick,
    /// A person wants a run. The engine took the ticket from `Planner::ticket`.
    RunNow {
        /// The ticket.
        ticket: Ticket,
        /// The slot, in a lane of its own.
        slot: Slot,
        /// [`Trigger::Manual`] or [`Trigger::Retry`].
        trigger: Trigger,
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
    /// A job is paused, or with `None` resumed.
    Pause {
        /// The job.
        job: JobName,
        /// Since and until when.
        pause: Option<Pause>,
    },
    /// Wall clock and monotonic time went apart.
    Clock {
        /// For how long the computer slept.
        slept: SignedDuration,
        /// By how much the clock was set; negative: back.
        stepped: SignedDuration,
    },
    /// Other jobs from now on. Runs end under their old definition; slots of a job whose timing is
    /// the same go on where they were.
    Reload {
        /// The jobs, each with what the ledger knows of it.
        jobs: Vec<(JobSpec, Known)>,
        /// How many runs may be at work at once.
        max_running: Option<u32>,
    },
    /// From now on nothing starts, or with `false` everything may again: whatever is due waits at the
    /// gate meanwhile, and what is at work ends.
    Hold(bool),
    /// No new slots from now on.
    Shutdown,
}

/// A slot of the schedule that an earlier process left open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The job.
    pub job: JobName,
    /// The slot.
    pub at: Timestamp,
    /// Whether a run of it died; otherwise it had only waited.
    pub ran: bool,
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
    /// The run has to wait.
    Wait {
        /// The run.
        ticket: Ticket,
        /// Its slot.
        slot: Slot,
        /// For what.
        note: String,
        /// Whether a crash must not forget it: a slot of the schedule that is not claimed yet.
        keep: bool,
    },
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
    /// The run never came to be: there is no row to end, and a slot that was kept waiting stays so.
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
    /// Keep a new phase of the `every` of a job.
    Phase {
        /// The job.
        job: JobName,
        /// The phase.
        anchor: Timestamp,
    },
}

pub(super) fn skip(pending: super::state::Pending, reason: impl Into<String>) -> Action {
    Action::Skip {
        ticket: pending.ticket,
        slot: pending.slot,
        trigger: pending.trigger,
        reason: reason.into(),
    }
}
