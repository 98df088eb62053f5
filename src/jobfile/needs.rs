//! What `needs` may name: other jobs of the file, and never in a circle.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{problem::Problem, source::Place};
use crate::{
    job::{JobName, JobSpec},
    suggest,
};

/// One name in the `needs` of a job.
#[derive(Debug)]
pub(super) struct Need {
    pub(super) job: JobName,
    pub(super) needed: JobName,
    pub(super) place: Place,
}

/// What is wrong with the needs of all jobs. `places` has every job that could be read at all.
pub(super) fn check(
    specs: &[JobSpec],
    places: &BTreeMap<JobName, Place>,
    needs: &[Need],
) -> Vec<Problem> {
    let disabled: BTreeSet<&JobName> = specs
        .iter()
        .filter(|spec| !spec.policy.enabled)
        .map(|spec| &spec.name)
        .collect();
    let mut problems: Vec<Problem> = needs
        .iter()
        .filter_map(|need| one(need, places, &disabled))
        .collect();
    problems.extend(cycle(needs));
    problems
}

fn one(
    need: &Need,
    places: &BTreeMap<JobName, Place>,
    disabled: &BTreeSet<&JobName>,
) -> Option<Problem> {
    let needed = &need.needed;
    if !places.contains_key(needed) {
        let names = places.keys().map(JobName::as_str);
        let problem = Problem::new(need.place, format!("`needs`: no job is called `{needed}`"));
        return Some(problem.maybe_hint(suggest::hint(needed.as_str(), names)));
    }
    if disabled.contains(needed) && !disabled.contains(&need.job) {
        let message = format!(
            "`needs`: `{needed}` is disabled, so `{}` would never run",
            need.job
        );
        let hint = format!("enable `{needed}`, or disable `{}` too", need.job);
        return Some(Problem::new(need.place, message).hint(hint));
    }
    None
}

/// The first circle, told at the place of one of its links.
fn cycle(needs: &[Need]) -> Option<Problem> {
    let mut of: HashMap<&JobName, Vec<&Need>> = HashMap::new();
    for need in needs {
        of.entry(&need.job).or_default().push(need);
    }
    let mut done = BTreeSet::new();
    needs.iter().find_map(|need| {
        let mut path = Vec::new();
        walk(&need.job, &of, &mut path, &mut done)
    })
}

/// Depth first with a stack of its own: a chain of needs may be as long as the file.
fn walk<'a>(
    start: &'a JobName,
    of: &HashMap<&'a JobName, Vec<&'a Need>>,
    path: &mut Vec<&'a JobName>,
    done: &mut BTreeSet<&'a JobName>,
) -> Option<Problem> {
    let needs = |job: &JobName| of.get(job).map_or(&[][..], Vec::as_slice).iter();
    let mut open = vec![(start, needs(start))];
    path.push(start);
    while let Some((job, left)) = open.last_mut() {
        let job = *job;
        let Some(need) = left.next() else {
            done.insert(job);
            open.pop();
            path.pop();
            continue;
        };
        if let Some(from) = path.iter().position(|seen| **seen == need.needed) {
            let circle = path.iter().skip(from).copied().chain([&need.needed]);
            let circle: Vec<&str> = circle.map(JobName::as_str).collect();
            let message = format!("`needs` goes in a circle: {}", circle.join(" → "));
            let hint = "take one of these links out: none of them could ever be the first";
            return Some(Problem::new(need.place, message).hint(hint));
        }
        if !done.contains(&need.needed) {
            path.push(&need.needed);
            open.push((&need.needed, needs(&need.needed)));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(job: &str, needed: &str, line: u32) -> Need {
        Need {
            job: job.parse().unwrap(),
            needed: needed.parse().unwrap(),
            place: Place {
                line,
                ..Place::FILE
            },
        }
    }

    fn told(names: &[&str], needs: &[Need]) -> Vec<(u32, String, Option<String>)> {
        let places = names
            .iter()
            .map(|name| (name.parse().unwrap(), Place::FILE))
            .collect();
        check(&[], &places, needs)
            .into_iter()
            .map(|problem| (problem.place.line, problem.message, problem.hint))
            .collect()
    }

    #[test]
    fn a_chain_is_fine_and_so_are_two_ways_to_one_job() {
        let needs = [
            need("b", "a", 1),
            need("c", "a", 2),
            need("d", "b", 3),
            need("d", "c", 4),
        ];
        assert_eq!(told(&["a", "b", "c", "d"], &needs), []);
    }

    #[test]
    fn a_circle_is_told_once_with_its_path() {
        let needs = [
            need("x", "a", 1),
            need("a", "b", 2),
            need("b", "c", 3),
            need("c", "a", 4),
        ];
        let told = told(&["a", "b", "c", "x"], &needs);
        assert_eq!(told.len(), 1);
        assert_eq!(
            (told[0].0, told[0].1.as_str()),
            (4, "`needs` goes in a circle: a → b → c → a")
        );
        let own = [need("a", "a", 7)];
        assert_eq!(
            super::cycle(&own).unwrap().message,
            "`needs` goes in a circle: a → a"
        );
    }

    #[test]
    fn an_unknown_job_is_told_with_the_nearest_name() {
        let told = told(&["backup-daily", "b"], &[need("b", "backup-dayly", 3)]);
        assert_eq!(told[0].1, "`needs`: no job is called `backup-dayly`");
        assert_eq!(told[0].2.as_deref(), Some("did you mean `backup-daily`?"));
    }

    #[test]
    fn a_long_chain_does_not_end_the_stack() {
        let names: Vec<String> = (0..20_000).map(|n| format!("j{n}")).collect();
        let needs: Vec<Need> = names
            .windows(2)
            .map(|two| need(&two[0], &two[1], 1))
            .collect();
        assert!(cycle(&needs).is_none());
    }
}
