//! The stream: reader → tar → gzip → age → file, with a reader of its own on the way.
//!
//! This thread reads; the workers of [`ParallelGzip`] compress; its writing thread encrypts and
//! writes, and hands a copy of the compressed bytes to a verifier that unpacks them in memory and
//! compares each entry with what the reader saw. Every hand-over is bounded, so memory does not
//! depend on what is archived.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::{self, JoinHandle},
};

use super::{
    Error,
    entry::{Entry, EntryKind, EntryName, Head},
    files_read,
    hash::{Sum, length},
    manifest::{MANIFEST, Manifest, Planned},
    request::{Plan, Request, Seams},
    scan::{self, Found, Look},
    tar_write::TarWriter,
    tee::{Chunks, Tee, WAITING},
};
use crate::{
    files::fault,
    gzip::{self, Matter, ParallelGzip},
    watch::{Progress, Watch},
};

/// What was written, and what it is.
pub(super) struct Streamed {
    pub(super) manifest: Manifest,
    /// The CRC-32 of each entry in hex, to be found again by the verifier.
    crcs: Vec<String>,
    /// Bytes of all entries.
    pub(super) plain: u64,
    /// SHA-256 of the file.
    pub(super) sha256: String,
    /// Bytes of the file.
    pub(super) size: u64,
}

/// Writes the archive into `file`, which is at `path`, syncs it and verifies what was written.
pub(super) fn run(
    request: &Request,
    plan: Plan,
    path: &Path,
    file: File,
    watch: &Watch,
    seams: &Seams<'_>,
) -> Result<Streamed, Error> {
    let (copy, copied) = sync_channel(WAITING);
    let looking = verifier(copied, path, watch).map_err(write(path))?;
    let streamed = stream(request, plan, path, file, copy, watch, seams);
    let stopped = || {
        Err(Error::Damaged {
            path: path.to_owned(),
            what: "the verifier stopped early".to_owned(),
        })
    };
    let verified = looking.join().unwrap_or_else(|_| stopped());
    let read_back = |source| Error::ReadBack {
        source: Box::new(source),
    };
    match (streamed, verified) {
        (Ok(streamed), Ok(found)) => match differs(&found, &streamed) {
            None => Ok(streamed),
            Some(what) => Err(read_back(Error::Damaged {
                path: path.to_owned(),
                what,
            })),
        },
        (Ok(_), Err(error)) => Err(read_back(error)),
        // The stream broke because the verifier had seen enough.
        (Err(Error::Write { source, .. }), Err(error))
            if source.kind() == io::ErrorKind::BrokenPipe =>
        {
            Err(read_back(error))
        }
        (Err(error), _) => Err(error),
    }
}

/// Compares what was unpacked with what was read.
fn differs(found: &Found, streamed: &Streamed) -> Option<String> {
    if found.manifest != streamed.manifest {
        return Some("its manifest is another one".to_owned());
    }
    let listed = streamed.manifest.entries.iter().zip(&streamed.crcs);
    found.differs(listed.map(|(entry, crc)| Entry {
        sha256: crc.clone(),
        ..entry.clone()
    }))
}

fn write(path: &Path) -> impl Fn(io::Error) -> Error + '_ {
    move |source| Error::Write {
        path: path.to_owned(),
        source,
    }
}

fn verifier(
    copied: Receiver<Vec<u8>>,
    path: &Path,
    watch: &Watch,
) -> io::Result<JoinHandle<Result<Found, Error>>> {
    let path = path.to_owned();
    // The reader counts; the verifier only obeys.
    let quiet = Watch {
        progress: Progress::default(),
        cancel: watch.cancel.clone(),
    };
    let look = move || {
        let plain = gzip::Reader::new(Chunks::new(copied));
        scan::find(plain, &path, &quiet, &mut Look, Sum::crc32)
    };
    thread::Builder::new().name("verify".into()).spawn(look)
}

fn stream(
    request: &Request,
    plan: Plan,
    path: &Path,
    file: File,
    copy: SyncSender<Vec<u8>>,
    watch: &Watch,
    seams: &Seams<'_>,
) -> Result<Streamed, Error> {
    let write = write(path);
    let to_sync = file.try_clone().map_err(&write)?;
    let tee = Tee::new((seams.output)(file), &request.recipients, copy, path)?;
    let gzip = ParallelGzip::new(tee, request.level, request.workers).map_err(&write)?;
    let mut tar = TarWriter::new(gzip);
    let manifest = entries(&mut tar, plan, path, watch, seams)?;
    let (bytes, crcs) = (tar.plain(), tar.crcs().to_vec());
    let gzip = tar.finish().map_err(&write)?;
    let (sha256, size) = gzip.finish().and_then(Tee::finish).map_err(&write)?;
    fault::step()
        .and_then(|()| to_sync.sync_all())
        .map_err(&write)?;
    Ok(Streamed {
        manifest,
        crcs,
        plain: bytes,
        sha256,
        size,
    })
}

fn entries(
    tar: &mut TarWriter<ParallelGzip<Tee>>,
    plan: Plan,
    path: &Path,
    watch: &Watch,
    seams: &Seams<'_>,
) -> Result<Manifest, Error> {
    let write = write(path);
    let mut manifest = plan.manifest;
    write_manifest(tar, &manifest, path)?;
    tar.out().comes(Matter::Records);
    for (item, snapshot) in plan.snapshots {
        let size = snapshot.facts.size();
        let head = Head { size, ..item.head };
        let mut file = tar.file(head).map_err(&write)?;
        snapshot.pages(&mut |page| {
            file.write(page).map_err(&write)?;
            Ok(watch.advance(length(page))?)
        })?;
        file.finish().map_err(&write)?;
        // Its read transaction ends here, so that the database's WAL can be reset early.
    }
    tar.out().comes(Matter::Text);
    watch.progress.step("files");
    for item in plan.items {
        watch.cancel.checkpoint()?;
        if item.head.kind == EntryKind::File {
            let note = files_read::archive(&item, tar, path, watch, seams.opened)?;
            manifest.notes.extend(note);
        } else {
            tar.empty(&item.head).map_err(&write)?;
        }
    }
    manifest.entries = tar.entries().to_vec();
    manifest.planned = Planned {
        entries: u64::try_from(manifest.entries.len()).unwrap_or(u64::MAX),
        bytes: tar.plain(),
    };
    manifest.complete = true;
    write_manifest(tar, &manifest, path)?;
    Ok(manifest)
}

fn write_manifest<W: Write>(
    tar: &mut TarWriter<W>,
    manifest: &Manifest,
    path: &Path,
) -> Result<(), Error> {
    let json = manifest.to_json()?;
    let name = |what| Error::Name {
        name: MANIFEST.to_owned(),
        what,
    };
    let head = Head {
        path: EntryName::parse(MANIFEST.as_bytes()).map_err(name)?,
        kind: EntryKind::File,
        size: length(&json),
        mtime: u64::try_from(manifest.created_at.as_second()).unwrap_or_default(),
        mode: 0o600,
        uid: rustix::process::getuid().as_raw().into(),
        gid: rustix::process::getgid().as_raw().into(),
        target: Vec::new(),
    };
    tar.unlisted(head, &json).map_err(write(path))
}
