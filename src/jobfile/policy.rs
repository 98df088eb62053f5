//! From what was written to how a job is run: job over `defaults` over built in.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::{
    node::{Node, Skip, Value},
    problem::Problem,
    raw::{RawDefaults, RawJob, RawRetry},
};
use crate::{
    job::{Policy, Retry},
    schedule::{Calendar, Dst},
    units::Span,
};

/// Less of it could not even tell what happened yesterday.
const SHORTEST_HISTORY: Span = Span::from_secs(86_400);

/// The policy of a job whose zone, calendar and kind are known.
pub(super) fn resolve(
    job: &RawJob,
    defaults: &RawDefaults,
    timezone: TimeZone,
    calendar: Option<Arc<Calendar>>,
    kind_window: Span,
) -> Policy {
    let built_in = Policy::default();
    Policy {
        enabled: job.enabled.unwrap_or(built_in.enabled),
        timezone,
        calendar,
        only: job.only,
        dst: dst(job.dst, defaults.dst),
        timeout: job.timeout.or(defaults.timeout).unwrap_or(built_in.timeout),
        retry: retry(job.retry, defaults.retry),
        overlap: job.overlap.or(defaults.overlap).unwrap_or(built_in.overlap),
        catch_up: job
            .catch_up
            .or(defaults.catch_up)
            .unwrap_or(built_in.catch_up),
        catch_up_window: job
            .catch_up_window
            .or(defaults.catch_up_window)
            .unwrap_or(kind_window),
        jitter: job.jitter.unwrap_or(built_in.jitter),
        priority: job.priority.unwrap_or(built_in.priority),
        keep_history: job
            .keep_history
            .or(defaults.keep_history)
            .unwrap_or(built_in.keep_history),
        // Names have places: the caller reads them.
        locks: built_in.locks,
        needs: built_in.needs,
    }
}

fn dst(job: Option<Dst>, defaults: Option<Dst>) -> Dst {
    let (job, defaults) = (job.unwrap_or_default(), defaults.unwrap_or_default());
    Dst {
        gap: job.gap.or(defaults.gap),
        fold: job.fold.or(defaults.fold),
    }
}

fn retry(job: Option<RawRetry>, defaults: Option<RawRetry>) -> Retry {
    let (job, defaults) = (job.unwrap_or_default(), defaults.unwrap_or_default());
    let built_in = Retry::default();
    Retry {
        attempts: job
            .attempts
            .or(defaults.attempts)
            .unwrap_or(built_in.attempts),
        delay: job.delay.or(defaults.delay).unwrap_or(built_in.delay),
        backoff: job.backoff.or(defaults.backoff).unwrap_or(built_in.backoff),
        max_delay: job
            .max_delay
            .or(defaults.max_delay)
            .unwrap_or(built_in.max_delay),
    }
}

/// What is out of range in the block `node`, which is a job or `defaults`.
pub(super) fn check(
    node: &Node,
    timeout: Option<Span>,
    retry: Option<RawRetry>,
    keep_history: Option<Span>,
    problems: &mut Vec<Problem>,
) {
    let mut refuse = |path: &[&str], message: &str| {
        let inner = path.iter().try_fold(node, |node, key| node.get(key));
        let place = inner.unwrap_or(node).place;
        problems.push(Problem::new(place, message));
    };
    if timeout.is_some_and(|timeout| timeout < Span::from_secs(1)) {
        refuse(&["timeout"], "`timeout` must be at least `1s`");
    }
    if keep_history.is_some_and(|keep| keep < SHORTEST_HISTORY) {
        refuse(&["keep_history"], "`keep_history` must be at least `1d`");
    }
    let retry = retry.unwrap_or_default();
    if retry
        .attempts
        .is_some_and(|attempts| !(1..=100).contains(&attempts))
    {
        refuse(
            &["retry", "attempts"],
            "`attempts` must be from 1 (no retry) to 100",
        );
    }
    if retry
        .backoff
        .is_some_and(|backoff| !backoff.is_finite() || backoff < 1.0)
    {
        refuse(&["retry", "backoff"], "`backoff` must be 1 or more");
    }
}

/// A catch-up window that is longer than the history kept, at whichever of the two is written;
/// `blocks` are the job and `defaults`.
///
/// Without the row of a slot nobody could tell a missed one from one that was decided long ago.
pub(super) fn check_window(
    blocks: [Option<&Node>; 2],
    skip: &Skip,
    policy: &Policy,
) -> Option<Problem> {
    let (window, keep) = (policy.catch_up_window, policy.keep_history);
    // One that is too short is told already.
    if window <= keep || keep < SHORTEST_HISTORY {
        return None;
    }
    let written = |key: &str| {
        let mut nodes = blocks.iter().flatten().filter_map(|node| node.get(key));
        nodes.find(|node| node.value != Value::Null && !skip.contains(&node.id))
    };
    let (at_window, at_keep) = (written("catch_up_window"), written("keep_history"));
    let whose = match at_window {
        Some(_) => "",
        None => "the kind's ",
    };
    let message = format!(
        "{whose}`catch_up_window` ({}) is longer than `keep_history` ({})",
        shown(at_window, window),
        shown(at_keep, keep),
    );
    let hint = if [at_window, at_keep]
        .iter()
        .flatten()
        .any(|node| node.variable().is_some())
    {
        "a slot can be caught up only while its history is kept: make `keep_history` longer or \
         `catch_up_window` shorter"
            .to_owned()
    } else {
        format!(
            "a slot can be caught up only while its history is kept: set `keep_history` to \
             `{window}` or more, or `catch_up_window` to `{keep}` or less"
        )
    };
    let place = at_window.or(at_keep)?.place;
    let problem = Problem::new(place, message).hint(hint);
    Some(match at_keep.filter(|keep| keep.place != place) {
        Some(keep) => problem.also(keep.place, "so long history is kept"),
        None => problem,
    })
}

/// A span as it may be told: of one from a variable only the variable's name.
fn shown(node: Option<&Node>, span: Span) -> String {
    match node.and_then(Node::variable) {
        Some(variable) => format!("`${{{variable}}}`"),
        None => span.to_string(),
    }
}

/// A `priority` out of range in the job `node`.
pub(super) fn check_priority(node: &Node, priority: Option<i32>, problems: &mut Vec<Problem>) {
    if priority.is_some_and(|priority| !(-100..=100).contains(&priority)) {
        let place = node.get("priority").unwrap_or(node).place;
        problems.push(Problem::new(place, "`priority` must be from -100 to 100"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Overlap;

    #[test]
    fn retry_is_merged_field_by_field() {
        let job = RawRetry {
            attempts: Some(5),
            ..RawRetry::default()
        };
        let defaults = RawRetry {
            attempts: Some(2),
            delay: Some(Span::from_secs(1)),
            ..RawRetry::default()
        };
        let merged = retry(Some(job), Some(defaults));
        assert_eq!((merged.attempts, merged.delay), (5, Span::from_secs(1)));
        assert_eq!(merged.max_delay, Retry::default().max_delay);
    }

    #[test]
    fn a_job_goes_over_defaults_over_the_kind() {
        let defaults = RawDefaults {
            overlap: Some(Overlap::Queue),
            timeout: Some(Span::from_secs(5)),
            ..RawDefaults::default()
        };
        let job = RawJob {
            timeout: Some(Span::from_secs(9)),
            ..RawJob::default()
        };
        let policy = resolve(
            &job,
            &defaults,
            TimeZone::UTC,
            None,
            Span::from_secs(36 * 3_600),
        );
        assert_eq!(policy.timeout, Span::from_secs(9));
        assert_eq!(policy.overlap, Overlap::Queue);
        assert_eq!(policy.catch_up_window, Span::from_secs(36 * 3_600));
        assert!(policy.enabled);
    }
}
