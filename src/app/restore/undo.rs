//! The last restore is taken back; that can be taken back, too.

use super::{Done, Error, Quiet, sort::local};
use crate::{
    app::{self, Site},
    job::Plan,
    ledger::Ledger,
    swap::{self, Act, Item, Kept, Side},
};

/// A restore that can be taken back.
#[derive(Debug)]
pub struct Undoing {
    /// What would be done.
    pub plan: Plan,
    kept: Kept,
    items: Vec<Item>,
}

/// What taking back the last restore, or putting it in force again, would do.
///
/// # Errors
/// [`Error::NothingToUndo`]; [`swap::Error::Unfinished`].
pub fn undo_plan(site: &Site) -> Result<Undoing, app::Error> {
    let data = site.settings.data();
    // One that is not over is the last one, and is not among those that are kept.
    swap::check_over(&data).map_err(Error::Swap)?;
    let kept = swap::kept(&data).map_err(Error::Swap)?;
    let kept = kept.into_iter().next().ok_or(Error::NothingToUndo)?;
    let items = kept.turned();
    let record = &kept.record;
    let (at, shows) = (local(site, record.at), local(site, record.shows));
    let mut plan = Plan::default();
    let reason = match record.wanted {
        Side::New => format!("as it was before the restore of {at}"),
        Side::Old => format!("as in the archive that shows {shows}"),
    };
    for item in &items {
        let there = item.target.symlink_metadata().is_ok();
        let (act, reason) = match (item.act, there) {
            (Act::Put, true) => ("replace", reason.as_str()),
            (Act::Put, false) => ("create", reason.as_str()),
            (Act::Clear, _) => ("put aside", "it was not there before"),
        };
        plan.step(act, item.target.display(), reason);
    }
    let reason = "what is replaced; `restore --undo` once more puts it back";
    plan.step("keep", kept.folder.display(), reason);
    Ok(Undoing { plan, kept, items })
}

impl Undoing {
    /// Does it. All must be quiet.
    ///
    /// # Errors
    /// [`Error::Swap`]: what was there is there. [`Error::LedgerInUse`].
    pub fn apply(self, site: &Site, quiet: &Quiet) -> Result<Done, app::Error> {
        let ledger = site.settings.ledger();
        if quiet.is_daemon() && self.items.iter().any(|item| item.target == ledger) {
            return Err(Error::LedgerInUse { path: ledger }.into());
        }
        super::refuse_writers(&self.items)?;
        let of = |act, there| {
            let mut count = 0;
            for item in &self.items {
                let is_there = item.target.symlink_metadata().is_ok();
                count += usize::from(item.act == act && is_there == there);
            }
            count
        };
        let mut done = Done {
            kept: self.kept.folder.clone(),
            replaced: of(Act::Put, true),
            created: of(Act::Put, false),
            cleared: of(Act::Clear, true),
            removed: Vec::new(),
            notes: Vec::new(),
        };
        let now = site.clock.now();
        let turned = swap::turn(&self.kept, now, &super::users).map_err(Error::Swap)?;
        let act = match turned.record.wanted {
            Side::Old => "restore undone",
            Side::New => "restore redone",
        };
        let detail = format!(
            "{} replaced, {} created, {} put aside; kept in {}",
            done.replaced,
            done.created,
            done.cleared,
            done.kept.display()
        );
        let archive = turned.record.archive.display().to_string();
        journal(site, act, &archive, &detail, &mut done);
        Ok(done)
    }
}

/// Writes an act down; the files are in their places, whatever becomes of the journal.
pub(super) fn journal(site: &Site, act: &str, subject: &str, detail: &str, done: &mut Done) {
    let path = site.settings.ledger();
    let noted = Ledger::open(&path, site.clock.clone())
        .and_then(|ledger| ledger.note("operator", act, subject, detail));
    if let Err(error) = noted {
        let error = app::chained(&error);
        done.notes
            .push(format!("the journal could not be written: {error}"));
    }
}
