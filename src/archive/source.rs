//! What goes into an archive, and what never does.

use std::{
    collections::HashSet,
    ffi::OsStr,
    fs::Metadata,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

use super::{Error, entry::EntryName};

/// One thing to archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An SQLite database; its pages are read through SQLite in one read transaction.
    Database {
        /// The file.
        path: PathBuf,
        /// Its name inside the archive, e.g. `data/trading_assistant.db`.
        entry: String,
    },
    /// A folder with all it holds, or one file.
    Tree {
        /// The folder or file.
        path: PathBuf,
        /// Its name inside the archive, e.g. `config`.
        entry: String,
    },
}

impl Source {
    /// The file or folder.
    pub fn path(&self) -> &Path {
        match self {
            Self::Database { path, .. } | Self::Tree { path, .. } => path,
        }
    }

    pub(super) fn entry(&self) -> Result<EntryName, Error> {
        let (Self::Database { entry, .. } | Self::Tree { entry, .. }) = self;
        let wrong = |what| Error::Name {
            name: entry.clone(),
            what,
        };
        let name = EntryName::parse(entry.as_bytes()).map_err(wrong)?;
        if entry == super::manifest::MANIFEST {
            return Err(wrong("it is the manifest's"));
        }
        Ok(name)
    }
}

/// What makes a file the same file under any name.
pub(super) type FileId = (u64, u64);

pub(super) fn id(metadata: &Metadata) -> FileId {
    (metadata.dev(), metadata.ino())
}

/// Telling databases, keys and excluded files apart from ordinary ones, without opening them.
#[derive(Debug, Default)]
pub(super) struct Rules {
    exclude: Vec<PathBuf>,
    keys: HashSet<FileId>,
    live: HashSet<FileId>,
    live_paths: HashSet<PathBuf>,
}

/// Endings that say: this is an SQLite database.
const DATABASE_ENDINGS: [&str; 4] = [".db", ".sqlite", ".sqlite3", ".db3"];

/// What SQLite appends to a database's name for its own files beside it.
const SIDE_ENDINGS: [&str; 3] = ["-wal", "-shm", "-journal"];

impl Rules {
    /// Rules for `exclude`d paths, private `keys` and databases known to be `live`; paths that do
    /// not exist are kept as written.
    pub(super) fn new<'a>(
        exclude: impl Iterator<Item = &'a Path>,
        keys: impl Iterator<Item = &'a Path>,
        live: impl Iterator<Item = &'a Path>,
    ) -> Self {
        let ids = |path: &Path| path.metadata().ok().as_ref().map(id);
        let live: Vec<PathBuf> = live.map(real).collect();
        Self {
            exclude: exclude.map(real).collect(),
            keys: keys.filter_map(ids).collect(),
            live: live.iter().filter_map(|path| ids(path)).collect(),
            live_paths: live.into_iter().collect(),
        }
    }

    /// Whether the path was excluded, itself or with its folder.
    pub(super) fn excludes(&self, path: &Path) -> bool {
        self.exclude.iter().any(|folder| path.starts_with(folder))
    }

    /// Whether this is a private key by path, under any name.
    pub(super) fn is_key(&self, id: FileId) -> bool {
        self.keys.contains(&id)
    }

    /// Whether this is a database that may be open in this process.
    pub(super) fn is_live(&self, path: &Path, id: FileId) -> bool {
        self.live.contains(&id) || self.live_paths.contains(path)
    }

    /// Whether the name belongs to a database.
    pub(super) fn is_database_name(name: &[u8]) -> bool {
        let name = name.to_ascii_lowercase();
        let ends = |ending: &&str| name.ends_with(ending.as_bytes());
        DATABASE_ENDINGS.iter().any(ends)
    }

    /// The name of the database beside which a file of this name would be SQLite's own.
    pub(super) fn database_of(name: &[u8]) -> Option<&[u8]> {
        let strip = |ending: &&str| name.strip_suffix(ending.as_bytes());
        SIDE_ENDINGS.iter().find_map(strip)
    }
}

/// Whether the name alone says that this is an SQLite database.
pub fn is_database_name(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    Rules::is_database_name(name.as_encoded_bytes())
}

/// The database beside which a file of this name would be SQLite's own, if there is such a database.
pub fn database_beside(path: &Path) -> Option<PathBuf> {
    let main = Rules::database_of(path.file_name()?.as_bytes())?;
    Some(path.with_file_name(OsStr::from_bytes(main)))
}

/// The path without links; as written (but absolute) if it does not exist.
pub(super) fn real(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) if !folder.as_os_str().is_empty() => real(folder).join(name),
        _ => std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_databases_and_their_side_files_are_known() {
        for name in ["a.db", "A.DB", "x.sqlite", "x.sqlite3", "y.db3"] {
            assert!(Rules::is_database_name(name.as_bytes()), "{name}");
        }
        assert!(!Rules::is_database_name(b"a.db.txt"));
        assert_eq!(Rules::database_of(b"a.db-wal"), Some(&b"a.db"[..]));
        assert_eq!(Rules::database_of(b"odd-journal"), Some(&b"odd"[..]));
        assert_eq!(Rules::database_of(b"a.db"), None);
    }

    #[test]
    fn excluded_folders_exclude_what_they_hold_and_nothing_beside() {
        let root = tempfile::tempdir().unwrap();
        let folder = real(root.path()).join("not/there");
        let rules = Rules::new(
            [folder.as_path()].into_iter(),
            [].into_iter(),
            [].into_iter(),
        );
        assert!(rules.excludes(&folder.join("x")) && rules.excludes(&folder));
        assert!(!rules.excludes(&real(root.path()).join("not/there2")));
    }

    #[test]
    fn a_source_needs_a_harmless_name() {
        for entry in ["/etc", "..", "MANIFEST.json", ""] {
            let source = Source::Tree {
                path: "x".into(),
                entry: entry.into(),
            };
            assert!(source.entry().is_err(), "{entry}");
        }
    }
}
