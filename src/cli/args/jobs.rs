//! Options of the verbs about the daemon, its jobs and their runs.

use clap::{Args as ClapArgs, ValueEnum};

use crate::{units::Span, words::JobName};

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Start {
    /// Return as soon as it is up, and let it go on without this terminal
    #[arg(long)]
    pub(in crate::cli) detach: bool,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Stop {
    /// Tell running jobs to stop at once
    #[arg(long, conflicts_with = "timeout")]
    pub(in crate::cli) now: bool,
    /// How long running jobs may go on
    #[arg(long, value_name = "SPAN", default_value = "30s")]
    pub(in crate::cli) timeout: Span,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct RunJob {
    /// The job
    #[arg(value_name = "JOB")]
    pub(in crate::cli) job: String,
    /// Show what it would do, and do nothing
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    /// Let it do what it refuses to do by itself, e.g. remove most of a table
    #[arg(long, conflicts_with = "dry_run")]
    pub(in crate::cli) yes: bool,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Retry {
    /// The number of the run, as `history` shows it
    #[arg(value_name = "RUN")]
    pub(in crate::cli) run: i64,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Cancel {
    /// The number of a run, or a job
    #[arg(value_name = "RUN|JOB")]
    pub(in crate::cli) target: String,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Pause {
    /// The job
    #[arg(value_name = "JOB")]
    pub(in crate::cli) job: JobName,
    /// For how long [default: until it is resumed]
    #[arg(long = "for", value_name = "SPAN")]
    pub(in crate::cli) span: Option<Span>,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Resume {
    /// The job
    #[arg(value_name = "JOB")]
    pub(in crate::cli) job: JobName,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Next {
    /// Only this job's
    #[arg(value_name = "JOB")]
    pub(in crate::cli) job: Option<String>,
    /// All up to this time: `7d`, `tomorrow`, `2026-12-01` (its start) …
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) until: Option<String>,
    /// How many [default: 10; with --until 10000]
    #[arg(short = 'n', value_name = "N")]
    pub(in crate::cli) count: Option<usize>,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Plan {
    /// Start at this time: `2026-12-01`, `tomorrow`, `7d` … [default: now]
    #[arg(long, value_name = "TIME", num_args = 1..)]
    pub(in crate::cli) from: Vec<String>,
    /// For how many days
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=3660))]
    pub(in crate::cli) days: u16,
    /// When the computer sleeps every day, as `23:00-07:30`
    #[arg(long, value_name = "TIMES")]
    pub(in crate::cli) asleep: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Explain {
    /// The job
    #[arg(value_name = "JOB")]
    pub(in crate::cli) job: String,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Why {
    /// The job
    #[arg(value_name = "JOB")]
    pub(in crate::cli) job: String,
    /// A day (`2026-11-24`, `yesterday`), or a time: its slot or the one before it
    /// [default: the newest slots]
    #[arg(value_name = "TIME")]
    pub(in crate::cli) time: Vec<String>,
    /// How many [default: 20, of the last day if there are more than 5]
    #[arg(short = 'n', value_name = "N")]
    pub(in crate::cli) count: Option<usize>,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct When {
    /// The expression: five or six cron fields, `@daily`, `every 5m`, `at open+5m` …
    #[arg(value_name = "EXPR")]
    pub(in crate::cli) expression: String,
    /// The zone to read it in [default: the computer's]
    #[arg(long, value_name = "TZ")]
    pub(in crate::cli) timezone: Option<String>,
    /// The calendar that `at open` counts from and that other instants keep to
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) calendar: Option<String>,
    /// Of the calendar's sessions only the trading hours
    #[arg(long, value_name = "PART", requires = "calendar")]
    pub(in crate::cli) only: Option<Part>,
    /// Start after this time: `2026-12-01 02:00`, `tomorrow`, `7d` … [default: now]
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) after: Option<String>,
    /// How many
    #[arg(short = 'n', value_name = "N", default_value_t = 5)]
    pub(in crate::cli) count: usize,
}

/// A part of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Part {
    /// From the open to the close, without the lunch break.
    Open,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Calendar {
    /// The calendar whose sessions to show [default: list the calendars]
    #[arg(value_name = "NAME")]
    pub(in crate::cli) name: Option<String>,
    /// The year [default: this one]
    #[arg(long, value_name = "YEAR", requires = "name")]
    pub(in crate::cli) year: Option<i16>,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct History {
    /// Only this job's
    #[arg(value_name = "JOB")]
    pub(in crate::cli) job: Option<JobName>,
    /// Only runs that did not do what they are for
    #[arg(long)]
    pub(in crate::cli) failed: bool,
    /// How many
    #[arg(short = 'n', value_name = "N", default_value_t = 20)]
    pub(in crate::cli) count: u32,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Journal {
    /// How many, the newest [default: 20; all with --since]
    #[arg(short = 'n', value_name = "N")]
    pub(in crate::cli) count: Option<u32>,
    /// From when on, e.g. `24h`, `yesterday`, `2026-11-24 02:00`
    #[arg(long, value_name = "WHEN")]
    pub(in crate::cli) since: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Logs {
    /// Only lines about this job, or about the run with this number
    #[arg(value_name = "JOB|RUN")]
    pub(in crate::cli) target: Option<String>,
    /// Go on with what is written, until Ctrl-C
    #[arg(short, long, conflicts_with = "until")]
    pub(in crate::cli) follow: bool,
    /// How many, the newest [default: 20; all with --since or --until]
    #[arg(short = 'n', value_name = "N")]
    pub(in crate::cli) count: Option<usize>,
    /// From when on, e.g. `24h`, `yesterday`, `2026-11-24 02:00`
    #[arg(long, value_name = "WHEN")]
    pub(in crate::cli) since: Option<String>,
    /// Before when
    #[arg(long, value_name = "WHEN")]
    pub(in crate::cli) until: Option<String>,
    /// As bad as this or worse: error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL", value_parser = crate::logs::level)]
    pub(in crate::cli) level: Option<tracing::Level>,
    /// With this in the line as it is shown: a regular expression, or text
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) grep: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(in crate::cli) shell: clap_complete::Shell,
}
