//! What happens next: a pure state machine from inputs to actions.
//!
//! The planner knows jobs, slots and live runs and nothing else: no clock (`now` is given), no
//! ledger, no threads. The engine does what the actions say and reports back. It holds:
//! at most one live run per `overlap: skip` job; every ticket ends in exactly one [`Action::Skip`]
//! or [`Action::End`]; no slot is started twice; however far the clock jumps, a `latest` job is
//! caught up by one run.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, HashMap, VecDeque},
};

use jiff::{SignedDuration, Timestamp};

use crate::{
    job::{Disposition, JobName, JobSpec, Overlap, Slot, Trigger},
    watch::CancelReason,
    words::Outcome,
};

mod catch_up;
#[cfg(test)]
mod tests;

/// How late a slot may be and still count as on time: more is a sleep, a stop or a clock step.
pub const GRACE: SignedDuration = SignedDuration::from_secs(10);

/// How long after the start the first caught-up run waits, so that it never competes with it.
pub const SETTLE: SignedDuration = SignedDuration::from_secs(2);

/// How long to wait before a claim that the ledger could not take is tried again.
const CLAIM_AGAIN: SignedDuration = SignedDuration::from_secs(5);

/// One run as the planner sees it; numbers are never used twice in a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// The index of a job in the planner's list.
pub type JobIx = usize;

/// What the planner is told.
#[derive(Debug, Clone)]
pub enum Input {
    /// The daemon starts: everything decided before is known, `lost` slots may run again.
    Start {
        /// Scheduled slots whose runs died with an earlier process.
        lost: Vec<(JobName, Timestamp)>,
    },
    /// The instant of [`Planner::next_wake`] has come.
    Tick,
    /// A person wants a run. The engine took the ticket from [`Planner::ticket`].
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

/// One job in the planner.
#[derive(Debug)]
struct JobState {
    spec: JobSpec,
    anchor: Timestamp,
    /// Every slot up to here is decided, or waits in the backlog or the queue.
    decided_until: Timestamp,
    live: Vec<Ticket>,
    queued: Option<Pending>,
}

/// A run that shall start but has not.
#[derive(Debug, Clone)]
struct Pending {
    ticket: Ticket,
    job: JobIx,
    slot: Slot,
    trigger: Trigger,
    missed: u32,
}

#[derive(Debug)]
struct Live {
    pending: Pending,
    attempt: u32,
    /// The error of the attempt after which the run waits for its next one.
    waiting: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Slot(JobIx),
    Attempt(Ticket),
    Claim(Ticket),
    Backlog,
}

/// The state machine.
#[derive(Debug)]
pub struct Planner {
    jobs: Vec<JobState>,
    heap: BinaryHeap<Reverse<(Timestamp, Due)>>,
    live: HashMap<Ticket, Live>,
    /// Caught-up runs that wait for their turn, one at a time.
    backlog: VecDeque<Pending>,
    catching_up: Option<Ticket>,
    next_ticket: u64,
    draining: bool,
    /// The instant of the input being handled.
    now: Timestamp,
}

impl Planner {
    /// A planner for `jobs`, each with its phase and the instant up to which its slots are decided.
    pub fn new(jobs: impl IntoIterator<Item = (JobSpec, Timestamp, Timestamp)>) -> Self {
        let jobs = jobs
            .into_iter()
            .map(|(spec, anchor, decided_until)| JobState {
                spec,
                anchor,
                decided_until,
                live: Vec::new(),
                queued: None,
            });
        Self {
            jobs: jobs.collect(),
            heap: BinaryHeap::new(),
            live: HashMap::new(),
            backlog: VecDeque::new(),
            catching_up: None,
            next_ticket: 1,
            draining: false,
            now: Timestamp::MIN,
        }
    }

    /// A new ticket, for [`Input::RunNow`].
    pub fn ticket(&mut self) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        ticket
    }

    /// The index of the job called `name`.
    pub fn find(&self, name: &str) -> Option<JobIx> {
        self.jobs
            .iter()
            .position(|job| job.spec.name.as_str() == name)
    }

    /// The job at `index`.
    pub fn spec(&self, index: JobIx) -> Option<&JobSpec> {
        self.jobs.get(index).map(|job| &job.spec)
    }

    /// The next instant at which the planner wants a [`Input::Tick`].
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Whether nothing is running, waiting for an attempt or about to be claimed.
    pub fn is_idle(&self) -> bool {
        self.live.is_empty()
    }

    /// The next slot of each job, as the heap has it: earliest first.
    pub fn upcoming(&self) -> Vec<(Timestamp, JobIx)> {
        let mut slots: Vec<_> = self
            .heap
            .iter()
            .filter_map(|Reverse((at, due))| match due {
                Due::Slot(job) => Some((*at, *job)),
                _ => None,
            })
            .collect();
        slots.sort_unstable();
        slots
    }

    /// Takes one input and says what to do.
    pub fn handle(&mut self, now: Timestamp, input: Input) -> Vec<Action> {
        self.now = now;
        let mut actions = Vec::new();
        match input {
            Input::Start { lost } => self.start(&lost, &mut actions),
            Input::Tick => self.tick(&mut actions),
            Input::RunNow { ticket, job, slot } => {
                let pending = Pending {
                    ticket,
                    job,
                    slot,
                    trigger: Trigger::Manual,
                    missed: 0,
                };
                self.admit(pending, &mut actions);
            }
            Input::Finished { ticket, failure } => self.finished(ticket, failure, &mut actions),
            Input::Denied(ticket) => self.release(ticket, &mut actions),
            Input::Unclaimed(ticket) => self.push(CLAIM_AGAIN, Due::Claim(ticket)),
            Input::Shutdown => self.shutdown(&mut actions),
        }
        actions
    }

    fn push(&mut self, wait: SignedDuration, due: Due) {
        let at = self.now.checked_add(wait).unwrap_or(Timestamp::MAX);
        self.heap.push(Reverse((at, due)));
    }

    fn tick(&mut self, actions: &mut Vec<Action>) {
        let mut due_slots = BTreeMap::new();
        while let Some(Reverse((at, due))) = self.heap.peek().copied() {
            if at > self.now {
                break;
            }
            self.heap.pop();
            match due {
                Due::Slot(job) => {
                    due_slots.insert(job, at);
                }
                Due::Attempt(ticket) => self.next_attempt(ticket, actions),
                Due::Claim(ticket) => self.claim_again(ticket, actions),
                Due::Backlog => self.start_backlog(actions),
            }
        }
        for (job, at) in due_slots {
            self.slots_due(job, at, actions);
        }
    }

    /// All slots of `job` from `first` to `now`: the recent ones are on time, older ones missed.
    fn slots_due(&mut self, job: JobIx, first: Timestamp, actions: &mut Vec<Action>) {
        if self.draining {
            return;
        }
        let on_time_from = self.now.checked_sub(GRACE).unwrap_or(Timestamp::MIN);
        if first < on_time_from {
            self.catch_up(job, &[], actions);
            return;
        }
        let mut next = Some(first);
        while let Some(at) = next.filter(|at| *at <= self.now) {
            next = self.advance(job, at);
            if let Some(slot) = self.scheduled_slot(job, at) {
                let pending = self.pending(job, slot, Trigger::Schedule, 0);
                self.supersede_backlog(job, at, actions);
                self.admit(pending, actions);
            }
        }
        if let Some(at) = next {
            self.heap.push(Reverse((at, Due::Slot(job))));
        }
    }

    /// Marks `at` as decided and returns the slot after it.
    fn advance(&mut self, job: JobIx, at: Timestamp) -> Option<Timestamp> {
        let state = self.jobs.get_mut(job)?;
        state.decided_until = state.decided_until.max(at);
        state.spec.next_after(at, state.anchor)
    }

    fn scheduled_slot(&self, job: JobIx, at: Timestamp) -> Option<Slot> {
        let job = self.jobs.get(job)?.spec.name.clone();
        Some(Slot {
            job,
            at,
            scope: String::new(),
        })
    }

    fn pending(&mut self, job: JobIx, slot: Slot, trigger: Trigger, missed: u32) -> Pending {
        Pending {
            ticket: self.ticket(),
            job,
            slot,
            trigger,
            missed,
        }
    }

    /// Starts a run, or what its job's `overlap` says when one is going on.
    fn admit(&mut self, pending: Pending, actions: &mut Vec<Action>) {
        if self.draining {
            actions.push(skip(pending, "the daemon is stopping"));
            return;
        }
        let Some(state) = self.jobs.get_mut(pending.job) else {
            return;
        };
        let overlap = state.spec.policy.overlap;
        if state.live.is_empty() || overlap == Overlap::Allow {
            self.launch(pending, actions);
            return;
        }
        match overlap {
            Overlap::Skip | Overlap::Allow => {
                actions.push(skip(pending, "overlap: the last run is still going on"));
            }
            Overlap::Queue | Overlap::Replace => {
                if overlap == Overlap::Replace {
                    let reason = CancelReason::Replaced;
                    actions.extend(
                        state
                            .live
                            .iter()
                            .map(|&ticket| Action::Cancel { ticket, reason }),
                    );
                }
                actions.push(Action::Wait(pending.ticket));
                if let Some(older) = state.queued.replace(pending) {
                    actions.push(skip(older, "overlap: a newer slot waits in its place"));
                }
                if overlap == Overlap::Replace {
                    self.end_waiting_retries(actions);
                }
            }
        }
    }

    fn launch(&mut self, pending: Pending, actions: &mut Vec<Action>) {
        if let Some(state) = self.jobs.get_mut(pending.job) {
            state.live.push(pending.ticket);
        }
        actions.push(start(&pending));
        self.live.insert(
            pending.ticket,
            Live {
                pending,
                attempt: 1,
                waiting: None,
            },
        );
    }

    fn claim_again(&mut self, ticket: Ticket, actions: &mut Vec<Action>) {
        if let Some(live) = self.live.get(&ticket) {
            actions.push(start(&live.pending));
        }
    }

    fn next_attempt(&mut self, ticket: Ticket, actions: &mut Vec<Action>) {
        if let Some(live) = self
            .live
            .get_mut(&ticket)
            .filter(|live| live.waiting.is_some())
        {
            live.waiting = None;
            live.attempt += 1;
            actions.push(Action::Attempt {
                ticket,
                attempt: live.attempt,
            });
        }
    }

    fn finished(&mut self, ticket: Ticket, failure: Option<Failure>, actions: &mut Vec<Action>) {
        let Some(live) = self.live.get_mut(&ticket) else {
            return;
        };
        let Some(failure) = failure else {
            self.end(ticket, Outcome::Succeeded, None, actions);
            return;
        };
        let retry = self
            .jobs
            .get(live.pending.job)
            .map(|job| job.spec.policy.retry);
        let replaced = self
            .jobs
            .get(live.pending.job)
            .is_some_and(|job| job.spec.policy.overlap == Overlap::Replace && job.queued.is_some());
        let outcome = match failure.disposition {
            Disposition::Retry => {
                let retry = retry.unwrap_or_default();
                if live.attempt < retry.attempts && !self.draining && !replaced {
                    let attempt = live.attempt;
                    live.waiting = Some(failure.reason.clone());
                    let wait = retry.wait_after(attempt).signed();
                    let next_at = self.now.checked_add(wait).unwrap_or(Timestamp::MAX);
                    self.heap.push(Reverse((next_at, Due::Attempt(ticket))));
                    let reason = failure.reason;
                    actions.push(Action::WillRetry {
                        ticket,
                        attempt,
                        reason,
                        next_at,
                    });
                    return;
                }
                Outcome::Failed
            }
            Disposition::Permanent => Outcome::Failed,
            Disposition::Interrupted(CancelReason::Timeout) => Outcome::TimedOut,
            Disposition::Interrupted(_) => Outcome::Cancelled,
        };
        self.end(ticket, outcome, Some(failure.reason), actions);
    }

    fn end(
        &mut self,
        ticket: Ticket,
        outcome: Outcome,
        reason: Option<String>,
        actions: &mut Vec<Action>,
    ) {
        let attempts = self.live.get(&ticket).map_or(1, |live| live.attempt);
        actions.push(Action::End {
            ticket,
            outcome,
            reason,
            attempts,
        });
        self.release(ticket, actions);
    }

    /// Frees the place of a run that is over or never was, and lets the next one in.
    fn release(&mut self, ticket: Ticket, actions: &mut Vec<Action>) {
        let Some(live) = self.live.remove(&ticket) else {
            return;
        };
        if let Some(state) = self.jobs.get_mut(live.pending.job) {
            state.live.retain(|other| *other != ticket);
            let next = if state.live.is_empty() {
                state.queued.take()
            } else {
                None
            };
            if let Some(next) = next {
                self.admit(next, actions);
            }
        }
        if self.catching_up == Some(ticket) {
            self.catching_up = None;
            self.push(SignedDuration::ZERO, Due::Backlog);
        }
    }

    /// Runs that wait for their next attempt will not get one.
    fn end_waiting_retries(&mut self, actions: &mut Vec<Action>) {
        let waiting: Vec<Ticket> = self
            .live
            .iter()
            .filter(|(_, live)| {
                let replaced = self.jobs.get(live.pending.job).is_some_and(|job| {
                    job.spec.policy.overlap == Overlap::Replace && job.queued.is_some()
                });
                live.waiting.is_some() && (self.draining || replaced)
            })
            .map(|(ticket, _)| *ticket)
            .collect();
        for ticket in waiting {
            let reason = self
                .live
                .get_mut(&ticket)
                .and_then(|live| live.waiting.take());
            self.end(ticket, Outcome::Failed, reason, actions);
        }
    }

    fn shutdown(&mut self, actions: &mut Vec<Action>) {
        self.draining = true;
        self.backlog.clear();
        for state in &mut self.jobs {
            // A queued run was asked for or announced: its slot is decided, not forgotten.
            if let Some(pending) = state.queued.take() {
                actions.push(skip(pending, "the daemon is stopping"));
            }
        }
        self.end_waiting_retries(actions);
        self.heap.clear();
    }
}

fn start(pending: &Pending) -> Action {
    Action::Start {
        ticket: pending.ticket,
        job: pending.job,
        slot: pending.slot.clone(),
        trigger: pending.trigger,
        missed: pending.missed,
    }
}

fn skip(pending: Pending, reason: &str) -> Action {
    Action::Skip {
        ticket: pending.ticket,
        slot: pending.slot,
        trigger: pending.trigger,
        reason: reason.to_owned(),
    }
}
