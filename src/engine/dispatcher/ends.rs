//! How attempts and runs end: for the planner, the history, the log and whoever asked.

use jiff::Timestamp;

use super::Dispatcher;
use crate::{
    engine::{
        Event,
        events::Finished,
        planner::{Failure, Input, Ticket},
        runner::Done,
        scribe::{Message, Note},
    },
    job::{Outcome, RunInfo},
    ledger::{Ended, FailedAttempt},
};

impl Dispatcher {
    pub(super) fn attempt_done(&mut self, done: Done) -> Input {
        let Done { ticket, result } = done;
        let failure = match result {
            Ok(report) => {
                if let Some(run) = self.runs.get_mut(&ticket) {
                    run.report = Some(report);
                    run.hint = None;
                }
                None
            }
            Err(error) => {
                let failure = Failure {
                    disposition: error.disposition,
                    reason: error.chain(),
                };
                if let Some(run) = self.runs.get_mut(&ticket) {
                    run.hint = error.hint;
                }
                Some(failure)
            }
        };
        Input::Finished { ticket, failure }
    }

    pub(super) fn tell_waiting(&self, ticket: Ticket, note: &str) {
        let Some(asker) = self.askers.get(&ticket) else {
            return;
        };
        drop(asker.events.send(Event::Waiting {
            job: asker.job.clone(),
            note: note.to_owned(),
        }));
    }

    pub(super) fn will_retry(
        &mut self,
        ticket: Ticket,
        attempt: u32,
        reason: String,
        next_at: Timestamp,
    ) {
        let Some(run) = self.runs.get(&ticket) else {
            return;
        };
        tracing::warn!(job = %run.info.job, run = run.info.id.0, attempt, %reason, %next_at, "attempt failed");
        let note = Note::Attempt(FailedAttempt {
            fence: run.fence,
            attempt,
            error: reason.clone(),
        });
        let event = Event::Retrying {
            run_id: run.info.id,
            attempt,
            reason,
            next_at,
        };
        let asker = self.askers.get(&ticket).map(|asker| asker.events.clone());
        self.write(Message { note, event, asker });
    }

    pub(super) fn end(
        &mut self,
        ticket: Ticket,
        outcome: Outcome,
        reason: Option<String>,
        attempts: u32,
    ) {
        let Some(run) = self.runs.remove(&ticket) else {
            return;
        };
        let at = self.clock.now();
        log_end(&run.info, outcome, reason.as_deref());
        let report = run.report.filter(|_| outcome == Outcome::Succeeded);
        let note = Note::End(Ended {
            fence: run.fence,
            outcome,
            reason: reason.clone(),
            attempts,
            report: report
                .as_ref()
                .and_then(|report| serde_json::to_value(report).ok()),
            at,
        });
        let event = Event::Finished(Finished {
            run_id: run.info.id,
            job: run.info.job,
            slot: run.info.slot,
            trigger: run.info.trigger,
            missed: run.info.missed,
            attempts,
            outcome,
            reason,
            hint: run.hint,
            report,
            started_at: run.started_at,
            finished_at: at,
        });
        let asker = self.askers.remove(&ticket).map(|asker| asker.events);
        self.write(Message { note, event, asker });
    }

    fn write(&self, message: Message) {
        if self.scribe.send(message).is_err() {
            tracing::error!("the scribe has ended: history is not written any more");
        }
    }
}

fn log_end(run: &RunInfo, outcome: Outcome, reason: Option<&str>) {
    let reason = reason.unwrap_or_default();
    if outcome == Outcome::Succeeded {
        tracing::info!(job = %run.job, run = run.id.0, "{outcome}");
    } else {
        tracing::error!(job = %run.job, run = run.id.0, reason, "{outcome}");
    }
}
