//! From the start of the process to ready, the answers of `status` and `list`, memory at rest.
//!
//! `cargo bench --bench startup -- [ROUNDS=10]`.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures with the machine's clock and waits for other programs"
)]

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result};
use support::{
    args,
    daemon::{PROGRAM, call, start, stop},
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
    let [rounds] = args::numbers([10]);
    let root = tempfile::tempdir()?;
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("jobs.yaml");
    fs::copy(shipped, root.path().join("jobs.yaml"))?;
    let (daemon, first) = start(root.path())?;
    stop(root.path(), daemon)?;
    let names = [
        "start to ready",
        "status, daemon up",
        "list, daemon up",
        "stop",
        "list, no daemon",
    ];
    let mut times = names.map(|_| Vec::new());
    let mut resident = Vec::new();
    for _ in 0..rounds {
        let (daemon, ready) = start(root.path())?;
        let status = call(root.path(), "status")?;
        let list = call(root.path(), "list")?;
        // What the start has left to do is done by then.
        std::thread::sleep(Duration::from_millis(300));
        resident.push(memory::megabytes(daemon.id(), "VmRSS").context("the daemon is gone")?);
        let stop = stop(root.path(), daemon)?;
        let alone = call(root.path(), "list")?;
        for (times, time) in times.iter_mut().zip([ready, status, list, stop, alone]) {
            times.push(time);
        }
    }
    println!("first start, making key and sample   {first:>7.1} ms");
    println!("medians of {rounds}                           (slowest)");
    for (name, times) in names.into_iter().zip(&times) {
        let (median, slowest) = (quantile(times, 0.5), quantile(times, 1.0));
        println!("{name:<36} {median:>7.1} ms ({slowest:.1})");
    }
    println!(
        "memory of the daemon at rest         {:>7.1} MB",
        quantile(&resident, 0.5)
    );
    #[expect(clippy::cast_precision_loss, reason = "a size to be shown")]
    let size = fs::metadata(PROGRAM)?.len() as f64 / 1e6;
    println!("the program                          {size:>7.1} MB");
    Ok(())
}
