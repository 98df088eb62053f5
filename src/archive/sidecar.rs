//! The sidecar `F.json` beside an archive: what can be known without a key.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Error, Identity,
    manifest::{self, Database, FORMAT, Note, Unreadable},
};
use crate::{files, words::JobName};

/// How far an archive can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is not what its sidecar says.
    Damaged,
    /// It was written; nothing more is known.
    Written,
    /// All of it was read back and compared with its manifest.
    Verified,
    /// It was restored as a trial, and the databases in it are sound.
    Drilled,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Damaged => "damaged",
            Self::Written => "written",
            Self::Verified => "verified",
            Self::Drilled => "drilled",
        })
    }
}

/// The content of a sidecar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sidecar {
    /// The version of this layout.
    pub format: u32,
    /// The file name of the archive.
    pub archive: String,
    /// The job.
    pub job: JobName,
    /// The slot.
    pub slot: Timestamp,
    /// The run that wrote it.
    pub run_id: i64,
    /// Why that run existed.
    pub trigger: String,
    /// The machine.
    pub host: String,
    /// The program and its version.
    pub program: String,
    /// The instant that the archive shows.
    pub created_at: Timestamp,
    /// When it was complete.
    pub finished_at: Timestamp,
    /// How long it took, in seconds.
    pub duration_seconds: f64,
    /// The length of the archive in bytes.
    pub size_bytes: u64,
    /// SHA-256 of the archive in hex, as `sha256sum` prints it.
    pub sha256: String,
    /// Bytes of all entries before compression.
    pub plain_bytes: u64,
    /// The number of entries, without the manifests.
    pub entries: u64,
    /// Fingerprints of the keys that open it.
    pub recipients: Vec<String>,
    /// How far it can be trusted.
    pub state: State,
    /// When it was last read again and found as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Timestamp>,
    /// When it was last restored as a trial, with success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drilled_at: Option<Timestamp>,
    /// How long that took, in seconds: reading, extracting and checking all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_seconds: Option<f64>,
    /// What the last look at it found wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Facts of the databases in it.
    pub databases: Vec<Database>,
    /// What was skipped or changed.
    pub notes: Vec<Note>,
}

impl Sidecar {
    /// Where the sidecar of `archive` is: its path and `.json`.
    pub fn path_for(archive: &Path) -> PathBuf {
        let mut name = archive.as_os_str().to_owned();
        name.push(".json");
        name.into()
    }

    /// The sidecar of `archive`; `None` if it has none.
    ///
    /// # Errors
    /// [`Error::Sidecar`] if it cannot be read, [`Error::Newer`] if only a newer program can.
    pub fn read(archive: &Path) -> Result<Option<Self>, Error> {
        let path = Self::path_for(archive);
        let what = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => error.to_string(),
            Ok(bytes) => match manifest::read(&bytes) {
                Ok(sidecar) => return Ok(Some(sidecar)),
                Err(Unreadable::Newer(format)) => {
                    return Err(Error::Newer {
                        path: archive.to_owned(),
                        format,
                        known: FORMAT,
                    });
                }
                Err(Unreadable::Broken(what)) => what,
            },
        };
        Err(Error::Sidecar { path, what })
    }

    /// Whether the archive is encrypted to one of the keys.
    pub fn is_for(&self, keys: &[Identity]) -> bool {
        let mut fingerprints = keys.iter().map(|key| key.recipient().fingerprint());
        fingerprints.any(|fingerprint| self.recipients.contains(&fingerprint))
    }

    /// Replaces the sidecar of `archive`, e.g. after a drill.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be written.
    pub fn write(&self, archive: &Path) -> Result<(), Error> {
        let path = Self::path_for(archive);
        Ok(files::write_atomic(&path, &self.to_json(&path)?)?)
    }

    /// Writes the first sidecar of `archive`; never replaces one.
    pub(super) fn write_new(&self, archive: &Path) -> Result<(), Error> {
        let path = Self::path_for(archive);
        Ok(files::write_new(&path, &self.to_json(&path)?)?)
    }

    fn to_json(&self, path: &Path) -> Result<Vec<u8>, Error> {
        let mut json = serde_json::to_vec_pretty(self).map_err(|error| Error::Sidecar {
            path: path.to_owned(),
            what: error.to_string(),
        })?;
        json.push(b'\n');
        Ok(json)
    }
}
