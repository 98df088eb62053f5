//! Where everything is: the paths that follow from `--root` and `-c`.

use std::path::{Path, PathBuf};

pub mod shipped;

/// How the folders begin in which a restore keeps what it has replaced; no backup holds them.
pub const KEPT_ASIDE: &str = ".before-restore-";

/// What a person gave on the command line or in the environment, as written.
#[derive(Debug, Clone, Default)]
pub struct Raw {
    /// `--root DIR` or `BELLKEEPER_ROOT`.
    pub root: Option<PathBuf>,
    /// `-c FILE`.
    pub jobs_file: Option<PathBuf>,
}

/// The same, resolved: every path is absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    root: PathBuf,
    jobs_file: PathBuf,
    calendars: PathBuf,
}

impl Settings {
    /// Resolves against the working directory `cwd`: the root defaults to it, the job file to
    /// `jobs.yaml` in the root; a relative `-c` is taken from `cwd`, as every command does.
    pub fn resolve(raw: &Raw, cwd: &Path) -> Self {
        let root = raw
            .root
            .as_ref()
            .map_or_else(|| cwd.to_owned(), |root| cwd.join(root));
        let jobs_file = raw
            .jobs_file
            .as_ref()
            .map_or_else(|| root.join("jobs.yaml"), |file| cwd.join(file));
        Self {
            calendars: plain(&root.join("config/calendars")),
            root: plain(&root),
            jobs_file: plain(&jobs_file),
        }
    }

    /// The same with the user's calendars elsewhere: to try a file before it is put in its place.
    #[must_use]
    pub fn with_calendars(self, calendars: PathBuf) -> Self {
        Self { calendars, ..self }
    }

    /// The folder that everything relative in jobs.yaml is relative to.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The job file.
    pub fn jobs_file(&self) -> &Path {
        &self.jobs_file
    }

    /// `path` taken from the root; absolute paths stay as they are.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join(path)
    }

    /// The folder of databases, lock and socket.
    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// The folder of logs.
    pub fn logs(&self) -> PathBuf {
        self.path("logs")
    }

    /// The folder of configuration.
    pub fn config(&self) -> PathBuf {
        self.path("config")
    }

    /// The folder of the user's calendars.
    pub fn calendars(&self) -> PathBuf {
        self.calendars.clone()
    }

    /// The rules of analysis jobs.
    pub fn strategies(&self) -> PathBuf {
        self.path("config/strategies.yaml")
    }

    /// What analysis jobs look at unless they say otherwise.
    pub fn watch_list(&self) -> PathBuf {
        self.path("config/watchlist.yaml")
    }

    /// Bellkeeper's own database.
    pub fn ledger(&self) -> PathBuf {
        self.path("data/bellkeeper.db")
    }

    /// The file whose lock says that a daemon (or a run by hand) is at work.
    pub fn lock(&self) -> PathBuf {
        self.path("data/bellkeeper.lock")
    }

    /// The private key made at the first start.
    pub fn key_file(&self) -> PathBuf {
        self.path("config/backup.key")
    }

    /// The folder of restores that are only a trial; nothing in it outlives its run.
    pub fn scratch(&self) -> PathBuf {
        self.path(".drill")
    }

    /// The daemon's log.
    pub fn log_file(&self) -> PathBuf {
        self.path("logs/bellkeeper.log")
    }
}

/// The path without `.` and doubled slashes: `--root .` means the same folder as its whole path,
/// and what is written about it should be the same, too.
fn plain(path: &Path) -> PathBuf {
    path.components().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_follows_from_the_root() {
        let raw = Raw {
            root: Some("box".into()),
            jobs_file: None,
        };
        let settings = Settings::resolve(&raw, Path::new("/home/me"));
        assert_eq!(settings.jobs_file(), Path::new("/home/me/box/jobs.yaml"));
        assert_eq!(
            settings.ledger(),
            Path::new("/home/me/box/data/bellkeeper.db")
        );
        assert_eq!(settings.path("/abs"), Path::new("/abs"));
    }

    #[test]
    fn a_root_is_called_the_same_however_it_is_written() {
        let resolved = |root: &str| {
            let raw = Raw {
                root: Some(root.into()),
                jobs_file: None,
            };
            Settings::resolve(&raw, Path::new("/home/me"))
        };
        for root in [".", "./", "/home/me", "/home//me/."] {
            assert_eq!(resolved(root).root().as_os_str(), "/home/me");
            assert_eq!(resolved(root).jobs_file().as_os_str(), "/home/me/jobs.yaml");
        }
    }

    #[test]
    fn a_relative_job_file_is_taken_from_the_working_directory() {
        let raw = Raw {
            root: Some("/box".into()),
            jobs_file: Some("other.yaml".into()),
        };
        let settings = Settings::resolve(&raw, Path::new("/home/me"));
        assert_eq!(settings.jobs_file(), Path::new("/home/me/other.yaml"));
    }
}
