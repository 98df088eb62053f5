//! What can go wrong with archives, whether trying again helps, and what a person can do.

use std::{io, path::PathBuf};

use rustix::io::Errno;

use crate::{
    files, sqlite,
    units::Bytes,
    watch::{CancelReason, Cancelled},
};

/// What went wrong with an archive, its sources or its keys.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nobody to encrypt to.
    #[error("no recipient to encrypt to: none is configured and `{}` does not exist", key_file.display())]
    NoRecipient {
        /// Where the private key would be.
        key_file: PathBuf,
    },
    /// A configured recipient cannot be used.
    #[error("encryption recipient: {what}")]
    Recipient {
        /// What is wrong with it; never holds a secret.
        what: String,
    },
    /// The private key file cannot be used.
    #[error("private key file `{}`: {what}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it; never holds a secret.
        what: String,
    },
    /// age refused to encrypt.
    #[error("encrypt `{}`: {what}", path.display())]
    Encrypt {
        /// The archive.
        path: PathBuf,
        /// What age said.
        what: String,
    },
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] files::Error),
    /// A file could not be read.
    #[error("read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The archive could not be written.
    #[error("write `{}`", path.display())]
    Write {
        /// The archive or the extracted file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something that is to be archived is not there.
    #[error("`{}` does not exist", path.display())]
    Missing {
        /// The file or folder.
        path: PathBuf,
    },
    /// The name of a source inside the archive cannot be used.
    #[error("`{name}` cannot be a name inside an archive: {what}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A database could not be opened.
    #[error(transparent)]
    Open(#[from] sqlite::Error),
    /// A database could not be read.
    #[error("read database `{}`", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// Another program holds a database exclusively.
    #[error("database `{}` is locked by another program", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// A file that should be a database is none.
    #[error("`{}` is not an SQLite database", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// A database is damaged.
    #[error("database `{}` is damaged: {problem}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The first thing SQLite found.
        problem: String,
    },
    /// A database that was restored as a trial is not what was archived.
    #[error("restored database `{}`: {what}", path.display())]
    Unsound {
        /// The restored file.
        path: PathBuf,
        /// The first thing that is wrong with it.
        what: String,
    },
    /// The destination lies inside what is archived.
    #[error("destination inside the source: `{}` lies in `{}`", folder.display(), from.display())]
    InsideSource {
        /// The destination.
        folder: PathBuf,
        /// The source.
        from: PathBuf,
    },
    /// What is archived lies inside the destination.
    #[error("source inside the destination: `{}` lies in `{}`", from.display(), folder.display())]
    AroundSource {
        /// The destination.
        folder: PathBuf,
        /// The source.
        from: PathBuf,
    },
    /// The destination is a symbolic link.
    #[error("the destination `{}` is a symbolic link", folder.display())]
    LinkedFolder {
        /// The destination.
        folder: PathBuf,
    },
    /// The destination is not a folder.
    #[error("the destination `{}` is not a folder", folder.display())]
    NotAFolder {
        /// The destination.
        folder: PathBuf,
    },
    /// There is not enough space.
    #[error(
        "not enough space in `{}`: {} free, {} needed",
        folder.display(), Bytes(*free), Bytes(*needed)
    )]
    NoSpace {
        /// The destination.
        folder: PathBuf,
        /// Bytes free.
        free: u64,
        /// Bytes needed.
        needed: u64,
    },
    /// All names for a slot are taken.
    #[error("every name for `{name}` is taken")]
    NoName {
        /// The first of them.
        name: String,
    },
    /// What was just written does not read back as it was meant.
    #[error("the archive just written does not read back")]
    ReadBack {
        /// What the reader found.
        source: Box<Error>,
    },
    /// An archive is not what it should be.
    #[error("archive `{}` is damaged: {what}", path.display())]
    Damaged {
        /// The archive.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// None of the given keys opens an archive.
    #[error("no private key at hand opens `{}`", path.display())]
    WrongKey {
        /// The archive.
        path: PathBuf,
    },
    /// There is neither a sidecar nor a key, so nothing can be said about an archive.
    #[error("`{}` cannot be verified: it has no sidecar and no private key was given", path.display())]
    Unverifiable {
        /// The archive.
        path: PathBuf,
    },
    /// A sidecar cannot be read.
    #[error("sidecar `{}`: {what}", path.display())]
    Sidecar {
        /// The sidecar.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Extraction needs a folder of its own.
    #[error("`{}` is not empty", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The work was told to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Error {
    /// Whether the same work may succeed later: a lock, a full disk, a stumbling device.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Locked { .. } | Self::NoSpace { .. } | Self::ReadBack { .. } => true,
            Self::File(files::Error { source, .. })
            | Self::Read { source, .. }
            | Self::Write { source, .. } => passing(source),
            Self::Database { source, .. } | Self::Open(sqlite::Error::Open { source, .. }) => {
                passing_in_sqlite(source)
            }
            _ => false,
        }
    }

    /// Why the work was told to stop, if that is what happened.
    pub fn cancelled(&self) -> Option<CancelReason> {
        match self {
            Self::Cancelled(Cancelled(reason)) => Some(*reason),
            _ => None,
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoRecipient { key_file } => {
                return Some(format!(
                    "start the daemon once to make `{}`, or put a public key (`age1…`) under \
                     `encryption: recipients:` in jobs.yaml",
                    key_file.display()
                ));
            }
            Self::Recipient { .. } => "mend `encryption: recipients:` in jobs.yaml",
            Self::KeyFile { .. } => "restore the key file from its copy",
            Self::Read { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "make it readable for this user, or take it out of `what`"
            }
            Self::File(files::Error { source, .. }) | Self::Write { source, .. }
                if source.kind() == io::ErrorKind::PermissionDenied
                    || source.kind() == io::ErrorKind::ReadOnlyFilesystem =>
            {
                "make the folder writable for this user, or choose another one with `to`"
            }
            Self::File(files::Error { source, .. }) | Self::Write { source, .. }
                if matches!(
                    source.kind(),
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
                ) =>
            {
                "free space, or keep fewer archives with `keep`"
            }
            Self::File(files::Error { source, .. })
                if matches!(
                    source.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                "choose another folder with `to`"
            }
            Self::Missing { .. } => "create it, or take it out of `what`",
            Self::Locked { .. } => "close the program that holds it; the backup is tried again",
            Self::NotADatabase { .. } => "check `database` in jobs.yaml",
            Self::Corrupt { .. } => {
                "restore the database from the last verified archive; older archives stay"
            }
            Self::Unsound { .. } => {
                "use an older archive, and see with `sqlite3 FILE 'PRAGMA integrity_check'` whether \
                 the live database is sound"
            }
            Self::InsideSource { .. } | Self::AroundSource { .. } => {
                "choose a folder outside of what is archived with `to`"
            }
            Self::LinkedFolder { .. } => "give the folder it points to with `to`",
            Self::NotAFolder { .. } => "choose another folder with `to`",
            Self::NoSpace { .. } => "free space, or keep fewer archives with `keep`",
            Self::Damaged { .. } => "use another archive; `backups list` shows them",
            Self::WrongKey { .. } => "give the private key of one of the archive's recipients",
            Self::Unverifiable { .. } => "give a private key",
            Self::NotEmpty { .. } => "give a folder that does not exist yet",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

fn passing(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    let stumbles = [Errno::IO, Errno::NFILE, Errno::MFILE].map(Errno::raw_os_error);
    let kinds = [
        Kind::StorageFull,
        Kind::QuotaExceeded,
        Kind::Interrupted,
        Kind::TimedOut,
        Kind::ResourceBusy,
        Kind::WouldBlock,
        Kind::OutOfMemory,
        Kind::StaleNetworkFileHandle,
    ];
    kinds.contains(&error.kind())
        || error
            .raw_os_error()
            .is_some_and(|code| stumbles.contains(&code))
}

fn passing_in_sqlite(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode as Code;
    matches!(
        error.sqlite_error_code(),
        Some(
            Code::DatabaseBusy
                | Code::DatabaseLocked
                | Code::DiskFull
                | Code::SystemIoFailure
                | Code::OutOfMemory
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(source: io::Error) -> Error {
        let path = PathBuf::from("f");
        Error::Write { path, source }
    }

    #[test]
    fn what_passes_is_tried_again_and_what_stays_is_not() {
        for code in [Errno::NOSPC, Errno::IO, Errno::MFILE, Errno::INTR] {
            assert!(write(code.into()).is_retryable(), "{code}");
        }
        for code in [Errno::ACCESS, Errno::ROFS, Errno::NOENT] {
            assert!(!write(code.into()).is_retryable(), "{code}");
        }
        let path = PathBuf::from("f");
        assert!(Error::Locked { path: path.clone() }.is_retryable());
        assert!(!Error::WrongKey { path }.is_retryable());
    }

    #[test]
    fn a_cancellation_keeps_its_reason() {
        let error = Error::from(Cancelled(CancelReason::Timeout));
        assert_eq!(error.cancelled(), Some(CancelReason::Timeout));
        assert_eq!(error.to_string(), "its timeout passed");
    }

    #[test]
    fn a_refused_file_says_what_to_do() {
        let error = write(Errno::ACCESS.into());
        assert!(error.hint().unwrap().contains("writable"));
        assert_eq!(write(Errno::IO.into()).hint(), None);
    }
}
