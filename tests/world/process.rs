//! The program as a child process.

use std::{
    fs::{self, File},
    os::unix::process::ExitStatusExt,
    process::{Child, Command, ExitStatus, Stdio},
    sync::Mutex,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::until;

/// A child whose output goes to files, so that it can be looked at while it runs; killed with
/// SIGKILL if it is dropped before its end.
pub(crate) struct Process {
    child: Mutex<Child>,
    output: TempDir,
}

/// What an ended child left.
#[derive(Debug, Clone)]
pub(crate) struct Out {
    /// The exit code; for a signal its negative number.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Process {
    pub(crate) fn spawn(mut command: Command) -> Self {
        let output = tempfile::tempdir().unwrap();
        let file = |name| File::create(output.path().join(name)).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(file("out"))
            .stderr(file("err"))
            .spawn()
            .unwrap();
        let child = Mutex::new(child);
        Self { child, output }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.lock().unwrap().id()
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.status().is_some()
    }

    fn status(&self) -> Option<ExitStatus> {
        self.child.lock().unwrap().try_wait().unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        // A child that has not been waited for keeps its number, so nobody else is hit.
        let pid = Pid::from_child(&self.child.lock().unwrap());
        kill_process(pid, signal).unwrap();
    }

    /// `kill -9`, whether it has ended or not.
    pub(crate) fn kill(self) -> Out {
        self.child.lock().unwrap().kill().unwrap();
        self.end()
    }

    /// Its output so far: standard output and standard error.
    pub(crate) fn so_far(&self) -> (String, String) {
        let read = |name| fs::read_to_string(self.output.path().join(name)).unwrap();
        (read("out"), read("err"))
    }

    /// The complete lines of JSON it has printed so far.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let (out, _) = self.so_far();
        let complete = out.rsplit_once('\n').map_or("", |(lines, _)| lines);
        parse(complete)
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(self) -> Out {
        let status = until("the end of a process", || self.status());
        let (stdout, stderr) = self.so_far();
        let code = status
            .code()
            .unwrap_or_else(|| -status.signal().unwrap_or_default());
        Out {
            code,
            stdout,
            stderr,
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap();
        drop(child.kill());
        drop(child.wait());
    }
}

impl Out {
    #[track_caller]
    pub(crate) fn code(self, expected: i32) -> Self {
        assert_eq!(self.code, expected, "{self:#?}");
        self
    }

    /// Standard output, one JSON object a line.
    #[track_caller]
    pub(crate) fn lines(&self) -> Vec<Value> {
        parse(&self.stdout)
    }

    #[track_caller]
    pub(crate) fn says(self, part: &str) -> Self {
        let all = format!("{}{}", self.stdout, self.stderr);
        assert!(all.contains(part), "`{part}` is missing in {self:#?}");
        self
    }
}

#[track_caller]
fn parse(text: &str) -> Vec<Value> {
    let line = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    text.lines().map(line).collect()
}
