//! How long a running daemon takes to take another job file, and what it costs in memory.
//!
//! `cargo bench --bench reload -- [JOBS=10000] [ROUNDS=10]`.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures with the machine's clock and writes its own files"
)]

use std::{fmt::Write, fs, path::Path, process::Child};

use anyhow::{Context, Result};
use support::{
    args,
    daemon::{call, start, stop},
    memory,
    report::quantile,
};

mod support {
    pub(crate) mod args;
    pub(crate) mod daemon;
    pub(crate) mod memory;
    pub(crate) mod report;
}

fn main() -> Result<()> {
    let [jobs, rounds] = args::numbers([10_000, 10]);
    let root = tempfile::tempdir()?;
    write(root.path(), jobs, |_| 0)?;
    let (daemon, _) = start(root.path())?;
    let measured = measure(root.path(), &daemon, jobs, rounds);
    stop(root.path(), daemon)?;
    measured
}

fn measure(root: &Path, daemon: &Child, jobs: u64, rounds: u64) -> Result<()> {
    let resident = || memory::megabytes(daemon.id(), "VmRSS").context("the daemon is gone");
    let before = resident()?;
    let (mut one, mut all, mut checks) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=rounds {
        write(root, jobs, |job| if job == 7 { round } else { 0 })?;
        one.push(call(root, "reload")?);
        write(root, jobs, |_| round)?;
        all.push(call(root, "reload")?);
        checks.push(call(root, "validate")?);
        write(root, jobs, |_| 0)?;
        call(root, "reload")?;
    }
    println!("{jobs} jobs, medians of {rounds}                     (slowest)");
    for (name, times) in [
        ("`reload` after one job has changed", &one),
        ("`reload` after all jobs have changed", &all),
        ("`validate` of the same file", &checks),
    ] {
        let (median, slowest) = (quantile(times, 0.5), quantile(times, 1.0));
        println!("{name:<40} {median:>8.1} ms ({slowest:.1})");
    }
    let count = rounds * 3;
    println!(
        "memory at rest {before:.1} MB, after {count} reloads {:.1} MB",
        resident()?
    );
    Ok(())
}

/// Writes a job file whose jobs are due at a minute of their own, moved by `shift`.
fn write(root: &Path, jobs: u64, shift: impl Fn(u64) -> u64) -> Result<()> {
    let mut text = String::from("timezone: UTC\njobs:\n");
    for job in 0..jobs {
        let minute = job + shift(job);
        let (minute, hour) = (minute % 60, minute / 60 % 24);
        writeln!(
            text,
            "  j{job}: {{schedule: \"{minute} {hour} 1 1 *\", backup: {{}}}}"
        )?;
    }
    let next = root.join("jobs.yaml.next");
    fs::write(&next, text)?;
    fs::rename(next, root.join("jobs.yaml"))?;
    Ok(())
}
