//! `cancel`: asks a run, or everything of a job, to stop.

use serde_json::json;

use super::{
    args,
    shell::{Failure, Result, Shell, block_on, count, exit},
    stop,
};
use crate::{app, engine::Target, words::RunId};

pub(super) fn run(shell: &Shell, args: &args::Cancel) -> Result {
    let target = target(&args.target)?;
    let cancelled = block_on(async { Ok(app::cancel(&shell.site, &target).await?) })?;
    let Some(cancelled) = cancelled else {
        return Err(stop::not_running(shell));
    };
    if cancelled == 0 {
        let message = match &target {
            Target::Run(run) => format!("run {run} is not going on"),
            Target::Job(job) => format!("nothing of `{job}` runs or waits"),
        };
        let hint = "`bellkeeper status` shows what runs and what waits";
        return Err(Failure::new(exit::NOT_FOUND, message).hint(hint));
    }
    if shell.json {
        shell.json_line(&json!({"cancelled": cancelled}));
    } else {
        shell.line(format!("told {} to stop", count(cancelled, "run")));
    }
    Ok(exit::OK)
}

/// A number is a run, anything else the name of a job.
fn target(text: &str) -> std::result::Result<Target, Failure> {
    if let Ok(run) = text.parse() {
        return Ok(Target::Run(RunId(run)));
    }
    text.parse()
        .map(Target::Job)
        .map_err(|error| Failure::new(exit::USAGE, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_a_run_and_a_name_a_job() {
        assert_eq!(target("17").unwrap(), Target::Run(RunId(17)));
        assert_eq!(
            target("a-17").unwrap(),
            Target::Job("a-17".parse().unwrap())
        );
        assert!(target("a b").is_err());
    }
}
