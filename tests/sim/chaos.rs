//! What befalls a computer and its daemon.

use bellkeeper::{
    engine::planner::Input,
    job::{CancelReason, Pause, Slot, Trigger},
};
use jiff::{SignedDuration, Timestamp};

use super::{
    Sim,
    daemon::Step,
    jobs::pick,
    time::{DAY, HOUR, MINUTE, SECOND},
};

impl Sim {
    /// Something happens, and the next thing is thought of.
    pub(super) fn befall(&mut self) -> Step {
        let soon = self.dice.below(3) == 0;
        let calm = if soon {
            2 * MINUTE
        } else {
            2 * self.scale.calm
        };
        self.chaos_at = self.clocks.mono + self.dice.below(calm as u64) as i64;
        self.look()?;
        match self.dice.below(100) {
            0..14 => self.sleep(),
            14..30 => self.set_clock(),
            30..36 => self.crash_in = Some(self.dice.below(12) as u32),
            36..40 => return Err(super::law::Stop::Crash),
            40..54 => return self.edit(),
            54..62 => return self.pause(),
            62..72 => return self.by_hand(),
            72..80 => return self.cancel_some(),
            80..90 => {
                let span = self.dice.below(2 * MINUTE as u64) as i64;
                self.busy_until = self.clocks.mono + span;
                self.trace
                    .note(|| format!("the ledger is busy for {span} ms"));
            }
            90..96 => return self.stop(),
            _ => {
                let lag = self.dice.below(30 * SECOND as u64) as i64;
                if let Some(daemon) = &mut self.daemon {
                    daemon.lag = lag;
                }
            }
        }
        Ok(())
    }

    fn poke(&mut self) {
        let at = self.clocks.mono + self.dice.below(SECOND as u64) as i64;
        if let Some(daemon) = &mut self.daemon {
            daemon.poke_at = Some(at);
        }
    }

    fn long(&mut self) -> i64 {
        let longest = pick(
            &mut self.dice,
            &[20 * SECOND, 10 * MINUTE, 9 * HOUR, 30 * DAY],
        );
        let longest = longest.min(self.scale.span / 4);
        3 * SECOND + self.dice.below(longest as u64) as i64
    }

    fn sleep(&mut self) {
        let span = self.long();
        self.clocks.suspend(span);
        self.slept += span;
        self.trace
            .note(|| format!("sleeps for {} s", span / SECOND));
        self.poke();
    }

    fn set_clock(&mut self) {
        let mut by = self.long();
        if self.dice.below(2) == 0 {
            by = -by;
        }
        // Now and then a wrong time is put right again.
        if let Some(last) = self.stepped.take().filter(|_| self.dice.below(2) == 0) {
            by = -last;
        } else {
            self.stepped = Some(by);
        }
        if by < 0 {
            self.judge.set_back(self.clocks.now());
        }
        self.clocks.step(by);
        self.trace
            .note(|| format!("the clock is set by {} s", by / SECOND));
        self.poke();
    }

    /// The job file is changed and read again.
    fn edit(&mut self) -> Step {
        let mut file = self.file.clone();
        file.change(&mut self.dice, self.scale);
        if self.daemon.is_none() {
            self.file = file;
            return Ok(());
        }
        if self.clocks.mono < self.busy_until {
            return Ok(());
        }
        let now = self.clocks.now();
        let registrations = file.registrations();
        self.book.at(now).retire_others(&registrations);
        self.judge.retire_others(&registrations);
        let known = self.book.register(&registrations, now);
        let late = self.dice.below(2) * self.dice.below(200);
        let at = self.clocks.mono + late as i64;
        let jobs = file.jobs.iter().cloned().zip(known).collect();
        let max_running = file.max_running;
        self.file = file;
        self.up().reload = Some((at, jobs, max_running));
        self.take_reload()
    }

    /// Takes a job file over whose time has come.
    pub(super) fn take_reload(&mut self) -> Step {
        let mono = self.clocks.mono;
        let ready = |(at, ..): &mut (i64, _, _)| *at <= mono;
        let Some((_, jobs, max_running)) = self.up().reload.take_if(ready) else {
            return Ok(());
        };
        self.look()?;
        self.inputs(vec![Input::Reload { jobs, max_running }])
    }

    fn pause(&mut self) -> Step {
        let names: Vec<_> = self.file.jobs.iter().map(|job| job.name.clone()).collect();
        if names.is_empty() || self.daemon.is_none() || self.clocks.mono < self.busy_until {
            return Ok(());
        }
        let job = names[self.dice.below(names.len() as u64) as usize].clone();
        if self.up().planner().find(&job).is_none() {
            return Ok(());
        }
        let since = Timestamp::from_second(self.clocks.now().as_second()).unwrap();
        let span = SignedDuration::from_millis(self.long() / SECOND * SECOND);
        let pause = match self.dice.below(4) {
            0 => Some(Pause { since, until: None }),
            1 => Some(Pause {
                since,
                until: since.checked_add(span).ok(),
            }),
            _ => None,
        };
        self.book.pause(&job, pause);
        self.inputs(vec![Input::Pause { job, pause }])
    }

    fn by_hand(&mut self) -> Step {
        let Some(daemon) = &mut self.daemon else {
            return Ok(());
        };
        let ticket = daemon.bent.planner.ticket();
        let at = Timestamp::from_second(self.clocks.now().as_second()).unwrap();
        let failed = self.book.model.failed();
        let again = failed.first().filter(|_| self.dice.below(2) == 0);
        let (slot, trigger) = if let Some((slot, run)) = again {
            let mut slot = slot.clone();
            slot.scope = format!("retry:{run}");
            (slot, Trigger::Retry)
        } else {
            let jobs = &self.file.jobs;
            if jobs.is_empty() {
                return Ok(());
            }
            let job = &jobs[self.dice.below(jobs.len() as u64) as usize];
            let slot = Slot {
                job: job.name.clone(),
                at,
                scope: "manual".to_owned(),
            };
            (slot, Trigger::Manual)
        };
        if self.up().planner().find(&slot.job).is_none() {
            return Ok(());
        }
        let input = Input::RunNow {
            ticket,
            slot,
            trigger,
        };
        self.inputs(vec![input])
    }

    fn cancel_some(&mut self) -> Step {
        let Some(daemon) = &self.daemon else {
            return Ok(());
        };
        let planner = daemon.planner();
        let jobs = self.file.jobs.iter();
        let all: Vec<_> = jobs.flat_map(|job| planner.tickets_of(&job.name)).collect();
        if all.is_empty() {
            return Ok(());
        }
        let ticket = all[self.dice.below(all.len() as u64) as usize];
        let reason = CancelReason::Operator;
        self.inputs(vec![Input::Cancel { ticket, reason }])
    }

    /// The daemon is told to stop.
    fn stop(&mut self) -> Step {
        if self.daemon.is_none() {
            return Ok(());
        }
        let grace = self.dice.below(60 * SECOND as u64) as i64;
        let by = self.clocks.mono + grace;
        let daemon = self.up();
        daemon.drain_by = Some(daemon.drain_by.map_or(by, |old| old.min(by)));
        self.inputs(vec![Input::Shutdown])
    }

    /// The time to stop is over: everything is told to.
    pub(super) fn cancel_all(&mut self) -> Step {
        self.up().drain_by = Some(i64::MAX);
        let live = self.up().planner().live().into_iter();
        let reason = CancelReason::Shutdown;
        let inputs = live.map(|ticket| Input::Cancel { ticket, reason });
        self.inputs(inputs.collect())
    }
}
