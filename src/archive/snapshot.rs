//! A database as it is at one instant: its pages out of one read transaction, never a copy of the
//! live file.
//!
//! Pages come from `sqlite_dbpage`, so nothing unencrypted is written to disk and the writer is
//! never held up in WAL mode. An SQLite without it falls back to a private temporary file.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, backup};
use tempfile::NamedTempFile;

use super::{
    Error, facts,
    manifest::{Database, Note},
    walk::Item,
};
use crate::{files, sqlite, watch::Watch};

/// How temporary copies are called; what a crash leaves can be told by it.
pub(super) const COPY_PREFIX: &str = ".snapshot-";

/// How pages are read.
#[derive(Debug, Clone)]
pub(super) struct How {
    /// Where a temporary copy goes if one is needed.
    pub(super) folder: PathBuf,
    /// How long to wait for another program's lock.
    pub(super) patience: Duration,
    /// Whether to copy even where pages can be streamed; for tests.
    pub(super) copy: bool,
}

/// A database with an open read transaction.
#[derive(Debug)]
pub(super) struct Snapshot {
    path: PathBuf,
    connection: Connection,
    copy: Option<NamedTempFile>,
    pub(super) facts: Database,
    pub(super) notes: Vec<Note>,
}

impl Snapshot {
    /// Fixes the snapshot and finds out what it holds.
    ///
    /// # Errors
    /// [`Error::NotADatabase`], [`Error::Locked`], [`Error::Corrupt`] or [`Error::Database`].
    pub(super) fn open(item: &Item, how: &How, watch: &Watch) -> Result<Self, Error> {
        let path = item.path.clone();
        let wrap = |error| wrap(&path, error);
        let connection = sqlite::open_existing(&path).map_err(|error| match error {
            sqlite::Error::Open { source, .. } => wrap(source),
            other => other.into(),
        })?;
        connection.busy_timeout(how.patience).map_err(wrap)?;
        // BEGIN alone takes no snapshot: the first read does.
        connection.execute_batch("BEGIN").map_err(wrap)?;
        let first = "SELECT count(*) FROM sqlite_schema";
        let _tables: i64 = connection
            .query_row(first, [], |row| row.get(0))
            .map_err(wrap)?;
        let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get(0));
        let (page_size, pages): (i64, i64) = (
            number("page_size").map_err(wrap)?,
            number("page_count").map_err(wrap)?,
        );
        let facts = Database {
            entry: item.head.path.clone(),
            page_size: page_size.unsigned_abs(),
            pages: pages.unsigned_abs(),
            schema_version: number("user_version").map_err(wrap)?,
            tables: Vec::new(),
        };
        let mut this = Self {
            path: path.clone(),
            connection,
            copy: None,
            facts,
            notes: Vec::new(),
        };
        if how.copy || !sqlite::has_dbpage(&this.connection).map_err(wrap)? {
            this.copy = Some(this.copy_to(&how.folder)?);
        }
        watch.cancel.checkpoint()?;
        Ok(this)
    }

    /// Checks the database and counts its rows, within the snapshot.
    pub(super) fn examine(&mut self, watch: &Watch) -> Result<(), Error> {
        if self.facts.pages == 0 {
            return Ok(());
        }
        let error = |error| wrap(&self.path, error);
        for problem in facts::check(&self.connection, watch, &error)? {
            if !facts::is_only_a_constraint(&problem) {
                let path = self.path.clone();
                return Err(Error::Corrupt { path, problem });
            }
            self.notes.push(Note::new(&self.facts.entry, problem));
        }
        self.facts.tables = facts::tables(&self.connection, watch, &error)?;
        Ok(())
    }

    /// Hands over all pages in order; together they are the database file.
    pub(super) fn pages(
        &self,
        each: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let sent = match &self.copy {
            Some(copy) => self.copied_pages(copy.path(), each)?,
            None => self.streamed_pages(each)?,
        };
        if sent == self.facts.size() {
            return Ok(());
        }
        let problem = format!("{sent} bytes of pages instead of {}", self.facts.size());
        let path = self.path.clone();
        Err(Error::Corrupt { path, problem })
    }

    fn streamed_pages(
        &self,
        each: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<u64, Error> {
        let wrap = |error| wrap(&self.path, error);
        if self.facts.pages == 0 {
            return Ok(0);
        }
        let query = "SELECT data FROM sqlite_dbpage('main') ORDER BY pgno";
        let mut statement = self.connection.prepare(query).map_err(wrap)?;
        let mut rows = statement.query([]).map_err(wrap)?;
        let mut sent = 0;
        while let Some(row) = rows.next().map_err(wrap)? {
            let page = row.get_ref(0).map_err(wrap)?;
            let page = page.as_blob().map_err(|error| wrap(error.into()))?;
            each(page)?;
            sent += super::hash::length(page);
        }
        Ok(sent)
    }

    fn copied_pages(
        &self,
        copy: &Path,
        each: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<u64, Error> {
        let read = |source| Error::Read {
            path: self.path.clone(),
            source,
        };
        let mut file = File::open(copy).map_err(read)?;
        let mut buffer = vec![0; 64 << 10];
        let mut sent = 0;
        loop {
            let read = file.read(&mut buffer).map_err(read)?;
            let bytes = buffer.get(..read).unwrap_or_default();
            if bytes.is_empty() {
                return Ok(sent);
            }
            each(bytes)?;
            sent += super::hash::length(bytes);
        }
    }

    /// One step without end: in a read transaction the copy is never started over.
    fn copy_to(&self, folder: &Path) -> Result<NamedTempFile, Error> {
        let wrap = |error| wrap(&self.path, error);
        let temp = tempfile::Builder::new()
            .prefix(COPY_PREFIX)
            .tempfile_in(folder)
            .map_err(files::at("create a temporary file in", folder))?;
        let mut to = Connection::open(temp.path()).map_err(wrap)?;
        to.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
            .map_err(wrap)?;
        let copy = backup::Backup::new(&self.connection, &mut to).map_err(wrap)?;
        let done = copy.step(-1).map_err(wrap)?;
        drop(copy);
        if !matches!(done, backup::StepResult::Done) {
            let path = self.path.clone();
            return Err(Error::Locked { path });
        }
        Ok(temp)
    }
}

fn wrap(path: &Path, source: rusqlite::Error) -> Error {
    let path = path.to_owned();
    match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => Error::NotADatabase { path },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Locked { path },
        Some(ErrorCode::DatabaseCorrupt) => Error::Corrupt {
            path,
            problem: source.to_string(),
        },
        _ => Error::Database { path, source },
    }
}
