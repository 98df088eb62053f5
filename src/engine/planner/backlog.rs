//! Slots that wait to be caught up, one at a time.

use std::{cmp::Reverse, collections::BTreeSet, sync::Arc};

use jiff::Timestamp;

use super::{
    Action, Due, JobIx, Planner, SETTLE, Ticket,
    catch_up::NONE,
    io::skip,
    state::{Pending, Stage},
};
use crate::job::{CatchUp, Overlap, Slot, Trigger};

/// What a slot in the backlog waits for.
pub(super) const IN_BACKLOG: &str = "waits to be caught up";

impl Planner {
    /// The first caught-up run waits until things have settled.
    pub(super) fn settle_backlog(&mut self) {
        if !self.backlog.is_empty() && self.catching_up.is_none() {
            let at = self.after(SETTLE).max(self.settle_until);
            self.heap.push(Reverse((at, Due::Backlog)));
        }
    }

    pub(super) fn enqueue(
        &mut self,
        job: JobIx,
        at: Timestamp,
        missed: u32,
        actions: &mut Vec<Action>,
    ) {
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

    /// What waits to be caught up follows the `catch_up` that a job has now.
    pub(super) fn renew_backlog(&mut self, actions: &mut Vec<Action>) {
        let waiting = self.backlog.iter().map(Pending::job);
        let jobs: BTreeSet<JobIx> = waiting
            .filter_map(|job| self.index.get(job).copied())
            .collect();
        for job in jobs {
            let Some(spec) = self.jobs.get(job).map(|state| Arc::clone(&state.spec)) else {
                continue;
            };
            match spec.policy.catch_up {
                CatchUp::All => {}
                CatchUp::None => {
                    let none = self
                        .backlog
                        .extract_if(.., |pending| *pending.job() == spec.name);
                    actions.extend(none.map(|pending| skip(pending, NONE)));
                }
                CatchUp::Latest => {
                    let newest = |pending: &&mut Pending| *pending.job() == spec.name;
                    let waiting = self.backlog.iter_mut().filter(newest);
                    let Some(at) = waiting.map(|pending| pending.slot.at).max() else {
                        continue;
                    };
                    let merged = self.supersede_backlog(job, at, actions);
                    if let Some(newest) = self.backlog.iter_mut().find(newest) {
                        newest.missed = newest.missed.saturating_add(merged);
                    }
                }
            }
        }
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

    /// A job with a run that is going on is caught up after it: what was missed neither replaces
    /// that run nor counts as an overlap. One that waits for its needs is no such run: the newer of
    /// the two stays.
    fn first_of_backlog(&self) -> Option<usize> {
        let waits = |ticket: &Ticket| {
            let live = self.live.get(ticket);
            live.is_some_and(|live| live.stage == Stage::Needs)
        };
        let free = |pending: &Pending| {
            self.job(pending.job()).is_none_or(|job| {
                job.spec.policy.overlap == Overlap::Allow
                    || job.queued.is_none() && job.live.iter().all(waits)
            })
        };
        let rank = |pending: &Pending| {
            let job = self.job(pending.job());
            let priority = job.map_or(0, |job| job.spec.policy.priority);
            (Reverse(priority), pending.slot.at, pending.ticket)
        };
        let all = self.backlog.iter().enumerate();
        let ready = all.filter(|(_, pending)| free(pending));
        ready
            .min_by_key(|(_, pending)| rank(pending))
            .map(|(index, _)| index)
    }

    /// The slots that wait to be caught up.
    pub fn backlog(&self) -> impl Iterator<Item = &Slot> {
        self.backlog.iter().map(|pending| &pending.slot)
    }
}
