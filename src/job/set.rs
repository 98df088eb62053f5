//! The jobs of one job file, ready to run.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{Env, Job, JobName, Policy};
use crate::schedule::{Calendar, Only, Schedule};

/// One job: its name, when it is due, how it is run and what it does.
#[derive(Debug, Clone)]
pub struct JobSpec {
    /// The name.
    pub name: JobName,
    /// The name of its kind.
    pub kind: &'static str,
    /// When it is due; due at an instant when any of them is. Empty: only by hand.
    pub schedules: Vec<Schedule>,
    /// How it is run.
    pub policy: Policy,
    /// What it does.
    pub job: Arc<dyn Job>,
}

impl JobSpec {
    /// The first instant strictly after `after` at which any of its schedules is due.
    pub fn next_after(&self, after: Timestamp, anchor: Timestamp) -> Option<Timestamp> {
        self.next_from(Cursor::at(after), anchor)
    }

    /// The first instant past the cursor at which any of its schedules is due.
    pub fn next_from(&self, cursor: Cursor, anchor: Timestamp) -> Option<Timestamp> {
        let frame = self.policy.frame(anchor);
        self.schedules
            .iter()
            .filter_map(|schedule| {
                let after = match schedule {
                    Schedule::Every(_) => cursor.every,
                    _ => cursor.wall,
                };
                schedule.next_after(after, &frame)
            })
            .min()
    }

    /// How much later than its slot a run starts: below the job's `jitter`, and the same whenever
    /// it is asked.
    pub fn jitter(&self, slot: Timestamp) -> SignedDuration {
        let range = self.policy.jitter.duration().as_millis();
        if range == 0 {
            return SignedDuration::ZERO;
        }
        let seed = [
            self.name.as_str().as_bytes(),
            &slot.as_second().to_le_bytes(),
        ]
        .concat();
        let part = u128::from(fnv1a(&seed)) * range / u128::from(u64::MAX);
        SignedDuration::from_millis(i64::try_from(part).unwrap_or_default())
    }

    /// Everything but the zone that decides when the job is due, as text; empty when it is never due
    /// by itself. A job whose text is another one has missed nothing.
    ///
    /// The zone is left out: a computer that has travelled while it was off still owes what it
    /// missed.
    pub fn timing(&self) -> String {
        if !self.policy.enabled {
            return String::new();
        }
        if self.is_after_others() {
            let needs: Vec<&str> = self.policy.needs.iter().map(JobName::as_str).collect();
            return format!("after {}", needs.join(", "));
        }
        if self.schedules.is_empty() {
            return String::new();
        }
        let schedules: Vec<String> = self.schedules.iter().map(ToString::to_string).collect();
        let calendar = self.policy.calendar.as_deref().map(Calendar::name);
        let sessions = match (calendar, self.policy.only) {
            (None, _) => String::new(),
            (Some(name), None) => format!(" on {name}"),
            (Some(name), Some(Only::Open)) => format!(" while {name} is open"),
        };
        format!("{}{sessions}, {:?}", schedules.join(", "), self.policy.dst)
    }

    /// Whether both owe the same slots.
    pub fn is_due_like(&self, other: &Self) -> bool {
        self.policy.timezone == other.policy.timezone && self.timing() == other.timing()
    }

    /// When it is due, in words: its schedules, `after a, b`, or `only by hand`.
    pub fn due_words(&self) -> String {
        let needs: Vec<&str> = self.policy.needs.iter().map(JobName::as_str).collect();
        match (self.schedules.is_empty(), needs.is_empty()) {
            (true, true) => "only by hand".to_owned(),
            (true, false) => format!("after {}", needs.join(", ")),
            (false, true) => self.words().collect::<Vec<_>>().join("; "),
            (false, false) => {
                let words: Vec<_> = self.words().collect();
                format!("{}, once {} succeeded", words.join("; "), needs.join(", "))
            }
        }
    }

    /// Whether it runs after other jobs instead of at instants.
    pub fn is_after_others(&self) -> bool {
        self.schedules.is_empty() && !self.policy.needs.is_empty()
    }

    /// Each of its schedules in words, e.g. `5m after the open of XNYS`.
    pub fn words(&self) -> impl Iterator<Item = String> {
        let calendar = self.policy.calendar.as_deref().map(Calendar::name);
        let only = self.policy.only;
        let words = move |schedule: &Schedule| schedule.describe_on(calendar, only);
        self.schedules.iter().map(words)
    }

    /// The settings of the job if it is of kind `K`.
    pub fn as_kind<K: Job>(&self) -> Option<&K> {
        let job: &dyn std::any::Any = self.job.as_ref();
        job.downcast_ref::<K>()
    }
}

/// Up to where the slots of a job are decided: everything at or before it.
///
/// The two differ only after the clock was set back: what follows the wall clock waits until its
/// decided slots have passed again, what comes at equal distances goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// For schedules by the wall clock.
    pub wall: Timestamp,
    /// For `every`.
    pub every: Timestamp,
}

impl Cursor {
    /// Both at the same instant.
    pub fn at(instant: Timestamp) -> Self {
        Self {
            wall: instant,
            every: instant,
        }
    }

    /// The slot `at` is decided, too.
    pub fn pass(&mut self, at: Timestamp) {
        self.wall = self.wall.max(at);
        self.every = self.every.max(at);
    }
}

/// The 64-bit hash of Fowler, Noll and Vo: short, and the same on every machine and for ever.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// All jobs of one job file in the file's order, and what they share.
#[derive(Debug, Clone)]
pub struct JobSet {
    /// The jobs.
    pub jobs: Vec<JobSpec>,
    /// What they share.
    pub env: Arc<Env>,
    /// How many runs may be at work at once, those by hand not counted; `None`: no limit.
    pub max_running: Option<u32>,
}

impl JobSet {
    /// The job called `name`.
    pub fn get(&self, name: &str) -> Option<&JobSpec> {
        self.jobs.iter().find(|job| job.name.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::job::testing::Nothing;

    fn spec(schedules: &[&str], policy: Policy) -> JobSpec {
        let schedules = schedules.iter().map(|text| Schedule::parse(text).unwrap());
        JobSpec {
            name: "a".parse().unwrap(),
            kind: "nothing",
            schedules: schedules.collect(),
            policy,
            job: Arc::new(Nothing),
        }
    }

    #[test]
    fn a_computer_that_travels_owes_what_it_owed_but_at_other_instants() {
        let at = |zone: &str| {
            let timezone = TimeZone::get(zone).unwrap();
            spec(
                &["0 2 * * *"],
                Policy {
                    timezone,
                    ..Policy::default()
                },
            )
        };
        let (home, away) = (at("Asia/Tokyo"), at("Europe/Berlin"));
        assert_eq!(home.timing(), away.timing());
        assert!(!home.is_due_like(&away) && home.is_due_like(&home.clone()));
    }

    #[test]
    fn whatever_makes_a_job_due_is_in_its_timing() {
        let needs = |names: &[&str]| Policy {
            needs: names.iter().map(|name| name.parse().unwrap()).collect(),
            ..Policy::default()
        };
        let off = Policy {
            enabled: false,
            ..Policy::default()
        };
        let timings = [
            spec(&["0 2 * * *"], Policy::default()),
            spec(&["0 2 * * *", "every 5m"], Policy::default()),
            spec(&[], needs(&["b"])),
            spec(&[], needs(&["b", "c"])),
            spec(&[], Policy::default()),
        ]
        .map(|spec| spec.timing());
        let different: std::collections::HashSet<_> = timings.iter().collect();
        assert_eq!(different.len(), timings.len(), "{timings:?}");
        assert_eq!(spec(&["0 2 * * *"], off).timing(), "");
    }

    #[test]
    fn it_says_when_it_is_due() {
        let needs = Policy {
            needs: vec!["b".parse().unwrap()],
            ..Policy::default()
        };
        assert_eq!(spec(&[], Policy::default()).due_words(), "only by hand");
        assert_eq!(spec(&[], needs.clone()).due_words(), "after b");
        assert_eq!(
            spec(&["every 5m"], needs).due_words(),
            "every 5m, once b succeeded"
        );
    }
}
