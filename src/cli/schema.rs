//! `schema`: the JSON schema of the job file, for editors.

use super::shell::{Result, Shell, exit};
use crate::jobfile;

pub(super) fn run(shell: &Shell) -> Result {
    shell.line(jobfile::schema().trim_end());
    Ok(exit::OK)
}
