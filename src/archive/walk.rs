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
    time::SystemTime,
};

use super::{
    Error,
    entry::{EntryKind, EntryName, Head},
    manifest::Note,
    open::is_database,
    source::{FileId, Rules, Source, database_beside, id, is_database_name, real},
};
use crate::settings::KEPT_ASIDE;

/// A file, folder or link to archive, as it was found.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) path: PathBuf,
    pub(super) head: Head,
    pub(super) id: FileId,
    /// When the file was created, where the filesystem knows.
    pub(super) born: Option<SystemTime>,
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

/// Whether a restore keeps there what it has replaced: old files, once more.
fn is_kept_aside(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.as_bytes().starts_with(KEPT_ASIDE.as_bytes())
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
        } else if !named && is_kept_aside(path) {
            self.note(entry, "skipped: kept by a restore");
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
            match is_database(path) {
                Ok(true) => self.database(path, entry, metadata, false),
                Ok(false) => self.push(path, entry, metadata, EntryKind::File),
                Err(error) => self.lost(path, entry, error)?,
            }
        }
        Ok(())
    }

    /// The database whose -wal, -shm or -journal `path` is.
    fn side_file(&self, path: &Path) -> Option<PathBuf> {
        let main_path = database_beside(path)?;
        let known = || {
            let metadata = fs::metadata(&main_path).ok()?;
            let id = id(&metadata);
            (self.databases.contains(&id) || self.rules.is_live(&main_path, id)).then_some(())
        };
        let is_side = is_database_name(&main_path) || known().is_some();
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
        born: metadata.created().ok(),
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

#[cfg(test)]
mod tests {
    use std::os::unix::{fs::symlink, net::UnixListener};

    use super::*;
    use crate::archive::testing::World;

    fn tree(world: &World, name: &str) -> Source {
        Source::Tree {
            path: world.path(name),
            entry: name.into(),
        }
    }

    fn rules(world: &World, exclude: &[&str], live: &[&str]) -> Rules {
        let paths = |names: &[&str]| names.iter().map(|n| world.path(n)).collect::<Vec<_>>();
        let (exclude, live) = (paths(exclude), paths(live));
        let key = world.path("config/backup.key");
        Rules::new(
            exclude.iter().map(PathBuf::as_path),
            [key.as_path()].into_iter(),
            live.iter().map(PathBuf::as_path),
        )
    }

    fn items(found: &Found) -> Vec<String> {
        found
            .items
            .iter()
            .map(|i| i.head.path.to_string())
            .collect()
    }

    fn databases(found: &Found) -> Vec<String> {
        let name = |c: &Candidate| c.item.head.path.to_string();
        found.databases.iter().map(name).collect()
    }

    fn notes(found: &Found) -> Vec<String> {
        let text = |n: &Note| format!("{} {}", n.path, n.note);
        found.notes.iter().map(text).collect()
    }

    #[test]
    fn the_walk_is_sorted_and_follows_no_links() {
        let world = World::new();
        world.put("logs/b.log", b"b");
        world.put("logs/a.log", b"a");
        fs::create_dir(world.path("logs/empty")).unwrap();
        symlink("/etc", world.path("logs/link")).unwrap();
        symlink("nowhere", world.path("logs/broken")).unwrap();
        let found = find(&[tree(&world, "logs")], &rules(&world, &[], &[])).unwrap();
        assert_eq!(
            items(&found),
            [
                "logs",
                "logs/a.log",
                "logs/b.log",
                "logs/broken",
                "logs/empty",
                "logs/link"
            ]
        );
        assert_eq!(found.items[5].head.target, b"/etc");
        assert_eq!(notes(&found), [""; 0]);
    }

    #[test]
    fn databases_and_their_side_files_never_are_plain_files() {
        let world = World::new();
        let open = world.database("data/trading.db");
        open.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE x(y)")
            .unwrap();
        assert!(world.path("data/trading.db-wal").exists());
        fs::hard_link(world.path("data/trading.db"), world.path("data/other.name")).unwrap();
        // A database without a telling name, seen by its first bytes; and its side file.
        world
            .database("data/plain")
            .execute_batch("CREATE TABLE x(y)")
            .unwrap();
        world.put("data/plain-journal", b"");
        world.put("data/notes-journal", b"mine");
        world.put("data/gone.db-wal", b"");
        let named = Source::Database {
            path: world.path("data/trading.db"),
            entry: "main.db".into(),
        };
        let found = find(&[tree(&world, "data"), named], &rules(&world, &[], &[])).unwrap();
        assert_eq!(databases(&found), ["main.db", "data/plain"]);
        assert_eq!(items(&found), ["data", "data/notes-journal"]);
        assert_eq!(
            notes(&found),
            ["data/gone.db-wal skipped: side file of a database that is not there"]
        );
    }

    #[test]
    fn a_live_database_is_recognised_under_any_name() {
        let world = World::new();
        world.put("data/ledger", b"not opened to look");
        world.put("data/ledger-wal", b"");
        let found = find(
            &[tree(&world, "data")],
            &rules(&world, &[], &["data/ledger"]),
        )
        .unwrap();
        assert_eq!(databases(&found), ["data/ledger", "data/trading.db"]);
        assert!(found.databases[0].certain);
        assert_eq!(items(&found), ["data"]);
    }

    #[test]
    fn what_must_stay_out_is_noted() {
        let world = World::new();
        world.put("config/x.partial", b"");
        world.put("config/lock", b"");
        fs::hard_link(world.path("config/backup.key"), world.path("config/again")).unwrap();
        let _socket = UnixListener::bind(world.path("config/sock")).unwrap();
        let fifo = world.path("config/fifo");
        assert!(
            std::process::Command::new("mkfifo")
                .arg(fifo)
                .status()
                .unwrap()
                .success()
        );
        let found = find(
            &[tree(&world, "config")],
            &rules(&world, &["config/lock"], &[]),
        )
        .unwrap();
        assert_eq!(items(&found), ["config", "config/app.yaml"]);
        assert_eq!(
            notes(&found),
            [
                "config/again skipped: private key",
                "config/backup.key skipped: private key",
                "config/fifo skipped: fifo",
                "config/lock skipped: excluded",
                "config/sock skipped: socket",
                "config/x.partial skipped: unfinished file",
            ]
        );
    }

    #[test]
    fn a_source_that_is_not_there_is_an_error() {
        let world = World::new();
        for source in [
            tree(&world, "nothing"),
            Source::Database {
                path: world.path("data/no.db"),
                entry: "d".into(),
            },
        ] {
            let error = find(&[source], &rules(&world, &[], &[])).unwrap_err();
            assert!(matches!(error, Error::Missing { .. }), "{error}");
        }
    }

    #[test]
    fn overlapping_sources_archive_each_file_once() {
        let world = World::new();
        let all = [
            tree(&world, "config"),
            tree(&world, "config"),
            tree(&world, "config/app.yaml"),
        ];
        let found = find(&all, &rules(&world, &[], &[])).unwrap();
        assert_eq!(items(&found), ["config", "config/app.yaml"]);
    }
}
