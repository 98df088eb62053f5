//! Watching files that are written, replaced, removed or put back.
//!
//! The folders are watched, not the files: editors replace a file by renaming a new one over it.
//! What the system tells is only a reason to look. A look that finds the content as it was at the
//! last one tells nothing about the time in between, in which somebody may have read another; so
//! every new stamp counts, and who is told compares the content with what he has.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode},
};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::files;

/// How long it must be quiet before anybody looks: an editor takes several steps to save.
const QUIET: Duration = Duration::from_millis(300);
/// After so long somebody looks, quiet or not.
const LONGEST: Duration = Duration::from_secs(3);
/// How often the stamps of the files are looked at although the folders are watched: some network
/// drives tell nothing.
const SAFETY: Duration = Duration::from_secs(30);
/// How often where no folder can be watched.
const POLL: Duration = Duration::from_secs(5);
/// How much of a file is read; a longer one is told by its length as well.
const MOST: u64 = 4 << 20;
/// A chain of links longer than this leads nowhere.
const LINKS: usize = 16;

/// Files under watch; it ends when this is dropped.
#[derive(Debug)]
pub struct Watching {
    changes: mpsc::Receiver<()>,
}

impl Watching {
    /// Watches `paths`, which need not be there, from now on. Call it inside a runtime.
    pub fn start(paths: Vec<PathBuf>) -> Self {
        let (sender, changes) = mpsc::channel(1);
        let (nudge, nudges) = mpsc::channel(1);
        let eyes = Eyes::new(paths, |names| watcher(names, nudge));
        tokio::spawn(watch(eyes, nudges, sender));
        Self { changes }
    }

    /// Waits until any of the files was written, is gone or has come back since it was looked at
    /// last. Several changes may be told as one; the content may be what it was.
    pub async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            // The runtime is shutting down.
            std::future::pending::<()>().await;
        }
    }
}

/// Looks when it is nudged, and from time to time.
async fn watch(mut eyes: Eyes, mut nudges: mpsc::Receiver<()>, changes: mpsc::Sender<()>) {
    loop {
        let pause = if eyes.sees() { SAFETY } else { POLL };
        tokio::select! {
            () = changes.closed() => return,
            Some(()) = nudges.recv() => settled(&mut nudges).await,
            () = tokio::time::sleep(pause) => {}
        }
        // A drive that does not answer holds up this look, and nothing else.
        let looked = tokio::task::spawn_blocking(move || {
            let another = eyes.look();
            (eyes, another)
        });
        let Ok((back, another)) = looked.await else {
            return;
        };
        eyes = back;
        if another {
            // One that is not fetched yet stands for this one, too.
            let _told = changes.try_send(());
        }
    }
}

/// Waits until no nudge has come for a while.
async fn settled(nudges: &mut mpsc::Receiver<()>) {
    let quiet =
        async { while let Ok(Some(())) = tokio::time::timeout(QUIET, nudges.recv()).await {} };
    // Either way it is time to look.
    let _quiet = tokio::time::timeout(LONGEST, quiet).await;
}

/// The system's watcher, which nudges at every event that may concern a file called one of `names`.
fn watcher(names: Vec<OsString>, nudge: mpsc::Sender<()>) -> Option<RecommendedWatcher> {
    let told = move |event: notify::Result<Event>| {
        if event.map_or(true, |event| concerns(&event, &names)) {
            // A nudge that waits already is enough.
            let _nudged = nudge.try_send(());
        }
    };
    notify::recommended_watcher(told)
        .inspect_err(|error| tracing::warn!(%error, "files cannot be watched, they are polled"))
        .ok()
}

fn concerns(event: &Event, names: &[OsString]) -> bool {
    // Reading a file is an event, too, and we read them.
    let reading = matches!(event.kind, EventKind::Access(kind)
        if kind != AccessKind::Close(AccessMode::Write));
    let is_ours = |path: &PathBuf| {
        path.file_name()
            .is_none_or(|name| names.iter().any(|known| known == name))
    };
    !reading && (event.need_rescan() || event.paths.is_empty() || event.paths.iter().any(is_ours))
}

/// What tells that a file was perhaps written: its device, number, length and times.
type Stamp = (u64, u64, u64, (i64, i64), (i64, i64));

/// What was seen of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Seen {
    stamp: Option<Stamp>,
    /// Of the content; `None` for a file that is not there or cannot be read.
    hash: Option<[u8; 32]>,
}

/// The files, what was seen of them, and the folders that are watched.
struct Eyes<W = RecommendedWatcher> {
    files: Vec<(PathBuf, Seen)>,
    /// Device and number of each watched folder: one that was made anew must be watched anew.
    folders: BTreeMap<PathBuf, Option<(u64, u64)>>,
    watcher: Option<W>,
}

impl<W: Watcher> Eyes<W> {
    fn new(paths: Vec<PathBuf>, watcher: impl FnOnce(Vec<OsString>) -> Option<W>) -> Self {
        let chains: Vec<_> = paths.iter().flat_map(|path| chain(path)).collect();
        let names = chains.iter().filter_map(|path| path.file_name());
        let watcher = watcher(names.map(Into::into).collect());
        let files = paths.into_iter().map(|path| (path, Seen::default()));
        let mut eyes = Self {
            files: files.collect(),
            folders: BTreeMap::new(),
            watcher,
        };
        eyes.look();
        eyes
    }

    /// Whether every folder is watched.
    fn sees(&self) -> bool {
        self.watcher.is_some() && self.folders.values().all(Option::is_some)
    }

    /// Looks at all files; returns whether any may have another content than before.
    fn look(&mut self) -> bool {
        // First, so that nothing can happen between the look and the watch.
        self.watch_folders();
        let trusted = self.sees();
        let mut changed = false;
        for (path, seen) in &mut self.files {
            let stamp = stamp(path);
            // Where nothing is told, the stamps are not believed either.
            if trusted && stamp.is_some() && stamp == seen.stamp {
                continue;
            }
            let hash = hash(path).ok();
            let now = Seen { stamp, hash };
            changed |= now != *seen;
            *seen = now;
        }
        changed
    }

    /// Watches the folders in which the files, and what they link to, stand now.
    fn watch_folders(&mut self) {
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        let chains = self.files.iter().flat_map(|(path, _)| chain(path));
        let wanted: BTreeMap<PathBuf, _> = chains
            .map(|path| {
                let folder = files::parent(&path).to_owned();
                let found = folder.metadata().ok();
                let number = found.map(|found| (found.dev(), found.ino()));
                (folder, number)
            })
            .collect();
        for (folder, number) in &self.folders {
            if number.is_some() && wanted.get(folder) != Some(number) {
                // One that is gone is not watched any more in any case.
                let _unwatched = watcher.unwatch(folder);
            }
        }
        let folders = wanted.into_iter().map(|(folder, number)| {
            let before = self.folders.get(&folder).copied().flatten();
            let number = number.filter(|number| {
                before == Some(*number)
                    || watcher.watch(&folder, RecursiveMode::NonRecursive).is_ok()
            });
            (folder, number)
        });
        let folders = folders.collect();
        self.folders = folders;
    }
}

/// A path and all that it links to, one after the other.
fn chain(path: &Path) -> Vec<PathBuf> {
    let mut chain = vec![path.to_owned()];
    let mut at = path.to_owned();
    while let (Ok(target), true) = (fs::read_link(&at), chain.len() < LINKS) {
        at = files::parent(&at).join(target);
        chain.push(at.clone());
    }
    chain
}

fn stamp(path: &Path) -> Option<Stamp> {
    let found = path.metadata().ok()?;
    Some((
        found.dev(),
        found.ino(),
        found.len(),
        (found.mtime(), found.mtime_nsec()),
        (found.ctime(), found.ctime_nsec()),
    ))
}

fn hash(path: &Path) -> io::Result<[u8; 32]> {
    let found = path.metadata()?;
    // A pipe would wait for its writer for ever.
    if !found.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST).read_to_end(&mut bytes)?;
    let mut hash = Sha256::new();
    if found.len() > MOST {
        hash.update(found.len().to_le_bytes());
    }
    hash.update(&bytes);
    Ok(hash.finalize().into())
}

#[cfg(test)]
mod tests;
