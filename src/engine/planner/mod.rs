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
    job::{JobName, JobSpec, Overlap, Slot, Trigger},
    watch::CancelReason,
};

mod catch_up;
mod finish;
mod io;
#[cfg(test)]
mod tests;

pub use io::{Action, Failure, Input};

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
    /// The ledger could not take the claim: so far there is no run.
    unclaimed: bool,
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

    /// The job of a run that is live or queued.
    pub fn job_of(&self, ticket: Ticket) -> Option<JobName> {
        let queued = self.jobs.iter().filter_map(|job| job.queued.as_ref());
        let live = self.live.values().map(|live| &live.pending);
        let mut all = queued.chain(live);
        all.find(|pending| pending.ticket == ticket)
            .map(|pending| pending.slot.job.clone())
    }

    /// All live runs.
    pub fn live(&self) -> Vec<Ticket> {
        self.live.keys().copied().collect()
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
            Input::Unclaimed(ticket) => self.unclaimed(ticket, &mut actions),
            Input::Cancel { ticket, reason } => self.cancel(ticket, reason, &mut actions),
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
                unclaimed: false,
            },
        );
    }

    /// The ledger is tried again in a while, unless nothing is to start any more.
    fn unclaimed(&mut self, ticket: Ticket, actions: &mut Vec<Action>) {
        if self.draining {
            self.forget(ticket, actions);
        } else if let Some(live) = self.live.get_mut(&ticket) {
            live.unclaimed = true;
            self.push(CLAIM_AGAIN, Due::Claim(ticket));
        }
    }

    fn claim_again(&mut self, ticket: Ticket, actions: &mut Vec<Action>) {
        if let Some(live) = self.live.get_mut(&ticket).filter(|live| live.unclaimed) {
            live.unclaimed = false;
            actions.push(start(&live.pending));
        }
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
