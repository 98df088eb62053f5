//! `validate`: everything that is wrong with the job file, or that nothing is.

use serde_json::json;

use super::shell::{Result, Shell, count, exit};

pub(super) fn run(shell: &Shell) -> Result {
    let loaded = shell.load()?;
    let file = shell.within(shell.site.settings.jobs_file());
    let jobs = loaded.set.jobs.len();
    if shell.json {
        shell.json_line(&json!({"file": file, "jobs": jobs, "valid": true}));
    } else {
        shell.line(format!("{file}: {}, nothing is wrong", count(jobs, "job")));
    }
    Ok(exit::OK)
}
