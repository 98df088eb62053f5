use std::{path::Path, sync::Arc, time::Duration};

use rustix::process::{Pid, test_kill_process};

use super::*;
use crate::{
    job::CancelReason,
    kinds::tests::{cx, site},
};

const SLOT: &str = "2026-11-23T02:00:00Z";

fn shell(script: &str) -> Command {
    Command {
        run: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
        grace: Span::from_millis(300),
        ..Command::default()
    }
}

fn at(root: &Path) -> Cx {
    cx(&site(root), SLOT)
}

fn run(job: &Command) -> Result<Report, JobError> {
    let root = tempfile::tempdir().unwrap();
    job.run(&at(root.path()))
}

/// Whether the process whose number stands in a file still runs, not counting what is only unburied.
fn alive(file: &Path) -> bool {
    let text = std::fs::read_to_string(file).unwrap();
    let pid: i32 = text.trim().parse().unwrap();
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    test_kill_process(Pid::from_raw(pid).unwrap()).is_ok() && !state.contains(") Z ")
}

#[track_caller]
fn until(what: &str, mut seen: impl FnMut() -> bool) {
    let clock = crate::clock::Clock::System;
    let start = clock.monotonic();
    while !seen() {
        assert!(
            clock.monotonic() < start + Duration::from_secs(30),
            "{what}"
        );
        std::thread::yield_now();
    }
}

#[test]
fn output_of_both_streams_is_reported_and_escaped() {
    let report = run(&shell("echo out; echo err >&2; printf '\\033[2Jx'")).unwrap();
    // The guard of the tests is a test and says so before.
    let own: Vec<_> = report.notes.iter().rev().take(3).rev().collect();
    assert_eq!(own, ["out", "err", "\\u{1b}[2Jx"]);
    assert_eq!(report.facts["exit_code"], 0);
}

#[test]
fn exit_codes_and_signals_decide_whether_it_is_tried_again() {
    for (script, message, disposition) in [
        (
            "echo no disk; exit 3",
            "`/bin/sh` ended with exit code 3: no disk",
            Disposition::Retry,
        ),
        (
            "echo usage; exit 64",
            "`/bin/sh` ended with exit code 64: usage",
            Disposition::Permanent,
        ),
        (
            "echo a; kill -9 $$",
            "`/bin/sh` was ended by signal 9: a",
            Disposition::Retry,
        ),
    ] {
        let error = run(&shell(script)).unwrap_err();
        assert_eq!(
            (error.chain().as_str(), error.disposition),
            (message, disposition)
        );
    }
    let good = Command {
        success: vec![0, 24],
        ..shell("exit 24")
    };
    assert_eq!(run(&good).unwrap().facts["exit_code"], 24);
}

#[test]
fn a_program_or_folder_that_is_not_there_is_named() {
    let mut job = shell("true");
    job.run = vec!["no-such-program".into()];
    let error = run(&job).unwrap_err();
    assert!(
        error
            .chain()
            .starts_with("run `no-such-program`: No such file"),
        "{error}"
    );
    assert_eq!(error.disposition, Disposition::Permanent);
    assert!(error.hint.unwrap().contains("PATH"));
    let job = Command {
        dir: Some("nowhere".into()),
        ..shell("true")
    };
    let error = run(&job).unwrap_err().chain();
    assert!(
        error.contains("its folder `") && error.contains("nowhere"),
        "{error}"
    );
}

#[test]
fn its_environment_is_what_is_listed_and_stays_out_of_its_output() {
    let mut job = shell("env | sort; pwd; exit 1");
    job.env.insert("TOKEN".into(), "hunter2hunter2".into());
    job.env.insert("LONGER".into(), "hunter2hunter2!".into());
    job.success = vec![1];
    let root = tempfile::tempdir().unwrap();
    let report = job.run(&at(root.path())).unwrap();
    let text = report.notes.join("\n");
    let root = root.path().canonicalize().unwrap();
    for line in [
        "BELLKEEPER_ATTEMPT=1",
        "BELLKEEPER_JOB=job",
        "BELLKEEPER_RUN=7",
        &format!("BELLKEEPER_SLOT={SLOT}"),
        "TOKEN=${TOKEN}",
        "LONGER=${LONGER}",
        root.to_str().unwrap(),
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(
        !text.contains("hunter2") && !text.contains("HOME="),
        "{text}"
    );
}

#[test]
fn endless_output_is_bounded() {
    let job = Command {
        output: Bytes(2_000),
        ..shell("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done")
    };
    let report = run(&job).unwrap();
    assert_eq!(report.notes.len(), LAST_LINES + 1);
    assert!(report.notes[0].ends_with("lines after the first 2.0 KB are not in the log"));
    assert_eq!(report.notes.last().unwrap(), "line 19999");
}

/// A shell that ignores TERM, its child, and one that has left the group: all three numbers go to
/// files.
const FAMILY: &str = "trap '' TERM; echo $$ > a
(sleep 1000 & echo $! > b; wait) &
setsid sh -c 'echo $$ > c; sleep 1000' &
while :; do sleep 1000; done";

fn family(root: &Path) -> [PathBuf; 3] {
    ["a", "b", "c"].map(|name| root.join(name))
}

fn written(files: &[PathBuf]) -> bool {
    let text = |file: &PathBuf| std::fs::read_to_string(file).unwrap_or_default();
    files.iter().all(|file| text(file).ends_with('\n'))
}

#[test]
fn a_cancelled_program_is_ended_with_all_that_it_has_started() {
    let root = tempfile::tempdir().unwrap();
    let cx = at(root.path());
    let files = family(root.path());
    let cancel = cx.watch.cancel.clone();
    let thread = std::thread::spawn(move || shell(FAMILY).run(&cx));
    until("all have started", || written(&files));
    assert!(files.iter().all(|file| alive(file)));
    cancel.cancel(CancelReason::Timeout);
    let error = thread.join().unwrap().unwrap_err();
    assert_eq!(
        error.disposition,
        Disposition::Interrupted(CancelReason::Timeout)
    );
    assert_eq!(files.iter().filter(|file| alive(file)).count(), 0);
}

#[test]
fn a_program_that_ends_at_term_may_tidy_up() {
    let root = tempfile::tempdir().unwrap();
    let cx = at(root.path());
    let job = Command {
        grace: Span::from_secs(20),
        ..shell("trap 'echo tidy > tidied; exit 0' TERM; echo $$ > a; while :; do sleep 0.01; done")
    };
    let cancel = cx.watch.cancel.clone();
    let thread = std::thread::spawn(move || job.run(&cx));
    until("it has started", || written(&[root.path().join("a")]));
    cancel.cancel(CancelReason::Operator);
    let error = thread.join().unwrap().unwrap_err();
    assert_eq!(
        error.disposition,
        Disposition::Interrupted(CancelReason::Operator)
    );
    assert!(root.path().join("tidied").exists());
}

#[test]
fn what_a_program_leaves_running_is_ended_and_told() {
    let root = tempfile::tempdir().unwrap();
    let job = shell("sleep 1000 & echo $! > a; setsid sleep 1000 & echo started");
    let report = job.run(&at(root.path())).unwrap();
    assert!(!alive(&root.path().join("a")));
    assert_eq!(
        report.notes[0],
        "2 processes that it left running were ended"
    );
}

#[test]
fn a_guard_that_is_killed_takes_its_program_with_it() {
    let root = tempfile::tempdir().unwrap();
    let cx = at(root.path());
    let thread = std::thread::spawn(move || {
        // The shell's parent is the guard.
        shell("echo $PPID > guard; echo $$ > a; sleep 1000").run(&cx)
    });
    let a = root.path().join("a");
    until("it has started", || written(std::slice::from_ref(&a)));
    let guard: i32 = std::fs::read_to_string(root.path().join("guard"))
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let guard = Pid::from_raw(guard).unwrap();
    rustix::process::kill_process(guard, rustix::process::Signal::KILL).unwrap();
    let error = thread.join().unwrap().unwrap_err();
    assert_eq!(error.chain(), "guard `/bin/sh`: its guard was killed");
    until("the program is ended", || !alive(&a));
}

#[test]
fn what_cannot_be_run_is_found_when_the_file_is_read() {
    let root = tempfile::tempdir().unwrap();
    let env: Arc<Env> = site(root.path());
    let settings = |job: &Command| -> Vec<_> {
        let problems = job.check(&env);
        problems
            .into_iter()
            .map(|problem| problem.setting)
            .collect()
    };
    assert_eq!(settings(&Command::default()), ["run"]);
    assert_eq!(settings(&shell("a\0b")), ["run"]);
    let mut job = shell("true");
    job.env.insert("A=B".into(), String::new());
    assert_eq!(settings(&job), ["env"]);
}

#[test]
fn a_dry_run_shows_no_argument() {
    let root = tempfile::tempdir().unwrap();
    let plan = shell("echo secret").plan(&at(root.path())).unwrap();
    assert_eq!(plan.steps[0].subject, "/bin/sh with 2 arguments");
}
