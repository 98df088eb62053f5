//! A job that does nothing.

use bellkeeper::job::{Cx, Env, Job, JobError, Plan, Problem, Report};

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
        Ok(Report::new("done"))
    }
}
