//! Writes ends of runs into the ledger, many in one transaction, and tells listeners afterwards.

use std::{sync::Arc, time::Duration};

use tokio::sync::{broadcast, mpsc};

use super::events::Event;
use crate::ledger::{Ended, FailedAttempt, Ledger};

/// How long to wait before a write that the ledger could not take is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// What is to be written.
#[derive(Debug)]
pub(super) enum Note {
    /// An attempt failed and another one follows.
    Attempt(FailedAttempt),
    /// A run is over.
    End(Ended),
}

/// A note, the event that follows it, and the one who asked for the run.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) note: Note,
    pub(super) event: Event,
    pub(super) asker: Option<mpsc::UnboundedSender<Event>>,
}

/// Runs until the channel is closed and everything is written.
pub(super) async fn run(
    ledger: Arc<Ledger>,
    mut messages: mpsc::UnboundedReceiver<Message>,
    events: broadcast::Sender<Event>,
) {
    const MOST: usize = 1_024;
    let mut batch = Vec::new();
    while messages.recv_many(&mut batch, MOST).await > 0 {
        write(&ledger, &batch).await;
        for message in batch.drain(..) {
            tell(&events, message.asker.as_ref(), message.event);
        }
    }
}

/// Sends an event to everybody who listens; nobody listening is fine.
pub(super) fn tell(
    events: &broadcast::Sender<Event>,
    asker: Option<&mpsc::UnboundedSender<Event>>,
    event: Event,
) {
    if let Some(asker) = asker {
        drop(asker.send(event.clone()));
    }
    drop(events.send(event));
}

/// Writes until it is written: a full disk or a locked file passes, history does not come back.
async fn write(ledger: &Arc<Ledger>, batch: &[Message]) {
    let mut ends = Vec::new();
    let mut attempts = Vec::new();
    for message in batch {
        match &message.note {
            Note::Attempt(attempt) => attempts.push(attempt.clone()),
            Note::End(end) => ends.push(end.clone()),
        }
    }
    let notes = Arc::new((attempts, ends));
    loop {
        let (ledger, notes) = (Arc::clone(ledger), Arc::clone(&notes));
        let written = tokio::task::spawn_blocking(move || {
            notes
                .0
                .iter()
                .try_for_each(|attempt| ledger.attempt_failed(attempt))?;
            if notes.1.is_empty() {
                Ok(Vec::new())
            } else {
                ledger.finish(&notes.1)
            }
        });
        match written.await {
            Ok(Ok(written)) => {
                if written.contains(&false) {
                    tracing::warn!(
                        "the end of a run was not written: its claim had been taken over"
                    );
                }
                return;
            }
            Ok(Err(error)) => {
                tracing::error!(error = %crate::job::chain(&error), "history waits for the ledger");
                tokio::time::sleep(AGAIN).await;
            }
            Err(_runtime_is_ending) => return,
        }
    }
}
