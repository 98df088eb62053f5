//! Extraction into a folder with neighbours, which must not notice it.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use bellkeeper::{
    archive::{Error, Extracted, Manifest, extract_decrypted, verify_decrypted},
    watch::Watch,
};
use flate2::{Compression, write::GzEncoder};

/// A folder `to` that is to be extracted into, and what stands beside it.
pub(super) struct Sandbox {
    folder: tempfile::TempDir,
}

impl Sandbox {
    pub(super) fn new() -> Self {
        let folder = super::scratch();
        fs::create_dir(folder.path().join("outside")).unwrap();
        fs::write(folder.path().join("outside/file"), b"untouched").unwrap();
        fs::write(folder.path().join("file"), b"untouched").unwrap();
        Self { folder }
    }

    /// Where hostile links point.
    pub(super) fn outside(&self) -> PathBuf {
        self.folder.path().join("outside")
    }

    fn to(&self) -> PathBuf {
        self.folder.path().join("to")
    }

    /// Extracts a tar; nothing outside the target may change, nothing of a refused one may stay,
    /// and what was extracted is what the manifest says.
    pub(super) fn extract(&self, tar: &[u8]) -> bool {
        let before = self.neighbours();
        let packed = gzip(tar);
        let name = Path::new("archive");
        let seen = verify_decrypted(&packed[..], name, &Watch::default());
        let extracted = extract_decrypted(&packed[..], name, &self.to(), &Watch::default());
        assert_eq!(self.neighbours(), before, "something outside has changed");
        let accepted = extracted.is_ok();
        match (seen, extracted) {
            (Ok(seen), Ok(extracted)) => self.judge(&seen, &extracted),
            // What only extraction can refuse.
            (Ok(_), Err(error)) => {
                let told = error.to_string();
                let known = matches!(
                    error,
                    Error::NoSpace { .. } | Error::Write { .. } | Error::File(_)
                ) || told.contains("in the way");
                assert!(known, "verified, but not extracted: {error:?}");
                assert!(!self.to().exists(), "half of it stayed: {told}");
            }
            (Err(error), Ok(_)) => panic!("extracted, but not verified: {error}"),
            (Err(_), Err(_)) => assert!(!self.to().exists(), "half of it stayed"),
        }
        accepted
    }

    /// Everything but the target: names, modes and contents.
    fn neighbours(&self) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
        let mut found = tree(self.folder.path());
        found.retain(|path, _| !path.starts_with("to"));
        found.remove(Path::new(""));
        found
    }

    fn judge(&self, seen: &Manifest, extracted: &Extracted) {
        assert_eq!(*seen, extracted.manifest);
        assert_eq!(extracted.to, self.to());
        let listed: BTreeMap<_, _> = seen
            .entries
            .iter()
            .map(|entry| (entry.path.to_path(), entry))
            .collect();
        for (path, (mode, bytes)) in tree(&self.to()) {
            assert_eq!(mode & 0o7000, 0, "{}: special bits", path.display());
            if let Some(entry) = listed.get(&path) {
                assert_eq!(bytes.len() as u64, entry.size, "{}", path.display());
            } else {
                let is_parent = listed.keys().any(|entry| entry.starts_with(&path));
                let known = is_parent || path == Path::new("MANIFEST.json");
                assert!(known, "{} is not in the manifest", path.display());
            }
        }
    }
}

impl Drop for Sandbox {
    /// A folder of the archive may forbid to enter it.
    fn drop(&mut self) {
        open_all(self.folder.path());
    }
}

fn open_all(folder: &Path) {
    // The next line's errors are seen when the folder cannot be removed.
    let _opened = fs::set_permissions(folder, fs::Permissions::from_mode(0o700));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_all(&entry.path());
        }
    }
}

/// All below a folder, without following links: path, mode, and the bytes of files.
fn tree(root: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            let kind = metadata.file_type();
            let mut bytes = Vec::new();
            if kind.is_dir() {
                folders.push(path.clone());
            } else if kind.is_file() {
                assert_eq!(metadata.nlink(), 1, "{} is a hard link", path.display());
                bytes = fs::read(&path).unwrap();
            } else {
                assert!(kind.is_symlink(), "{} is a device", path.display());
            }
            let mode = if kind.is_symlink() {
                0
            } else {
                metadata.mode()
            };
            found.insert(path.strip_prefix(root).unwrap().to_owned(), (mode, bytes));
        }
    }
    found
}

/// One gzip member that stores rather than compresses: fast.
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::none());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}
