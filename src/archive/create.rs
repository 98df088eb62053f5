//! Making an archive from beginning to end.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    Error,
    entry::EntryKind,
    keys::Recipient,
    manifest::{FORMAT, Manifest, Note, Planned},
    name::ArchiveName,
    pipeline::{self, Streamed},
    publish::{self, Partial},
    restore_text,
    sidecar::{Sidecar, State},
    snapshot::{How, Snapshot},
    source::{Rules, Source},
    walk::{self, Item},
};
use crate::{
    clock::Clock,
    gzip::Level,
    sqlite,
    watch::{Cancelled, Watch},
    words::JobName,
};

/// The name of the program in manifests and sidecars.
const PROGRAM: &str = "bellkeeper";

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

/// Archives everything in `request`, verifies it and publishes it. Blocks; progress is counted in
/// plain bytes, and cancellation is obeyed between chunks.
///
/// # Errors
/// Any [`Error`]; nothing new is left in the folder then, and older archives are as they were.
pub fn create(request: &Request, watch: &Watch) -> Result<Published, Error> {
    create_with(request, watch, &Seams::default())
}

pub(super) fn create_with(
    request: &Request,
    watch: &Watch,
    seams: &Seams<'_>,
) -> Result<Published, Error> {
    attempt(request, watch, seams).map_err(|error| {
        // Threads that were told to stop fail in many ways; why they were told counts.
        let reason = watch.cancel.reason();
        reason.map_or(error, |reason| Cancelled(reason).into())
    })
}

/// What is about to be read.
pub(super) struct Plan {
    pub(super) snapshots: Vec<(Item, Snapshot)>,
    pub(super) items: Vec<Item>,
    pub(super) manifest: Manifest,
}

fn attempt(request: &Request, watch: &Watch, seams: &Seams<'_>) -> Result<Published, Error> {
    let started = request.clock.monotonic();
    if request.recipients.is_empty() {
        return Err(Error::NoRecipient {
            key_file: request.key_file.clone(),
        });
    }
    watch.cancel.checkpoint()?;
    publish::prepare(request)?;
    restore_text::write(&request.folder, &request.recipients, &request.key_file)?;
    watch.progress.step("database");
    let plan = plan(request, watch, seams)?;
    (seams.listed)();
    let (partial, file) = Partial::create(request)?;
    let streamed = pipeline::run(request, plan, &partial.path, file, watch, seams)?;
    watch.progress.step("publish");
    watch.cancel.checkpoint()?;
    let seconds = request.clock.monotonic().saturating_sub(started);
    partial.publish(sidecar(request, &streamed, seconds))
}

fn plan(request: &Request, watch: &Watch, seams: &Seams<'_>) -> Result<Plan, Error> {
    let exclude = request.exclude.iter().chain([&request.folder]);
    let live = request.live.iter().map(PathBuf::as_path);
    let keys = [request.key_file.as_path()].into_iter();
    let rules = Rules::new(exclude.map(PathBuf::as_path), keys, live);
    let mut found = walk::find(&request.sources, &rules)?;
    let how = How {
        folder: request.folder.clone(),
        patience: seams.patience,
        copy: seams.copy,
    };
    let mut snapshots = Vec::new();
    for candidate in found.databases {
        match Snapshot::open(&candidate.item, &how, watch) {
            Ok(snapshot) => snapshots.push((candidate.item, snapshot)),
            // It only had the name of one.
            Err(Error::NotADatabase { .. }) if !candidate.certain => {
                found.items.push(candidate.item);
            }
            Err(error) => return Err(error),
        }
    }
    // Every snapshot is fixed and every file's length is known: this is the instant.
    let created_at = request.clock.now();
    for (_, snapshot) in &mut snapshots {
        snapshot.examine(watch)?;
        found.notes.append(&mut snapshot.notes);
    }
    let manifest = manifest(request, created_at, &snapshots, &found.items, found.notes);
    watch.progress.expect(manifest.planned.bytes);
    Ok(Plan {
        snapshots,
        items: found.items,
        manifest,
    })
}

fn manifest(
    request: &Request,
    created_at: Timestamp,
    snapshots: &[(Item, Snapshot)],
    items: &[Item],
    notes: Vec<Note>,
) -> Manifest {
    let databases: Vec<_> = snapshots.iter().map(|(_, s)| s.facts.clone()).collect();
    let files = items.iter().filter(|i| i.head.kind == EntryKind::File);
    let planned = Planned {
        entries: count(snapshots.len() + items.len()),
        bytes: databases.iter().map(super::Database::size).sum::<u64>()
            + files.map(|item| item.head.size).sum::<u64>(),
    };
    Manifest {
        format: FORMAT,
        program: PROGRAM.to_owned(),
        version: request.version.clone(),
        job: request.job.clone(),
        slot: request.slot,
        run_id: request.run_id,
        trigger: request.trigger.clone(),
        host: request.host.clone(),
        created_at,
        planned,
        databases,
        entries: Vec::new(),
        notes,
        complete: false,
    }
}

fn sidecar(request: &Request, streamed: &Streamed, took: Duration) -> Sidecar {
    let manifest = &streamed.manifest;
    Sidecar {
        format: FORMAT,
        archive: String::new(),
        job: request.job.clone(),
        slot: request.slot,
        run_id: request.run_id,
        trigger: request.trigger.clone(),
        host: request.host.clone(),
        program: format!("{PROGRAM} {}", request.version),
        created_at: manifest.created_at,
        finished_at: request.clock.now(),
        duration_seconds: took.as_secs_f64(),
        size_bytes: streamed.size,
        sha256: streamed.sha256.clone(),
        plain_bytes: streamed.plain,
        entries: count(manifest.entries.len()),
        recipients: request
            .recipients
            .iter()
            .map(Recipient::fingerprint)
            .collect(),
        state: State::Verified,
        databases: manifest.databases.clone(),
        notes: manifest.notes.clone(),
    }
}

fn count(items: usize) -> u64 {
    u64::try_from(items).unwrap_or(u64::MAX)
}
