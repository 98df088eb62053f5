//! A damaged ledger is set aside, never deleted, and a new one begun.
//!
//! The files are renamed without being opened: opening and closing a database by any way but SQLite
//! drops the locks of its other connections in this process.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::{Error, Ledger, schema};
use crate::{clock::Clock, files, sqlite, sqlite::Trouble};

/// A ledger that was damaged: under which name it is kept, and what was wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// The database file; its log, if there was one, lies beside it.
    pub path: PathBuf,
    /// What was wrong.
    pub why: String,
}

/// What stands between the name of a ledger and the instant at which it was set aside.
const MARK: &str = ".corrupt-";

/// What the files of a database are called beside its own name.
const FILES: [&str; 4] = ["", "-wal", "-shm", "-journal"];

impl Ledger {
    /// Opens the ledger for a life that will write to it: one that is damaged is set aside and a
    /// new one begun. Call it under the instance lock.
    ///
    /// What SQLite notices when it opens a database is always noticed, and whether all tables are
    /// there. Every page is looked at only if the last life did not end in good order: a clean
    /// start stays fast.
    ///
    /// # Errors
    /// [`Error::Open`] for any other trouble, [`Error::TooNew`], [`Error::SetAside`].
    pub fn open_sound(path: &Path, clock: &Clock) -> Result<(Self, Option<SetAside>), Error> {
        if !path.exists() && beside(path, "-wal").exists() {
            // SQLite would delete it. An earlier setting aside was cut short, or somebody has
            // removed the database alone.
            let why = "the database is gone, its write-ahead log is not";
            return renew(path, clock, why.to_owned()).map(renewed);
        }
        let checked = Self::open(path, clock.clone()).and_then(|ledger| {
            ledger.check()?;
            Ok(ledger)
        });
        match checked {
            Ok(ledger) => Ok((ledger, None)),
            Err(error) if error.trouble() == Trouble::Damaged => {
                renew(path, clock, reason(&error)).map(renewed)
            }
            Err(error) => Err(error),
        }
    }

    /// Sets this ledger aside, because a statement has met the damage `found`, and begins a new one.
    /// Call it under the instance lock.
    ///
    /// # Errors
    /// [`Error::SetAside`], [`Error::Open`].
    pub fn give_up(self, found: &Error) -> Result<(Self, SetAside), Error> {
        sqlite::fold_on_close(&self.lock(), false).map_err(self.failed("close"))?;
        let (path, clock) = (self.path.clone(), self.clock.clone());
        drop(self);
        renew(&path, &clock, reason(found))
    }

    /// Whether a ledger was ever set aside here and is still kept.
    pub fn was_set_aside(path: &Path) -> bool {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return false;
        };
        let mark = format!("{name}{MARK}");
        let entries = fs::read_dir(files::parent(path)).into_iter().flatten();
        entries
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().starts_with(&mark))
    }

    /// Looks for damage that SQLite does not notice by itself. A ledger that is found to be damaged
    /// is closed without being written to.
    fn check(&self) -> Result<(), Error> {
        let connection = self.lock();
        let damage = damage(&connection).map_err(self.failed("look for damage"));
        if !matches!(damage, Ok(None)) {
            sqlite::fold_on_close(&connection, false).map_err(self.failed("close"))?;
        }
        damage?.map_or(Ok(()), |what| {
            Err(Error::Damaged {
                path: self.path.clone(),
                what,
            })
        })
    }
}

fn renewed((ledger, kept): (Ledger, SetAside)) -> (Ledger, Option<SetAside>) {
    (ledger, Some(kept))
}

/// Sets the files at `path` aside, with no connection of this process open, and begins anew.
fn renew(path: &Path, clock: &Clock, why: String) -> Result<(Ledger, SetAside), Error> {
    let kept = set_aside(path, clock.now()).map_err(|source| Error::SetAside {
        path: path.to_owned(),
        source,
    })?;
    let ledger = Ledger::open(path, clock.clone())?;
    Ok((ledger, SetAside { path: kept, why }))
}

/// What is wrong with a ledger that was opened; `None` if it is sound as far as it was looked at.
fn damage(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let expected = Connection::open_in_memory()?;
    for migration in schema::MIGRATIONS {
        expected.execute_batch(migration)?;
    }
    let found = columns(connection)?;
    let mut missing = columns(&expected)?.into_iter();
    if let Some((table, column)) = missing.find(|column| !found.contains(column)) {
        let what = if found.iter().any(|(other, _)| *other == table) {
            format!("the column `{column}` of the table `{table}` is missing")
        } else {
            format!("the table `{table}` is missing")
        };
        return Ok(Some(what));
    }
    if ended_well(connection)? {
        return Ok(None);
    }
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    Ok((verdict != "ok").then_some(verdict))
}

/// All tables with their columns.
fn columns(connection: &Connection) -> rusqlite::Result<BTreeSet<(String, String)>> {
    connection
        .prepare(
            "SELECT tables.name, columns.name
             FROM sqlite_schema AS tables JOIN pragma_table_info(tables.name) AS columns
             WHERE tables.type = 'table'",
        )?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// Whether the newest life, if there was one, ended in good order.
fn ended_well(connection: &Connection) -> rusqlite::Result<bool> {
    let newest = "SELECT ended_at IS NOT NULL FROM instances ORDER BY id DESC LIMIT 1";
    let ended = connection.query_row(newest, [], |row| row.get(0));
    Ok(ended.optional()?.unwrap_or(true))
}

fn reason(error: &Error) -> String {
    match error {
        Error::Damaged { what, .. } => what.clone(),
        Error::Open { source, .. } => source.to_string(),
        Error::Statement { source, .. } => source.to_string(),
        error => error.to_string(),
    }
}

/// Gives the database and its side files a name that is free and returns that of the database.
///
/// The database goes first: a process that dies here leaves a log without a database, which
/// [`Ledger::open_sound`] notices, and never a database that lacks its newest transactions.
fn set_aside(path: &Path, now: Timestamp) -> Result<PathBuf, files::Error> {
    let stamp = now.strftime("%Y%m%dT%H%M%SZ");
    let free = |kept: &PathBuf| {
        FILES
            .iter()
            .all(|suffix| beside(kept, suffix).symlink_metadata().is_err())
    };
    let kept = (1..=9_999u32)
        .map(|n| match n {
            1 => beside(path, &format!("{MARK}{stamp}")),
            n => beside(path, &format!("{MARK}{stamp}-{n}")),
        })
        .find(free)
        .unwrap_or_else(|| beside(path, MARK));
    for suffix in FILES {
        let from = beside(path, suffix);
        if from.symlink_metadata().is_ok() {
            files::publish(&from, &beside(&kept, suffix))?;
        }
    }
    Ok(kept)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests;
