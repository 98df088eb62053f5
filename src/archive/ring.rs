//! The private keys at hand: the one in use and those that were in use before.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
};

use age::secrecy::ExposeSecret;
use jiff::Timestamp;

use super::{
    Error,
    keys::{Identity, Recipient, identities, new_key},
};
use crate::files;

/// A file of private keys.
#[derive(Debug, Clone)]
pub struct KeyFile {
    /// Where it is.
    pub path: PathBuf,
    /// The private keys in it.
    pub identities: Vec<Identity>,
}

/// The private keys of `key_file` and of the older ones beside it, which are called like it with a
/// `-` and more before the ending: `backup-20261124.key` for `backup.key`. The key in use comes
/// first; none at all is an empty list.
///
/// # Errors
/// [`Error::KeyFile`] if one of the files, or their folder, cannot be read.
pub fn ring(key_file: &Path) -> Result<Vec<KeyFile>, Error> {
    let mut ring = Vec::new();
    for path in [vec![key_file.to_owned()], older(key_file)?].concat() {
        if let Some(identities) = identities(&path)? {
            ring.push(KeyFile { path, identities });
        }
    }
    Ok(ring)
}

/// Where the key in `key_file` would be kept once another takes its place: a name with the day that
/// is not taken yet.
pub fn elder_name(key_file: &Path, now: Timestamp) -> PathBuf {
    let text = |part: Option<&OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let (stem, ending) = (text(key_file.file_stem()), text(key_file.extension()));
    let day = now.strftime("%Y%m%d");
    let name = |number: u32| {
        let more = if number > 1 {
            format!("-{number}")
        } else {
            String::new()
        };
        let dot = if ending.is_empty() { "" } else { "." };
        key_file.with_file_name(format!("{stem}-{day}{more}{dot}{ending}"))
    };
    let mut names = (1..=u32::MAX).map(name);
    let free = names.find(|path| path.symlink_metadata().is_err());
    free.unwrap_or_else(|| name(0))
}

/// Puts a new key in the place of the one in `key_file`, which is kept as `elder`; returns the new
/// public half. At every moment the key in use is in `key_file`, whole.
///
/// # Errors
/// [`Error::MissingKey`], [`Error::KeyFile`] if there is no key to replace, [`Error::File`].
pub fn rotate(key_file: &Path, elder: &Path, now: Timestamp) -> Result<Recipient, Error> {
    if identities(key_file)?.is_none() {
        let path = key_file.to_owned();
        return Err(Error::MissingKey { path });
    }
    let old = fs::read(key_file).map_err(|error| Error::KeyFile {
        path: key_file.to_owned(),
        what: error.to_string(),
    })?;
    files::write_new(elder, &old)?;
    let (recipient, text) = new_key(now);
    files::write_atomic(key_file, text.expose_secret().as_bytes())?;
    Ok(recipient)
}

/// The files of older keys, by name.
fn older(key_file: &Path) -> Result<Vec<PathBuf>, Error> {
    let folder = files::parent(key_file);
    let wrong = |error: io::Error| Error::KeyFile {
        path: folder.to_owned(),
        what: error.to_string(),
    };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(wrong)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(wrong)?.path();
        if is_older(key_file, &path) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn is_older(key_file: &Path, path: &Path) -> bool {
    let text = |part: Option<&std::ffi::OsStr>| part?.to_str().map(str::to_owned);
    let (Some(stem), Some(candidate)) = (text(key_file.file_stem()), text(path.file_stem())) else {
        return false;
    };
    let rest = candidate.strip_prefix(&format!("{stem}-"));
    path.extension() == key_file.extension() && rest.is_some_and(|rest| !rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        archive::generate,
        files::fault::{self, Fault},
    };

    #[test]
    fn a_rotation_keeps_the_old_key_and_never_leaves_none() {
        for fault in [Fault::Full, Fault::Dead] {
            let mut failures = 0;
            let world = std::cell::RefCell::new(None);
            fault::each(
                fault,
                |_| {
                    let root = tempfile::tempdir().unwrap();
                    let key = root.path().join("backup.key");
                    let mut file = fs::File::create(&key).unwrap();
                    let (_, text) = new_key(Timestamp::UNIX_EPOCH);
                    std::io::Write::write_all(&mut file, text.expose_secret().as_bytes()).unwrap();
                    let elder = elder_name(&key, Timestamp::UNIX_EPOCH);
                    let old = identities(&key).unwrap().unwrap()[0].recipient();
                    let result = rotate(&key, &elder, Timestamp::UNIX_EPOCH);
                    *world.borrow_mut() = Some((root, key, old));
                    result
                },
                |at, result| {
                    let (_root, key, old) = world.borrow_mut().take().unwrap();
                    let found = ring(&key).unwrap();
                    let keys: Vec<_> = found
                        .iter()
                        .flat_map(|key| key.identities.iter().map(Identity::recipient))
                        .collect();
                    assert!(found[0].path == key && keys.contains(&old), "{at}");
                    failures += usize::from(result.is_err());
                    if let Ok(new) = result {
                        assert_eq!(keys, [new, old]);
                        let name = found[1].path.file_name().unwrap();
                        assert_eq!(name, "backup-19700101.key");
                    }
                },
            );
            assert!(failures > 6, "{failures}");
        }
    }

    #[test]
    fn the_name_of_an_elder_is_free() {
        let root = tempfile::tempdir().unwrap();
        let key = root.path().join("backup.key");
        let name = |path: PathBuf| path.file_name().unwrap().to_owned();
        files::write_atomic(&root.path().join("backup-19700101.key"), b"x").unwrap();
        assert_eq!(
            name(elder_name(&key, Timestamp::UNIX_EPOCH)),
            "backup-19700101-2.key"
        );
        assert_eq!(
            name(elder_name(&root.path().join("key"), Timestamp::UNIX_EPOCH)),
            "key-19700101"
        );
        assert!(rotate(&key, &root.path().join("x"), Timestamp::UNIX_EPOCH).is_err());
    }

    #[test]
    fn the_key_in_use_comes_first_and_only_its_elders_follow() {
        let root = tempfile::tempdir().unwrap();
        let file = |name: &str| root.path().join(name);
        assert!(ring(&file("none/backup.key")).unwrap().is_empty());
        assert!(ring(&file("backup.key")).unwrap().is_empty());
        for name in ["backup-20261124.key", "backup.key", "backup-20250101.key"] {
            generate(&file(name), Timestamp::UNIX_EPOCH).unwrap();
        }
        for other in [
            "backup-notes.txt",
            "backup-.key",
            "other.key",
            "backups.key",
        ] {
            files::write_atomic(&file(other), b"nothing").unwrap();
        }
        let found = ring(&file("backup.key")).unwrap();
        let paths: Vec<_> = found.iter().map(|key| key.path.clone()).collect();
        assert_eq!(
            paths,
            ["backup.key", "backup-20250101.key", "backup-20261124.key"].map(file)
        );
        files::write_atomic(&file("backup-x.key"), b"broken").unwrap();
        let error = ring(&file("backup.key")).unwrap_err();
        assert!(error.to_string().contains("backup-x.key"), "{error}");
    }
}
