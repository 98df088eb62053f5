//! The computer: space on its disks, its name and zone, and what a process uses of it.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use crate::units::{Bytes, Span};

pub mod alarm;
pub mod child;
mod gently;
pub mod users;
pub mod watching;

pub use gently::gently;

/// The computer did not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The space around a file or folder.
    #[error("ask for the free space at `{}`", path.display())]
    Space {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The list of processes.
    #[error("ask for the computer's processes: {0}")]
    Processes(String),
}

/// The room on the filesystem that holds a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// What this user may still fill; less than what is empty where some is kept for root.
    pub free: Bytes,
    /// All of it.
    pub total: Bytes,
}

/// The room around `path`, which must exist.
pub fn free_space(path: &Path) -> Result<Space, Error> {
    let facts = rustix::fs::statvfs(path).map_err(|source| Error::Space {
        path: path.to_owned(),
        source: source.into(),
    })?;
    let bytes = |blocks: u64| Bytes(blocks.saturating_mul(facts.f_frsize));
    Ok(Space {
        free: bytes(facts.f_bavail),
        total: bytes(facts.f_blocks),
    })
}

/// What a process uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// Its pages in memory now.
    pub memory: Bytes,
    /// The time of processors it has used since its start, user and system together.
    pub cpu: Span,
}

/// What the process `pid` uses; `None` if there is none.
pub fn process(pid: u32) -> Result<Option<Process>, Error> {
    let mut system = System::new().map_err(|error| Error::Processes(error.to_string()))?;
    let pid = Pid::from_u32(pid);
    let wanted = ProcessRefreshKind::nothing().with_memory().with_cpu();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, wanted);
    Ok(system.process(pid).map(|process| Process {
        memory: Bytes(process.memory()),
        cpu: Span::from_millis(process.accumulated_cpu_time()),
    }))
}

/// What this process uses.
pub fn own_process() -> Result<Option<Process>, Error> {
    process(std::process::id())
}

/// The name of this computer; `unknown` where it has none.
pub fn host_name() -> String {
    System::host_name()
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "unknown".to_owned())
}

/// How many processors this process may use at once, at least 1.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The computer's own time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalZone {
    /// The zone; UTC where the computer has none.
    pub zone: TimeZone,
    /// Its IANA name; `local time` where the computer has rules without a name.
    pub name: String,
}

/// The computer's own time zone, asked anew each time: a look at `TZ` and at a link.
pub fn local_zone() -> LocalZone {
    // It is kept for five minutes otherwise, and a traveller's jobs would be late by that.
    jiff::tz::reset_system_time_zone_cache();
    let zone = TimeZone::try_system().unwrap_or(TimeZone::UTC);
    let name = zone.iana_name().unwrap_or("local time").to_owned();
    LocalZone { zone, name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_some_room_and_a_missing_one_is_named() {
        let space = free_space(Path::new("/")).unwrap();
        assert!(
            space.free <= space.total && space.total > Bytes(0),
            "{space:?}"
        );
        let error = free_space(Path::new("/nonexistent")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "ask for the free space at `/nonexistent`"
        );
    }

    #[test]
    fn this_process_uses_memory_and_no_process_uses_nothing() {
        let own = own_process().unwrap().unwrap();
        assert!(own.memory > Bytes(1 << 20), "{own:?}");
        assert!(own.memory < Bytes(1 << 32), "{own:?}");
        // The largest number that Linux never gives to a process.
        assert_eq!(process(4_194_305).unwrap(), None);
    }

    #[test]
    fn the_computer_has_a_name_processors_and_a_zone() {
        assert!(!host_name().is_empty() && cores() >= 1);
        let local = local_zone();
        assert!(!local.name.is_empty());
        assert!(jiff::Timestamp::UNIX_EPOCH.to_zoned(local.zone).year() >= 1969);
    }
}
