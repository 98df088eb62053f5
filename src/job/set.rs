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

    /// Everything that decides when the job is due, as text; empty when it is never due by itself.
    /// Two equal ones owe the same slots.
    pub fn timing(&self) -> String {
        if !self.policy.enabled || self.schedules.is_empty() {
            return String::new();
        }
        let schedules: Vec<String> = self.schedules.iter().map(ToString::to_string).collect();
        let zone = self.policy.timezone.iana_name().unwrap_or("local");
        let calendar = self.policy.calendar.as_deref().map(Calendar::name);
        let sessions = match (calendar, self.policy.only) {
            (None, _) => String::new(),
            (Some(name), None) => format!(" on {name}"),
            (Some(name), Some(Only::Open)) => format!(" while {name} is open"),
        };
        format!(
            "{} in {zone}{sessions}, {:?}",
            schedules.join(", "),
            self.policy.dst
        )
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
