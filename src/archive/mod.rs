//! Archives: one encrypted, verified file a backup, and its manifest beside it.

use std::path::PathBuf;

/// To whom archives are encrypted. Nothing is ever written unencrypted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Encryption {
    /// age X25519 recipients (`age1…`) of jobs.yaml, already parsed once at load.
    pub recipients: Vec<String>,
    /// Where the key made at the first start is; its public half is the recipient when
    /// `recipients` is empty, its private half opens archives.
    pub key_file: PathBuf,
}
