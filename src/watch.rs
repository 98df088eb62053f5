//! Progress and cancellation: how long work is watched and stopped from outside.
//!
//! A worker counts into atomics and asks between units of work whether to go on; a shell samples
//! the counters when it wants to draw. Nothing is sent per chunk and nobody waits for anybody.

use std::{
    fmt, io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
};

use serde::{Deserialize, Serialize};

/// Why work was told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// The daemon is stopping.
    Shutdown,
    /// The job's `timeout` has passed.
    Timeout,
    /// A person asked for it.
    Operator,
    /// A newer run of the same job takes its place (`overlap: replace`).
    Replaced,
}

impl fmt::Display for CancelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shutdown => "the daemon is stopping",
            Self::Timeout => "its timeout passed",
            Self::Operator => "cancelled by the operator",
            Self::Replaced => "replaced by a newer run",
        })
    }
}

/// Work was told to stop and did so; carried as an error up to the runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Cancelled(pub CancelReason);

impl From<Cancelled> for io::Error {
    fn from(cancelled: Cancelled) -> Self {
        Self::other(cancelled)
    }
}

/// A token that, once cancelled, stays so with its first reason. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicU8>);

impl Cancel {
    /// Asks the work to stop. Only the first reason counts.
    pub fn cancel(&self, reason: CancelReason) {
        let code = match reason {
            CancelReason::Shutdown => 1,
            CancelReason::Timeout => 2,
            CancelReason::Operator => 3,
            CancelReason::Replaced => 4,
        };
        // A later reason is ignored on purpose: the first one is why the work stopped.
        let _first = self
            .0
            .compare_exchange(0, code, Ordering::AcqRel, Ordering::Acquire);
    }

    /// The reason if the work was told to stop.
    pub fn reason(&self) -> Option<CancelReason> {
        match self.0.load(Ordering::Acquire) {
            1 => Some(CancelReason::Shutdown),
            2 => Some(CancelReason::Timeout),
            3 => Some(CancelReason::Operator),
            4 => Some(CancelReason::Replaced),
            _ => None,
        }
    }

    /// Goes on, or stops with the reason.
    ///
    /// # Errors
    /// [`Cancelled`] once [`Cancel::cancel`] was called.
    pub fn checkpoint(&self) -> Result<(), Cancelled> {
        self.reason()
            .map_or(Ok(()), |reason| Err(Cancelled(reason)))
    }
}

/// One look at a [`Progress`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sample {
    /// What is being done now, e.g. `database`.
    pub step: String,
    /// Units done so far.
    pub done: u64,
    /// Units in all; 0 while unknown.
    pub total: u64,
    /// What is counted.
    #[serde(default)]
    pub unit: Unit,
}

/// What progress is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Bytes.
    #[default]
    Bytes,
    /// Symbols of stocks.
    Symbols,
}

/// Counters of one piece of long work, in bytes unless it says otherwise. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    done: AtomicU64,
    total: AtomicU64,
    counts_symbols: AtomicBool,
    step: Mutex<String>,
}

impl Progress {
    /// Names what is being done now.
    pub fn step(&self, step: &str) {
        if let Ok(mut current) = self.0.step.lock() {
            step.clone_into(&mut current);
        }
    }

    /// Says what is counted from here on.
    pub fn count_in(&self, unit: Unit) {
        let symbols = unit == Unit::Symbols;
        self.0.counts_symbols.store(symbols, Ordering::Relaxed);
    }

    /// Adds to the expected total.
    pub fn expect(&self, units: u64) {
        self.0.total.fetch_add(units, Ordering::Relaxed);
    }

    /// Adds to what is done.
    pub fn advance(&self, units: u64) {
        self.0.done.fetch_add(units, Ordering::Relaxed);
    }

    /// Back to nothing done of nothing expected, for another attempt.
    pub fn restart(&self) {
        self.0.done.store(0, Ordering::Relaxed);
        self.0.total.store(0, Ordering::Relaxed);
        self.count_in(Unit::Bytes);
        self.step("");
    }

    /// The counters as they are now.
    pub fn sample(&self) -> Sample {
        Sample {
            step: self
                .0
                .step
                .lock()
                .map(|step| step.clone())
                .unwrap_or_default(),
            done: self.0.done.load(Ordering::Relaxed),
            total: self.0.total.load(Ordering::Relaxed),
            unit: if self.0.counts_symbols.load(Ordering::Relaxed) {
                Unit::Symbols
            } else {
                Unit::Bytes
            },
        }
    }
}

/// What long work is given: counters to fill and a token to obey.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    /// The counters.
    pub progress: Progress,
    /// The token.
    pub cancel: Cancel,
}

impl Watch {
    /// Counts `units` as done and goes on, or stops with the reason.
    ///
    /// # Errors
    /// [`Cancelled`] once the token was cancelled.
    pub fn advance(&self, units: u64) -> Result<(), Cancelled> {
        self.progress.advance(units);
        self.cancel.checkpoint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_stays() {
        let cancel = Cancel::default();
        assert_eq!(cancel.checkpoint(), Ok(()));
        cancel.clone().cancel(CancelReason::Timeout);
        cancel.cancel(CancelReason::Shutdown);
        assert_eq!(cancel.checkpoint(), Err(Cancelled(CancelReason::Timeout)));
    }

    #[test]
    fn clones_of_a_watch_count_together() {
        let watch = Watch::default();
        watch.progress.expect(10);
        watch.progress.step("database");
        watch.clone().advance(4).unwrap();
        assert_eq!(
            watch.progress.sample(),
            Sample {
                step: "database".into(),
                done: 4,
                total: 10,
                unit: Unit::Bytes,
            }
        );
    }
}
