//! A job file as it was written, kept so that the next one can be compared with it.

use std::{collections::BTreeMap, fmt};

use sha2::{Digest, Sha256};

use super::{read, source::Source};

/// The text of a job file and what its variables stood for. The values are kept as hashes only.
#[derive(Clone, Default)]
pub struct Written {
    pub(super) source: Source,
    /// By name.
    pub(super) variables: BTreeMap<String, [u8; 32]>,
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} bytes",
            self.source.name,
            self.source.text.len()
        )
    }
}

impl Written {
    /// Whether these are the bytes of the file.
    pub fn is(&self, bytes: &[u8]) -> bool {
        read::without_mark(bytes) == self.source.text.as_bytes()
    }

    pub(super) fn new(source: Source, used: &[(String, String)]) -> Self {
        let hash = |(name, value): &(String, String)| (name.clone(), Sha256::digest(value).into());
        Self {
            source,
            variables: used.iter().map(hash).collect(),
        }
    }
}
