//! What is asked of the archive writer, and what it makes of that before it starts.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    keys::Recipient, manifest::Manifest, name::ArchiveName, sidecar::Sidecar, snapshot::Snapshot,
    source::Source, walk::Item,
};
use crate::{clock::Clock, gzip::Level, sqlite, words::JobName};

/// What to archive, where to and for whom.
#[derive(Debug, Clone)]
pub struct Request {
    /// The folder of the archives; made if it is not there.
    pub folder: PathBuf,
    /// The job.
    pub job: JobName,
    /// The slot.
    pub slot: Timestamp,
    /// The run.
    pub run_id: i64,
    /// Why the run exists.
    pub trigger: String,
    /// The name of this machine.
    pub host: String,
    /// The version of this program.
    pub version: String,
    /// What goes in.
    pub sources: Vec<Source>,
    /// Databases that this process may have open although they are no source (the ledger): they
    /// are never touched but through SQLite.
    pub live: Vec<PathBuf>,
    /// What stays out, with all it holds: lock file, socket, the archives themselves.
    pub exclude: Vec<PathBuf>,
    /// Where the private key is; named in RESTORE.txt and never archived.
    pub key_file: PathBuf,
    /// To whom to encrypt; at least one.
    pub recipients: Vec<Recipient>,
    /// How hard to compress.
    pub level: Level,
    /// Compressing threads; 0 is one per core, at most 4.
    pub workers: usize,
    /// The clock.
    pub clock: Clock,
}

/// An archive that is complete, verified and has its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    /// Where it is.
    pub path: PathBuf,
    /// Its name.
    pub name: ArchiveName,
    /// Its sidecar.
    pub sidecar: Sidecar,
}

/// What is about to be read.
pub(super) struct Plan {
    pub(super) snapshots: Vec<(Item, Snapshot)>,
    pub(super) items: Vec<Item>,
    pub(super) manifest: Manifest,
}

/// Where tests can reach in; in production nothing happens there.
pub(super) struct Seams<'a> {
    /// What the bytes of the archive are written to.
    pub(super) output: &'a dyn Fn(File) -> Box<dyn Write + Send>,
    /// All sources were found; none was read.
    pub(super) listed: &'a dyn Fn(),
    /// A file was opened and will now be read.
    pub(super) opened: &'a dyn Fn(&Path),
    /// Copy databases even where their pages can be streamed.
    pub(super) copy: bool,
    /// How long to wait for another program's lock on a database.
    pub(super) patience: Duration,
}

impl Default for Seams<'_> {
    fn default() -> Self {
        Self {
            output: &|file| Box::new(file),
            listed: &|| {},
            opened: &|_| {},
            copy: false,
            patience: sqlite::BUSY_TIMEOUT,
        }
    }
}
