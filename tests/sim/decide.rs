//! Claims, as the dispatcher makes them: `src/engine/dispatcher/claim.rs` without threads.

use bellkeeper::{
    engine::planner::{Action, Input, Ticket},
    job::{Slot, Trigger},
    ledger::{Claim, Decision, Waiting},
};
use jiff::SignedDuration;

use super::{
    Daemon, Sim,
    book::{Fence, Written},
    daemon::{Run, Step},
    law::{Law, Violation},
    model::by_person,
};

impl Sim {
    /// Writes all decisions in one transaction; returns what may begin.
    pub(super) fn decide(
        &mut self,
        actions: Vec<Action>,
        inputs: &mut Vec<Input>,
    ) -> Step<Vec<Ticket>> {
        const MANUAL_BUMPS: u32 = 60;
        let (waits, mut pending): (Vec<Action>, Vec<Action>) = actions
            .into_iter()
            .partition(|action| matches!(action, Action::Wait { .. }));
        let mut waiting: Vec<Waiting> = waits.iter().filter_map(waiting).collect();
        let mut begin = Vec::new();
        for _ in 0..=MANUAL_BUMPS {
            let me = self.up().me;
            let decisions = pending.iter().map(|action| self.decision(action));
            let decisions = decisions.collect::<Result<Vec<_>, Violation>>()?;
            let waiting = std::mem::take(&mut waiting);
            let Some(written) = self.write(|book, _| book.decide(me, &decisions, &waiting))? else {
                self.trace.note(|| "    the ledger is busy".to_owned());
                self.keep_unwritten(waits.into_iter().chain(pending), inputs);
                return Ok(begin);
            };
            self.judge.waiting(&waiting);
            let mut again = Vec::new();
            for (action, written) in pending.into_iter().zip(written) {
                match written {
                    Written::Claim(fence) => begin.extend(self.claimed(action, fence)?),
                    Written::Skip => self.judge.skipped(slot_of(&action), self.clocks),
                    Written::Denied => again.extend(self.denied(action, inputs)?),
                }
            }
            self.point()?;
            if again.is_empty() {
                return Ok(begin);
            }
            pending = again;
        }
        for action in pending {
            if let Action::Start { ticket, .. } | Action::Skip { ticket, .. } = action {
                inputs.push(Input::Denied(ticket));
            }
        }
        Ok(begin)
    }

    fn decision(&self, action: &Action) -> Result<Decision, Violation> {
        let planner = self.daemon.as_ref().map(Daemon::planner);
        match action {
            Action::Start {
                ticket,
                slot,
                trigger,
                missed,
            } => {
                let spec = planner.and_then(|planner| planner.spec_of(*ticket));
                let Some(spec) = spec else {
                    let what = format!("{ticket:?} of {slot:?} starts, but is not live");
                    return Err(Violation {
                        law: Law::OneEnd,
                        what,
                    });
                };
                Ok(Decision::Run(Claim {
                    slot: slot.clone(),
                    trigger: *trigger,
                    missed: *missed,
                    lease: std::time::Duration::from_mins(5),
                    max_claims: spec.policy.retry.attempts.max(1),
                }))
            }
            Action::Skip {
                slot,
                trigger,
                reason,
                ..
            } => Ok(Decision::Skip {
                slot: slot.clone(),
                trigger: *trigger,
                reason: reason.clone(),
            }),
            action => unreachable!("{action:?} is nothing to decide"),
        }
    }

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
                    if !by_person(trigger) {
                        let note = "waits for the ledger".to_owned();
                        self.up().unwritten.push(Action::Wait {
                            ticket,
                            slot,
                            note,
                            keep: true,
                        });
                    }
                }
                other => self.up().unwritten.push(other),
            }
        }
    }

    /// A run is claimed and may begin.
    fn claimed(&mut self, action: Action, fence: Fence) -> Step<Option<Ticket>> {
        let Action::Start { ticket, slot, .. } = action else {
            return Ok(None);
        };
        let spec = self.up().planner().spec_of(ticket).cloned();
        let attempts = spec.map_or(1, |spec| spec.policy.retry.attempts.max(1));
        let number = fence.run();
        self.trace.note(|| format!("    run {number}: {slot:?}"));
        self.judge.granted(ticket, &slot, attempts, self.clocks)?;
        let run = Run {
            slot,
            fence,
            ends_at: None,
            failure: None,
            cancelled: None,
        };
        self.up().runs.insert(ticket, run);
        Ok(Some(ticket))
    }

    fn denied(&mut self, action: Action, inputs: &mut Vec<Input>) -> Step<Option<Action>> {
        let mut action = action;
        match &mut action {
            Action::Start {
                slot,
                trigger: Trigger::Manual,
                ..
            }
            | Action::Skip {
                slot,
                trigger: Trigger::Manual,
                ..
            } => {
                slot.at += SignedDuration::from_secs(1);
                Ok(Some(action))
            }
            Action::Start { ticket, slot, .. } => {
                self.trace.note(|| format!("    denied: {slot:?}"));
                self.judge.denied(*ticket, slot)?;
                inputs.push(Input::Denied(*ticket));
                Ok(None)
            }
            Action::Skip { slot, .. } => {
                self.judge.skipped(slot, self.clocks);
                Ok(None)
            }
            _ => Ok(None),
        }
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

fn slot_of(action: &Action) -> &Slot {
    match action {
        Action::Start { slot, .. } | Action::Skip { slot, .. } => slot,
        action => unreachable!("{action:?} is nothing to decide"),
    }
}
