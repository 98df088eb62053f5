//! What an error of SQLite or of a file means for the database as a whole.

use std::{fmt, io};

use rusqlite::{ErrorCode, ffi};

use super::Error;

/// What is the matter with a database, so that a person can be told what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Its pages contradict each other, or it is no database at all.
    Damaged,
    /// It, or its folder, may not be written.
    ReadOnly,
    /// The disk, or the quota, is used up.
    Full,
    /// Another program keeps it locked.
    Locked,
    /// It is not a file, or may not be opened.
    Closed,
    /// Anything else.
    Other,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Damaged => "is damaged",
            Self::ReadOnly => "cannot be written",
            Self::Full => "has no room to grow",
            Self::Locked => "is locked by another program",
            Self::Closed | Self::Other => "cannot be opened",
        })
    }
}

impl Trouble {
    /// What an error of SQLite means.
    pub fn of(error: &rusqlite::Error) -> Self {
        let Some(cause) = error.sqlite_error() else {
            return Self::Other;
        };
        // The file of shared memory could not be made as long as it must be.
        if cause.extended_code == ffi::SQLITE_IOERR_SHMSIZE {
            return Self::Full;
        }
        match cause.code {
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Damaged,
            ErrorCode::ReadOnly => Self::ReadOnly,
            ErrorCode::DiskFull => Self::Full,
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Locked,
            ErrorCode::CannotOpen | ErrorCode::PermissionDenied => Self::Closed,
            _ => Self::Other,
        }
    }

    /// What an error of the system means.
    pub fn of_file(error: &io::Error) -> Self {
        use io::ErrorKind as K;
        match error.kind() {
            K::ReadOnlyFilesystem | K::PermissionDenied => Self::ReadOnly,
            K::StorageFull | K::QuotaExceeded => Self::Full,
            _ => Self::Other,
        }
    }
}

impl Error {
    /// What it means for the database.
    pub fn trouble(&self) -> Trouble {
        match self {
            Self::Open { source, .. } => Trouble::of(source),
            Self::File(error) => Trouble::of_file(&error.source),
            Self::TooNew { .. } => Trouble::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_sqlite_is_told_apart() {
        for (code, expected) in [
            (ffi::SQLITE_CORRUPT, Trouble::Damaged),
            (ffi::SQLITE_CORRUPT_INDEX, Trouble::Damaged),
            (ffi::SQLITE_NOTADB, Trouble::Damaged),
            (ffi::SQLITE_READONLY, Trouble::ReadOnly),
            (ffi::SQLITE_READONLY_DIRECTORY, Trouble::ReadOnly),
            (ffi::SQLITE_READONLY_CANTINIT, Trouble::ReadOnly),
            (ffi::SQLITE_FULL, Trouble::Full),
            (ffi::SQLITE_IOERR_SHMSIZE, Trouble::Full),
            (ffi::SQLITE_IOERR_READ, Trouble::Other),
            (ffi::SQLITE_BUSY, Trouble::Locked),
            (ffi::SQLITE_BUSY_RECOVERY, Trouble::Locked),
            (ffi::SQLITE_LOCKED, Trouble::Locked),
            (ffi::SQLITE_CANTOPEN, Trouble::Closed),
            (ffi::SQLITE_CANTOPEN_ISDIR, Trouble::Closed),
            (ffi::SQLITE_PERM, Trouble::Closed),
            (ffi::SQLITE_CONSTRAINT, Trouble::Other),
        ] {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            assert_eq!(Trouble::of(&error), expected, "{code}");
        }
        assert_eq!(
            Trouble::of(&rusqlite::Error::QueryReturnedNoRows),
            Trouble::Other
        );
    }

    #[test]
    fn every_refusal_of_the_system_is_told_apart() {
        for (kind, expected) in [
            (io::ErrorKind::ReadOnlyFilesystem, Trouble::ReadOnly),
            (io::ErrorKind::PermissionDenied, Trouble::ReadOnly),
            (io::ErrorKind::StorageFull, Trouble::Full),
            (io::ErrorKind::QuotaExceeded, Trouble::Full),
            (io::ErrorKind::NotFound, Trouble::Other),
        ] {
            assert_eq!(Trouble::of_file(&kind.into()), expected, "{kind}");
        }
    }
}
