//! The laws of slots: claimed once, and never without an end.

use bellkeeper::{engine::planner::Ticket, job::Slot, ledger::Waiting};

use super::{Judge, Judged, tickets::Stage};
use crate::sim::{law::Law, time::Clocks};

/// What has become of a slot.
#[derive(Debug, Default)]
pub(super) struct Fate {
    /// After how many steps back it was first heard of.
    pub(super) seen_after: Option<u32>,
    /// Who decided it last, in which life.
    pub(super) decided: Option<(u32, Ticket)>,
    claims: u32,
    /// How the last claim of it is.
    claim: Claim,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Claim {
    #[default]
    None,
    Live,
    Lost,
    Over,
}

impl Judge {
    /// The ledger has given a slot to a run.
    pub(in crate::sim) fn granted(
        &mut self,
        ticket: Ticket,
        slot: &Slot,
        max_claims: u32,
        clocks: Clocks,
    ) -> Judged {
        self.claim(ticket);
        let fate = self.fates.entry(slot.clone()).or_default();
        let old = std::mem::replace(&mut fate.claim, Claim::Live);
        fate.claims += 1;
        let claims = fate.claims;
        self.claimed.insert(slot.clone());
        self.fired(slot, clocks);
        self.hold(
            Law::ClaimedOnce,
            matches!(old, Claim::None | Claim::Lost) && claims <= max_claims,
            || format!("{slot:?} is claimed for the {claims}. time, the last one is {old:?}"),
        )
    }

    /// A skip was written.
    pub(in crate::sim) fn skipped(&mut self, slot: &Slot, clocks: Clocks) {
        self.fired(slot, clocks);
    }

    /// Slots that wait were written.
    pub(in crate::sim) fn waiting(&mut self, slots: &[Waiting]) {
        let Some(clocks) = self.clocks else { return };
        for waiting in slots {
            self.fired(&waiting.slot, clocks);
        }
    }

    /// The ledger has not given a slot: only one that is used up by crashes is none of ours.
    pub(in crate::sim) fn denied(&mut self, ticket: Ticket, slot: &Slot) -> Judged {
        let claim = self.fates.get(slot).map(|fate| fate.claim);
        let used_up = claim == Some(Claim::Lost);
        let excused = used_up || !slot.scope.is_empty() || self.was_set_back(&slot.job);
        self.over(ticket, |stage| stage == Stage::Asked)?;
        self.hold(Law::ClaimedOnce, excused, || {
            format!("{slot:?} is asked for, but decided: {claim:?}")
        })
    }

    /// The end of a run was written, unless its claim was not ours any more.
    pub(in crate::sim) fn end_written(&mut self, slot: &Slot, ours: bool) -> Judged {
        self.claimed.remove(slot);
        if let Some(fate) = self.fates.get_mut(slot) {
            fate.claim = Claim::Over;
        }
        self.hold(Law::OneEnd, ours, || {
            format!("{slot:?} was somebody else's")
        })
    }

    /// The process died.
    pub(in crate::sim) fn crashed(&mut self) {
        for slot in &self.claimed {
            if let Some(fate) = self.fates.get_mut(slot) {
                fate.claim = Claim::Lost;
            }
        }
        self.forget_life();
    }

    /// The ledger has called runs lost.
    pub(in crate::sim) fn recovered(&mut self, died: usize) -> Judged {
        let expected = self.claimed.len();
        self.claimed.clear();
        self.hold(Law::OneEnd, died == expected, || {
            format!("{expected} runs died, {died} were found")
        })
    }

    /// The process ended in good order.
    pub(in crate::sim) fn closed(&mut self) -> Judged {
        let open = self.claimed.len();
        self.forget_life();
        self.hold(Law::OneEnd, open == 0, || {
            format!("{open} runs have no end after a stop")
        })
    }
}
