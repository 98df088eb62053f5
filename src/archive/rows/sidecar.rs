//! The sidecar `F.json` beside an archive of rows: what can be known without a key.

use std::{fs, io, path::Path};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::line::Header;
use crate::{
    archive::{Error, Sidecar},
    files,
};

/// The content of a sidecar of rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowsSidecar {
    /// What the first line of the archive says.
    #[serde(flatten)]
    pub header: Header,
    /// The file name of the archive.
    pub archive: String,
    /// The machine.
    pub host: String,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it was complete.
    pub finished_at: Timestamp,
    /// How many rows are in it.
    pub rows: u64,
    /// Bytes of its lines before compression.
    pub plain_bytes: u64,
    /// SHA-256 of these in hex.
    pub plain_sha256: String,
    /// The length of the archive in bytes.
    pub size_bytes: u64,
    /// SHA-256 of the archive in hex, as `sha256sum` prints it.
    pub sha256: String,
    /// Fingerprints of the keys that open it.
    pub recipients: Vec<String>,
}

impl RowsSidecar {
    /// The sidecar of `archive`; `None` if it has none.
    ///
    /// # Errors
    /// [`Error::Sidecar`] if it cannot be read.
    pub fn read(archive: &Path) -> Result<Option<Self>, Error> {
        let path = Sidecar::path_for(archive);
        let what = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => error.to_string(),
            Ok(bytes) => match serde_json::from_slice(&bytes) {
                Ok(sidecar) => return Ok(Some(sidecar)),
                Err(error) => error.to_string(),
            },
        };
        Err(Error::Sidecar { path, what })
    }

    /// Writes the sidecar of `archive`; never replaces one.
    pub(super) fn write_new(&self, archive: &Path) -> Result<(), Error> {
        let path = Sidecar::path_for(archive);
        let mut json = serde_json::to_vec_pretty(self).map_err(|error| Error::Sidecar {
            path: path.clone(),
            what: error.to_string(),
        })?;
        json.push(b'\n');
        Ok(files::write_new(&path, &json)?)
    }
}
