//! Another program's log: its file gets another name, and an empty one takes its place.

use std::{io, path::Path};

use super::Error;
use crate::files;

/// Gives the log at `path` the name `to` and makes an empty one with its mode and owner.
///
/// The program goes on writing to the renamed file until it opens its log again.
///
/// # Errors
/// The log has its name still, or again.
pub fn rename_away(path: &Path, to: &Path) -> Result<(), Error> {
    let facts = path
        .symlink_metadata()
        .map_err(files::at("look at", path))?;
    files::rename_new(path, to)?;
    match files::create_like(path, &facts) {
        Err(error) if error.source.kind() != io::ErrorKind::AlreadyExists => {
            files::rename_new(to, path)?;
            return Err(error.into());
        }
        // The program was quicker, or it is there now.
        _ => {}
    }
    files::sync_dir(files::parent(path))?;
    Ok(())
}
