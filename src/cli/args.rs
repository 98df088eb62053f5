//! The arguments, as clap reads them and `--help` shows them.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

mod data;
mod jobs;
mod market;

pub(super) use data::{Backups, BackupsVerb, Keys, KeysAdd, KeysVerb, Prune, Restore};
pub(super) use jobs::{
    Calendar, Cancel, Completions, Explain, History, Journal, Logs, Next, Part, Pause, Plan,
    Resume, Retry, RunJob, Start, Stop, When, Why,
};
pub(super) use market::{
    Analyse, Check, CheckApi, CheckVerb, Findings, Replay, SignalStats, Signals, SignalsVerb,
    TradeAdd, TradeStats, Trades, TradesVerb,
};

/// One daemon instead of crontab, scripts and checklists.
#[derive(Debug, Parser)]
#[command(
    name = "bellkeeper",
    version,
    max_term_width = 80,
    propagate_version = true
)]
#[command(
    after_help = "Start with `bellkeeper start`; look with `status`, `list` and `next`.\n\
    Exit codes: 0 ok, 1 failed, 2 usage, 3 daemon not running, 4 not found, 5 skipped, 6 busy,\n\
    11 wrong key, 75 temporary failure, 78 configuration, 124 timeout,\n130 cancelled, 143 terminated."
)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) verb: Verb,
}

/// Options of every verb.
#[derive(Debug, ClapArgs)]
pub(super) struct Global {
    /// Folder that everything is relative to [default: the working directory]
    #[arg(long, global = true, value_name = "DIR", env = "BELLKEEPER_ROOT")]
    pub(super) root: Option<PathBuf>,
    /// Job file [default: jobs.yaml in the root]
    #[arg(short, long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Print one JSON object a line; docs/JSON.md has the fields
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(super) color: Color,
    /// Say more; twice says everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// Say only results and errors
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Run the daemon: load jobs.yaml, run what is due
    Start(Start),
    /// Stop the daemon: no new slots, running jobs get time to end
    Stop(Stop),
    /// Start the daemon again in its place, or here when it is down
    Restart,
    /// Start the daemon in the background unless it is up; says nothing then
    Ensure,
    /// Make the daemon take the job file as it is now, or say why it cannot
    Reload,
    /// Show whether the daemon is up, what it does and what comes next
    Status,
    /// Run a job now and follow it
    RunJob(RunJob),
    /// Do a run again that did not succeed, for the slot it had
    Retry(Retry),
    /// Ask a run, or everything of a job, to stop
    Cancel(Cancel),
    /// Skip the slots of a job for a while
    Pause(Pause),
    /// End the pause of a job
    Resume(Resume),
    /// List the jobs
    List,
    /// Show the next slots
    Next(Next),
    /// Show what would run, collide, be skipped or caught up in the days to come
    Plan(Plan),
    /// Show the settings of a job, where each comes from, and its next slots
    Explain(Explain),
    /// Show what became of each slot of a job, and why
    Why(Why),
    /// Show the next instants of a schedule expression
    When(When),
    /// List the calendars, or the sessions of one
    Calendar(Calendar),
    /// Show past runs, newest first
    History(History),
    /// Show what was done by the daemon and by hand, newest first
    Journal(Journal),
    /// Show the daemon's log, over its rotated and compressed files
    Logs(Logs),
    /// Check the job file and show everything that is wrong with it
    Validate,
    /// Print the JSON schema of the job file
    Schema,
    /// List, foresee, show, verify and drill archives
    Backups(Backups),
    /// Put what an archive holds in its place, or extract it beside
    Restore(Restore),
    /// Put the rows of a `prune` run back into their tables
    Prune(Prune),
    /// Show, add, rotate and check the keys of archives
    Keys(Keys),
    /// Show indicators and conditions on the bars of a symbol
    #[command(after_help = crate::analysis::names())]
    Analyse(Analyse),
    /// Show what is wrong with the bars that were taken in
    Findings(Findings),
    /// List the signals of the last days
    Signals(Signals),
    /// Count the signals of the last days, and show what came of them
    SignalStats(SignalStats),
    /// Show which signals the rules as they are now would add or remove
    Replay(Replay),
    /// Add, import and list trades
    Trades(Trades),
    /// Show what is held, and what was earned
    Positions,
    /// Show what the trades of the last days were worth
    TradeStats(TradeStats),
    /// Check whether something is well; answers as monitoring plugins do
    Check(Check),
    /// Print what a shell needs to complete commands and options
    Completions(Completions),
    /// Print the manual page, all commands in it
    Man,
    /// Print the version
    Version,
}

/// How many days of archives to come are shown unless told otherwise.
pub(super) const DAYS: u16 = 90;
