//! An archive is extracted beside what is there, checked and compared.

use std::path::{Path, PathBuf};

use super::{
    Chosen, Done, Error, Lost, Quiet, Selection, own,
    places::Places,
    sort::{Request, Sorting, counts, local},
};
use crate::{
    app::{self, Site},
    archive::{self, EntryName, Manifest},
    files,
    job::Plan,
    swap::{self, Item},
    watch::Watch,
};

/// An archive that is extracted beside what is there, checked, and ready to be put in its place. Gone
/// when it is dropped.
#[derive(Debug)]
pub struct Staged {
    /// What would be done, each line with its reason.
    pub plan: Plan,
    /// What the archive holds.
    pub manifest: Manifest,
    /// The archive.
    pub archive: PathBuf,
    /// The tables of the assistant's database that would have another number of rows.
    pub lost: Vec<Lost>,
    pub(super) items: Vec<Item>,
    staging: swap::Staging,
}

impl Staged {
    /// Extracts and checks the first of `chosen` that holds what is meant.
    ///
    /// # Errors
    /// [`Error::Damaged`] and the others of [`Error`]; [`app::Error::Archive`] for a wrong key, too
    /// little space and the like; [`app::Error::Problems`] for a job file that could not be read.
    pub fn new(
        request: &Request<'_>,
        chosen: &[Chosen],
        watch: &Watch,
    ) -> Result<Self, app::Error> {
        for (number, one) in chosen.iter().enumerate() {
            let is_last = number + 1 == chosen.len();
            match Self::of(request, one, watch) {
                Err(app::Error::Restore(Error::HoldsNone { .. }))
                    if one.replaceable && !is_last =>
                {
                    watch.progress.restart();
                }
                staged => return staged,
            }
        }
        Err(Error::NoneHolds {
            when: "at hand".to_owned(),
            asked: request.selection.asked(),
        }
        .into())
    }

    fn of(request: &Request<'_>, chosen: &Chosen, watch: &Watch) -> Result<Self, app::Error> {
        let site = request.site;
        let staging =
            swap::Staging::create(&site.settings.data(), site.clock.now()).map_err(Error::Swap)?;
        let damaged = |error| damaged(request, &chosen.path, error);
        let own = if request.loaded.is_some() {
            None
        } else {
            let to = staging.folder().join("own");
            let own = own::job_file(request, chosen, &to, watch).map_err(damaged)?;
            files::remove_tree(&to)?;
            own
        };
        // What the words mean depends on the job file, too.
        let again = own.as_ref();
        let again =
            again.and_then(|own| Selection::read(site, Some(own), &request.selection.words).ok());
        let request = &Request {
            loaded: request.loaded.or(own.as_ref()),
            selection: again.as_ref().unwrap_or(request.selection),
            ..*request
        };
        let places = Places::of(site, request.loaded);
        let is_meant = |places: &Places, name: &EntryName| {
            let target = places.of_entry(name);
            name.as_bytes() != archive::MANIFEST.as_bytes()
                && request.selection.wants(&site.settings, &target)
                && places.untouchable(&target).is_none()
        };
        let wants = |name: &EntryName| is_meant(&places, name);
        let to = staging.new_files();
        let extracted = archive::extract_some(&chosen.path, request.identities, &to, &wants, watch)
            .map_err(damaged)?;
        // A folder that its owner may not write in would keep its files.
        files::open_up(&to)
            .map_err(swap::Error::from)
            .map_err(Error::Swap)?;
        let places = places.with_databases(&extracted.manifest);
        let mut sorting = Sorting::new(request, &places, staging);
        let instant = local(site, extracted.manifest.created_at);
        sorting.plan.step(
            "read",
            chosen.path.display(),
            format!("{}; it shows {instant}", chosen.why),
        );
        for entry in &extracted.manifest.entries {
            if is_meant(&places, &entry.path) {
                sorting
                    .entry(entry, &extracted.manifest, watch)
                    .map_err(|error| match error {
                        app::Error::Archive(error @ archive::Error::Unsound { .. }) => {
                            damaged(error)
                        }
                        other => other,
                    })?;
            } else {
                sorting.leave(&entry.path);
            }
        }
        let sorted = sorting.finish(chosen, &extracted.manifest)?;
        Ok(Self {
            plan: sorted.plan,
            manifest: extracted.manifest,
            archive: chosen.path.clone(),
            lost: sorted.lost,
            items: sorted.items,
            staging: sorted.staging,
        })
    }

    /// Whether nothing would change.
    pub fn is_nothing(&self) -> bool {
        self.items.is_empty()
    }

    /// What is to be told of those who still have a database open or of a swap that is going on.
    ///
    /// # Errors
    /// [`Error::LedgerInUse`].
    pub fn check_quiet(&self, site: &Site, quiet: &Quiet) -> Result<(), app::Error> {
        let ledger = site.settings.ledger();
        let is_ledger = self.items.iter().any(|item| item.target == ledger);
        if is_ledger && quiet.is_daemon() {
            return Err(Error::LedgerInUse { path: ledger }.into());
        }
        Ok(())
    }

    /// Puts everything in its place. All must be quiet.
    ///
    /// # Errors
    /// [`Error::Swap`]: what was there is there.
    pub fn apply(self, site: &Site, quiet: &Quiet) -> Result<Done, app::Error> {
        self.check_quiet(site, quiet)?;
        super::refuse_writers(&self.items)?;
        let data = site.settings.data();
        let before = swap::kept(&data).map_err(Error::Swap)?;
        let (created, replaced) = counts(&self.items);
        let now = site.clock.now();
        let Self {
            items,
            staging,
            archive,
            manifest,
            lost,
            ..
        } = self;
        let record = swap::Record::new(archive.clone(), manifest.created_at, now, items);
        let kept = swap::apply(staging, record, &super::users).map_err(Error::Swap)?;
        let mut done = Done {
            kept: kept.folder,
            replaced,
            created,
            cleared: 0,
            removed: Vec::new(),
            notes: Vec::new(),
        };
        for old in swap::outdated(&before) {
            match swap::remove(old) {
                Ok(()) => done.removed.push(old.folder.clone()),
                Err(error) => done.notes.push(app::chained(&error)),
            }
        }
        let words: Vec<String> = lost.iter().map(Lost::words).collect();
        let detail = format!(
            "{replaced} replaced, {created} created{}{}; kept in {}",
            if words.is_empty() { "" } else { "; " },
            words.join(", "),
            done.kept.display()
        );
        super::undo::journal(
            site,
            "restore",
            &archive.display().to_string(),
            &detail,
            &mut done,
        );
        Ok(done)
    }
}

/// An archive that is not what it should be is refused with the name of another one.
fn damaged(request: &Request<'_>, path: &Path, error: archive::Error) -> app::Error {
    let is_damage = matches!(
        error,
        archive::Error::Damaged { .. } | archive::Error::Unsound { .. }
    );
    // A newer format is no damage.
    if !is_damage || error.to_string().contains("its format is") {
        return error.into();
    }
    let instead = super::next_older(request.site, request.loaded, path, request.selection);
    Error::Damaged {
        source: error,
        instead,
    }
    .into()
}
