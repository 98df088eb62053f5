//! What a sleep or a set clock does to the plan.

use std::cmp::Reverse;

use jiff::{SignedDuration, Timestamp};

use super::{
    Action, Due, GRACE, JobIx, Planner, RESUME_SETTLE, Ticket,
    state::{JobState, UsedPhase},
};
use crate::schedule::Schedule;

impl Planner {
    /// The computer slept, or the clock was set.
    ///
    /// Going forward, nothing missed is decided until things have settled: a clock that is set right
    /// again meanwhile has cost nothing. Going back, what is decided stays decided; `every` gets a
    /// phase that has not been used, so that it goes on.
    pub(super) fn clock_went(
        &mut self,
        slept: SignedDuration,
        stepped: SignedDuration,
        actions: &mut Vec<Action>,
    ) {
        self.shift_waits(stepped);
        if slept + stepped.max(SignedDuration::ZERO) > GRACE {
            self.settle_until = self.after(RESUME_SETTLE);
        }
        if stepped < SignedDuration::ZERO {
            for job in 0..self.jobs.len() {
                let due = self.jobs.get(job).and_then(next_every);
                let due = due.and_then(|due| due.checked_add(stepped).ok());
                self.take_new_phase(job, due, actions);
            }
            self.plan_slots();
        }
    }

    /// The slot had been decided. When that was before a step back and before the start, an `every`
    /// goes on in a phase that was used then: it takes another one.
    pub(super) fn denied(&mut self, ticket: Ticket, actions: &mut Vec<Action>) {
        let slot = self
            .live
            .get(&ticket)
            .filter(|live| !live.pending.by_person())
            .map(|live| live.pending.slot.clone());
        self.release(ticket, actions);
        let Some(job) = slot.as_ref().and_then(|slot| self.index.get(&slot.job)) else {
            return;
        };
        let (job, now) = (*job, self.now);
        if let (Some(state), Some(slot)) = (self.jobs.get_mut(job), slot)
            && state.cursor.wall > now
            && !state.used.is_empty()
            && state.is_of_phase(slot.at)
        {
            state.cursor.every = state.cursor.wall;
            self.take_new_phase(job, Some(now), actions);
            self.plan_slots();
        }
    }

    /// Waits are spans, not instants: they do not get longer or shorter when the clock is set.
    fn shift_waits(&mut self, by: SignedDuration) {
        let shift = |at: Timestamp| at.checked_add(by).unwrap_or(at);
        let heap = std::mem::take(&mut self.heap).into_iter();
        self.heap = heap
            .map(|Reverse((at, due))| match due {
                Due::Slot(_) => Reverse((at, due)),
                Due::Attempt(_) | Due::Claim(_) | Due::Backlog => Reverse((shift(at), due)),
            })
            .collect();
        self.settle_until = shift(self.settle_until);
    }

    /// Forgets when jobs are due and looks anew.
    pub(super) fn plan_slots(&mut self) {
        let heap = std::mem::take(&mut self.heap).into_iter();
        self.heap = heap
            .filter(|Reverse((_, due))| !matches!(due, Due::Slot(_)))
            .collect();
        for job in 0..self.jobs.len() {
            self.plan_slot(job);
        }
    }

    /// Sets the next wake of a job; there is none any more once the daemon stops.
    pub(super) fn plan_slot(&mut self, job: JobIx) {
        if !self.draining
            && let Some(state) = self.jobs.get(job)
            && let Some(slot) = state.next_slot()
        {
            let at = state.fires_at(slot);
            self.heap.push(Reverse((at, Due::Slot(job))));
        }
    }

    /// A job whose `every` is decided into the future goes on at `due` (at the latest one period
    /// from now), or at the next second after it at which no slot of its can have been decided.
    pub(super) fn take_new_phase(
        &mut self,
        job: JobIx,
        due: Option<Timestamp>,
        actions: &mut Vec<Action>,
    ) {
        let now = self.now;
        let Some(state) = self.jobs.get_mut(job) else {
            return;
        };
        let (Some(period), true) = (period(state), state.cursor.every > now) else {
            return;
        };
        state.used.retain(|used| used.until > now);
        state.used.push(UsedPhase {
            anchor: state.anchor,
            until: state.cursor.every,
        });
        let latest = now.as_second().saturating_add(period);
        let first = due.map_or(latest, Timestamp::as_second);
        let first = first.clamp(now.as_second() + 1, latest);
        // Two of them share no second with a used phase when they share none with their divisor.
        let step = common_period(state).unwrap_or(period);
        let free = (first..first.saturating_add(step)).find(|second| {
            state
                .used
                .iter()
                .all(|used| (second - used.anchor.as_second()).rem_euclid(step) != 0)
        });
        // Each second of the period is used up: it has to wait until the wall clock is past them.
        let Some(free) = free else {
            state.used.pop();
            return;
        };
        let Ok(before) = Timestamp::from_second(free - period) else {
            return;
        };
        state.anchor = before;
        state.cursor.every = before;
        actions.push(Action::Phase {
            job: state.spec.name.clone(),
            anchor: before,
        });
    }
}

impl JobState {
    /// Whether `at` is a slot of the present phase of its `every`.
    fn is_of_phase(&self, at: Timestamp) -> bool {
        let since = at.as_second() - self.anchor.as_second();
        periods(self).any(|period| since.rem_euclid(period) == 0)
    }
}

/// The periods of a job's `every`, in seconds.
fn periods(state: &JobState) -> impl Iterator<Item = i64> {
    let schedules = state
        .spec
        .schedules
        .iter()
        .filter(|_| state.spec.policy.enabled);
    schedules.filter_map(|schedule| match schedule {
        Schedule::Every(period) => i64::try_from(period.duration().as_secs().max(1)).ok(),
        _ => None,
    })
}

fn period(state: &JobState) -> Option<i64> {
    periods(state).min()
}

/// The greatest common divisor of the periods.
fn common_period(state: &JobState) -> Option<i64> {
    periods(state).reduce(|mut a, mut b| {
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a
    })
}

/// The next slot of a job's `every` as things were before the clock was set.
fn next_every(state: &JobState) -> Option<Timestamp> {
    let period = period(state)?;
    let decided = state.cursor.every.as_second();
    let phase = (decided - state.anchor.as_second()).rem_euclid(period);
    Timestamp::from_second(decided + period - phase).ok()
}
