//! Stock tools that some tests need.

use std::process::{Command, Stdio};

/// Whether all of `tools` are here; says which are not, and that is a failure where nothing may be
/// left out: in the long run of continuous integration.
#[track_caller]
pub(crate) fn need(tools: &[&str]) -> bool {
    let missing: Vec<_> = tools.iter().filter(|tool| !is_here(tool)).collect();
    if missing.is_empty() {
        return true;
    }
    skip(&format!("not installed: {missing:?}"));
    false
}

/// Says why a test is not run; fails where nothing may be left out.
#[track_caller]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub(crate) fn skip(why: &str) {
    let strict = super::long() && std::env::var_os("CI").is_some_and(|value| value == "true");
    assert!(!strict, "nothing may be skipped here: {why}");
    eprintln!("skipped at {}: {why}", std::panic::Location::caller());
}

fn is_here(tool: &str) -> bool {
    Command::new("sh")
        .args(["-c", "command -v \"$0\"", tool])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
