//! `version`.

use serde_json::json;

use super::shell::{Shell, exit};

pub(super) fn run(shell: &Shell) -> u8 {
    let version = env!("CARGO_PKG_VERSION");
    if shell.json {
        shell.json_line(&json!({"name": "bellkeeper", "version": version}));
    } else {
        shell.line(format!("bellkeeper {version}"));
    }
    exit::OK
}
