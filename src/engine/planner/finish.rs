//! How runs end: retries, overlap's queue, cancellation, the drain.

use std::cmp::Reverse;

use jiff::{SignedDuration, Timestamp};

use super::{Action, Due, Failure, Planner, Ticket, io::skip, state::Stage};
use crate::{
    job::{Disposition, JobName, Overlap},
    watch::CancelReason,
    words::Outcome,
};

const STOPPING: &str = "the daemon is stopping";

impl Planner {
    pub(super) fn next_attempt(&mut self, ticket: Ticket) {
        if let Some(live) = self.live.get_mut(&ticket)
            && matches!(live.stage, Stage::Between(_))
        {
            live.attempt += 1;
            self.queue_at_gate(ticket);
        }
    }

    pub(super) fn finished(
        &mut self,
        ticket: Ticket,
        failure: Option<Failure>,
        actions: &mut Vec<Action>,
    ) {
        if self
            .live
            .get(&ticket)
            .is_none_or(|live| live.stage != Stage::Running)
        {
            return;
        }
        let Some(failure) = failure else {
            self.end(ticket, Outcome::Succeeded, None, actions);
            return;
        };
        let outcome = match failure.disposition {
            Disposition::Retry if self.may_retry(ticket) => {
                self.wait_for_attempt(ticket, failure.reason, actions);
                return;
            }
            Disposition::Retry | Disposition::Permanent => Outcome::Failed,
            Disposition::Interrupted(CancelReason::Timeout) => Outcome::TimedOut,
            Disposition::Interrupted(_) => Outcome::Cancelled,
        };
        self.end(ticket, outcome, Some(failure.reason), actions);
    }

    fn may_retry(&self, ticket: Ticket) -> bool {
        self.live.get(&ticket).is_some_and(|live| {
            live.attempt < live.spec.policy.retry.attempts
                && !self.draining
                && !self.is_replaced(live.pending.job())
        })
    }

    /// Whether a newer run of the job waits to take the place of those that are going on.
    fn is_replaced(&self, job: &JobName) -> bool {
        self.job(job)
            .is_some_and(|job| job.spec.policy.overlap == Overlap::Replace && job.queued.is_some())
    }

    /// Between two attempts a run holds no lock and takes no room.
    fn wait_for_attempt(&mut self, ticket: Ticket, reason: String, actions: &mut Vec<Action>) {
        self.leave_gate(ticket);
        let now = self.now;
        let Some(live) = self.live.get_mut(&ticket) else {
            return;
        };
        let attempt = live.attempt;
        let wait = live.spec.policy.retry.wait_after(attempt).signed();
        let next_at = now.checked_add(wait).unwrap_or(Timestamp::MAX);
        live.stage = Stage::Between(reason.clone());
        self.heap.push(Reverse((next_at, Due::Attempt(ticket))));
        actions.push(Action::WillRetry {
            ticket,
            attempt,
            reason,
            next_at,
        });
    }

    pub(super) fn end(
        &mut self,
        ticket: Ticket,
        outcome: Outcome,
        reason: Option<String>,
        actions: &mut Vec<Action>,
    ) {
        let Some(live) = self.live.get(&ticket) else {
            return;
        };
        let slot = live.pending.slot.clone();
        actions.push(Action::End {
            ticket,
            outcome,
            reason,
            attempts: live.attempt,
        });
        self.release(ticket, actions);
        if outcome == Outcome::Succeeded {
            self.note_success(&slot.job, slot.at, actions);
        }
    }

    /// Frees the place of a run that is over or never was, and lets the next one in.
    pub(super) fn release(&mut self, ticket: Ticket, actions: &mut Vec<Action>) {
        self.leave_gate(ticket);
        let Some(live) = self.live.remove(&ticket) else {
            return;
        };
        if self.catching_up == Some(ticket) {
            self.catching_up = None;
        }
        if !self.backlog.is_empty() {
            self.push(SignedDuration::ZERO, Due::Backlog);
        }
        let Some(state) = self.job_mut(live.pending.job()) else {
            return;
        };
        state.live.retain(|other| *other != ticket);
        if state.live.is_empty()
            && let Some(next) = state.queued.take()
        {
            self.admit(next, actions);
        }
    }

    /// Stops a run wherever it is: in the backlog, in the queue, at the gate, between two attempts
    /// or at work.
    pub(super) fn cancel(
        &mut self,
        ticket: Ticket,
        reason: CancelReason,
        actions: &mut Vec<Action>,
    ) {
        let queued = self
            .jobs
            .iter_mut()
            .find_map(|job| job.queued.take_if(|pending| pending.ticket == ticket));
        let waiting = self
            .backlog
            .iter()
            .position(|pending| pending.ticket == ticket);
        if let Some(pending) = queued.or_else(|| waiting.map(|index| self.backlog.remove(index))) {
            actions.push(skip(pending, reason.to_string()));
            return;
        }
        let Some(live) = self.live.get(&ticket) else {
            return;
        };
        match &live.stage {
            Stage::Unclaimed => self.skip_live(ticket, &reason.to_string(), actions),
            Stage::Running => actions.push(Action::Cancel { ticket, reason }),
            Stage::Needs | Stage::Ready if !live.claimed => {
                self.skip_live(ticket, &reason.to_string(), actions);
            }
            Stage::Needs | Stage::Ready | Stage::Between(_) => {
                let reason = Some(reason.to_string());
                self.end(ticket, Outcome::Cancelled, reason, actions);
            }
        }
    }

    /// A run that has not been claimed will not be.
    pub(super) fn skip_live(&mut self, ticket: Ticket, reason: &str, actions: &mut Vec<Action>) {
        if let Some(live) = self.live.get(&ticket) {
            actions.push(skip(live.pending.clone(), reason));
            self.release(ticket, actions);
        }
    }

    /// Gives up a run that has no row; its slot, if it is kept waiting, stays so.
    pub(super) fn forget(&mut self, ticket: Ticket, actions: &mut Vec<Action>) {
        actions.push(Action::Forget(ticket));
        self.release(ticket, actions);
    }

    /// Nothing starts any more. A slot of the schedule that waits is left for the next start; whoever
    /// asked for a run is told.
    pub(super) fn shutdown(&mut self, actions: &mut Vec<Action>) {
        self.draining = true;
        self.heap.clear();
        let queued: Vec<_> = self
            .jobs
            .iter_mut()
            .filter_map(|job| job.queued.take())
            .collect();
        let backlog = std::mem::take(&mut self.backlog);
        for pending in queued.into_iter().chain(backlog) {
            actions.push(if pending.by_person() {
                skip(pending, STOPPING)
            } else {
                Action::Forget(pending.ticket)
            });
        }
        for ticket in self.live() {
            self.stop_waiting(ticket, actions);
        }
    }

    fn stop_waiting(&mut self, ticket: Ticket, actions: &mut Vec<Action>) {
        let Some(live) = self.live.get(&ticket) else {
            return;
        };
        match live.stage.clone() {
            Stage::Running => {}
            Stage::Between(error) => self.end(ticket, Outcome::Failed, Some(error), actions),
            Stage::Needs | Stage::Ready if live.claimed => {
                let reason = Some(STOPPING.to_owned());
                self.end(ticket, Outcome::Cancelled, reason, actions);
            }
            Stage::Needs | Stage::Ready if live.pending.by_person() => {
                self.skip_live(ticket, STOPPING, actions);
            }
            Stage::Needs | Stage::Ready | Stage::Unclaimed => self.forget(ticket, actions),
        }
    }
}
