//! The daemon's side of a restore: it starts nothing, and ends what a restore that died has left.

use std::{sync::Arc, time::Duration};

use axum::body::Bytes;
use http_body_util::channel::Sender;

use super::{
    Error, Site, restore,
    session::DAEMON,
    wire::{Holding, to_line},
};
use crate::{engine::Hold, job::chain, ledger::Ledger, swap};

/// How often whoever holds the daemon is told something, by which it is noticed that he has gone.
const BEAT: Duration = Duration::from_millis(100);

/// How often it is tried to end what was cut short, with twice the pause each time: in all for six
/// seconds. Whoever restores next has it tried again.
const TRIES: u32 = 7;

/// Keeps the hold until the connection of whoever asked for it is closed, and then until the files are
/// one thing or the other.
pub(super) async fn keep(
    site: Site,
    ledger: Arc<Ledger>,
    mut hold: Hold,
    mut sender: Sender<Bytes>,
) {
    loop {
        let waits_for = hold.waits_for.borrow_and_update().clone();
        let line = to_line(&Holding { waits_for });
        if sender.send_data(line.into()).await.is_err() {
            break;
        }
        tokio::select! {
            changed = hold.waits_for.changed() => if changed.is_err() {
                // The engine has stopped, and so will the daemon.
                return;
            },
            () = tokio::time::sleep(BEAT) => {}
        }
    }
    settle(&site, &ledger).await;
    drop(hold);
}

/// Ends what was cut short; a restore whose connection broke while it lives is waited for.
async fn settle(site: &Site, ledger: &Arc<Ledger>) {
    let mut tries = 0;
    loop {
        let (site, ledger) = (site.clone(), Arc::clone(ledger));
        let settle = move || {
            for (act, subject) in restore::settle(&site)? {
                tracing::warn!(subject, "{act}: it had been cut short");
                ledger.note(DAEMON, act, &subject, "")?;
            }
            Ok(())
        };
        match tokio::task::spawn_blocking(settle).await {
            Ok(Err(Error::Restore(restore::Error::Swap(swap::Error::Busy { .. })))) => {
                tokio::time::sleep(BEAT).await;
            }
            Ok(Err(error)) => {
                let error = chain(&error);
                tries += 1;
                if tries == TRIES {
                    tracing::error!(error, "a restore that was cut short could not be ended");
                    return;
                }
                tracing::warn!(error, "a restore that was cut short cannot be ended yet");
                tokio::time::sleep(BEAT * 2_u32.pow(tries - 1)).await;
            }
            Ok(Ok(())) | Err(_) => return,
        }
    }
}
