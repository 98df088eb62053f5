//! kill -9 of a daemon at any moment: no slot is claimed twice or forgotten.
//!
//! The daemon is this test binary itself, started as a child: its jobs append (job, slot) to a file,
//! which no kind of the product does.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use bellkeeper::{
    archive::Encryption,
    clock::Clock,
    engine::{Config, Engine},
    job::{
        CatchUp, Cx, Env, Job, JobError, JobSet, JobSpec, Overlap, Plan, Policy, Problem, Report,
    },
    ledger::{Ledger, Registration},
    schedule::Schedule,
    settings::{Raw, Settings},
    units::Span,
};
use jiff::Timestamp;
use rusqlite::Connection;

use crate::world::{Dice, query, rounds, until};

const JOBS: usize = 50;
const ROOT: &str = "BELLKEEPER_TEST_ROOT";
const STOP: &str = "stop";
const LINES: &str = "lines";

/// Appends its key, now and then after an error or a while.
#[derive(Debug)]
struct Append;

impl Job for Append {
    fn check(&self, _: &Env) -> Vec<Problem> {
        Vec::new()
    }

    fn plan(&self, _: &Cx) -> Result<Plan, JobError> {
        Ok(Plan::default())
    }

    fn run(&self, cx: &Cx) -> Result<Report, JobError> {
        let second = cx.run.slot.as_second();
        if second % 11 == 0 && cx.run.attempt == 1 {
            return Err(JobError::retry("not at the first attempt"));
        }
        if second % 7 == 0 {
            thread::sleep(Duration::from_millis(150));
        }
        let path = cx.env.settings.path(LINES);
        let mut file = File::options()
            .append(true)
            .create(true)
            .open(path)
            .unwrap();
        // One write of less than a page: it is there whole or not at all.
        file.write_all(format!("{} {second}\n", cx.run.job).as_bytes())
            .unwrap();
        Ok(Report::new("appended"))
    }
}

/// Fifty jobs of all sorts, all of them often due.
fn jobs() -> Vec<JobSpec> {
    let schedules = [
        "every 1s",
        "every 2s",
        "*/2 * * * * *",
        "every 3s",
        "* * * * * *",
    ];
    let overlaps = [
        Overlap::Skip,
        Overlap::Queue,
        Overlap::Replace,
        Overlap::Allow,
    ];
    // Few want all: they are caught up one after the other.
    let catch_up = |n: usize| match n % 9 {
        0 => CatchUp::All,
        1..=4 => CatchUp::None,
        _ => CatchUp::Latest,
    };
    (0..JOBS)
        .map(|n| {
            let locks = if n % 10 == 0 {
                vec!["shared".parse().unwrap()]
            } else {
                Vec::new()
            };
            JobSpec {
                name: format!("j{n}").parse().unwrap(),
                kind: "append",
                schedules: vec![Schedule::parse(schedules[n % 5]).unwrap()],
                policy: Policy {
                    overlap: overlaps[n % 4],
                    catch_up: catch_up(n),
                    jitter: Span::from_millis(if n % 6 == 0 { 400 } else { 0 }),
                    retry: bellkeeper::job::Retry {
                        delay: Span::from_millis(50),
                        ..bellkeeper::job::Retry::default()
                    },
                    locks,
                    priority: i32::try_from(n % 3).unwrap(),
                    ..Policy::default()
                },
                job: Arc::new(Append),
            }
        })
        .collect()
}

fn settings(root: &Path) -> Settings {
    let raw = Raw {
        root: Some(root.to_owned()),
        jobs_file: None,
    };
    Settings::resolve(&raw, root)
}

/// Lives as a daemon does until it finds the file `stop`.
async fn live(root: &Path) {
    let settings = settings(root);
    let clock = Clock::System;
    let ledger = Arc::new(Ledger::open(&settings.ledger(), clock.clone()).unwrap());
    let instance = ledger.begin("daemon", "host", "1").unwrap();
    let recovered = ledger.recover(instance).unwrap();
    let jobs = jobs();
    let registration = |spec: &JobSpec| Registration {
        job: spec.name.clone(),
        schedule: spec.timing(),
        needed: false,
    };
    let registrations: Vec<_> = jobs.iter().map(registration).collect();
    let known = ledger.register(&registrations).unwrap();
    let env = Arc::new(Env {
        database: settings.path("none.db"),
        settings,
        encryption: Encryption::default(),
        clock,
        host: "host".into(),
        sources: bellkeeper::market::Sources::default(),
        archives: std::collections::BTreeMap::new(),
        rules: bellkeeper::job::Rules::default(),
    });
    let set = JobSet {
        jobs,
        env,
        max_running: Some(30),
    };
    let config = Config {
        set,
        ledger,
        instance,
        known,
        lost: recovered.waiting,
        timer: true,
    };
    let engine = Engine::start(config).await.unwrap();
    while !root.join(STOP).exists() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    engine.drain(Duration::from_secs(20)).await.unwrap();
    engine.stopped().await;
}

#[test]
#[ignore = "the child process of the test below"]
fn daemon() {
    let root = PathBuf::from(std::env::var_os(ROOT).unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(live(&root));
}

fn spawn(root: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::daemon", "--ignored"])
        .env(ROOT, root)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// What the ledger has of one slot.
#[derive(Debug, Default)]
struct Fate {
    state: String,
    outcomes: Vec<String>,
    without_reason: usize,
}

type Fates = BTreeMap<(String, i64), Fate>;

fn fates(ledger: &Path) -> Fates {
    let connection = Connection::open(ledger).unwrap();
    let mut fates = Fates::new();
    let mut slots = connection
        .prepare("SELECT job, at, state FROM slots WHERE scope = ''")
        .unwrap();
    let mut rows = slots.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let fate = Fate {
            state: row.get(2).unwrap(),
            ..Fate::default()
        };
        let twice = fates.insert((row.get(0).unwrap(), row.get(1).unwrap()), fate);
        assert!(twice.is_none(), "{row:?}");
    }
    let mut runs = connection
        .prepare("SELECT job, slot, outcome, reason FROM runs WHERE scope = '' ORDER BY id")
        .unwrap();
    let mut rows = runs.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let key: (String, i64) = (row.get(0).unwrap(), row.get(1).unwrap());
        let outcome: Option<String> = row.get(2).unwrap();
        let outcome = outcome.unwrap_or_else(|| panic!("{key:?} is still running"));
        let fate = fates
            .get_mut(&key)
            .unwrap_or_else(|| panic!("{key:?} was never claimed"));
        let reason: Option<String> = row.get(3).unwrap();
        fate.without_reason += usize::from(outcome != "succeeded" && reason.is_none());
        fate.outcomes.push(outcome);
    }
    fates
}

/// How often each key was written.
fn lines(root: &Path) -> BTreeMap<(String, i64), usize> {
    let text = fs::read_to_string(root.join(LINES)).unwrap();
    let mut lines = BTreeMap::new();
    for line in text.lines() {
        let (job, slot) = line.split_once(' ').unwrap();
        *lines
            .entry((job.to_owned(), slot.parse().unwrap()))
            .or_default() += 1;
    }
    lines
}

fn check(root: &Path, until: i64) -> (usize, usize) {
    let path = settings(root).ledger();
    let fates = fates(&path);
    for (key, fate) in &fates {
        assert_eq!(fate.without_reason, 0, "{key:?}: {fate:?}");
        let ends = fate
            .outcomes
            .iter()
            .filter(|outcome| *outcome != "lost")
            .count();
        match fate.state.as_str() {
            // It waits for the next daemon: kept, not forgotten.
            "waiting" => assert!(ends == 0 && key.1 > until - 12, "{key:?}: {fate:?}"),
            // A slot that was lost as often as it may be tried is given up.
            "ended" => assert!(ends == 1 || fate.outcomes.len() == 3, "{key:?}: {fate:?}"),
            "skipped" => assert!(ends == 1, "{key:?}: {fate:?}"),
            other => panic!("{key:?} is {other}"),
        }
    }
    for (key, written) in lines(root) {
        let runs = fates.get(&key).map_or(0, |fate| {
            fate.outcomes
                .iter()
                .filter(|outcome| *outcome != "skipped")
                .count()
        });
        // At least once for the claim that ended well, at most once for each claim.
        assert!(
            written <= runs,
            "{key:?} was written {written} times by {runs} runs"
        );
    }
    let lines = lines(root);
    let ledger = Ledger::open(&path, Clock::System).unwrap();
    let mut due = 0;
    for spec in jobs() {
        let Some(tenure) = ledger.tenure(&spec.name).unwrap() else {
            panic!("{} was never seen", spec.name)
        };
        let mut next = spec.next_after(tenure.since, tenure.anchor);
        while let Some(at) = next.filter(|at| at.as_second() < until) {
            let key = (spec.name.to_string(), at.as_second());
            let fate = fates
                .get(&key)
                .unwrap_or_else(|| panic!("{key:?} is forgotten"));
            if fate
                .outcomes
                .last()
                .is_some_and(|outcome| outcome == "succeeded")
            {
                assert!(lines.contains_key(&key), "{key:?} succeeded without a line");
            }
            due += 1;
            next = spec.next_after(at, tenure.anchor);
        }
    }
    let lost = fates.values().flat_map(|fate| &fate.outcomes);
    (due, lost.filter(|outcome| *outcome == "lost").count())
}

#[test]
#[expect(clippy::print_stderr, reason = "figures of the long run")]
fn every_slot_is_claimed_once_and_every_missed_one_has_a_row_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir(root.join("data")).unwrap();
    let mut dice = Dice::new(u64::from(std::process::id()));
    let kills = rounds(200, 12);
    for _ in 0..kills {
        let mut child = spawn(root);
        thread::sleep(Duration::from_millis(30 + dice.below(700)));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let mut last = spawn(root);
    // What was missed is caught up one after the other.
    thread::sleep(Duration::from_secs(4));
    let ledger = settings(root).ledger();
    until("everything old to be decided", || {
        let old = Timestamp::now().as_second() - 10;
        let waiting = "SELECT count(*) FROM slots WHERE state = 'waiting' AND at < ";
        (query::<i64>(&ledger, &format!("{waiting}{old}")) == 0).then_some(())
    });
    let up_to = Timestamp::now().as_second();
    fs::write(root.join(STOP), b"").unwrap();
    let status = until("the last daemon to end", || last.try_wait().unwrap());
    assert!(status.success(), "{status}");
    let (due, died) = check(root, up_to);
    assert!(due > JOBS * 3, "{due} slots");
    if crate::world::long() {
        eprintln!("{kills} kills: {due} slots, {died} runs lost");
    }
}
