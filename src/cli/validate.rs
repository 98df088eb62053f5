//! `validate`: everything that is wrong with the job file, or that nothing is.

use serde_json::json;

use super::shell::{Result, Shell, count, exit};
use crate::app;

pub(super) fn run(shell: &Shell) -> Result {
    let loaded = shell.load()?;
    let file = shell.within(shell.site.settings.jobs_file());
    // Nothing runs by them, but whoever asks wants to know.
    if let Some(wrong) = loaded.warnings.others().first().cloned() {
        return Err(app::Error::Problems(Box::new(wrong)).into());
    }
    let jobs = loaded.set.jobs.len();
    let doubtful = loaded.warnings.list().len();
    if shell.json {
        shell.json_line(&json!({
            "file": file,
            "jobs": jobs,
            "valid": true,
            "warnings": doubtful,
        }));
        for warning in loaded.warnings.json() {
            shell.json_line(&warning);
        }
        return Ok(exit::OK);
    }
    let jobs = count(jobs, "job");
    if doubtful == 0 {
        shell.line(format!("{file}: {jobs}, nothing is wrong"));
    } else {
        shell.warn(&loaded.warnings);
        let warnings = count(doubtful, "warning");
        shell.line(format!("{file}: {jobs}, nothing is wrong; {warnings}"));
    }
    Ok(exit::OK)
}
