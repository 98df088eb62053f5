//! What the first start makes, so that a fresh root works at once.

use std::path::Path;

use super::{Error, Site};
use crate::{archive, files, jobfile::Loaded, settings::shipped, store};

/// One thing that was made, in words for the person at the terminal.
pub(super) type Made = String;

/// Makes the folders that are missing.
pub(super) fn folders(site: &Site) -> Result<(), Error> {
    let settings = &site.settings;
    for folder in [
        settings.data(),
        settings.logs(),
        settings.config(),
        settings.path("backups"),
    ] {
        if !folder.exists() {
            files::create_private_dir(&folder)?;
        }
    }
    Ok(())
}

/// Makes a key and a sample database. Only at the very first start: a key or database that has
/// gone missing later is something to notice, not to replace.
pub(super) fn contents(site: &Site, loaded: &Loaded) -> Result<Vec<Made>, Error> {
    let mut made = Vec::new();
    let env = &loaded.set.env;
    let key = &env.encryption.key_file;
    if env.encryption.recipients.is_empty() && !key.exists() {
        archive::generate(key, site.clock.now())?;
        made.push(format!(
            "{}: the private key; keep a copy elsewhere",
            shown(site, key)
        ));
    }
    made.extend(rules(site, loaded)?);
    if env.database == site.settings.path(store::DEFAULT_PATH)
        && store::create_sample(&env.database)?
    {
        made.push(format!("{}: a sample database", shown(site, &env.database)));
    }
    Ok(made)
}

/// Writes the rules, the watch list and the prices that a job needs, as far as they are not there.
fn rules(site: &Site, loaded: &Loaded) -> Result<Vec<Made>, Error> {
    let env = &loaded.set.env;
    let jobs = loaded.set.jobs.iter();
    let wanted: Vec<_> = jobs.filter_map(|spec| spec.job.rules_wanted(env)).collect();
    let mut made = Vec::new();
    if wanted.is_empty() {
        return Ok(made);
    }
    let (strategies, list) = (site.settings.strategies(), site.settings.watch_list());
    let lists = wanted.iter().any(|it| it.list.as_ref() == Some(&list));
    let texts = [
        (true, strategies, shipped::STRATEGIES, "rules to begin with"),
        (lists, list, shipped::WATCH_LIST, "symbols to begin with"),
    ];
    for (needed, path, text, what) in texts {
        if needed && write_missing(&path, text)? {
            made.push(format!("{}: {what}", shown(site, &path)));
        }
    }
    let folder = site.settings.path("config/sample/prices");
    if folder.symlink_metadata().is_err() {
        files::create_private_dir(&folder)?;
        for (name, text) in shipped::PRICES {
            write_missing(&folder.join(name), text)?;
        }
        let names = shipped::PRICES.map(|(name, _)| name.trim_end_matches(".csv"));
        let names = names.join(", ");
        made.push(format!("{}: daily bars of {names}", shown(site, &folder)));
    }
    Ok(made)
}

/// Writes a file that is not there; whether it was written.
fn write_missing(path: &Path, text: &str) -> Result<bool, Error> {
    if path.symlink_metadata().is_ok() {
        return Ok(false);
    }
    files::write_new(path, text.as_bytes())?;
    Ok(true)
}

fn shown(site: &Site, path: &Path) -> String {
    path.strip_prefix(site.settings.root())
        .unwrap_or(path)
        .display()
        .to_string()
}
