//! `validate`: everything that is wrong with the job file, or that nothing is.

use serde_json::json;

use super::shell::{Result, Shell, exit};

pub(super) fn run(shell: &Shell) -> Result {
    let loaded = shell.load()?;
    let file = shell.site.settings.jobs_file();
    let jobs = loaded.set.jobs.len();
    if shell.json {
        shell.json_line(&json!({"file": file, "jobs": jobs, "valid": true}));
    } else {
        let word = if jobs == 1 { "job" } else { "jobs" };
        shell.line(format!(
            "{}: {jobs} {word}, nothing is wrong",
            file.display()
        ));
    }
    Ok(exit::OK)
}
