//! A folder of archives: what is there, what a crash left behind, and removal.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    Error,
    name::ArchiveName,
    sidecar::{Sidecar, State},
    snapshot::COPY_PREFIX,
};
use crate::files;

/// An archive in a folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Where it is.
    pub path: PathBuf,
    /// Its name.
    pub name: ArchiveName,
    /// Its length in bytes.
    pub size_bytes: u64,
    /// Its sidecar, if it has a readable one.
    pub sidecar: Option<Sidecar>,
    /// How far it can be trusted.
    pub state: State,
    /// What is wrong with it or its sidecar.
    pub problem: Option<String>,
}

/// The archives in `folder`, newest slot first; none if there is no such folder.
///
/// # Errors
/// [`Error::Read`] if the folder cannot be read.
pub fn list(folder: &Path) -> Result<Vec<Found>, Error> {
    let mut archives = Vec::new();
    for name in names(folder)? {
        let Ok(parsed) = name.parse::<ArchiveName>() else {
            continue;
        };
        let path = folder.join(&name);
        if let Ok(metadata) = path.symlink_metadata()
            && metadata.is_file()
        {
            archives.push(found(path, parsed, metadata.len()));
        }
    }
    archives.sort_by(|a, b| {
        let key = |found: &Found| (found.name.slot, found.name.serial);
        key(b).cmp(&key(a)).then_with(|| a.name.cmp(&b.name))
    });
    Ok(archives)
}

fn found(path: PathBuf, name: ArchiveName, size_bytes: u64) -> Found {
    let (sidecar, state, problem) = match Sidecar::read(&path) {
        Ok(Some(sidecar)) if sidecar.size_bytes != size_bytes => {
            let problem = format!(
                "it has {size_bytes} bytes instead of {}",
                sidecar.size_bytes
            );
            (Some(sidecar), State::Damaged, Some(problem))
        }
        Ok(Some(sidecar)) => {
            let state = sidecar.state;
            (Some(sidecar), state, None)
        }
        Ok(None) => (None, State::Written, Some("it has no sidecar".to_owned())),
        Err(error) => (None, State::Written, Some(error.to_string())),
    };
    Found {
        path,
        name,
        size_bytes,
        sidecar,
        state,
        problem,
    }
}

/// The names in `folder` that are text; ours all are.
fn names(folder: &Path) -> Result<Vec<String>, Error> {
    let read = |source| Error::Read {
        path: folder.to_owned(),
        source,
    };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(read)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.map_err(read)?.file_name().into_string().ok());
    }
    names.sort_unstable();
    Ok(names)
}

/// Removes what a process that died left in `folder`: partials, temporary files and sidecars
/// without their archive. Call it only while holding the instance lock. Returns what was removed.
///
/// # Errors
/// [`Error::Read`] or [`Error::File`] if the folder cannot be read or changed.
pub fn sweep(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut removed = Vec::new();
    for name in names(folder)? {
        let path = folder.join(&name);
        let is_file = path.symlink_metadata().is_ok_and(|found| found.is_file());
        if is_file && is_leftover(folder, &name) {
            files::remove(&path)?;
            removed.push(path);
        }
    }
    if !removed.is_empty() {
        files::sync_dir(folder)?;
    }
    Ok(removed)
}

fn is_leftover(folder: &Path, name: &str) -> bool {
    let archive = |ending| {
        let stem: Option<&str> = name.strip_suffix(ending);
        stem.filter(|stem| stem.parse::<ArchiveName>().is_ok())
    };
    name.starts_with(files::TEMP_PREFIX)
        || name.starts_with(COPY_PREFIX)
        || archive(".partial").is_some()
        || archive(".json").is_some_and(|stem| folder.join(stem).symlink_metadata().is_err())
}

/// Removes an archive, then its sidecar, and makes that durable.
///
/// # Errors
/// [`Error::File`]; a sidecar left behind is swept at the next start.
pub fn remove(found: &Found) -> Result<(), Error> {
    files::remove(&found.path)?;
    files::remove(&Sidecar::path_for(&found.path))?;
    Ok(files::sync_dir(files::parent(&found.path))?)
}
