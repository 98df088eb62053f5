//! When and how jobs run: planner, board, runner, scribe, events.
//!
//! [`Engine`] is a handle; one task (`dispatcher`) owns all state. [`Engine::run`] and the schedule are
//! the only ways anything runs, so history, overlap, timeout and retries are the same for both.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::{
    job::{JobName, JobSet, Pause, RunId, RunInfo},
    ledger::{self, Instance, Known, Ledger, LostRun},
    watch::{CancelReason, Sample, Watch},
};

mod board;
mod dispatcher;
mod events;
mod forecast;
pub mod planner;
mod runner;
mod scribe;
#[cfg(test)]
mod tests;
mod wake;

pub use board::BoardError;
pub use events::{Event, Finished};
pub use forecast::{Asleep, Fate, Forecast, Foreseen, Outlook, forecast};
pub use planner::Ticket;

/// What an engine is made of.
#[derive(Debug)]
pub struct Config {
    /// The jobs.
    pub set: JobSet,
    /// The ledger.
    pub ledger: Arc<Ledger>,
    /// The owner of this engine's claims.
    pub instance: Instance,
    /// What the ledger knows of each job, in the order of `set`.
    pub known: Vec<Known>,
    /// Slots that an earlier process left open.
    pub lost: Vec<LostRun>,
    /// Whether schedules fire; without, the engine only runs what it is asked to.
    pub timer: bool,
}

/// What can go wrong with the engine itself.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The board could not be set up.
    #[error(transparent)]
    Board(#[from] BoardError),
    /// The system gave no timer.
    #[error("set up the timer")]
    Timer(#[source] std::io::Error),
    /// No job is called so.
    #[error("no job is called `{0}`")]
    UnknownJob(String),
    /// The ledger did not take it.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// Somebody else holds the engine.
    #[error("another restore is going on")]
    Held,
    /// The engine has stopped.
    #[error("the engine has stopped")]
    Stopped,
}

/// A running engine; clones talk to the same one.
#[derive(Debug, Clone)]
pub struct Engine {
    commands: mpsc::Sender<Command>,
    events: broadcast::Sender<Event>,
}

/// A run that was asked for.
#[derive(Debug)]
pub struct RunHandle {
    /// Its ticket, for [`Engine::cancel`].
    pub ticket: Ticket,
    /// Its progress and cancellation.
    pub watch: Watch,
    /// Everything that happens to it, ending with [`Event::Finished`].
    pub events: mpsc::UnboundedReceiver<Event>,
}

/// A run that is going on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Running {
    /// Which run.
    pub run: RunInfo,
    /// When it started.
    pub started_at: Timestamp,
    /// How far it is.
    pub progress: Sample,
}

/// A run that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Its job.
    pub job: JobName,
    /// Its slot.
    pub slot: Timestamp,
    /// For what, as a verb: `waits for …`.
    pub note: String,
}

/// Keeps an engine from starting anything, until it is dropped.
#[derive(Debug)]
pub struct Hold {
    /// The runs that are still going on; none once all is quiet. Closed when the engine has stopped.
    pub waits_for: watch::Receiver<Vec<RunInfo>>,
    /// Never used: that it is gone is what the engine is told.
    _held: oneshot::Sender<()>,
}

/// What is to be cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// One run.
    Run(RunId),
    /// Everything of a job that runs or waits.
    Job(JobName),
}

/// A look at the engine.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Status {
    /// The runs that are going on, oldest first.
    pub running: Vec<Running>,
    /// The runs that wait, oldest first.
    pub waiting: Vec<Waiting>,
    /// The jobs that are paused.
    pub paused: Vec<(JobName, Pause)>,
    /// The next slot of each job that has one, earliest first.
    pub upcoming: Vec<(Timestamp, JobName)>,
    /// Slots that wait to be caught up.
    pub backlog: usize,
    /// Whether it is stopping.
    pub draining: bool,
    /// Since when nothing starts, because somebody restores files.
    #[serde(default)]
    pub held_since: Option<Timestamp>,
}

#[derive(Debug)]
enum Command {
    Run {
        job: String,
        approved: bool,
        reply: oneshot::Sender<Result<RunHandle, Error>>,
    },
    Retry {
        job: JobName,
        slot: Timestamp,
        of: RunId,
        reply: oneshot::Sender<Result<RunHandle, Error>>,
    },
    Cancel {
        ticket: Ticket,
        reason: CancelReason,
    },
    CancelTarget {
        target: Target,
        reply: oneshot::Sender<usize>,
    },
    Pause {
        job: JobName,
        pause: Option<Pause>,
        reply: oneshot::Sender<Result<bool, Error>>,
    },
    Reload {
        set: JobSet,
        known: Vec<Known>,
        reply: oneshot::Sender<Result<(), Error>>,
    },
    Status {
        reply: oneshot::Sender<Status>,
    },
    Hold {
        reply: oneshot::Sender<Result<Hold, Error>>,
    },
    Drain {
        grace: Duration,
    },
}

impl Engine {
    /// Starts an engine. With a timer it registers every job first and then begins with catch-up.
    ///
    /// # Errors
    /// [`Error::Board`], [`Error::Timer`].
    pub async fn start(config: Config) -> Result<Self, Error> {
        const COMMANDS: usize = 64;
        const EVENTS: usize = 1_024;
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let (events, _) = broadcast::channel(EVENTS);
        let dispatcher = dispatcher::Dispatcher::new(config, events.clone()).await?;
        tokio::spawn(dispatcher.run(receiver));
        Ok(Self { commands, events })
    }

    /// Runs a job now, by hand.
    ///
    /// # Errors
    /// [`Error::UnknownJob`], [`Error::Stopped`].
    pub async fn run(&self, job: &str) -> Result<RunHandle, Error> {
        self.run_now(job, false).await
    }

    /// As [`Engine::run`], and the person has said yes to what the job does not do by itself.
    ///
    /// # Errors
    /// As [`Engine::run`].
    pub async fn run_approved(&self, job: &str) -> Result<RunHandle, Error> {
        self.run_now(job, true).await
    }

    async fn run_now(&self, job: &str, approved: bool) -> Result<RunHandle, Error> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Run {
            job: job.to_owned(),
            approved,
            reply,
        })
        .await?;
        answer.await.map_err(|_| Error::Stopped)?
    }

    /// Does a run again, for the slot it had. Each run can be done again once; the events of a
    /// second time end without a run.
    ///
    /// # Errors
    /// [`Error::UnknownJob`], [`Error::Stopped`].
    pub async fn retry(
        &self,
        job: &JobName,
        slot: Timestamp,
        of: RunId,
    ) -> Result<RunHandle, Error> {
        let (reply, answer) = oneshot::channel();
        let job = job.clone();
        self.send(Command::Retry {
            job,
            slot,
            of,
            reply,
        })
        .await?;
        answer.await.map_err(|_| Error::Stopped)?
    }

    /// Asks a run, or everything of a job, to stop; says how many runs that were.
    ///
    /// # Errors
    /// [`Error::Stopped`].
    pub async fn cancel_target(&self, target: Target) -> Result<usize, Error> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::CancelTarget { target, reply }).await?;
        answer.await.map_err(|_| Error::Stopped)
    }

    /// Pauses a job, or with `None` resumes it; kept in the ledger first. False when there was no
    /// pause to end.
    ///
    /// # Errors
    /// [`Error::UnknownJob`], [`Error::Ledger`], [`Error::Stopped`].
    pub async fn pause(&self, job: &JobName, pause: Option<Pause>) -> Result<bool, Error> {
        let (reply, answer) = oneshot::channel();
        let job = job.clone();
        self.send(Command::Pause { job, pause, reply }).await?;
        answer.await.map_err(|_| Error::Stopped)?
    }

    /// Takes other jobs in place of those it has, each with what the ledger knows of it, in the
    /// order of `set`. Running jobs end under their old definition; a job whose timing is the same
    /// keeps its phase and what it owes.
    ///
    /// # Errors
    /// [`Error::Board`]: then the old jobs stay. [`Error::Stopped`].
    pub async fn reload(&self, set: JobSet, known: Vec<Known>) -> Result<(), Error> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Reload { set, known, reply }).await?;
        answer.await.map_err(|_| Error::Stopped)?
    }

    /// Asks a run to stop, wherever it is; an ended one is left alone.
    ///
    /// # Errors
    /// [`Error::Stopped`].
    pub async fn cancel(&self, ticket: Ticket, reason: CancelReason) -> Result<(), Error> {
        self.send(Command::Cancel { ticket, reason }).await
    }

    /// How things are.
    ///
    /// # Errors
    /// [`Error::Stopped`].
    pub async fn status(&self) -> Result<Status, Error> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Status { reply }).await?;
        answer.await.map_err(|_| Error::Stopped)
    }

    /// Everything that happens from now on; a slow listener loses events, the history does not.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// No new slots; running jobs get `grace` to end and are then told to stop. Asking again with a
    /// shorter grace hurries.
    ///
    /// # Errors
    /// [`Error::Stopped`].
    pub async fn drain(&self, grace: Duration) -> Result<(), Error> {
        self.send(Command::Drain { grace }).await
    }

    /// Lets nothing start any more until the hold is dropped; what is due meanwhile waits and runs
    /// afterwards.
    ///
    /// # Errors
    /// [`Error::Held`], [`Error::Stopped`].
    pub async fn hold(&self) -> Result<Hold, Error> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Hold { reply }).await?;
        answer.await.map_err(|_| Error::Stopped)?
    }

    /// Waits until the engine has drained and everything is written.
    pub async fn stopped(&self) {
        self.commands.closed().await;
    }

    async fn send(&self, command: Command) -> Result<(), Error> {
        self.commands
            .send(command)
            .await
            .map_err(|_| Error::Stopped)
    }
}
