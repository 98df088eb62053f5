//! A temporary root with a job file, a key and a database, and the program to run in it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use bellkeeper::archive::{self, Identity, Verified};
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

mod database;
mod mount;
mod prices;
mod process;
mod small_disk;
mod tools;

pub(crate) use database::{Writer, create, dump, holds, integrity, query};
pub(crate) use mount::Mount;
pub(crate) use prices::{PriceServer, Reply, alpha_vantage, yahoo};
pub(crate) use process::{Out, Process};
pub(crate) use small_disk::{SmallDisk, on_small_disk};
pub(crate) use tools::{need, skip};

/// One job that backs up database and configuration when it is asked to.
pub(crate) const BY_HAND: &str = "\
timezone: UTC
jobs:
  backup-daily:
    backup: {}
";

/// How long anything may take before a test gives up.
const DEADLINE: Duration = Duration::from_mins(1);

/// Whether the long counts are asked for.
pub(crate) fn long() -> bool {
    std::env::var_os("BELLKEEPER_LONG").is_some_and(|value| value == "1")
}

/// The long count or the short one.
pub(crate) fn rounds(long_count: usize, short_count: usize) -> usize {
    if long() { long_count } else { short_count }
}

/// Looks again and again until there is something to see.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(start.elapsed() < DEADLINE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Numbers that look random and are the same each time (xorshift).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next().to_le_bytes()[3]).collect()
    }
}

/// A root of its own; gone at the end.
pub(crate) struct World {
    dir: TempDir,
}

impl World {
    /// A root with nothing but a job file.
    pub(crate) fn bare(jobs: &str) -> Self {
        Self::bare_in(&std::env::temp_dir(), jobs)
    }

    fn bare_in(folder: &Path, jobs: &str) -> Self {
        let world = Self {
            dir: tempfile::tempdir_in(folder).unwrap(),
        };
        fs::create_dir(world.root()).unwrap();
        world.jobs(jobs);
        world
    }

    /// A root as after the first start: key, some configuration, a small database in WAL mode.
    pub(crate) fn new(jobs: &str) -> Self {
        Self::new_in(&std::env::temp_dir(), jobs)
    }

    /// The same on a disk of its own.
    pub(crate) fn new_in(folder: &Path, jobs: &str) -> Self {
        let world = Self::bare_in(folder, jobs);
        world.write("config/watchlist.yaml", b"symbols: [AAPL, MSFT]\n");
        archive::generate(&world.key(), jiff::Timestamp::UNIX_EPOCH).unwrap();
        fs::create_dir(world.path("data")).unwrap();
        create(&world.database());
        world
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.dir.path().join("root")
    }

    /// A path in the root.
    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root().join(path)
    }

    /// A path outside of the root that goes with it.
    pub(crate) fn outside(&self, path: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(path)
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path("data/trading_assistant.db")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.path("config/backup.key")
    }

    pub(crate) fn identities(&self) -> Vec<Identity> {
        archive::identities(&self.key()).unwrap().unwrap()
    }

    /// Writes the job file.
    pub(crate) fn jobs(&self, text: &str) {
        self.write("jobs.yaml", text.as_bytes());
    }

    /// Writes a file in the root, with the folders above it.
    pub(crate) fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// A file that takes for ever to archive, and no space: a hole.
    pub(crate) fn endless(&self, path: &str) {
        self.write(path, b"");
        let file = fs::File::options()
            .write(true)
            .open(self.path(path))
            .unwrap();
        file.set_len(1 << 40).unwrap();
    }

    /// The program with these arguments, in this root.
    pub(crate) fn command<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bellkeeper"));
        command
            .arg("--root")
            .arg(self.root())
            .args(args)
            .current_dir(self.dir.path());
        for variable in ["BELLKEEPER_ROOT", "NO_COLOR", "COLUMNS"] {
            command.env_remove(variable);
        }
        command
    }

    pub(crate) fn spawn<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Process {
        Process::spawn(self.command(args))
    }

    /// Runs the program to its end.
    #[track_caller]
    pub(crate) fn run<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Out {
        self.spawn(args).end()
    }

    /// Runs the program with `--json` to a good end and returns its lines.
    #[track_caller]
    pub(crate) fn json<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Vec<Value> {
        let args = args.into_iter().chain(["--json"]);
        self.run(args).code(0).lines()
    }

    /// Runs a job to a good end and returns its last event.
    #[track_caller]
    pub(crate) fn run_job(&self, job: &str) -> Value {
        let end = self.json(["run-job", job]).pop().unwrap();
        assert_eq!(end["outcome"], "succeeded", "{end}");
        end
    }

    /// Runs a job and returns the path of the archive that it made.
    #[track_caller]
    pub(crate) fn archive(&self, job: &str) -> PathBuf {
        path_of(&self.run_job(job))
    }

    /// Starts a daemon and waits until it is ready.
    #[track_caller]
    pub(crate) fn start(&self) -> Daemon {
        let process = self.spawn(["start", "--json"]);
        let ready = until("the daemon to be ready", || {
            assert!(!process.has_ended(), "{:?}", process.so_far());
            process.lines().into_iter().next()
        });
        assert_eq!(ready["state"], "ready", "{ready}");
        assert_eq!(ready["pid"], process.pid());
        Daemon { process, ready }
    }

    /// The newest runs of history first.
    #[track_caller]
    pub(crate) fn history(&self) -> Vec<Value> {
        self.json(["history", "-n", "1000"])
    }

    /// The names in a folder of the root, sorted; none if it is not there.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).into_iter().flatten();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// The archives in a folder of the root, oldest first.
    pub(crate) fn archives(&self, folder: &str) -> Vec<PathBuf> {
        let names = self.names(folder).into_iter();
        names
            .filter(|name| name.ends_with(".tar.gz.age"))
            .map(|name| self.path(folder).join(name))
            .collect()
    }

    /// What a dead or failed run left in a folder of the root: everything that is neither an
    /// archive with its sidecar nor RESTORE.txt.
    pub(crate) fn leftovers(&self, folder: &str) -> Vec<String> {
        let names = self.names(folder);
        let known = |name: &String| {
            name == "RESTORE.txt"
                || name.ends_with(".tar.gz.age")
                || name
                    .strip_suffix(".json")
                    .is_some_and(|archive| names.iter().any(|name| name == archive))
        };
        names.iter().filter(|name| !known(name)).cloned().collect()
    }

    /// Reads an archive to its end with the root's key.
    #[track_caller]
    pub(crate) fn verify(&self, archive: &Path) -> Verified {
        let identities = self.identities();
        archive::verify(
            archive,
            Some(&identities),
            &bellkeeper::watch::Watch::default(),
        )
        .unwrap_or_else(|error| panic!("{}: {error:?}", archive.display()))
    }

    /// Extracts an archive with the program into a new folder, whose path is returned.
    #[track_caller]
    pub(crate) fn restore(&self, archive: &Path, name: &str) -> PathBuf {
        let to = self.outside(name);
        let args = ["restore", text(archive), "--to", text(&to)];
        let line = self.json(args).pop().unwrap();
        assert_eq!(line["path"], text(archive));
        to
    }
}

/// A daemon that is up; killed at the end if it still is.
pub(crate) struct Daemon {
    pub(crate) process: Process,
    /// What it said when it was ready.
    pub(crate) ready: Value,
}

impl Daemon {
    /// Ends it by SIGTERM; it must end well.
    #[track_caller]
    pub(crate) fn stop(self) {
        self.process.signal(Signal::TERM);
        self.process.end().code(0);
    }
}

/// The archive that a finished run made.
#[track_caller]
pub(crate) fn path_of(end: &Value) -> PathBuf {
    end["report"]["facts"]["path"].as_str().unwrap().into()
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
