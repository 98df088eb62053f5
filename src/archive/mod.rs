//! Archives: one encrypted, verified file a backup, and its sidecar beside it.
//!
//! An archive is a plain `tar.gz.age` that stock tools open: `age -d -i KEY F | tar xz`. It is
//! written as a stream (pages out of one read transaction and files → tar → gzip → age → file),
//! read back on the way by a second pair of eyes that has no key, and gets its name only when all
//! of it is on disk and was found to be what it should be.

use std::path::PathBuf;

mod create;
mod decrypted;
mod difference;
mod drill;
mod entry;
mod error;
mod extract;
mod facts;
mod files_read;
mod folder;
mod hash;
mod keys;
mod manifest;
mod name;
mod open;
mod pipeline;
mod prove;
mod publish;
mod request;
mod restore_text;
mod ring;
pub mod rows;
mod scan;
mod scratch;
mod seal;
#[cfg(test)]
mod shapes;
mod sidecar;
mod snapshot;
mod source;
mod tar_write;
mod tee;
#[cfg(test)]
mod testing;
mod trial;
mod verify;
mod walk;

pub use create::create;
pub use decrypted::{extract_decrypted, verify_decrypted};
pub use difference::{TableDifference, difference, tables_of};
pub use drill::{Drilled, drill};
pub use entry::{Entry, EntryKind, EntryName};
pub use error::Error;
pub use extract::{Extracted, Wanted, extract, extract_some};
pub use folder::{Found, list, remove, sweep};
pub use hash::sum_of_file;
pub use keys::{Identity, Recipient, check_recipient, fingerprint, generate, identities, stand_in};
pub use manifest::{Database, FORMAT, MANIFEST, Manifest, Note, Planned, Table, Unreadable};
pub use name::{ArchiveName, NotAnArchive};
pub use open::is_database;
pub use prove::{Depth, Proved, Recorded, prove};
pub use request::{Published, Request};
pub use restore_text::RESTORE;
pub use ring::{KeyFile, elder_name, ring, rotate};
pub use scratch::{Scratch, sweep_scratch};
pub use seal::{seal, sha256_of, unseal};
pub use sidecar::{Sidecar, State};
pub use source::{Source, database_beside, is_database_name};
pub use trial::{Sound, check_database, check_extracted};
pub use verify::{Verified, verify};

/// To whom archives are encrypted. Nothing is ever written unencrypted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Encryption {
    /// age X25519 recipients (`age1…`) of jobs.yaml, already parsed once at load.
    pub recipients: Vec<String>,
    /// Where the key made at the first start is; its public half is the recipient when
    /// `recipients` is empty, its private half opens archives.
    pub key_file: PathBuf,
}
