//! Who holds locks on a file, as far as the system tells.

use std::path::Path;

/// A process that holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder {
    /// Its number.
    pub pid: u32,
    /// Its name.
    pub name: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (pid {})", self.name, self.pid)
    }
}

/// The part of a file that a lock is on: its first and its last byte.
pub type Range = (u64, u64);

/// The byte of a database's `-shm` file that its writer in WAL mode locks.
pub const WRITER: Range = (120, 120);
/// The bytes of it that hold snapshots.
pub const READERS: Range = (123, 127);
/// The bytes of a database that are locked while it is written in other modes.
pub const PENDING: Range = (0x4000_0000, 0x4000_0001);

/// The processes with a lock on that part of the file; empty where there is none, and where the
/// system does not tell. The file is not opened.
pub fn holders(path: &Path, part: Range) -> Vec<Holder> {
    linux::holders(path, part).unwrap_or_default()
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{collections::BTreeSet, fs, os::unix::fs::MetadataExt, path::Path};

    use super::{Holder, Range};

    pub(super) fn holders(path: &Path, part: Range) -> Option<Vec<Holder>> {
        let inode = path.metadata().ok()?.ino().to_string();
        let locks = fs::read_to_string("/proc/locks").ok()?;
        let pids: BTreeSet<u32> = locks
            .lines()
            .filter_map(|line| pid_of(line, &inode, part))
            .collect();
        let holder = |pid: u32| {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
            let name = name.trim_end().to_owned();
            Some(Holder { pid, name })
        };
        Some(pids.into_iter().filter_map(holder).collect())
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
}

#[cfg(not(target_os = "linux"))]
mod linux {
    pub(super) fn holders(_: &std::path::Path, _: super::Range) -> Option<Vec<super::Holder>> {
        None
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_lock_names_its_process() {
        let line = "1: POSIX  ADVISORY  READ 4711 fe:01:1234 123 125";
        assert_eq!(linux::pid_of(line, "1234", READERS), Some(4711));
        assert_eq!(linux::pid_of(line, "1234", WRITER), None);
        assert_eq!(linux::pid_of(line, "234", READERS), None);
        let whole = "2: FLOCK  ADVISORY  WRITE 12 fe:01:9 0 EOF";
        assert_eq!(linux::pid_of(whole, "9", PENDING), Some(12));
        assert_eq!(linux::pid_of("2: -> POSIX", "9", PENDING), None);
    }

    #[test]
    fn this_process_is_found_by_its_lock() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(holders(file.path(), (0, 9)), []);
        let flock = rustix::fs::FlockOperation::LockExclusive;
        rustix::fs::flock(file.as_file(), flock).unwrap();
        let found = holders(file.path(), (0, 9));
        assert_eq!(found[0].pid, std::process::id(), "{found:?}");
        assert_eq!(holders(Path::new("/nonexistent"), (0, 9)), []);
    }
}
