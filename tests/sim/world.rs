//! From event to event.

use bellkeeper::engine::planner::Input;

use super::{
    Book, Clocks, JobFile, Sabotage, Scale, Sim, Trace,
    daemon::{Daemon, Step},
    law::{Law, Stop, Violation},
    time::{HOUR, MINUTE, SECOND},
};
use crate::world::Dice;

/// When every history begins.
pub(super) const BEGIN: i64 = 1_790_000_000_000;
/// So many inputs without the time going on are too many.
const STUCK: u32 = 20_000;
/// How long nothing happens at the end.
const QUIET: i64 = 4 * HOUR;

impl Sim {
    pub(super) fn new(seed: u64, scale: &'static Scale, book: Book, sabotage: Sabotage) -> Self {
        let mut dice = Dice::new(seed);
        for _ in 0..16 {
            dice.next();
        }
        let file = JobFile::random(&mut dice, scale);
        Self {
            scale,
            clocks: Clocks {
                wall: BEGIN + dice.below(365 * 24 * HOUR as u64) as i64,
                mono: 0,
                suspended: 0,
            },
            dice,
            book,
            file,
            daemon: None,
            judge: super::Judge::default(),
            trace: Trace::default(),
            sabotage,
            crash_in: None,
            busy_until: 0,
            chaos_at: 0,
            restart_at: 0,
            stepped: None,
            quiet: false,
            slept: 0,
            job_time: 0,
        }
    }

    /// Plays the whole history.
    pub(super) fn play(&mut self) -> Result<(), Violation> {
        self.chaos_at = 1 + self.dice.below(self.scale.calm as u64) as i64;
        while self.clocks.mono + self.slept < self.scale.span {
            let chaos_at = self.chaos_at;
            self.until(chaos_at)?;
            self.survive(Self::befall)?;
        }
        self.come_to_rest()
    }

    /// Nothing happens any more: what waits must go on, and nothing may be without a row.
    fn come_to_rest(&mut self) -> Result<(), Violation> {
        self.quiet = true;
        (self.crash_in, self.busy_until) = (None, 0);
        let begin = self.clocks.mono;
        if self
            .daemon
            .as_ref()
            .is_some_and(|daemon| daemon.drain_by.is_some())
        {
            self.until(begin + 2 * HOUR)?;
        }
        self.restart_at = self.restart_at.min(self.clocks.mono);
        if let Some(daemon) = &mut self.daemon {
            for run in daemon.runs.values_mut() {
                let soon = self.clocks.mono + MINUTE;
                run.ends_at = run.ends_at.map(|at| at.min(soon));
            }
        }
        let end = self.clocks.mono + QUIET;
        self.until(end)?;
        self.survive(Self::look)?;
        let Some(daemon) = &self.daemon else {
            let what = "the daemon does not come back".to_owned();
            return Err(Violation {
                law: Law::NothingWaitsForEver,
                what,
            });
        };
        self.judge.at_rest(daemon.planner(), end - QUIET / 2)
    }

    /// Goes on until then, whatever it takes.
    fn until(&mut self, end: i64) -> Result<(), Violation> {
        let mut stuck = 0;
        while self.clocks.mono < end {
            let before = self.clocks.mono;
            self.survive(|sim| sim.go_on(end))?;
            stuck = if self.clocks.mono > before {
                0
            } else {
                stuck + 1
            };
            if stuck > STUCK {
                let what = format!("it turns in circles at {}", self.clocks.now());
                return Err(Violation {
                    law: Law::NothingWaitsForEver,
                    what,
                });
            }
        }
        Ok(())
    }

    /// Does something; when the process dies of it, it is started again after a while.
    fn survive(&mut self, act: impl FnOnce(&mut Self) -> Step) -> Result<(), Violation> {
        match act(self) {
            Ok(()) => Ok(()),
            Err(Stop::Broken(violation)) => Err(violation),
            Err(Stop::Crash) => {
                let now = self.clocks.now();
                self.trace.note(|| format!("{now} crash"));
                self.crash_in = None;
                self.daemon = None;
                self.judge.crashed();
                let span = super::jobs::pick(&mut self.dice, &[SECOND, MINUTE, 5 * HOUR]);
                self.restart_at = self.clocks.mono + self.dice.below(span as u64) as i64;
                Ok(())
            }
        }
    }

    /// The next event before `end`.
    fn go_on(&mut self, end: i64) -> Step {
        let Some(daemon) = &self.daemon else {
            self.pass_to(end.min(self.restart_at));
            if self.clocks.mono >= self.restart_at && !self.boot()? {
                self.restart_at = self.clocks.mono + 30 * SECOND;
            }
            return Ok(());
        };
        let wake = self.wake(daemon);
        let mut at = end.min(wake.unwrap_or(i64::MAX));
        let ends = daemon.runs.values().filter_map(|run| run.ends_at);
        at = ends.min().map_or(at, |ends| at.min(ends));
        if daemon.has_notes() {
            at = at.min(daemon.scribe_at);
        }
        at = at.min(daemon.drain_by.unwrap_or(i64::MAX));
        at = daemon.reload.as_ref().map_or(at, |(due, ..)| at.min(*due));
        self.pass_to(at);
        self.events(wake)
    }

    /// Does what is due.
    fn events(&mut self, wake: Option<i64>) -> Step {
        let mono = self.clocks.mono;
        self.collect()?;
        if self.up().has_notes() && self.up().scribe_at <= mono {
            self.scribe()?;
        }
        self.take_reload()?;
        if wake.is_some_and(|wake| wake <= mono) {
            self.up().poke_at = None;
            self.up().lag = 0;
            self.inputs(vec![Input::Tick])?;
        }
        if self.up().drain_by.is_some_and(|by| by <= mono) {
            self.cancel_all()?;
        }
        if self.up().drain_by.is_some() && self.up().planner().is_idle() {
            self.close()?;
        }
        Ok(())
    }

    /// When the next tick comes, by the monotonic clock.
    fn wake(&self, daemon: &Daemon) -> Option<i64> {
        let wake = daemon.planner().next_wake();
        let wake = wake.map(|wake| {
            // A timer never rings before its time.
            let left = wake.duration_since(self.clocks.now()).as_nanos();
            let left = i64::try_from((left + 999_999).div_euclid(1_000_000)).unwrap();
            self.clocks.mono + left.max(0) + daemon.lag
        });
        match (wake, daemon.poke_at) {
            (Some(wake), Some(poke)) => Some(wake.min(poke)),
            (wake, poke) => wake.or(poke),
        }
    }

    fn pass_to(&mut self, at: i64) {
        let span = (at - self.clocks.mono).max(0);
        self.clocks.pass(span);
        self.job_time += i128::from(span) * self.file.jobs.len() as i128;
    }

    /// Holds the laws that need not be held at every step.
    pub(super) fn look(&mut self) -> Step {
        let Some(daemon) = &self.daemon else {
            return Ok(());
        };
        let busy = self.clocks.mono < self.busy_until || !daemon.unwritten.is_empty();
        if busy || daemon.drain_by.is_some() {
            return Ok(());
        }
        let (planner, clocks) = (daemon.planner(), self.clocks);
        self.judge.never_silent(&self.book.model, planner, clocks)?;
        let free_since = self.busy_until.min(clocks.mono);
        Ok(self.judge.every_goes_on(planner, clocks, free_since)?)
    }

    pub(super) fn job_years(&self) -> f64 {
        self.job_time as f64 / (365.25 * 24.0 * HOUR as f64)
    }
}
