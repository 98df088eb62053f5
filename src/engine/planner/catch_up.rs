//! Slots that passed while nobody was awake.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::{Action, Due, JobIx, Pending, Planner, SETTLE, skip};
use crate::job::{CatchUp, JobName, Slot, Trigger};

/// At most this many missed slots of a job become rows of their own; the oldest ones beyond it are
/// counted in the reason of the oldest row, so that a month of `every 1s` stays a small file.
pub(super) const MAX_ROWS: usize = 1_000;

impl Planner {
    /// The daemon starts: fills the heap and catches up what was missed since.
    pub(super) fn start(&mut self, lost: &[(JobName, Timestamp)], actions: &mut Vec<Action>) {
        for job in 0..self.jobs.len() {
            let lost: Vec<Timestamp> = lost
                .iter()
                .filter(|(name, _)| self.spec(job).is_some_and(|spec| spec.name == *name))
                .map(|(_, at)| *at)
                .collect();
            self.catch_up(job, &lost, actions);
            self.at_start(job, actions);
        }
    }

    /// `@start` jobs are due now.
    fn at_start(&mut self, job: JobIx, actions: &mut Vec<Action>) {
        let due = self.spec(job).is_some_and(|spec| {
            spec.policy.enabled
                && spec
                    .schedules
                    .iter()
                    .any(crate::schedule::Schedule::at_start)
        });
        let at = Timestamp::from_second(self.now.as_second()).unwrap_or(self.now);
        if let Some(slot) = self.scheduled_slot(job, at).filter(|_| due) {
            let pending = self.pending(job, slot, Trigger::Schedule, 0);
            self.admit(pending, actions);
        }
    }

    /// Decides all slots of `job` up to `now` (and the `lost` ones again) as its policy says, and
    /// sets its next wake.
    pub(super) fn catch_up(&mut self, job: JobIx, lost: &[Timestamp], actions: &mut Vec<Action>) {
        let Some(state) = self.jobs.get(job) else {
            return;
        };
        if !state.spec.policy.enabled {
            return;
        }
        let policy = state.spec.policy.clone();
        let (mut missed, beyond, next) = self.missed(job);
        missed.extend_from_slice(lost);
        missed.sort_unstable();
        missed.dedup();
        if let Some(at) = next {
            self.heap.push(Reverse((at, Due::Slot(job))));
        }
        let window_from = self
            .now
            .checked_sub(policy.catch_up_window.signed())
            .unwrap_or(Timestamp::MIN);
        let (old, recent): (Vec<_>, Vec<_>) = missed.into_iter().partition(|at| *at < window_from);
        let too_old = format!(
            "missed: older than the catch-up window of {}",
            policy.catch_up_window
        );
        self.skip_missed(job, &old, &too_old, beyond, actions);
        match policy.catch_up {
            CatchUp::None => {
                self.skip_missed(job, &recent, "missed: catch_up is none", 0, actions);
            }
            CatchUp::Latest => self.catch_up_latest(job, &recent, beyond + old.len(), actions),
            CatchUp::All => {
                for at in recent {
                    self.enqueue(job, at, 0);
                }
            }
        }
        if !self.backlog.is_empty() && self.catching_up.is_none() {
            self.push(SETTLE, Due::Backlog);
        }
    }

    fn catch_up_latest(
        &mut self,
        job: JobIx,
        recent: &[Timestamp],
        older: usize,
        actions: &mut Vec<Action>,
    ) {
        let Some((latest, merged)) = recent.split_last() else {
            return;
        };
        let reason = format!("missed: merged into the catch-up of {latest}");
        self.skip_missed(job, merged, &reason, 0, actions);
        let missed = u32::try_from(merged.len() + older).unwrap_or(u32::MAX);
        let missed = missed.saturating_add(self.supersede_backlog(job, *latest, actions));
        self.enqueue(job, *latest, missed);
    }

    /// The undecided slots up to `now` (the newest [`MAX_ROWS`]), how many older ones there are,
    /// and the first slot after `now`.
    fn missed(&mut self, job: JobIx) -> (Vec<Timestamp>, usize, Option<Timestamp>) {
        let now = self.now;
        let Some(state) = self.jobs.get_mut(job) else {
            return (Vec::new(), 0, None);
        };
        let mut slots = std::collections::VecDeque::new();
        let mut beyond = 0;
        let mut next = state.spec.next_after(state.decided_until, state.anchor);
        while let Some(at) = next.filter(|at| *at <= now) {
            slots.push_back(at);
            if slots.len() > MAX_ROWS {
                slots.pop_front();
                beyond += 1;
            }
            next = state.spec.next_after(at, state.anchor);
        }
        if let Some(newest) = slots.back() {
            state.decided_until = state.decided_until.max(*newest);
        }
        (slots.into(), beyond, next)
    }

    fn skip_missed(
        &mut self,
        job: JobIx,
        slots: &[Timestamp],
        reason: &str,
        beyond: usize,
        actions: &mut Vec<Action>,
    ) {
        for (index, at) in slots.iter().enumerate() {
            let Some(slot) = self.scheduled_slot(job, *at) else {
                return;
            };
            let pending = self.pending(job, slot, Trigger::CatchUp, 0);
            if index == 0 && beyond > 0 {
                actions.push(skip(
                    pending,
                    &format!("{reason} (and {beyond} slots before it)"),
                ));
            } else {
                actions.push(skip(pending, reason));
            }
        }
    }

    fn enqueue(&mut self, job: JobIx, at: Timestamp, missed: u32) {
        if let Some(slot) = self.scheduled_slot(job, at) {
            let pending = self.pending(job, slot, Trigger::CatchUp, missed);
            self.backlog.push_back(pending);
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
        let latest = self
            .spec(job)
            .is_some_and(|spec| spec.policy.catch_up == CatchUp::Latest);
        if !latest {
            return 0;
        }
        let (merged, kept): (Vec<Pending>, Vec<Pending>) = self
            .backlog
            .drain(..)
            .partition(|pending| pending.job == job);
        self.backlog = kept.into();
        let reason = format!("missed: merged into the run of {newer}");
        let stood_for = merged
            .iter()
            .map(|pending| pending.missed.saturating_add(1))
            .sum();
        actions.extend(merged.into_iter().map(|pending| skip(pending, &reason)));
        stood_for
    }

    /// Starts the next caught-up run unless one is going on.
    pub(super) fn start_backlog(&mut self, actions: &mut Vec<Action>) {
        if self.draining || self.catching_up.is_some() {
            return;
        }
        while let Some(pending) = self.backlog.pop_front() {
            let ticket = pending.ticket;
            self.admit(pending, actions);
            if self.live.contains_key(&ticket) {
                self.catching_up = Some(ticket);
                return;
            }
        }
    }

    /// The slots that wait to be caught up, oldest first.
    pub fn backlog(&self) -> impl Iterator<Item = &Slot> {
        self.backlog.iter().map(|pending| &pending.slot)
    }
}
