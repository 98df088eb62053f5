//! What the first start makes, so that a fresh root works at once.

use super::{Error, Site};
use crate::{archive, files, jobfile::Loaded, store};

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
    if env.database == site.settings.path(store::DEFAULT_PATH)
        && store::create_sample(&env.database)?
    {
        made.push(format!("{}: a sample database", shown(site, &env.database)));
    }
    Ok(made)
}

fn shown(site: &Site, path: &std::path::Path) -> String {
    path.strip_prefix(site.settings.root())
        .unwrap_or(path)
        .display()
        .to_string()
}
