//! How a job is run, whatever it does.

use std::sync::Arc;

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{
    schedule::{Calendar, Dst, Frame, Only},
    units::Span,
    words::{JobName, LockName},
};

/// What happens when a slot comes while the job's last run is still going on.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Overlap {
    /// The new slot is skipped.
    #[default]
    Skip,
    /// The new slot waits for the end of the run; at most one waits.
    Queue,
    /// The run is cancelled and the new slot starts after it.
    Replace,
    /// Both run.
    Allow,
}

/// What happens to slots that passed while nobody was awake.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum CatchUp {
    /// One run for the newest of them.
    #[default]
    Latest,
    /// One run each, oldest first.
    All,
    /// No run.
    None,
}

/// How often and how soon a failed attempt is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// Attempts in all, the first one included; 1 means no retry.
    pub attempts: u32,
    /// The wait before the second attempt.
    pub delay: Span,
    /// The factor by which the wait grows each time.
    pub backoff: f64,
    /// The longest wait.
    pub max_delay: Span,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 3,
            delay: Span::from_secs(10),
            backoff: 2.0,
            max_delay: Span::from_secs(600),
        }
    }
}

impl Retry {
    /// The wait after attempt number `attempt` (the first is 1) has failed.
    pub fn wait_after(&self, attempt: u32) -> Span {
        let steps = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let factor = self.backoff.max(1.0).powi(steps);
        let wait = self.delay.duration().as_secs_f64() * factor;
        let longest = self.max_delay.duration();
        let wait = std::time::Duration::try_from_secs_f64(wait).unwrap_or(longest);
        Span::from(wait.min(longest))
    }
}

/// The settings that every job has, with defaults applied.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Whether the schedule fires at all; a disabled job can still be run by hand.
    pub enabled: bool,
    /// The zone of the schedule.
    pub timezone: TimeZone,
    /// The sessions that the schedule keeps to.
    pub calendar: Option<Arc<Calendar>>,
    /// Which part of a session counts for cron and `every`; the whole date unless given.
    pub only: Option<Only>,
    /// The schedule's reading of daylight saving.
    pub dst: Dst,
    /// The longest a single attempt may take.
    pub timeout: Span,
    /// Repetition of failed attempts.
    pub retry: Retry,
    /// Slots that come during a run.
    pub overlap: Overlap,
    /// Slots that passed while nobody was awake.
    pub catch_up: CatchUp,
    /// How old a missed slot may be and still be caught up.
    pub catch_up_window: Span,
    /// By at most how much a run starts after its slot; the same for a slot each time.
    pub jitter: Span,
    /// Locks that a run holds while it is at work; whoever shares one waits.
    pub locks: Vec<LockName>,
    /// Jobs that must have succeeded first. Without a schedule the job runs after them; with one a
    /// slot waits for their success in the same period.
    pub needs: Vec<JobName>,
    /// Who goes first when several wait: the higher number.
    pub priority: i32,
    /// How long runs and slots stay in the ledger.
    pub keep_history: Span,
}

impl Policy {
    /// What the schedules of a job are read against; `anchor` is the phase of its `every`.
    pub fn frame(&self, anchor: Timestamp) -> Frame {
        Frame {
            zone: self.timezone.clone(),
            dst: self.dst,
            anchor,
            calendar: self.calendar.clone(),
            only: self.only,
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            enabled: true,
            timezone: TimeZone::UTC,
            calendar: None,
            only: None,
            dst: Dst::default(),
            timeout: Span::from_secs(3_600),
            retry: Retry::default(),
            overlap: Overlap::default(),
            catch_up: CatchUp::default(),
            catch_up_window: Span::from_secs(24 * 3_600),
            jitter: Span::from_secs(0),
            locks: Vec::new(),
            needs: Vec::new(),
            priority: 0,
            // A year, and time to look at the one before.
            keep_history: Span::from_secs(400 * 86_400),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_limit() {
        let retry = Retry {
            max_delay: Span::from_secs(30),
            ..Retry::default()
        };
        let waits: Vec<_> = (1..=4).map(|n| retry.wait_after(n)).collect();
        assert_eq!(waits, [10, 20, 30, 30].map(Span::from_secs));
        assert_eq!(retry.wait_after(u32::MAX), Span::from_secs(30));
    }
}
