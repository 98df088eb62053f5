//! The signals by which a person or a script stops a command.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Failure, block_on, exit};
use crate::watch::{CancelReason, Watch};

/// SIGINT (Ctrl-C) and SIGTERM.
pub(in crate::cli) struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    /// Starts to listen: from now on the signals no longer end the process by themselves.
    pub(in crate::cli) fn new() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind)
                .map_err(|error| Failure::new(exit::FAILED, format!("listen for signals: {error}")))
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// Waits for the next one and returns the exit code it stands for.
    pub(in crate::cli) async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => exit::CANCELLED,
            _ = self.terminate.recv() => exit::TERMINATED,
        }
    }
}

/// A watch that the first signal cancels; where signals cannot be listened to, one just ends the
/// process, and what is extracted so far is swept by the next command that works in this root.
pub(in crate::cli) fn interruptible() -> Watch {
    let watch = Watch::default();
    let cancel = watch.cancel.clone();
    std::thread::spawn(move || {
        let listened = block_on(async { Ok(Interrupts::new()?.next().await) });
        if listened.is_ok() {
            cancel.cancel(CancelReason::Operator);
        }
    });
    watch
}
