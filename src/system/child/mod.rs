//! Another program, run so that nothing of it is left when it ends, is ended, or Bellkeeper dies.
//!
//! Between Bellkeeper and the program stands a guard: this very executable under another name
//! ([`GUARD`]), the only one that has a socket to Bellkeeper. When the socket closes, for whatever
//! reason (kill -9 of Bellkeeper too), it ends the program and all that the program has started:
//! TERM, then KILL. It adopts what would otherwise get away from its group, where the system lets it.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::{self, BufRead, BufReader, PipeReader, Write},
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream, process::CommandExt},
    },
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};

mod guard;
mod lines;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as family;
#[cfg(not(target_os = "linux"))]
mod portable;
#[cfg(not(target_os = "linux"))]
use portable as family;

pub use guard::guard;

/// The first argument by which this executable becomes a guard.
pub const GUARD: &str = "__guard";

/// How often it is asked whether the program shall stop.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// For how long more of its output is waited for when all that is known of it has ended.
const LAST_OUTPUT: Duration = Duration::from_millis(500);

/// How many lines may wait to be looked at, before the program has to wait.
const WAITING_LINES: usize = 256;

/// A program to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// The program and its arguments; the program is looked for in `PATH` of `env`.
    pub argv: Vec<String>,
    /// Where it works.
    pub dir: PathBuf,
    /// All of its environment.
    pub env: BTreeMap<String, String>,
    /// How long it may go on after TERM, in milliseconds.
    pub grace_ms: u64,
}

/// How a program has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// By itself, with this exit code.
    Code(i32),
    /// By a signal with this number.
    Signal(i32),
}

/// A program is over, and all that it has started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Over {
    /// How it ended.
    pub ended: Ended,
    /// Whether it was ended because the caller wanted that.
    pub stopped: bool,
    /// How many processes it had left running, which were ended.
    pub left: usize,
}

/// Why a program did not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It was not found, or may not be run.
    #[error("run `{program}`: {message}")]
    Start {
        /// As it was asked for.
        program: String,
        /// What the system said.
        message: String,
        /// Whether the system may say something else another time.
        passing: bool,
    },
    /// Nobody was there to guard it.
    #[error("guard `{program}`")]
    Guard {
        /// As it was asked for.
        program: String,
        /// What the system said.
        source: io::Error,
    },
}

/// The last word of the guard, a line of JSON.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    /// The program does not run.
    Failed { message: String, passing: bool },
    /// It is over.
    Over { ended: Ended, left: usize },
}

/// What comes from guard and program.
#[derive(Debug)]
enum Heard {
    Line(String),
    /// Nobody can write any more.
    OutputEnds,
    /// The guard's last word; none if it was killed.
    Last(Option<Word>),
}

/// Runs `program` to its end. Each line of its output, of both streams, goes to `line`. Once `stop`
/// says so, it is ended.
///
/// # Errors
/// Also when its guard is killed; the program is ended then, but for what has left its group.
pub fn run(
    program: &Program,
    stop: &dyn Fn() -> bool,
    mut line: impl FnMut(&str),
) -> Result<Over, Error> {
    let name = || program.argv.first().cloned().unwrap_or_default();
    let unguarded = |source| Error::Guard {
        program: name(),
        source,
    };
    let (mut child, socket, output) = begin(program).map_err(unguarded)?;
    let heard = listen(&socket, output).map_err(unguarded)?;
    let (word, stopped) = converse(&socket, &heard, stop, &mut line);
    // The guard is not buried yet, so that the group's number is still its own. It has killed it
    // already, unless it was killed itself.
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _gone = kill_process_group(group, Signal::KILL);
    }
    child.wait().map_err(unguarded)?;
    while let Ok(Heard::Line(text)) = heard.recv_timeout(LAST_OUTPUT) {
        line(&text);
    }
    match word {
        Some(Word::Over { ended, left }) => Ok(Over {
            ended,
            stopped,
            left,
        }),
        Some(Word::Failed { message, passing }) => Err(Error::Start {
            program: name(),
            message,
            passing,
        }),
        None => Err(unguarded(io::Error::other("its guard was killed"))),
    }
}

fn begin(program: &Program) -> io::Result<(Child, UnixStream, PipeReader)> {
    let (mut ours, theirs) = UnixStream::pair()?;
    let (output, written) = io::pipe()?;
    let (executable, args) = executable()?;
    let child = Command::new(executable)
        .args(args)
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(written.try_clone()?)
        .stderr(written)
        .process_group(0)
        .spawn()?;
    let mut order = serde_json::to_vec(program)?;
    order.push(b'\n');
    ours.write_all(&order)?;
    Ok((child, ours, output))
}

/// This executable, and what makes a guard of it. By its link, so that it is the same one when the
/// file was replaced meanwhile.
fn executable() -> io::Result<(PathBuf, Vec<OsString>)> {
    let link = PathBuf::from("/proc/self/exe");
    let path = if link.exists() {
        link
    } else {
        std::env::current_exe()?
    };
    Ok((path, as_guard()))
}

#[cfg(not(test))]
fn as_guard() -> Vec<OsString> {
    vec![GUARD.into()]
}

/// The executable of the tests becomes a guard by running one of them.
#[cfg(test)]
fn as_guard() -> Vec<OsString> {
    let args = ["--exact", tests::AS_GUARD, "--ignored", "--nocapture"];
    args.map(OsString::from).to_vec()
}

/// Listens to the guard and the program, each on a thread of its own.
fn listen(socket: &UnixStream, output: PipeReader) -> io::Result<mpsc::Receiver<Heard>> {
    let (lines, heard) = mpsc::sync_channel(WAITING_LINES);
    let last = lines.clone();
    let mut socket = BufReader::new(socket.try_clone()?);
    thread::spawn(move || {
        let mut text = String::new();
        let word = match socket.read_line(&mut text) {
            Ok(_) => serde_json::from_str(&text).ok(),
            Err(_) => None,
        };
        // Somebody who does not listen any more does not need it.
        let _heard = last.send(Heard::Last(word));
    });
    thread::spawn(move || {
        lines::each(output, &mut |line| {
            lines.send(Heard::Line(line.to_owned())).is_ok()
        });
        let _heard = lines.send(Heard::OutputEnds);
    });
    Ok(heard)
}

/// Listens up to the guard's last word; closes the socket, which ends the program, when `stop` says
/// so. The second value says whether it did.
fn converse(
    socket: &UnixStream,
    heard: &mpsc::Receiver<Heard>,
    stop: &dyn Fn() -> bool,
    line: &mut dyn FnMut(&str),
) -> (Option<Word>, bool) {
    let mut stopped = false;
    loop {
        match heard.recv_timeout(ASK_EVERY) {
            Ok(Heard::Line(text)) => line(&text),
            Ok(Heard::Last(word)) => return (word, stopped),
            Err(mpsc::RecvTimeoutError::Disconnected) => return (None, stopped),
            Ok(Heard::OutputEnds) | Err(mpsc::RecvTimeoutError::Timeout) => {}
        }
        if !stopped && stop() {
            stopped = true;
            // Only this half: the guard still has something to say. One that is gone needs nothing.
            let _gone = socket.shutdown(std::net::Shutdown::Write);
        }
    }
}

#[cfg(test)]
mod tests;
