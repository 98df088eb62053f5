//! Which archive is meant.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{Error, Selection, places::Places};
use crate::{
    app::{self, Site, find_archive, shelf},
    archive::{self, Found, State},
    jobfile::Loaded,
};

/// Which archive a person means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// A path, a file name, a job (its newest) or `latest`.
    Named(String),
    /// The newest one that shows an instant before this one.
    Before {
        /// The instant, itself not included.
        at: Timestamp,
        /// As the person wrote it.
        written: String,
    },
}

/// An archive, and why it was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The archive.
    pub path: PathBuf,
    /// Why this one.
    pub why: String,
    /// Whether another one may be taken if it lacks what is asked for.
    pub(super) replaceable: bool,
}

/// The archives that may be meant, the best first. Those that are known not to hold what is asked for
/// are left out.
///
/// # Errors
/// [`app::Error::NoArchive`]; [`Error::NoneHolds`]; [`app::Error::Archive`] if it may be in a folder
/// that cannot be read.
pub fn choose(
    site: &Site,
    loaded: Option<&Loaded>,
    which: &Which,
    selection: &Selection,
) -> Result<Vec<Chosen>, app::Error> {
    let all = archives(site, loaded)?;
    let (fit, when) = match which {
        Which::Named(name) if name == "latest" => (Fit::All, "at hand".to_owned()),
        Which::Named(name) if all.iter().any(|found| found.name.job.as_str() == name) => {
            (Fit::Job(name), format!("of `{name}`"))
        }
        Which::Named(name) => {
            let path = named(site, loaded, name, &all)?;
            return Ok(vec![Chosen {
                path,
                why: "it was named".to_owned(),
                replaceable: false,
            }]);
        }
        Which::Before { at, written } => (Fit::Before(*at), format!("of {written} or before")),
    };
    // Its own job file may say that another database is the assistant's.
    let unknown = loaded.is_none();
    let places = Places::of(site, loaded);
    let chosen: Vec<Chosen> = all
        .iter()
        .filter(|found| fit.covers(found) && (unknown || may_hold(found, selection, &places)))
        .map(|found| Chosen {
            path: found.path.clone(),
            why: format!("the newest {when}"),
            replaceable: true,
        })
        .collect();
    if chosen.is_empty() {
        let asked = selection.asked();
        return Err(Error::NoneHolds { when, asked }.into());
    }
    Ok(chosen)
}

/// Which archives are meant by something that is no archive's name.
enum Fit<'a> {
    All,
    Job(&'a str),
    Before(Timestamp),
}

impl Fit<'_> {
    fn covers(&self, found: &Found) -> bool {
        match self {
            Self::All => true,
            Self::Job(job) => found.name.job.as_str() == *job,
            Self::Before(at) => shows(found) < *at,
        }
    }
}

fn named(
    site: &Site,
    loaded: Option<&Loaded>,
    name: &str,
    all: &[Found],
) -> Result<PathBuf, app::Error> {
    let is_it = |found: &&Found| found.path.file_name().is_some_and(|file| file == name);
    match find_archive(site, loaded, name) {
        Err(app::Error::NoArchive { .. }) if all.iter().any(|found| is_it(&found)) => {
            let found = all.iter().find(is_it);
            Ok(found.map(|found| found.path.clone()).unwrap_or_default())
        }
        found => found,
    }
}

/// All archives at hand, the newest first. Without a job file that can be read, those in the folders
/// of `backups/`: it may be the very file that is to be restored.
fn archives(site: &Site, loaded: Option<&Loaded>) -> Result<Vec<Found>, app::Error> {
    let mut all: Vec<Found> = Vec::new();
    if let Some(loaded) = loaded {
        let shelf = shelf(site, loaded, None);
        all.extend(shelf.rows.into_iter().map(|row| row.judged.found));
        if let (true, Some(error)) = (all.is_empty(), shelf.unreadable.into_iter().next()) {
            return Err(error.into());
        }
    } else {
        let entries = std::fs::read_dir(site.settings.path("backups"));
        for entry in entries.into_iter().flatten().flatten() {
            all.extend(archive::list(&entry.path()).unwrap_or_default());
        }
    }
    all.sort_by(|a, b| {
        let key = |found: &Found| (shows(found), found.name.slot, found.name.serial);
        key(b).cmp(&key(a))
    });
    Ok(all)
}

/// The instant that an archive shows.
fn shows(found: &Found) -> Timestamp {
    let sidecar = found.sidecar.as_ref();
    sidecar.map_or(found.name.slot, |sidecar| sidecar.created_at)
}

/// Whether an archive may hold what is asked for, as far as can be told without a key.
fn may_hold(found: &Found, selection: &Selection, places: &Places) -> bool {
    let Some(sidecar) = &found.sidecar else {
        return true;
    };
    let mut databases = sidecar.databases.iter();
    !selection.is_database()
        || databases.any(|database| places.of_entry(&database.entry) == places.database)
}

/// The file name of the newest archive that is older than the one at `path`, of any job, and not known
/// to be damaged.
pub fn next_older(
    site: &Site,
    loaded: Option<&Loaded>,
    path: &Path,
    selection: &Selection,
) -> Option<String> {
    let all = archives(site, loaded).ok()?;
    let places = Places::of(site, loaded);
    let is_it = |found: &&Found| found.path.file_name() == path.file_name();
    let than = shows(all.iter().find(is_it)?);
    let mut older = all.iter().filter(|found| {
        shows(found) < than
            && found.state > State::Damaged
            && (loaded.is_none() || may_hold(found, selection, &places))
            && archive::verify(&found.path, None, &crate::watch::Watch::default()).is_ok()
    });
    older.next().map(|found| found.name.to_string())
}
