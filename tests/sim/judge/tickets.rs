//! The laws of runs: each starts when it may, and ends once.

use bellkeeper::{
    engine::planner::{Planner, Ticket},
    job::{CatchUp, JobName, Outcome, Overlap, Slot, Trigger},
    schedule::Schedule,
};

use super::{Judge, Judged, Owed, is_planned};
use crate::sim::{
    law::Law,
    model::{Model, State, by_person},
};

/// What has become of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    New,
    /// It was to start, but is not claimed yet.
    Asked,
    Claimed,
    Over,
}

#[derive(Debug)]
pub(super) struct Rec {
    pub(super) slot: Slot,
    pub(super) trigger: Trigger,
    stage: Stage,
    /// The gap that it belongs to, if it is caught up.
    gap: u32,
    pub(super) settle_at: i64,
    pub(super) since: i64,
    /// After how many steps back it started.
    started_after: u32,
}

impl Judge {
    /// The trigger of a run that waits is not told; what waits in the backlog is caught up.
    pub(super) fn guess(&self, ticket: Ticket, slot: &Slot, planner: &Planner) -> Trigger {
        if let Some(rec) = self.tickets.get(&ticket) {
            return rec.trigger;
        }
        let after = planner
            .find(&slot.job)
            .is_some_and(|spec| spec.is_after_others());
        match slot.scope.as_str() {
            "" if planner.backlog().any(|other| other == slot) => Trigger::CatchUp,
            "" if after => Trigger::After,
            "" => Trigger::Schedule,
            "manual" => Trigger::Manual,
            _ => Trigger::Retry,
        }
    }

    /// A ticket is heard of, perhaps for the first time.
    pub(super) fn sight(
        &mut self,
        ticket: Ticket,
        slot: &Slot,
        trigger: Trigger,
        planner: &Planner,
    ) -> Judged {
        if self.tickets.contains_key(&ticket) {
            return Ok(());
        }
        let rec = Rec {
            slot: slot.clone(),
            trigger,
            stage: Stage::New,
            gap: self.gap,
            settle_at: self.settle_at,
            since: self.mono(),
            started_after: 0,
        };
        self.tickets.insert(ticket, rec);
        if !slot.scope.is_empty() {
            return Ok(());
        }
        let (life, steps_back) = (self.life, self.steps_back);
        let old = self.fates.entry(slot.clone()).or_default();
        let first = old.seen_after.is_none();
        let seen_after = *old.seen_after.get_or_insert(steps_back);
        let other = old.decided.replace((life, ticket));
        // An `every` that goes on after a step back may come to an instant at which its job was due
        // before it, by another schedule or an older one: the row of that forbids it a run.
        let twice = other.is_some_and(|(other, _)| other == life) && seen_after == steps_back;
        self.hold(Law::ClaimedOnce, !twice, || {
            format!("{slot:?} is decided by {ticket:?} and by {other:?}")
        })?;
        if first && is_planned(trigger) {
            self.not_early(slot, trigger, planner)?;
        }
        Ok(())
    }

    fn not_early(&mut self, slot: &Slot, trigger: Trigger, planner: &Planner) -> Judged {
        let spec = planner.find(&slot.job);
        // What follows other jobs has their instant, which may have been before a step back.
        let spec = spec.filter(|spec| !spec.schedules.is_empty());
        let at_start = spec.is_some_and(|spec| spec.schedules.iter().any(Schedule::at_start));
        let jitter = spec.map(|spec| spec.jitter(slot.at)).unwrap_or_default();
        // A timing that is left behind is settled without waiting for its jitter.
        let at_once = at_start || trigger == Trigger::CatchUp;
        let due = if at_once { slot.at } else { slot.at + jitter };
        let now = self.now();
        self.hold(Law::NotEarly, spec.is_none() || due <= now, || {
            format!("{slot:?} is decided at {now}, due at {due}")
        })
    }

    /// The run is to start.
    pub(super) fn start(&mut self, ticket: Ticket, model: &Model, planner: &Planner) -> Judged {
        let Some(rec) = self.tickets.get_mut(&ticket) else {
            return Ok(());
        };
        let old = std::mem::replace(&mut rec.stage, Stage::Asked);
        rec.started_after = self.steps_back;
        let (slot, trigger, gap, settle_at) =
            (rec.slot.clone(), rec.trigger, rec.gap, rec.settle_at);
        let may = matches!(old, Stage::New | Stage::Asked);
        self.hold(Law::OneEnd, may, || {
            format!("{ticket:?} of {slot:?} starts, but is {old:?}")
        })?;
        if old == Stage::Asked {
            return Ok(());
        }
        let live = self.live.get(&slot.job).into_iter().flatten();
        let same = live.copied().find(|other| {
            let rec = self.tickets.get(other);
            let again = |rec: &Rec| {
                let same = rec.slot == slot && slot.scope.is_empty();
                same && rec.started_after == self.steps_back
            };
            rec.is_some_and(again)
        });
        self.hold(Law::ClaimedOnce, same.is_none(), || {
            format!("{slot:?} starts as {ticket:?} beside {same:?}")
        })?;
        self.alone(ticket, &slot.job, planner)?;
        self.live.entry(slot.job.clone()).or_default().push(ticket);
        if by_person(trigger) {
            return Ok(());
        }
        let state = model.state(&slot);
        let free = matches!(state, None | Some(State::Waiting | State::Lost));
        self.hold(
            Law::ClaimedOnce,
            free || self.was_set_back(&slot.job),
            || format!("{slot:?} starts again: its row is {state:?}"),
        )?;
        if trigger == Trigger::CatchUp {
            self.caught_up(ticket, &slot.job, gap, settle_at, planner)?;
        }
        self.has_needs(&slot, trigger, planner)
    }

    /// After a step back and a crash the phases that `every` had before are not remembered.
    pub(super) fn was_set_back(&self, job: &JobName) -> bool {
        self.steps_back > 0 && self.jobs.get(job).is_some_and(Owed::has_every)
    }

    fn alone(&mut self, ticket: Ticket, job: &JobName, planner: &Planner) -> Judged {
        let spec = planner.find(job).or_else(|| planner.spec_of(ticket));
        let overlap = spec.map_or(Overlap::Allow, |spec| spec.policy.overlap);
        let others = self.live.get(job).cloned().unwrap_or_default();
        let alone = overlap == Overlap::Allow || others.is_empty();
        self.hold(Law::OneRun, alone, || {
            format!("{ticket:?} of `{job}` ({overlap:?}) starts beside {others:?}")
        })
    }

    fn caught_up(
        &mut self,
        ticket: Ticket,
        job: &JobName,
        gap: u32,
        settle_at: i64,
        planner: &Planner,
    ) -> Judged {
        let early = settle_at - self.mono();
        self.hold(Law::InTurn, early <= 0, || {
            format!("{ticket:?} of `{job}` is caught up {early} ms before things have settled")
        })?;
        let latest = planner
            .find(job)
            .is_some_and(|spec| spec.policy.catch_up == CatchUp::Latest);
        if !latest {
            return Ok(());
        }
        let count = self.caught_up.entry((job.clone(), gap)).or_default();
        *count += 1;
        let count = *count;
        self.hold(Law::OneCatchUp, count == 1, || {
            format!("{ticket:?} is the {count}. run of `{job}` for one gap")
        })
    }

    fn has_needs(&mut self, slot: &Slot, trigger: Trigger, planner: &Planner) -> Judged {
        let Some(spec) = planner.find(&slot.job).cloned() else {
            return Ok(());
        };
        let needs = &spec.policy.needs;
        if needs.is_empty() || spec.schedules.is_empty() != (trigger == Trigger::After) {
            return Ok(());
        }
        let anchor = self.jobs.get(&slot.job).map(Owed::anchor);
        let since = anchor.and_then(|anchor| spec.previous(slot.at, anchor));
        let since = since.filter(|_| trigger != Trigger::After);
        for need in needs {
            let newest = self.successes.get(need).copied();
            let met = newest.is_some_and(|at| since.is_none_or(|since| since < at));
            self.hold(Law::Needs, met, || {
                format!("{slot:?} starts: `{need}` succeeded for {newest:?}, not after {since:?}")
            })?;
        }
        Ok(())
    }

    pub(super) fn skip(&mut self, ticket: Ticket, reason: &str) -> Judged {
        let stopping = reason == "the daemon is stopping";
        if let Some(rec) = self.tickets.get(&ticket)
            && rec.slot.scope.is_empty()
        {
            let slot = rec.slot.clone();
            if reason.contains("slots before it") {
                let rows = self.coalesced.entry(slot.job.clone());
                rows.or_default().insert(slot.at);
            }
            self.hold(Law::NeverSilent, !stopping, || {
                format!("{slot:?} is given up because the daemon stops")
            })?;
        }
        self.over(ticket, |stage| matches!(stage, Stage::New | Stage::Asked))
    }

    pub(super) fn end(&mut self, ticket: Ticket, outcome: Outcome) -> Judged {
        if let Some(slot) = self.tickets.get(&ticket).map(|rec| rec.slot.clone()) {
            self.note_success(&slot, outcome);
        }
        self.over(ticket, |stage| stage == Stage::Claimed)
    }

    pub(super) fn forget(&mut self, ticket: Ticket) -> Judged {
        self.over(ticket, |stage| matches!(stage, Stage::New | Stage::Asked))
    }

    /// A run is over; it must have been in a stage that allows that.
    pub(super) fn over(&mut self, ticket: Ticket, may: impl Fn(Stage) -> bool) -> Judged {
        let rec = self.tickets.get_mut(&ticket);
        let old = rec.map(|rec| {
            (
                rec.slot.clone(),
                std::mem::replace(&mut rec.stage, Stage::Over),
            )
        });
        if let Some((slot, _)) = &old
            && let Some(live) = self.live.get_mut(&slot.job)
        {
            live.retain(|other| *other != ticket);
        }
        let holds = old.as_ref().is_some_and(|(_, stage)| may(*stage));
        self.hold(Law::OneEnd, holds, || {
            format!("{ticket:?} ends, but was {old:?}")
        })
    }

    pub(super) fn is_live(&mut self, ticket: Ticket) -> Judged {
        let stage = self.tickets.get(&ticket).map(|rec| rec.stage);
        self.hold(Law::OneEnd, stage == Some(Stage::Claimed), || {
            format!("{ticket:?} goes on, but is {stage:?}")
        })
    }

    pub(super) fn claim(&mut self, ticket: Ticket) {
        if let Some(rec) = self.tickets.get_mut(&ticket) {
            rec.stage = Stage::Claimed;
        }
    }

    /// At rest nothing has waited for long, but for what other jobs have to do first.
    pub(in crate::sim) fn at_rest(&mut self, planner: &Planner, since: i64) -> Judged {
        for waiter in planner.waiting() {
            let rec = self.tickets.get(&waiter.ticket);
            let long = rec.is_none_or(|rec| rec.since < since);
            let needs = waiter.note.starts_with("waits for the success of");
            self.hold(Law::NothingWaitsForEver, !long || needs, || {
                format!("{:?} {}", waiter.slot, waiter.note)
            })?;
        }
        let backlog = planner.backlog().count();
        self.hold(Law::NothingWaitsForEver, backlog == 0, || {
            format!("{backlog} slots wait to be caught up")
        })?;
        let idle = self.live.values().flatten().find(|ticket| {
            let rec = self.tickets.get(ticket);
            rec.is_some_and(|rec| rec.since < since)
        });
        let idle = idle.copied();
        self.hold(Law::NothingWaitsForEver, idle.is_none(), || {
            format!("{idle:?} is still going on")
        })
    }
}
