//! Whose archives jobs read: the jobs that are named must be there and make some.

use std::collections::BTreeMap;

use super::{problem::Problem, source::Place};
use crate::{
    job::{ArchiveFolder, ArchivesOf, Env, JobName, JobSpec},
    suggest::{nearest, one_of},
};

/// A job that reads the archives of another, and where it says so.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    pub(super) read: ArchivesOf,
    pub(super) place: Place,
}

/// The archives that the jobs make.
pub(super) fn of(specs: &[JobSpec], env: &Env) -> BTreeMap<JobName, ArchiveFolder> {
    let made = |spec: &JobSpec| Some((spec.name.clone(), spec.job.archives(&spec.name, env)?));
    specs.iter().filter_map(made).collect()
}

/// A problem for each job that is named for its archives and makes none.
pub(super) fn check(
    specs: &[JobSpec],
    archives: &BTreeMap<JobName, ArchiveFolder>,
    readers: &[Reader],
) -> Vec<Problem> {
    let wrong = readers
        .iter()
        .filter(|reader| !archives.contains_key(&reader.read.job));
    wrong
        .map(|reader| problem(specs, archives, reader))
        .collect()
}

fn problem(
    specs: &[JobSpec],
    archives: &BTreeMap<JobName, ArchiveFolder>,
    reader: &Reader,
) -> Problem {
    let job = reader.read.job.as_str();
    let makers: Vec<&str> = archives.keys().map(JobName::as_str).collect();
    let message = if specs.iter().any(|spec| spec.name.as_str() == job) {
        format!("the job `{job}` makes no archives")
    } else {
        format!("there is no job `{job}`")
    };
    let hint = match nearest(job, makers.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if makers.is_empty() => "add a job of the kind `backup`".to_owned(),
        None => format!("expected one of {}", one_of(&makers)),
    };
    Problem::new(reader.place, message).hint(hint)
}
