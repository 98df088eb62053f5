//! What is to be put in its place is tried before.

use std::path::{Path, PathBuf};

use super::Error;
use crate::{
    app::{
        self, Site,
        load::{self, Vars},
    },
    archive, files, jobfile, ledger, sqlite, store, swap,
};

/// Whether the job file and calendars, as they will stand, can be read.
///
/// # Errors
/// [`app::Error::Problems`] with all that is wrong.
pub(super) fn job_file(
    site: &Site,
    vars: Vars<'_>,
    items: &[swap::Item],
    scratch: &Path,
    archive: &Path,
) -> Result<(), app::Error> {
    let settings = &site.settings;
    let calendars: Vec<&swap::Item> = items
        .iter()
        .filter(|item| item.target.starts_with(settings.calendars()))
        .collect();
    let new = items
        .iter()
        .find(|item| item.target == settings.jobs_file());
    if new.is_none() && calendars.is_empty() {
        return Ok(());
    }
    let (path, name) = if let Some(item) = new {
        let archive = archive.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("{} of {archive}", item.name.display());
        (item.staged(), PathBuf::from(name))
    } else {
        let file = settings.jobs_file().to_owned();
        let name = file.strip_prefix(settings.root()).unwrap_or(&file);
        (file.clone(), name.to_owned())
    };
    // Without a job file there is nothing for calendars to break.
    if !path.exists() {
        return Ok(());
    }
    let text = jobfile::read_file(&path)?;
    // Not held against the databases: they may be what is to be mended.
    let mut context = load::context(site, vars, false);
    if !calendars.is_empty() {
        together(&settings.calendars(), &calendars, scratch)?;
        context.settings = context.settings.with_calendars(scratch.to_owned());
    }
    let checked = jobfile::load(&text, &name, &context);
    files::remove_tree(scratch)?;
    checked.map_err(|problems| app::Error::Problems(Box::new(problems)))?;
    Ok(())
}

/// The calendars as they will stand, in a folder of their own.
fn together(now: &Path, new: &[&swap::Item], scratch: &Path) -> Result<(), files::Error> {
    files::create_private_dir(scratch)?;
    let copy = |from: &Path| {
        let to = scratch.join(from.file_name().unwrap_or_default());
        let bytes = std::fs::read(from).map_err(files::at("read", from))?;
        files::write_atomic(&to, &bytes)
    };
    let entries = std::fs::read_dir(now).into_iter().flatten().flatten();
    for path in entries
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
    {
        copy(&path)?;
    }
    for item in new.iter().filter(|item| item.target.parent() == Some(now)) {
        copy(&item.staged())?;
    }
    Ok(())
}

/// Whether this program knows the schema of a database that it will work with. What other programs
/// have made is theirs: a version is too new only if it is not what is there already.
///
/// # Errors
/// [`Error::TooNew`].
pub(super) fn schema(
    site: &Site,
    target: &Path,
    database: &Path,
    facts: &archive::Database,
) -> Result<(), Error> {
    let known = if target == site.settings.ledger() {
        ledger::SCHEMA_VERSION
    } else if target == database {
        store::SCHEMA_VERSION
    } else {
        return Ok(());
    };
    let known = i64::try_from(known).unwrap_or(i64::MAX);
    let found = facts.schema_version;
    if found <= known || target.exists() && sqlite::user_version(target).ok() == Some(found) {
        return Ok(());
    }
    let path = target.to_owned();
    Err(Error::TooNew { path, found, known })
}
