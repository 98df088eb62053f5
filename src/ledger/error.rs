//! What can go wrong with the ledger.

use std::path::PathBuf;

use crate::sqlite::{self, Trouble};

/// What can go wrong with the ledger.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be opened or brought up to date.
    #[error("the ledger `{}` {trouble}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What that means.
        trouble: Trouble,
        /// What SQLite or the system said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It was written by a newer program.
    #[error(
        "the ledger `{}` is of a newer version: its schema is number {found}, this program \
         knows up to {known}",
        path.display()
    )]
    TooNew {
        /// The file.
        path: PathBuf,
        /// The number of its schema.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// SQLite finds nothing wrong when it opens it, but a closer look does.
    #[error("the ledger `{}` is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The first thing that is wrong.
        what: String,
    },
    /// A damaged ledger could not be set aside.
    #[error("set the damaged ledger `{}` aside", path.display())]
    SetAside {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: crate::files::Error,
    },
    /// A statement failed.
    #[error("{act} in the ledger `{}`", path.display())]
    Statement {
        /// What was being done, e.g. `claim slots`.
        act: &'static str,
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A row does not mean anything to this program.
    #[error("the ledger `{}` holds an unreadable row: {what}", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// The row and the column.
        what: String,
    },
}

impl Error {
    pub(super) fn opening(path: PathBuf, error: sqlite::Error) -> Self {
        let trouble = error.trouble();
        let source: Box<dyn std::error::Error + Send + Sync> = match error {
            sqlite::Error::TooNew { path, found, known } => {
                return Self::TooNew { path, found, known };
            }
            // The file is named already.
            sqlite::Error::Open { source, .. } => source.into(),
            sqlite::Error::File(error) => error.source.into(),
        };
        Self::Open {
            path,
            trouble,
            source,
        }
    }

    /// What it means for the ledger as a whole.
    pub fn trouble(&self) -> Trouble {
        match self {
            Self::Open { trouble, .. } => *trouble,
            Self::Damaged { .. } => Trouble::Damaged,
            Self::SetAside { source, .. } => Trouble::of_file(&source.source),
            Self::Statement { source, .. } => Trouble::of(source),
            Self::TooNew { .. } | Self::Row { .. } => Trouble::Other,
        }
    }
}
