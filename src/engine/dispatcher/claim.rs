//! Claiming the slots that the planner wants to run, to skip or to keep waiting.

use std::sync::Arc;

use jiff::SignedDuration;

use super::{Dispatcher, LEASE, LiveRun};
use crate::{
    engine::{
        events::{Event, Finished},
        planner::{Action, Input, Ticket},
        runner::Work,
        scribe::tell,
    },
    job::{Outcome, RunId, RunInfo, Slot, Trigger},
    ledger::{self, Claim, Claimed, Decision, Fence, Waiting},
    sqlite::Trouble,
    watch::Watch,
};

/// A run by hand in a second that already has one moves on to the next free one, which another one of
/// the same moment may take before it: at most so often.
const MANUAL_BUMPS: u32 = 60;

impl Dispatcher {
    /// Writes all decisions in one transaction; returns the first attempts of what was granted.
    pub(super) async fn decide(
        &mut self,
        actions: Vec<Action>,
        inputs: &mut Vec<Input>,
    ) -> Vec<Work> {
        let (waits, pending): (Vec<Action>, Vec<Action>) = actions
            .into_iter()
            .partition(|action| matches!(action, Action::Wait { .. }));
        // What is no decision must not shift the answers to those that are.
        let mut pending: Vec<Action> = pending
            .into_iter()
            .filter(|action| self.decision(action).is_some())
            .collect();
        let mut waiting: Vec<Waiting> = waits.iter().filter_map(waiting).collect();
        let mut works = Vec::new();
        for _ in 0..=MANUAL_BUMPS {
            let decisions: Vec<Decision> = pending
                .iter()
                .filter_map(|action| self.decision(action))
                .collect();
            let (ledger, me) = (Arc::clone(&self.ledger), self.instance);
            let waiting = std::mem::take(&mut waiting);
            let written =
                tokio::task::spawn_blocking(move || ledger.decide(me, &decisions, &waiting)).await;
            let claimed = match written {
                Ok(Ok(claimed)) => claimed,
                Ok(Err(error)) => {
                    tracing::error!(error = %crate::job::chain(&error), "claims wait for the ledger");
                    self.tell_of_ledger(&pending, &error);
                    self.keep_unwritten(waits.into_iter().chain(pending), inputs);
                    return works;
                }
                // A panic has rolled its transaction back; otherwise the runtime is ending.
                Err(_) => {
                    self.keep_unwritten(waits.into_iter().chain(pending), inputs);
                    return works;
                }
            };
            let mut again = Vec::new();
            for (action, claimed) in pending.into_iter().zip(claimed) {
                match claimed {
                    Some(claimed) => works.extend(self.decided(action, claimed)),
                    None => again.extend(denied(action, inputs)),
                }
            }
            if again.is_empty() {
                return works;
            }
            pending = self.moved_on(again).await;
        }
        self.give_up(pending, inputs);
        works
    }

    /// Runs by hand whose second is taken, each in the first one that is free.
    async fn moved_on(&self, mut actions: Vec<Action>) -> Vec<Action> {
        let slots: Vec<Slot> = actions
            .iter_mut()
            .filter_map(slot_of)
            .map(|slot| slot.clone())
            .collect();
        let ledger = Arc::clone(&self.ledger);
        let free = tokio::task::spawn_blocking(move || {
            slots
                .iter()
                .map(|slot| ledger.free_from(slot))
                .collect::<Result<Vec<_>, _>>()
        });
        // What the ledger does not say now it says when the claim is tried.
        if let Ok(Ok(free)) = free.await {
            for (slot, at) in actions.iter_mut().filter_map(slot_of).zip(free) {
                slot.at = at;
            }
        }
        actions
    }

    /// Says once to those who asked for these runs why they do not begin.
    fn tell_of_ledger(&mut self, actions: &[Action], error: &ledger::Error) {
        let note = match error.trouble() {
            Trouble::Other => "waits for the ledger".to_owned(),
            trouble => format!("waits for the ledger, which {trouble}"),
        };
        for action in actions {
            let Action::Start { ticket, .. } = action else {
                continue;
            };
            let Some(asker) = self.askers.get_mut(ticket) else {
                continue;
            };
            if !std::mem::replace(&mut asker.told, true) {
                self.tell_waiting(*ticket, &note);
            }
        }
    }

    /// A minute's worth of runs by hand are taken: the caller sees its events end without a run.
    fn give_up(&mut self, actions: Vec<Action>, inputs: &mut Vec<Input>) {
        for action in actions {
            if let Action::Start { ticket, .. } | Action::Skip { ticket, .. } = action {
                self.askers.remove(&ticket);
                inputs.push(Input::Denied(ticket));
            }
        }
    }

    fn decision(&self, action: &Action) -> Option<Decision> {
        match action {
            Action::Start {
                ticket,
                slot,
                trigger,
                missed,
            } => {
                let spec = self.planner.spec_of(*ticket)?;
                Some(Decision::Run(Claim {
                    slot: slot.clone(),
                    trigger: *trigger,
                    missed: *missed,
                    lease: LEASE,
                    max_claims: spec.policy.retry.attempts.max(1),
                }))
            }
            Action::Skip {
                slot,
                trigger,
                reason,
                ..
            } => Some(Decision::Skip {
                slot: slot.clone(),
                trigger: *trigger,
                reason: reason.clone(),
            }),
            _ => None,
        }
    }

    /// The ledger is busy or full: starts are planned again, the rest is kept for the next time. A
    /// slot of the schedule that could not be claimed is kept waiting with the next thing written,
    /// so that no later slot can hide it from the next start.
    fn keep_unwritten(&mut self, actions: impl Iterator<Item = Action>, inputs: &mut Vec<Input>) {
        for action in actions {
            match action {
                Action::Start {
                    ticket,
                    slot,
                    trigger,
                    ..
                } => {
                    inputs.push(Input::Unclaimed(ticket));
                    let kept = |other: &Action| matches!(other, Action::Wait { slot: other, .. } if *other == slot);
                    if !by_person(trigger) && !self.unwritten.iter().any(kept) {
                        self.unwritten.push(Action::Wait {
                            ticket,
                            slot,
                            note: "waits for the ledger".to_owned(),
                            keep: true,
                        });
                    }
                }
                other => self.unwritten.push(other),
            }
        }
    }

    fn decided(&mut self, action: Action, claimed: Claimed) -> Option<Work> {
        match (action, claimed.fence) {
            (
                Action::Start {
                    ticket,
                    slot,
                    trigger,
                    missed,
                },
                Some(fence),
            ) => {
                let run = RunInfo {
                    id: claimed.run,
                    job: slot.job,
                    slot: slot.at,
                    attempt: 1,
                    trigger,
                    missed,
                };
                self.started(ticket, fence, run);
                self.work(ticket, 1)
            }
            (
                Action::Skip {
                    ticket,
                    slot,
                    trigger,
                    reason,
                },
                _,
            ) => {
                self.skipped(ticket, claimed.run, slot, trigger, reason);
                None
            }
            _ => None,
        }
    }

    fn started(&mut self, ticket: Ticket, fence: Fence, info: RunInfo) {
        let Some(spec) = self.planner.spec_of(ticket) else {
            return;
        };
        let started_at = self.clock.now();
        let asker = self.askers.get(&ticket);
        let watch = asker.map_or_else(Watch::default, |asker| asker.watch.clone());
        let run = LiveRun {
            spec: Arc::clone(spec),
            fence,
            info,
            started_at,
            watch,
            report: None,
            hint: None,
        };
        self.runs.insert(ticket, run);
        self.untold.push(ticket);
    }

    /// Tells of a run that was claimed; its end can only be told later, by this same task.
    pub(super) fn tell_started(&self, ticket: Ticket) {
        let Some(run) = self.runs.get(&ticket) else {
            return;
        };
        let info = &run.info;
        tracing::info!(job = %info.job, run = info.id.0, slot = %info.slot, trigger = %info.trigger, "started");
        let event = Event::Started {
            run: info.clone(),
            started_at: run.started_at,
        };
        let asker = self.askers.get(&ticket).map(|asker| &asker.events);
        tell(&self.events, asker, event);
    }

    fn skipped(
        &mut self,
        ticket: Ticket,
        run_id: RunId,
        slot: Slot,
        trigger: Trigger,
        reason: String,
    ) {
        let now = self.clock.now();
        tracing::info!(job = %slot.job, run = run_id.0, slot = %slot.at, reason, "skipped");
        let asker = self.askers.remove(&ticket);
        let event = Event::Finished(Finished {
            run_id,
            job: slot.job,
            slot: slot.at,
            trigger,
            missed: 0,
            attempts: 0,
            outcome: Outcome::Skipped,
            reason: Some(reason),
            hint: None,
            report: None,
            started_at: now,
            finished_at: now,
        });
        tell(
            &self.events,
            asker.as_ref().map(|asker| &asker.events),
            event,
        );
    }
}

fn waiting(action: &Action) -> Option<Waiting> {
    match action {
        Action::Wait { slot, note, .. } => Some(Waiting {
            slot: slot.clone(),
            note: note.clone(),
        }),
        _ => None,
    }
}

/// The slot had been decided. A run by hand takes a later second; one of the schedule, or a second retry
/// of a run, is none of ours.
fn denied(mut action: Action, inputs: &mut Vec<Input>) -> Option<Action> {
    match &mut action {
        Action::Start {
            trigger: Trigger::Manual,
            slot,
            ..
        }
        | Action::Skip {
            trigger: Trigger::Manual,
            slot,
            ..
        } => {
            slot.at = slot.at.checked_add(SignedDuration::from_secs(1)).ok()?;
            Some(action)
        }
        Action::Start { ticket, slot, .. } => {
            tracing::info!(job = %slot.job, slot = %slot.at, "the slot had been decided before");
            inputs.push(Input::Denied(*ticket));
            None
        }
        _ => None,
    }
}

fn slot_of(action: &mut Action) -> Option<&mut Slot> {
    match action {
        Action::Start { slot, .. } | Action::Skip { slot, .. } => Some(slot),
        _ => None,
    }
}

/// Whether a person asked for a run.
fn by_person(trigger: Trigger) -> bool {
    matches!(trigger, Trigger::Manual | Trigger::Retry)
}
