//! Slots that passed while nobody was awake.

use std::{
    cmp::Reverse,
    collections::{HashMap, VecDeque},
};

use jiff::Timestamp;

use super::{Action, Due, JobIx, Left, Planner, SETTLE, io::skip, state::Pending, state::Stage};
use crate::{
    job::{CatchUp, JobName, Slot, Trigger},
    schedule::Schedule,
};

/// At most this many missed slots of a job become rows of their own; the oldest ones beyond it are
/// counted in the reason of the oldest row, so that a month of `every 1s` stays a small file.
pub(super) const MAX_ROWS: usize = 1_000;

/// So many slots are counted one by one; then half of the time that is left is passed over.
const MAX_COUNTED: usize = 100_000;

/// The slots of a job that nobody has decided.
#[derive(Debug, Default)]
struct Missed {
    /// The newest [`MAX_ROWS`] of them, oldest first.
    slots: VecDeque<Timestamp>,
    /// How many older ones there are.
    beyond: usize,
    /// Whether there are more than that.
    uncounted: bool,
}

impl Missed {
    fn push(&mut self, at: Timestamp) {
        self.slots.push_back(at);
        if self.slots.len() > MAX_ROWS {
            self.slots.pop_front();
            self.beyond += 1;
        }
    }

    /// What the oldest row says of those before it.
    fn before_it(&self) -> Option<String> {
        match (self.beyond, self.uncounted) {
            (0, false) => None,
            (beyond, false) => Some(format!(" (and {beyond} slots before it)")),
            (beyond, true) => Some(format!(" (and more than {beyond} slots before it)")),
        }
    }
}

impl Planner {
    /// The daemon starts: fills the heap and catches up what was missed since.
    pub(super) fn start(&mut self, left: Vec<Left>, actions: &mut Vec<Action>) {
        let mut by_job: HashMap<JobName, Vec<Timestamp>> = HashMap::new();
        for slot in left {
            if self.find(&slot.job).is_some() {
                by_job.entry(slot.job).or_default().push(slot.at);
            } else if !slot.ran {
                // It has no row yet, and its job is gone.
                let pending = self.pending(lane(slot.job, slot.at), Trigger::CatchUp, 0);
                actions.push(skip(pending, "missed: the job is not in the job file"));
            }
        }
        for job in 0..self.jobs.len() {
            let name = self.jobs.get(job).map(|state| state.spec.name.clone());
            let left = name
                .and_then(|name| by_job.remove(&name))
                .unwrap_or_default();
            self.take_new_phase(job, None, actions);
            self.catch_up(job, &left, actions);
            self.at_start(job, actions);
        }
    }

    /// `@start` jobs are due now; an earlier start that died is made up for by that.
    fn at_start(&mut self, job: JobIx, actions: &mut Vec<Action>) {
        let due = self.jobs.get(job).is_some_and(|state| {
            state.spec.policy.enabled && state.spec.schedules.iter().any(Schedule::at_start)
        });
        if !due {
            return;
        }
        let at = Timestamp::from_second(self.now.as_second()).unwrap_or(self.now);
        let missed = self.supersede_backlog(job, at, actions);
        if let Some(slot) = self.decide_slot(job, at) {
            let pending = self.pending(slot, Trigger::Schedule, missed);
            self.admit(pending, actions);
        }
    }

    /// Decides all slots of `job` up to `now` (and those `left` open) as its policy says, and sets
    /// its next wake.
    pub(super) fn catch_up(&mut self, job: JobIx, left: &[Timestamp], actions: &mut Vec<Action>) {
        let mut missed = self.missed(job);
        self.plan_slot(job);
        let Some(state) = self.jobs.get(job) else {
            return;
        };
        if !state.spec.policy.enabled {
            self.skip_missed(job, left, "missed: the job is disabled", None, actions);
            return;
        }
        let (policy, pause) = (state.spec.policy.clone(), state.pause);
        let beyond = missed.before_it();
        missed.slots.extend(left);
        let mut slots = Vec::from(missed.slots);
        slots.sort_unstable();
        slots.dedup();
        let (paused, slots): (Vec<_>, Vec<_>) = slots
            .into_iter()
            .partition(|at| pause.is_some_and(|pause| pause.covers(*at)));
        let reason = pause.map(super::paused).unwrap_or_default();
        self.skip_missed(job, &paused, &reason, None, actions);
        let window_from = self
            .now
            .checked_sub(policy.catch_up_window.signed())
            .unwrap_or(Timestamp::MIN);
        let (old, recent): (Vec<_>, Vec<_>) = slots.into_iter().partition(|at| *at < window_from);
        let too_old = format!(
            "missed: older than the catch-up window of {}",
            policy.catch_up_window
        );
        self.skip_missed(job, &old, &too_old, beyond.clone(), actions);
        let beyond = beyond.filter(|_| old.is_empty());
        match policy.catch_up {
            CatchUp::None => {
                self.skip_missed(job, &recent, "missed: catch_up is none", beyond, actions);
            }
            CatchUp::Latest => {
                let older = missed.beyond + old.len();
                self.catch_up_latest(job, &recent, older, beyond, actions);
            }
            CatchUp::All => {
                for at in recent {
                    self.enqueue(job, at, 0, actions);
                }
            }
        }
        self.settle_backlog();
    }

    /// The first caught-up run waits until things have settled.
    fn settle_backlog(&mut self) {
        if !self.backlog.is_empty() && self.catching_up.is_none() {
            let at = self.after(SETTLE).max(self.settle_until);
            self.heap.push(Reverse((at, Due::Backlog)));
        }
    }

    fn catch_up_latest(
        &mut self,
        job: JobIx,
        recent: &[Timestamp],
        older: usize,
        beyond: Option<String>,
        actions: &mut Vec<Action>,
    ) {
        let Some((latest, merged)) = recent.split_last() else {
            return;
        };
        let reason = format!("missed: merged into the catch-up of {latest}");
        self.skip_missed(job, merged, &reason, beyond, actions);
        let missed = u32::try_from(merged.len() + older).unwrap_or(u32::MAX);
        let missed = missed.saturating_add(self.supersede_backlog(job, *latest, actions));
        self.enqueue(job, *latest, missed, actions);
    }

    /// The undecided slots whose time has come; they count as decided from here on.
    fn missed(&mut self, job: JobIx) -> Missed {
        let mut missed = Missed::default();
        let now = self.now;
        let after_others = self.due_after_others(job);
        let Some(state) = self.jobs.get_mut(job) else {
            return missed;
        };
        if let Some(at) = after_others {
            state.cursor.pass(at);
            missed.push(at);
        }
        let mut counted = 0;
        while let Some(at) = state.next_slot().filter(|at| state.fires_at(*at) <= now) {
            state.cursor.pass(at);
            missed.push(at);
            counted += 1;
            if counted % MAX_COUNTED == 0 {
                let half = at.duration_until(now).as_secs() / 2;
                if let Ok(middle) = Timestamp::from_second(at.as_second() + half) {
                    state.cursor.pass(middle);
                    missed.uncounted = true;
                }
            }
        }
        missed
    }

    fn skip_missed(
        &mut self,
        job: JobIx,
        slots: &[Timestamp],
        reason: &str,
        beyond: Option<String>,
        actions: &mut Vec<Action>,
    ) {
        let mut beyond = beyond;
        for at in slots {
            let Some(slot) = self.slot(job, *at) else {
                return;
            };
            let pending = self.pending(slot, Trigger::CatchUp, 0);
            let reason = format!("{reason}{}", beyond.take().unwrap_or_default());
            actions.push(skip(pending, reason));
        }
    }

    fn enqueue(&mut self, job: JobIx, at: Timestamp, missed: u32, actions: &mut Vec<Action>) {
        if let Some(slot) = self.slot(job, at) {
            let pending = self.pending(slot, Trigger::CatchUp, missed);
            actions.push(Action::Wait {
                ticket: pending.ticket,
                slot: pending.slot.clone(),
                note: IN_BACKLOG.to_owned(),
                keep: true,
            });
            self.backlog.push(pending);
        }
    }

    /// A newer slot of `job` starts: what waits to be caught up is merged into it when the job
    /// wants only the latest. Returns how many slots those stood for.
    pub(super) fn supersede_backlog(
        &mut self,
        job: JobIx,
        newer: Timestamp,
        actions: &mut Vec<Action>,
    ) -> u32 {
        let Some(state) = self.jobs.get(job) else {
            return 0;
        };
        if self.backlog.is_empty() || state.spec.policy.catch_up != CatchUp::Latest {
            return 0;
        }
        let name = &state.spec.name;
        let (merged, kept): (Vec<Pending>, Vec<Pending>) = self
            .backlog
            .drain(..)
            .partition(|pending| pending.job() == name && pending.slot.at < newer);
        self.backlog = kept;
        let reason = format!("missed: merged into the run of {newer}");
        let stood_for = merged
            .iter()
            .map(|pending| pending.missed.saturating_add(1))
            .sum();
        actions.extend(merged.into_iter().map(|pending| skip(pending, &*reason)));
        stood_for
    }

    /// Starts the next caught-up run unless one is going on: the most important, then the oldest.
    pub(super) fn start_backlog(&mut self, actions: &mut Vec<Action>) {
        if self.draining || self.catching_up.is_some() {
            return;
        }
        if self.now < self.settle_until {
            self.heap.push(Reverse((self.settle_until, Due::Backlog)));
            return;
        }
        while let Some(index) = self.first_of_backlog() {
            let pending = self.backlog.remove(index);
            let ticket = pending.ticket;
            self.admit(pending, actions);
            // Who waits for other jobs must not keep them from being caught up.
            let going = self
                .live
                .get(&ticket)
                .is_some_and(|live| live.stage != Stage::Needs);
            if going {
                self.catching_up = Some(ticket);
                return;
            }
        }
    }

    fn first_of_backlog(&self) -> Option<usize> {
        let rank = |pending: &Pending| {
            let job = self.job(pending.job());
            let priority = job.map_or(0, |job| job.spec.policy.priority);
            (Reverse(priority), pending.slot.at, pending.ticket)
        };
        let all = self.backlog.iter().enumerate();
        all.min_by_key(|(_, pending)| rank(pending))
            .map(|(index, _)| index)
    }

    /// The slots that wait to be caught up.
    pub fn backlog(&self) -> impl Iterator<Item = &Slot> {
        self.backlog.iter().map(|pending| &pending.slot)
    }
}

/// What a slot in the backlog waits for.
pub(super) const IN_BACKLOG: &str = "waits to be caught up";

/// The slot of a job in the lane of the schedule.
pub(super) fn lane(job: JobName, at: Timestamp) -> Slot {
    Slot {
        job,
        at,
        scope: String::new(),
    }
}
