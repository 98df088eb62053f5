//! Which processes use a file: have it open, may write it, or hold a lock on a part of it.
//!
//! A rename does not stop a program from writing into the file that it opened, and a lock says only
//! that somebody has it. Where the system does not tell, nobody is named.

use std::{
    fmt,
    path::{Path, PathBuf},
};

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(target_os = "linux"))]
mod portable;
#[cfg(not(target_os = "linux"))]
use portable as system;

/// A process that uses a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct User {
    /// Its number.
    pub pid: u32,
    /// Its name, as the system knows it; empty if it does not tell.
    pub program: String,
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (pid {})", self.program, self.pid)
    }
}

/// The other processes that have any of `files` open, under whatever name. Those of other users are
/// seen by root only.
pub fn users_of(files: &[PathBuf]) -> Vec<User> {
    let own = std::process::id();
    let mut users = system::with_open(files, false);
    users.retain(|user| user.pid != own);
    users
}

/// The processes that have the file at `path` open for writing, this one included.
pub fn writers_of(path: &Path) -> Vec<User> {
    system::with_open(std::slice::from_ref(&path.to_owned()), true)
}

/// The other processes that have any of `files` open for writing.
pub fn writers_among(files: &[PathBuf]) -> Vec<User> {
    let own = std::process::id();
    let mut users = system::with_open(files, true);
    users.retain(|user| user.pid != own);
    users
}

/// The part of a file that a lock is on: its first and its last byte.
pub type Range = (u64, u64);

/// The byte of a database's `-shm` file that its writer in WAL mode locks.
pub const WRITER: Range = (120, 120);
/// The bytes of it that hold snapshots.
pub const READERS: Range = (123, 127);
/// The bytes of a database that are locked while it is written in other modes.
pub const PENDING: Range = (0x4000_0000, 0x4000_0001);

/// The processes with a lock on that part of the file, which is not opened.
pub fn lockers_of(path: &Path, part: Range) -> Vec<User> {
    system::with_lock(path, part)
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
