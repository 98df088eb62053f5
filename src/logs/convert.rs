//! A rotated file becomes another one: compressed, encrypted, elsewhere. The old one goes only when
//! the new one is durable under its name and was read back.

use std::{
    ffi::OsString,
    fs::{File, Metadata},
    io::{self, BufReader, Read, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::Error;
use crate::{
    files::{self, fault, open_plain},
    gzip::{self, Level, ParallelGzip},
    watch::Watch,
};

/// How a file becomes another one.
#[derive(Clone, Copy)]
pub struct How<'a> {
    /// Writes into the second what becomes of the first.
    pub write: &'a dyn Fn(&mut (dyn Read + Send), File) -> io::Result<()>,
    /// Whether the file at the path is what has to become of the first.
    pub check: &'a dyn Fn(&mut dyn Read, &Path) -> io::Result<bool>,
}

/// Makes `to` out of `from`, which is removed then; returns the size of `to`.
///
/// `to` is called `*.tmp` until it is durable and was read back, and never replaces a file. After a
/// crash at any point [`super::recover`] finishes or undoes.
///
/// # Errors
/// Nothing has changed then, or both files are there, whole.
pub fn convert(from: &Path, to: &Path, how: How<'_>, watch: &Watch) -> Result<u64, Error> {
    watch.cancel.checkpoint()?;
    let source = open_plain(from).map_err(files::at("open", from))?;
    let before = source.metadata().map_err(files::at("look at", from))?;
    let folder = files::parent(to);
    if !folder.exists() {
        files::create_private_dir(folder)?;
    }
    let temp = temporary(to);
    files::remove(&temp)?;
    let out = files::create_private(&temp)?;
    let made = make(from, source, to, &out, how, watch);
    let published = made.and_then(|()| Ok(files::publish(&temp, to)?));
    if let Err(error) = published {
        // The first error counts; what stays is recognised by its name.
        let _removed = files::remove(&temp);
        return Err(error);
    }
    if !is_still(from, &before) {
        files::remove(to)?;
        let path = from.to_owned();
        return Err(Error::Changed { path });
    }
    files::remove(from)?;
    files::sync_dir(files::parent(from))?;
    let size = out.metadata().map_err(files::at("look at", to))?.len();
    Ok(size)
}

fn make(
    from: &Path,
    source: File,
    to: &Path,
    out: &File,
    how: How<'_>,
    watch: &Watch,
) -> Result<(), Error> {
    let temp = temporary(to);
    let facts = source.metadata().map_err(files::at("look at", from))?;
    let mut watched = Watched(source, watch);
    fault::step()
        .and_then(|()| (how.write)(&mut watched, out.try_clone()?))
        .map_err(files::at("write", to))?;
    let modified = facts.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    fault::step()
        .and_then(|()| {
            out.set_permissions(facts.permissions())?;
            out.set_modified(modified)?;
            out.sync_all()
        })
        .map_err(files::at("sync", to))?;
    let mut again = open_plain(from).map_err(files::at("open", from))?;
    let same = (how.check)(&mut again, &temp).map_err(files::at("read back", to))?;
    if same {
        return Ok(());
    }
    let path = if is_still(from, &facts) { to } else { from }.to_owned();
    Err(if path == to {
        Error::ReadBack { path }
    } else {
        Error::Changed { path }
    })
}

/// Compresses what is read into one gzip member.
///
/// # Errors
/// Those of reading and writing.
pub fn pack<W: Write + Send + 'static>(from: &mut dyn Read, to: W) -> io::Result<()> {
    let mut gzip = ParallelGzip::new(to, Level::Default, 0)?;
    io::copy(from, &mut gzip)?;
    gzip.finish().map(drop)
}

/// Copies a file to another folder, which may be on another filesystem.
pub const CARRY: How<'static> = How {
    write: &|from, mut to| io::copy(from, &mut to).map(drop),
    check: &|from, copy| same_bytes(from, &mut File::open(copy)?),
};

/// Moves a rotated file to another folder, which may be on another filesystem; returns its size.
///
/// # Errors
/// As [`convert`].
pub fn carry(from: &Path, to: &Path, watch: &Watch) -> Result<u64, Error> {
    convert(from, to, CARRY, watch)
}

/// Whether the gzip file at `packed` holds the very bytes of `plain`; false if it cannot be unpacked.
///
/// # Errors
/// Those of reading.
pub(super) fn holds(plain: &mut dyn Read, packed: &Path) -> io::Result<bool> {
    let mut unpacked = gzip::Reader::new(BufReader::new(open_plain(packed)?));
    match same_bytes(plain, &mut unpacked) {
        Err(error) if is_damage(&error) => Ok(false),
        same => same,
    }
}

/// Whether bytes that were read are no good, rather than that they could not be read.
pub(super) fn is_damage(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof)
}

/// Whether both give the same bytes up to their ends.
///
/// # Errors
/// Those of reading.
pub fn same_bytes(a: &mut dyn Read, b: &mut dyn Read) -> io::Result<bool> {
    const CHUNK: u64 = 128 << 10;
    let (mut left, mut right) = (Vec::new(), Vec::new());
    loop {
        left.clear();
        right.clear();
        a.take(CHUNK).read_to_end(&mut left)?;
        b.take(CHUNK).read_to_end(&mut right)?;
        if left != right || left.is_empty() {
            return Ok(left == right);
        }
    }
}

/// What a file is called until it is whole.
pub(super) fn temporary(path: &Path) -> PathBuf {
    let mut name: OsString = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    path.with_file_name(name)
}

/// Whether the file at the path is the same, and as long and as old, as it was.
fn is_still(path: &Path, before: &Metadata) -> bool {
    let look = |facts: &Metadata| (facts.dev(), facts.ino(), facts.len(), facts.modified().ok());
    path.symlink_metadata()
        .is_ok_and(|now| look(&now) == look(before))
}

/// Counts what is read and stops when the work is told to.
struct Watched<'a>(File, &'a Watch);

impl Read for Watched<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(into)?;
        self.1.advance(u64::try_from(read).unwrap_or(u64::MAX))?;
        Ok(read)
    }
}

/// As gzip.
pub const PACK: How<'static> = How {
    write: &|from, to| pack(from, to),
    check: &holds,
};

#[cfg(test)]
mod tests;
