//! The guard's side: it starts the program, and ends it when it ends, is told to, or is alone.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    os::{
        fd::AsFd,
        unix::{net::UnixStream, process::ExitStatusExt},
    },
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use rustix::{
    io::Errno,
    process::{
        Pid, Signal, WaitId, WaitIdOptions, getpid, kill_process, kill_process_group, waitid,
    },
};
use tokio::signal::unix::{SignalKind, signal};

use super::{Ended, Program, Word, family};

/// The longest order: arguments and environment are no longer than the system allows.
const LONGEST_ORDER: u64 = 16 << 20;

/// How often it is looked whether those that were told to end have done so.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// For how long, after KILL: a process that waits for a broken disk goes on nevertheless.
const LAST_LOOK: Duration = Duration::from_secs(5);

/// Reads its order from standard input, which is a socket, and guards that program to its end.
///
/// # Errors
/// When nobody is there to give an order or to be told; the program is ended then.
pub fn guard() -> io::Result<()> {
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut orders = BufReader::new(socket.try_clone()?);
    let mut order = String::new();
    orders.by_ref().take(LONGEST_ORDER).read_line(&mut order)?;
    let program: Program = serde_json::from_str(&order)?;
    ignore_term()?;
    family::adopt();
    let child = match start(&program) {
        Ok(child) => child,
        Err(error) => {
            let passing = !matches!(
                error.kind(),
                io::ErrorKind::NotFound
                    | io::ErrorKind::PermissionDenied
                    | io::ErrorKind::InvalidInput
                    | io::ErrorKind::NotADirectory
            );
            let message = trouble(&program, &error);
            return say(&socket, &Word::Failed { message, passing });
        }
    };
    let (status, left) = watch(child, orders, Duration::from_millis(program.grace_ms))?;
    let ended = match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Code(code),
        (None, signal) => Ended::Signal(signal.unwrap_or_default()),
    };
    // Who does not hear it is gone.
    let _heard = say(&socket, &Word::Over { ended, left });
    // Whoever is still in the group goes, and so does this process.
    Ok(kill_process_group(getpid(), Signal::KILL)?)
}

/// The guard is in the group that it ends, and must outlive that.
fn ignore_term() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    // It stays when the runtime is gone; programs that are started have the system's own again.
    runtime.block_on(async { signal(SignalKind::terminate()).map(drop) })
}

fn say(mut socket: &UnixStream, word: &Word) -> io::Result<()> {
    let mut text = serde_json::to_vec(word)?;
    text.push(b'\n');
    socket.write_all(&text)
}

fn start(program: &Program) -> io::Result<Child> {
    let (name, args) = program
        .argv
        .split_first()
        .ok_or(io::ErrorKind::InvalidInput)?;
    Command::new(name)
        .args(args)
        .env_clear()
        .envs(&program.env)
        .current_dir(&program.dir)
        .stdin(Stdio::null())
        .spawn()
}

/// What the system said, and of what: it does not tell a missing folder from a missing program.
fn trouble(program: &Program, error: &io::Error) -> String {
    match program.dir.metadata() {
        Err(error) => format!("its folder `{}`: {error}", program.dir.display()),
        Ok(_) => error.to_string(),
    }
}

/// Waits until the program has ended, or nobody is there who wants it, and ends all that is left.
/// Returns how it ended and how many others had to be ended.
fn watch(
    mut child: Child,
    mut orders: impl Read + Send + 'static,
    grace: Duration,
) -> io::Result<(ExitStatus, usize)> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or(io::ErrorKind::NotFound)?;
    let (tell, told) = mpsc::channel();
    let alone = tell.clone();
    thread::spawn(move || {
        // Nobody says anything; the socket is closed when the program is not wanted any more.
        let _end = io::copy(&mut orders, &mut io::sink());
        let _alone = alone.send(());
    });
    thread::spawn(move || {
        // The program is left unburied, so that its number stays its own.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while waitid(WaitId::Pid(pid), options).is_err_and(|errno| errno == Errno::INTR) {}
        let _told = tell.send(());
    });
    // A sender that is gone has sent before.
    let _one_of_both = told.recv();
    let others = family::others(pid).len();
    end(pid, grace);
    Ok((child.wait()?, others))
}

/// TERM to all of them, and KILL to those that go on for longer than `grace`.
fn end(pid: Pid, grace: Duration) {
    let group = getpid();
    // One that has ended already needs no signal; its group may have others in it.
    let _gone = kill_process_group(group, Signal::TERM);
    family::signal(Signal::TERM);
    // One that was stopped could not even end.
    let _gone = kill_process_group(group, Signal::CONT);
    if over(pid, grace) {
        return;
    }
    let mut waited = Duration::ZERO;
    while waited < LAST_LOOK {
        let _gone = kill_process(pid, Signal::KILL);
        // Again and again: those that are ended may have started others meanwhile.
        family::signal(Signal::KILL);
        if over(pid, LOOK_EVERY) {
            return;
        }
        waited += LOOK_EVERY;
    }
}

/// Whether all are over within `span`.
fn over(pid: Pid, span: Duration) -> bool {
    let mut waited = Duration::ZERO;
    loop {
        if !family::is_alive(pid) {
            return true;
        }
        if waited >= span {
            return false;
        }
        let (_never, wait) = mpsc::channel::<()>();
        let _passed = wait.recv_timeout(LOOK_EVERY);
        waited += LOOK_EVERY;
    }
}
