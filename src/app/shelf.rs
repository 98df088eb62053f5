//! The archives of all backup jobs, as `backups` shows them.

use std::path::{Path, PathBuf};

use super::{Error, Site};
use crate::{
    archive::{self, Identity, KeyFile},
    job::JobName,
    jobfile::Loaded,
    kinds::{Backup, Judged},
};

/// One archive of one job.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The job whose folder it is in.
    pub job: JobName,
    /// The archive and what the job's `keep` says of it.
    pub judged: Judged,
}

/// The archives of the backup jobs.
#[derive(Debug, Default)]
pub struct Shelf {
    /// Newest first within each job.
    pub rows: Vec<Row>,
    /// Why the archives of a job could not be listed; those of the others are.
    pub unreadable: Vec<archive::Error>,
}

/// All archives of the backup jobs; `job` narrows it to one.
pub fn shelf(site: &Site, loaded: &Loaded, job: Option<&str>) -> Shelf {
    let mut shelf = Shelf::default();
    let env = &loaded.set.env;
    for spec in &loaded.set.jobs {
        let Some(backup) = spec.as_kind::<Backup>() else {
            continue;
        };
        if job.is_some_and(|job| job != spec.name.as_str()) {
            continue;
        }
        let row = |judged| Row {
            job: spec.name.clone(),
            judged,
        };
        match backup.judge(&spec.name, env, site.clock.now(), &spec.policy.timezone) {
            Ok(judged) => shelf.rows.extend(judged.into_iter().map(row)),
            Err(error) => shelf.unreadable.push(error),
        }
    }
    shelf
}

/// The archive that a person means: a path, a file name, `latest`, or a job for its newest.
///
/// # Errors
/// [`Error::NoArchive`]; [`Error::Archive`] if it may be in a folder that cannot be read.
pub fn find_archive(site: &Site, loaded: Option<&Loaded>, name: &str) -> Result<PathBuf, Error> {
    let path = Path::new(name);
    if path.is_file() {
        return Ok(path.to_owned());
    }
    let in_root = site.settings.path(path);
    if in_root.is_file() {
        return Ok(in_root);
    }
    let shelf = loaded
        .map(|loaded| shelf(site, loaded, None))
        .unwrap_or_default();
    let newest = shelf
        .rows
        .iter()
        .map(|row| &row.judged.found)
        .filter(|found| {
            name == "latest"
                || found.name.job.as_str() == name
                || found.path.file_name().is_some_and(|file| file == name)
        })
        .max_by_key(|found| (found.name.slot, found.name.serial));
    match (newest, shelf.unreadable.into_iter().next()) {
        (Some(found), _) => Ok(found.path.clone()),
        (None, Some(error)) => Err(error.into()),
        (None, None) => Err(Error::NoArchive {
            name: name.to_owned(),
            folders: loaded.map(folders).unwrap_or_default(),
        }),
    }
}

fn folders(loaded: &Loaded) -> Vec<PathBuf> {
    let jobs = loaded.set.jobs.iter();
    jobs.flat_map(|spec| spec.job.owned_folders(&spec.name, &loaded.set.env))
        .collect()
}

/// The private keys to open archives with: of `key`, or else the root's own and the older ones beside
/// it; `None` if the root has none.
///
/// # Errors
/// [`Error::Archive`] when a file cannot be read, [`Error::NoKey`] when `key` is not there.
pub fn identities(site: &Site, key: Option<&Path>) -> Result<Option<Vec<Identity>>, Error> {
    if key.is_none() && archive::ring(&site.settings.key_file())?.is_empty() {
        return Ok(None);
    }
    let files = key_files(site, key)?.into_iter();
    Ok(Some(files.flat_map(|key| key.identities).collect()))
}

/// The files of private keys: `key`, or else the root's own and the older ones beside it; at least
/// one.
///
/// # Errors
/// [`Error::Archive`] when a file cannot be read, [`Error::NoKey`] when there is none.
pub fn key_files(site: &Site, key: Option<&Path>) -> Result<Vec<KeyFile>, Error> {
    let own = site.settings.key_file();
    let path = key.unwrap_or(&own).to_owned();
    let found = match key {
        Some(_) => {
            let file = |identities| KeyFile {
                path: path.clone(),
                identities,
            };
            archive::identities(&path)?.map(file).into_iter().collect()
        }
        None => archive::ring(&path)?,
    };
    if found.is_empty() {
        return Err(Error::NoKey { path });
    }
    Ok(found)
}
