//! Compressing a rotated log against `gzip -6` on the same bytes, interleaved.
//!
//! How hard a log is for gzip decides much, so there are two: `assistant`, lines with numbers and
//! request ids, and `own`, the JSON lines of this program. Ours includes starting the program,
//! claiming the run and reading everything back; gzip checks nothing.
//!
//! `cargo bench --bench rotation -- [MEGABYTES=100] [ROUNDS=5]`.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures with the machine's clock and waits for other programs"
)]

use std::{
    fs,
    io::{BufWriter, Read, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use support::{
    args,
    assistant_log::{self, Dice},
    promise::promise,
    report::{millis, quantile},
};

mod support {
    pub(crate) mod args;
    pub(crate) mod assistant_log;
    pub(crate) mod promise;
    pub(crate) mod report;
}

/// Linux counts processor time of ended children in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

const JOBS: &str = "\
jobs:
  rotate-logs:
    rotate_logs: {files: [logs/assistant.log], max_size: 1KB, delay: 0}
";

/// The share of gzip's processor time that is promised: 1.8 times cheaper.
const PROMISED: f64 = 0.556;

fn main() -> Result<()> {
    let [megabytes, rounds] = args::numbers([100, 5]);
    one("assistant", megabytes, rounds, assistant_log::write)?;
    one("own", megabytes, rounds, json)
}

fn one(
    name: &str,
    megabytes: u64,
    rounds: u64,
    fill: fn(&Path, u64, &mut Dice) -> Result<()>,
) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let root = folder.path().join("root");
    fs::create_dir_all(root.join("logs"))?;
    fs::write(root.join("jobs.yaml"), JOBS)?;
    let log = root.join("logs/assistant.log");
    let kept = folder.path().join("kept");
    fill(&kept, megabytes, &mut Dice::new())?;
    println!("\n{name}: {megabytes} MB, {rounds} rounds");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let both = (bellkeeper(&root, &log, &kept)?, gzip(&kept)?);
        // The first of each only brings everything into the page cache.
        if round > 0 {
            ours.push(both.0);
            theirs.push(both.1);
        }
    }
    println!("medians      processors        time        size");
    let [our, their] = [&ours, &theirs].map(|made| Made {
        cpu: median(made, |made| made.cpu),
        wall: median(made, |made| made.wall),
        size: median(made, |made| made.size),
    });
    for (name, made) in [("bellkeeper", &our), ("gzip -6", &their)] {
        println!(
            "{name:<10} {:>10.2} s {:>9.2} s {:>8.1} MB",
            made.cpu / 1e3,
            made.wall / 1e3,
            made.size
        );
    }
    promise(
        "processor time against gzip -6",
        our.cpu / their.cpu,
        PROMISED,
        "x",
    );
    promise("size against gzip -6", our.size / their.size, 1.1, "x");
    Ok(())
}

/// What one program needed, in milliseconds and megabytes.
struct Made {
    cpu: f64,
    wall: f64,
    size: f64,
}

fn median(made: &[Made], of: fn(&Made) -> f64) -> f64 {
    quantile(&made.iter().map(of).collect::<Vec<_>>(), 0.5)
}

/// The log of a program that writes JSON lines as this one does.
fn json(path: &Path, megabytes: u64, dice: &mut Dice) -> Result<()> {
    let mut file = BufWriter::new(fs::File::create(path)?);
    let (mut written, mut milli) = (0, 0);
    while written < megabytes * 1_000_000 {
        milli += dice.below(400);
        let at = assistant_log::instant(milli / 60_000).replace(":00Z", "");
        let line = format!(
            r#"{{"timestamp":"{at}:{:02}.{:03}+08:00","level":"INFO","message":"run ended","job":"{}","run":{},"outcome":"succeeded","took_ms":{},"target":"bellkeeper::engine::scribe"}}"#,
            milli / 1_000 % 60,
            milli % 1_000,
            assistant_log::symbol(dice.below(40)),
            written / 200,
            dice.below(9_000),
        );
        writeln!(file, "{line}")?;
        written += u64::try_from(line.len())? + 1;
    }
    Ok(file.flush()?)
}

fn bellkeeper(root: &Path, log: &Path, kept: &Path) -> Result<Made> {
    fs::copy(kept, log)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_bellkeeper"));
    command
        .args(["--quiet", "run-job", "rotate-logs", "--root"])
        .arg(root);
    let mut made = measure(command)?;
    let packed = packed(root)?;
    made.size = megabytes(&packed)?;
    is_one_member(&packed, kept)?;
    let same = Command::new("sh")
        .args(["-c", "zcat \"$0\" | cmp - \"$1\""])
        .args([&packed, kept])
        .status()?;
    ensure!(same.success(), "zcat gives other bytes");
    fs::remove_file(packed)?;
    Ok(made)
}

/// The only compressed file in the folder of logs.
fn packed(root: &Path) -> Result<PathBuf> {
    let mut found = fs::read_dir(root.join("logs"))?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "gz"));
    let packed = found.next().context("nothing was compressed")?;
    ensure!(found.next().is_none(), "more than one file was compressed");
    Ok(packed)
}

/// A decoder that stops after the first member has read everything.
fn is_one_member(packed: &Path, kept: &Path) -> Result<()> {
    let mut first = flate2::read::GzDecoder::new(fs::File::open(packed)?);
    let mut length = 0;
    let mut chunk = vec![0; 1 << 20];
    loop {
        match first.read(&mut chunk)? {
            0 => break,
            read => length += u64::try_from(read)?,
        }
    }
    ensure!(length == kept.metadata()?.len(), "more than one member");
    Ok(())
}

fn gzip(kept: &Path) -> Result<Made> {
    let to = kept.with_extension("gz");
    let mut command = Command::new("sh");
    command
        .args(["-c", "gzip -6 -c \"$0\" > \"$1\""])
        .args([kept, &to]);
    let mut made = measure(command)?;
    made.size = megabytes(&to)?;
    Ok(made)
}

fn megabytes(path: &Path) -> Result<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a size to be shown")]
    let bytes = fs::metadata(path)?.len() as f64;
    Ok(bytes / 1e6)
}

/// Runs a program to its end.
fn measure(mut command: Command) -> Result<Made> {
    let before = children_cpu()?;
    let start = Instant::now();
    let status = command.stdout(Stdio::null()).status()?;
    let wall = millis(start.elapsed());
    ensure!(status.success(), "the program failed: {status}");
    let cpu = millis(children_cpu()?.saturating_sub(before));
    Ok(Made {
        cpu,
        wall,
        size: 0.0,
    })
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
