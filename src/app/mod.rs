//! Builds an engine from settings and job file, lives as a daemon, talks to a live one.

use std::path::PathBuf;

use crate::{
    archive, clock::Clock, engine, files, jobfile, ledger, lock, logs, settings::Settings, store,
    system::LocalZone,
};

mod ahead;
mod client;
mod control;
mod daemon;
mod first_start;
mod follow;
mod holding;
mod keys;
mod load;
mod outlook;
mod own_log;
mod reload;
pub mod restore;
mod rules;
mod sampling;
mod session;
mod shelf;
mod socket;
mod statistics;
mod steer;
mod tidy;
mod undo;
mod upcoming;
mod why;
mod wire;

pub use ahead::{Ahead, ahead};
pub use client::{Client, Held};
pub use daemon::{Ending, Ready, SHUTDOWN_GRACE, start};
pub use follow::{Following, plan_job, run_job};
pub use keys::{KeyChange, KeyError, KeyPlan, plan_keys};
pub use load::{Vars, explain, load, load_to_mend, next_slots, open_ledger};
pub use outlook::outlook;
pub use own_log::own_log;
pub use reload::Surroundings;
pub use rules::{Reasons, Replay, explain_signal, replay};
pub use shelf::{Row, Shelf, find_archive, identities, key_files, shelf};
pub use statistics::{SignalStats, TradeStats, signal_stats, trade_stats};
pub use steer::{NotRetried, cancel, pause, retry_run};
pub use undo::{NotUndone, Undone, plan_undo, undo_prune};
pub use upcoming::{Upcoming, upcoming};
pub use why::{Absence, Fate, Gap, Told, Which, Why, why};
pub use wire::{Broken, Info, Reloaded, StopRequest, Wrong};

/// Where a command works, and by which clock.
#[derive(Debug, Clone)]
pub struct Site {
    /// The paths.
    pub settings: Settings,
    /// The clock.
    pub clock: Clock,
    /// The computer's zone.
    pub zone: LocalZone,
}

/// What can go wrong above the engine.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The job file could not be read.
    #[error(transparent)]
    ReadJobFile(#[from] jobfile::ReadError),
    /// The job file is wrong.
    #[error("{} has {}", .0.file(), count(.0.list().len()))]
    Problems(Box<jobfile::Problems>),
    /// The computer's clock was never set.
    #[error("the computer's clock shows {shown}")]
    Clock {
        /// The time it shows, in the computer's zone.
        shown: String,
    },
    /// Another process is at work in this root.
    #[error(transparent)]
    Lock(#[from] lock::Error),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] engine::Error),
    /// A file.
    #[error(transparent)]
    File(#[from] files::Error),
    /// The log.
    #[error(transparent)]
    Logs(#[from] logs::Error),
    /// The assistant's database.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// An archive or its key.
    #[error(transparent)]
    Archive(#[from] archive::Error),
    /// The control socket.
    #[error("{act} the control socket `{}`", path.display())]
    Socket {
        /// What was being done.
        act: &'static str,
        /// The socket.
        path: PathBuf,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The daemon refused.
    #[error("{message}")]
    Refused {
        /// The HTTP status it answered with.
        status: u16,
        /// What it said.
        message: String,
    },
    /// The daemon did not take the job file.
    #[error("{message}")]
    NotReloaded {
        /// What it said.
        message: String,
        /// What is wrong with the file, if it could be read.
        wrong: Option<Box<Wrong>>,
        /// How to mend it otherwise.
        hint: Option<String>,
    },
    /// A run cannot be done again.
    #[error(transparent)]
    NotRetried(#[from] NotRetried),
    /// The rows of a run cannot be put back.
    #[error(transparent)]
    NotUndone(#[from] NotUndone),
    /// The keys cannot be changed.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// A signal handler could not be set.
    #[error("listen for signals")]
    Signals(#[source] std::io::Error),
    /// There is no file of a private key.
    #[error("there is no private key at `{}`", path.display())]
    NoKey {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Files could not be put back.
    #[error(transparent)]
    Restore(#[from] restore::Error),
    /// No archive is called so.
    #[error("no archive is called `{name}`")]
    NoArchive {
        /// As asked for.
        name: String,
        /// The folders that were looked through.
        folders: Vec<PathBuf>,
    },
}

/// An error and its causes in one line.
fn chained(error: &(dyn std::error::Error + 'static)) -> String {
    crate::job::chain(error)
}

fn count(problems: usize) -> String {
    if problems == 1 {
        "1 problem".to_owned()
    } else {
        format!("{problems} problems")
    }
}
