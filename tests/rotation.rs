//! Rotation seen from outside: kill -9 at any moment, and a daemon that rotates its own log.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use bellkeeper::{
    archive::Encryption,
    clock::Clock,
    gzip,
    job::{Cx, Env, Job, RunId, RunInfo, Trigger, Watch},
    kinds::RotateLogs,
    logs::{self, Form, Limits, LogFile},
    settings::{Raw, Settings},
    units::Bytes,
};
use jiff::tz::TimeZone;

use crate::world::{Dice, World, long, rounds, until};

const ROOT: &str = "BELLKEEPER_TEST_ROOT";
/// Threads that write the own log; the last one writes another program's.
const THREADS: u64 = 3;
const FOREIGN: u64 = THREADS - 1;
const JOB: &str = r#"{"max_size": "3KB", "delay": 0}"#;

fn cx(root: &Path) -> Cx {
    let raw = Raw {
        root: Some(root.to_owned()),
        jobs_file: None,
    };
    let settings = Settings::resolve(&raw, root);
    let env = Env {
        database: settings.path("none.db"),
        settings,
        encryption: Encryption::default(),
        clock: Clock::System,
        host: "host".into(),
        sources: bellkeeper::market::Sources::default(),
        archives: BTreeMap::default(),
        rules: bellkeeper::job::Rules::default(),
    };
    let run = RunInfo {
        id: RunId(1),
        job: "rotate-logs".parse().unwrap(),
        slot: Clock::System.now(),
        attempt: 1,
        trigger: Trigger::Schedule,
        missed: 0,
    };
    Cx {
        run,
        env: Arc::new(env),
        zone: TimeZone::UTC,
        approved: false,
        watch: Watch::default(),
    }
}

fn own(root: &Path) -> PathBuf {
    root.join("logs/bellkeeper.log")
}

fn foreign(root: &Path) -> PathBuf {
    root.join("logs/foreign.log")
}

fn open(root: &Path) -> LogFile {
    let file = LogFile::open(&own(root), Clock::System).unwrap();
    file.limit(Limits {
        max_size: Bytes(3_000),
        archive_dir: None,
    });
    file
}

/// Writes numbered lines for ever and notes the number of each that is in the file.
fn write(root: &Path, log: &LogFile, thread: u64) {
    let acks = File::create(root.join(format!("acks-{thread}"))).unwrap();
    for number in 1u64.. {
        let line = format!("{thread} {number} {:>40}\n", "ends");
        if thread == FOREIGN {
            // As a program does that opens its log for each line.
            let mut file = File::options()
                .append(true)
                .create(true)
                .open(foreign(root))
                .unwrap();
            file.write_all(line.as_bytes()).unwrap();
        } else {
            log.write_line(line.as_bytes()).unwrap();
        }
        acks.write_all_at(&number.to_le_bytes(), 0).unwrap();
    }
}

#[test]
#[ignore = "the child process of the test below"]
fn writers() {
    let root = PathBuf::from(std::env::var_os(ROOT).unwrap());
    let log = open(&root);
    let job: RotateLogs = serde_json::from_str(JOB).unwrap();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (root, log) = (&root, &log);
            scope.spawn(move || write(root, log, thread));
        }
        loop {
            job.run(&cx(&root)).unwrap();
        }
    });
}

fn spawn(root: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "rotation::writers", "--ignored"])
        .env(ROOT, root)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn lines(path: &Path) -> Vec<String> {
    let file = BufReader::new(File::open(path).unwrap());
    let reader: Box<dyn BufRead> = if path.extension().is_some_and(|end| end == "gz") {
        Box::new(BufReader::new(gzip::Reader::new(file)))
    } else {
        Box::new(file)
    };
    // A file that has its final name is whole, or this panics.
    reader.lines().map(Result::unwrap).collect()
}

/// All lines of a log, oldest first.
fn all(log: &Path) -> Vec<String> {
    let rotated = logs::rotated(log, None).unwrap();
    let files = rotated
        .iter()
        .map(|file| file.path.clone())
        .chain([log.to_owned()]);
    let there = files.filter(|path| path.exists());
    there.flat_map(|path| lines(&path)).collect()
}

/// How many lines of each thread there are, each once and in order.
///
/// A kill may cut the very line that is being written, which nobody has acknowledged then: in the own
/// log it is marked, in the other it is the last.
fn seen(root: &Path) -> [u64; 3] {
    let mut last = [0; 3];
    for log in [own(root), foreign(root)] {
        let lines = all(&log);
        for (at, line) in lines.iter().enumerate() {
            let next = lines.get(at + 1);
            let words: Vec<&str> = line.split_whitespace().collect();
            let [thread, number, "ends"] = words[..] else {
                let notice = line.contains("cut by a crash");
                let cut = next.is_none_or(|next| next.contains("cut by a crash"));
                assert!(notice || cut, "{}: {line}", log.display());
                continue;
            };
            let thread: usize = thread.parse().unwrap();
            assert_eq!(
                number.parse(),
                Ok(last[thread] + 1),
                "{}: {line}",
                log.display()
            );
            last[thread] += 1;
        }
    }
    last
}

fn acknowledged(root: &Path, thread: u64) -> u64 {
    let bytes = fs::read(root.join(format!("acks-{thread}"))).unwrap_or_default();
    bytes.try_into().map_or(0, u64::from_le_bytes)
}

#[test]
#[expect(clippy::print_stderr, reason = "figures of the long run")]
fn a_kill_at_any_moment_loses_splits_and_repeats_no_line() {
    let mut dice = Dice::new(u64::from(std::process::id()));
    let (kills, mut total, mut files, mut repaired) = (rounds(220, 8), 0, 0, 0);
    for round in 0..kills {
        // In memory, where there is such a filesystem: a busy disk would take most of the time.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        let folder = folder.unwrap();
        let root = folder.path();
        fs::create_dir(root.join("logs")).unwrap();
        let mut child = spawn(root);
        until("the first lines", || {
            (acknowledged(root, 0) > 0).then_some(())
        });
        thread::sleep(Duration::from_millis(dice.below(200)));
        child.kill().unwrap();
        child.wait().unwrap();
        // What has a final name is whole before anybody has cleaned up.
        for log in [own(root), foreign(root)] {
            for file in logs::rotated(&log, None).unwrap() {
                files += 1;
                if file.name.form() == Form::Gzip {
                    lines(&file.path);
                }
            }
        }
        let job: RotateLogs = serde_json::from_str(JOB).unwrap();
        let log = open(root);
        repaired += job.recover(&cx(root).env).unwrap().len();
        let after = seen(root);
        for thread in 0..THREADS {
            let (acknowledged, there) = (
                acknowledged(root, thread),
                after[usize::try_from(thread).unwrap()],
            );
            // The last line may be there without its writer having heard of it.
            assert!(
                there == acknowledged || there == acknowledged + 1,
                "round {round}: thread {thread} wrote {acknowledged} lines, {there} are there"
            );
            total += acknowledged;
        }
        // And the next run goes on as if nothing had been.
        job.run(&cx(root)).unwrap();
        assert_eq!(seen(root), after, "round {round}");
        drop(log);
        let left = fs::read_dir(root.join("logs")).unwrap().find(|entry| {
            let name = entry.as_ref().unwrap().file_name().into_string().unwrap();
            name.contains(".tmp") || name.contains(".new-")
        });
        assert!(left.is_none(), "round {round}: {left:?}");
    }
    if long() {
        eprintln!(
            "{kills} kills: {total} lines and {files} rotated files, all once and whole; \
             {repaired} files settled"
        );
    }
}

const DAEMON: &str = "\
timezone: UTC
jobs:
  rotate-logs:
    retry: {attempts: 1}
    rotate_logs: {max_size: MAX, delay: 0}
";

fn jobs(max_size: &str) -> String {
    DAEMON.replace("MAX", max_size)
}

#[test]
fn a_daemon_rotates_its_own_log_by_itself_and_by_its_job() {
    let world = World::new(&jobs("1MB"));
    world.write("logs/a-20261120T030000Z.log", b"whole\n");
    world.write("logs/a-20261120T030000Z.log.gz.tmp", b"half");
    let daemon = world.start();
    // What a crash has left is settled, and told.
    let log = || fs::read_to_string(own(&world.root())).unwrap_or_default();
    assert!(log().contains("settled what a crash had left"), "{}", log());
    assert!(!world.path("logs/a-20261120T030000Z.log.gz.tmp").exists());
    let rotated = || {
        let files = logs::rotated(&own(&world.root()), None).unwrap();
        files
            .iter()
            .map(|file| file.name.form())
            .collect::<Vec<_>>()
    };
    assert_eq!(rotated(), []);
    // A reload makes the limit smaller; the lines it logs are enough.
    world.jobs(&jobs("300B"));
    world.run(["reload"]).code(0);
    until("a rotation by size", || {
        (!rotated().is_empty()).then_some(())
    });
    let end = world.run_job("rotate-logs");
    let facts = &end["report"]["facts"];
    assert!(facts["compressed"].as_u64().unwrap() >= 2, "{end}");
    assert!(rotated().iter().filter(|form| **form == Form::Gzip).count() >= 2);
    daemon.stop();
    // Every line of all files is one JSON object, and the last says goodbye.
    let files = logs::rotated(&own(&world.root()), None).unwrap();
    let mut all: Vec<String> = files.iter().flat_map(|file| lines(&file.path)).collect();
    all.extend(log().lines().map(str::to_owned));
    let lines: Vec<serde_json::Value> = all
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        lines.first().unwrap()["message"],
        "settled what a crash had left"
    );
    assert_eq!(lines.last().unwrap()["message"], "stopped");
    let times: Vec<&str> = lines
        .iter()
        .map(|line| line["timestamp"].as_str().unwrap())
        .collect();
    assert!(times.is_sorted(), "{times:?}");
}

#[test]
fn without_a_daemon_it_is_rotated_too_and_a_dry_run_touches_nothing() {
    let world = World::new(&jobs("100B"));
    world.write("logs/app.log", &[b'x'; 200]);
    let before = world.names("logs");
    let shown = world.run(["run-job", "rotate-logs", "--dry-run"]).code(0);
    for told in ["rotate", "compress", "logs/app.log", "`max_size`"] {
        assert!(shown.stdout.contains(told), "{told} in {}", shown.stdout);
    }
    assert_eq!(world.names("logs"), before);
    for _ in 0..2 {
        world.run_job("rotate-logs");
    }
    let names = world.names("logs");
    let of = |start: &str, end: &str| {
        names
            .iter()
            .filter(|name| name.starts_with(start) && name.ends_with(end))
            .count()
    };
    assert_eq!(of("app-", "Z.log.gz"), 1, "{names:?}");
    assert!(of("bellkeeper-", ".log.gz") >= 1, "{names:?}");
}
