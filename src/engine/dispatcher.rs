//! The one task that owns planner, board and live runs.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{
    sync::{broadcast, mpsc},
    task::JoinHandle,
    time::Instant,
};

use super::{
    Command, Config, Error, Event,
    board::Board,
    planner::{Action, Input, Left, Planner, Ticket},
    runner::{Done, Work},
    scribe::{self, Message},
    wake::{Jump, Watchman},
};
use crate::{
    clock::Clock,
    job::{Cx, Env, JobName, JobSpec, Report, RunInfo},
    ledger::{self, Fence, Instance, Ledger},
    system::alarm::Alarm,
    watch::{CancelReason, Watch},
};

mod claim;
mod commands;
mod ends;
mod hold;

/// How long a claim holds without a sign of life; twice the longest pause
/// between two signs.
const LEASE: Duration = Duration::from_mins(10);
/// How often claims are prolonged while anything runs.
const RENEW_EVERY: Duration = Duration::from_mins(1);
/// How often an idle process says that it is alive.
const ALIVE_EVERY: Duration = Duration::from_mins(5);
/// How many ends of attempts are taken at once, so that what follows shares a transaction.
const MOST_DONE: usize = 256;

pub(super) struct Dispatcher {
    planner: Planner,
    env: Arc<Env>,
    clock: Clock,
    watchman: Watchman,
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
    /// Skips and waits that the ledger could not take; written with the next claims.
    unwritten: Vec<Action>,
    drain_by: Option<Instant>,
    beat_at: Instant,
    left: Vec<Left>,
    timer: bool,
    hold: Option<hold::Held>,
}

/// A run whose slot is claimed.
struct LiveRun {
    spec: Arc<JobSpec>,
    fence: Fence,
    info: RunInfo,
    started_at: Timestamp,
    watch: Watch,
    report: Option<Report>,
    hint: Option<String>,
}

/// Who asked for a run by hand.
struct Asker {
    job: JobName,
    events: mpsc::UnboundedSender<Event>,
    watch: Watch,
    /// Whether it knows that its claim waits for the ledger.
    told: bool,
    approved: bool,
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
        let mut board = Board::new(done_tx).await?;
        if timer {
            board.hold(names(&set.jobs)).await?;
        }
        let clock = set.env.clock.clone();
        let alarm = match (&clock, timer) {
            (Clock::System, true) => Some(Alarm::new().map_err(Error::Timer)?),
            _ => None,
        };
        let (scribe, messages) = mpsc::unbounded_channel();
        let scribe_task = tokio::spawn(scribe::run(Arc::clone(&ledger), messages, events.clone()));
        let lost = lost.into_iter().filter(|run| run.scope.is_empty());
        Ok(Self {
            planner: Planner::new(set.jobs.into_iter().zip(known), set.max_running),
            env: set.env,
            watchman: Watchman::new(&clock),
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
            beat_at: Instant::now() + RENEW_EVERY,
            left: lost
                .map(|run| Left {
                    job: run.job,
                    at: run.slot,
                    ran: run.run.is_some(),
                })
                .collect(),
            timer,
            hold: None,
        })
    }

    /// Runs until drained.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        if self.timer {
            let left = std::mem::take(&mut self.left);
            self.input(Input::Start { left }).await;
        }
        let mut done = Vec::new();
        while !(self.drain_by.is_some() && self.planner.is_idle()) {
            // Without a timer nothing is due by itself, but runs by hand have waits of their own.
            let wake = self
                .planner
                .next_wake()
                .filter(|_| self.timer || !self.planner.is_idle());
            tokio::select! {
                biased;
                _ = self.done.recv_many(&mut done, MOST_DONE) => {
                    let inputs = done.drain(..).map(|done| self.attempt_done(done)).collect();
                    self.inputs(inputs).await;
                }
                Some(command) = commands.recv() => self.command(command).await,
                () = sleep_until(&self.clock, self.alarm.as_ref(), wake) => {
                    self.input(Input::Tick).await;
                }
                () = drain_deadline(self.drain_by) => self.cancel_all().await,
                () = hold::released(&mut self.hold) => self.release().await,
                () = tokio::time::sleep_until(self.beat_at) => self.beat().await,
            }
            self.tell_holder();
        }
        self.write_what_is_left().await;
        let Self {
            scribe,
            scribe_task,
            ..
        } = self;
        drop(scribe);
        // It ends when everything is written; a panic in it has already been reported.
        drop(scribe_task.await);
        // Only now: whoever waits for the end may read what was written.
        drop(commands);
    }

    async fn input(&mut self, input: Input) {
        self.inputs(vec![input]).await;
    }

    /// Tells the planner and does what it says, until it says nothing more.
    async fn inputs(&mut self, mut inputs: Vec<Input>) {
        loop {
            let jump = self.watchman.ask(&self.clock);
            let now = self.clock.now();
            let mut actions = Vec::new();
            if let Some(jump) = jump {
                actions.extend(self.jumped(now, jump).await);
            }
            if inputs.is_empty() && actions.is_empty() {
                return;
            }
            for input in inputs.drain(..) {
                actions.extend(self.planner.handle(now, input));
            }
            self.perform(actions, &mut inputs).await;
        }
    }

    /// The computer slept or its clock was set.
    async fn jumped(&mut self, now: Timestamp, jump: Jump) -> Vec<Action> {
        let Jump {
            from,
            to,
            slept,
            stepped,
        } = jump;
        tracing::warn!(%from, %to, %slept, %stepped, "the computer slept or its clock was set");
        let gaps = jump.gaps();
        self.with_ledger("the gap was not kept", move |ledger| {
            gaps.into_iter().try_for_each(|gap| ledger.note_gap(gap))
        })
        .await;
        if self.timer {
            self.planner.handle(now, Input::Clock { slept, stepped })
        } else {
            Vec::new()
        }
    }

    /// Says that this process is alive and prolongs its claims. Where little is due, this is also
    /// when a sleep is noticed.
    async fn beat(&mut self) {
        self.inputs(Vec::new()).await;
        if !self.unwritten.is_empty() {
            self.perform(Vec::new(), &mut Vec::new()).await;
        }
        let idle = self.runs.is_empty() && self.unwritten.is_empty();
        let every = if idle { ALIVE_EVERY } else { RENEW_EVERY };
        self.beat_at = Instant::now() + every;
        let me = self.instance;
        let claims: Vec<(Fence, Duration)> =
            self.runs.values().map(|run| (run.fence, LEASE)).collect();
        self.with_ledger("claims were not renewed", move |ledger| {
            if ledger.renew(me, &claims)?.contains(&false) {
                tracing::warn!("a claim has been taken over by somebody else");
            }
            Ok(())
        })
        .await;
    }

    /// Does something with the ledger that nothing depends on; a failure is told.
    async fn with_ledger(
        &self,
        otherwise: &'static str,
        act: impl FnOnce(&Ledger) -> Result<(), ledger::Error> + Send + 'static,
    ) {
        let ledger = Arc::clone(&self.ledger);
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || act(&ledger)).await {
            tracing::error!(error = %crate::job::chain(&error), "{otherwise}");
        }
    }

    async fn perform(&mut self, actions: Vec<Action>, inputs: &mut Vec<Input>) {
        let mut decisions = std::mem::take(&mut self.unwritten);
        let (mut attempts, mut cancels) = (Vec::new(), Vec::new());
        for action in actions {
            match action {
                Action::Start { .. } | Action::Skip { .. } => decisions.push(action),
                Action::Wait {
                    ticket,
                    ref note,
                    keep,
                    ..
                } => {
                    self.tell_waiting(ticket, note);
                    if keep {
                        decisions.push(action);
                    }
                }
                Action::Forget(ticket) => drop(self.askers.remove(&ticket)),
                Action::WillRetry {
                    ticket,
                    attempt,
                    reason,
                    next_at,
                } => {
                    self.will_retry(ticket, attempt, reason, next_at);
                }
                Action::Attempt { ticket, attempt } => attempts.push((ticket, attempt)),
                Action::Cancel { ticket, reason } => cancels.push((ticket, reason)),
                Action::End {
                    ticket,
                    outcome,
                    reason,
                    attempts,
                } => {
                    self.end(ticket, outcome, reason, attempts);
                }
                Action::Phase { job, anchor } => {
                    self.with_ledger("the phase of a job was not kept", move |ledger| {
                        ledger.set_anchor(&job, anchor)
                    })
                    .await;
                }
            }
        }
        let again = attempts.into_iter();
        let mut works: Vec<Work> = again
            .filter_map(|(ticket, attempt)| self.work(ticket, attempt))
            .collect();
        if !decisions.is_empty() {
            works.extend(self.decide(decisions, inputs).await);
        }
        self.board.fire(works).await;
        for (ticket, reason) in cancels {
            if let Some(run) = self.runs.get(&ticket) {
                run.watch.cancel.cancel(reason);
            }
        }
        // Only now: what is due first starts, then is written about.
        for ticket in std::mem::take(&mut self.untold) {
            self.tell_started(ticket);
        }
    }

    /// The next attempt of a live run.
    fn work(&mut self, ticket: Ticket, attempt: u32) -> Option<Work> {
        let run = self.runs.get_mut(&ticket)?;
        run.info.attempt = attempt;
        run.watch.progress.restart();
        let cx = Cx {
            run: run.info.clone(),
            env: Arc::clone(&self.env),
            zone: run.spec.policy.timezone.clone(),
            watch: run.watch.clone(),
            approved: self.askers.get(&ticket).is_some_and(|asker| asker.approved),
        };
        Some(Work {
            ticket,
            job: Arc::clone(&run.spec.job),
            cx,
            timeout: run.spec.policy.timeout.duration(),
        })
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
        let reason = CancelReason::Shutdown;
        let live = self.planner.live().into_iter();
        let inputs = live
            .map(|ticket| Input::Cancel { ticket, reason })
            .collect();
        self.inputs(inputs).await;
    }
}

fn names(jobs: &[JobSpec]) -> Vec<JobName> {
    jobs.iter().map(|spec| spec.name.clone()).collect()
}

async fn sleep_until(clock: &Clock, alarm: Option<&Alarm>, wake: Option<Timestamp>) {
    let Some(at) = wake else {
        return clock.until_set().await;
    };
    let Some(alarm) = alarm else {
        let left = Duration::try_from(clock.now().duration_until(at)).unwrap_or_default();
        tokio::select! {
            () = tokio::time::sleep(left) => {}
            () = clock.until_set() => {}
        }
        return;
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
