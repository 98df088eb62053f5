//! Files that are private from their first byte and never half there.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// What a file operation was about, so that an error names the file.
#[derive(Debug, thiserror::Error)]
#[error("{act} `{}`", path.display())]
pub struct Error {
    /// The operation, e.g. `create`.
    pub act: &'static str,
    /// The file.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

#[cfg(test)]
pub(crate) mod fault;

/// In production nothing; in tests the place where a disk is full or the process is gone.
#[cfg(not(test))]
mod fault {
    #[expect(clippy::unnecessary_wraps, reason = "in tests it fails")]
    pub(crate) fn step() -> std::io::Result<()> {
        Ok(())
    }
}

/// Turns an [`io::Error`] into an [`Error`] that names the file.
pub fn at<'a>(act: &'static str, path: &'a Path) -> impl Fn(io::Error) -> Error + 'a {
    move |source| Error {
        act,
        path: path.to_owned(),
        source,
    }
}

/// Makes a folder (and its parents) that only the owner can enter; an existing one stays as it is.
pub fn create_private_dir(path: &Path) -> Result<(), Error> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    fault::step()
        .and_then(|()| builder.create(path))
        .map_err(at("create folder", path))
}

/// Creates a file that only the owner can read; fails if the name is taken.
pub fn create_private(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.write(true).read(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    fault::step()
        .and_then(|()| options.open(path))
        .map_err(at("create", path))
}

/// Takes all rights from everybody but the owner (mode 0600), by path: opening a database file of
/// ours to do it by descriptor would drop its locks.
pub fn make_private(path: &Path) -> Result<(), Error> {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fault::step()
        .and_then(|()| fs::set_permissions(path, mode))
        .map_err(at("set the mode of", path))
}

/// Makes the names in a folder durable.
pub fn sync_dir(path: &Path) -> Result<(), Error> {
    fault::step()
        .and_then(|()| File::open(path)?.sync_all())
        .map_err(at("sync folder", path))
}

/// Makes everything durable that was written below `path`, and whatever else is on its filesystem.
pub fn sync_all_below(path: &Path) -> Result<(), Error> {
    fault::step()
        .and_then(|()| {
            let folder = File::open(path)?;
            #[cfg(target_os = "linux")]
            rustix::fs::syncfs(&folder)?;
            #[cfg(not(target_os = "linux"))]
            rustix::fs::sync();
            folder.sync_all()
        })
        .map_err(at("sync all below", path))
}

/// Replaces `path` by `bytes` so that a crash leaves the old or the new file, whole, mode 0600.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let temp = temporary(path, bytes)?;
    fault::step().map_err(at("replace", path))?;
    temp.persist(path)
        .map_err(|e| at("replace", path)(e.error))?;
    sync_dir(parent(path))
}

/// As [`write_atomic`], for a file that is a person's: its mode stays, and a link stays one.
pub fn write_over(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let path = &fs::canonicalize(path).map_err(at("find", path))?;
    let mode = fs::metadata(path)
        .map_err(at("look at", path))?
        .permissions();
    let temp = temporary(path, bytes)?;
    fault::step()
        .and_then(|()| temp.as_file().set_permissions(mode))
        .map_err(at("set the mode of", path))?;
    fault::step().map_err(at("replace", path))?;
    temp.persist(path)
        .map_err(|e| at("replace", path)(e.error))?;
    sync_dir(parent(path))
}

/// A file beside `path` that holds `bytes`, durably; it goes away if it is dropped.
fn temporary(path: &Path, bytes: &[u8]) -> Result<tempfile::NamedTempFile, Error> {
    let folder = parent(path);
    let mut temp = fault::step()
        .and_then(|()| {
            let mut builder = tempfile::Builder::new();
            builder.prefix(TEMP_PREFIX).tempfile_in(folder)
        })
        .map_err(at("create a temporary file in", folder))?;
    fault::step()
        .and_then(|()| temp.write_all(bytes))
        .map_err(at("write", path))?;
    fault::step()
        .and_then(|()| temp.as_file().sync_all())
        .map_err(at("sync", path))?;
    Ok(temp)
}

/// Creates `path` with `bytes` (mode 0600), whole or not at all; a name that is taken is an error.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let temp = temporary(path, bytes)?;
    let (_, temp) = temp.keep().map_err(|e| at("write", path)(e.error))?;
    publish(&temp, path).inspect_err(|_| {
        // The first error counts; a leftover is recognised by its prefix.
        let _removed = remove(&temp);
    })
}

/// How files that are not there yet are called; what a crash leaves can be told by it.
pub const TEMP_PREFIX: &str = ".new-";

/// Gives `from` the name `to`, which must be free, and makes that durable.
///
/// Links and unlinks instead of renaming, because a rename would replace an existing `to`.
pub fn publish(from: &Path, to: &Path) -> Result<(), Error> {
    fault::step().map_err(at("publish", to))?;
    match fs::hard_link(from, to) {
        Ok(()) => remove(from)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(at("publish", to)(error));
        }
        // A filesystem without hard links (exFAT, some network shares): a rename after a look.
        Err(_) => publish_by_rename(from, to)?,
    }
    sync_dir(parent(to))
}

fn publish_by_rename(from: &Path, to: &Path) -> Result<(), Error> {
    if to.symlink_metadata().is_ok() {
        return Err(at("publish", to)(io::ErrorKind::AlreadyExists.into()));
    }
    #[expect(clippy::disallowed_methods, reason = "this is the owner of renaming")]
    fs::rename(from, to).map_err(at("publish", to))
}

/// Gives `from` the name `to`, in one step; whatever was there is replaced. Not durable before both
/// folders are synced ([`sync_dir`]).
///
/// # Errors
/// Also when they are on different filesystems ([`io::ErrorKind::CrossesDevices`]).
pub fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fault::step().map_err(at("rename", from))?;
    #[expect(clippy::disallowed_methods, reason = "this is the owner of renaming")]
    fs::rename(from, to).map_err(at("rename", from))
}

/// Removes a file; one that is already gone is fine.
pub fn remove(path: &Path) -> Result<(), Error> {
    fault::step().map_err(at("remove", path))?;
    #[expect(clippy::disallowed_methods, reason = "this is the owner of deletion")]
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Removes a folder with all that is in it, whatever its modes; one that is already gone is fine.
/// Links are removed, never followed.
pub fn remove_tree(path: &Path) -> Result<(), Error> {
    fault::step().map_err(at("remove", path))?;
    let removed = match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(path).and_then(|()| fs::remove_dir_all(path))
        }
        result => result,
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Gives the owner all rights to a folder and the folders in it: without them nothing in them can
/// be removed.
fn open_up(folder: &Path) -> io::Result<()> {
    let all = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    fs::set_permissions(folder, all)?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

/// The folder that holds `path`.
pub fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_created_is_private() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/b");
        create_private_dir(&folder).unwrap();
        create_private(&folder.join("f")).unwrap();
        write_atomic(&folder.join("g"), b"x").unwrap();
        assert_eq!(
            [
                mode(&folder),
                mode(&folder.join("f")),
                mode(&folder.join("g"))
            ],
            [0o700, 0o600, 0o600]
        );
    }

    #[test]
    fn publishing_never_replaces() {
        let root = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| root.path().join(name));
        write_atomic(&a, b"new").unwrap();
        write_atomic(&b, b"old").unwrap();
        for attempt in [publish, publish_by_rename] {
            let error = attempt(&a, &b).unwrap_err();
            assert_eq!(error.source.kind(), io::ErrorKind::AlreadyExists);
        }
        assert_eq!(fs::read(&b).unwrap(), b"old");
        remove(&b).unwrap();
        publish(&a, &b).unwrap();
        assert_eq!(
            (fs::read(&b).unwrap().as_slice(), a.exists()),
            (&b"new"[..], false)
        );
    }

    #[test]
    fn a_new_file_never_replaces_and_leaves_no_temporary_one() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("f");
        write_new(&path, b"one").unwrap();
        let error = write_new(&path, b"two").unwrap_err();
        assert_eq!(error.source.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(
            (fs::read(&path).unwrap().as_slice(), mode(&path)),
            (&b"one"[..], 0o600)
        );
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_tree_goes_whatever_its_modes_and_what_its_links_point_to_stays() {
        let root = tempfile::tempdir().unwrap();
        let tree = root.path().join("tree");
        let outside = root.path().join("outside");
        create_private_dir(&outside).unwrap();
        write_atomic(&outside.join("f"), b"x").unwrap();
        let fill = || {
            create_private_dir(&tree.join("a/b")).unwrap();
            write_atomic(&tree.join("a/b/f"), b"x").unwrap();
            std::os::unix::fs::symlink(&outside, tree.join("a/link")).unwrap();
            for folder in ["a/b", "a", ""] {
                let none = PermissionsExt::from_mode(0o000);
                fs::set_permissions(tree.join(folder), none).unwrap();
            }
        };
        fill();
        // Root may remove it anyway.
        open_up(&tree).unwrap();
        assert_eq!(["", "a", "a/b"].map(|f| mode(&tree.join(f))), [0o700; 3]);
        remove_tree(&tree).unwrap();
        fill();
        remove_tree(&tree).unwrap();
        assert!(!tree.exists() && outside.join("f").exists());
        remove_tree(&tree).unwrap();
    }

    #[test]
    fn a_persons_file_keeps_its_mode_and_its_link() {
        let root = tempfile::tempdir().unwrap();
        let [file, link] = ["f", "link"].map(|name| root.path().join(name));
        write_atomic(&file, b"old").unwrap();
        fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("f", &link).unwrap();
        write_over(&link, b"new").unwrap();
        assert_eq!(
            (fs::read(&file).unwrap().as_slice(), mode(&file)),
            (&b"new"[..], 0o640)
        );
        assert!(link.is_symlink() && write_over(&root.path().join("none"), b"").is_err());
    }

    #[test]
    fn an_error_names_the_file() {
        let error = create_private(Path::new("/nonexistent/x")).unwrap_err();
        assert_eq!(error.to_string(), "create `/nonexistent/x`");
        assert!(remove(Path::new("/nonexistent/x")).is_ok());
    }
}
