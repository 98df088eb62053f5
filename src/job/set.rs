//! The jobs of one job file, ready to run.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Env, Job, JobName, Policy};
use crate::schedule::{Calendar, Schedule};

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
        let frame = self.policy.frame(anchor);
        self.schedules
            .iter()
            .filter_map(|schedule| schedule.next_after(after, &frame))
            .min()
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

/// All jobs of one job file in the file's order, and what they share.
#[derive(Debug, Clone)]
pub struct JobSet {
    /// The jobs.
    pub jobs: Vec<JobSpec>,
    /// What they share.
    pub env: Arc<Env>,
}

impl JobSet {
    /// The job called `name`.
    pub fn get(&self, name: &str) -> Option<&JobSpec> {
        self.jobs.iter().find(|job| job.name.as_str() == name)
    }
}
