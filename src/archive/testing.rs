//! What the tests of this module share: a small world with a database, settings and logs.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use jiff::Timestamp;
use rusqlite::Connection;
use tempfile::TempDir;

use super::{
    Identity, Manifest, Planned, Published, Request, Source, create, generate, identities,
};
use crate::{clock::Clock, files, gzip::Level, watch::Watch};

pub(super) struct World {
    root: TempDir,
}

impl World {
    /// A root with `data/trading.db`, `config/app.yaml` and a key.
    pub(super) fn new() -> Self {
        let root = TempDir::new().unwrap();
        let world = Self { root };
        for folder in ["data", "config", "logs"] {
            files::create_private_dir(&world.path(folder)).unwrap();
        }
        world.put("config/app.yaml", b"symbols: [AAPL]\n");
        generate(&world.path("config/backup.key"), Timestamp::UNIX_EPOCH).unwrap();
        world
            .database("data/trading.db")
            .execute_batch(
                "CREATE TABLE signals(id INTEGER PRIMARY KEY, timestamp TEXT);
                 INSERT INTO signals(timestamp) VALUES ('2026-01-01'), ('2026-01-02')",
            )
            .unwrap();
        world
    }

    pub(super) fn path(&self, relative: &str) -> PathBuf {
        self.root.path().join(relative)
    }

    pub(super) fn put(&self, relative: &str, bytes: &[u8]) {
        files::write_atomic(&self.path(relative), bytes).unwrap();
    }

    pub(super) fn database(&self, relative: &str) -> Connection {
        Connection::open(self.path(relative)).unwrap()
    }

    pub(super) fn keys(&self) -> Vec<Identity> {
        identities(&self.path("config/backup.key"))
            .unwrap()
            .unwrap()
    }

    /// A request for the given trees and, if `database`, the database.
    pub(super) fn request(&self, database: bool, trees: &[&str]) -> Request {
        let tree = |name: &&str| Source::Tree {
            path: self.path(name),
            entry: (*name).to_owned(),
        };
        let mut sources: Vec<_> = trees.iter().map(tree).collect();
        if database {
            sources.push(Source::Database {
                path: self.path("data/trading.db"),
                entry: "data/trading.db".into(),
            });
        }
        Request {
            folder: self.path("backups"),
            job: "backup-daily".parse().unwrap(),
            slot: "2026-11-23T02:00:00Z".parse().unwrap(),
            run_id: 7,
            trigger: "schedule".into(),
            host: "here".into(),
            version: "0.1.0".into(),
            sources,
            live: Vec::new(),
            exclude: Vec::new(),
            key_file: self.path("config/backup.key"),
            recipients: self.keys().iter().map(Identity::recipient).collect(),
            level: Level::Default,
            workers: 2,
            clock: Clock::System,
        }
    }

    pub(super) fn archive(&self, database: bool, trees: &[&str]) -> Published {
        create(&self.request(database, trees), &Watch::default()).unwrap()
    }

    /// All names in the folder of archives, sorted.
    pub(super) fn published(&self) -> Vec<String> {
        names(&self.path("backups"))
    }
}

/// The names in a folder, sorted.
pub(super) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

pub(super) fn manifest() -> Manifest {
    Manifest {
        format: 1,
        program: "bellkeeper".into(),
        version: "0.1.0".into(),
        job: "backup-daily".parse().unwrap(),
        slot: Timestamp::UNIX_EPOCH,
        run_id: 7,
        trigger: "schedule".into(),
        host: "here".into(),
        created_at: Timestamp::UNIX_EPOCH,
        planned: Planned {
            entries: 3,
            bytes: 100,
        },
        databases: Vec::new(),
        entries: Vec::new(),
        notes: Vec::new(),
        complete: false,
    }
}

/// Fails at the `left`-th write.
pub(super) struct Failing(pub(super) File, pub(super) Arc<AtomicUsize>);

impl Write for Failing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let step = |left: usize| left.checked_sub(1);
        if self
            .1
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, step)
            .is_err()
        {
            return Err(rustix::io::Errno::NOSPC.into());
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
