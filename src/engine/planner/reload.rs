//! Other jobs from now on.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};

use super::{
    Action, Due, JobIx, Moment, Planner, Ticket,
    io::skip,
    state::{JobState, Pending, Stage},
};
use crate::{
    job::{Cursor, JobName, JobSpec, Overlap},
    ledger::Known,
};

impl Planner {
    /// Goes on with other jobs. One whose timing is new and whose slots are decided into the future,
    /// because the clock was set back, takes a phase that is free.
    pub(super) fn reload(
        &mut self,
        jobs: Vec<(JobSpec, Known)>,
        max_running: Option<u32>,
        actions: &mut Vec<Action>,
    ) {
        for job in self.take_jobs(jobs, max_running, actions) {
            self.take_new_phase(job, None, actions);
        }
        self.plan_slots();
    }

    /// Takes the new jobs in place of the old ones. A job whose timing is the same keeps its phase
    /// and owes the slots it owed; one whose timing is new has missed nothing: those are returned.
    pub(super) fn take_jobs(
        &mut self,
        jobs: Vec<(JobSpec, Known)>,
        max_running: Option<u32>,
        actions: &mut Vec<Action>,
    ) -> Vec<JobIx> {
        self.settle_accounts(&jobs, actions);
        let now = self.now;
        let mut old: HashMap<JobName, JobState> = std::mem::take(&mut self.jobs)
            .into_iter()
            .map(|state| (state.spec.name.clone(), state))
            .collect();
        for (spec, known) in &jobs {
            if let Some(at) = known.succeeded {
                let newest = self.succeeded.entry(spec.name.clone()).or_insert(at);
                *newest = at.max(*newest);
            }
        }
        let mut fresh = Vec::new();
        for (index, (spec, known)) in jobs.into_iter().enumerate() {
            let (state, is_fresh) = follow(old.remove(&spec.name), spec, known, now);
            fresh.extend(is_fresh.then_some(index));
            self.jobs.push(state);
        }
        self.index_jobs();
        self.link_live_runs();
        let wanted: HashSet<&JobName> = self.dependants.keys().collect();
        self.succeeded.retain(|job, _| wanted.contains(job));
        self.gate.max_running = max_running.and_then(|max| usize::try_from(max).ok());
        self.drop_orphans(old, actions);
        self.renew_backlog(actions);
        self.renew_waiting();
        for job in 0..self.jobs.len() {
            self.end_overlap(job, actions);
        }
        fresh
    }

    /// A job that may not overlap any more: of its runs that have not begun those go on that could
    /// have come to be. Those that have begun are left alone, also where a newer one replaces them.
    fn end_overlap(&mut self, job: JobIx, actions: &mut Vec<Action>) {
        let Some(state) = self.jobs.get(job) else {
            return;
        };
        let overlap = state.spec.policy.overlap;
        if overlap == Overlap::Allow || state.live.len() < 2 {
            return;
        }
        let begun = |ticket: &Ticket| self.live.get(ticket).is_some_and(|live| live.claimed);
        let (begun, waiting): (Vec<_>, Vec<_>) = state.live.iter().copied().partition(begun);
        for ticket in &waiting {
            self.leave_gate(*ticket);
        }
        if let Some(state) = self.jobs.get_mut(job) {
            state.live.clone_from(&begun);
        }
        let waiting = waiting.iter().filter_map(|ticket| self.live.remove(ticket));
        let waiting: Vec<_> = waiting.map(|live| live.pending).collect();
        for pending in waiting {
            if self.catching_up == Some(pending.ticket) {
                self.catching_up = None;
                self.push(SignedDuration::ZERO, Due::Backlog);
            }
            if overlap == Overlap::Replace && !begun.is_empty() {
                self.queue(pending, actions);
            } else {
                self.admit(pending, actions);
            }
        }
    }

    /// A job that goes, or is due otherwise from now on, is owed what it missed by its old timing:
    /// nobody will look for that again.
    fn settle_accounts(&mut self, jobs: &[(JobSpec, Known)], actions: &mut Vec<Action>) {
        if self.draining || !self.started {
            return;
        }
        let next: HashMap<&JobName, &JobSpec> =
            jobs.iter().map(|(spec, _)| (&spec.name, spec)).collect();
        let changed: Vec<JobIx> = (0..self.jobs.len())
            .filter(|job| {
                self.jobs.get(*job).is_some_and(|state| {
                    let next = next.get(&state.spec.name);
                    next.is_none_or(|next| !next.is_due_like(&state.spec))
                })
            })
            .collect();
        self.moment = Moment::Leaving;
        for job in changed {
            self.catch_up(job, &[], actions);
        }
        self.moment = Moment::Usual;
    }

    /// Every job knows its runs again, also one that was away for a while.
    fn link_live_runs(&mut self) {
        for ticket in self.live() {
            let name = self
                .live
                .get(&ticket)
                .map(|live| live.pending.job().clone());
            if let Some(state) = name.and_then(|name| self.job_mut(&name))
                && !state.live.contains(&ticket)
            {
                state.live.push(ticket);
            }
        }
    }

    /// What waits for a job that is gone, or disabled, will not run.
    fn drop_orphans(&mut self, old: HashMap<JobName, JobState>, actions: &mut Vec<Action>) {
        let gone = old.into_values().filter_map(|state| state.queued);
        let disabled = self.jobs.iter_mut().filter(|job| !job.spec.policy.enabled);
        let disabled = disabled.filter_map(|job| job.queued.take_if(|queued| !queued.by_person()));
        let orphans: Vec<Pending> = gone.chain(disabled).collect();
        actions.extend(orphans.into_iter().map(|pending| skip(pending, GONE)));
        let (kept, orphans) = std::mem::take(&mut self.backlog)
            .into_iter()
            .partition(|pending| self.is_enabled(pending.job()));
        self.backlog = kept;
        actions.extend(orphans.into_iter().map(|pending| skip(pending, GONE)));
        for ticket in self.live() {
            let orphan = self.live.get(&ticket).is_some_and(|live| {
                !live.claimed
                    && matches!(live.stage, Stage::Needs | Stage::Ready)
                    && !live.pending.by_person()
                    && !self.is_enabled(live.pending.job())
            });
            if orphan {
                self.skip_live(ticket, GONE, actions);
            }
        }
    }

    fn is_enabled(&self, job: &JobName) -> bool {
        self.job(job).is_some_and(|state| state.spec.policy.enabled)
    }

    /// Runs that have not begun will run under the new definition.
    fn renew_waiting(&mut self) {
        for ticket in self.live() {
            let Some(live) = self.live.get(&ticket).filter(|live| !live.claimed) else {
                continue;
            };
            let Some(spec) = self
                .job(live.pending.job())
                .map(|job| Arc::clone(&job.spec))
            else {
                continue;
            };
            let stage = live.stage.clone();
            self.leave_gate(ticket);
            if let Some(live) = self.live.get_mut(&ticket) {
                live.spec = spec;
            }
            match stage {
                Stage::Ready => self.queue_at_gate(ticket),
                Stage::Needs => self.look_at_needs(ticket),
                Stage::Running | Stage::Unclaimed | Stage::Between(_) => {}
            }
        }
    }
}

const GONE: &str = "the job was taken out of the job file or disabled";

/// The state of a job after a reload at `now`, and whether its timing is new.
fn follow(old: Option<JobState>, spec: JobSpec, known: Known, now: Timestamp) -> (JobState, bool) {
    let fresh = JobState {
        spec: Arc::new(spec),
        anchor: known.anchor,
        cursor: Cursor::at(known.decided_until),
        pause: known.pause,
        live: Vec::new(),
        queued: None,
        used: Vec::new(),
    };
    match old {
        None => (fresh, true),
        Some(old) if old.spec.is_due_like(&fresh.spec) => {
            let spec = fresh.spec;
            (JobState { spec, ..old }, false)
        }
        Some(old) => {
            let mut state = JobState {
                live: old.live,
                queued: old.queued,
                pause: old.pause,
                ..fresh
            };
            // What it owed until now has been decided by its old timing.
            state.cursor.pass(now);
            (state, true)
        }
    }
}
