//! `start`: the daemon, in the foreground or without a terminal.

use std::{os::unix::process::CommandExt, sync::Arc};

use super::{
    args, detach,
    shell::{Failure, Result, Shell, block_on_workers, count, exit, variable},
};
use crate::{
    app::{self, Ending, Ready, Surroundings},
    logs::Console,
    system,
};

/// Does what the arguments say of where it runs.
pub(super) fn begin(shell: &Shell, args: &args::Start) -> Result {
    if args.detach {
        return detach::start(shell);
    }
    if detach::is_asked() {
        detach::leave_terminal();
        return live(shell, Console::Off, detach::leave_caller);
    }
    run(shell)
}

/// Lives in the foreground.
pub(super) fn run(shell: &Shell) -> Result {
    live(shell, shell.console(), || {})
}

fn live(shell: &Shell, console: Console, up: impl FnOnce()) -> Result {
    let ending = block_on_workers(async {
        let tell = |ready: &Ready| {
            announce(shell, ready);
            up();
        };
        let started = app::start(
            &shell.site,
            Surroundings {
                vars: Arc::new(variable),
                zone: Arc::new(system::local_zone),
            },
            console,
            shell.log_filter(),
            tell,
        )
        .await;
        Ok(started?)
    })?;
    match ending {
        Ending::Stopped => Ok(exit::OK),
        Ending::Restart => Err(again()),
    }
}

fn announce(shell: &Shell, ready: &Ready) {
    if shell.json {
        let upcoming = ready.upcoming.first();
        shell.json_line(&serde_json::json!({
            "state": "ready",
            "pid": std::process::id(),
            "root": shell.site.settings.root(),
            "jobs": ready.jobs,
            "lost": ready.lost,
            "made": ready.made,
            "set_aside": ready.set_aside.as_ref().map(|kept| &kept.path),
            "next": upcoming.map(|(at, job)| serde_json::json!({"job": job, "at": at})),
        }));
        return;
    }
    let settings = &shell.site.settings;
    let times = shell.times();
    shell.line(format!(
        "bellkeeper {} is up (pid {}) in {}",
        env!("CARGO_PKG_VERSION"),
        std::process::id(),
        settings.root().display()
    ));
    for made in &ready.made {
        shell.line(format!("  made  {made}"));
    }
    if let Some(kept) = &ready.set_aside {
        shell.line(format!("  ledger  {}", shell.set_aside(kept)));
    }
    if ready.lost > 0 {
        let lost = count(ready.lost, "run");
        shell.line(format!(
            "  lost  {lost} died with the last process: `history`"
        ));
    }
    shell.line(format!(
        "  jobs  {} from {}",
        ready.jobs,
        shell.within(settings.jobs_file())
    ));
    match ready.upcoming.first() {
        Some((at, job)) => {
            let (at, left) = (times.absolute(*at), times.relative(*at));
            shell.line(format!("  next  {job} {at} ({left})"));
        }
        None => shell.line("  next  nothing is due"),
    }
    shell.line(format!("  log   {}", shell.within(&settings.log_file())));
    shell.line("  look  bellkeeper status, list, next, history; Ctrl-C or `stop` ends it");
}

/// Becomes the program again, with the same arguments, in the same terminal and under the same
/// process id. Returns only if that is impossible.
fn again() -> Failure {
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return cannot(&error),
    };
    // Linux marks the path of a program that was replaced while it ran.
    let shown = program.to_string_lossy();
    let program = shown
        .strip_suffix(" (deleted)")
        .map_or_else(|| program.clone(), Into::into);
    let error = std::process::Command::new(program)
        .args(std::env::args_os().skip(1))
        .exec();
    cannot(&error)
}

fn cannot(error: &std::io::Error) -> Failure {
    Failure::new(exit::FAILED, format!("start again: {error}"))
        .hint("start it by hand: `bellkeeper start`")
}
