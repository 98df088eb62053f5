//! What a restore that was cut short may have left, seen without touching it.

use super::settle_first;
use crate::{
    app::{self, Site},
    swap,
};

/// Whether anything lies in `data/` that a restore which is over does not keep. Until it is ended the
/// job file may be that of the archive, the one before, or not there at all.
pub(in crate::app) fn may_be_left(site: &Site) -> bool {
    let data = site.settings.data();
    let entries = std::fs::read_dir(&data).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| {
        let name = entry.file_name();
        name.as_encoded_bytes().starts_with(swap::PREFIX.as_bytes())
    });
    let kept = swap::kept(&data).map_or(0, |kept| kept.len());
    folders.count() > kept
}

/// As [`settle_first`], where anything may be left to be ended.
///
/// # Errors
/// As [`settle_first`].
pub async fn settle_leftovers(site: &Site) -> Result<Vec<String>, app::Error> {
    if may_be_left(site) {
        settle_first(site).await
    } else {
        Ok(Vec::new())
    }
}
