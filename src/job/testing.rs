//! A job for tests of everything around jobs.

use super::{Cx, Env, Job, JobError, Plan, Problem, Report};

/// Does nothing, and well.
#[derive(Debug)]
pub(crate) struct Nothing;

impl Job for Nothing {
    fn check(&self, _: &Env) -> Vec<Problem> {
        Vec::new()
    }

    fn plan(&self, _: &Cx) -> Result<Plan, JobError> {
        Ok(Plan::default())
    }

    fn run(&self, _: &Cx) -> Result<Report, JobError> {
        Ok(Report::default())
    }
}
