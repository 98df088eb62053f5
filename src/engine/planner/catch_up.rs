//! Slots that passed while nobody was awake.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;

use super::{Action, JobIx, Left, Moment, Planner, SETTLE, io::skip, state::JobState};
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

    /// What the row of the oldest one says of those before it.
    fn before_it(&self) -> Option<Beyond> {
        let at = *self.slots.front()?;
        let note = match (self.beyond, self.uncounted) {
            (0, false) => return None,
            (beyond, false) => format!(" (and {beyond} slots before it)"),
            (beyond, true) => format!(" (and more than {beyond} slots before it)"),
        };
        Some(Beyond { at, note })
    }
}

/// What is told of slots without rows of their own.
#[derive(Debug)]
struct Beyond {
    /// The slot whose row tells it.
    at: Timestamp,
    note: String,
}

impl Planner {
    /// The daemon starts: fills the heap and catches up what was missed since.
    pub(super) fn start(&mut self, left: Vec<Left>, actions: &mut Vec<Action>) {
        self.moment = Moment::Starting;
        self.started = true;
        self.settle_until = self.after(SETTLE);
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
            let left = name.and_then(|name| by_job.remove(&name));
            let mut left = left.unwrap_or_default();
            if self.jobs.get(job).is_some_and(is_due_at_start) {
                // That slot starts now, whatever else it was.
                left.retain(|at| *at != self.second());
            }
            self.take_new_phase(job, None, actions);
            self.catch_up(job, &left, actions);
            self.at_start(job, actions);
        }
        self.moment = Moment::Usual;
    }

    /// `@start` jobs are due now; an earlier start that died is made up for by that.
    fn at_start(&mut self, job: JobIx, actions: &mut Vec<Action>) {
        if !self.jobs.get(job).is_some_and(is_due_at_start) {
            return;
        }
        let at = self.second();
        let missed = self.supersede_backlog(job, at, actions);
        if let Some(slot) = self.decide_slot(job, at) {
            let pending = self.pending(slot, Trigger::Schedule, missed);
            self.admit(pending, actions);
        }
    }

    /// The second that has begun.
    fn second(&self) -> Timestamp {
        Timestamp::from_second(self.now.as_second()).unwrap_or(self.now)
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
        let beyond = beyond.as_ref();
        missed.slots.extend(left);
        let mut slots = Vec::from(missed.slots);
        slots.sort_unstable();
        slots.dedup();
        let (paused, slots): (Vec<_>, Vec<_>) = slots
            .into_iter()
            .partition(|at| pause.is_some_and(|pause| pause.covers(*at)));
        let reason = pause.map(super::paused).unwrap_or_default();
        self.skip_missed(job, &paused, &reason, beyond, actions);
        let window_from = self
            .now
            .checked_sub(policy.catch_up_window.signed())
            .unwrap_or(Timestamp::MIN);
        let (old, mut recent): (Vec<_>, Vec<_>) =
            slots.into_iter().partition(|at| *at < window_from);
        let too_old = format!(
            "missed: older than the catch-up window of {}",
            policy.catch_up_window
        );
        self.skip_missed(job, &old, &too_old, beyond, actions);
        match policy.catch_up {
            CatchUp::None => {
                self.skip_missed(job, &recent, NONE, beyond, actions);
            }
            CatchUp::Latest => {
                let older = missed.beyond + old.len();
                self.catch_up_latest(job, &recent, older, beyond, actions);
            }
            CatchUp::All => {
                let teller = recent.extract_if(.., |at| beyond.is_some_and(|b| b.at == *at));
                let teller: Vec<_> = teller.collect();
                self.skip_missed(job, &teller, TOO_MANY, beyond, actions);
                for at in recent {
                    self.enqueue(job, at, 0, actions);
                }
            }
        }
        self.settle_backlog();
    }

    fn catch_up_latest(
        &mut self,
        job: JobIx,
        recent: &[Timestamp],
        older: usize,
        beyond: Option<&Beyond>,
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
        let (now, second) = (self.now, self.second());
        let after_others = self.due_after_others(job);
        let Some(state) = self.jobs.get_mut(job) else {
            return missed;
        };
        if let Some(at) = after_others {
            state.cursor.pass(at);
            missed.push(at);
        }
        // The slot of the start itself comes after all that lie before it, jitter or not.
        let at_start = self.moment == Moment::Starting && is_due_at_start(state);
        // Nobody will look for the slots of a timing that is left behind again.
        let leaving = self.moment == Moment::Leaving;
        let is_due = |state: &JobState, at| {
            if at_start {
                at < second
            } else if leaving {
                at <= now
            } else {
                state.fires_at(at) <= now
            }
        };
        let mut counted = 0;
        while let Some(at) = state.next_slot().filter(|at| is_due(state, *at)) {
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
        beyond: Option<&Beyond>,
        actions: &mut Vec<Action>,
    ) {
        for at in slots {
            let Some(slot) = self.slot(job, *at) else {
                return;
            };
            let pending = self.pending(slot, Trigger::CatchUp, 0);
            let beyond = beyond.filter(|beyond| beyond.at == *at);
            let beyond = beyond.map_or("", |beyond| &beyond.note);
            let reason = format!("{reason}{beyond}");
            actions.push(skip(pending, reason));
        }
    }
}

/// The slot of a job in the lane of the schedule.
pub(super) fn lane(job: JobName, at: Timestamp) -> Slot {
    Slot {
        job,
        at,
        scope: String::new(),
    }
}

fn is_due_at_start(state: &JobState) -> bool {
    state.spec.policy.enabled && state.spec.schedules.iter().any(Schedule::at_start)
}

pub(super) const NONE: &str = "missed: catch_up is none";
const TOO_MANY: &str = "missed: too many to catch up each of them";
