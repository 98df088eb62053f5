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

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_OMIT, utimensat};

use super::{
    Error,
    entry::{EntryKind, EntryName, Head},
    folder,
    keys::Identity,
    manifest::{Database, Manifest},
    publish,
    scan::Sink,
    verify,
};
use crate::{files, watch::Watch};

/// Says of an entry whether it is wanted.
pub type Wanted<'a> = &'a dyn Fn(&EntryName) -> bool;

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
    extract_some(path, identities, to, &|_| true, watch)
}

/// As [`extract`], but writes only the entries that are `wanted`; all of the archive is verified. The
/// manifest is asked about, too.
///
/// # Errors
/// As [`extract`].
pub fn extract_some(
    path: &Path,
    identities: &[Identity],
    to: &Path,
    wanted: Wanted<'_>,
    watch: &Watch,
) -> Result<Extracted, Error> {
    into_folder(path, to, wanted, |sink| {
        verify::verify_into(path, identities, watch, sink)
    })
}

/// Makes the folder `to`, into which `read` writes what is `wanted`; `path` is named in errors.
pub(super) fn into_folder(
    path: &Path,
    to: &Path,
    wanted: Wanted<'_>,
    read: impl FnOnce(&mut dyn Sink) -> Result<Manifest, Error>,
) -> Result<Extracted, Error> {
    let existed = check_target(to)?;
    files::create_private_dir(to)?;
    let mut unpack = Unpack::new(path, to, wanted);
    let result = read(&mut unpack).and_then(|manifest| unpack.finish().map(|()| manifest));
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
    folder::check_is_folder(to)?;
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
        let _removed = files::remove_tree(to);
        return;
    }
    for entry in fs::read_dir(to).into_iter().flatten().flatten() {
        let path = entry.path();
        let _removed = match entry.file_type() {
            Ok(kind) if kind.is_dir() => files::remove_tree(&path).is_ok(),
            _ => files::remove(&path).is_ok(),
        };
    }
}

/// Writes entries below `to`. Links are made last, so that no path ever leads through one.
struct Unpack<'a> {
    archive: &'a Path,
    to: &'a Path,
    wanted: Wanted<'a>,
    made: HashSet<PathBuf>,
    folders: Vec<Head>,
    links: Vec<Head>,
    file: Option<(PathBuf, File)>,
}

impl<'a> Unpack<'a> {
    fn new(archive: &'a Path, to: &'a Path, wanted: Wanted<'a>) -> Self {
        Self {
            archive,
            to,
            wanted,
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
            symlink(OsStr::from_bytes(&head.target), &path)
                .and_then(|()| finish_link(&path, &head))
                .map_err(Self::write(&path))?;
        }
        // The deepest first: a folder's time changes when something is made in it.
        while let Some(head) = self.folders.pop() {
            let path = self.to.join(head.path.to_path());
            let folder = File::open(&path).map_err(Self::write(&path))?;
            finish_file(&folder, &head).map_err(Self::write(&path))?;
        }
        // All at once: one after the other, a hundred thousand small files took six minutes.
        Ok(files::sync_all_below(self.to)?)
    }
}

/// Gives a file or folder its permissions and time.
fn finish_file(file: &File, head: &Head) -> io::Result<()> {
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(head.mtime));
    if let Some(time) = time {
        file.set_times(FileTimes::new().set_modified(time))?;
    }
    // Never set-user-id, set-group-id or sticky.
    file.set_permissions(Permissions::from_mode(head.mode & 0o777))
}

/// Gives a link its own time, not that of what it points to.
fn finish_link(path: &Path, head: &Head) -> io::Result<()> {
    let at = |tv_sec, tv_nsec| Timespec { tv_sec, tv_nsec };
    let times = Timestamps {
        last_access: at(0, UTIME_OMIT),
        last_modification: at(i64::try_from(head.mtime).unwrap_or(i64::MAX), 0),
    };
    Ok(utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

impl Sink for Unpack<'_> {
    fn start(&mut self, manifest: &Manifest) -> Result<(), Error> {
        let unwanted = |database: &&Database| !(self.wanted)(&database.entry);
        let left_out = manifest.databases.iter().filter(unwanted);
        let left_out: u64 = left_out.map(Database::size).sum();
        let needed = manifest.planned.bytes.saturating_sub(left_out);
        publish::require(self.to, needed)
    }

    fn begin(&mut self, head: &Head) -> Result<(), Error> {
        if !(self.wanted)(&head.path) {
            return Ok(());
        }
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use jiff::Timestamp;

    use super::*;
    use crate::{
        archive::{EntryName, generate, identities, testing::World},
        watch::{Cancel, CancelReason},
    };

    fn head(name: &str, kind: EntryKind, target: &str) -> Head {
        Head {
            path: EntryName::parse(name.as_bytes()).unwrap(),
            kind,
            size: 0,
            mtime: 1_000,
            mode: 0o4755,
            uid: 0,
            gid: 0,
            target: target.as_bytes().to_vec(),
        }
    }

    fn unpack(heads: &[Head]) -> (tempfile::TempDir, Result<(), Error>) {
        let to = tempfile::tempdir().unwrap();
        let mut unpack = Unpack::new(Path::new("f"), to.path(), &|_| true);
        let mut result = Ok(());
        for head in heads {
            result = result.and_then(|()| {
                unpack.begin(head)?;
                unpack.data(b"x")?;
                unpack.end(head)
            });
        }
        let result = result.and_then(|()| unpack.finish());
        (to, result)
    }

    #[test]
    fn nothing_is_written_through_a_link() {
        let outside = tempfile::tempdir().unwrap();
        let target = outside.path().to_str().unwrap();
        for heads in [
            [
                head("a", EntryKind::Link, target),
                head("a/f", EntryKind::File, ""),
            ],
            [
                head("a/f", EntryKind::File, ""),
                head("a", EntryKind::Link, target),
            ],
            [
                head("a", EntryKind::Link, target),
                head("a", EntryKind::Folder, ""),
            ],
            [
                head("a", EntryKind::File, ""),
                head("a/f", EntryKind::File, ""),
            ],
            [
                head("a", EntryKind::File, ""),
                head("a", EntryKind::File, ""),
            ],
        ] {
            let (_to, result) = unpack(&heads);
            let error = result.unwrap_err().to_string();
            assert!(error.contains("in the way"), "{error}");
            assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn only_what_is_wanted_is_written_and_all_of_it_is_verified() {
        let world = World::new();
        world.put("logs/noise", &vec![3; 300_000]);
        let made = world.archive(true, &["config", "logs"]);
        let wanted = |name: &EntryName| name.as_bytes().starts_with(b"config/");
        let (keys, watch) = (world.keys(), Watch::default());
        let to = world.path("out");
        let extracted = extract_some(&made.path, &keys, &to, &wanted, &watch).unwrap();
        assert!(extracted.manifest.entries.len() > 3);
        assert_eq!(crate::archive::testing::names(&to), ["config"]);
        let mut bad = fs::read(&made.path).unwrap();
        *bad.last_mut().unwrap() ^= 1;
        files::remove(&super::super::Sidecar::path_for(&made.path)).unwrap();
        files::write_atomic(&made.path, &bad).unwrap();
        let to = world.path("again");
        extract_some(&made.path, &keys, &to, &wanted, &watch).unwrap_err();
        assert!(!to.exists());
    }

    #[test]
    fn permissions_and_times_are_kept_but_no_special_bits() {
        let mut folder = head("d", EntryKind::Folder, "");
        folder.mode = 0o500;
        let heads = [
            folder,
            head("d/f", EntryKind::File, ""),
            head("l", EntryKind::Link, "d/f"),
        ];
        let (to, result) = unpack(&heads);
        result.unwrap();
        for (name, mode) in [("d", 0o500), ("d/f", 0o755)] {
            let found = to.path().join(name).metadata().unwrap();
            assert_eq!(
                (found.mode() & 0o7777, found.mtime()),
                (mode, 1_000),
                "{name}"
            );
        }
        assert_eq!(
            fs::read_link(to.path().join("l")).unwrap(),
            Path::new("d/f")
        );
        let open = Permissions::from_mode(0o700);
        fs::set_permissions(to.path().join("d"), open).unwrap();
    }

    #[test]
    fn the_target_must_be_a_folder_of_its_own() {
        let world = World::new();
        let archive = world.archive(false, &["config"]);
        symlink(world.path("logs"), world.path("linked")).unwrap();
        let to = |name: &str| {
            extract(
                &archive.path,
                &world.keys(),
                &world.path(name),
                &Watch::default(),
            )
        };
        assert!(matches!(to("config"), Err(Error::NotEmpty { .. })));
        assert!(matches!(to("linked"), Err(Error::LinkedFolder { .. })));
        assert!(matches!(
            to("config/app.yaml"),
            Err(Error::NotAFolder { .. })
        ));
        to("logs").unwrap();
        to("new/deep").unwrap();
        let mode = world.path("new/deep").metadata().unwrap().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn whatever_fails_leaves_nothing_behind() {
        let world = World::new();
        world.put("logs/noise", &vec![3; 300_000]);
        let made = world.archive(true, &["config", "logs"]);
        let other = world.path("other.key");
        generate(&other, Timestamp::UNIX_EPOCH).unwrap();
        let wrong = identities(&other).unwrap().unwrap();
        let keys = world.keys();
        let cancelled = Watch {
            cancel: Cancel::default(),
            ..Watch::default()
        };
        cancelled.cancel.cancel(CancelReason::Shutdown);
        let good = fs::read(&made.path).unwrap();
        let mut bad = good.clone();
        *bad.last_mut().unwrap() ^= 1;
        // Without a sidecar only the last bytes tell, when everything is extracted already.
        files::remove(&super::super::Sidecar::path_for(&made.path)).unwrap();
        fs::create_dir(world.path("empty")).unwrap();
        for (bytes, keys, watch) in [
            (&bad, &keys, &Watch::default()),
            (&good, &wrong, &Watch::default()),
            (&good, &keys, &cancelled),
        ] {
            files::write_atomic(&made.path, bytes).unwrap();
            extract(&made.path, keys, &world.path("out"), watch).unwrap_err();
            assert!(!world.path("out").exists());
            extract(&made.path, keys, &world.path("empty"), watch).unwrap_err();
            assert_eq!(fs::read_dir(world.path("empty")).unwrap().count(), 0);
        }
    }
}
