//! The command line: one file per verb. It translates and decides nothing.

use std::process::ExitCode;

use clap::Parser;

mod analyse;
mod args;
mod backups;
mod calendar;
mod cancel;
mod check;
mod completions;
mod detach;
mod explain;
mod findings;
mod history;
mod journal;
mod keys;
mod list;
mod logs;
mod man;
mod next;
mod pause;
mod plan;
mod prune;
mod reload;
mod replay;
mod restart;
mod restore;
mod retry;
mod run_job;
mod schema;
mod shell;
mod signals;
mod signals_explain;
mod start;
mod status;
mod stop;
mod trade_stats;
mod trades;
mod validate;
mod version;
mod when;
mod why;

use args::{Args, Verb};
use shell::{Shell, exit};

use crate::system::child::{self, GUARD};

/// Parses the arguments, runs the verb, returns the exit code.
pub fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|arg| arg == GUARD) {
        // Who started it notices that it is gone; nobody reads what it would print.
        return child::guard().map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
    }
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let code = if error.use_stderr() {
                exit::USAGE
            } else {
                exit::OK
            };
            // A closed pipe under `--help | head` is no failure.
            drop(error.print());
            return ExitCode::from(code);
        }
    };
    let shell = match Shell::new(&args.global) {
        Ok(shell) => shell,
        Err(failure) => return ExitCode::from(failure.print(args.global.json, false)),
    };
    let code = run(&shell, args.verb).unwrap_or_else(|failure| shell.fail(&failure));
    ExitCode::from(code)
}

fn run(shell: &Shell, verb: Verb) -> shell::Result {
    match verb {
        Verb::Start(args) => start::begin(shell, &args),
        Verb::Stop(args) => stop::run(shell, &args),
        Verb::Restart => restart::run(shell),
        Verb::Ensure => detach::ensure(shell),
        Verb::Reload => reload::run(shell),
        Verb::Status => status::run(shell),
        Verb::RunJob(args) => run_job::run(shell, &args),
        Verb::Retry(args) => retry::run(shell, &args),
        Verb::Cancel(args) => cancel::run(shell, &args),
        Verb::Pause(args) => pause::pause(shell, &args),
        Verb::Resume(args) => pause::resume(shell, &args),
        Verb::List => list::run(shell),
        Verb::Next(args) => next::run(shell, &args),
        Verb::Plan(args) => plan::run(shell, &args),
        Verb::Explain(args) => explain::run(shell, &args),
        Verb::Why(args) => why::run(shell, &args),
        Verb::When(args) => when::run(shell, &args),
        Verb::Calendar(args) => calendar::run(shell, &args),
        Verb::History(args) => history::run(shell, &args),
        Verb::Journal(args) => journal::run(shell, &args),
        Verb::Logs(args) => logs::run(shell, &args),
        Verb::Validate => validate::run(shell),
        Verb::Schema => Ok(schema::run(shell)),
        Verb::Backups(args) => backups::run(shell, &args),
        Verb::Restore(args) => restore::run(shell, &args),
        Verb::Prune(args) => prune::run(shell, &args),
        Verb::Keys(args) => keys::run(shell, &args),
        Verb::Analyse(args) => analyse::run(shell, &args),
        Verb::Findings(args) => findings::run(shell, &args),
        Verb::Signals(args) => signals::run(shell, &args),
        Verb::SignalStats(args) => signals::stats(shell, &args),
        Verb::Replay(args) => replay::run(shell, &args),
        Verb::Trades(args) => trades::run(shell, &args),
        Verb::Positions => trades::positions(shell),
        Verb::TradeStats(args) => trade_stats::run(shell, &args),
        Verb::Check(args) => check::run(shell, &args),
        Verb::Completions(args) => Ok(completions::run(shell, &args)),
        Verb::Man => man::run(shell),
        Verb::Version => Ok(version::run(shell)),
    }
}
