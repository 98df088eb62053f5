//! Opening files that others may replace meanwhile.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use rustix::fs::OFlags;

/// What SQLite puts at the start of every database.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Opens a plain file; never follows a link that took its place, never waits on a FIFO that did.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits();
    OpenOptions::new()
        .read(true)
        .custom_flags(i32::try_from(flags).unwrap_or_default())
        .open(path)
}

/// Whether the file begins as a database does. Only for files that this process has not open.
///
/// # Errors
/// What the system said.
pub fn is_database(path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    open(path)?.take(16).read_to_end(&mut start)?;
    Ok(start == MAGIC)
}
