//! A folder of archives of rows: what is there, and what was undone.

use std::path::{Path, PathBuf};

use super::{name::RowsName, sidecar::RowsSidecar};
use crate::{
    archive::{Error, Sidecar, folder},
    files,
};

/// Where archives go whose rows are back in their table.
const UNDONE: &str = "undone";

/// An archive of rows in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRows {
    /// Where it is.
    pub path: PathBuf,
    /// Its name.
    pub name: RowsName,
    /// Its sidecar, if it has a readable one.
    pub sidecar: Option<RowsSidecar>,
}

/// The archives of rows in `folder`, oldest slot first, those that were undone left out; none if there
/// is no such folder.
///
/// # Errors
/// [`Error::Read`] if the folder cannot be read.
pub fn list(folder: &Path) -> Result<Vec<FoundRows>, Error> {
    let mut found = Vec::new();
    for file in folder::names(folder)? {
        let path = folder.join(&file);
        let is_file = path.symlink_metadata().is_ok_and(|found| found.is_file());
        if let Some(name) = RowsName::parse(&file).filter(|_| is_file) {
            // One that cannot be read is as good as none: the archive itself has all of it.
            let sidecar = RowsSidecar::read(&path).ok().flatten();
            found.push(FoundRows {
                path,
                name,
                sidecar,
            });
        }
    }
    let key = |found: &FoundRows| (found.name.0.slot, found.name.0.serial);
    found.sort_by_key(key);
    Ok(found)
}

/// The archives that were undone in `folder`.
///
/// # Errors
/// [`Error::Read`] if the folder cannot be read.
pub fn was_undone(folder: &Path) -> Result<Vec<FoundRows>, Error> {
    list(&folder.join(UNDONE))
}

/// Takes an archive whose rows are all back out of the way, with its sidecar, and makes that durable;
/// returns where it is now. One that is gone already was taken away by somebody else.
///
/// # Errors
/// [`Error::File`].
pub fn mark_undone(archive: &Path) -> Result<PathBuf, Error> {
    let from = files::parent(archive);
    let to = from.join(UNDONE);
    files::create_private_dir(&to)?;
    let new = |old: &Path| to.join(old.file_name().unwrap_or_default());
    let sidecar = Sidecar::path_for(archive);
    for old in [archive, &sidecar] {
        if old.symlink_metadata().is_ok() {
            files::rename(old, &new(old))?;
        }
    }
    files::sync_dir(&to)?;
    files::sync_dir(from)?;
    Ok(new(archive))
}
