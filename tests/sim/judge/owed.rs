//! The laws of schedules: no slot without a row, and `every` goes on.

use bellkeeper::{
    engine::planner::Planner,
    job::{JobName, JobSpec, Slot},
    ledger::{Known, Registration},
    schedule::Schedule,
};
use jiff::{SignedDuration, Timestamp};

use super::{Judge, Judged};
use crate::sim::{
    law::Law,
    model::Model,
    time::{Clocks, SECOND},
};

/// What a job owes.
#[derive(Debug)]
pub(super) struct Owed {
    pub(super) spec: JobSpec,
    timing: String,
    present: bool,
    anchor: Timestamp,
    /// Up to where each schedule was looked at.
    looked_at: Vec<Timestamp>,
    /// When a slot of it was decided last, by the monotonic clock.
    fired: i64,
}

impl Owed {
    pub(super) fn has_every(&self) -> bool {
        let mut all = self.spec.schedules.iter();
        all.any(|schedule| matches!(schedule, Schedule::Every(_)))
    }

    pub(super) fn anchor(&self) -> Timestamp {
        self.anchor
    }

    fn set_phase(&mut self, anchor: Timestamp, until: Timestamp) {
        self.anchor = anchor;
        for (schedule, looked_at) in self.spec.schedules.iter().zip(&mut self.looked_at) {
            if matches!(schedule, Schedule::Every(_)) {
                *looked_at = until;
            }
        }
    }
}

impl Owed {
    fn relive(&mut self, until: Timestamp) {
        for (schedule, looked_at) in self.spec.schedules.iter().zip(&mut self.looked_at) {
            if matches!(schedule, Schedule::Every(_)) {
                *looked_at = until.max(*looked_at);
            }
        }
    }
}

impl Judge {
    /// Other jobs; those that are `fresh` get their phase from the ledger.
    pub(super) fn take_jobs(
        &mut self,
        jobs: &[(JobSpec, Known)],
        fresh: impl Fn(&JobName) -> bool,
    ) {
        let (mono, relived_until) = (self.mono(), self.relived_until);
        for owed in self.jobs.values_mut() {
            owed.present = false;
        }
        for (spec, known) in jobs {
            let timing = spec.timing();
            let old = self.jobs.get_mut(&spec.name);
            if let Some(owed) = old.filter(|owed| owed.timing == timing) {
                owed.spec = spec.clone();
                owed.present = true;
                if fresh(&spec.name) {
                    owed.fired = mono;
                    if owed.anchor != known.anchor {
                        owed.set_phase(known.anchor, known.decided_until);
                    }
                    // What an `every` that goes on owes for hours that have been before is
                    // forgotten with the process.
                    owed.relive(known.decided_until.min(relived_until));
                }
                continue;
            }
            let owed = Owed {
                looked_at: vec![known.decided_until; spec.schedules.len()],
                spec: spec.clone(),
                timing,
                present: true,
                anchor: known.anchor,
                fired: mono,
            };
            self.jobs.insert(spec.name.clone(), owed);
        }
    }

    /// Jobs that are gone owe nothing; one that comes back has missed nothing.
    pub(in crate::sim) fn retire_others(&mut self, jobs: &[Registration]) {
        for (name, owed) in &mut self.jobs {
            if jobs.iter().all(|job| job.job != *name) {
                owed.timing.clear();
            }
        }
    }

    pub(super) fn new_phase(&mut self, job: &JobName, anchor: Timestamp) {
        if let Some(owed) = self.jobs.get_mut(job) {
            owed.set_phase(anchor, anchor);
        }
    }

    pub(super) fn fired(&mut self, slot: &Slot, clocks: Clocks) {
        if slot.scope.is_empty()
            && let Some(owed) = self.jobs.get_mut(&slot.job)
        {
            owed.fired = clocks.mono;
        }
    }

    /// Every slot whose time has come has a row. Only to be asked while the daemon is up and has
    /// written what it has decided.
    pub(in crate::sim) fn never_silent(
        &mut self,
        model: &Model,
        planner: &Planner,
        clocks: Clocks,
    ) -> Judged {
        let now = clocks.now();
        if clocks.mono < self.settle_at + SECOND
            || planner.next_wake().is_some_and(|wake| wake <= now)
        {
            return Ok(());
        }
        let mut silent = None;
        for owed in self.jobs.values_mut() {
            if !owed.present || !owed.spec.policy.enabled {
                continue;
            }
            let jitter = SignedDuration::try_from(owed.spec.policy.jitter.duration()).unwrap();
            let until = now - jitter;
            let frame = owed.spec.policy.frame(owed.anchor);
            for (schedule, looked_at) in owed.spec.schedules.iter().zip(&mut owed.looked_at) {
                while let Some(at) = schedule
                    .next_after(*looked_at, &frame)
                    .filter(|at| *at <= until)
                {
                    *looked_at = at;
                    self.checks += 1;
                    let job = &owed.spec.name;
                    let told = model.knows(job, at)
                        || match self.coalesced.get(job) {
                            // Between rows of the first time there is no telling which is next.
                            Some(rows) if at <= self.relived_until => {
                                rows.iter().any(|row| at < *row)
                            }
                            Some(rows) => model
                                .next_row(job, at)
                                .is_some_and(|row| rows.contains(&row)),
                            None => false,
                        };
                    if !told && silent.is_none() {
                        silent = Some((job.clone(), at, schedule.to_string()));
                    }
                }
            }
        }
        self.hold(Law::NeverSilent, silent.is_none(), || {
            format!("nothing is known of {silent:?}")
        })
    }

    /// The time between two slots of an `every` is at most two periods, while somebody is there.
    pub(in crate::sim) fn every_goes_on(
        &mut self,
        planner: &Planner,
        clocks: Clocks,
        free_since: i64,
    ) -> Judged {
        let from = free_since.max(self.settle_at).max(self.booted_at);
        let mut late = None;
        for owed in self.jobs.values() {
            let enabled = planner.find(&owed.spec.name).is_some() && owed.spec.policy.enabled;
            let Some(period) = period(&owed.spec).filter(|_| enabled && owed.present) else {
                continue;
            };
            // Each step back uses up a second of the period.
            if i64::from(self.steps_back) > period / SECOND / 4 {
                continue;
            }
            self.checks += 1;
            let jitter = owed.spec.policy.jitter.duration().as_millis();
            let jitter = i64::try_from(jitter).unwrap();
            let waited = clocks.mono - owed.fired.max(from);
            if waited > 2 * period + jitter + 20 * SECOND {
                late = Some((owed.spec.name.clone(), waited));
            }
        }
        self.hold(Law::EveryGoesOn, late.is_none(), || {
            format!("{late:?} ms without a slot")
        })
    }
}

/// The shortest period of a job that has nothing but `every`, in milliseconds.
fn period(spec: &JobSpec) -> Option<i64> {
    let periods = spec.schedules.iter().map(|schedule| match schedule {
        Schedule::Every(period) => i64::try_from(period.duration().as_millis()).ok(),
        _ => None,
    });
    periods.collect::<Option<Vec<_>>>()?.into_iter().min()
}
