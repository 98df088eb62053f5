//! `RECORD.json`: what a swap means to do, or has done.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Error;
use crate::{files, sqlite::beside};

/// The version of the layout of a record.
const FORMAT: u32 = 1;
/// What a record is called in its folder.
const NAME: &str = "RECORD.json";

/// Which files are in the place that they are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Those that were there before the restore.
    Old,
    /// Those that the restore brought.
    New,
}

impl Side {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Old => Self::New,
            Self::New => Self::Old,
        }
    }

    /// The folder in which its files stand while they are not in their places.
    pub(super) fn folder(self) -> &'static str {
        match self {
            Self::Old => "old",
            Self::New => "new",
        }
    }
}

/// What a file is, as far as it matters for the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A database: swapped last, under an exclusive lock.
    Database,
    /// A file of SQLite's beside a damaged database, which nobody can fold into it.
    Beside,
    /// Any other file, or a link.
    File,
}

/// What is to be done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Act {
    /// It is put in its place; what is there is kept.
    Put,
    /// What is in its place is kept, and nothing takes it.
    Clear,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its path under `new/` and `old/`.
    pub name: PathBuf,
    /// Its place.
    pub target: PathBuf,
    /// The folder that holds `new/` and `old/`, on the same filesystem as the place.
    pub folder: PathBuf,
    /// What it is.
    pub kind: Kind,
    /// What is to be done with it.
    pub act: Act,
}

impl Item {
    /// Where the new file stands while it is not in its place.
    pub fn staged(&self) -> PathBuf {
        self.stored(Side::New)
    }

    /// Where its file of one side stands while it is not in its place.
    pub(super) fn stored(&self, side: Side) -> PathBuf {
        self.folder.join(side.folder()).join(&self.name)
    }

    /// Takes away the second name that an attempt which was cut short has given to the file in the
    /// place, so that it is as if nothing had been begun.
    pub(super) fn forget(&self, wanted: Side) -> Result<(), Error> {
        let old = self.stored(wanted.other());
        let empty = |path: &Path| path.metadata().is_ok_and(|found| found.len() == 0);
        if !is_there(&old) {
            return Ok(());
        }
        if is_same(&old, &self.target) {
            return Ok(files::remove(&old)?);
        }
        if !is_there(&self.target) || empty(&self.target) {
            // Only where there are no hard links; somebody may have looked for a database meanwhile.
            return Ok(files::rename(&old, &self.target)?);
        }
        // Somebody has put another file in the place: that one stays, and so does this.
        Ok(files::rename(
            &old,
            &beside(&self.target, ".before-restore"),
        )?)
    }

    /// Keeps what is in the place under a second name, for the first one is taken next.
    pub(super) fn keep(&self, wanted: Side) -> Result<(), Error> {
        let old = self.stored(wanted.other());
        files::create_private_dir(files::parent(&old))?;
        if is_there(&old) && is_same(&old, &self.target) {
            return Ok(());
        }
        if is_there(&old) {
            files::rename(&old, &beside(&old, ".earlier"))?;
        }
        match files::link(&self.target, &old) {
            Err(error) if has_no_links(&error.source) => files::rename(&self.target, &old)?,
            linked => linked?,
        }
        Ok(files::sync_dir(files::parent(&old))?)
    }

    /// Whether it has been done, with `wanted` in the places. Told by names alone: a file leaves the
    /// folder of its side by the very rename that puts it in its place, and a place is cleared by the
    /// one that brings its file there. Who makes a new file in a cleared place keeps it.
    pub(super) fn is_done(&self, wanted: Side) -> bool {
        match self.act {
            Act::Put => !is_there(&self.stored(wanted)),
            Act::Clear => !is_there(&self.target) || is_there(&self.stored(wanted.other())),
        }
    }
}

/// Whether there is anything of this name, a dangling link too.
pub(super) fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Whether the filesystem has no hard links, or not of this file.
fn has_no_links(error: &io::Error) -> bool {
    use io::ErrorKind as K;
    matches!(
        error.kind(),
        K::Unsupported | K::PermissionDenied | K::TooManyLinks
    )
}

/// Whether both names are of one file.
fn is_same(a: &Path, b: &Path) -> bool {
    let id = |path: &Path| path.symlink_metadata().ok().map(|it| (it.dev(), it.ino()));
    id(a).is_some_and(|found| Some(found) == id(b))
}

/// How far a swap is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// It was begun; nothing need have happened yet.
    Going,
    /// It went wrong and is being taken back: that goes on until it is done.
    TakingBack,
    /// It is over, and can be turned.
    Kept,
    /// What it kept is being removed.
    Over,
}

/// What a swap means to do, or has done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub(super) format: u32,
    pub(super) state: State,
    /// Whether it was ever over: otherwise a swap that did nothing leaves nothing.
    pub(super) was_kept: bool,
    /// What shall be, or is, in the places.
    pub wanted: Side,
    /// The archive that the new files come from.
    pub archive: PathBuf,
    /// The instant that it shows.
    pub shows: Timestamp,
    /// When the files were swapped last.
    pub at: Timestamp,
    /// The files.
    pub items: Vec<Item>,
}

impl Record {
    /// A swap of the files of an archive that shows `shows`.
    pub fn new(archive: PathBuf, shows: Timestamp, at: Timestamp, items: Vec<Item>) -> Self {
        Self {
            format: FORMAT,
            state: State::Going,
            was_kept: false,
            wanted: Side::New,
            archive,
            shows,
            at,
            items,
        }
    }

    /// The record in `folder`; `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Record`] if it is none that this program knows, [`Error::File`] if it cannot be read.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, Error> {
        let path = folder.join(NAME);
        let wrong = |what: String| Error::Record {
            path: path.clone(),
            what,
        };
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(files::at("read", &path))?,
        };
        let record: Self = serde_json::from_slice(&bytes).map_err(|e| wrong(e.to_string()))?;
        if record.format != FORMAT {
            let format = record.format;
            return Err(wrong(format!(
                "its format is {format}, this program knows {FORMAT}"
            )));
        }
        Ok(Some(record))
    }

    /// Writes it, durably.
    pub(super) fn write(&self, folder: &Path) -> Result<(), Error> {
        let path = folder.join(NAME);
        let bytes = serde_json::to_vec_pretty(self).map_err(|error| Error::Record {
            path: path.clone(),
            what: error.to_string(),
        })?;
        Ok(files::write_atomic(&path, &bytes)?)
    }

    /// Takes the record away: from here on the folder is a leftover.
    pub(super) fn erase(folder: &Path) -> Result<(), Error> {
        files::remove(&folder.join(NAME))?;
        Ok(files::sync_dir(folder)?)
    }

    /// In the order in which they are done: what lies beside a damaged database goes before it and
    /// comes after it, and files come last.
    pub(super) fn sort(&mut self) {
        self.items.sort_by_key(|item| match (item.kind, item.act) {
            (Kind::Beside, Act::Clear) => 0,
            (Kind::Database, _) => 1,
            (Kind::Beside, Act::Put) => 2,
            (Kind::File, _) => 3,
        });
    }
}

/// A swap that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its folder.
    pub folder: PathBuf,
    /// What was done.
    pub record: Record,
}

impl Kept {
    /// What turning it would do: each file that would change, and how, in order.
    pub fn turned(&self) -> Vec<Item> {
        let wanted = self.record.wanted.other();
        let mut record = self.record.clone();
        record.items.retain_mut(|item| {
            item.act = if is_there(&item.stored(wanted)) {
                Act::Put
            } else {
                Act::Clear
            };
            !item.is_done(wanted)
        });
        record.sort();
        record.items
    }
}
