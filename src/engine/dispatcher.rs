//! The one task that owns planner, board and live runs.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{
    sync::{broadcast, mpsc},
    task::JoinHandle,
    time::Instant,
};

use super::{
    Command, Config, Error, Event, RunHandle, Running, Status,
    board::Board,
    events::Finished,
    planner::{Action, Failure, Input, Planner, Ticket},
    runner::{Done, Work},
    scribe::{self, Message, Note},
};
use crate::{
    clock::Clock,
    job::{Cx, Env, Outcome, Report, RunInfo, Slot},
    ledger::{Ended, FailedAttempt, Fence, Instance, Ledger},
    system::alarm::Alarm,
    watch::{CancelReason, Watch},
};

mod claim;

/// The lane of runs asked for by hand.
const MANUAL: &str = "manual";

pub(super) struct Dispatcher {
    planner: Planner,
    env: Arc<Env>,
    clock: Clock,
    ledger: Arc<Ledger>,
    instance: Instance,
    board: Board,
    alarm: Option<Alarm>,
    runs: HashMap<Ticket, LiveRun>,
    /// Runs that were claimed and of which nobody has been told yet.
    untold: Vec<Ticket>,
    askers: HashMap<Ticket, Asker>,
    events: broadcast::Sender<Event>,
    done: mpsc::UnboundedReceiver<Done>,
    scribe: mpsc::UnboundedSender<Message>,
    scribe_task: JoinHandle<()>,
    /// Skips that the ledger could not take; written with the next claims.
    unwritten: Vec<Action>,
    drain_by: Option<Instant>,
    lost: Vec<crate::ledger::LostRun>,
    timer: bool,
}

/// A run whose slot is claimed.
struct LiveRun {
    job: usize,
    fence: Fence,
    info: RunInfo,
    started_at: Timestamp,
    watch: Watch,
    report: Option<Report>,
    hint: Option<String>,
}

/// Who asked for a run by hand.
struct Asker {
    events: mpsc::UnboundedSender<Event>,
    watch: Watch,
}

impl Dispatcher {
    pub(super) async fn new(
        config: Config,
        events: broadcast::Sender<Event>,
    ) -> Result<Self, Error> {
        let Config {
            set,
            ledger,
            instance,
            known,
            lost,
            timer,
        } = config;
        let (done_tx, done) = mpsc::unbounded_channel();
        let board = Board::new(set.jobs.len(), done_tx).await?;
        if timer {
            board.register_all().await?;
        }
        let clock = set.env.clock.clone();
        let alarm = match (&clock, timer) {
            (Clock::System, true) => Some(Alarm::new().map_err(Error::Timer)?),
            _ => None,
        };
        let (scribe, messages) = mpsc::unbounded_channel();
        let scribe_task = tokio::spawn(scribe::run(Arc::clone(&ledger), messages, events.clone()));
        let jobs = set.jobs.into_iter().zip(known);
        let planner =
            Planner::new(jobs.map(|(spec, known)| (spec, known.anchor, known.decided_until)));
        Ok(Self {
            planner,
            env: set.env,
            clock,
            ledger,
            instance,
            board,
            alarm,
            runs: HashMap::new(),
            untold: Vec::new(),
            askers: HashMap::new(),
            events,
            done,
            scribe,
            scribe_task,
            unwritten: Vec::new(),
            drain_by: None,
            lost,
            timer,
        })
    }

    /// Runs until drained.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        if self.timer {
            let lost = std::mem::take(&mut self.lost);
            let lost = lost.into_iter().filter(|run| run.scope.is_empty());
            let lost = lost.map(|run| (run.job, run.slot)).collect();
            self.input(Input::Start { lost }).await;
        }
        while !(self.drain_by.is_some() && self.planner.is_idle()) {
            let wake = self.planner.next_wake();
            tokio::select! {
                biased;
                Some(done) = self.done.recv() => self.attempt_done(done).await,
                Some(command) = commands.recv() => self.command(command).await,
                () = sleep_until(&self.clock, self.alarm.as_ref(), wake) => {
                    self.input(Input::Tick).await;
                }
                () = drain_deadline(self.drain_by) => self.cancel_all().await,
            }
        }
        commands.close();
        let Self {
            scribe,
            scribe_task,
            ..
        } = self;
        drop(scribe);
        // It ends when everything is written; a panic in it has already been reported.
        drop(scribe_task.await);
    }

    async fn command(&mut self, command: Command) {
        match command {
            Command::Run { job, reply } => {
                let handle = self.run_now(&job).await;
                drop(reply.send(handle));
            }
            Command::Cancel { ticket, reason } => {
                self.input(Input::Cancel { ticket, reason }).await;
            }
            Command::Status { reply } => drop(reply.send(self.status())),
            Command::Drain { grace } => self.drain(grace).await,
        }
    }

    async fn run_now(&mut self, name: &str) -> Result<RunHandle, Error> {
        let job = self
            .planner
            .find(name)
            .ok_or_else(|| Error::UnknownJob(name.to_owned()))?;
        let spec = self
            .planner
            .spec(job)
            .ok_or_else(|| Error::UnknownJob(name.to_owned()))?;
        let now = self.clock.now();
        let at = Timestamp::from_second(now.as_second()).unwrap_or(now);
        let slot = Slot {
            job: spec.name.clone(),
            at,
            scope: MANUAL.to_owned(),
        };
        let ticket = self.planner.ticket();
        let watch = Watch::default();
        let (events, receiver) = mpsc::unbounded_channel();
        self.askers.insert(
            ticket,
            Asker {
                events,
                watch: watch.clone(),
            },
        );
        self.input(Input::RunNow { ticket, job, slot }).await;
        Ok(RunHandle {
            ticket,
            watch,
            events: receiver,
        })
    }

    fn status(&self) -> Status {
        let mut running: Vec<Running> = self
            .runs
            .values()
            .map(|run| Running {
                run: run.info.clone(),
                started_at: run.started_at,
                progress: run.watch.progress.sample(),
            })
            .collect();
        running.sort_by_key(|running| running.run.id);
        let upcoming = self.planner.upcoming().into_iter();
        let upcoming = upcoming
            .filter_map(|(at, job)| Some((at, self.planner.spec(job)?.name.clone())))
            .collect();
        let backlog = self.planner.backlog().count();
        Status {
            running,
            upcoming,
            backlog,
            draining: self.drain_by.is_some(),
        }
    }

    async fn drain(&mut self, grace: Duration) {
        let deadline = Instant::now() + grace;
        let hurried = self.drain_by.map_or(deadline, |old| old.min(deadline));
        self.drain_by = Some(hurried);
        self.input(Input::Shutdown).await;
    }

    async fn cancel_all(&mut self) {
        // Far away rather than never: a second signal may still bring it nearer.
        self.drain_by = Instant::now().checked_add(Duration::from_hours(24 * 365));
        for ticket in self.planner.live() {
            self.input(Input::Cancel {
                ticket,
                reason: CancelReason::Shutdown,
            })
            .await;
        }
    }

    /// Tells the planner and does what it says, until it says nothing more.
    async fn input(&mut self, input: Input) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let actions = self.planner.handle(self.clock.now(), input);
            self.perform(actions, &mut inputs).await;
        }
    }

    async fn perform(&mut self, actions: Vec<Action>, inputs: &mut Vec<Input>) {
        let mut decisions = std::mem::take(&mut self.unwritten);
        let mut works = Vec::new();
        for action in actions {
            match action {
                Action::Start { .. } | Action::Skip { .. } => decisions.push(action),
                Action::Wait(ticket) => self.tell_waiting(ticket),
                Action::Forget(ticket) => drop(self.askers.remove(&ticket)),
                Action::WillRetry {
                    ticket,
                    attempt,
                    reason,
                    next_at,
                } => {
                    self.will_retry(ticket, attempt, reason, next_at);
                }
                Action::Attempt { ticket, attempt } => works.extend(self.work(ticket, attempt)),
                Action::Cancel { ticket, reason } => {
                    if let Some(run) = self.runs.get(&ticket) {
                        run.watch.cancel.cancel(reason);
                    }
                }
                Action::End {
                    ticket,
                    outcome,
                    reason,
                    attempts,
                } => {
                    self.end(ticket, outcome, reason, attempts);
                }
            }
        }
        if !decisions.is_empty() {
            works.extend(self.decide(decisions, inputs).await);
        }
        if let Err(error) = self.board.fire(works).await {
            tracing::error!(error = %crate::job::chain(&error), "a job could not be woken");
        }
        // Only now: what is due first starts, then is written about.
        for ticket in std::mem::take(&mut self.untold) {
            self.tell_started(ticket);
        }
    }

    fn tell_waiting(&self, ticket: Ticket) {
        let (Some(asker), Some(job)) = (self.askers.get(&ticket), self.planner.job_of(ticket))
        else {
            return;
        };
        drop(asker.events.send(Event::Waiting { job }));
    }

    /// The next attempt of a live run.
    fn work(&mut self, ticket: Ticket, attempt: u32) -> Option<(usize, Work)> {
        let run = self.runs.get_mut(&ticket)?;
        let spec = self.planner.spec(run.job)?;
        run.info.attempt = attempt;
        run.watch.progress.restart();
        let cx = Cx {
            run: run.info.clone(),
            env: Arc::clone(&self.env),
            zone: spec.policy.timezone.clone(),
            watch: run.watch.clone(),
        };
        let timeout = spec.policy.timeout.duration();
        Some((
            run.job,
            Work {
                ticket,
                job: Arc::clone(&spec.job),
                cx,
                timeout,
            },
        ))
    }

    async fn attempt_done(&mut self, done: Done) {
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
        self.input(Input::Finished { ticket, failure }).await;
    }

    fn will_retry(&mut self, ticket: Ticket, attempt: u32, reason: String, next_at: Timestamp) {
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

    fn end(&mut self, ticket: Ticket, outcome: Outcome, reason: Option<String>, attempts: u32) {
        let Some(run) = self.runs.remove(&ticket) else {
            return;
        };
        let at = self.clock.now();
        log_end(&run.info, outcome, reason.as_deref());
        let report = if outcome == Outcome::Succeeded {
            run.report
        } else {
            None
        };
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

async fn sleep_until(clock: &Clock, alarm: Option<&Alarm>, wake: Option<Timestamp>) {
    let Some(at) = wake else {
        return std::future::pending().await;
    };
    let Some(alarm) = alarm else {
        let left = Duration::try_from(clock.now().duration_until(at)).unwrap_or_default();
        return tokio::time::sleep(left).await;
    };
    if let Err(error) = alarm.wait_until(at).await {
        // Not expected of a timer; look again soon rather than never.
        tracing::error!(%error, "the timer failed");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn drain_deadline(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
