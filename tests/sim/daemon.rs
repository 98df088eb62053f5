//! What the daemon around the planner does: the dispatcher's work, one step at a time.

use std::collections::{BTreeMap, VecDeque};

use bellkeeper::{
    engine::planner::{Action, Failure, Input, Left, Planner, Ticket},
    job::{CancelReason, Disposition, JobSpec, Outcome, Slot},
    ledger::Known,
};
use jiff::Timestamp;

use super::{
    Sim,
    book::{Book, Fence, Owner},
    law::Stop,
    sabotage::Bent,
    time::{MINUTE, SECOND, Watchman},
};

pub(super) type Step<T = ()> = Result<T, Stop>;

/// A run whose slot is claimed.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) slot: Slot,
    pub(super) fence: Fence,
    /// When the attempt that is going on ends, by the monotonic clock.
    pub(super) ends_at: Option<i64>,
    pub(super) failure: Option<Failure>,
    pub(super) cancelled: Option<CancelReason>,
}

/// What is still to be written.
#[derive(Debug)]
enum Note {
    Attempt(Fence, u32),
    End(Fence, Slot, Outcome, Timestamp),
}

/// A job file that was read: when it is taken over, its jobs, and how many of them may run.
type Reload = (i64, Vec<(JobSpec, Known)>, Option<u32>);

/// One life of the process.
#[derive(Debug)]
pub(super) struct Daemon {
    pub(super) bent: Bent,
    pub(super) me: Owner,
    watchman: Watchman,
    pub(super) runs: BTreeMap<Ticket, Run>,
    pub(super) unwritten: Vec<Action>,
    notes: VecDeque<Note>,
    /// When the scribe writes next.
    pub(super) scribe_at: i64,
    pub(super) drain_by: Option<i64>,
    /// A job file that is read but not yet taken over.
    pub(super) reload: Option<Reload>,
    /// How late the next tick is.
    pub(super) lag: i64,
    /// A tick that comes because the clock was set.
    pub(super) poke_at: Option<i64>,
}

impl Daemon {
    pub(super) fn planner(&self) -> &Planner {
        &self.bent.planner
    }

    pub(super) fn has_notes(&self) -> bool {
        !self.notes.is_empty()
    }
}

impl Sim {
    /// A point at which the process may die.
    pub(super) fn point(&mut self) -> Step {
        match &mut self.crash_in {
            Some(0) => Err(Stop::Crash),
            Some(points) => {
                *points -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// A write; `None` while the ledger is busy.
    pub(super) fn write<T>(
        &mut self,
        act: impl FnOnce(&mut Book, Timestamp) -> T,
    ) -> Step<Option<T>> {
        self.point()?;
        if self.clocks.mono < self.busy_until {
            return Ok(None);
        }
        let now = self.clocks.now();
        Ok(Some(act(self.book.at(now), now)))
    }

    pub(super) fn up(&mut self) -> &mut Daemon {
        self.daemon.as_mut().expect("the daemon is up")
    }

    /// Starts the daemon; false when the ledger does not let it.
    pub(super) fn boot(&mut self) -> Step<bool> {
        let registrations = self.file.registrations();
        let Some(me) = self.write(|book, _| book.begin())? else {
            return Ok(false);
        };
        let (died, open) = self.write(|book, _| book.recover(me))?.unwrap_or_default();
        self.judge.recovered(died)?;
        self.point()?;
        self.write(|book, _| book.retire_others(&registrations))?;
        self.judge.retire_others(&registrations);
        let known = self.write(|book, now| book.register(&registrations, now))?;
        let known = known.unwrap_or_default();
        self.point()?;
        let late = self.dice.below(300) as i64;
        self.clocks.pass(late);
        let lost = open.into_iter().filter(|run| run.scope.is_empty());
        let left: Vec<Left> = lost
            .map(|run| Left {
                job: run.job,
                at: run.slot,
                ran: run.run.is_some(),
            })
            .collect();
        let jobs: Vec<_> = self.file.jobs.iter().cloned().zip(known).collect();
        self.judge.max_running = self.file.max_running;
        self.judge.boot(&jobs, self.clocks);
        let planner = Planner::new(jobs, self.file.max_running);
        self.trace
            .note(|| format!("{} up, left: {left:?}", self.clocks.now()));
        self.daemon = Some(Daemon {
            bent: Bent::new(planner, self.sabotage),
            me,
            watchman: Watchman::new(self.clocks),
            runs: BTreeMap::new(),
            unwritten: Vec::new(),
            notes: VecDeque::new(),
            scribe_at: 0,
            drain_by: None,
            reload: None,
            lag: 0,
            poke_at: None,
        });
        self.inputs(vec![Input::Start { left }])?;
        Ok(true)
    }

    pub(super) fn inputs(&mut self, mut inputs: Vec<Input>) -> Step {
        while !inputs.is_empty() {
            let clocks = self.clocks;
            let mut actions = Vec::new();
            if let Some((slept, stepped)) = self.up().watchman.ask(clocks) {
                self.point()?;
                actions.extend(self.handle(Input::Clock { slept, stepped })?);
            }
            for input in inputs.drain(..) {
                actions.extend(self.handle(input)?);
            }
            self.perform(actions, &mut inputs)?;
        }
        Ok(())
    }

    fn handle(&mut self, input: Input) -> Step<Vec<Action>> {
        let now = self.clocks.now();
        let clocks = self.clocks;
        let Some(daemon) = &mut self.daemon else {
            return Ok(Vec::new());
        };
        self.trace.note(|| match &input {
            Input::Reload { jobs, max_running } => {
                let jobs = jobs.iter().map(|(spec, known)| {
                    format!("\n    {} {} {known:?}", spec.name, spec.timing())
                });
                format!("{now} Reload, {max_running:?}{}", jobs.collect::<String>())
            }
            input => format!("{now} {input:?}"),
        });
        self.judge.before(&input, daemon, clocks);
        let reload = matches!(input, Input::Reload { .. });
        let actions = daemon.bent.handle(now, input);
        for action in &actions {
            self.trace.note(|| format!("    {action:?}"));
        }
        if reload {
            self.judge.reloaded(daemon, &actions)?;
        }
        self.judge
            .after(&self.book.model, daemon.planner(), &actions)?;
        Ok(actions)
    }

    fn perform(&mut self, actions: Vec<Action>, inputs: &mut Vec<Input>) -> Step {
        let mut decisions = std::mem::take(&mut self.up().unwritten);
        let (mut attempts, mut cancels) = (Vec::new(), Vec::new());
        for action in actions {
            match action {
                Action::Start { .. } | Action::Skip { .. } => decisions.push(action),
                Action::Wait { keep, .. } => {
                    if keep {
                        decisions.push(action);
                    }
                }
                Action::Forget(_) => {}
                Action::WillRetry {
                    ticket, attempt, ..
                } => {
                    if let Some(run) = self.up().runs.get(&ticket) {
                        let note = Note::Attempt(run.fence, attempt);
                        self.write_down(note);
                    }
                }
                Action::Attempt { ticket, .. } => attempts.push(ticket),
                Action::Cancel { ticket, reason } => cancels.push((ticket, reason)),
                Action::End {
                    ticket, outcome, ..
                } => {
                    if let Some(run) = self.up().runs.remove(&ticket) {
                        let note = Note::End(run.fence, run.slot, outcome, self.clocks.now());
                        self.write_down(note);
                    }
                }
                Action::Phase { job, anchor } => {
                    self.write(|book, _| book.set_anchor(&job, anchor))?;
                    self.point()?;
                }
            }
        }
        if !decisions.is_empty() {
            attempts.extend(self.decide(decisions, inputs)?);
        }
        for ticket in attempts {
            self.attempt(ticket)?;
        }
        for (ticket, reason) in cancels {
            self.cancel(ticket, reason);
        }
        Ok(())
    }

    fn write_down(&mut self, note: Note) {
        let soon = self.clocks.mono + self.dice.below(20) as i64;
        let daemon = self.up();
        if daemon.notes.is_empty() {
            daemon.scribe_at = soon;
        }
        daemon.notes.push_back(note);
    }

    /// An attempt begins: how long it takes and how it ends is thrown with dice.
    fn attempt(&mut self, ticket: Ticket) -> Step {
        let now = self.clocks.mono;
        let Some(spec) = self.up().planner().spec_of(ticket).cloned() else {
            return Ok(());
        };
        let by_hand = self
            .up()
            .runs
            .get(&ticket)
            .map(|run| run.slot.scope.clone());
        let scheduled = by_hand.as_deref() == Some("");
        let limit = self.up_limit();
        self.judge.begins(ticket, &spec, scheduled, limit)?;
        let mut takes = self.takes();
        let fails = self.dice.below(100);
        let mut failure = match fails {
            _ if self.quiet => None,
            0..15 => Some(failed(Disposition::Retry)),
            15..20 => Some(failed(Disposition::Permanent)),
            _ => None,
        };
        let timeout = i64::try_from(spec.policy.timeout.duration().as_millis()).unwrap();
        if takes > timeout {
            takes = timeout + self.dice.below(200) as i64;
            failure = Some(failed(Disposition::Interrupted(CancelReason::Timeout)));
        }
        if let Some(run) = self.up().runs.get_mut(&ticket) {
            if let Some(reason) = run.cancelled {
                takes = 10;
                failure = Some(failed(Disposition::Interrupted(reason)));
            }
            run.ends_at = Some(now + takes);
            run.failure = failure;
        }
        Ok(())
    }

    fn up_limit(&self) -> Option<u32> {
        self.judge.max_running
    }

    fn takes(&mut self) -> i64 {
        let slow = self.scale.slow as u64;
        let takes = match self.dice.below(20) {
            _ if self.quiet => 200,
            0..14 => 50 + self.dice.below(20_000),
            14..19 => self.dice.below(10 * 60_000),
            _ => self.dice.below(slow),
        };
        takes as i64
    }

    /// Most runs soon do as they are told, a few do not hear it.
    fn cancel(&mut self, ticket: Ticket, reason: CancelReason) {
        let heard = self.dice.below(10) != 0;
        let at = self.clocks.mono + self.dice.below(5_000) as i64;
        if let Some(run) = self.up().runs.get_mut(&ticket)
            && run.cancelled.is_none()
        {
            run.cancelled = Some(reason);
            if heard && let Some(ends_at) = run.ends_at.filter(|ends_at| *ends_at > at) {
                run.ends_at = Some(ends_at.min(at));
                run.failure = Some(failed(Disposition::Interrupted(reason)));
            }
        }
    }

    /// All attempts that are over by now.
    pub(super) fn collect(&mut self) -> Step {
        let now = self.clocks.mono;
        let mut inputs = Vec::new();
        for (ticket, run) in &mut self.up().runs {
            if run.ends_at.is_some_and(|at| at <= now) {
                run.ends_at = None;
                let (ticket, failure) = (*ticket, run.failure.take());
                inputs.push(Input::Finished { ticket, failure });
            }
        }
        for input in &inputs {
            if let Input::Finished { ticket, .. } = input {
                self.judge.rests(*ticket);
            }
        }
        self.inputs(inputs)
    }

    /// The scribe writes what it has.
    pub(super) fn scribe(&mut self) -> Step {
        while let Some(note) = self.up().notes.pop_front() {
            let written = match &note {
                Note::Attempt(fence, attempt) => {
                    let (fence, attempt) = (*fence, *attempt);
                    self.write(|book, _| book.attempt_failed(fence, attempt))?
                        .is_some()
                }
                Note::End(fence, slot, outcome, at) => {
                    let (fence, outcome, at) = (*fence, *outcome, *at);
                    let written = self.write(|book, _| book.finish(fence, outcome, at))?;
                    if let Some(ours) = written {
                        self.judge.end_written(slot, ours)?;
                    }
                    written.is_some()
                }
            };
            if !written {
                let again = self.clocks.mono + SECOND;
                self.up().notes.push_front(note);
                self.up().scribe_at = again;
                return Ok(());
            }
            self.point()?;
        }
        Ok(())
    }

    /// Everything has ended: the last skips and ends are written, and the process is gone.
    pub(super) fn close(&mut self) -> Step {
        for _ in 0..3 {
            let left = std::mem::take(&mut self.up().unwritten);
            if left.is_empty() {
                break;
            }
            self.decide(left, &mut Vec::new())?;
            self.clocks.pass(100);
        }
        while self.up().has_notes() {
            let busy = (self.busy_until - self.clocks.mono).max(0);
            self.clocks.pass(busy);
            self.scribe()?;
        }
        let me = self.up().me;
        self.write(|book, _| book.end(me))?;
        self.trace.note(|| format!("{} down", self.clocks.now()));
        self.judge.closed()?;
        self.daemon = None;
        self.restart_at = self.clocks.mono + self.dice.below(30 * MINUTE as u64) as i64;
        Ok(())
    }
}

fn failed(disposition: Disposition) -> Failure {
    Failure {
        disposition,
        reason: "no".to_owned(),
    }
}
