//! Why files were not put back.

use std::path::PathBuf;

use crate::{archive, sqlite, swap};

/// Why files were not put back; nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The swap failed.
    #[error(transparent)]
    Swap(#[from] swap::Error),
    /// The archive holds nothing of what was asked for.
    #[error("`{}` holds nothing of {}", path.display(), asked.join(", "))]
    HoldsNone {
        /// The archive.
        path: PathBuf,
        /// What was asked for.
        asked: Vec<String>,
        /// What it holds instead: the first parts of its names.
        holds: Vec<String>,
    },
    /// No archive that is old enough holds what was asked for.
    #[error("no archive {when} holds {}", asked.join(", "))]
    NoneHolds {
        /// Which archives were looked at: `of … or before`.
        when: String,
        /// What was asked for.
        asked: Vec<String>,
    },
    /// The archive, or a database in it, is damaged.
    #[error("this archive cannot be used")]
    Damaged {
        /// What is wrong with it.
        source: archive::Error,
        /// The file name of the next older one that is not known to be damaged.
        instead: Option<String>,
    },
    /// Something that is no file stands where a file belongs.
    #[error("`{}` is in the way: it is no file", path.display())]
    InTheWay {
        /// What is there.
        path: PathBuf,
    },
    /// No job file says where a database belongs.
    #[error("nobody can tell where the database `{}` belongs", path.display())]
    Homeless {
        /// Its name inside the archive.
        path: PathBuf,
    },
    /// A name that cannot be written down.
    #[error("the name `{}` is not UTF-8", path.display())]
    Name {
        /// The place of the file.
        path: PathBuf,
    },
    /// A database of the archive is newer than this program.
    #[error(
        "the archive's `{}` has schema version {found}, this program knows up to {known}",
        path.display()
    )]
    TooNew {
        /// The database.
        path: PathBuf,
        /// Its `user_version`.
        found: i64,
        /// The newest version that is known.
        known: i64,
    },
    /// The ledger cannot be swapped under a daemon.
    #[error("`{}` is the ledger of the running daemon", path.display())]
    LedgerInUse {
        /// The ledger.
        path: PathBuf,
    },
    /// The databases could not be compared.
    #[error(transparent)]
    Compare(#[from] sqlite::Error),
    /// No restore keeps anything.
    #[error("there is no restore to undo")]
    NothingToUndo,
    /// The person told it to stop before anything was changed.
    #[error("cancelled; nothing has changed")]
    Cancelled,
}
