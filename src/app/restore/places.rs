//! Where the entries of an archive belong, and which of them are meant.

use std::path::{Component, Path, PathBuf};

use crate::{
    app::Site,
    archive::{self, EntryName, Manifest},
    jobfile::Loaded,
    kinds::Backup,
    settings::{KEPT_ASIDE, Settings},
    store, suggest,
};

/// The words that stand for several files.
const WORDS: [&str; 4] = ["database", "config", "logs", "data"];

/// Where each entry belongs.
#[derive(Debug, Clone)]
pub(super) struct Places {
    settings: Settings,
    /// The assistant's database.
    pub(super) database: PathBuf,
    /// The databases of the archive, once it is known which these are.
    databases: Vec<PathBuf>,
    /// Names inside an archive and where they belong, the longest first.
    known: Vec<(PathBuf, PathBuf)>,
}

impl Places {
    /// As the job file says; without one, as if it said nothing.
    pub(super) fn of(site: &Site, loaded: Option<&Loaded>) -> Self {
        let settings = site.settings.clone();
        let database = loaded.map_or_else(
            || settings.path(store::DEFAULT_PATH),
            |loaded| loaded.set.env.database.clone(),
        );
        let mut known: Vec<(PathBuf, PathBuf)> = Vec::new();
        for spec in loaded.iter().flat_map(|loaded| &loaded.set.jobs) {
            if let (Some(backup), Some(loaded)) = (spec.as_kind::<Backup>(), loaded) {
                let places = backup.places(&loaded.set.env).into_iter();
                known.extend(places.map(|(entry, path)| (entry.into(), path)));
            }
        }
        for path in [&database, &settings.jobs_file().to_owned()] {
            let entry = path.strip_prefix(settings.root()).unwrap_or(path);
            let entry = entry.strip_prefix("/").unwrap_or(entry).to_owned();
            known.push((entry, path.clone()));
        }
        known.sort_by_key(|(entry, _)| std::cmp::Reverse(entry.components().count()));
        Self {
            settings,
            database,
            databases: Vec::new(),
            known,
        }
    }

    /// With what an archive says of its databases.
    pub(super) fn with_databases(&self, manifest: &Manifest) -> Self {
        let databases = manifest.databases.iter();
        Self {
            databases: databases.map(|it| self.of_entry(&it.entry)).collect(),
            ..self.clone()
        }
    }

    /// Whether a file is SQLite's own beside a database; one that is only called so is a person's.
    fn is_beside(&self, path: &Path) -> bool {
        archive::database_beside(path).is_some_and(|main| {
            archive::is_database_name(&main)
                || main == self.database
                || self.databases.contains(&main)
                || archive::is_database(&main).unwrap_or(false)
        })
    }

    /// Where an entry belongs.
    pub(super) fn of_entry(&self, name: &EntryName) -> PathBuf {
        let name = name.to_path();
        for (entry, path) in &self.known {
            if let Ok(rest) = name.strip_prefix(entry) {
                return path.components().chain(rest.components()).collect();
            }
        }
        self.settings.path(name)
    }

    /// Why nothing is ever put there, if so.
    pub(super) fn untouchable(&self, path: &Path) -> Option<&'static str> {
        let kept = |part: Component<'_>| {
            let part = part.as_os_str().as_encoded_bytes();
            part.starts_with(KEPT_ASIDE.as_bytes())
        };
        if path.components().any(kept) {
            return Some("a restore keeps old files there");
        }
        if path == self.settings.lock() || path == self.settings.key_file() {
            return Some("it belongs to this computer");
        }
        if path == self.settings.log_file() {
            return Some("it is the log that is being written");
        }
        if self.is_beside(path) {
            return Some("SQLite's own file beside a database");
        }
        None
    }
}

/// What is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// As written; empty: everything but logs and ledger.
    pub words: Vec<String>,
    /// The files and folders that each word stands for.
    paths: Vec<Vec<PathBuf>>,
}

/// A word that stands for nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is neither `database`, `config`, `logs` nor a path in {}", root.display())]
pub struct UnknownPath {
    /// The word.
    pub word: String,
    /// The root.
    root: PathBuf,
    /// The word that was meant.
    pub near: Option<&'static str>,
}

impl Selection {
    /// Reads the words of a person.
    ///
    /// # Errors
    /// [`UnknownPath`] for a path that leaves the root.
    pub fn read(
        site: &Site,
        loaded: Option<&Loaded>,
        words: &[String],
    ) -> Result<Self, UnknownPath> {
        let settings = &site.settings;
        let places = Places::of(site, loaded);
        let mut paths = Vec::new();
        for word in words {
            match word.as_str() {
                "database" => paths.push(vec![places.database.clone()]),
                "config" => paths.push(vec![settings.config(), settings.jobs_file().to_owned()]),
                "logs" => paths.push(vec![settings.logs()]),
                path => {
                    let up = Path::new(path)
                        .components()
                        .any(|it| it == Component::ParentDir);
                    let near = suggest::nearest(path, WORDS);
                    let misspelt = !path.contains('/')
                        && near.is_some_and(|near| near != path)
                        && settings.path(path).symlink_metadata().is_err();
                    if up || path.is_empty() || misspelt {
                        return Err(UnknownPath {
                            word: word.clone(),
                            root: settings.root().to_owned(),
                            near,
                        });
                    }
                    paths.push(vec![settings.path(path).components().collect()]);
                }
            }
        }
        let words = words.to_vec();
        Ok(Self { words, paths })
    }

    /// Whether what belongs to `target` is meant; the ledger only when it is named itself.
    pub(super) fn wants(&self, settings: &Settings, target: &Path) -> bool {
        if target == settings.ledger() {
            return self.names(target);
        }
        if self.paths.is_empty() {
            return !target.starts_with(settings.logs());
        }
        let mut paths = self.paths.iter().flatten();
        paths.any(|path| target.starts_with(path))
    }

    /// Whether somebody has named this very file.
    pub(super) fn names(&self, target: &Path) -> bool {
        self.paths.iter().flatten().any(|path| path == target)
    }

    /// The words that stand for none of `targets`.
    pub(super) fn missing(&self, targets: &[PathBuf]) -> Vec<String> {
        let words = self.words.iter().zip(&self.paths);
        words
            .filter(|(_, paths)| {
                let is_meant = |target: &PathBuf| paths.iter().any(|path| target.starts_with(path));
                !targets.iter().any(is_meant)
            })
            .map(|(word, _)| format!("`{word}`"))
            .collect()
    }

    /// The folders of settings or logs that are meant as a whole.
    pub(super) fn folders(&self, settings: &Settings) -> Vec<PathBuf> {
        let whole = [settings.config(), settings.logs()];
        let meant = whole.into_iter().filter(|folder| {
            let by_word = self.paths.iter().flatten().any(|path| path == folder);
            by_word || self.paths.is_empty() && *folder == settings.config()
        });
        meant.collect()
    }

    /// What is meant, in words.
    pub(super) fn asked(&self) -> Vec<String> {
        if self.words.is_empty() {
            return vec!["database, config or other files".to_owned()];
        }
        let quoted = |word: &String| format!("`{word}`");
        self.words.iter().map(quoted).collect()
    }

    /// Whether nothing but the assistant's database is meant.
    pub(super) fn is_database(&self) -> bool {
        self.words.iter().all(|word| word == "database") && !self.words.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::load,
        clock::Clock,
        settings::{Raw, Settings},
        system,
    };

    fn site(jobs: &str) -> (tempfile::TempDir, Site, Loaded) {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("jobs.yaml");
        crate::files::write_new(&path, jobs.as_bytes()).unwrap();
        let raw = Raw {
            root: Some(root.path().to_owned()),
            jobs_file: None,
        };
        let site = Site {
            settings: Settings::resolve(&raw, root.path()),
            clock: Clock::System,
            zone: system::local_zone(),
        };
        let loaded = load(&site, &|_| None).unwrap();
        (root, site, loaded)
    }

    const JOBS: &str = "database: /srv/far/assistant.db
jobs: {a: {backup: {what: [database, config, /etc/hosts, notes]}}}";

    fn place(places: &Places, entry: &str) -> PathBuf {
        places.of_entry(&EntryName::parse(entry.as_bytes()).unwrap())
    }

    #[test]
    fn everything_goes_back_to_where_it_came_from() {
        let (root, site, loaded) = site(JOBS);
        let places = Places::of(&site, Some(&loaded));
        for (entry, path) in [
            ("srv/far/assistant.db", "/srv/far/assistant.db"),
            ("etc/hosts", "/etc/hosts"),
        ] {
            assert_eq!(place(&places, entry), Path::new(path));
        }
        for name in [
            "config/a.yaml",
            "jobs.yaml",
            "notes/x",
            "logs/y",
            "data/z.db",
        ] {
            assert_eq!(place(&places, name), root.path().join(name));
        }
        // Without a job file all is in the root.
        let places = Places::of(&site, None);
        assert_eq!(place(&places, "etc/hosts"), root.path().join("etc/hosts"));
    }

    #[test]
    fn what_belongs_to_this_computer_and_to_sqlite_is_never_taken_from_an_archive() {
        let (_root, site, loaded) = site(JOBS);
        let places = Places::of(&site, Some(&loaded));
        for name in [
            "data/bellkeeper.lock",
            "config/backup.key",
            "logs/bellkeeper.log",
            "data/x.db-wal",
            "data/x.db-shm",
            "data/x.db-journal",
            "data/.before-restore-20261124T000000Z/RECORD.json",
            "config/.before-restore-x/new/jobs.yaml",
        ] {
            assert!(
                places.untouchable(&place(&places, name)).is_some(),
                "{name}"
            );
        }
        assert_eq!(places.untouchable(&place(&places, "data/x.db")), None);
    }

    #[test]
    fn words_and_paths_select() {
        let (root, site, loaded) = site(JOBS);
        let at = |name: &str| root.path().join(name);
        let wants = |words: &[&str], target: &Path| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            let selection = Selection::read(&site, Some(&loaded), &words).unwrap();
            selection.wants(&site.settings, target)
        };
        let database = Path::new("/srv/far/assistant.db");
        assert!(wants(&[], database) && wants(&["database"], database));
        assert!(!wants(&["config"], database) && wants(&["config"], &at("jobs.yaml")));
        assert!(!wants(&[], &at("logs/x")) && wants(&["logs"], &at("logs/x")));
        let ledger = at("data/bellkeeper.db");
        assert!(!wants(&[], &ledger) && !wants(&["data"], &ledger));
        assert!(wants(&["data/bellkeeper.db"], &ledger));
        assert!(wants(&["./config/a.yaml"], &at("config/a.yaml")));
        assert!(!wants(&["config/a"], &at("config/a.yaml")));
        for (word, near) in [("databse", Some("database")), ("../x", None), ("", None)] {
            let error = Selection::read(&site, None, &[word.to_owned()]).unwrap_err();
            assert_eq!(error.near, near, "{word}");
        }
    }
}
