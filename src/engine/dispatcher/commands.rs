//! What the engine is asked to do.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::{Asker, Dispatcher, hold, names};
use crate::{
    engine::{
        Command, Error, RunHandle, Running, Status, Target, Waiting,
        planner::{Input, Ticket},
    },
    job::{JobName, JobSet, Pause, RunId, Slot, Trigger},
    ledger::Known,
    watch::{CancelReason, Watch},
};

/// The lane of runs asked for by hand.
const MANUAL: &str = "manual";

impl Dispatcher {
    pub(super) async fn command(&mut self, command: Command) {
        match command {
            Command::Run {
                job,
                approved,
                reply,
            } => {
                let handle = self.run_now(&job, approved).await;
                drop(reply.send(handle));
            }
            Command::Retry {
                job,
                slot,
                of,
                reply,
            } => {
                let handle = self.retry(job, slot, of).await;
                drop(reply.send(handle));
            }
            Command::Cancel { ticket, reason } => {
                self.input(Input::Cancel { ticket, reason }).await;
            }
            Command::CancelTarget { target, reply } => {
                let count = self.cancel_target(&target).await;
                // Whoever has gone does not want to know.
                let _unheard = reply.send(count);
            }
            Command::Pause { job, pause, reply } => {
                let done = self.pause(job, pause).await;
                drop(reply.send(done));
            }
            Command::Reload { set, known, reply } => {
                let done = self.reload(set, known).await;
                drop(reply.send(done));
            }
            Command::Status { reply } => drop(reply.send(self.status())),
            Command::Hold { reply } => {
                let hold = self.hold().await;
                // Whoever has gone has let go of it by that.
                drop(reply.send(hold));
            }
            Command::Drain { grace } => self.drain(grace).await,
        }
    }

    async fn run_now(&mut self, name: &str, approved: bool) -> Result<RunHandle, Error> {
        let unknown = || Error::UnknownJob(name.to_owned());
        let job: JobName = name.parse().map_err(|_| unknown())?;
        self.planner.find(&job).ok_or_else(unknown)?;
        let now = self.clock.now();
        let slot = Slot {
            job,
            at: Timestamp::from_second(now.as_second()).unwrap_or(now),
            scope: MANUAL.to_owned(),
        };
        Ok(self.run_by_hand(slot, Trigger::Manual, approved).await)
    }

    /// A run is done again for its own slot, in a lane that takes one run.
    async fn retry(&mut self, job: JobName, at: Timestamp, of: RunId) -> Result<RunHandle, Error> {
        if self.planner.find(&job).is_none() {
            return Err(Error::UnknownJob(job.to_string()));
        }
        let scope = crate::ledger::retry_lane(of);
        let slot = Slot { job, at, scope };
        Ok(self.run_by_hand(slot, Trigger::Retry, false).await)
    }

    async fn run_by_hand(&mut self, slot: Slot, trigger: Trigger, approved: bool) -> RunHandle {
        let ticket = self.planner.ticket();
        let watch = Watch::default();
        let (events, receiver) = mpsc::unbounded_channel();
        self.askers.insert(
            ticket,
            Asker {
                job: slot.job.clone(),
                events,
                watch: watch.clone(),
                told: false,
                approved,
            },
        );
        self.input(Input::RunNow {
            ticket,
            slot,
            trigger,
        })
        .await;
        RunHandle {
            ticket,
            watch,
            events: receiver,
        }
    }

    /// Returns how many runs were told to stop.
    async fn cancel_target(&mut self, target: &Target) -> usize {
        let tickets: Vec<Ticket> = match target {
            Target::Job(job) => self.planner.tickets_of(job),
            Target::Run(run) => {
                let live = self.runs.iter().find(|(_, live)| live.info.id == *run);
                live.map(|(ticket, _)| *ticket).into_iter().collect()
            }
        };
        let count = tickets.len();
        let reason = CancelReason::Operator;
        let tickets = tickets.into_iter();
        let inputs = tickets.map(|ticket| Input::Cancel { ticket, reason });
        self.inputs(inputs.collect()).await;
        count
    }

    async fn pause(&mut self, job: JobName, pause: Option<Pause>) -> Result<bool, Error> {
        if self.planner.find(&job).is_none() {
            return Err(Error::UnknownJob(job.to_string()));
        }
        let (ledger, name) = (Arc::clone(&self.ledger), job.clone());
        let written = tokio::task::spawn_blocking(move || match pause {
            Some(pause) => ledger.pause(&name, pause).map(|()| true),
            None => ledger.resume(&name),
        });
        let was = written.await.map_err(|_| Error::Stopped)??;
        self.input(Input::Pause { job, pause }).await;
        Ok(was)
    }

    async fn reload(&mut self, set: JobSet, known: Vec<Known>) -> Result<(), Error> {
        if self.drain_by.is_some() {
            return Err(Error::Stopped);
        }
        if self.timer {
            self.board.hold(names(&set.jobs)).await?;
        }
        self.env = set.env;
        let jobs = set.jobs.into_iter().zip(known).collect();
        self.input(Input::Reload {
            jobs,
            max_running: set.max_running,
        })
        .await;
        Ok(())
    }

    fn status(&self) -> Status {
        let runs = self.runs.values();
        let mut running: Vec<Running> = runs
            .map(|run| Running {
                run: run.info.clone(),
                started_at: run.started_at,
                progress: run.watch.progress.sample(),
            })
            .collect();
        running.sort_by_key(|running| running.run.id);
        let waiting = self.planner.waiting().into_iter();
        let waiting = waiting
            .map(|waiter| Waiting {
                job: waiter.slot.job,
                slot: waiter.slot.at,
                note: waiter.note,
            })
            .collect();
        Status {
            running,
            waiting,
            paused: self.planner.pauses(self.clock.now()),
            upcoming: self.planner.upcoming(),
            backlog: self.planner.backlog().count(),
            draining: self.drain_by.is_some(),
            held_since: self.hold.as_ref().map(hold::Held::since),
        }
    }

    /// Skips that the ledger could not take get a last try before the end.
    pub(super) async fn write_what_is_left(&mut self) {
        const TRIES: usize = 3;
        for _ in 0..TRIES {
            if self.unwritten.is_empty() {
                return;
            }
            let left = std::mem::take(&mut self.unwritten);
            let mut inputs = Vec::new();
            self.decide(left, &mut inputs).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}
