//! Finding what to archive: our own walk, sorted, that never follows a link and never opens a
//! live database.
//!
//! POSIX locks belong to the process and the file: opening and closing a database that this
//! process has open, in any way but through SQLite, silently drops SQLite's locks, and another
//! process can then destroy committed rows. So databases are told apart by metadata and name.

use std::{
    collections::HashSet,
    fs::{self, Metadata},
    io,
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::{FileTypeExt, MetadataExt},
    },
    path::{Path, PathBuf},
};

use super::{
    Error,
    entry::{EntryKind, EntryName, Head},
    files_read,
    manifest::Note,
    source::{FileId, Rules, Source, id, real},
};

/// A file, folder or link to archive, as it was found.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) path: PathBuf,
    pub(super) head: Head,
    pub(super) id: FileId,
}

/// A file that is to be read through SQLite.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) item: Item,
    /// Whether it must be a database; otherwise it only has the name of one.
    pub(super) certain: bool,
}

/// Everything that was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) databases: Vec<Candidate>,
    pub(super) items: Vec<Item>,
    pub(super) notes: Vec<Note>,
}

/// Finds everything in `sources`; databases named as such first.
pub(super) fn find(sources: &[Source], rules: &Rules) -> Result<Found, Error> {
    let mut walk = Walk {
        rules,
        found: Found::default(),
        seen: HashSet::new(),
        databases: HashSet::new(),
    };
    let (databases, trees): (Vec<_>, Vec<_>) = sources
        .iter()
        .partition(|source| matches!(source, Source::Database { .. }));
    for source in databases {
        walk.named_database(source)?;
    }
    for source in trees {
        // The named source itself may be a link: that one is meant.
        let path = real(source.path());
        let entry = source.entry()?;
        let metadata = fs::symlink_metadata(&path).map_err(missing(source.path()))?;
        walk.visit(&path, &entry, &metadata, true)?;
    }
    Ok(walk.found)
}

fn missing(path: &Path) -> impl Fn(io::Error) -> Error + '_ {
    move |source| {
        let path = path.to_owned();
        if source.kind() == io::ErrorKind::NotFound {
            return Error::Missing { path };
        }
        Error::Read { path, source }
    }
}

struct Walk<'a> {
    rules: &'a Rules,
    found: Found,
    seen: HashSet<EntryName>,
    databases: HashSet<FileId>,
}

impl Walk<'_> {
    fn note(&mut self, entry: &EntryName, note: &str) {
        self.found.notes.push(Note::new(entry, note));
    }

    fn named_database(&mut self, source: &Source) -> Result<(), Error> {
        let path = real(source.path());
        let metadata = fs::metadata(&path).map_err(missing(source.path()))?;
        if !metadata.is_file() {
            return Err(Error::NotADatabase { path });
        }
        self.database(&path, &source.entry()?, &metadata, true);
        Ok(())
    }

    fn database(&mut self, path: &Path, entry: &EntryName, metadata: &Metadata, certain: bool) {
        if self.databases.insert(id(metadata)) && self.seen.insert(entry.clone()) {
            let item = item(path, entry, metadata, EntryKind::File);
            self.found.databases.push(Candidate { item, certain });
        }
    }

    fn visit(
        &mut self,
        path: &Path,
        entry: &EntryName,
        metadata: &Metadata,
        named: bool,
    ) -> Result<(), Error> {
        let kind = metadata.file_type();
        if !named && self.rules.excludes(path) {
            self.note(entry, "skipped: excluded");
        } else if kind.is_dir() {
            self.push(path, entry, metadata, EntryKind::Folder);
            self.folder(path, entry)?;
        } else if kind.is_symlink() {
            self.link(path, entry, metadata)?;
        } else if kind.is_file() {
            self.file(path, entry, metadata)?;
        } else {
            let what = match () {
                () if kind.is_socket() => "skipped: socket",
                () if kind.is_fifo() => "skipped: fifo",
                () => "skipped: device",
            };
            self.note(entry, what);
        }
        Ok(())
    }

    fn push(&mut self, path: &Path, entry: &EntryName, metadata: &Metadata, kind: EntryKind) {
        if self.seen.insert(entry.clone()) {
            self.found.items.push(item(path, entry, metadata, kind));
        }
    }

    fn link(&mut self, path: &Path, entry: &EntryName, metadata: &Metadata) -> Result<(), Error> {
        match fs::read_link(path) {
            Ok(target) if self.seen.insert(entry.clone()) => {
                let mut item = item(path, entry, metadata, EntryKind::Link);
                item.head.target = target.into_os_string().into_vec();
                self.found.items.push(item);
            }
            Ok(_) => {}
            Err(error) => self.lost(path, entry, error)?,
        }
        Ok(())
    }

    fn folder(&mut self, path: &Path, entry: &EntryName) -> Result<(), Error> {
        let names = fs::read_dir(path).and_then(|entries| {
            entries
                .map(|entry| entry.map(|entry| entry.file_name()))
                .collect::<io::Result<Vec<_>>>()
        });
        let mut names = match names {
            Ok(names) => names,
            Err(error) => return self.lost(path, entry, error),
        };
        // A database sorts before its side files, so that those are recognised by it.
        names.sort_unstable();
        for name in names {
            let (path, entry) = (path.join(&name), entry.join(&name));
            match fs::symlink_metadata(&path) {
                Ok(metadata) => self.visit(&path, &entry, &metadata, false)?,
                Err(error) => self.lost(&path, &entry, error)?,
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, entry: &EntryName, metadata: &Metadata) -> Result<(), Error> {
        let name = path.file_name().unwrap_or_default().as_bytes();
        let id = id(metadata);
        if self.rules.is_key(id) {
            self.note(entry, "skipped: private key");
        } else if name.ends_with(b".partial") {
            self.note(entry, "skipped: unfinished file");
        } else if self.databases.contains(&id) {
            // Archived already, under its own name.
        } else if let Some(main) = self.side_file(path) {
            if !main.exists() {
                self.note(entry, "skipped: side file of a database that is not there");
            }
        } else if self.rules.is_live(path, id) {
            self.database(path, entry, metadata, true);
        } else if Rules::is_database_name(name) {
            self.database(path, entry, metadata, false);
        } else {
            match files_read::is_database(path) {
                Ok(true) => self.database(path, entry, metadata, false),
                Ok(false) => self.push(path, entry, metadata, EntryKind::File),
                Err(error) => self.lost(path, entry, error)?,
            }
        }
        Ok(())
    }

    /// The database whose -wal, -shm or -journal `path` is.
    fn side_file(&self, path: &Path) -> Option<PathBuf> {
        let name = path.file_name()?.as_bytes();
        let main = Rules::database_of(name)?;
        let main_path = path.with_file_name(std::ffi::OsStr::from_bytes(main));
        let known = || {
            let metadata = fs::metadata(&main_path).ok()?;
            let id = id(&metadata);
            (self.databases.contains(&id) || self.rules.is_live(&main_path, id)).then_some(())
        };
        let is_side = Rules::is_database_name(main) || known().is_some();
        is_side.then_some(main_path)
    }

    /// What has gone since it was listed is noted; what cannot be read fails the backup, because
    /// it would be missing silently.
    fn lost(&mut self, path: &Path, entry: &EntryName, source: io::Error) -> Result<(), Error> {
        if source.kind() == io::ErrorKind::NotFound {
            self.note(entry, "vanished");
            return Ok(());
        }
        let path = path.to_owned();
        Err(Error::Read { path, source })
    }
}

fn item(path: &Path, entry: &EntryName, metadata: &Metadata, kind: EntryKind) -> Item {
    Item {
        path: path.to_owned(),
        head: head(entry, metadata, kind),
        id: id(metadata),
    }
}

/// The head of an entry from metadata.
pub(super) fn head(entry: &EntryName, metadata: &Metadata, kind: EntryKind) -> Head {
    Head {
        path: entry.clone(),
        kind,
        size: if kind == EntryKind::File {
            metadata.len()
        } else {
            0
        },
        mtime: u64::try_from(metadata.mtime()).unwrap_or_default(),
        mode: metadata.mode() & 0o7777,
        uid: u64::from(metadata.uid()),
        gid: u64::from(metadata.gid()),
        target: Vec::new(),
    }
}
