//! Random job files, and random changes to them.

use std::sync::Arc;

use bellkeeper::{
    job::{
        CatchUp, Cx, Env, Job, JobError, JobName, JobSpec, Overlap, Plan, Policy, Problem, Report,
        Retry,
    },
    ledger::Registration,
    schedule::Schedule,
    units::Span,
};
use jiff::tz::TimeZone;

use super::time::{DAY, HOUR, MINUTE};
use crate::world::Dice;

const ZONES: [&str; 6] = [
    "UTC",
    "America/New_York",
    "Europe/London",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Kathmandu",
];

/// What kind of history is played.
#[derive(Debug)]
pub(super) struct Scale {
    /// How long, in milliseconds.
    pub(super) span: i64,
    /// How many jobs at most.
    pub(super) jobs: u64,
    /// How much time lies between two things that happen, on average.
    pub(super) calm: i64,
    /// The longest that a run takes.
    pub(super) slow: i64,
    schedules: &'static [&'static str],
}

/// Hours in which much happens.
pub(super) const DENSE: Scale = Scale {
    span: 30 * HOUR,
    jobs: 6,
    calm: 20 * MINUTE,
    slow: 40 * MINUTE,
    schedules: &[
        "every 40s",
        "every 1m",
        "every 90s",
        "every 5m",
        "every 7m",
        "*/15 * * * *",
        "*/4 * * * *",
        "0 * * * *",
        "17 */2 * * *",
        "*/30 * * * * *",
        "30 1-3 * * *",
        "every 3h",
    ],
};

/// Months of an ordinary computer.
pub(super) const MONTHS: Scale = Scale {
    span: 150 * DAY,
    jobs: 7,
    calm: 15 * HOUR,
    slow: 9 * HOUR,
    schedules: &[
        "0 * * * *",
        "@daily",
        "30 2 * * *",
        "30 1 * * 1-5",
        "every 6h",
        "every 11h",
        "every 1d",
        "15 */4 * * *",
        "0 9 * * 6",
        "0 12 1 * *",
    ],
};

/// Decades of jobs that are seldom due.
pub(super) const YEARS: Scale = Scale {
    span: 25 * 365 * DAY,
    jobs: 12,
    calm: 25 * DAY,
    slow: 30 * HOUR,
    schedules: &[
        "@weekly",
        "@monthly",
        "@yearly",
        "0 3 * * 0",
        "30 2 L * *",
        "0 6 1 */3 *",
        "every 5d",
        "every 30d",
        "15 1 13 * 5",
        "0 0 29 2 *",
    ],
};

#[derive(Debug)]
struct Nothing;

impl Job for Nothing {
    fn check(&self, _: &Env) -> Vec<Problem> {
        Vec::new()
    }
    fn plan(&self, _: &Cx) -> Result<Plan, JobError> {
        Ok(Plan::default())
    }
    fn run(&self, _: &Cx) -> Result<Report, JobError> {
        Ok(Report::default())
    }
}

/// A job file as it is on the disk.
#[derive(Debug, Clone)]
pub(super) struct JobFile {
    pub(super) jobs: Vec<JobSpec>,
    pub(super) max_running: Option<u32>,
    names: u32,
}

impl JobFile {
    pub(super) fn random(dice: &mut Dice, scale: &Scale) -> Self {
        let mut file = Self {
            jobs: Vec::new(),
            max_running: None,
            names: 0,
        };
        for _ in 0..=dice.below(scale.jobs) {
            file.add(dice, scale);
        }
        file.limit(dice);
        file
    }

    /// What the ledger is told of the jobs.
    pub(super) fn registrations(&self) -> Vec<Registration> {
        let needs = |name: &JobName| self.jobs.iter().any(|job| job.policy.needs.contains(name));
        let jobs = self.jobs.iter().map(|spec| Registration {
            job: spec.name.clone(),
            schedule: spec.timing(),
            needed: needs(&spec.name),
        });
        jobs.collect()
    }

    /// Somebody edits the file.
    pub(super) fn change(&mut self, dice: &mut Dice, scale: &Scale) {
        for _ in 0..=dice.below(2) {
            let Some(index) = index(dice, self.jobs.len()) else {
                self.add(dice, scale);
                continue;
            };
            match dice.below(8) {
                0 => self.add(dice, scale),
                1 => self.remove(index),
                2 => self.limit(dice),
                3 => self.jobs[index].policy.enabled ^= true,
                4 if !self.jobs[index].schedules.is_empty() => {
                    self.jobs[index].schedules = schedules(dice, scale);
                }
                5 => self.jobs[index].policy.locks = locks(dice),
                _ => {
                    let old = &self.jobs[index].policy;
                    self.jobs[index].policy = Policy {
                        needs: old.needs.clone(),
                        timezone: old.timezone.clone(),
                        enabled: old.enabled,
                        ..policy(dice, scale)
                    };
                }
            }
        }
    }

    fn limit(&mut self, dice: &mut Dice) {
        self.max_running = (dice.below(3) == 0).then(|| 1 + dice.below(3) as u32);
    }

    fn remove(&mut self, index: usize) {
        let gone = self.jobs.remove(index).name;
        for job in &mut self.jobs {
            job.policy.needs.retain(|need| *need != gone);
        }
    }

    fn add(&mut self, dice: &mut Dice, scale: &Scale) {
        // A name that was used before comes back now and then.
        let mut name = format!("j{:02}", dice.below(u64::from(self.names) + 1));
        if self.jobs.iter().any(|job| job.name.as_str() == name) {
            self.names += 1;
            name = format!("j{:02}", self.names);
        }
        let name: JobName = name.parse().unwrap();
        let mut policy = policy(dice, scale);
        let mut due = schedules(dice, scale);
        if dice.below(3) == 0 {
            // Only those before it in the alphabet: no circle.
            let others = self.jobs.iter().filter(|job| job.name < name);
            policy.needs = others
                .filter(|_| dice.below(3) == 0)
                .map(|job| job.name.clone())
                .collect();
            if dice.below(2) == 0 {
                due.clear();
            }
        }
        self.jobs.push(JobSpec {
            name,
            kind: "nothing",
            schedules: due,
            policy,
            job: Arc::new(Nothing),
        });
    }
}

fn index(dice: &mut Dice, len: usize) -> Option<usize> {
    (len > 0).then(|| dice.below(len as u64) as usize)
}

/// One of a few things.
pub(super) fn pick<T: Copy>(dice: &mut Dice, from: &[T]) -> T {
    from[dice.below(from.len() as u64) as usize]
}

fn schedules(dice: &mut Dice, scale: &Scale) -> Vec<Schedule> {
    let mut texts = vec![pick(dice, scale.schedules)];
    match dice.below(12) {
        0 => texts.push("@start"),
        1 => texts = vec!["@start"],
        2 | 3 => texts.push(pick(dice, scale.schedules)),
        _ => {}
    }
    let parse = |text: &&str| Schedule::parse(text).unwrap();
    texts.iter().map(parse).collect()
}

fn locks(dice: &mut Dice) -> Vec<bellkeeper::job::LockName> {
    let names = ["db", "net", "disk"].into_iter();
    let some = names.filter(|_| dice.below(5) == 0);
    some.map(|name| name.parse().unwrap()).collect()
}

fn policy(dice: &mut Dice, scale: &Scale) -> Policy {
    let overlaps = [
        Overlap::Skip,
        Overlap::Queue,
        Overlap::Replace,
        Overlap::Allow,
    ];
    let catch_ups = [
        CatchUp::Latest,
        CatchUp::Latest,
        CatchUp::All,
        CatchUp::None,
    ];
    let windows = [600, 7_200, 86_400, 40 * 86_400];
    Policy {
        enabled: dice.below(12) != 0,
        timezone: TimeZone::get(pick(dice, &ZONES)).unwrap(),
        timeout: Span::from_secs(pick(dice, &[10, 600, 3_600, 40_000])),
        retry: Retry {
            attempts: 1 + dice.below(4) as u32,
            delay: Span::from_secs(pick(dice, &[1, 10, 90])),
            backoff: 2.0,
            max_delay: Span::from_secs(600),
        },
        overlap: pick(dice, &overlaps),
        catch_up: pick(dice, &catch_ups),
        catch_up_window: Span::from_secs(pick(dice, &windows)),
        jitter: Span::from_secs(pick(dice, &[0, 0, 0, 5, 25, 120])),
        locks: locks(dice),
        priority: dice.below(5) as i32 - 2,
        ..Policy::default()
    }
    .for_scale(scale)
}

/// What only makes sense with much time.
trait ForScale {
    fn for_scale(self, scale: &Scale) -> Self;
}

impl ForScale for Policy {
    fn for_scale(mut self, scale: &Scale) -> Self {
        if scale.span > 300 * DAY {
            self.catch_up_window = Span::from_secs(self.catch_up_window.duration().as_secs() * 30);
        }
        self
    }
}
