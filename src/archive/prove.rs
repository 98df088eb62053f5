//! Reading archives again and keeping in their sidecars what was found.

use std::{fs::File, path::Path};

use jiff::Timestamp;

use super::{
    Error,
    keys::Identity,
    sidecar::{Sidecar, State},
    verify::{self, Verified},
};
use crate::{files, watch::Watch};

/// How much of an archive was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Only the check sum of the file, for want of a private key.
    Checksum,
    /// Every byte of every entry.
    Content,
}

impl Depth {
    /// The word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Checksum => "checksum",
            Self::Content => "content",
        }
    }
}

/// Whether what was found could be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// In the sidecar.
    Yes,
    /// Nowhere.
    NotKept,
    /// The archive has no sidecar.
    NoSidecar,
    /// The archive was removed meanwhile, by what its job keeps or by hand.
    Gone,
}

/// An archive that is as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Proved {
    /// What was found.
    pub verified: Verified,
    /// How much was read.
    pub depth: Depth,
    /// Whether it could be kept.
    pub recorded: Recorded,
    /// The state it had before if that was damaged: it reads well now.
    pub was_damaged: bool,
}

impl Proved {
    /// What was verified and cannot be kept.
    pub fn of(verified: Verified) -> Self {
        let depth = match verified.manifest {
            Some(_) => Depth::Content,
            None => Depth::Checksum,
        };
        Self {
            verified,
            depth,
            recorded: Recorded::NotKept,
            was_damaged: false,
        }
    }
}

/// Verifies `path` as [`verify::verify`] does and keeps the result in its sidecar: a good one gets
/// the time, and is at least verified if its content was read; a damaged one is marked damaged.
///
/// # Errors
/// Those of [`verify::verify`]; [`Error::File`] if the sidecar cannot be written.
pub fn prove(
    path: &Path,
    identities: Option<&[Identity]>,
    now: Timestamp,
    watch: &Watch,
) -> Result<Proved, Error> {
    let verified = match verify::verify(path, identities, watch) {
        Ok(verified) => verified,
        Err(error) => return Err(mark(path, error)),
    };
    let mut proved = Proved::of(verified);
    let depth = proved.depth;
    let was_damaged = &mut proved.was_damaged;
    proved.recorded = change(path, |sidecar| {
        *was_damaged = sidecar.state == State::Damaged;
        if depth == Depth::Content {
            sidecar.state = sidecar.state.max(good(sidecar));
            sidecar.problem = None;
        }
        // The check sum alone does not undo what a reader of the content has found.
        if sidecar.state != State::Damaged {
            sidecar.verified_at = Some(now);
        }
    })?;
    Ok(proved)
}

/// What an archive is once its content was found good; a drill it has passed still counts.
fn good(sidecar: &Sidecar) -> State {
    match sidecar.drilled_at {
        Some(_) => State::Drilled,
        None => State::Verified,
    }
}

/// Marks the archive as damaged if the error says so; the error goes on.
pub(super) fn mark(path: &Path, error: Error) -> Error {
    let Error::Damaged { what, .. } = &error else {
        return error;
    };
    let marked = change(path, |sidecar| {
        sidecar.state = State::Damaged;
        sidecar.problem = Some(what.clone());
    });
    match marked {
        Ok(_) | Err(Error::Sidecar { .. } | Error::Newer { .. }) => error,
        // That it is damaged is worse than that it cannot be noted.
        Err(unmarked) => Error::Damaged {
            path: path.to_owned(),
            what: format!("{what} (and it cannot be marked: {unmarked})"),
        },
    }
}

/// Changes the sidecar of `archive` in one step; whoever else does waits.
pub(super) fn change(archive: &Path, act: impl FnOnce(&mut Sidecar)) -> Result<Recorded, Error> {
    let _locked = lock(files::parent(archive));
    let Some(mut sidecar) = Sidecar::read(archive)? else {
        return Ok(Recorded::NoSidecar);
    };
    let before = sidecar.clone();
    act(&mut sidecar);
    if archive.symlink_metadata().is_err() {
        return Ok(Recorded::Gone);
    }
    if sidecar != before {
        sidecar.write(archive)?;
    }
    // Removed while it was written: a sidecar without its archive says nothing.
    if archive.symlink_metadata().is_err() {
        files::remove(&Sidecar::path_for(archive))?;
        return Ok(Recorded::Gone);
    }
    Ok(Recorded::Yes)
}

/// Keeps others from changing sidecars in the folder, in this process and in others, where the
/// filesystem can; where not, the last one wins.
fn lock(folder: &Path) -> Option<File> {
    let folder = File::open(folder).ok()?;
    folder.lock().ok()?;
    Some(folder)
}

#[cfg(test)]
mod tests;
