//! Reading one file into an archive while others may write it.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use rustix::fs::OFlags;

use super::{
    Error, keys,
    manifest::Note,
    source::id,
    tar_write::TarWriter,
    walk::{self, Item},
};
use crate::watch::Watch;

/// Files up to this size are looked through for a private key, whatever they are called.
const KEY_SIZE: u64 = 16 << 10;

/// What SQLite puts at the start of every database.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Opens a plain file; never follows a link that took its place, never waits on a FIFO that did.
fn open(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits();
    OpenOptions::new()
        .read(true)
        .custom_flags(i32::try_from(flags).unwrap_or_default())
        .open(path)
}

/// Whether the file begins as a database does. Only for files that this process has not open.
pub(super) fn is_database(path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    open(path)?.take(16).read_to_end(&mut start)?;
    Ok(start == MAGIC)
}

/// Archives one file; what happened to it meanwhile becomes a note.
///
/// A log that grows is cut at the length it had when it was found, so that all files show one
/// instant; one that was replaced is read whole, so that a rewritten setting is never half.
///
/// # Errors
/// [`Error::Read`] if it is there and cannot be read; [`Error::Write`] from the archive.
pub(super) fn archive<W: Write>(
    item: &Item,
    tar: &mut TarWriter<W>,
    to: &Path,
    watch: &Watch,
    opened: &dyn Fn(&Path),
) -> Result<Option<Note>, Error> {
    let read = |source| Error::Read {
        path: item.path.clone(),
        source,
    };
    let note = |text: &str| Ok(Some(Note::new(&item.head.path, text)));
    let mut file = match open(&item.path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return note("vanished"),
        Err(_) if is_no_file(&item.path) => return note("vanished: it is no file any more"),
        Err(error) => return Err(read(error)),
    };
    let metadata = file.metadata().map_err(read)?;
    if !metadata.is_file() {
        return note("vanished: it is no file any more");
    }
    let mut head = walk::head(&item.head.path, &metadata, item.head.kind);
    let replaced = id(&metadata) != item.id;
    let shrank = !replaced && head.size < item.head.size;
    if !replaced {
        head.size = head.size.min(item.head.size);
    }
    let start = first_bytes(&mut file, head.size).map_err(read)?;
    if keys::holds_private_key(&start) {
        return note("skipped: private key");
    }
    opened(&item.path);
    let size = head.size;
    let missing = copy(start.chain(&file), head, tar, to, watch, &read)?;
    let after = file.metadata().map_err(read)?;
    let changed = (after.mtime(), after.mtime_nsec()) != (metadata.mtime(), metadata.mtime_nsec());
    match () {
        () if missing > 0 => note(&format!(
            "shrank while read: the last {missing} bytes are zeros"
        )),
        () if replaced => note("replaced while read"),
        () if shrank => note("shrank while read"),
        () if after.len() > size => note("grew while read"),
        () if changed => note("changed while read"),
        () => Ok(None),
    }
}

/// Whether something that is no file took the place of one.
fn is_no_file(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| !found.is_file())
}

/// The whole of a small file, nothing of a larger one.
fn first_bytes(file: &mut File, size: u64) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    if size <= KEY_SIZE {
        file.take(size).read_to_end(&mut start)?;
    }
    Ok(start)
}

trait Chain {
    fn chain(&self, rest: impl Read) -> impl Read;
}

impl Chain for Vec<u8> {
    fn chain(&self, rest: impl Read) -> impl Read {
        Read::chain(self.as_slice(), rest)
    }
}

/// Writes exactly the announced bytes; returns how many had to be made up.
fn copy<W: Write>(
    mut from: impl Read,
    head: super::entry::Head,
    tar: &mut TarWriter<W>,
    to: &Path,
    watch: &Watch,
    read_error: &dyn Fn(io::Error) -> Error,
) -> Result<u64, Error> {
    let write = |source| Error::Write {
        path: to.to_owned(),
        source,
    };
    let mut out = tar.file(head).map_err(write)?;
    let mut buffer = vec![0; 64 << 10];
    while out.left() > 0 {
        let most = usize::try_from(out.left()).unwrap_or(usize::MAX);
        let room = buffer.len().min(most);
        let read = match from.read(buffer.get_mut(..room).unwrap_or_default()) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(read_error(error)),
        };
        let bytes = buffer.get(..read).unwrap_or_default();
        out.write(bytes).map_err(write)?;
        watch.advance(super::hash::length(bytes))?;
    }
    out.finish().map_err(write)
}
