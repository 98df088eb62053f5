//! Putting what an archive holds in its place, and taking that back.
//!
//! An archive is chosen ([`choose`]) and extracted beside what is there ([`Staged`]), where everything
//! in it is checked; the plan says what would happen to each file. Only then all is made quiet
//! ([`Quiet`]) and the files are swapped. What was there is kept and can be put back ([`undo_plan`]).

use std::path::PathBuf;

use crate::{app::Site, archive::EntryName, jobfile::Loaded, swap, system::users};

mod check;
mod choose;
mod difference;
mod error;
mod leftovers;
mod lines;
mod lost;
mod own;
mod places;
mod quiet;
mod settle;
mod sort;
mod stage;
mod undo;

pub use choose::{Chosen, Which, choose, next_older};
pub use difference::{Difference, FileDifference, difference};
pub use error::Error;
pub(super) use leftovers::may_be_left;
pub use leftovers::settle_leftovers;
pub use lost::Lost;
pub use places::{Selection, UnknownPath};
pub use quiet::{Quiet, settle_first};
pub(super) use settle::settle;
pub use sort::Request;
pub use stage::Staged;
pub use undo::{Undoing, undo_plan};

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// Where what was replaced is kept.
    pub kept: PathBuf,
    /// How many files took the place of others.
    pub replaced: usize,
    /// How many files were not there before.
    pub created: usize,
    /// How many files went away.
    pub cleared: usize,
    /// What older restores had kept, and is removed now.
    pub removed: Vec<PathBuf>,
    /// What went wrong afterwards, when the files were in their places.
    pub notes: Vec<String>,
}

/// Says of each entry of an archive whether it is meant, for extracting it beside.
pub fn wants<'a>(
    site: &'a Site,
    loaded: Option<&Loaded>,
    selection: &'a Selection,
) -> impl Fn(&EntryName) -> bool + 'a {
    let places = places::Places::of(site, loaded);
    move |name| selection.wants(&site.settings, &places.of_entry(name))
}

/// Who has any of these files open.
fn users(files: &[PathBuf]) -> Vec<swap::User> {
    of_swap(users::users_of(files))
}

fn of_swap(holders: Vec<users::User>) -> Vec<swap::User> {
    holders
        .into_iter()
        .map(|holder| swap::User {
            pid: holder.pid,
            program: holder.program,
        })
        .collect()
}

/// Whoever is writing a file would go on writing into the one that is put aside, and what he writes
/// would be lost.
///
/// # Errors
/// [`swap::Error::InUse`] with his name.
fn refuse_writers(items: &[swap::Item]) -> Result<(), Error> {
    let files = items.iter().filter(|item| item.kind == swap::Kind::File);
    let files: Vec<PathBuf> = files.map(|item| item.target.clone()).collect();
    // One look at all processes, where nobody writes.
    if users::writers_among(&files).is_empty() {
        return Ok(());
    }
    for path in files {
        let users = of_swap(users::writers_among(std::slice::from_ref(&path)));
        if !users.is_empty() {
            return Err(Error::Swap(swap::Error::InUse { path, users }));
        }
    }
    Ok(())
}
