//! Files that are private from their first byte and never half there.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;

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
pub(crate) mod fault {
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

/// Creates a file with the mode and the owner of another, as `facts` tell them; fails if the name is
/// taken.
///
/// # Errors
/// Also when the owner cannot be given by this user; there is no file then.
pub fn create_like(path: &Path, facts: &fs::Metadata) -> Result<File, Error> {
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
    let mut options = OpenOptions::new();
    options
        .write(true)
        .create_new(true)
        .mode(facts.mode() & 0o777);
    let file = fault::step()
        .and_then(|()| options.open(path))
        .map_err(at("create", path))?;
    let dress = || {
        let own = file.metadata()?;
        if (own.uid(), own.gid()) != (facts.uid(), facts.gid()) {
            fchown(&file, Some(facts.uid()), Some(facts.gid()))?;
        }
        // The process's umask may have taken rights away.
        file.set_permissions(facts.permissions())
    };
    if let Err(error) = dress() {
        remove(path)?;
        return Err(at("set mode and owner of", path)(error));
    }
    Ok(file)
}

/// Opens a plain file for reading; never follows a link that took its place, never waits on a FIFO
/// that did.
///
/// # Errors
/// What the system says.
pub fn open_plain(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits();
    OpenOptions::new()
        .read(true)
        .custom_flags(i32::try_from(flags).unwrap_or_default())
        .open(path)
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

/// Gives `from` the name `to`, which must be free, and makes that durable. After an error the file
/// has its old name and not the new one.
///
/// Links and unlinks instead of renaming, because a rename would replace an existing `to`.
pub fn publish(from: &Path, to: &Path) -> Result<(), Error> {
    fault::step().map_err(at("publish", to))?;
    let folder = parent(to);
    match fs::hard_link(from, to) {
        // The old name stays until the new one is durable, so that there is a way back.
        Ok(()) => sync_dir(folder)
            .and_then(|()| remove(from))
            .inspect_err(|_| {
                // The first error counts.
                let _removed = remove(to);
            }),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(at("publish", to)(error)),
        // A filesystem without hard links (exFAT, some network shares): a rename after a look.
        Err(_) => {
            publish_by_rename(from, to)?;
            sync_dir(folder).inspect_err(|_| {
                let _back = publish_by_rename(to, from);
            })
        }
    }
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

/// Gives `from` the name `to`, which must be free, in one step: whoever looks sees the file once,
/// under the one or the other name. Not durable before both folders are synced ([`sync_dir`]).
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] if the name is taken; [`io::ErrorKind::CrossesDevices`].
pub fn rename_new(from: &Path, to: &Path) -> Result<(), Error> {
    fault::step().map_err(at("rename", from))?;
    #[cfg(target_os = "linux")]
    {
        use rustix::{
            fs::{CWD, RenameFlags, renameat_with},
            io::Errno,
        };
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            // A filesystem that knows no such rename.
            Err(Errno::INVAL | Errno::NOSYS) => {}
            renamed => return renamed.map_err(|errno| at("rename", from)(errno.into())),
        }
    }
    publish_by_rename(from, to)
}

/// Opens a file (made with mode 0600 if it is not there) so that whatever is written is added at its
/// end, whoever else writes there.
pub fn append_private(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    fault::step()
        .and_then(|()| options.open(path))
        .map_err(at("open", path))
}

/// Gives a file a second name, which must be free; a link gets one itself, not what it points to.
///
/// # Errors
/// Also where the filesystem has no hard links.
pub fn link(from: &Path, to: &Path) -> Result<(), Error> {
    fault::step()
        .and_then(|()| fs::hard_link(from, to))
        .map_err(at("link", from))
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
            open_up_below(path).and_then(|()| fs::remove_dir_all(path))
        }
        result => result,
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Gives the owner all rights to a folder and the folders in it: without them nothing in them can
/// be removed or renamed. The rights of others stay as they are.
///
/// # Errors
/// If one cannot be read or changed.
pub fn open_up(folder: &Path) -> Result<(), Error> {
    fault::step()
        .and_then(|()| open_up_below(folder))
        .map_err(at("change the mode of", folder))
}

fn open_up_below(folder: &Path) -> io::Result<()> {
    let mut rights = folder.metadata()?.permissions();
    let mode = std::os::unix::fs::PermissionsExt::mode(&rights);
    std::os::unix::fs::PermissionsExt::set_mode(&mut rights, mode | 0o700);
    fs::set_permissions(folder, rights)?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up_below(&entry.path())?;
        }
    }
    Ok(())
}

/// Makes the folder `to` where it is missing, and what is missing above it, with mode 0700; those of
/// them that are called as the folders at the end of `like` get their modes.
///
/// # Errors
/// If one cannot be made.
pub fn create_dir_like(to: &Path, like: &Path) -> Result<(), Error> {
    let pairs = to.ancestors().zip(like.ancestors());
    let made: Vec<_> = pairs
        .take_while(|(to, like)| !to.exists() && to.file_name() == like.file_name())
        .collect();
    create_private_dir(to)?;
    for (to, like) in made {
        if let Ok(like) = like.metadata() {
            fs::set_permissions(to, like.permissions()).map_err(at("change the mode of", to))?;
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
        for attempt in [publish, publish_by_rename, rename_new] {
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
    fn what_is_appended_goes_to_the_end_of_a_private_file() {
        let root = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| root.path().join(name));
        for line in [b"one\n", b"two\n"] {
            append_private(&a).unwrap().write_all(line).unwrap();
        }
        rename_new(&a, &b).unwrap();
        assert_eq!(
            (fs::read(&b).unwrap(), mode(&b)),
            (b"one\ntwo\n".to_vec(), 0o600)
        );
        assert!(!a.exists());
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
