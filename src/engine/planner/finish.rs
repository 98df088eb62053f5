//! How runs end: retries, overlap's queue, the drain.

use std::cmp::Reverse;

use jiff::{SignedDuration, Timestamp};

use super::{Action, Due, Failure, Planner, Ticket, skip};
use crate::{
    job::{Disposition, Overlap},
    watch::CancelReason,
    words::Outcome,
};

impl Planner {
    pub(super) fn next_attempt(&mut self, ticket: Ticket, actions: &mut Vec<Action>) {
        if let Some(live) = self
            .live
            .get_mut(&ticket)
            .filter(|live| live.waiting.is_some())
        {
            live.waiting = None;
            live.attempt += 1;
            actions.push(Action::Attempt {
                ticket,
                attempt: live.attempt,
            });
        }
    }

    pub(super) fn finished(
        &mut self,
        ticket: Ticket,
        failure: Option<Failure>,
        actions: &mut Vec<Action>,
    ) {
        let Some(live) = self.live.get_mut(&ticket) else {
            return;
        };
        let Some(failure) = failure else {
            self.end(ticket, Outcome::Succeeded, None, actions);
            return;
        };
        let retry = self
            .jobs
            .get(live.pending.job)
            .map(|job| job.spec.policy.retry);
        let replaced = self
            .jobs
            .get(live.pending.job)
            .is_some_and(|job| job.spec.policy.overlap == Overlap::Replace && job.queued.is_some());
        let outcome = match failure.disposition {
            Disposition::Retry => {
                let retry = retry.unwrap_or_default();
                if live.attempt < retry.attempts && !self.draining && !replaced {
                    let attempt = live.attempt;
                    live.waiting = Some(failure.reason.clone());
                    let wait = retry.wait_after(attempt).signed();
                    let next_at = self.now.checked_add(wait).unwrap_or(Timestamp::MAX);
                    self.heap.push(Reverse((next_at, Due::Attempt(ticket))));
                    let reason = failure.reason;
                    actions.push(Action::WillRetry {
                        ticket,
                        attempt,
                        reason,
                        next_at,
                    });
                    return;
                }
                Outcome::Failed
            }
            Disposition::Permanent => Outcome::Failed,
            Disposition::Interrupted(CancelReason::Timeout) => Outcome::TimedOut,
            Disposition::Interrupted(_) => Outcome::Cancelled,
        };
        self.end(ticket, outcome, Some(failure.reason), actions);
    }

    pub(super) fn end(
        &mut self,
        ticket: Ticket,
        outcome: Outcome,
        reason: Option<String>,
        actions: &mut Vec<Action>,
    ) {
        let attempts = self.live.get(&ticket).map_or(1, |live| live.attempt);
        actions.push(Action::End {
            ticket,
            outcome,
            reason,
            attempts,
        });
        self.release(ticket, actions);
    }

    /// Frees the place of a run that is over or never was, and lets the next one in.
    pub(super) fn release(&mut self, ticket: Ticket, actions: &mut Vec<Action>) {
        let Some(live) = self.live.remove(&ticket) else {
            return;
        };
        if let Some(state) = self.jobs.get_mut(live.pending.job) {
            state.live.retain(|other| *other != ticket);
            let next = if state.live.is_empty() {
                state.queued.take()
            } else {
                None
            };
            if let Some(next) = next {
                self.admit(next, actions);
            }
        }
        if self.catching_up == Some(ticket) {
            self.catching_up = None;
            self.push(SignedDuration::ZERO, Due::Backlog);
        }
    }

    /// Runs that wait for their next attempt will not get one.
    pub(super) fn end_waiting_retries(&mut self, actions: &mut Vec<Action>) {
        let waiting: Vec<Ticket> = self
            .live
            .iter()
            .filter(|(_, live)| {
                let replaced = self.jobs.get(live.pending.job).is_some_and(|job| {
                    job.spec.policy.overlap == Overlap::Replace && job.queued.is_some()
                });
                live.waiting.is_some() && (self.draining || replaced)
            })
            .map(|(ticket, _)| *ticket)
            .collect();
        for ticket in waiting {
            let reason = self
                .live
                .get_mut(&ticket)
                .and_then(|live| live.waiting.take());
            self.end(ticket, Outcome::Failed, reason, actions);
        }
    }

    /// Stops a run wherever it is: in the queue, between two attempts or at work.
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
        if let Some(pending) = queued {
            actions.push(skip(pending, &reason.to_string()));
            return;
        }
        if self.live.get(&ticket).is_some_and(|live| live.unclaimed) {
            self.forget(ticket, actions);
            return;
        }
        match self.live.get_mut(&ticket).map(|live| live.waiting.take()) {
            Some(Some(_)) => {
                self.end(
                    ticket,
                    Outcome::Cancelled,
                    Some(reason.to_string()),
                    actions,
                );
            }
            Some(None) => actions.push(Action::Cancel { ticket, reason }),
            None => {}
        }
    }

    /// Gives up a run that the ledger could not take: there is no row to end.
    pub(super) fn forget(&mut self, ticket: Ticket, actions: &mut Vec<Action>) {
        actions.push(Action::Forget(ticket));
        self.release(ticket, actions);
    }

    pub(super) fn shutdown(&mut self, actions: &mut Vec<Action>) {
        self.draining = true;
        self.backlog.clear();
        for state in &mut self.jobs {
            // A queued run was asked for or announced: its slot is decided, not forgotten.
            if let Some(pending) = state.queued.take() {
                actions.push(skip(pending, "the daemon is stopping"));
            }
        }
        self.end_waiting_retries(actions);
        let unclaimed = self.live.iter().filter(|(_, live)| live.unclaimed);
        let unclaimed: Vec<Ticket> = unclaimed.map(|(ticket, _)| *ticket).collect();
        for ticket in unclaimed {
            self.forget(ticket, actions);
        }
        self.heap.clear();
    }
}
