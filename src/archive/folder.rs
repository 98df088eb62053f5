//! A folder of archives: what is there, what a crash left behind, and removal.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    Error,
    name::ArchiveName,
    rows::RowsName,
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
            let (state, problem) = (sidecar.state, sidecar.problem.clone());
            (Some(sidecar), state, problem)
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
pub(super) fn names(folder: &Path) -> Result<Vec<String>, Error> {
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

/// Refuses a link: whoever could point it elsewhere would decide where archives go.
pub(super) fn check_is_folder(folder: &Path) -> Result<(), Error> {
    let folder = folder.to_owned();
    match fs::symlink_metadata(&folder) {
        Ok(found) if found.is_symlink() => Err(Error::LinkedFolder { folder }),
        Ok(found) if !found.is_dir() => Err(Error::NotAFolder { folder }),
        // A file where one of the folders above it should be.
        Err(source) if source.kind() == io::ErrorKind::NotADirectory => {
            Err(Error::NotAFolder { folder })
        }
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Error::Read {
            path: folder,
            source,
        }),
        _ => Ok(()),
    }
}

/// Removes what a process that died left in `folder`: partials, temporary files and sidecars
/// without their archive. Call it only while holding the instance lock. Returns what was removed.
///
/// # Errors
/// [`Error::Read`] or [`Error::File`] if the folder cannot be read or changed,
/// [`Error::LinkedFolder`] or [`Error::NotAFolder`] if it is none of ours.
pub fn sweep(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    check_is_folder(folder)?;
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
        stem.filter(|stem| stem.parse::<ArchiveName>().is_ok() || RowsName::parse(stem).is_some())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::testing::World;

    #[test]
    fn archives_are_listed_newest_first_with_what_is_known() {
        let world = World::new();
        assert_eq!(list(&world.path("backups")).unwrap(), []);
        let first = world.archive(false, &["config"]);
        let second = world.archive(false, &["config"]);
        let mut later = world.request(false, &["config"]);
        later.slot = "2026-11-24T02:00:00Z".parse().unwrap();
        let third = super::super::create(&later, &crate::watch::Watch::default()).unwrap();
        world.put("backups/notes.txt", b"mine");

        let found = list(&world.path("backups")).unwrap();
        let paths: Vec<_> = found.iter().map(|f| &f.path).collect();
        assert_eq!(paths, [&third.path, &second.path, &first.path]);
        assert!(
            found
                .iter()
                .all(|f| f.state == State::Verified && f.problem.is_none())
        );
        assert_eq!(found[0].sidecar.as_ref(), Some(&third.sidecar));

        files::write_atomic(&third.path, b"cut").unwrap();
        files::remove(&Sidecar::path_for(&second.path)).unwrap();
        files::write_atomic(&Sidecar::path_for(&first.path), b"{").unwrap();
        let found = list(&world.path("backups")).unwrap();
        let told: Vec<_> = found
            .iter()
            .map(|f| (f.state, f.problem.as_deref().unwrap_or_default()))
            .collect();
        assert_eq!(told[0].0, State::Damaged);
        assert!(told[0].1.contains("3 bytes instead of"));
        assert_eq!(told[1], (State::Written, "it has no sidecar"));
        assert!(told[2].1.contains(".json"));
    }

    #[test]
    fn only_leftovers_of_ours_are_swept() {
        let world = World::new();
        let made = world.archive(false, &["config"]);
        let stay = world.published();
        for name in [
            "backup-daily-20261125T020000Z.tar.gz.age.partial",
            "backup-daily-20261125T020000Z.tar.gz.age.json",
            ".new-abc",
            ".snapshot-abc",
        ] {
            world.put(&format!("backups/{name}"), b"");
        }
        for name in ["movie.partial", "my.json"] {
            world.put(&format!("backups/{name}"), b"");
        }
        assert_eq!(sweep(&world.path("backups")).unwrap().len(), 4);
        for name in ["movie.partial", "my.json"] {
            files::remove(&world.path("backups").join(name)).unwrap();
        }
        assert_eq!(world.published(), stay);
        assert!(sweep(&world.path("backups")).unwrap().is_empty());
        assert!(sweep(&world.path("nowhere")).unwrap().is_empty());
        assert!(made.path.exists());
    }

    #[test]
    fn removal_takes_the_sidecar_along() {
        let world = World::new();
        world.archive(false, &["config"]);
        let found = list(&world.path("backups")).unwrap();
        remove(&found[0]).unwrap();
        assert_eq!(world.published(), ["RESTORE.txt"]);
    }
}
