//! Which archives a job reads, and with which keys it opens them.

use std::path::Path;

use crate::{
    archive::{self, Found, Identity, KeyFile},
    job::{ArchiveFolder, ArchivesOf, Cx, Disposition, Env, JobError, JobName},
};

use super::backup::job_error;

/// The archives that the `jobs` make, or those of all jobs if none is named.
pub(super) fn folders<'a>(
    jobs: &'a [JobName],
    env: &'a Env,
) -> Vec<(&'a JobName, &'a ArchiveFolder)> {
    if jobs.is_empty() {
        return env.archives.iter().collect();
    }
    let named = jobs
        .iter()
        .filter_map(|job| env.archives.get_key_value(job));
    named.collect()
}

/// What the jobs of `jobs` are to the job file.
pub(super) fn archives_of(jobs: &[JobName]) -> Vec<ArchivesOf> {
    let setting = "jobs";
    let named = jobs.iter().cloned();
    named.map(|job| ArchivesOf { setting, job }).collect()
}

/// The archives that `job` made, newest first.
///
/// # Errors
/// When the folder cannot be read, and when archives were made there and none is left: a disk that
/// is not mounted looks like that.
pub(super) fn of_job(job: &JobName, made: &ArchiveFolder) -> Result<Vec<Found>, JobError> {
    let mut found = archive::list(&made.folder).map_err(job_error)?;
    found.retain(|found| found.name.job == *job);
    let text = made.folder.join(archive::RESTORE);
    if found.is_empty() && text.symlink_metadata().is_ok() {
        let folder = made.folder.display();
        let message = format!("`{folder}` holds no archive of `{job}` any more, or never got one");
        let hint = format!("`bellkeeper history {job}` tells what became of them");
        return Err(JobError::permanent(message).hint(hint));
    }
    Ok(found)
}

/// The private keys of the file `identity`, or those of the root.
///
/// # Errors
/// When a file cannot be read, or `identity` is not there.
pub(super) fn keys(identity: Option<&Path>, env: &Env) -> Result<Vec<KeyFile>, archive::Error> {
    let Some(path) = identity.map(|path| env.settings.path(path)) else {
        return archive::ring(&env.encryption.key_file);
    };
    match archive::identities(&path)? {
        Some(identities) => Ok(vec![KeyFile { path, identities }]),
        None => Err(archive::Error::MissingKey { path }),
    }
}

/// All keys of the files.
pub(super) fn identities(keys: &[KeyFile]) -> Vec<Identity> {
    keys.iter().flat_map(|key| key.identities.clone()).collect()
}

/// Whether the sidecar says that one of the keys opens the archive; unknown is yes.
pub(super) fn opens(keys: &[Identity], found: &Found) -> bool {
    let sidecar = found.sidecar.as_ref();
    sidecar.is_none_or(|sidecar| sidecar.is_for(keys))
}

/// Archives that were looked at, and those that are not as they should be.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    wrong: Vec<(String, JobError)>,
}

impl Trouble {
    /// Takes note of what is wrong with `what` and goes on with the next, unless the run was told to
    /// stop.
    pub(super) fn add(&mut self, cx: &Cx, what: String, error: JobError) -> Result<(), JobError> {
        cx.checkpoint()?;
        if let Disposition::Interrupted(_) = error.disposition {
            return Err(error);
        }
        tracing::error!(job = %cx.run.job, what, error = error.chain(), "not as it should be");
        self.wrong.push((what, error));
        Ok(())
    }

    /// One error for all of them; tried again only if that can help each.
    pub(super) fn end(mut self) -> Result<(), JobError> {
        if self.wrong.len() == 1
            && let Some((_, error)) = self.wrong.pop()
        {
            return Err(error);
        }
        let Some((_, first)) = self.wrong.first() else {
            return Ok(());
        };
        let hint = first.hint.clone();
        let passes = |(_, error): &(String, JobError)| error.disposition == Disposition::Retry;
        let all_pass = self.wrong.iter().all(passes);
        let told = |(what, error): &(String, JobError)| {
            let chain = error.chain();
            if chain.contains(what) {
                chain
            } else {
                format!("{what}: {chain}")
            }
        };
        let told: Vec<_> = self.wrong.iter().map(told).collect();
        let message = format!("{} failed: {}", told.len(), told.join("; "));
        let error = if all_pass {
            JobError::retry(message)
        } else {
            JobError::permanent(message)
        };
        Err(JobError { hint, ..error })
    }
}
