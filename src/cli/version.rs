//! `version`.

use serde_json::json;

use super::shell::{Result, Shell, exit};

pub(super) fn run(shell: &Shell) -> Result {
    let version = env!("CARGO_PKG_VERSION");
    if shell.json {
        shell.json_line(&json!({"name": "bellkeeper", "version": version}));
    } else {
        shell.line(format!("bellkeeper {version}"));
    }
    Ok(exit::OK)
}
