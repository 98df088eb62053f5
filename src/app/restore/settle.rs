//! A restore that was cut short is ended by the next one who works in the root.

use crate::{
    app::{self, Site},
    swap::{self, Settled},
};

/// Ends what was cut short; each as a line for log and journal. Call it under the instance lock.
///
/// # Errors
/// [`app::Error::Restore`]: it stays to be ended.
pub(in crate::app) fn settle(site: &Site) -> Result<Vec<(&'static str, String)>, app::Error> {
    let data = site.settings.data();
    let settled =
        swap::settle(&data, site.clock.now(), &super::users).map_err(super::Error::Swap)?;
    Ok(settled
        .into_iter()
        .map(|settled| match settled {
            Settled::Finished(kept) => ("restore finished", kept.folder.display().to_string()),
            Settled::TakenBack(record) => {
                ("restore taken back", record.archive.display().to_string())
            }
            Settled::Dropped(folder) => ("restore dropped", folder.display().to_string()),
        })
        .collect())
}
