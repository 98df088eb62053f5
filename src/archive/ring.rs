//! The private keys at hand: the one in use and those that were in use before.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    Error,
    keys::{Identity, identities},
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
    use jiff::Timestamp;

    use super::*;
    use crate::archive::generate;

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
