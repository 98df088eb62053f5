//! The archives of all backup jobs, as `backups` shows them.

use std::path::{Path, PathBuf};

use super::{Error, Site};
use crate::{
    archive::{self, Identity},
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

/// All archives of the backup jobs, newest first within each job; `job` narrows it to one.
///
/// # Errors
/// [`Error::Archive`] when a folder cannot be read.
pub fn rows(site: &Site, loaded: &Loaded, job: Option<&str>) -> Result<Vec<Row>, Error> {
    let mut rows = Vec::new();
    let env = &loaded.set.env;
    for spec in &loaded.set.jobs {
        let Some(backup) = spec.as_kind::<Backup>() else {
            continue;
        };
        if job.is_some_and(|job| job != spec.name.as_str()) {
            continue;
        }
        let zone = &spec.policy.timezone;
        for judged in backup.judge(&spec.name, env, site.clock.now(), zone)? {
            rows.push(Row {
                job: spec.name.clone(),
                judged,
            });
        }
    }
    Ok(rows)
}

/// The archive that a person means: a path, a file name, `latest`, or a job for its newest.
///
/// # Errors
/// [`Error::NoArchive`].
pub fn find_archive(site: &Site, loaded: Option<&Loaded>, name: &str) -> Result<PathBuf, Error> {
    let path = Path::new(name);
    if path.is_file() {
        return Ok(path.to_owned());
    }
    let in_root = site.settings.path(path);
    if in_root.is_file() {
        return Ok(in_root);
    }
    let rows = loaded
        .map(|loaded| rows(site, loaded, None))
        .transpose()?
        .unwrap_or_default();
    let newest = rows
        .iter()
        .map(|row| &row.judged.found)
        .filter(|found| {
            name == "latest"
                || found.name.job.as_str() == name
                || found.path.file_name().is_some_and(|file| file == name)
        })
        .max_by_key(|found| (found.name.slot, found.name.serial));
    newest
        .map(|found| found.path.clone())
        .ok_or_else(|| Error::NoArchive {
            name: name.to_owned(),
            folders: loaded.map(folders).unwrap_or_default(),
        })
}

fn folders(loaded: &Loaded) -> Vec<PathBuf> {
    let jobs = loaded.set.jobs.iter();
    jobs.flat_map(|spec| spec.job.owned_folders(&spec.name, &loaded.set.env))
        .collect()
}

/// The private keys to open archives with: of `key`, or of the root's own key file; `None` if the
/// root has none.
///
/// # Errors
/// [`Error::Archive`] when the file cannot be read, [`Error::NoKey`] when `key` is not there.
pub fn identities(site: &Site, key: Option<&Path>) -> Result<Option<Vec<Identity>>, Error> {
    let own = site.settings.key_file();
    let found = archive::identities(key.unwrap_or(&own))?;
    match (key, found) {
        (Some(key), None) => Err(Error::NoKey {
            path: key.to_owned(),
        }),
        (_, found) => Ok(found),
    }
}
