//! A backup against `tar -cz | age` on the same bytes, interleaved, and its memory on a larger set.
//!
//! How hard data is for gzip decides much, so there are two sets: `own`, a store as this program
//! keeps one, and `adopted`, the database of another program, with prices as REAL and much JSON.
//!
//! `cargo bench --bench backup -- [MEGABYTES=220] [ROUNDS=5] [LARGER=5]`; LARGER is by how much
//! the set is larger on which memory is looked at once more, 0 to leave it out.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures with the machine's clock and waits for other programs"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use support::{
    adopted, args, memory,
    promise::promise,
    report::{millis, quantile},
    site,
};

mod support {
    pub(crate) mod adopted;
    pub(crate) mod args;
    pub(crate) mod assistant_log;
    pub(crate) mod memory;
    pub(crate) mod promise;
    pub(crate) mod report;
    pub(crate) mod site;
}

/// Linux counts processor time of ended children in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

/// One archive made by one program.
struct Made {
    cpu: f64,
    wall: f64,
    size: f64,
    peak: f64,
}

/// Makes a root of about as many megabytes.
type Make = fn(&Path, u64) -> Result<()>;

fn main() -> Result<()> {
    let sizes = args::numbers([220, 5, 5]);
    one("own", site::make, sizes)?;
    one("adopted", adopted::make, sizes)
}

fn one(name: &str, make: Make, sizes: [u64; 3]) -> Result<()> {
    let [megabytes, rounds, larger] = sizes;
    let folder = tempfile::tempdir()?;
    let set = Set::make(&folder.path().join("set"), make, megabytes)?;
    println!(
        "\n{name}: {:.0} MB of database, logs and configuration, {rounds} rounds",
        set.megabytes()?
    );
    // One of each first, so that all read from the page cache.
    set.bellkeeper()?;
    set.tar_age()?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(set.bellkeeper()?);
        theirs.push(set.tar_age()?);
    }
    let ratio = compare(&ours, &theirs);
    promise("processor time against tar -cz | age", ratio.cpu, 0.30, "x");
    promise("time against tar -cz | age", ratio.wall, 0.35, "x");
    promise("size against tar -cz | age", ratio.size, 1.05, "x");
    let peak = median(&ours, |made| made.peak);
    promise("memory at its peak", peak, 32.0, "MB");
    if larger > 1 {
        drop(set);
        let path = folder.path().join("larger");
        once(&Set::make(&path, make, megabytes * larger)?, peak)?;
    }
    Ok(())
}

/// A single backup of a larger set, for its memory.
fn once(set: &Set, peak: f64) -> Result<()> {
    let made = set.bellkeeper()?;
    println!(
        "{:.0} MB once: {:.2} s of processors, {:.2} s, {:.1} MB, peak {:.1} MB",
        set.megabytes()?,
        made.cpu / 1e3,
        made.wall / 1e3,
        made.size,
        made.peak
    );
    let (larger, ratio) = (made.peak, made.peak / peak);
    promise("memory at its peak on the larger set", larger, 32.0, "MB");
    promise(
        "memory on the larger set against the smaller",
        ratio,
        1.1,
        "x",
    );
    Ok(())
}

fn median(made: &[Made], of: fn(&Made) -> f64) -> f64 {
    quantile(&made.iter().map(of).collect::<Vec<_>>(), 0.5)
}

fn compare(ours: &[Made], theirs: &[Made]) -> Made {
    let both = |of: fn(&Made) -> f64| (median(ours, of), median(theirs, of));
    let (cpu, wall, size) = (both(|m| m.cpu), both(|m| m.wall), both(|m| m.size));
    println!("medians          processors        time        size");
    for (name, cpu, wall, size) in [
        ("bellkeeper", cpu.0, wall.0, size.0),
        ("tar -cz | age", cpu.1, wall.1, size.1),
    ] {
        println!(
            "{name:<14} {:>10.2} s {:>9.2} s {size:>8.1} MB",
            cpu / 1e3,
            wall / 1e3
        );
    }
    Made {
        cpu: cpu.0 / cpu.1,
        wall: wall.0 / wall.1,
        size: size.0 / size.1,
        peak: 0.0,
    }
}

/// What is archived.
struct Set {
    root: PathBuf,
    recipient: String,
}

impl Drop for Set {
    fn drop(&mut self) {
        // Best effort: it lies in a temporary folder.
        drop(fs::remove_dir_all(&self.root));
    }
}

impl Set {
    fn make(root: &Path, make: Make, megabytes: u64) -> Result<Self> {
        make(root, megabytes)?;
        let now = bellkeeper::clock::Clock::System.now();
        let recipient = bellkeeper::archive::generate(&root.join("config/backup.key"), now)?;
        Ok(Self {
            root: root.to_owned(),
            recipient: recipient.to_string(),
        })
    }

    fn megabytes(&self) -> Result<f64> {
        let mut sum = 0.0;
        for name in ["data/trading_assistant.db", "logs/assistant.log"] {
            sum += megabytes(&self.root.join(name))?;
        }
        Ok(sum)
    }

    fn bellkeeper(&self) -> Result<Made> {
        let out = self.root.join("backups/daily");
        drop(fs::remove_dir_all(&out));
        let mut command = Command::new(env!("CARGO_BIN_EXE_bellkeeper"));
        command
            .args(["--quiet", "run-job", "backup-daily", "--root"])
            .arg(&self.root);
        measure(command, || {
            let archives = fs::read_dir(&out)?
                .filter_map(Result::ok)
                .map(|entry| entry.path());
            let mut archives = archives.filter(|path| path.extension().is_some_and(|e| e == "age"));
            archives.next().context("no archive")
        })
    }

    /// The database is closed and has no WAL, so tar reads the very bytes that the backup reads.
    fn tar_age(&self) -> Result<Made> {
        let out = self.root.join("stock.tar.gz.age");
        let script = "tar -cz -C \"$1\" data/trading_assistant.db config logs jobs.yaml | age -r \"$2\" > \"$3\"";
        let mut command = Command::new("sh");
        command
            .args(["-c", script, "sh"])
            .arg(&self.root)
            .arg(&self.recipient)
            .arg(&out);
        measure(command, || Ok(out.clone()))
    }
}

fn megabytes(path: &Path) -> Result<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a size to be shown")]
    let bytes = fs::metadata(path)?.len() as f64;
    Ok(bytes / 1e6)
}

/// Runs a program to its end; `archive` finds what it made.
fn measure(mut command: Command, archive: impl FnOnce() -> Result<PathBuf>) -> Result<Made> {
    let before = children_cpu()?;
    let start = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn()?;
    let peak = watch(&mut child)?;
    let wall = millis(start.elapsed());
    let cpu = millis(children_cpu()?.saturating_sub(before));
    Ok(Made {
        cpu,
        wall,
        size: megabytes(&archive()?)?,
        peak,
    })
}

/// Waits for the end and looks at the peak of memory on the way: it only ever grows.
fn watch(child: &mut Child) -> Result<f64> {
    let mut peak: f64 = 0.0;
    loop {
        if let Some(status) = child.try_wait()? {
            ensure!(status.success(), "the program failed: {status}");
            return Ok(peak);
        }
        peak = peak.max(memory::megabytes(child.id(), "VmHWM").unwrap_or_default());
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Processor time, user and system, of all children that have ended, with their children.
fn children_cpu() -> Result<Duration> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').context("no fields")?;
    let fields = fields.split_whitespace().skip(13).take(2);
    let ticks: u32 = fields
        .map(|field| field.parse::<u32>().unwrap_or_default())
        .sum();
    Ok(TICK * ticks)
}
