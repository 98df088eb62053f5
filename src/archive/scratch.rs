//! Scratch folders: where archives are restored as a trial. Private, and always removed.

use std::{
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::{Error, folder};
use crate::files;

/// A private folder that goes away with all that is in it.
///
/// Its folder is locked while it is in use, so that nobody else sweeps it.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    _lock: File,
}

impl Scratch {
    /// A new one in `parent`, which is made if need be; what a crash left there is removed first.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::LinkedFolder`], [`Error::NotAFolder`] or [`Error::Read`].
    pub fn create(parent: &Path) -> Result<Self, Error> {
        sweep_scratch(parent)?;
        files::create_private_dir(parent)?;
        let wrap = files::at("create a folder in", parent);
        let made = tempfile::Builder::new()
            .prefix("trial-")
            .permissions(PermissionsExt::from_mode(0o700))
            .tempdir_in(parent)
            .map_err(&wrap)?;
        let lock = File::open(made.path()).map_err(&wrap)?;
        // Where locks do not work there is no sweeping beside a trial either: see below.
        lock.try_lock().map_err(|error| wrap(error.into()))?;
        let path = made.keep();
        Ok(Self { path, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it; whoever only drops it leaves what cannot be removed to the next sweep.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn remove(self) -> Result<(), Error> {
        Ok(files::remove_tree(&self.path)?)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if files::remove_tree(&self.path).is_ok()
            && let Some(parent) = self.path.parent()
        {
            // Only if it is empty: another trial may be going on.
            let _removed = fs::remove_dir(parent);
        }
    }
}

/// Removes the scratch folders in `parent` that a process left when it died; those in use stay.
/// Returns what was removed.
///
/// # Errors
/// [`Error::LinkedFolder`] or [`Error::NotAFolder`] if `parent` is none of ours, [`Error::Read`],
/// [`Error::File`].
pub fn sweep_scratch(parent: &Path) -> Result<Vec<PathBuf>, Error> {
    folder::check_is_folder(parent)?;
    let read = |source| Error::Read {
        path: parent.to_owned(),
        source,
    };
    let entries = match fs::read_dir(parent) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(read)?,
    };
    let mut removed = Vec::new();
    for entry in entries {
        let path = entry.map_err(read)?.path();
        let is_folder = path.symlink_metadata().is_ok_and(|found| found.is_dir());
        if is_folder && !is_in_use(&path) {
            files::remove_tree(&path)?;
            removed.push(path);
        }
    }
    Ok(removed)
}

fn is_in_use(path: &Path) -> bool {
    let locked = File::open(path).map(|folder| folder.try_lock());
    matches!(locked, Ok(Err(TryLockError::WouldBlock)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    #[test]
    fn it_is_private_and_goes_with_all_that_is_in_it() {
        let root = tempfile::tempdir().unwrap();
        let parent = root.path().join(".drill");
        let scratch = Scratch::create(&parent).unwrap();
        let path = scratch.path().to_owned();
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o700);
        assert_eq!(parent.metadata().unwrap().mode() & 0o777, 0o700);
        files::write_atomic(&path.join("f"), b"x").unwrap();
        drop(scratch);
        assert!(!parent.exists());
        let scratch = Scratch::create(&parent).unwrap();
        scratch.remove().unwrap();
        assert!(!parent.exists());
    }

    #[test]
    fn what_a_crash_left_is_swept_and_a_trial_that_goes_on_is_not() {
        let root = tempfile::tempdir().unwrap();
        let parent = root.path().join(".drill");
        let going_on = Scratch::create(&parent).unwrap();
        let left = parent.join("trial-dead");
        files::create_private_dir(&left.join("data")).unwrap();
        files::write_atomic(&left.join("data/secret.db"), b"x").unwrap();
        assert_eq!(sweep_scratch(&parent).unwrap(), std::slice::from_ref(&left));
        files::create_private_dir(&left).unwrap();
        let second = Scratch::create(&parent).unwrap();
        assert!(!left.exists() && going_on.path().exists() && second.path().exists());
    }

    #[test]
    fn a_link_in_its_place_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let elsewhere = root.path().join("elsewhere");
        files::create_private_dir(&elsewhere.join("mine")).unwrap();
        let parent = root.path().join(".drill");
        symlink(&elsewhere, &parent).unwrap();
        let error = Scratch::create(&parent).unwrap_err();
        assert!(matches!(error, Error::LinkedFolder { .. }));
        assert!(elsewhere.join("mine").exists());
    }
}
