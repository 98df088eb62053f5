//! Watches what planner and ledger do and holds the laws against it, without knowing how either
//! comes to its decisions.

use std::collections::{BTreeMap, HashMap, HashSet};

use bellkeeper::{
    engine::planner::{Action, Input, Planner, Ticket},
    job::{JobName, JobSpec, LockName, Outcome, Slot, Trigger},
    ledger::Known,
};
use jiff::{SignedDuration, Timestamp};

use super::{
    daemon::Daemon,
    law::{Law, Violation},
    model::{Model, by_person},
    time::{Clocks, SECOND},
};

mod fates;
mod owed;
mod tickets;

use fates::Fate;
use owed::Owed;
use tickets::Rec;

type Judged = Result<(), Violation>;

/// A late tick is a gap like a sleep.
const GRACE: SignedDuration = SignedDuration::from_secs(10);
const SETTLE: i64 = 2 * SECOND;
const RESUME_SETTLE: i64 = 45 * SECOND;

/// An attempt that is going on.
#[derive(Debug)]
struct Work {
    ticket: Ticket,
    locks: Vec<LockName>,
    scheduled: bool,
    catch_up: bool,
}

/// What a reload must leave alone.
#[derive(Debug, Default)]
struct BeforeReload {
    claimed: Vec<Ticket>,
    upcoming: HashMap<JobName, Timestamp>,
    specs: HashMap<JobName, JobSpec>,
}

#[derive(Debug, Default)]
pub(super) struct Judge {
    /// How often a law was held against something.
    pub(super) checks: u64,
    pub(super) max_running: Option<u32>,
    clocks: Option<Clocks>,
    booted_at: i64,
    life: u32,
    gap: u32,
    settle_at: i64,
    steps_back: u32,
    /// Until then by the wall clock everything has been before.
    relived_until: Timestamp,
    jobs: BTreeMap<JobName, Owed>,
    fates: HashMap<Slot, Fate>,
    claimed: HashSet<Slot>,
    /// Slots whose rows tell of others before them.
    coalesced: HashMap<JobName, HashSet<Timestamp>>,
    tickets: HashMap<Ticket, Rec>,
    live: HashMap<JobName, Vec<Ticket>>,
    at_work: Vec<Work>,
    successes: HashMap<JobName, Timestamp>,
    caught_up: HashMap<(JobName, u32), u32>,
    before: BeforeReload,
}

impl Judge {
    /// Holds a law; `what` tells how it was broken.
    fn hold(&mut self, law: Law, holds: bool, what: impl FnOnce() -> String) -> Judged {
        self.checks += 1;
        if holds {
            return Ok(());
        }
        let what = what();
        Err(Violation { law, what })
    }

    fn mono(&self) -> i64 {
        self.clocks.map_or(0, |clocks| clocks.mono)
    }

    fn now(&self) -> Timestamp {
        self.clocks.map_or(Timestamp::MIN, Clocks::now)
    }

    /// A process begins; its jobs are registered.
    pub(super) fn boot(&mut self, jobs: &[(JobSpec, Known)], clocks: Clocks) {
        self.clocks = Some(clocks);
        self.life += 1;
        self.booted_at = clocks.mono;
        self.take_jobs(jobs, |_| true);
    }

    /// The planner is about to be told something.
    pub(super) fn before(&mut self, input: &Input, daemon: &Daemon, clocks: Clocks) {
        self.clocks = Some(clocks);
        let planner = daemon.planner();
        match input {
            Input::Start { .. } => {
                self.gap += 1;
                self.settle_at = clocks.mono + SETTLE;
            }
            Input::Clock { slept, stepped } => {
                self.gap += 1;
                if *slept + (*stepped).max(SignedDuration::ZERO) > GRACE {
                    self.settle_at = clocks.mono + RESUME_SETTLE;
                    self.settle_backlog(planner);
                } else {
                    // What was slept counts.
                    let slept = i64::try_from(slept.as_millis()).unwrap_or(0);
                    self.settle_at -= slept;
                    for rec in self.tickets.values_mut() {
                        rec.settle_at -= slept;
                    }
                }
            }
            Input::Tick => {
                let late = planner
                    .next_wake()
                    .is_some_and(|wake| wake + GRACE < clocks.now());
                self.gap += u32::from(late);
            }
            Input::Reload { jobs, max_running } => {
                self.max_running = *max_running;
                // A timing that is left behind is settled: an occasion of its own.
                self.gap += 1;
                self.before = BeforeReload {
                    claimed: daemon.runs.keys().copied().collect(),
                    upcoming: planner
                        .upcoming()
                        .into_iter()
                        .map(|(at, job)| (job, at))
                        .collect(),
                    specs: self
                        .jobs
                        .values()
                        .map(|owed| (owed.spec.name.clone(), owed.spec.clone()))
                        .collect(),
                };
                self.take_jobs(jobs, |job| planner.find(job).is_none());
            }
            _ => {}
        }
    }

    /// The clock is set back from here.
    pub(super) fn set_back(&mut self, from: Timestamp) {
        self.steps_back += 1;
        self.relived_until = self.relived_until.max(from);
    }

    /// What waits to be caught up waits for the new settling, too.
    fn settle_backlog(&mut self, planner: &Planner) {
        let waiting: HashSet<&Slot> = planner.backlog().collect();
        for rec in self.tickets.values_mut() {
            if waiting.contains(&rec.slot) {
                rec.settle_at = self.settle_at;
            }
        }
    }

    /// The jobs were changed.
    pub(super) fn reloaded(&mut self, daemon: &Daemon, actions: &[Action]) -> Judged {
        let before = std::mem::take(&mut self.before);
        let planner = daemon.planner();
        let live = planner.live();
        for ticket in before.claimed {
            let ended = actions.iter().any(|action| {
                matches!(action, Action::End { ticket: t, .. } | Action::Skip { ticket: t, .. }
                    | Action::Cancel { ticket: t, .. } | Action::Forget(t) if *t == ticket)
            });
            self.hold(Law::ReloadKeeps, !ended && live.contains(&ticket), || {
                format!("{ticket:?} did not survive")
            })?;
        }
        if daemon.drain_by.is_some() {
            return Ok(());
        }
        let after: HashMap<JobName, Timestamp> = planner
            .upcoming()
            .into_iter()
            .map(|(at, job)| (job, at))
            .collect();
        for (job, at) in before.upcoming {
            let Some(spec) = planner.find(&job) else {
                continue;
            };
            let old = before.specs.get(&job);
            if old.is_some_and(|old| old.is_due_like(spec)) {
                let next = after.get(&job).copied();
                self.hold(Law::ReloadKeeps, next == Some(at), || {
                    format!("`{job}` was due at {at}, now at {next:?}")
                })?;
            }
        }
        Ok(())
    }

    /// The planner has said what is to be done.
    pub(super) fn after(&mut self, model: &Model, planner: &Planner, actions: &[Action]) -> Judged {
        for action in actions {
            match action {
                Action::Start {
                    ticket,
                    slot,
                    trigger,
                    ..
                } => {
                    self.sight(*ticket, slot, *trigger, planner)?;
                    self.start(*ticket, model, planner)?;
                }
                Action::Skip {
                    ticket,
                    slot,
                    trigger,
                    reason,
                } => {
                    self.sight(*ticket, slot, *trigger, planner)?;
                    self.skip(*ticket, reason)?;
                }
                Action::Wait {
                    ticket, slot, note, ..
                } => {
                    let caught_up = note == "waits to be caught up";
                    let trigger = if caught_up {
                        Trigger::CatchUp
                    } else {
                        self.guess(*ticket, slot, planner)
                    };
                    self.sight(*ticket, slot, trigger, planner)?;
                }
                Action::WillRetry { ticket, .. } | Action::Attempt { ticket, .. } => {
                    self.is_live(*ticket)?;
                }
                Action::End {
                    ticket, outcome, ..
                } => self.end(*ticket, *outcome)?,
                Action::Forget(ticket) => self.forget(*ticket)?,
                Action::Phase { job, anchor } => self.new_phase(job, *anchor),
                Action::Cancel { .. } => {}
            }
        }
        Ok(())
    }

    /// An attempt begins.
    pub(super) fn begins(
        &mut self,
        ticket: Ticket,
        spec: &JobSpec,
        scheduled: bool,
        limit: Option<u32>,
    ) -> Judged {
        let trigger = self.tickets.get(&ticket).map(|rec| rec.trigger);
        let work = Work {
            ticket,
            locks: spec.policy.locks.clone(),
            scheduled,
            catch_up: trigger == Some(Trigger::CatchUp),
        };
        let shared = self
            .at_work
            .iter()
            .find(|other| work.locks.iter().any(|lock| other.locks.contains(lock)))
            .map(|other| other.ticket);
        self.hold(Law::Locks, shared.is_none(), || {
            format!(
                "{ticket:?} of `{}` shares a lock with {shared:?}",
                spec.name
            )
        })?;
        let together = self.at_work.iter().filter(|other| other.scheduled).count();
        let full = scheduled && limit.is_some_and(|limit| together >= limit as usize);
        self.hold(Law::Locks, !full, || {
            format!("{ticket:?} is one too many: {together} are at work")
        })?;
        let other = self.at_work.iter().find(|other| other.catch_up);
        let other = other.filter(|_| work.catch_up).map(|other| other.ticket);
        self.hold(Law::InTurn, other.is_none(), || {
            format!(
                "{ticket:?} of `{}` is caught up beside {other:?}",
                spec.name
            )
        })?;
        self.at_work.push(work);
        Ok(())
    }

    /// An attempt is over.
    pub(super) fn rests(&mut self, ticket: Ticket) {
        self.at_work.retain(|work| work.ticket != ticket);
    }

    fn note_success(&mut self, slot: &Slot, outcome: Outcome) {
        if outcome == Outcome::Succeeded {
            let newest = self.successes.entry(slot.job.clone()).or_insert(slot.at);
            *newest = slot.at.max(*newest);
        }
    }

    /// The process is gone with everything that was not written.
    fn forget_life(&mut self) {
        self.tickets.clear();
        self.live.clear();
        self.at_work.clear();
    }
}

/// Whether a trigger belongs to a slot that follows from the schedule.
fn is_planned(trigger: Trigger) -> bool {
    !by_person(trigger) && trigger != Trigger::After
}
