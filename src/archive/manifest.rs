//! `MANIFEST.json`: what an archive holds, inside the archive itself.
//!
//! It is there twice. The first entry says what is going to come, so that a reader knows at once
//! what it has before it. What happened while the rest was read is known only at the end, so the
//! last entry has the same name and is complete. Of two entries with one name every tar keeps the
//! last, so a plain `tar x` leaves the complete one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    Error,
    entry::{Entry, EntryName},
};
use crate::words::JobName;

/// The name of the manifest inside an archive.
pub const MANIFEST: &str = "MANIFEST.json";

/// The version of the layout that this program writes and reads.
pub const FORMAT: u32 = 1;

/// The largest manifest that is read: about a million entries.
pub(super) const LARGEST: u64 = 256 << 20;

/// What an archive holds and where it comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this layout.
    pub format: u32,
    /// The program that wrote it.
    pub program: String,
    /// That program's version.
    pub version: String,
    /// The job.
    pub job: JobName,
    /// The slot it was written for.
    pub slot: Timestamp,
    /// The run that wrote it.
    pub run_id: i64,
    /// Why that run existed.
    pub trigger: String,
    /// The machine.
    pub host: String,
    /// The one instant that databases and files show.
    pub created_at: Timestamp,
    /// What was found before anything was read; bounds what a reader accepts.
    pub planned: Planned,
    /// The databases.
    pub databases: Vec<Database>,
    /// Everything else about them, in order, without the manifests; only in the complete one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<Entry>,
    /// What was skipped or changed.
    pub notes: Vec<Note>,
    /// Whether this is the complete one.
    pub complete: bool,
}

/// What was found before anything was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Planned {
    /// The number of entries, without the manifests.
    pub entries: u64,
    /// Their length in bytes.
    pub bytes: u64,
}

/// Facts of one database, all from the read transaction that was archived.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Database {
    /// Its name inside the archive.
    pub entry: EntryName,
    /// Bytes in a page.
    pub page_size: u64,
    /// Pages.
    pub pages: u64,
    /// SQLite's `user_version`.
    pub schema_version: i64,
    /// Its tables, by name.
    pub tables: Vec<Table>,
}

impl Database {
    /// The length of the database file in bytes.
    pub fn size(&self) -> u64 {
        self.page_size.saturating_mul(self.pages)
    }
}

/// Facts of one table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// How many rows it has; none if they cannot be counted here.
    pub rows: Option<u64>,
    /// The largest value of its time column, as stored; none without one, and in a large table
    /// whose time column leads no index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<Value>,
}

/// Something a person should know of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The entry, or what would have been its name.
    pub path: EntryName,
    /// What happened, e.g. `vanished` or `grew while read`.
    pub note: String,
}

impl Note {
    pub(super) fn new(path: &EntryName, note: impl Into<String>) -> Self {
        Self {
            path: path.clone(),
            note: note.into(),
        }
    }
}

impl Manifest {
    /// The manifest as it stands in an archive.
    ///
    /// # Errors
    /// [`Error::Name`] if it cannot be written as JSON.
    pub fn to_json(&self) -> Result<Vec<u8>, Error> {
        let name = || MANIFEST.to_owned();
        let what = "it cannot be written as JSON";
        let wrong = |_| Error::Name { name: name(), what };
        serde_json::to_vec_pretty(self).map_err(wrong)
    }

    /// Reads a manifest of a known format.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Unreadable> {
        read(bytes)
    }
}

/// Why a manifest or sidecar cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// It has a format that only a newer program knows.
    Newer(u32),
    /// It is not what it should be.
    Broken(String),
}

/// Reads what has a `format`: of a newer one nothing else is looked at.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unreadable> {
    #[derive(Deserialize)]
    struct Version {
        format: u32,
    }
    let broken = |error: serde_json::Error| Unreadable::Broken(error.to_string());
    match serde_json::from_slice(bytes).map_err(broken)? {
        Version { format } if format > FORMAT => Err(Unreadable::Newer(format)),
        Version { format: 0 } => Err(Unreadable::Broken("its format is 0".to_owned())),
        Version { .. } => serde_json::from_slice(bytes).map_err(broken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_read_back_and_an_unknown_format_named() {
        let manifest = crate::archive::testing::manifest();
        let json = manifest.to_json().unwrap();
        assert_eq!(Manifest::from_json(&json), Ok(manifest));
        let newer = String::from_utf8(json)
            .unwrap()
            .replace("\"format\": 1", "\"format\": 9");
        let error = Manifest::from_json(newer.as_bytes()).unwrap_err();
        assert_eq!(error, Unreadable::Newer(9));
        // Whatever else a newer one holds.
        let error = Manifest::from_json(br#"{"format": 2}"#).unwrap_err();
        assert_eq!(error, Unreadable::Newer(2));
        for broken in [&b"{"[..], br#"{"format": 1}"#, br#"{"format": 0}"#] {
            let error = Manifest::from_json(broken).unwrap_err();
            assert!(matches!(error, Unreadable::Broken(_)));
        }
    }
}
