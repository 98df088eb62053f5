//! From what was written to how a job is run: job over `defaults` over built in.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::{
    node::Node,
    problem::Problem,
    raw::{RawDefaults, RawJob, RawRetry},
};
use crate::{
    job::{Policy, Retry},
    schedule::{Calendar, Dst},
    units::Span,
};

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
