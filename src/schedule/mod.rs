//! When a job is due: cron, `every`, `at open`, `@start`. Pure: no clock, `after` is a parameter.
//!
//! | written | due |
//! |---|---|
//! | `0 2 * * *` | cron: minute hour day month weekday, on the wall clock of a zone |
//! | `30 0 2 * * *` | the same with seconds in front |
//! | `@hourly @daily @midnight @weekly @monthly @yearly @annually` | cron's nicknames |
//! | `every 5m` | the anchor plus any whole number of periods, at least `1s` each |
//! | `at open+5m`, `at close-10m` | around each session of the job's calendar |
//! | `@start`, `@reboot` | at each start of the daemon |
//!
//! A field holds numbers, names (`jan`, `mon`), lists, ranges and steps; the day also `L` (last
//! day), `LW` (last day from Monday to Friday) and `15W` (the one nearest to the 15th), the
//! weekday also `5#3` (third Friday) and `5L` (last Friday). When day and weekday are both
//! restricted, either suffices; a field that starts with `*` does not restrict. What happens when
//! the clock changes is told in the `walk` module and can be overridden with [`Dst`].

use std::{fmt, sync::Arc};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::units::Span;

mod bell;
mod calendar;
mod clock_changes;
mod describe;
mod doubts;
mod dst;
mod field;
mod hint;
mod intern;
mod pattern;
mod walk;

#[cfg(test)]
mod tests;

pub use bell::{Bell, Edge};
pub use calendar::{Calendar, Day, Gate, Hours, HoursError, Only, Parts, Session};
pub use calendar::{NAMES as CALENDARS, built_in as built_in_calendar};
pub use doubts::Doubt;
pub use dst::{Dst, Fold, Gap};
pub use intern::Interner;
pub use pattern::Pattern;

/// The longest text that is read as a schedule, in bytes.
const MAX_TEXT: usize = 200;

/// cron's nicknames and what they stand for; the last two are not cron expressions.
const NICKNAMES: [(&str, Option<&str>); 9] = [
    ("@hourly", Some("0 * * * *")),
    ("@daily", Some("0 0 * * *")),
    ("@midnight", Some("0 0 * * *")),
    ("@weekly", Some("0 0 * * 0")),
    ("@monthly", Some("0 0 1 * *")),
    ("@yearly", Some("0 0 1 1 *")),
    ("@annually", Some("0 0 1 1 *")),
    ("@start", None),
    ("@reboot", None),
];

/// What a schedule is read against.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The zone whose wall clock cron follows.
    pub zone: TimeZone,
    /// What happens in the hours that daylight saving skips or repeats.
    pub dst: Dst,
    /// Where the phase of `every` starts, in whole seconds; kept in the ledger over restarts.
    pub anchor: Timestamp,
    /// Of cron and `every` only what falls on its sessions counts; `at open` counts from them.
    pub calendar: Option<Arc<Calendar>>,
    /// Which part of a session counts for cron and `every`; the whole date unless given.
    pub only: Option<Only>,
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

impl ScheduleError {
    fn new(message: impl Into<String>, span: std::ops::Range<usize>) -> Self {
        Self {
            message: message.into(),
            span,
            hint: None,
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = self.hint.or(hint);
        self
    }
}

/// One schedule expression of jobs.yaml. Cheap to clone: a parsed cron pattern is shared.
#[derive(Debug, Clone)]
pub enum Schedule {
    /// By the wall clock.
    Cron(Arc<Pattern>),
    /// At equal distances, whatever the wall clock does; whole seconds.
    Every(Span),
    /// So long before or after the open or close of each session.
    Session(Bell),
    /// At each start of the daemon.
    Start,
}

impl Schedule {
    /// Reads one expression: five or six cron fields, `@daily` …, `every 5m`, `at open+5m`, `@start`.
    ///
    /// # Errors
    /// [`ScheduleError`] with the place inside `text`; also for a pattern that can never fire.
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        if text.len() > MAX_TEXT {
            let message = format!("a schedule has at most {MAX_TEXT} characters");
            return Err(ScheduleError::new(message, 0..text.len()));
        }
        let at = text.len() - text.trim_start().len();
        let text = text.trim();
        if text.is_empty() {
            return Err(ScheduleError::new("the schedule is empty", 0..at)
                .hint("such as `0 2 * * *`, `@daily` or `every 5m`"));
        }
        if text.starts_with('@') {
            return nickname(text, at);
        }
        let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        if first.eq_ignore_ascii_case("every") {
            return every(text, rest.trim(), at);
        }
        if first.eq_ignore_ascii_case("at") {
            let rest = rest.trim();
            return Bell::parse(rest, at + text.len() - rest.len()).map(Self::Session);
        }
        let names = NICKNAMES.map(|(name, _)| name);
        Pattern::parse(text, None, at)
            .map(|pattern| Self::Cron(Arc::new(pattern)))
            .map_err(|error| match rest {
                "" => error.maybe_hint(hint::word(text, &names)),
                _ => error,
            })
    }

    /// The first instant strictly after `after` at which the schedule is due, in whole seconds.
    ///
    /// `None` for [`Schedule::Start`], and when nothing is due until the end of time as the
    /// calendar libraries know it (cron: year 5000) or as the frame's calendar does; a session
    /// schedule without a calendar is never due.
    pub fn next_after(&self, after: Timestamp, frame: &Frame) -> Option<Timestamp> {
        let after = whole_second(after)?;
        match (self, &frame.calendar) {
            (Self::Session(bell), Some(calendar)) => bell.next(after, calendar),
            (Self::Start | Self::Session(_), _) => None,
            (_, None) => self.by_the_clock(after, frame),
            (_, Some(calendar)) => calendar::next(calendar, frame.only, after, |after| {
                self.by_the_clock(after, frame)
            }),
        }
    }

    /// The same without a calendar; `after` is in whole seconds.
    fn by_the_clock(&self, after: Timestamp, frame: &Frame) -> Option<Timestamp> {
        match self {
            Self::Cron(pattern) => walk::next(pattern, after, &frame.zone, frame.dst),
            Self::Every(period) => {
                let anchor = whole_second(frame.anchor)?.as_second();
                let period = i64::try_from(period.duration().as_secs()).ok()?.max(1);
                let phase = after.as_second().checked_sub(anchor)?.rem_euclid(period);
                after
                    .checked_add(SignedDuration::from_secs(period - phase))
                    .ok()
            }
            Self::Session(_) | Self::Start => None,
        }
    }

    /// Whether it is due at each start of the daemon instead of at instants.
    pub fn at_start(&self) -> bool {
        matches!(self, Self::Start)
    }

    /// The schedule in words, e.g. `every day at 02:00`.
    pub fn describe(&self) -> String {
        match self {
            Self::Cron(pattern) => describe::pattern(pattern),
            Self::Every(period) => format!("every {period}"),
            Self::Session(bell) => bell.describe(),
            Self::Start => "at each start of the daemon".to_owned(),
        }
    }

    /// The same with the calendar called `calendar`, e.g. `5m after the open of XNYS`.
    pub fn describe_on(&self, calendar: Option<&str>, only: Option<Only>) -> String {
        let words = self.describe();
        match (self, calendar, only) {
            (_, None, _) | (Self::Start, ..) => words,
            (Self::Session(_), Some(name), _) => format!("{words} of {name}"),
            (_, Some(name), None) => format!("{words}, on sessions of {name}"),
            (_, Some(name), Some(Only::Open)) => format!("{words}, while {name} is open"),
        }
    }
}

/// The text as written; `every` and `@start` in their shortest spelling.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cron(pattern) => f.pad(pattern.text()),
            Self::Every(period) => f.pad(&format!("every {period}")),
            Self::Session(bell) => bell.fmt(f),
            Self::Start => f.pad("@start"),
        }
    }
}

/// Equal when written equally.
impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Cron(a), Self::Cron(b)) => a.text() == b.text(),
            (Self::Every(a), Self::Every(b)) => a == b,
            (Self::Session(a), Self::Session(b)) => a == b,
            (Self::Start, Self::Start) => true,
            _ => false,
        }
    }
}

impl Eq for Schedule {}

fn nickname(text: &str, at: usize) -> Result<Schedule, ScheduleError> {
    let lower = text.to_ascii_lowercase();
    match NICKNAMES.iter().find(|(name, _)| *name == lower) {
        Some((_, None)) => Ok(Schedule::Start),
        Some((_, fields @ Some(_))) => {
            Pattern::parse(text, *fields, at).map(|pattern| Schedule::Cron(Arc::new(pattern)))
        }
        None => {
            let names = NICKNAMES.map(|(name, _)| name);
            let hint = hint::closest(&lower, &names).map_or_else(
                || format!("one of {}", names.join(", ")),
                |name| format!("did you mean `{name}`?"),
            );
            let message = format!("`{text}` is not a schedule");
            Err(ScheduleError::new(message, at..at + text.len()).hint(hint))
        }
    }
}

/// Reads what stands after `every`.
fn every(text: &str, rest: &str, at: usize) -> Result<Schedule, ScheduleError> {
    let start = at + text.len() - rest.len();
    let wrong = |message: String| ScheduleError::new(message, start..start + rest.len());
    let period: Span = rest.parse().map_err(|error: crate::units::UnitError| {
        wrong(error.to_string()).maybe_hint(hint::every(rest))
    })?;
    let length = period.duration();
    if length.as_secs() == 0 {
        return Err(wrong(format!(
            "`every {rest}` is too often: at least `every 1s`"
        )));
    }
    if length.subsec_nanos() != 0 {
        return Err(wrong(format!("`every {rest}` must be in whole seconds")));
    }
    Ok(Schedule::Every(period))
}

/// The last whole second at or before an instant, also before 1970.
fn whole_second(at: Timestamp) -> Option<Timestamp> {
    let second = at.as_nanosecond().div_euclid(1_000_000_000);
    Timestamp::from_second(i64::try_from(second).ok()?).ok()
}
