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
    Error,
    facts::{self, Depth},
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
        // SQLite takes a file that is shorter than its header for a database without pages.
        if pages == 0 && item.head.size > 0 {
            return Err(Error::NotADatabase { path });
        }
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
        for problem in facts::check(&self.connection, Depth::Quick, watch, &error)? {
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
            // Either way would make up a first page.
            _ if self.facts.pages == 0 => 0,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::{entry::EntryKind, testing::World};

    fn item(path: &Path) -> Item {
        let entry = super::super::EntryName::parse(b"d.db").unwrap();
        let metadata = path.metadata().unwrap();
        Item {
            path: path.to_owned(),
            head: super::super::walk::head(&entry, &metadata, EntryKind::File),
            id: (0, 0),
            born: None,
        }
    }

    fn how(world: &World, copy: bool) -> How {
        How {
            folder: world.path("logs"),
            patience: Duration::from_millis(1),
            copy,
        }
    }

    fn bytes(snapshot: &Snapshot) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut add = |page: &[u8]| {
            bytes.extend_from_slice(page);
            Ok(())
        };
        snapshot.pages(&mut add).unwrap();
        bytes
    }

    /// Archives and writes back a database; returns it and what was found.
    fn round_trip(world: &World, name: &str, copy: bool) -> (Connection, Database) {
        let watch = Watch::default();
        let path = world.path(name);
        let mut snapshot = Snapshot::open(&item(&path), &how(world, copy), &watch).unwrap();
        snapshot.examine(&watch).unwrap();
        let restored = format!("{name}-restored");
        world.put(&restored, &bytes(&snapshot));
        (world.database(&restored), snapshot.facts)
    }

    fn text(connection: &Connection, query: &str) -> String {
        connection.query_row(query, [], |row| row.get(0)).unwrap()
    }

    const FILL: &str = "
        CREATE TABLE t(id INTEGER PRIMARY KEY, timestamp TEXT, body TEXT);
        CREATE TABLE w(k TEXT PRIMARY KEY, created_at INTEGER) WITHOUT ROWID;
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
        INSERT INTO t SELECT i, printf('2026-01-%02d', i % 28 + 1), hex(zeroblob(i)) FROM n;
        INSERT INTO w SELECT 'k' || id, id FROM t WHERE id <= 40;
        DELETE FROM t WHERE id % 3 = 0;";

    #[test]
    fn every_kind_of_database_comes_back_as_it_was() {
        let world = World::new();
        let mut number = 0;
        for page_size in [512, 1024, 4096, 65536] {
            for vacuum in ["NONE", "FULL", "INCREMENTAL"] {
                for (encoding, journal) in [("UTF-8", "WAL"), ("UTF-16le", "DELETE")] {
                    number += 1;
                    let name = format!("data/{number}.db");
                    let live = world.database(&name);
                    live.execute_batch(&format!(
                        "PRAGMA page_size = {page_size}; PRAGMA auto_vacuum = {vacuum};
                         PRAGMA encoding = '{encoding}'; PRAGMA journal_mode = {journal};
                         PRAGMA user_version = 5; {FILL}"
                    ))
                    .unwrap();
                    let (restored, facts) = round_trip(&world, &name, number % 4 == 0);
                    assert_eq!(text(&restored, "PRAGMA integrity_check"), "ok", "{name}");
                    assert_eq!(text(&restored, "PRAGMA encoding"), encoding);
                    let all = "SELECT group_concat(id || timestamp || body) FROM t";
                    assert_eq!(text(&restored, all), text(&live, all));
                    assert_eq!((facts.page_size, facts.schema_version), (page_size, 5));
                    let rows: Vec<_> = facts.tables.iter().map(|t| (t.rows, &t.newest)).collect();
                    let newest = Some("2026-01-28".into());
                    assert_eq!(rows, [(Some(200), &newest), (Some(40), &Some(40.into()))]);
                }
            }
        }
    }

    #[test]
    fn full_text_search_and_an_empty_database_come_back() {
        let world = World::new();
        let live = world.database("data/fts.db");
        live.execute_batch("CREATE VIRTUAL TABLE f USING fts5(b); INSERT INTO f VALUES('one two')")
            .unwrap();
        let (restored, facts) = round_trip(&world, "data/fts.db", false);
        assert_eq!(
            text(&restored, "SELECT b FROM f WHERE f MATCH 'two'"),
            "one two"
        );
        assert_eq!((facts.tables.len(), facts.tables[0].rows), (1, Some(1)));
        world.put("data/empty.db", b"");
        for copy in [false, true] {
            let (_, facts) = round_trip(&world, "data/empty.db", copy);
            assert_eq!((facts.size(), facts.tables.len()), (0, 0));
        }
    }

    #[test]
    fn commits_after_the_snapshot_are_not_in_it() {
        let world = World::new();
        let live = world.database("data/trading.db");
        live.execute_batch("PRAGMA journal_mode = WAL").unwrap();
        for copy in [false, true] {
            let item = item(&world.path("data/trading.db"));
            let snapshot = Snapshot::open(&item, &how(&world, copy), &Watch::default()).unwrap();
            let before: i64 = live
                .query_row("SELECT count(*) FROM signals", [], |row| row.get(0))
                .unwrap();
            live.execute_batch("INSERT INTO signals(timestamp) VALUES ('2027-01-01')")
                .unwrap();
            let name = format!("data/r{copy}");
            world.put(&name, &bytes(&snapshot));
            let query = "SELECT count(*) FROM signals";
            let restored: i64 = world
                .database(&name)
                .query_row(query, [], |row| row.get(0))
                .unwrap();
            assert_eq!(restored, before);
        }
    }

    #[test]
    fn a_temporary_copy_is_gone_afterwards() {
        let world = World::new();
        round_trip(&world, "data/trading.db", true);
        assert_eq!(crate::archive::testing::names(&world.path("logs")), [""; 0]);
    }

    #[test]
    fn locked_broken_and_foreign_files_are_told_apart() {
        let world = World::new();
        let watch = Watch::default();
        let open = |name: &str| {
            let mut snapshot =
                Snapshot::open(&item(&world.path(name)), &how(&world, false), &watch)?;
            snapshot.examine(&watch)
        };
        world.put("data/text.db", &b"this is no database at all ".repeat(50));
        assert!(matches!(
            open("data/text.db"),
            Err(Error::NotADatabase { .. })
        ));

        let holder = world.database("data/trading.db");
        holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
        let error = open("data/trading.db").unwrap_err();
        assert!(matches!(error, Error::Locked { .. }) && error.is_retryable());
        holder.execute_batch("ROLLBACK").unwrap();

        let mut pages = std::fs::read(world.path("data/trading.db")).unwrap();
        for byte in pages.iter_mut().skip(4096).take(2000) {
            *byte = 0xaa;
        }
        world.put("data/broken.db", &pages);
        let error = open("data/broken.db").unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    }

    #[test]
    fn rows_that_break_a_rule_are_a_note() {
        let world = World::new();
        world
            .database("data/rule.db")
            .execute_batch(
                "CREATE TABLE t(a CHECK(a > 0)); PRAGMA ignore_check_constraints = ON;
                 INSERT INTO t VALUES(-1)",
            )
            .unwrap();
        let item = item(&world.path("data/rule.db"));
        let watch = Watch::default();
        let mut snapshot = Snapshot::open(&item, &how(&world, false), &watch).unwrap();
        snapshot.examine(&watch).unwrap();
        assert_eq!(snapshot.notes[0].note, "CHECK constraint failed in t");
    }
}
