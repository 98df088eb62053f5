//! Changing to whom archives are encrypted: planned first, then applied.

use std::path::{Path, PathBuf};

use super::{Error, Site, Vars, load::check};
use crate::{
    archive::{self, Identity, Recipient},
    files,
    job::Plan,
    jobfile::{self, Loaded},
};

/// What is asked for.
#[derive(Debug, Clone)]
pub enum KeyChange {
    /// New archives are encrypted to this public key, too.
    Add(Recipient),
    /// A new key is made in this file, and new archives are encrypted to it, too.
    Generate(PathBuf),
    /// A new key takes the place of the root's own.
    Rotate,
}

/// Why the keys cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The public key is there already.
    #[error("archives are encrypted to {0} already")]
    Already(Recipient),
    /// The root's own key is none of the recipients.
    #[error("jobs.yaml names recipients, and none of them belongs to `{}`", path.display())]
    NotOurs {
        /// The root's key file.
        path: PathBuf,
    },
    /// The file of the new key is there already.
    #[error("`{}` is there already; a key is never replaced", path.display())]
    Taken {
        /// The file.
        path: PathBuf,
    },
    /// The job file cannot be changed here.
    #[error(transparent)]
    Refused(#[from] jobfile::Refused),
    /// The job file was changed by somebody else meanwhile.
    #[error("`{}` was changed meanwhile", path.display())]
    Changed {
        /// The job file.
        path: PathBuf,
    },
}

/// A change that is known to be possible.
#[derive(Debug)]
pub struct KeyPlan {
    /// What would be done, in order.
    pub plan: Plan,
    change: KeyChange,
    /// The recipients as they are; the job file names them if `is_named`.
    recipients: Vec<Recipient>,
    is_named: bool,
    elder: PathBuf,
}

/// Plans a change.
///
/// # Errors
/// [`Error::Keys`] or [`Error::Archive`] if it is not possible.
pub fn plan_keys(site: &Site, loaded: &Loaded, change: KeyChange) -> Result<KeyPlan, Error> {
    let encryption = &loaded.set.env.encryption;
    let (recipients, key_file) = (encryption.resolve()?, &encryption.key_file);
    let is_named = !encryption.recipients.is_empty();
    let mut plan = Plan::default();
    let jobs = site.settings.jobs_file();
    let elder = archive::elder_name(key_file, site.clock.now());
    match &change {
        KeyChange::Add(new) if recipients.contains(new) => {
            return Err(KeyError::Already(new.clone()).into());
        }
        KeyChange::Add(new) => {
            let who = "new archives can be opened with its private key, too";
            plan.step("add", new, who);
        }
        KeyChange::Generate(path) => {
            if path.symlink_metadata().is_ok() {
                let path = path.clone();
                return Err(KeyError::Taken { path }.into());
            }
            plan.step("create", path.display(), "a new private key, mode 0600");
        }
        KeyChange::Rotate => {
            let ours = ours(key_file)?;
            if !recipients.iter().any(|one| ours.contains(one)) {
                let path = key_file.clone();
                return Err(KeyError::NotOurs { path }.into());
            }
            let reason = "the archives made so far can be opened with it alone";
            plan.step("keep", elder.display(), reason);
            let reason = "a new private key in its place; archives from now on need it";
            plan.step("replace", key_file.display(), reason);
        }
    }
    let plan_of_file = KeyPlan {
        plan,
        change,
        recipients,
        is_named,
        elder,
    };
    plan_of_file.with_job_file(site, jobs)
}

/// The public halves of the root's own keys, in use or older.
fn ours(key_file: &Path) -> Result<Vec<Recipient>, Error> {
    let ring = archive::ring(key_file)?;
    if ring.first().is_none_or(|key| key.path != key_file) {
        let path = key_file.to_owned();
        return Err(archive::Error::MissingKey { path }.into());
    }
    let keys = ring.iter().flat_map(|key| &key.identities);
    Ok(keys.map(Identity::recipient).collect())
}

impl KeyPlan {
    /// Tries the change of the job file with a key that stands for the one to be made.
    fn with_job_file(mut self, site: &Site, jobs: &Path) -> Result<Self, Error> {
        if !self.changes_jobs() {
            return Ok(self);
        }
        let stands_for = match &self.change {
            KeyChange::Add(new) => new.clone(),
            KeyChange::Generate(_) | KeyChange::Rotate => archive::stand_in(),
        };
        let wanted = self.wanted(&stands_for, &site.settings.key_file())?;
        edited(site, &wanted)?;
        let reason = match &self.change {
            KeyChange::Rotate => {
                "`encryption: recipients:` names the new key instead of the old one"
            }
            _ if self.is_named => "`encryption: recipients:` names one more",
            _ => "`encryption: recipients:` names them all; so far it was the root's own key alone",
        };
        self.plan.step("edit", jobs.display(), reason);
        Ok(self)
    }

    fn changes_jobs(&self) -> bool {
        self.is_named || !matches!(self.change, KeyChange::Rotate)
    }

    /// The recipients once `new` is one of them.
    fn wanted(&self, new: &Recipient, key_file: &Path) -> Result<Vec<String>, Error> {
        let mut wanted: Vec<String> = self.recipients.iter().map(ToString::to_string).collect();
        if !matches!(self.change, KeyChange::Rotate) {
            wanted.push(new.to_string());
            return Ok(wanted);
        }
        let ours: Vec<String> = ours(key_file)?.iter().map(ToString::to_string).collect();
        // Only the first of our own: a second one was put there by hand.
        if let Some(old) = wanted.iter_mut().find(|one| ours.contains(one)) {
            *old = new.to_string();
        }
        Ok(wanted)
    }

    /// Does it: first the keys, durably, then the job file, so that no archive is ever encrypted to a
    /// key that is nowhere. Returns the new public key.
    ///
    /// # Errors
    /// [`Error::Archive`], [`Error::File`], [`Error::Keys`]; what was done by then stays, and harms
    /// nothing.
    pub fn apply(self, site: &Site, vars: Vars<'_>) -> Result<Recipient, Error> {
        let (now, key_file) = (site.clock.now(), site.settings.key_file());
        let new = match &self.change {
            KeyChange::Add(new) => new.clone(),
            KeyChange::Generate(path) => archive::generate(path, now)?,
            KeyChange::Rotate => archive::rotate(&key_file, &self.elder, now)?,
        };
        if !self.changes_jobs() {
            return Ok(new);
        }
        let wanted = self.wanted(&new, &key_file)?;
        let (before, text) = edited(site, &wanted)?;
        check(site, text.as_bytes(), vars)?;
        let path = site.settings.jobs_file();
        if jobfile::read_file(path)? != before {
            let path = path.to_owned();
            return Err(KeyError::Changed { path }.into());
        }
        files::write_over(path, text.as_bytes())?;
        Ok(new)
    }
}

/// The job file as it is and as it would be.
fn edited(site: &Site, wanted: &[String]) -> Result<(Vec<u8>, String), Error> {
    let path = site.settings.jobs_file();
    let before = jobfile::read_file(path)?;
    let shown = path.strip_prefix(site.settings.root()).unwrap_or(path);
    let text = jobfile::with_recipients(&before, shown, wanted).map_err(KeyError::from)?;
    Ok((before, text))
}

#[cfg(test)]
mod tests;
