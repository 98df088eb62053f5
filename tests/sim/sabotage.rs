//! Planners that are broken on purpose: a simulation that does not notice them is worth nothing.

use bellkeeper::{
    engine::planner::{Action, Input, Planner, Ticket},
    job::Trigger,
};
use jiff::Timestamp;

/// What is wrong with a planner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Sabotage {
    #[default]
    None,
    /// Now and then it starts a slot again.
    DoubleClaim,
    /// Now and then it says nothing of a slot.
    LostSlot,
    /// It starts everything that was missed at once.
    Stampede,
}

/// A planner, and what is wrong with it.
#[derive(Debug)]
pub(super) struct Bent {
    pub(super) planner: Planner,
    sabotage: Sabotage,
    count: u64,
}

impl Bent {
    pub(super) fn new(planner: Planner, sabotage: Sabotage) -> Self {
        Self {
            planner,
            sabotage,
            count: 0,
        }
    }

    pub(super) fn handle(&mut self, now: Timestamp, input: Input) -> Vec<Action> {
        let actions = self.planner.handle(now, input);
        let each = actions.into_iter();
        each.flat_map(|action| self.bend(action)).collect()
    }

    fn bend(&mut self, action: Action) -> Vec<Action> {
        match (self.sabotage, &action) {
            (Sabotage::DoubleClaim, Action::Start { slot, trigger, .. })
                if slot.scope.is_empty() && self.now_and_then() =>
            {
                let again = Action::Start {
                    ticket: self.planner.ticket(),
                    slot: slot.clone(),
                    trigger: *trigger,
                    missed: 0,
                };
                vec![action, again]
            }
            (Sabotage::LostSlot, Action::Skip { slot, .. })
                if slot.scope.is_empty() && self.now_and_then() =>
            {
                Vec::new()
            }
            (
                Sabotage::Stampede,
                Action::Wait {
                    ticket, slot, note, ..
                },
            ) if note.contains("caught up") => {
                vec![start(*ticket, slot.clone())]
            }
            _ => vec![action],
        }
    }

    fn now_and_then(&mut self) -> bool {
        self.count += 1;
        self.count.is_multiple_of(7)
    }
}

fn start(ticket: Ticket, slot: bellkeeper::job::Slot) -> Action {
    Action::Start {
        ticket,
        slot,
        trigger: Trigger::CatchUp,
        missed: 0,
    }
}
