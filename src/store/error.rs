//! What can go wrong with the store, whether trying again helps, and what a person can do.

use std::path::PathBuf;

use crate::{
    analysis::BookError,
    files, sqlite,
    sqlite::Trouble,
    suggest::{nearest, one_of},
    watch::{CancelReason, Cancelled},
};

/// What went wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of it could not be made, named or removed.
    #[error(transparent)]
    File(#[from] files::Error),
    /// It could not be opened.
    #[error(transparent)]
    Open(#[from] sqlite::Error),
    /// Its rows could not be written.
    #[error("fill the sample database `{}`", path.display())]
    Fill {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The sample that the program carries cannot be read.
    #[error("read line {line} of the built-in sample")]
    Sample {
        /// Counted from 1.
        line: usize,
    },
    /// There is no database.
    #[error("there is no database `{}`", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// Another program holds a lock that was waited for.
    #[error("{act}: database `{}` is locked by another program", path.display())]
    Locked {
        /// What was being done.
        act: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A statement failed.
    #[error("{act} in `{}`", path.display())]
    Statement {
        /// What was being done.
        act: &'static str,
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// No table is called so.
    #[error("there is no table `{table}`")]
    NoTable {
        /// As asked for.
        table: String,
        /// Those there are.
        there: Vec<String>,
    },
    /// No column is called so.
    #[error("the table `{table}` has no column `{column}`")]
    NoColumn {
        /// The table.
        table: String,
        /// As asked for.
        column: String,
        /// Those there are.
        there: Vec<String>,
    },
    /// Rows of this table cannot be removed and put back.
    #[error("`{table}` cannot be pruned: {why}")]
    Unprunable {
        /// The table.
        table: String,
        /// Why.
        why: String,
    },
    /// A column does not hold times that can be compared.
    #[error("`{table}.{column}` cannot be compared with a time: {what}")]
    Times {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// What was found, with examples.
        what: String,
    },
    /// The pages contradict each other.
    #[error("database `{}` is damaged: {problem}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The first thing SQLite found.
        problem: String,
    },
    /// The trades make no sense.
    #[error(transparent)]
    Book(#[from] BookError),
    /// The work was told to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Error {
    /// Names the file, and tells a lock from the rest.
    pub(super) fn statement(act: &'static str, path: PathBuf, source: rusqlite::Error) -> Self {
        match Trouble::of(&source) {
            Trouble::Locked => Self::Locked { act, path },
            _ => Self::Statement { act, path, source },
        }
    }

    /// What it means for the database as a whole.
    pub fn trouble(&self) -> Trouble {
        match self {
            Self::File(error) => Trouble::of_file(&error.source),
            Self::Open(error) => error.trouble(),
            Self::Fill { source, .. } | Self::Statement { source, .. } => Trouble::of(source),
            Self::Locked { .. } => Trouble::Locked,
            Self::Damaged { .. } => Trouble::Damaged,
            _ => Trouble::Other,
        }
    }

    /// Whether the same work may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self.trouble(), Trouble::Locked | Trouble::Full)
    }

    /// Why the work was told to stop, if that is what happened.
    pub fn cancelled(&self) -> Option<CancelReason> {
        match self {
            Self::Cancelled(Cancelled(reason)) => Some(*reason),
            _ => None,
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Missing { .. } => "check `database` in jobs.yaml",
            Self::NoTable { table, there } => return Some(did_you_mean(table, there, "tables")),
            Self::NoColumn { column, there, .. } => {
                return Some(did_you_mean(column, there, "columns"));
            }
            Self::Unprunable { .. } => "take it out of `tables`",
            Self::Times { .. } => {
                "name a column that holds ISO 8601 text (2026-11-24T02:00:00Z), or seconds, or \
                 milliseconds since 1970, all of one kind"
            }
            Self::Open(sqlite::Error::TooNew { .. }) => {
                "use the newer bellkeeper that wrote it; this one has left it as it was"
            }
            _ => return self.trouble_hint(),
        };
        Some(hint.to_owned())
    }

    fn trouble_hint(&self) -> Option<String> {
        let hint = match self.trouble() {
            Trouble::Damaged => "restore the database from the last verified archive",
            Trouble::Locked => "close the program that holds it, or try again later",
            Trouble::Full => "free some space on the disk that holds it",
            Trouble::ReadOnly => "make the database and its folder writable for this user",
            Trouble::Closed | Trouble::Other => return None,
        };
        Some(hint.to_owned())
    }
}

fn did_you_mean(name: &str, there: &[String], what: &str) -> String {
    let names: Vec<&str> = there.iter().map(String::as_str).collect();
    match (nearest(name, names.iter().copied()), names.is_empty()) {
        (_, true) => format!("there are no {what}"),
        (Some(near), _) => format!("did you mean `{near}`? there are {}", one_of(&names)),
        (None, _) => format!("expected one of {}", one_of(&names)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_name_gets_the_right_ones() {
        let error = Error::NoTable {
            table: "signal".into(),
            there: vec!["bars".into(), "signals".into()],
        };
        assert_eq!(
            error.hint().unwrap(),
            "did you mean `signals`? there are `bars` or `signals`"
        );
        let error = Error::NoColumn {
            table: "t".into(),
            column: "moment".into(),
            there: vec!["ts".into()],
        };
        assert_eq!(error.hint().unwrap(), "expected one of `ts`");
    }

    #[test]
    fn a_lock_passes() {
        let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
        let source = rusqlite::Error::SqliteFailure(busy, None);
        let error = Error::statement("delete", "x".into(), source);
        assert!(matches!(error, Error::Locked { .. }) && error.is_retryable());
        assert!(error.hint().is_some());
    }
}
