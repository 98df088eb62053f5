//! A log whose program never opens it again: what is in it is copied, then it is made empty.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
};

use rustix::fs::OFlags;

use super::{Error, convert::temporary};
use crate::{
    files::{self, fault},
    watch::Watch,
};

/// Copies the log at `path` to `to`, a rotated name in the same folder, and takes the copied lines
/// out of it.
///
/// What is written meanwhile is followed until nothing more comes. When the copy is durable, the front
/// of the log is cut off where the filesystem can (ext4, XFS), and the few lines behind the cut stay in
/// it; elsewhere it is emptied as soon as nothing is added. While the copy is called `*.tmp` the log may or may not be empty
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

/// Takes out of the log what a durable copy has.
fn empty(log: &mut File, copy: &mut File) -> io::Result<()> {
    let still = Watch::default();
    loop {
        fault::step()?;
        copy.sync_all()?;
        let copied = log.stream_position()?;
        if cut(log, copy, copied)? {
            return Ok(());
        }
        // Between this look and the next line there are a few microseconds, on filesystems that
        // cannot cut: what is written in them is lost.
        if log.seek(SeekFrom::End(0))? == copied {
            fault::step()?;
            return log.set_len(0);
        }
        log.seek(SeekFrom::Start(copied))?;
        follow(log, copy, &still)?;
    }
}

/// Cuts the front of the log off, in one step and whatever is added to it meanwhile; false where the
/// filesystem cannot, or the log is too short. The copy then ends with the line at the cut.
fn cut(log: &mut File, copy: &mut File, copied: u64) -> io::Result<bool> {
    let block = rustix::fs::fstatvfs(&*log)?.f_frsize.max(1);
    // A cut may not reach the end of a file.
    let cut = copied.saturating_sub(1) / block * block;
    if cut == 0 || !can_cut(log, block)? {
        return Ok(false);
    }
    let end = line_end(copy, cut, copied)?;
    fault::step()?;
    copy.set_len(end)?;
    copy.sync_all()?;
    fault::step()?;
    if !cut_front(log, cut) {
        log.seek(SeekFrom::Start(end))?;
        copy.seek(SeekFrom::Start(end))?;
        return follow(log, copy, &Watch::default()).map(|()| false);
    }
    // The log now begins in the middle of a line that the copy has whole. Where it cannot be blanked,
    // a part of a line is there twice, and nothing is lost.
    let _blanked = blank(log, end.saturating_sub(cut));
    Ok(true)
}

/// Where the first line ends that reaches `from`; `most` if it has no end yet.
fn line_end(copy: &File, from: u64, most: u64) -> io::Result<u64> {
    let mut at = from.saturating_sub(1);
    let mut chunk = [0; 4096];
    while at < most {
        let read = copy.read_at(&mut chunk, at)?;
        let found = chunk.iter().take(read).position(|byte| *byte == b'\n');
        if let Some(found) = found.and_then(|found| u64::try_from(found).ok()) {
            return Ok(most.min(at + found + 1));
        }
        if read == 0 {
            break;
        }
        at += u64::try_from(read).unwrap_or(most);
    }
    Ok(most)
}

/// Puts a line of spaces over the first bytes.
fn blank(log: &File, length: u64) -> io::Result<()> {
    let Ok(length) = usize::try_from(length) else {
        return Ok(());
    };
    let mut line = vec![b' '; length];
    if let Some(last) = line.last_mut() {
        *last = b'\n';
    }
    log.write_all_at(&line, 0)
}

/// Whether the filesystem can cut: asked with a cut behind the end, which is refused as such.
#[cfg(target_os = "linux")]
fn can_cut(log: &File, block: u64) -> io::Result<bool> {
    use rustix::{
        fs::{FallocateFlags, fallocate},
        io::Errno,
    };
    let behind = log.metadata()?.len() / block * block;
    let behind = behind.saturating_add(1 << 40);
    let asked = fallocate(log, FallocateFlags::COLLAPSE_RANGE, behind, block);
    Ok(asked == Err(Errno::INVAL))
}

#[cfg(target_os = "linux")]
fn cut_front(log: &File, length: u64) -> bool {
    use rustix::fs::{FallocateFlags, fallocate};
    fallocate(log, FallocateFlags::COLLAPSE_RANGE, 0, length).is_ok()
}

/// No other system can.
#[cfg(not(target_os = "linux"))]
fn can_cut(_: &File, _: u64) -> io::Result<bool> {
    Ok(false)
}

#[cfg(not(target_os = "linux"))]
fn cut_front(_: &File, _: u64) -> bool {
    false
}

fn open(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits();
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(i32::try_from(flags).unwrap_or_default())
        .open(path)
}

#[cfg(test)]
mod tests;
