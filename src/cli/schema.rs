//! `schema`: the JSON schema of the job file, for editors.

use super::shell::{Shell, exit};
use crate::jobfile;

pub(super) fn run(shell: &Shell) -> u8 {
    shell.line(jobfile::schema().trim_end());
    exit::OK
}
