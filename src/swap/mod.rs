//! Putting files in the place of others, all of them or none, and keeping the old ones.
//!
//! A swap has a folder of its own in `data/`, `.before-restore-STAMP`: what shall come stands under
//! `new/`, what was there goes under `old/`, and `RECORD.json` says what is meant. As long as there
//! is no record nothing has happened. Every single file changes by one rename, so whoever opens its
//! name sees the old or the new one, whole. A process that dies on the way leaves the record, and the
//! next one that works in this root ends what was begun ([`settle`]), or finds that nothing was.
//!
//! What is kept can be put back the same way ([`turn`]), and that again.

use std::path::PathBuf;

use crate::{files, lock, sqlite};

mod apply;
mod folder;
mod record;
mod settle;
#[cfg(test)]
mod tests;

pub use apply::{apply, turn};
pub use folder::{KEPT, PREFIX, Staging, check_over, kept, outdated, remove};
pub use record::{Act, Item, Kept, Kind, Record, Side};
pub use settle::{Settled, settle};

/// Another process that has a file open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The process.
    pub pid: u32,
    /// Its name; may be empty.
    pub program: String,
}

/// Who has any of these files open.
pub type Users<'a> = &'a dyn Fn(&[PathBuf]) -> Vec<User>;

/// Why files were not swapped; nothing has changed then unless the variant says so.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Other programs have a database open.
    #[error("`{}` is open in another program{}", path.display(), named(users))]
    InUse {
        /// The database.
        path: PathBuf,
        /// Who they are; empty where the system does not tell.
        users: Vec<User>,
    },
    /// Another process is swapping files in this root.
    #[error("another restore is going on (pid {pid})")]
    Busy {
        /// That process; 0 if it is not known yet.
        pid: u32,
    },
    /// A swap in this root was cut short: it has to be ended before another one begins.
    #[error("the restore in `{}` is not over", path.display())]
    Unfinished {
        /// The folder of that swap.
        path: PathBuf,
    },
    /// What was to be put back is not what was looked at: another command has been here.
    #[error("`{}` has changed meanwhile", path.display())]
    Changed {
        /// The folder of the swap.
        path: PathBuf,
    },
    /// A database could not be taken or folded.
    #[error(transparent)]
    Database(#[from] sqlite::Error),
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] files::Error),
    /// The folder of a swap could not be taken.
    #[error(transparent)]
    Lock(lock::Error),
    /// A record cannot be read or written.
    #[error("record `{}`: {what}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// It failed on the way, and what was done could not all be taken back now: the next command that
    /// works in this root ends it.
    #[error("the swap was cut short and is not over")]
    CutShort {
        /// What went wrong.
        source: Box<Error>,
    },
}

fn named(users: &[User]) -> String {
    let names: Vec<String> = users
        .iter()
        .map(|user| {
            format!("pid {} {}", user.pid, user.program)
                .trim_end()
                .to_owned()
        })
        .collect();
    if names.is_empty() {
        return String::new();
    }
    format!(": {}", names.join(", "))
}

impl From<lock::Error> for Error {
    fn from(error: lock::Error) -> Self {
        match error {
            lock::Error::Held { holder, .. } => Self::Busy {
                pid: holder.map_or(0, |holder| holder.pid),
            },
            other @ lock::Error::File(_) => Self::Lock(other),
        }
    }
}
