//! Extracting an archive into a folder of its own, as hostile input.

use std::{
    collections::HashSet,
    ffi::OsStr,
    fs::{self, File, FileTimes, Permissions},
    io::{self, Write},
    os::unix::{ffi::OsStrExt, fs::PermissionsExt, fs::symlink},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::{
    Error,
    entry::{EntryKind, Head},
    keys::Identity,
    manifest::Manifest,
    publish,
    scan::Sink,
    verify,
};
use crate::{files, watch::Watch};

/// What was extracted.
#[derive(Debug, Clone, PartialEq)]
pub struct Extracted {
    /// The folder.
    pub to: PathBuf,
    /// The complete manifest; every byte agrees with it.
    pub manifest: Manifest,
}

/// Extracts all of `path` into `to`, which must not exist or be empty, and verifies it on the way.
/// Owners are not restored; permissions and times are. Progress is counted in plain bytes.
///
/// # Errors
/// Those of [`super::verify`], [`Error::NotEmpty`], [`Error::LinkedFolder`], [`Error::NoSpace`],
/// [`Error::Write`]; whatever was extracted is removed again then.
pub fn extract(
    path: &Path,
    identities: &[Identity],
    to: &Path,
    watch: &Watch,
) -> Result<Extracted, Error> {
    let existed = check_target(to)?;
    files::create_private_dir(to)?;
    let mut unpack = Unpack::new(path, to);
    let result = verify::verify_into(path, identities, watch, &mut unpack)
        .and_then(|manifest| unpack.finish().map(|()| manifest));
    match result {
        Ok(manifest) => Ok(Extracted {
            to: to.to_owned(),
            manifest,
        }),
        Err(error) => {
            clear(to, existed);
            Err(error)
        }
    }
}

/// Whether the folder is there; it must be empty then, and no link.
fn check_target(to: &Path) -> Result<bool, Error> {
    publish::check_is_folder(to)?;
    let Ok(mut entries) = fs::read_dir(to) else {
        return Ok(false);
    };
    if entries.next().is_some() {
        let path = to.to_owned();
        return Err(Error::NotEmpty { path });
    }
    Ok(true)
}

/// Removes what was extracted; what cannot be removed stays, for the first error counts.
fn clear(to: &Path, existed: bool) {
    if !existed {
        let _removed = fs::remove_dir_all(to);
        return;
    }
    for entry in fs::read_dir(to).into_iter().flatten().flatten() {
        let path = entry.path();
        let _removed = match entry.file_type() {
            Ok(kind) if kind.is_dir() => fs::remove_dir_all(&path).is_ok(),
            _ => files::remove(&path).is_ok(),
        };
    }
}

/// Writes entries below `to`. Links are made last, so that no path ever leads through one.
struct Unpack<'a> {
    archive: &'a Path,
    to: &'a Path,
    made: HashSet<PathBuf>,
    folders: Vec<Head>,
    links: Vec<Head>,
    file: Option<(PathBuf, File)>,
}

impl<'a> Unpack<'a> {
    fn new(archive: &'a Path, to: &'a Path) -> Self {
        Self {
            archive,
            to,
            made: HashSet::new(),
            folders: Vec::new(),
            links: Vec::new(),
            file: None,
        }
    }

    fn write(path: &Path) -> impl Fn(io::Error) -> Error + '_ {
        move |source| Error::Write {
            path: path.to_owned(),
            source,
        }
    }

    fn clash(&self, head: &Head) -> Error {
        Error::Damaged {
            path: self.archive.to_owned(),
            what: format!("{:?} is in the way of another entry", head.path),
        }
    }

    /// Makes a folder and its parents; only what this extraction made counts as a folder.
    fn folder(&mut self, path: &Path, head: &Head) -> Result<(), Error> {
        if path.as_os_str().is_empty() || self.made.contains(path) {
            return Ok(());
        }
        self.folder(path.parent().unwrap_or(Path::new("")), head)?;
        let full = self.to.join(path);
        if full.symlink_metadata().is_ok() {
            return Err(self.clash(head));
        }
        files::create_private_dir(&full)?;
        self.made.insert(path.to_owned());
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Error> {
        for head in std::mem::take(&mut self.links) {
            let path = self.to.join(head.path.to_path());
            if path.symlink_metadata().is_ok() {
                return Err(self.clash(&head));
            }
            symlink(OsStr::from_bytes(&head.target), &path).map_err(Self::write(&path))?;
        }
        // The deepest first: a folder's time changes when something is made in it.
        while let Some(head) = self.folders.pop() {
            let path = self.to.join(head.path.to_path());
            let folder = File::open(&path).map_err(Self::write(&path))?;
            finish_file(&folder, &head).map_err(Self::write(&path))?;
        }
        Ok(files::sync_dir(self.to)?)
    }
}

/// Gives a file or folder its permissions and time, and makes it durable.
fn finish_file(file: &File, head: &Head) -> io::Result<()> {
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(head.mtime));
    if let Some(time) = time {
        file.set_times(FileTimes::new().set_modified(time))?;
    }
    // Never set-user-id, set-group-id or sticky.
    file.set_permissions(Permissions::from_mode(head.mode & 0o777))?;
    file.sync_all()
}

impl Sink for Unpack<'_> {
    fn start(&mut self, manifest: &Manifest) -> Result<(), Error> {
        publish::require(self.to, manifest.planned.bytes)
    }

    fn begin(&mut self, head: &Head) -> Result<(), Error> {
        let path = head.path.to_path();
        self.folder(path.parent().unwrap_or(Path::new("")), head)?;
        match head.kind {
            EntryKind::Folder => {
                self.folder(&path, head)?;
                self.folders.push(head.clone());
            }
            EntryKind::Link => self.links.push(head.clone()),
            EntryKind::File => {
                let full = self.to.join(path);
                let file = files::create_private(&full).map_err(|error| {
                    let taken = error.source.kind() == io::ErrorKind::AlreadyExists;
                    if taken {
                        self.clash(head)
                    } else {
                        error.into()
                    }
                })?;
                self.file = Some((full, file));
            }
        }
        Ok(())
    }

    fn data(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match &mut self.file {
            Some((path, file)) => file.write_all(bytes).map_err(Self::write(path)),
            None => Ok(()),
        }
    }

    fn end(&mut self, head: &Head) -> Result<(), Error> {
        match self.file.take() {
            Some((path, file)) => finish_file(&file, head).map_err(Self::write(&path)),
            None => Ok(()),
        }
    }
}
