//! The job file in an archive says where the rest of it belongs, where there is no other.

use std::path::Path;

use super::{Chosen, places::Places, sort::Request};
use crate::{
    app::load,
    archive::{self, EntryKind, EntryName},
    jobfile::{self, Loaded},
    watch::Watch,
};

/// The job file of the archive, if it has one that can be read here; extracted into `to`.
///
/// # Errors
/// As [`archive::extract_some`].
pub(super) fn job_file(
    request: &Request<'_>,
    chosen: &Chosen,
    to: &Path,
    watch: &Watch,
) -> Result<Option<Loaded>, archive::Error> {
    let site = request.site;
    let settings = &site.settings;
    let places = Places::of(site, None);
    let is_it = |name: &EntryName| places.of_entry(name) == settings.jobs_file();
    let wants =
        |name: &EntryName| is_it(name) || places.of_entry(name).starts_with(settings.calendars());
    let extracted = archive::extract_some(&chosen.path, request.identities, to, &wants, watch)?;
    watch.progress.restart();
    let mut entries = extracted.manifest.entries.iter();
    let Some(entry) = entries.find(|entry| entry.kind == EntryKind::File && is_it(&entry.path))
    else {
        return Ok(None);
    };
    let name = entry.path.to_path();
    let Ok(text) = jobfile::read_file(&to.join(&name)) else {
        return Ok(None);
    };
    let mut context = load::context(site, request.vars, false);
    let calendars = settings.calendars();
    if let Ok(inside) = calendars.strip_prefix(settings.root()) {
        context.settings = context.settings.with_calendars(to.join(inside));
    }
    Ok(jobfile::load(&text, &name, &context).ok())
}
