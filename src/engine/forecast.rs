//! What would happen: the planner on a made-up clock, before anything does.
//!
//! The same planner that decides for the daemon is told of ticks, ends and sleeps as they would
//! come if every run took as long as it usually does and succeeded.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
};

use jiff::{SignedDuration, Timestamp, civil::Time, tz::TimeZone};

use super::planner::{Action, Input, Planner, Ticket};
use crate::{
    job::{JobName, JobSpec, Slot, Trigger},
    ledger::Known,
};

/// A time of day in which the computer sleeps, every day.
#[derive(Debug, Clone)]
pub struct Asleep {
    /// When it falls asleep.
    pub from: Time,
    /// When it wakes; before `from` when that is on the next day.
    pub until: Time,
    /// In which zone.
    pub zone: TimeZone,
}

/// What is to be foreseen.
#[derive(Debug)]
pub struct Outlook {
    /// The jobs, each with what is known of it.
    pub jobs: Vec<(JobSpec, Known)>,
    /// How many runs may be at work at once.
    pub max_running: Option<u32>,
    /// The begin.
    pub from: Timestamp,
    /// The end.
    pub until: Timestamp,
    /// When the computer sleeps.
    pub asleep: Option<Asleep>,
    /// How long a run of each job usually takes; nothing where that is not known.
    pub took: HashMap<JobName, SignedDuration>,
    /// At most so many lines.
    pub limit: usize,
}

/// What becomes of a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// A run starts.
    Runs {
        /// Why.
        trigger: Trigger,
        /// How many earlier slots it stands for.
        missed: u32,
    },
    /// It is skipped.
    Skipped {
        /// Why.
        reason: String,
    },
    /// It has to wait.
    Waits {
        /// For what, as a verb.
        note: String,
    },
}

/// One thing that would happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreseen {
    /// When.
    pub at: Timestamp,
    /// To which slot.
    pub slot: Slot,
    /// What.
    pub fate: Fate,
    /// How many other runs start at the same instant.
    pub together: usize,
}

/// Everything that would happen.
#[derive(Debug, Default)]
pub struct Forecast {
    /// In order.
    pub lines: Vec<Foreseen>,
    /// Whether there would be more than the limit.
    pub cut: bool,
}

/// Foresees what the planner will do.
pub fn forecast(outlook: Outlook) -> Forecast {
    let mut world = World {
        planner: Planner::new(outlook.jobs, outlook.max_running),
        ends: BinaryHeap::new(),
        took: outlook.took,
        forecast: Forecast::default(),
        limit: outlook.limit,
    };
    let mut now = outlook.from;
    world.tell(now, Input::Start { left: Vec::new() });
    while let Some(next) = world.next().filter(|next| *next <= outlook.until) {
        if world.forecast.cut {
            break;
        }
        // Nothing happens before it happens, whatever the planner would rather have had.
        now = now.max(next);
        if let Some(wake) = outlook.asleep.as_ref().and_then(|asleep| asleep.wake(now)) {
            let slept = now.duration_until(wake);
            world.sleep(slept);
            now = wake;
            let stepped = SignedDuration::ZERO;
            world.tell(now, Input::Clock { slept, stepped });
        }
        world.go(now);
    }
    world.forecast.count_together();
    world.forecast
}

impl Asleep {
    /// When the computer wakes, if it sleeps at `at`.
    fn wake(&self, at: Timestamp) -> Option<Timestamp> {
        let local = self.zone.to_datetime(at);
        let (time, today) = (local.time(), local.date());
        let overnight = self.until <= self.from;
        let asleep = if overnight {
            time >= self.from || time < self.until
        } else {
            self.from <= time && time < self.until
        };
        let date = if overnight && time >= self.from {
            today.tomorrow().ok()?
        } else {
            today
        };
        let wake = self.zone.to_timestamp(date.to_datetime(self.until)).ok()?;
        (asleep && wake > at).then_some(wake)
    }
}

struct World {
    planner: Planner,
    ends: BinaryHeap<Reverse<(Timestamp, Ticket)>>,
    took: HashMap<JobName, SignedDuration>,
    forecast: Forecast,
    limit: usize,
}

impl World {
    /// The next instant at which something happens.
    fn next(&self) -> Option<Timestamp> {
        let end = self.ends.peek().map(|Reverse((at, _))| *at);
        let wake = self.planner.next_wake();
        end.into_iter().chain(wake).min()
    }

    /// What runs goes on after a sleep where it was.
    fn sleep(&mut self, slept: SignedDuration) {
        let ends = std::mem::take(&mut self.ends).into_iter();
        self.ends = ends
            .map(|Reverse((at, ticket))| {
                Reverse((at.checked_add(slept).unwrap_or(Timestamp::MAX), ticket))
            })
            .collect();
    }

    /// Everything that happens up to `now`.
    fn go(&mut self, now: Timestamp) {
        while let Some(Reverse((at, ticket))) = self.ends.peek().copied() {
            if at > now {
                break;
            }
            self.ends.pop();
            let failure = None;
            self.tell(now, Input::Finished { ticket, failure });
        }
        if self.planner.next_wake().is_some_and(|wake| wake <= now) {
            self.tell(now, Input::Tick);
        }
    }

    fn tell(&mut self, now: Timestamp, input: Input) {
        for action in self.planner.handle(now, input) {
            let (slot, fate) = match action {
                Action::Start {
                    ticket,
                    slot,
                    trigger,
                    missed,
                } => {
                    let took = self.took.get(&slot.job).copied().unwrap_or_default();
                    let end = now.checked_add(took).unwrap_or(Timestamp::MAX);
                    self.ends.push(Reverse((end, ticket)));
                    (slot, Fate::Runs { trigger, missed })
                }
                Action::Skip { slot, reason, .. } => (slot, Fate::Skipped { reason }),
                Action::Wait { slot, note, .. } => (slot, Fate::Waits { note }),
                // A run that is replaced stops at once, as one that obeys would.
                Action::Cancel { ticket, .. } => {
                    self.end_now(now, ticket);
                    continue;
                }
                _ => continue,
            };
            if self.forecast.lines.len() >= self.limit {
                self.forecast.cut = true;
                return;
            }
            self.forecast.lines.push(Foreseen {
                at: now,
                slot,
                fate,
                together: 0,
            });
        }
    }

    fn end_now(&mut self, now: Timestamp, ticket: Ticket) {
        self.ends.retain(|Reverse((_, other))| *other != ticket);
        self.ends.push(Reverse((now, ticket)));
    }
}

impl Forecast {
    fn count_together(&mut self) {
        let mut starts: HashMap<Timestamp, usize> = HashMap::new();
        let runs = |line: &&Foreseen| matches!(line.fate, Fate::Runs { .. });
        for line in self.lines.iter().filter(runs) {
            *starts.entry(line.at).or_default() += 1;
        }
        for line in &mut self.lines {
            if matches!(line.fate, Fate::Runs { .. }) {
                line.together = starts.get(&line.at).map_or(0, |count| count - 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        job::{Policy, testing::Nothing},
        schedule::Schedule,
        units::Span,
    };

    fn at(text: &str) -> Timestamp {
        format!("2026-11-{text}:00Z").parse().unwrap()
    }

    fn spec(name: &str, schedule: &str, policy: Policy) -> JobSpec {
        JobSpec {
            name: name.parse().unwrap(),
            kind: "nothing",
            schedules: vec![Schedule::parse(schedule).unwrap()],
            policy,
            job: Arc::new(Nothing),
        }
    }

    fn foresee(jobs: Vec<JobSpec>, asleep: Option<(&str, &str)>, took: &[(&str, i64)]) -> Forecast {
        let from = at("24T12:00");
        let known = Known {
            anchor: from,
            decided_until: from,
            succeeded: None,
            pause: None,
        };
        forecast(Outlook {
            jobs: jobs.into_iter().map(|spec| (spec, known)).collect(),
            max_running: None,
            from,
            until: at("25T12:00"),
            asleep: asleep.map(|(from, until)| Asleep {
                from: from.parse().unwrap(),
                until: until.parse().unwrap(),
                zone: TimeZone::UTC,
            }),
            took: took
                .iter()
                .map(|(job, minutes)| (job.parse().unwrap(), SignedDuration::from_mins(*minutes)))
                .collect(),
            limit: 1_000,
        })
    }

    fn told(forecast: &Forecast) -> Vec<String> {
        let each = forecast.lines.iter().map(|line| {
            let fate = match &line.fate {
                Fate::Runs { trigger, missed } => format!("{trigger} {missed}"),
                Fate::Skipped { reason } => format!("skipped {reason}"),
                Fate::Waits { note } => note.clone(),
            };
            format!(
                "{} {} {fate}",
                line.at.strftime("%d %H:%M:%S"),
                line.slot.job
            )
        });
        each.collect()
    }

    #[test]
    fn a_night_asleep_is_one_caught_up_run_in_the_morning() {
        let jobs = vec![spec("a", "0 2,3 * * *", Policy::default())];
        assert_eq!(
            told(&foresee(jobs.clone(), None, &[])),
            ["25 02:00:00 a schedule 0", "25 03:00:00 a schedule 0"]
        );
        assert_eq!(
            told(&foresee(jobs, Some(("23:00", "07:30")), &[])),
            [
                "25 07:30:45 a skipped missed: merged into the catch-up of 2026-11-25T03:00:00Z",
                "25 07:30:45 a waits to be caught up",
                "25 07:30:47 a catch-up 1",
            ]
        );
    }

    #[test]
    fn runs_that_take_long_meet_their_next_slot_and_locks_are_waited_for() {
        let locked = |priority| Policy {
            locks: vec!["db".parse().unwrap()],
            priority,
            ..Policy::default()
        };
        let jobs = vec![
            spec("a", "0 2 * * *", locked(1)),
            spec("b", "0 2 * * *", locked(0)),
            spec(
                "c",
                "*/30 2 * * *",
                Policy {
                    timeout: Span::from_secs(9),
                    ..Policy::default()
                },
            ),
        ];
        let forecast = foresee(jobs, None, &[("a", 10), ("c", 40)]);
        assert_eq!(
            told(&forecast),
            [
                "25 02:00:00 a schedule 0",
                "25 02:00:00 c schedule 0",
                "25 02:00:00 b waits for the lock `db`: `a` holds it",
                "25 02:10:00 b schedule 0",
                "25 02:30:00 c skipped overlap: the last run is still going on",
            ]
        );
        assert_eq!(forecast.lines[0].together, 1);
    }

    #[test]
    fn a_run_that_is_asleep_goes_on_afterwards() {
        let jobs = vec![spec("a", "50 22 * * *", Policy::default())];
        let forecast = foresee(jobs, Some(("23:00", "23:30")), &[("a", 20)]);
        assert_eq!(forecast.lines.len(), 1);
        assert!(!forecast.cut);
    }

    #[test]
    fn too_much_to_tell_is_cut() {
        let jobs = vec![spec("a", "every 1s", Policy::default())];
        let forecast = foresee(jobs, None, &[]);
        assert!(forecast.cut && forecast.lines.len() == 1_000);
    }

    #[test]
    fn a_sleep_over_midnight_ends_the_next_day() {
        let asleep = Asleep {
            from: "23:00".parse().unwrap(),
            until: "07:30".parse().unwrap(),
            zone: TimeZone::UTC,
        };
        assert_eq!(asleep.wake(at("24T22:59")), None);
        assert_eq!(asleep.wake(at("24T23:00")), Some(at("25T07:30")));
        assert_eq!(asleep.wake(at("25T07:29")), Some(at("25T07:30")));
        assert_eq!(asleep.wake(at("25T07:30")), None);
    }
}
