//! The arguments, as clap reads them and `--help` shows them.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use crate::{analysis::Side, micros::Micros, units::Span, words::JobName};

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
    /// Run the daemon in the foreground: load jobs.yaml, run what is due
    Start,
    /// Stop the daemon: no new slots, running jobs get time to end
    Stop(Stop),
    /// Start the daemon again in its place, or here when it is down
    Restart,
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
    /// List the signals of the last days
    Signals(Signals),
    /// Count the signals of the last days, and show what came of them
    SignalStats(SignalStats),
    /// Add, import and list trades
    Trades(Trades),
    /// Show what is held, and what was earned
    Positions,
    /// Show what the trades of the last days were worth
    TradeStats(TradeStats),
    /// Print the version
    Version,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Stop {
    /// Tell running jobs to stop at once
    #[arg(long, conflicts_with = "timeout")]
    pub(super) now: bool,
    /// How long running jobs may go on
    #[arg(long, value_name = "SPAN", default_value = "30s")]
    pub(super) timeout: Span,
}

#[derive(Debug, ClapArgs)]
pub(super) struct RunJob {
    /// The job
    #[arg(value_name = "JOB")]
    pub(super) job: String,
    /// Show what it would do, and do nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Let it do what it refuses to do by itself, e.g. remove most of a table
    #[arg(long, conflicts_with = "dry_run")]
    pub(super) yes: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Prune {
    /// Put back the rows that this run has removed
    #[arg(long, value_name = "RUN", required = true)]
    pub(super) undo: i64,
    /// Show what it would do, and do nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Private key to open the archives with [default: config/backup.key]
    #[arg(long, value_name = "FILE")]
    pub(super) key: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Retry {
    /// The number of the run, as `history` shows it
    #[arg(value_name = "RUN")]
    pub(super) run: i64,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Cancel {
    /// The number of a run, or a job
    #[arg(value_name = "RUN|JOB")]
    pub(super) target: String,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Pause {
    /// The job
    #[arg(value_name = "JOB")]
    pub(super) job: JobName,
    /// For how long [default: until it is resumed]
    #[arg(long = "for", value_name = "SPAN")]
    pub(super) span: Option<Span>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Resume {
    /// The job
    #[arg(value_name = "JOB")]
    pub(super) job: JobName,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Next {
    /// Only this job's
    #[arg(value_name = "JOB")]
    pub(super) job: Option<String>,
    /// All up to this time: `7d`, `tomorrow`, `2026-12-01` (its start) …
    #[arg(long, value_name = "TIME")]
    pub(super) until: Option<String>,
    /// How many [default: 10; with --until 10000]
    #[arg(short = 'n', value_name = "N")]
    pub(super) count: Option<usize>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Plan {
    /// Start at this time: `2026-12-01`, `tomorrow`, `7d` … [default: now]
    #[arg(long, value_name = "TIME", num_args = 1..)]
    pub(super) from: Vec<String>,
    /// For how many days
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=3660))]
    pub(super) days: u16,
    /// When the computer sleeps every day, as `23:00-07:30`
    #[arg(long, value_name = "TIMES")]
    pub(super) asleep: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Explain {
    /// The job
    #[arg(value_name = "JOB")]
    pub(super) job: String,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Why {
    /// The job
    #[arg(value_name = "JOB")]
    pub(super) job: String,
    /// A day (`2026-11-24`, `yesterday`), or a time: its slot or the one before it
    /// [default: the newest slots]
    #[arg(value_name = "TIME")]
    pub(super) time: Vec<String>,
    /// How many [default: 20, of the last day if there are more than 5]
    #[arg(short = 'n', value_name = "N")]
    pub(super) count: Option<usize>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct When {
    /// The expression: five or six cron fields, `@daily`, `every 5m`, `at open+5m` …
    #[arg(value_name = "EXPR")]
    pub(super) expression: String,
    /// The zone to read it in [default: the computer's]
    #[arg(long, value_name = "TZ")]
    pub(super) timezone: Option<String>,
    /// The calendar that `at open` counts from and that other instants keep to
    #[arg(long, value_name = "NAME")]
    pub(super) calendar: Option<String>,
    /// Of the calendar's sessions only the trading hours
    #[arg(long, value_name = "PART", requires = "calendar")]
    pub(super) only: Option<Part>,
    /// Start after this time: `2026-12-01 02:00`, `tomorrow`, `7d` … [default: now]
    #[arg(long, value_name = "TIME")]
    pub(super) after: Option<String>,
    /// How many
    #[arg(short = 'n', value_name = "N", default_value_t = 5)]
    pub(super) count: usize,
}

/// A part of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Part {
    /// From the open to the close, without the lunch break.
    Open,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Calendar {
    /// The calendar whose sessions to show [default: list the calendars]
    #[arg(value_name = "NAME")]
    pub(super) name: Option<String>,
    /// The year [default: this one]
    #[arg(long, value_name = "YEAR", requires = "name")]
    pub(super) year: Option<i16>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct History {
    /// Only this job's
    #[arg(value_name = "JOB")]
    pub(super) job: Option<JobName>,
    /// Only runs that did not do what they are for
    #[arg(long)]
    pub(super) failed: bool,
    /// How many
    #[arg(short = 'n', value_name = "N", default_value_t = 20)]
    pub(super) count: u32,
}

/// How many days of archives to come are shown unless told otherwise.
pub(super) const DAYS: u16 = 90;

#[derive(Debug, ClapArgs)]
pub(super) struct Logs {
    /// Only lines about this job, or about the run with this number
    #[arg(value_name = "JOB|RUN")]
    pub(super) target: Option<String>,
    /// Go on with what is written, until Ctrl-C
    #[arg(short, long, conflicts_with = "until")]
    pub(super) follow: bool,
    /// How many, the newest [default: 20; all with --since or --until]
    #[arg(short = 'n', value_name = "N")]
    pub(super) count: Option<usize>,
    /// From when on, e.g. `24h`, `yesterday`, `2026-11-24 02:00`
    #[arg(long, value_name = "WHEN")]
    pub(super) since: Option<String>,
    /// Before when
    #[arg(long, value_name = "WHEN")]
    pub(super) until: Option<String>,
    /// As bad as this or worse: error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL", value_parser = crate::logs::level)]
    pub(super) level: Option<tracing::Level>,
    /// With this in the line as it is shown: a regular expression, or text
    #[arg(long, value_name = "TEXT")]
    pub(super) grep: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Backups {
    #[command(subcommand)]
    pub(super) verb: BackupsVerb,
}

#[derive(Debug, Subcommand)]
pub(super) enum BackupsVerb {
    /// List the archives, each with what `keep` says of it
    List {
        /// Only this job's
        #[arg(value_name = "JOB")]
        job: Option<String>,
    },
    /// Show what becomes of the archives in the days to come
    Plan {
        /// Only this job's
        #[arg(value_name = "JOB")]
        job: Option<String>,
        /// How many days
        #[arg(long, value_name = "N", default_value_t = DAYS,
              value_parser = clap::value_parser!(u16).range(1..=3_660))]
        days: u16,
    },
    /// Show what is known of an archive
    Show {
        /// A path, a file name, a job (its newest) or `latest`
        #[arg(value_name = "ARCHIVE")]
        archive: String,
    },
    /// Read archives back and compare them with what was written
    Verify {
        /// Paths, file names, jobs (their newest) or `latest` [default: all]
        #[arg(value_name = "ARCHIVE")]
        archives: Vec<String>,
        /// Private key to open them with [default: config/backup.key]
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// Restore an archive as a trial, check its databases and measure how long it takes
    Drill {
        /// A path, a file name or a job (its newest) [default: latest]
        #[arg(
            value_name = "ARCHIVE",
            default_value = "latest",
            hide_default_value = true
        )]
        archive: String,
        /// Private key to open it with [default: config/backup.key]
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
}

#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Debug, ClapArgs)]
pub(super) struct Restore {
    /// A path, a file name, a job (its newest), `latest`, or a date or time (the newest at or
    /// before it)
    #[arg(value_name = "ARCHIVE|TIME", required_unless_present = "undo")]
    pub(super) archive: Vec<String>,
    /// Only this: `database`, `config`, `logs` or a path; can be given several times
    /// [default: all but logs and history]
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    pub(super) only: Vec<String>,
    /// Extract into this folder instead, which must not exist or be empty
    #[arg(long, value_name = "DIR")]
    pub(super) to: Option<PathBuf>,
    /// Show how it differs from what is there, and do nothing
    #[arg(long, conflicts_with_all = ["to", "undo", "dry_run"])]
    pub(super) diff: bool,
    /// Show what it would do, and do nothing
    #[arg(long, conflicts_with = "to")]
    pub(super) dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    pub(super) yes: bool,
    /// Private key to open it with [default: config/backup.key]
    #[arg(long, value_name = "FILE")]
    pub(super) key: Option<PathBuf>,
    /// Put back what the last restore has replaced
    #[arg(long, conflicts_with_all = ["archive", "only", "to", "key"])]
    pub(super) undo: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Keys {
    #[command(subcommand)]
    pub(super) verb: KeysVerb,
}

#[derive(Debug, Subcommand)]
pub(super) enum KeysVerb {
    /// Show the public keys; private ones are never shown
    Show,
    /// Encrypt new archives to one more key
    Add(KeysAdd),
    /// Make a new key in place of the one in use, which is kept for older archives
    Rotate {
        /// Only show what would be done
        #[arg(long)]
        dry_run: bool,
    },
    /// Prove that a stored key opens the newest archive of each job
    Check {
        /// Private key to try [default: config/backup.key and the older ones beside it]
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
}

#[derive(Debug, ClapArgs)]
pub(super) struct KeysAdd {
    /// The public key
    #[arg(value_name = "AGE1…", required_unless_present = "generate")]
    pub(super) recipient: Option<String>,
    /// Make a new key in this file and add its public half
    #[arg(long, value_name = "FILE", conflicts_with = "recipient")]
    pub(super) generate: Option<PathBuf>,
    /// Only show what would be done
    #[arg(long)]
    pub(super) dry_run: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Analyse {
    /// The symbol
    #[arg(value_name = "SYMBOL")]
    pub(super) symbol: String,
    /// What to show, separated by commas: `rsi(14), close > sma(50)`
    #[arg(long, value_name = "EXPRS")]
    pub(super) show: Option<String>,
    /// Only bars from this day or time on
    #[arg(long, value_name = "TIME")]
    pub(super) from: Option<String>,
    /// Only bars up to this day or time
    #[arg(long, value_name = "TIME")]
    pub(super) to: Option<String>,
    /// Only the newest N [default: 10; all with --json, --from or --to]
    #[arg(long, value_name = "N")]
    pub(super) last: Option<usize>,
    /// Read the bars from a file with the columns date, open, high, low, close, volume
    #[arg(long, value_name = "FILE")]
    pub(super) csv: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Signals {
    /// Only this symbol's
    #[arg(value_name = "SYMBOL")]
    pub(super) symbol: Option<String>,
    /// Of how many days
    #[arg(long, value_name = "N", default_value_t = 7)]
    pub(super) days: u16,
}

#[derive(Debug, ClapArgs)]
pub(super) struct SignalStats {
    /// Of how many days
    #[arg(long, value_name = "N", default_value_t = 7)]
    pub(super) days: u16,
    /// Only this symbol's
    #[arg(long, value_name = "SYMBOL")]
    pub(super) symbol: Option<String>,
    /// Only this strategy's
    #[arg(long, value_name = "NAME")]
    pub(super) strategy: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Trades {
    #[command(subcommand)]
    pub(super) verb: TradesVerb,
}

#[derive(Debug, Subcommand)]
pub(super) enum TradesVerb {
    /// Add one trade
    Add(TradeAdd),
    /// Add the trades in a file with the columns date, symbol, side, quantity,
    /// price, and if it has them fee, strategy, note
    Import {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Show what it would do, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// List the trades, oldest first
    List {
        /// Only this symbol's
        #[arg(value_name = "SYMBOL")]
        symbol: Option<String>,
    },
}

#[derive(Debug, ClapArgs)]
pub(super) struct TradeAdd {
    /// The symbol
    #[arg(value_name = "SYMBOL")]
    pub(super) symbol: String,
    /// `buy` or `sell`
    #[arg(value_name = "SIDE")]
    pub(super) side: Side,
    /// How many
    #[arg(value_name = "QUANTITY")]
    pub(super) quantity: Micros,
    /// The price of one
    #[arg(value_name = "PRICE")]
    pub(super) price: Micros,
    /// What the trade cost
    #[arg(long, value_name = "AMOUNT", default_value = "0")]
    pub(super) fee: Micros,
    /// When [default: now]
    #[arg(long, value_name = "TIME")]
    pub(super) at: Option<String>,
    /// The strategy that led to it
    #[arg(long, value_name = "NAME")]
    pub(super) strategy: Option<String>,
    /// What to remember of it
    #[arg(long, value_name = "TEXT")]
    pub(super) note: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct TradeStats {
    /// Of how many days
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub(super) days: u16,
    /// What the account began with; without it there is no return to reckon with
    #[arg(long, value_name = "AMOUNT")]
    pub(super) capital: Option<Micros>,
}
