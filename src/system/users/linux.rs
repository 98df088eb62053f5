//! Linux shows open files below `/proc/PID/fd`, and locks in `/proc/locks`.

use std::{
    collections::{BTreeSet, HashSet},
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::{Range, User};

/// The processes that have any of `files` open, by device and inode; with `writing` only those that
/// may write it.
pub(super) fn with_open(files: &[PathBuf], writing: bool) -> Vec<User> {
    let wanted: HashSet<(u64, u64)> = files
        .iter()
        .filter_map(|path| fs::symlink_metadata(path).ok())
        .map(|found| (found.dev(), found.ino()))
        .collect();
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let pids: BTreeSet<u32> = pids
        .filter(|pid| has_open(*pid, &wanted, writing))
        .collect();
    pids.into_iter().map(user).collect()
}

/// One that has ended, or that is somebody else's, shows none.
fn has_open(pid: u32, wanted: &HashSet<(u64, u64)>, writing: bool) -> bool {
    let process = PathBuf::from(format!("/proc/{pid}"));
    let mut open = fs::read_dir(process.join("fd"))
        .into_iter()
        .flatten()
        .flatten();
    open.any(|entry| {
        let path = entry.path();
        is_plain(&path)
            && fs::metadata(&path).is_ok_and(|file| wanted.contains(&(file.dev(), file.ino())))
            && (!writing || for_writing(&process.join("fdinfo").join(entry.file_name())))
    })
}

/// Sockets, pipes and devices are not asked: some never answer.
fn is_plain(descriptor: &Path) -> bool {
    let target = fs::read_link(descriptor).unwrap_or_default();
    target.is_absolute()
        && !["/dev", "/proc", "/sys"]
            .iter()
            .any(|at| target.starts_with(at))
}

/// Whether `flags:` of an open file, in octal, say that it may be written.
fn for_writing(info: &Path) -> bool {
    let text = fs::read_to_string(info).unwrap_or_default();
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
    flags.is_some_and(|flags| flags & 3 != 0)
}

fn user(pid: u32) -> User {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    User {
        pid,
        program: name.trim_end().to_owned(),
    }
}

/// The processes with a lock on that part of the file.
pub(super) fn with_lock(path: &Path, part: Range) -> Vec<User> {
    let (Ok(facts), Ok(locks)) = (path.metadata(), fs::read_to_string("/proc/locks")) else {
        return Vec::new();
    };
    let inode = facts.ino().to_string();
    let pids: BTreeSet<u32> = locks
        .lines()
        .filter_map(|line| pid_of(line, &inode, part))
        .collect();
    pids.into_iter().map(user).collect()
}

/// `1: POSIX  ADVISORY  READ 4711 fe:01:1234 123 123`
pub(super) fn pid_of(line: &str, inode: &str, part: Range) -> Option<u32> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [_, _, _, _, pid, file, first, last] = words.as_slice() else {
        return None;
    };
    if file.rsplit(':').next() != Some(inode) {
        return None;
    }
    let first: u64 = first.parse().ok()?;
    let last: u64 = last.parse().unwrap_or(u64::MAX);
    let overlaps = first <= part.1 && last >= part.0;
    overlaps.then(|| pid.parse().ok())?
}
