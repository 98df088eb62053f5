//! Reading one file into an archive while others may write it.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::unix::fs::MetadataExt,
    path::Path,
};

use super::{
    Error, keys,
    manifest::Note,
    source::id,
    tar_write::TarWriter,
    walk::{self, Item},
};
use crate::{files::open_plain, watch::Watch};

/// Files up to this size are looked through for a private key, whatever they are called.
const KEY_SIZE: u64 = 16 << 10;

/// Archives one file; what happened to it meanwhile becomes a note.
///
/// A log that grows is cut at the length it had when it was found, so that all files show one
/// instant; one that was replaced is read whole, so that a rewritten setting is never half.
///
/// # Errors
/// [`Error::Read`] if it is there and cannot be read; [`Error::Write`] from the archive.
pub(super) fn archive<W: Write>(
    item: &Item,
    tar: &mut TarWriter<W>,
    to: &Path,
    watch: &Watch,
    opened: &dyn Fn(&Path),
) -> Result<Option<Note>, Error> {
    let read = |source| Error::Read {
        path: item.path.clone(),
        source,
    };
    let note = |text: &str| Ok(Some(Note::new(&item.head.path, text)));
    let mut file = match open_plain(&item.path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return note("vanished"),
        Err(_) if is_no_file(&item.path) => return note("vanished: it is no file any more"),
        Err(error) => return Err(read(error)),
    };
    let metadata = file.metadata().map_err(read)?;
    if !metadata.is_file() {
        return note("vanished: it is no file any more");
    }
    let mut head = walk::head(&item.head.path, &metadata, item.head.kind);
    // The number of a removed file is soon given to another one; its birth tells them apart.
    let replaced = id(&metadata) != item.id || metadata.created().ok() != item.born;
    let shrank = !replaced && head.size < item.head.size;
    if !replaced {
        head.size = head.size.min(item.head.size);
    }
    let start = first_bytes(&mut file, head.size).map_err(read)?;
    if keys::holds_private_key(&start) {
        return note("skipped: private key");
    }
    opened(&item.path);
    let size = head.size;
    let missing = copy(start.chain(&file), head, tar, to, watch, &read)?;
    let after = file.metadata().map_err(read)?;
    let changed = (after.mtime(), after.mtime_nsec()) != (metadata.mtime(), metadata.mtime_nsec());
    match () {
        () if missing > 0 => note(&format!(
            "shrank while read: the last {missing} bytes are zeros"
        )),
        () if replaced => note("replaced while read"),
        () if shrank => note("shrank while read"),
        () if after.len() > size => note("grew while read"),
        () if changed => note("changed while read"),
        () => Ok(None),
    }
}

/// Whether something that is no file took the place of one.
fn is_no_file(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| !found.is_file())
}

/// The whole of a small file, nothing of a larger one.
fn first_bytes(file: &mut File, size: u64) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    if size <= KEY_SIZE {
        file.take(size).read_to_end(&mut start)?;
    }
    Ok(start)
}

trait Chain {
    fn chain(&self, rest: impl Read) -> impl Read;
}

impl Chain for Vec<u8> {
    fn chain(&self, rest: impl Read) -> impl Read {
        Read::chain(self.as_slice(), rest)
    }
}

/// Writes exactly the announced bytes; returns how many had to be made up.
fn copy<W: Write>(
    mut from: impl Read,
    head: super::entry::Head,
    tar: &mut TarWriter<W>,
    to: &Path,
    watch: &Watch,
    read_error: &dyn Fn(io::Error) -> Error,
) -> Result<u64, Error> {
    let write = |source| Error::Write {
        path: to.to_owned(),
        source,
    };
    let mut out = tar.file(head).map_err(write)?;
    let mut buffer = vec![0; 64 << 10];
    while out.left() > 0 {
        let most = usize::try_from(out.left()).unwrap_or(usize::MAX);
        let room = buffer.len().min(most);
        let read = match from.read(buffer.get_mut(..room).unwrap_or_default()) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(read_error(error)),
        };
        let bytes = buffer.get(..read).unwrap_or_default();
        out.write(bytes).map_err(write)?;
        watch.advance(super::hash::length(bytes))?;
    }
    out.finish().map_err(write)
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, fs, os::unix::fs::PermissionsExt};

    use super::*;
    use crate::{
        archive::{entry::Entry, hash::sha256, testing::World},
        files,
    };

    /// Finds `logs/app.log` of 100,000 bytes, lets `before` happen, archives it, letting `during`
    /// happen once it is open; returns its entry and note.
    fn read(before: impl Fn(&World), during: impl Fn(&World)) -> (Option<Entry>, Option<String>) {
        let world = World::new();
        world.put("logs/app.log", &vec![b'a'; 100_000]);
        let path = world.path("logs/app.log");
        let entry = crate::archive::EntryName::parse(b"logs/app.log").unwrap();
        let metadata = path.metadata().unwrap();
        let item = Item {
            head: walk::head(&entry, &metadata, crate::archive::EntryKind::File),
            id: id(&metadata),
            born: metadata.created().ok(),
            path,
        };
        before(&world);
        let mut tar = TarWriter::new(Vec::new());
        let to = Path::new("to");
        let watch = Watch::default();
        let note = archive(&item, &mut tar, to, &watch, &|_| during(&world)).unwrap();
        let entry = tar.entries().first().cloned();
        let bytes = tar.finish().unwrap();
        let mut tar = tar::Archive::new(&bytes[..]);
        let entries = tar.entries().unwrap().map(Result::unwrap);
        assert_eq!(entries.count(), usize::from(entry.is_some()));
        (entry, note.map(|note| note.note))
    }

    fn grow(world: &World) {
        use std::io::Write as _;
        let path = world.path("logs/app.log");
        let mut log = fs::OpenOptions::new().append(true).open(path).unwrap();
        log.write_all(&vec![b'b'; 50_000]).unwrap();
    }

    fn shrink(world: &World) {
        let path = world.path("logs/app.log");
        let log = fs::OpenOptions::new().write(true).open(path).unwrap();
        log.set_len(30_000).unwrap();
    }

    fn delete(world: &World) {
        files::remove(&world.path("logs/app.log")).unwrap();
    }

    fn rotate(world: &World) {
        world.put("logs/app.log", b"new");
    }

    fn nothing(_: &World) {}

    #[test]
    fn a_quiet_file_is_archived_as_it_is() {
        let (entry, note) = read(nothing, nothing);
        assert_eq!(entry.unwrap().sha256, sha256(&vec![b'a'; 100_000]));
        assert_eq!(note, None);
    }

    #[test]
    fn a_log_that_grows_is_cut_at_the_instant() {
        for (before, during) in [(grow as fn(&World), nothing as fn(&World)), (nothing, grow)] {
            let (entry, note) = read(before, during);
            assert_eq!(entry.unwrap().sha256, sha256(&vec![b'a'; 100_000]));
            assert_eq!(note.unwrap(), "grew while read");
        }
    }

    #[test]
    fn a_log_that_shrinks_before_it_is_opened_is_read_as_it_is() {
        let (entry, note) = read(shrink, nothing);
        assert_eq!(entry.unwrap().size, 30_000);
        assert_eq!(note.unwrap(), "shrank while read");
    }

    #[test]
    fn a_log_that_shrinks_while_it_is_read_ends_in_zeros() {
        let (entry, note) = read(nothing, shrink);
        let expected = [vec![b'a'; 30_000], vec![0; 70_000]].concat();
        assert_eq!(entry.unwrap().sha256, sha256(&expected));
        assert_eq!(
            note.unwrap(),
            "shrank while read: the last 70000 bytes are zeros"
        );
    }

    #[test]
    fn a_log_that_is_rotated_is_the_new_one_or_the_old_one_but_whole() {
        let (entry, note) = read(rotate, nothing);
        assert_eq!(
            (entry.unwrap().size, note.unwrap().as_str()),
            (3, "replaced while read")
        );
        let (entry, _) = read(nothing, rotate);
        assert_eq!(entry.unwrap().size, 100_000);
    }

    #[test]
    fn a_file_that_vanishes_is_a_note() {
        let (entry, note) = read(delete, nothing);
        assert_eq!((entry, note.unwrap().as_str()), (None, "vanished"));
        let link = |world: &World| {
            delete(world);
            std::os::unix::fs::symlink("/etc/passwd", world.path("logs/app.log")).unwrap();
        };
        let (entry, note) = read(link, nothing);
        assert_eq!(entry, None);
        assert_eq!(note.unwrap(), "vanished: it is no file any more");
    }

    #[test]
    fn a_private_key_under_another_name_stays_out() {
        let copy = |world: &World| {
            delete(world);
            fs::copy(world.path("config/backup.key"), world.path("logs/app.log")).unwrap();
        };
        let (entry, note) = read(copy, nothing);
        assert_eq!(
            (entry, note.unwrap().as_str()),
            (None, "skipped: private key")
        );
    }

    #[test]
    fn a_file_that_cannot_be_read_is_an_error() {
        let denied = Cell::new(false);
        let world = World::new();
        world.put("logs/secret", b"x");
        let path = world.path("logs/secret");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
        if let Err(error) = open_plain(&path) {
            // Root may read everything; anybody else ends here.
            denied.set(error.kind() == io::ErrorKind::PermissionDenied);
        }
        assert!(denied.get() || rustix::process::getuid().is_root());
        let error = Error::Read {
            path,
            source: io::ErrorKind::PermissionDenied.into(),
        };
        assert!(!error.is_retryable() && error.hint().is_some());
    }
}
