//! From files to values: the job file, the ledger.

use std::{path::Path, sync::Arc};

use jiff::Timestamp;

use super::{Error, Site};
use crate::{
    job::JobSpec,
    jobfile::{self, Context, Loaded, Origins, Problems},
    ledger::Ledger,
    system,
};

/// Where the values of `${VAR}` come from.
pub type Vars<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads and checks the job file of a site.
///
/// # Errors
/// [`Error::ReadJobFile`], or [`Error::Problems`] with everything that is wrong with it.
pub fn load(site: &Site, vars: Vars<'_>) -> Result<Loaded, Error> {
    read(site, vars, |text, name, context| {
        jobfile::load(text, name, context)
    })
}

/// As [`load`], but holds nothing that it says of databases against them as they are: it is read to mend
/// them.
///
/// # Errors
/// As [`load`].
pub fn load_to_mend(site: &Site, vars: Vars<'_>) -> Result<Loaded, Error> {
    let text = jobfile::read_file(site.settings.jobs_file())?;
    let context = context(site, vars, false);
    jobfile::load(&text, shown(site), &context)
        .map_err(|problems| Error::Problems(Box::new(problems)))
}

/// As [`load`], and says of one job where each of its settings comes from; `None` if there is no
/// such job.
///
/// # Errors
/// As [`load`].
pub fn explain(site: &Site, vars: Vars<'_>, job: &str) -> Result<(Loaded, Option<Origins>), Error> {
    read(site, vars, |text, name, context| {
        jobfile::explain(text, name, context, job)
    })
}

/// Checks a text that is to become the job file.
///
/// # Errors
/// [`Error::Problems`].
pub(super) fn check(site: &Site, text: &[u8], vars: Vars<'_>) -> Result<(), Error> {
    look(site, text, vars, |text, name, context| {
        jobfile::load(text, name, context).map(|_| ())
    })
}

fn read<T>(
    site: &Site,
    vars: Vars<'_>,
    read: impl FnOnce(&[u8], &Path, &Context<'_>) -> Result<T, Problems>,
) -> Result<T, Error> {
    let text = jobfile::read_file(site.settings.jobs_file())?;
    look(site, &text, vars, read)
}

fn look<T>(
    site: &Site,
    text: &[u8],
    vars: Vars<'_>,
    read: impl FnOnce(&[u8], &Path, &Context<'_>) -> Result<T, Problems>,
) -> Result<T, Error> {
    let context = context(site, vars, true);
    read(text, shown(site), &context).map_err(|problems| Error::Problems(Box::new(problems)))
}

/// How the job file is called in messages.
fn shown(site: &Site) -> &Path {
    let file = site.settings.jobs_file();
    file.strip_prefix(site.settings.root()).unwrap_or(file)
}

/// What a job file is read against here.
pub(super) fn context<'a>(site: &Site, vars: Vars<'a>, looks: bool) -> Context<'a> {
    Context {
        settings: site.settings.clone(),
        clock: site.clock.clone(),
        host: system::host_name(),
        local_zone: site.zone.zone.clone(),
        vars,
        looks,
    }
}

/// The ledger of a site, for reading; `None` while there is none.
///
/// # Errors
/// [`Error::Ledger`].
pub fn open_ledger(site: &Site) -> Result<Option<Arc<Ledger>>, Error> {
    let path = site.settings.ledger();
    if !path.exists() {
        return Ok(None);
    }
    Ok(Some(Arc::new(Ledger::open(&path, site.clock.clone())?)))
}

/// The next `count` slots of a job, as the daemon would fire them; none for a disabled job.
///
/// # Errors
/// [`Error::Ledger`].
pub fn next_slots(
    site: &Site,
    ledger: Option<&Ledger>,
    spec: &JobSpec,
    count: usize,
) -> Result<Vec<Timestamp>, Error> {
    if !spec.policy.enabled {
        return Ok(Vec::new());
    }
    let now = site.clock.now();
    let known = ledger
        .map(|ledger| ledger.anchor(&spec.name))
        .transpose()?
        .flatten();
    let anchor = known.unwrap_or(now);
    let mut slots = Vec::new();
    let mut after = now;
    while slots.len() < count {
        let Some(next) = spec.next_after(after, anchor) else {
            break;
        };
        slots.push(next);
        after = next;
    }
    Ok(slots)
}
