//! A daemon without a terminal: `start --detach` and `ensure`.

use std::{
    fs::File,
    io::{self, Read, Write},
    process::{Command, Stdio},
};

use super::shell::{Failure, Result, Shell, exit};
use crate::{app, lock};

/// The last byte that a detached daemon writes to its caller: it is up, and needs nobody any more.
const UP: u8 = 0;

/// The variable by which a daemon knows that it shall need no terminal. No option: it is nothing to be
/// typed, and completions would offer it.
const DETACHED: &str = "BELLKEEPER_DETACHED";

/// Starts a daemon unless one is up.
pub(super) fn ensure(shell: &Shell) -> Result {
    let holder = lock::holder(&shell.site.settings.lock()).map_err(app::Error::from)?;
    match holder {
        Some(holder) if holder.what == "daemon" => Ok(exit::OK),
        // Another command at work keeps it from starting, which the start itself says best.
        _ => start(shell),
    }
}

/// Starts a daemon as a process of its own, and shows what it says until it is up or has failed.
pub(super) fn start(shell: &Shell) -> Result {
    let cannot =
        |error: io::Error| Failure::new(exit::FAILED, format!("start the daemon: {error}"));
    let program = std::env::current_exe().map_err(cannot)?;
    let mut daemon = Command::new(program)
        .args(shell.as_args())
        .arg("start")
        .env(DETACHED, "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(cannot)?;
    let mut said = Vec::new();
    if let Some(mut output) = daemon.stdout.take() {
        output.read_to_end(&mut said).map_err(cannot)?;
    }
    let up = said.pop_if(|last| *last == UP).is_some();
    let said = String::from_utf8_lossy(&said);
    said.lines().for_each(|line| shell.line(line));
    if up {
        return Ok(exit::OK);
    }
    // It has said itself what is wrong.
    let status = daemon.wait().map_err(cannot)?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code
        .filter(|code| *code != exit::OK)
        .unwrap_or(exit::FAILED))
}

/// Whether this process is what [`start`] has started.
pub(super) fn is_asked() -> bool {
    std::env::var_os(DETACHED).is_some()
}

/// Leaves the terminal, so that its end is not that of the daemon.
pub(super) fn leave_terminal() {
    // One that was started again in its place has left it already.
    let _left = rustix::process::setsid();
}

/// Tells the caller that all is well, and lets go of whatever it shares with it: who reads that to
/// its end would wait for the end of the daemon.
pub(super) fn leave_caller() {
    let mut out = io::stdout().lock();
    // A caller that has gone needs to know nothing.
    let _told = out.write_all(&[UP]).and_then(|()| out.flush());
    if let Ok(nothing) = File::options().write(true).open("/dev/null") {
        let _out = rustix::stdio::dup2_stdout(&nothing);
        let _err = rustix::stdio::dup2_stderr(&nothing);
    }
}
