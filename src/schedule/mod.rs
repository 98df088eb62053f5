//! When a job is due: cron, `every`, `@start`. Pure: no clock, `after` is a parameter.

use jiff::{Timestamp, tz::TimeZone};

mod dst;

pub use dst::{Dst, Fold, Gap};

/// What a schedule is read against.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The zone whose wall clock cron follows.
    pub zone: TimeZone,
    /// What happens in the hours that daylight saving skips or repeats.
    pub dst: Dst,
    /// Where the phase of `every` starts; kept in the ledger over restarts.
    pub anchor: Timestamp,
}

/// A text that is no schedule, with the place inside it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ScheduleError {
    /// What is wrong, as a lowercase sentence without a full stop.
    pub message: String,
    /// The bytes of the text that are wrong.
    pub span: std::ops::Range<usize>,
    /// How to mend it, if that can be said.
    pub hint: Option<String>,
}

/// One schedule expression of jobs.yaml. Cheap to clone: a parsed cron pattern is shared.
#[derive(Debug, Clone)]
pub enum Schedule {
    /// Never: the placeholder of the first commit.
    Never,
}

impl Schedule {
    /// Reads one expression: five or six cron fields, `@daily` …, `every 5m`, `@start`.
    ///
    /// # Errors
    /// [`ScheduleError`] with the place inside `text`; also for a pattern that can never fire.
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        Err(ScheduleError {
            message: format!("`{text}`"),
            span: 0..0,
            hint: None,
        })
    }

    /// The first instant strictly after `after` at which the schedule is due.
    pub fn next_after(&self, _after: Timestamp, _frame: &Frame) -> Option<Timestamp> {
        None
    }

    /// Whether it is due at each start of the daemon instead of at instants.
    pub fn at_start(&self) -> bool {
        false
    }

    /// The schedule in words, e.g. `every day at 02:00`.
    pub fn describe(&self) -> String {
        String::new()
    }
}
