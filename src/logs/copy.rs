//! A log whose program never opens it again: what is in it is copied, then it is made empty.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use rustix::fs::OFlags;

use super::{Error, convert::temporary};
use crate::{
    files::{self, fault},
    watch::Watch,
};

/// Copies the log at `path` to `to`, a rotated name in the same folder, and makes it empty.
///
/// What is written meanwhile is followed until nothing more comes; only then, and when the copy is
/// durable, the log is emptied. While the copy is called `*.tmp` the log may or may not be empty
/// yet; [`super::recover`] tells by comparing.
///
/// # Errors
/// The log is as it was then, or it is empty and the copy is there for [`super::recover`].
pub fn copy_away(path: &Path, to: &Path, watch: &Watch) -> Result<(), Error> {
    watch.cancel.checkpoint()?;
    let mut log = open(path).map_err(files::at("open", path))?;
    let facts = log.metadata().map_err(files::at("look at", path))?;
    let temp = temporary(to);
    files::remove(&temp)?;
    let mut copy = files::create_private(&temp)?;
    let emptied = follow(&mut log, &mut copy, watch)
        .and_then(|()| copy.set_permissions(facts.permissions()))
        .and_then(|()| empty(&mut log, &mut copy));
    if let Err(error) = emptied {
        let lengths = (log.metadata(), copy.metadata());
        if let (Ok(log), Ok(copy)) = lengths
            && log.len() >= copy.len()
        {
            // The log holds all of it. What cannot be removed is recognised by its name.
            let _removed = files::remove(&temp);
        }
        return Err(files::at("copy", path)(error).into());
    }
    files::publish(&temp, to)?;
    Ok(())
}

/// Copies up to where the log ends, however often it grows.
fn follow(log: &mut File, copy: &mut File, watch: &Watch) -> io::Result<()> {
    let mut chunk = vec![0; 256 << 10];
    loop {
        let read = log.read(&mut chunk)?;
        if read == 0 {
            return Ok(());
        }
        fault::step()?;
        copy.write_all(chunk.get(..read).unwrap_or_default())?;
        watch.advance(u64::try_from(read).unwrap_or(u64::MAX))?;
    }
}

/// Makes the log empty as soon as a durable copy has all of it.
fn empty(log: &mut File, copy: &mut File) -> io::Result<()> {
    let still = Watch::default();
    loop {
        fault::step()?;
        copy.sync_all()?;
        let copied = log.stream_position()?;
        // Between this look and the next line there are a few microseconds.
        if log.seek(SeekFrom::End(0))? == copied {
            fault::step()?;
            return log.set_len(0);
        }
        log.seek(SeekFrom::Start(copied))?;
        follow(log, copy, &still)?;
    }
}

fn open(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits();
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(i32::try_from(flags).unwrap_or_default())
        .open(path)
}
