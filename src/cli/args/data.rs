//! Options of the verbs about archives, keys and rows that were removed.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

use super::DAYS;

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Prune {
    /// Put back the rows that this run has removed
    #[arg(long, value_name = "RUN", required = true)]
    pub(in crate::cli) undo: i64,
    /// Show what it would do, and do nothing
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    /// Private key to open the archives with [default: config/backup.key]
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) key: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Backups {
    #[command(subcommand)]
    pub(in crate::cli) verb: BackupsVerb,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum BackupsVerb {
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
pub(in crate::cli) struct Restore {
    /// A path, a file name, a job (its newest), `latest`, or a date or time (the newest at or
    /// before it)
    #[arg(value_name = "ARCHIVE|TIME", required_unless_present = "undo")]
    pub(in crate::cli) archive: Vec<String>,
    /// Only this: `database`, `config`, `logs` or a path; can be given several times
    /// [default: all but logs and history]
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    pub(in crate::cli) only: Vec<String>,
    /// Extract into this folder instead, which must not exist or be empty
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) to: Option<PathBuf>,
    /// Show how it differs from what is there, and do nothing
    #[arg(long, conflicts_with_all = ["to", "undo", "dry_run"])]
    pub(in crate::cli) diff: bool,
    /// Show what it would do, and do nothing
    #[arg(long, conflicts_with = "to")]
    pub(in crate::cli) dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    pub(in crate::cli) yes: bool,
    /// Private key to open it with [default: config/backup.key]
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) key: Option<PathBuf>,
    /// Put back what the last restore has replaced
    #[arg(long, conflicts_with_all = ["archive", "only", "to", "key"])]
    pub(in crate::cli) undo: bool,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Keys {
    #[command(subcommand)]
    pub(in crate::cli) verb: KeysVerb,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum KeysVerb {
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
pub(in crate::cli) struct KeysAdd {
    /// The public key
    #[arg(value_name = "AGE1…", required_unless_present = "generate")]
    pub(in crate::cli) recipient: Option<String>,
    /// Make a new key in this file and add its public half
    #[arg(long, value_name = "FILE", conflicts_with = "recipient")]
    pub(in crate::cli) generate: Option<PathBuf>,
    /// Only show what would be done
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
}
