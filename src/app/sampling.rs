//! Progress is sampled by who wants to see it; the worker only counts.

use std::time::Duration;

use tokio::sync::mpsc;

use crate::engine::{Event, RunHandle};

/// How often progress is sampled.
const SAMPLE_EVERY: Duration = Duration::from_millis(100);

/// The events of a run with samples of its progress in between, as a shell wants them.
pub(super) fn with_progress(mut handle: RunHandle) -> mpsc::Receiver<Event> {
    const BUFFER: usize = 64;
    let (sender, receiver) = mpsc::channel(BUFFER);
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(SAMPLE_EVERY);
        let mut last = None;
        loop {
            let event = tokio::select! {
                event = handle.events.recv() => match event {
                    Some(event) => event,
                    None => return,
                },
                _ = ticks.tick() => {
                    let sample = handle.watch.progress.sample();
                    if sample.total == 0 || last.as_ref() == Some(&sample) {
                        continue;
                    }
                    last = Some(sample.clone());
                    Event::Progress { sample }
                }
            };
            let over = matches!(event, Event::Finished(_));
            // A listener that has gone does not stop the run.
            if sender.send(event).await.is_err() || over {
                return;
            }
        }
    });
    receiver
}
