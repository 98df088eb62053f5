//! One target in a process of its own, with little memory and little time.

use std::{
    env, fs,
    io::{Seek, Write},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use rustix::process::{Resource, getrlimit, setrlimit};

use super::mutate::Mutator;
use crate::world::{Dice, Process, long, rounds, until};

/// What is fuzzed, and how its inputs are made.
#[derive(Clone, Copy)]
pub(super) struct Target {
    pub(super) name: &'static str,
    /// Its folder below `corpus`.
    pub(super) corpus: &'static str,
    /// Says whether the input was accepted.
    pub(super) run: fn(&[u8]) -> bool,
    pub(super) words: &'static [&'static [u8]],
    /// The length of what mutations move as a whole.
    pub(super) block: usize,
    /// The long and the short number of mutations.
    pub(super) rounds: [usize; 2],
}

/// How much memory an input of 64 KiB may make the process ask for.
const MEMORY: u64 = 256 << 20;

/// How long one input may take: room for an unoptimised build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

const TARGET: &str = "BELLKEEPER_FUZZ_TARGET";
const FOLDER: &str = "BELLKEEPER_FUZZ_FOLDER";
const SEED: &str = "BELLKEEPER_FUZZ_SEED";
const ROUNDS: &str = "BELLKEEPER_FUZZ_ROUNDS";

/// Runs a target over its corpus and mutations of it; if it fails, says with what.
#[track_caller]
#[expect(clippy::print_stderr, reason = "figures of the long run")]
pub(super) fn fuzz(target: &Target) {
    let [most, few] = target.rounds;
    let number = |name: &str, default: u64| {
        env::var(name).map_or(default, |value| value.parse().expect(name))
    };
    let count = number(ROUNDS, rounds(most, few) as u64);
    let seed = number(SEED, 1);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{}", target.name));
    fs::create_dir_all(&folder).unwrap();
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", "fuzz::child", "--nocapture", "--test-threads=1"])
        .env(TARGET, target.name)
        .env(FOLDER, &folder)
        .env(SEED, seed.to_string())
        .env(ROUNDS, count.to_string());
    let process = Process::spawn(command);
    watch(&process, &folder);
    let out = process.end();
    assert!(
        out.code == 0 && out.stdout.contains("inputs tried"),
        "{} ended with {} at {}\n\
         Mend it, and put that input into tests/fuzz/corpus/{}/.\n\
         {SEED}={seed} {ROUNDS}={count} finds it again.\n{}\n{}",
        target.name,
        out.code,
        input_in(&folder).display(),
        target.corpus,
        out.stdout,
        out.stderr
    );
    if long() {
        let line = out
            .stdout
            .lines()
            .find(|line| line.contains("inputs tried"));
        eprintln!(
            "{} from seed {seed}: {}",
            target.name,
            line.unwrap_or_default()
        );
    }
}

/// The input that is tried at the moment, or was the last.
fn input_in(folder: &Path) -> PathBuf {
    folder.join("input")
}

/// Returns when the process has ended; panics, which kills it, when it makes no headway.
#[track_caller]
fn watch(process: &Process, folder: &Path) {
    let stamp = || {
        fs::metadata(input_in(folder))
            .and_then(|found| found.modified())
            .ok()
    };
    let (mut last, mut since) = (stamp(), Instant::now());
    while !process.has_ended() {
        std::thread::sleep(Duration::from_millis(5));
        let now = stamp();
        if now != last {
            (last, since) = (now, Instant::now());
        }
        let input = input_in(folder);
        assert!(
            since.elapsed() < 3 * PATIENCE,
            "no end in sight for {}",
            input.display()
        );
    }
    until("its end", || process.has_ended().then_some(()));
}

/// In the child: tries everything. Elsewhere: nothing.
#[expect(clippy::print_stdout, reason = "the parent wants to see it")]
pub(super) fn child(targets: &[Target]) {
    let Ok(name) = env::var(TARGET) else { return };
    let number = |name: &str| env::var(name).unwrap().parse::<u64>().unwrap();
    let target = targets.iter().find(|target| target.name == name).unwrap();
    let corpus = corpus(target);
    let mutator = Mutator {
        corpus: &corpus,
        words: target.words,
        block: target.block,
    };
    let mut current = fs::File::create(input_in(env::var(FOLDER).unwrap().as_ref())).unwrap();
    limit_memory();
    let (mut slowest, mut accepted) = (Duration::ZERO, 0);
    let mut attempt = |bytes: &[u8]| {
        // One write, so that the file is whole whenever the process dies.
        current.set_len(0).unwrap();
        current.rewind().unwrap();
        current.write_all(bytes).unwrap();
        let start = Instant::now();
        accepted += u64::from((target.run)(bytes));
        slowest = slowest.max(start.elapsed());
        assert!(slowest < PATIENCE, "it took {slowest:?}");
    };
    attempt(b"");
    for bytes in &corpus {
        attempt(bytes);
    }
    let (seed, count) = (number(SEED), number(ROUNDS));
    for round in 0..count {
        let mut dice = Dice::new(seed.wrapping_mul(1 << 32).wrapping_add(round));
        // Neighbouring seeds begin alike.
        dice.next();
        attempt(&mutator.input(&mut dice));
    }
    let inputs = 1 + corpus.len() as u64 + count;
    // Otherwise it looks at nothing, or refuses nothing.
    assert!(
        0 < accepted && accepted < inputs,
        "{accepted} of {inputs} accepted"
    );
    println!("{inputs} inputs tried, {accepted} accepted, the slowest took {slowest:?}");
}

/// The committed inputs of a target, by name.
fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let name = target.corpus;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fuzz/corpus")
        .join(name);
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "no corpus for {name}");
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// More memory than [`MEMORY`] on top of what is there already ends the process.
fn limit_memory() {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmData:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    let now = kilobytes.map_or(64 << 20, |kilobytes| kilobytes << 10);
    let mut limit = getrlimit(Resource::Data);
    limit.current = Some(now + MEMORY);
    setrlimit(Resource::Data, limit).unwrap();
}
