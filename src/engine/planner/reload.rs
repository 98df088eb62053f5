//! Other jobs from now on.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{
    Action, Planner,
    io::skip,
    state::{JobState, Stage},
};
use crate::{
    job::{Cursor, JobName, JobSpec},
    ledger::Known,
};

impl Planner {
    /// Takes the new jobs in place of the old ones. A job whose timing is the same keeps its phase
    /// and owes the slots it owed; one whose timing is new has missed nothing.
    pub(super) fn reload(
        &mut self,
        jobs: Vec<(JobSpec, Known)>,
        max_running: Option<u32>,
        actions: &mut Vec<Action>,
    ) {
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
        self.jobs = jobs
            .into_iter()
            .map(|(spec, known)| follow(old.remove(&spec.name), spec, known))
            .collect();
        self.index_jobs();
        self.link_live_runs();
        let wanted: HashSet<&JobName> = self.dependants.keys().collect();
        self.succeeded.retain(|job, _| wanted.contains(job));
        self.gate.max_running = max_running.and_then(|max| usize::try_from(max).ok());
        self.drop_orphans(old, actions);
        self.renew_waiting();
        self.plan_slots();
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
        for state in old.into_values() {
            actions.extend(state.queued.map(|pending| skip(pending, GONE)));
        }
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

/// The state of a job after a reload.
fn follow(old: Option<JobState>, spec: JobSpec, known: Known) -> JobState {
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
        None => fresh,
        Some(old) if old.spec.timing() == fresh.spec.timing() => JobState {
            spec: fresh.spec,
            ..old
        },
        Some(old) => JobState {
            live: old.live,
            queued: old.queued,
            pause: old.pause,
            ..fresh
        },
    }
}
