//! What happens next: a pure state machine from inputs to actions.
//!
//! The planner knows jobs, slots and live runs and nothing else: no clock (`now` is given), no
//! threads, no files. The engine does what the actions say and reports back. It holds:
//! at most one live run per `overlap: skip` job; every ticket ends in exactly one [`Action::Skip`],
//! [`Action::End`] or [`Action::Forget`]; no slot is started twice; every slot whose time has come
//! is decided or kept waiting in the same breath; however far the clock jumps, a `latest` job is
//! caught up by one run.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap, HashMap},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};

use crate::{
    job::{JobName, JobSpec, Overlap, Pause, Slot, Trigger},
    ledger::Known,
    watch::CancelReason,
};

mod backlog;
mod catch_up;
mod clock;
mod finish;
mod gate;
mod io;
mod reload;
mod state;
#[cfg(test)]
mod tests;

use io::skip;
use state::{Due, JobIx, JobState, Live, Pending, Stage};

pub use io::{Action, Failure, Input, Left};
pub use state::Ticket;

/// How late a slot may be and still count as on time: more is a sleep, a stop or a clock step.
pub const GRACE: SignedDuration = SignedDuration::from_secs(10);

/// How long after the start the first caught-up run waits, so that it never competes with it.
pub const SETTLE: SignedDuration = SignedDuration::from_secs(2);

/// How long after a sleep or a step of the clock missed slots wait to be decided: networks come
/// back, clocks are set right.
pub const RESUME_SETTLE: SignedDuration = SignedDuration::from_secs(45);

/// How long to wait before a claim that the ledger could not take is tried again.
const CLAIM_AGAIN: SignedDuration = SignedDuration::from_secs(5);

/// A run that waits for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiter {
    /// The run.
    pub ticket: Ticket,
    /// Its slot.
    pub slot: Slot,
    /// For what it waits.
    pub note: String,
}

/// What is going on while missed slots are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Moment {
    #[default]
    Usual,
    /// The daemon starts.
    Starting,
    /// The timing of a job is left behind.
    Leaving,
}

/// The state machine.
#[derive(Debug, Default)]
pub struct Planner {
    jobs: Vec<JobState>,
    index: HashMap<JobName, JobIx>,
    /// The jobs that need a job.
    dependants: HashMap<JobName, Vec<JobIx>>,
    /// The newest slot that succeeded, of each job that others need.
    succeeded: HashMap<JobName, Timestamp>,
    heap: BinaryHeap<Reverse<(Timestamp, Due)>>,
    live: HashMap<Ticket, Live>,
    gate: gate::Gate,
    /// Caught-up runs that wait for their turn, one at a time.
    backlog: Vec<Pending>,
    catching_up: Option<Ticket>,
    /// Until then missed slots are not decided.
    settle_until: Timestamp,
    next_ticket: u64,
    /// What is going on while missed slots are looked for.
    moment: Moment,
    /// Whether schedules fire. Without, nothing starts but what a person asks for: what runs after
    /// that is left to the next daemon.
    started: bool,
    draining: bool,
    /// Whether nothing may start for a while.
    held: bool,
    /// The instant of the input being handled.
    now: Timestamp,
}

impl Planner {
    /// A planner for `jobs`, each with what the ledger knows of it, that lets at most `max_running`
    /// runs of the schedule be at work at once.
    pub fn new(jobs: impl IntoIterator<Item = (JobSpec, Known)>, max_running: Option<u32>) -> Self {
        let mut planner = Self {
            settle_until: Timestamp::MIN,
            now: Timestamp::MIN,
            ..Self::default()
        };
        // What is due is looked at when it starts.
        planner.take_jobs(jobs.into_iter().collect(), max_running, &mut Vec::new());
        planner
    }

    /// A new ticket, for [`Input::RunNow`].
    pub fn ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        Ticket(self.next_ticket)
    }

    /// The definition of the job called `name`.
    pub fn find(&self, name: &JobName) -> Option<&Arc<JobSpec>> {
        self.job(name).map(|job| &job.spec)
    }

    /// The definition that a live run runs under.
    pub fn spec_of(&self, ticket: Ticket) -> Option<&Arc<JobSpec>> {
        self.live.get(&ticket).map(|live| &live.spec)
    }

    /// The next instant at which the planner wants a [`Input::Tick`].
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Whether nothing is running, waiting for an attempt or about to be claimed.
    pub fn is_idle(&self) -> bool {
        self.live.is_empty()
    }

    /// The runs of which a claim or an attempt is under way, oldest first.
    pub fn at_work(&self) -> Vec<Ticket> {
        let live = self.live.iter();
        let at_work = live.filter(|(_, live)| live.stage == Stage::Running);
        let mut tickets: Vec<Ticket> = at_work.map(|(ticket, _)| *ticket).collect();
        tickets.sort_unstable();
        tickets
    }

    /// All live runs, oldest first.
    pub fn live(&self) -> Vec<Ticket> {
        let mut tickets: Vec<Ticket> = self.live.keys().copied().collect();
        tickets.sort_unstable();
        tickets
    }

    /// Everything of a job that runs or waits.
    pub fn tickets_of(&self, name: &JobName) -> Vec<Ticket> {
        let live = self.live.values().map(|live| &live.pending);
        let queued = self.jobs.iter().filter_map(|job| job.queued.as_ref());
        let all = live.chain(queued).chain(&self.backlog);
        let mut tickets: Vec<Ticket> = all
            .filter(|pending| pending.job() == name)
            .map(|pending| pending.ticket)
            .collect();
        tickets.sort_unstable();
        tickets
    }

    /// What waits, and for what.
    pub fn waiting(&self) -> Vec<Waiter> {
        let waiter = |pending: &Pending, note: &str| Waiter {
            ticket: pending.ticket,
            slot: pending.slot.clone(),
            note: note.to_owned(),
        };
        let live = self.live.values().filter_map(|live| match &live.stage {
            Stage::Needs => Some(waiter(&live.pending, &live.note)),
            Stage::Ready => {
                let note = self.note_at_gate(live.pending.ticket);
                Some(waiter(&live.pending, note.as_ref().unwrap_or(&live.note)))
            }
            Stage::Between(error) => {
                let note = format!("waits for its next attempt after: {error}");
                Some(waiter(&live.pending, &note))
            }
            Stage::Unclaimed => Some(waiter(&live.pending, "waits for the ledger")),
            Stage::Running => None,
        });
        let queued = self.jobs.iter().filter_map(|job| job.queued.as_ref());
        let queued = queued.map(|pending| waiter(pending, IN_QUEUE));
        let backlog = self.backlog.iter();
        let backlog = backlog.map(|pending| waiter(pending, backlog::IN_BACKLOG));
        let mut all: Vec<Waiter> = live.chain(queued).chain(backlog).collect();
        all.sort_by_key(|waiter| waiter.ticket);
        all
    }

    /// The pauses that are not over.
    pub fn pauses(&self, now: Timestamp) -> Vec<(JobName, Pause)> {
        let all = self.jobs.iter();
        all.filter_map(|job| Some((job.spec.name.clone(), job.pause?)))
            .filter(|(_, pause)| pause.until.is_none_or(|until| now < until))
            .collect()
    }

    /// The next slot of each job that has one, earliest first.
    pub fn upcoming(&self) -> Vec<(Timestamp, JobName)> {
        let due = self.heap.iter().filter_map(|Reverse((_, due))| match due {
            Due::Slot(job) => self.jobs.get(*job),
            _ => None,
        });
        let mut slots: Vec<_> = due
            .filter_map(|job| Some((job.next_slot()?, job.spec.name.clone())))
            .collect();
        slots.sort_unstable();
        slots
    }

    /// Takes one input and says what to do.
    pub fn handle(&mut self, now: Timestamp, input: Input) -> Vec<Action> {
        self.now = now;
        let mut actions = Vec::new();
        let out = &mut actions;
        match input {
            Input::Start { left } => self.start(left, out),
            Input::Tick => self.tick(out),
            Input::RunNow {
                ticket,
                slot,
                trigger,
            } => {
                let pending = Pending {
                    ticket,
                    slot,
                    trigger,
                    missed: 0,
                };
                self.admit(pending, out);
            }
            Input::Finished { ticket, failure } => self.finished(ticket, failure, out),
            Input::Denied(ticket) => self.denied(ticket, out),
            Input::Unclaimed(ticket) => self.unclaimed(ticket, out),
            Input::Cancel { ticket, reason } => self.cancel(ticket, reason, out),
            Input::Pause { job, pause } => {
                if let Some(state) = self.job_mut(&job) {
                    state.pause = pause;
                }
            }
            Input::Clock { slept, stepped } => self.clock_went(slept, stepped, out),
            Input::Reload { jobs, max_running } => self.reload(jobs, max_running, out),
            Input::Hold(held) => self.held = held,
            Input::Shutdown => self.shutdown(out),
        }
        self.open_gate(out);
        actions
    }

    fn job(&self, name: &JobName) -> Option<&JobState> {
        self.jobs.get(*self.index.get(name)?)
    }

    fn job_mut(&mut self, name: &JobName) -> Option<&mut JobState> {
        self.jobs.get_mut(*self.index.get(name)?)
    }

    fn index_jobs(&mut self) {
        let names = self.jobs.iter().enumerate();
        self.index = names
            .map(|(index, job)| (job.spec.name.clone(), index))
            .collect();
        self.dependants.clear();
        for (index, job) in self.jobs.iter().enumerate() {
            for need in &job.spec.policy.needs {
                self.dependants.entry(need.clone()).or_default().push(index);
            }
        }
    }

    fn after(&self, wait: SignedDuration) -> Timestamp {
        self.now.checked_add(wait).unwrap_or(Timestamp::MAX)
    }

    fn push(&mut self, wait: SignedDuration, due: Due) {
        self.heap.push(Reverse((self.after(wait), due)));
    }

    fn tick(&mut self, actions: &mut Vec<Action>) {
        let mut due_jobs = BTreeSet::new();
        while let Some(Reverse((at, due))) = self.heap.peek().copied() {
            if at > self.now {
                break;
            }
            self.heap.pop();
            match due {
                Due::Slot(job) => {
                    due_jobs.insert(job);
                }
                Due::Attempt(ticket) => self.next_attempt(ticket),
                Due::Claim(ticket) => self.claim_again(ticket, actions),
                Due::Backlog => self.start_backlog(actions),
            }
        }
        for job in due_jobs {
            self.slots_due(job, actions);
        }
    }

    /// All slots of `job` whose time has come: the recent ones are on time, older ones missed.
    fn slots_due(&mut self, job: JobIx, actions: &mut Vec<Action>) {
        let Some(fires_at) = self.next_fire(job) else {
            return;
        };
        let on_time_from = self.now.checked_sub(GRACE).unwrap_or(Timestamp::MIN);
        if fires_at < on_time_from {
            if self.now < self.settle_until {
                self.heap.push(Reverse((self.settle_until, Due::Slot(job))));
            } else {
                self.catch_up(job, &[], actions);
            }
            return;
        }
        while let Some(at) = self.jobs.get(job).and_then(JobState::next_slot)
            && self
                .next_fire(job)
                .is_some_and(|fires_at| fires_at <= self.now)
            && let Some(slot) = self.decide_slot(job, at)
        {
            let missed = self.supersede_backlog(job, at, actions);
            let pending = self.pending(slot, Trigger::Schedule, missed);
            self.admit(pending, actions);
        }
        self.plan_slot(job);
    }

    fn next_fire(&self, job: JobIx) -> Option<Timestamp> {
        let state = self.jobs.get(job)?;
        Some(state.fires_at(state.next_slot()?))
    }

    /// The slot of a job at `at`, which counts as decided from here on.
    fn decide_slot(&mut self, job: JobIx, at: Timestamp) -> Option<Slot> {
        self.jobs.get_mut(job)?.cursor.pass(at);
        self.slot(job, at)
    }

    fn slot(&self, job: JobIx, at: Timestamp) -> Option<Slot> {
        let name = self.jobs.get(job)?.spec.name.clone();
        Some(catch_up::lane(name, at))
    }

    fn pending(&mut self, slot: Slot, trigger: Trigger, missed: u32) -> Pending {
        Pending {
            ticket: self.ticket(),
            slot,
            trigger,
            missed,
        }
    }

    /// Lets a run come to be, or what pause and `overlap` say.
    fn admit(&mut self, pending: Pending, actions: &mut Vec<Action>) {
        if self.draining {
            actions.push(skip(pending, "the daemon is stopping"));
            return;
        }
        if !pending.by_person() {
            self.give_up_needs(&pending, actions);
        }
        let Some(state) = self.job(pending.job()) else {
            actions.push(skip(pending, "the job is not in the job file"));
            return;
        };
        let pause = state.pause.filter(|pause| pause.covers(pending.slot.at));
        if let Some(pause) = pause.filter(|_| !pending.by_person()) {
            actions.push(skip(pending, paused(pause)));
            return;
        }
        match state.spec.policy.overlap {
            _ if state.live.is_empty() => self.enter(pending),
            Overlap::Allow => self.enter(pending),
            _ if self.is_outdated(&pending, state) => {
                actions.push(skip(pending, "overlap: a newer slot waits for its needs"));
            }
            Overlap::Skip => {
                let reason = self.overlap_reason(state);
                actions.push(skip(pending, reason));
            }
            Overlap::Queue => self.queue(pending, actions),
            Overlap::Replace => self.replace(pending, actions),
        }
    }

    /// Whether a newer slot of the job waits for the same needs already.
    fn is_outdated(&self, pending: &Pending, state: &JobState) -> bool {
        let newer = |ticket: &Ticket| {
            let live = self.live.get(ticket);
            live.is_some_and(|live| {
                live.stage == Stage::Needs && live.pending.slot.at > pending.slot.at
            })
        };
        !pending.by_person() && state.live.iter().any(newer)
    }

    fn overlap_reason(&self, state: &JobState) -> String {
        let waiting = state.live.iter().find_map(|ticket| {
            let live = self.live.get(ticket)?;
            let waits = matches!(live.stage, Stage::Ready | Stage::Needs);
            Some(&live.note).filter(|note| waits && !note.is_empty())
        });
        match waiting {
            Some(note) => format!("overlap: the last run still {note}"),
            None => "overlap: the last run is still going on".to_owned(),
        }
    }

    /// An older slot that still waits for its needs has waited for its whole period.
    fn give_up_needs(&mut self, newer: &Pending, actions: &mut Vec<Action>) {
        let Some(state) = self.job(newer.job()) else {
            return;
        };
        for ticket in state.live.clone() {
            let reason = self
                .live
                .get(&ticket)
                .filter(|live| live.stage == Stage::Needs && !live.claimed)
                .filter(|live| live.pending.slot.at < newer.slot.at)
                .map(|live| format!("needs not met: it {} until the next slot", live.note));
            if let Some(reason) = reason {
                self.skip_live(ticket, &reason, actions);
            }
        }
    }

    fn queue(&mut self, pending: Pending, actions: &mut Vec<Action>) {
        let (ticket, slot, keep) = (pending.ticket, pending.slot.clone(), !pending.by_person());
        let Some(state) = self.job_mut(pending.job()) else {
            return;
        };
        let older = state.queued.replace(pending);
        actions.push(Action::Wait {
            ticket,
            slot,
            note: IN_QUEUE.to_owned(),
            keep,
        });
        actions.extend(older.map(|older| skip(older, "overlap: a newer slot waits in its place")));
    }

    fn replace(&mut self, pending: Pending, actions: &mut Vec<Action>) {
        let live = self.job(pending.job()).map(|job| job.live.clone());
        self.queue(pending, actions);
        for ticket in live.unwrap_or_default() {
            match self.live.get(&ticket).map(|live| live.stage.clone()) {
                // Its end says what went wrong, not that it was replaced.
                Some(Stage::Between(error)) => {
                    self.end(ticket, crate::words::Outcome::Failed, Some(error), actions);
                }
                _ => self.cancel(ticket, CancelReason::Replaced, actions),
            }
        }
    }

    /// From here on the run is live.
    fn enter(&mut self, pending: Pending) {
        let ticket = pending.ticket;
        let Some(state) = self.job_mut(pending.job()) else {
            return;
        };
        state.live.push(ticket);
        let live = Live {
            spec: Arc::clone(&state.spec),
            pending,
            attempt: 1,
            stage: Stage::Ready,
            claimed: false,
            inside: false,
            note: String::new(),
        };
        self.live.insert(ticket, live);
        self.look_at_needs(ticket);
    }

    /// The ledger is tried again in a while, unless nothing is to start any more.
    fn unclaimed(&mut self, ticket: Ticket, actions: &mut Vec<Action>) {
        if self.draining {
            self.forget(ticket, actions);
        } else if let Some(live) = self.live.get_mut(&ticket) {
            live.stage = Stage::Unclaimed;
            self.push(CLAIM_AGAIN, Due::Claim(ticket));
        }
    }

    fn claim_again(&mut self, ticket: Ticket, actions: &mut Vec<Action>) {
        if self.held {
            self.push(CLAIM_AGAIN, Due::Claim(ticket));
        } else if let Some(live) = self.live.get_mut(&ticket)
            && live.stage == Stage::Unclaimed
        {
            live.stage = Stage::Running;
            actions.push(start(&live.pending));
        }
    }
}

const IN_QUEUE: &str = "waits for the end of the last run";

fn paused(pause: Pause) -> String {
    match pause.until {
        Some(until) => format!("paused until {until}"),
        None => "paused".to_owned(),
    }
}

fn start(pending: &Pending) -> Action {
    Action::Start {
        ticket: pending.ticket,
        slot: pending.slot.clone(),
        trigger: pending.trigger,
        missed: pending.missed,
    }
}
