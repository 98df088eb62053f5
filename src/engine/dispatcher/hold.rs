//! Nothing starts for a while, because somebody puts other files in the place of those that jobs use.

use jiff::Timestamp;
use tokio::sync::{oneshot, watch};

use super::Dispatcher;
use crate::{
    engine::{Error, Hold, planner::Input},
    job::RunInfo,
};

/// Somebody who lets nothing start.
pub(super) struct Held {
    since: Timestamp,
    waits_for: watch::Sender<Vec<RunInfo>>,
    released: oneshot::Receiver<()>,
}

impl Held {
    pub(super) fn since(&self) -> Timestamp {
        self.since
    }
}

/// Waits until whoever holds the engine has gone.
pub(super) async fn released(hold: &mut Option<Held>) {
    match hold {
        // It is never sent: its sender goes.
        Some(hold) => drop((&mut hold.released).await),
        None => std::future::pending().await,
    }
}

impl Dispatcher {
    pub(super) async fn hold(&mut self) -> Result<Hold, Error> {
        if self.hold.is_some() {
            return Err(Error::Held);
        }
        if self.drain_by.is_some() {
            return Err(Error::Stopped);
        }
        self.input(Input::Hold(true)).await;
        let (held, released) = oneshot::channel();
        let (sender, waits_for) = watch::channel(self.at_work());
        self.hold = Some(Held {
            since: self.clock.now(),
            waits_for: sender,
            released,
        });
        tracing::info!("a restore holds everything up");
        Ok(Hold {
            waits_for,
            _held: held,
        })
    }

    pub(super) async fn release(&mut self) {
        self.hold = None;
        tracing::info!("the restore is over; what waited for it goes on");
        self.input(Input::Hold(false)).await;
    }

    /// Tells whoever holds the engine what is still going on.
    pub(super) fn tell_holder(&self) {
        if let Some(hold) = &self.hold {
            let now = self.at_work();
            hold.waits_for.send_if_modified(|before| {
                let ids = |runs: &[RunInfo]| runs.iter().map(|run| run.id).collect::<Vec<_>>();
                let differs = ids(before) != ids(&now);
                *before = now;
                differs
            });
        }
    }

    /// The runs that are at work, oldest first.
    fn at_work(&self) -> Vec<RunInfo> {
        let tickets = self.planner.at_work().into_iter();
        tickets
            .filter_map(|ticket| self.runs.get(&ticket))
            .map(|run| run.info.clone())
            .collect()
    }
}
