//! The slots to come of many jobs, in order.

use std::{cmp::Reverse, collections::BinaryHeap};

use jiff::Timestamp;

use super::{Error, Site};
use crate::{
    job::{JobName, JobSpec},
    ledger::Ledger,
};

/// Slots to come, earliest first.
#[derive(Debug, Clone, Default)]
pub struct Upcoming {
    /// Instant and job.
    pub slots: Vec<(Timestamp, JobName)>,
    /// Whether there are more of them within the time asked for.
    pub more: bool,
}

/// The next `count` slots of the enabled ones among `jobs`, as the daemon would fire them, up to
/// and including `until`.
///
/// # Errors
/// [`Error::Ledger`].
pub fn upcoming<'a>(
    site: &Site,
    ledger: Option<&Ledger>,
    jobs: impl IntoIterator<Item = &'a JobSpec>,
    until: Option<Timestamp>,
    count: usize,
) -> Result<Upcoming, Error> {
    let now = site.clock.now();
    let mut phases = Vec::new();
    for spec in jobs.into_iter().filter(|spec| spec.policy.enabled) {
        let known = ledger.map(|ledger| ledger.anchor(&spec.name)).transpose()?;
        phases.push((spec, known.flatten().unwrap_or(now)));
    }
    Ok(merge(&phases, now, until.unwrap_or(Timestamp::MAX), count))
}

/// One slot of each job waits in the heap, so that a job that is due every second costs no more
/// than what is shown of it.
fn merge(
    jobs: &[(&JobSpec, Timestamp)],
    now: Timestamp,
    until: Timestamp,
    count: usize,
) -> Upcoming {
    let next = |index: usize, after: Timestamp| {
        let (spec, anchor) = jobs.get(index)?;
        let at = spec.next_after(after, *anchor).filter(|at| *at <= until)?;
        Some(Reverse((at, &spec.name, index)))
    };
    let mut heap: BinaryHeap<_> = (0..jobs.len()).filter_map(|job| next(job, now)).collect();
    let mut found = Upcoming::default();
    while let Some(Reverse((at, name, index))) = heap.pop() {
        if found.slots.len() >= count {
            found.more = true;
            break;
        }
        found.slots.push((at, name.clone()));
        heap.extend(next(index, at));
    }
    found
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{job::Policy, kinds::Backup, schedule::Schedule};

    fn spec(name: &str, schedule: &str) -> JobSpec {
        JobSpec {
            name: name.parse().unwrap(),
            kind: "backup",
            schedules: vec![Schedule::parse(schedule).unwrap()],
            policy: Policy::default(),
            job: Arc::new(Backup::default()),
        }
    }

    fn told(count: usize, until: &str) -> (Vec<String>, bool) {
        let jobs = [
            spec("b", "every 20m"),
            spec("a", "@hourly"),
            spec("c", "@start"),
        ];
        let now = "2026-11-24T00:00:00Z".parse().unwrap();
        let phases: Vec<_> = jobs.iter().map(|spec| (spec, now)).collect();
        let found = merge(&phases, now, until.parse().unwrap(), count);
        let line = |(at, job): &(Timestamp, JobName)| format!("{job} {at}");
        (found.slots.iter().map(line).collect(), found.more)
    }

    #[test]
    fn slots_of_all_jobs_come_in_order_and_by_name_within_an_instant() {
        let (slots, more) = told(9, "2026-11-24T01:00:00Z");
        let expected = [
            "b 2026-11-24T00:20:00Z",
            "b 2026-11-24T00:40:00Z",
            "a 2026-11-24T01:00:00Z",
            "b 2026-11-24T01:00:00Z",
        ];
        assert_eq!(slots, expected, "the end belongs to it");
        assert!(!more);
    }

    #[test]
    fn it_is_said_when_there_are_more() {
        assert!(!told(4, "2026-11-24T01:00:00Z").1);
        let (slots, more) = told(3, "2026-11-24T01:00:00Z");
        assert_eq!((slots.len(), more), (3, true));
        assert!(told(0, "2026-11-24T01:00:00Z").1);
    }
}
