//! A daemon under measurement.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, ensure};

use super::report::millis;

/// The program under measurement.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_bellkeeper");

/// Starts the daemon; returns it with the milliseconds until it said that it is up.
pub(crate) fn start(root: &Path) -> Result<(Child, f64)> {
    let start = Instant::now();
    let mut daemon = Command::new(PROGRAM)
        .args(["--json", "start", "--root"])
        .arg(root)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let output = daemon.stdout.take().context("no output")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    ensure!(line.contains("ready"), "the daemon said `{line}`");
    Ok((daemon, millis(start.elapsed())))
}

/// Stops the daemon; returns the milliseconds that takes.
pub(crate) fn stop(root: &Path, mut daemon: Child) -> Result<f64> {
    let time = call(root, "stop")?;
    daemon.wait()?;
    Ok(time)
}

/// The milliseconds that a command takes.
pub(crate) fn call(root: &Path, verb: &str) -> Result<f64> {
    let start = Instant::now();
    let mut command = Command::new(PROGRAM);
    let output = command.args([verb, "--root"]).arg(root).output()?;
    let time = millis(start.elapsed());
    ensure!(
        output.status.success(),
        "`{verb}` failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(time)
}
