//! Drills: an archive is restored as a trial, and how long that takes is what a recovery would take.

use std::{path::Path, time::Duration};

use super::{
    Error,
    extract::extract,
    keys::Identity,
    prove::{self, Recorded},
    publish,
    scratch::Scratch,
    sidecar::{Sidecar, State},
    trial::{self, Sound},
};
use crate::{clock::Clock, watch::Watch};

/// An archive that could be restored.
#[derive(Debug, Clone, PartialEq)]
pub struct Drilled {
    /// How long reading, extracting and checking took: the measured recovery time.
    pub took: Duration,
    /// Bytes of all that was extracted.
    pub bytes: u64,
    /// Entries that were extracted.
    pub entries: u64,
    /// What was found in its databases.
    pub sound: Sound,
    /// Whether it could be kept in the sidecar.
    pub recorded: Recorded,
}

impl Drilled {
    /// Bytes restored in a second.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate for a person"
    )]
    pub fn bytes_per_second(&self) -> u64 {
        (self.bytes as f64 / self.took.as_secs_f64().max(0.001)) as u64
    }
}

/// Restores the archive at `path` into a new folder in `scratch`, checks its databases against their
/// manifest and keeps the result, with the time it took, in the sidecar. The folder is gone
/// afterwards, whatever happens; what a crash leaves is removed by the next drill or start.
///
/// # Errors
/// Those of [`extract`] and [`trial::check_database`]; a damaged archive is marked as such.
pub fn drill(
    path: &Path,
    identities: &[Identity],
    scratch: &Path,
    clock: &Clock,
    watch: &Watch,
) -> Result<Drilled, Error> {
    watch.cancel.checkpoint()?;
    let sidecar = Sidecar::read(path)?;
    let folder = Scratch::create(scratch)?;
    let needed = sidecar.map_or(0, |sidecar| sidecar.plain_bytes);
    publish::require(folder.path(), needed)?;
    let result = trial(path, identities, folder.path(), clock, watch);
    let removed = folder.remove();
    let mut drilled = result.map_err(|error| failed(path, error))?;
    removed?;
    let now = clock.now();
    drilled.recorded = prove::change(path, |sidecar| {
        sidecar.state = State::Drilled;
        sidecar.verified_at = Some(now);
        sidecar.drilled_at = Some(now);
        sidecar.recovery_seconds = Some(drilled.took.as_secs_f64());
        sidecar.problem = None;
    })?;
    Ok(drilled)
}

fn trial(
    path: &Path,
    identities: &[Identity],
    to: &Path,
    clock: &Clock,
    watch: &Watch,
) -> Result<Drilled, Error> {
    watch.progress.step("restore");
    let started = clock.monotonic();
    let extracted = extract(path, identities, to, watch)?;
    let sound = trial::check_extracted(&extracted, watch)?;
    let entries = &extracted.manifest.entries;
    Ok(Drilled {
        took: clock.monotonic().saturating_sub(started),
        bytes: entries.iter().map(|entry| entry.size).sum(),
        entries: u64::try_from(entries.len()).unwrap_or(u64::MAX),
        sound,
        recorded: Recorded::NotKept,
    })
}

/// Keeps what went wrong with the archive itself; the error goes on. Databases that are not sound
/// do not make the archive damaged: every byte is as it was written.
fn failed(path: &Path, error: Error) -> Error {
    let Error::Unsound { path: file, what } = &error else {
        return prove::mark(path, error);
    };
    let name = file.file_name().unwrap_or_default().display();
    let problem = format!("drill: `{name}`: {what}");
    match prove::change(path, |sidecar| sidecar.problem = Some(problem)) {
        Ok(_) => error,
        Err(unmarked) => Error::Unsound {
            path: file.clone(),
            what: format!("{what} (and it cannot be noted: {unmarked})"),
        },
    }
}

#[cfg(test)]
mod tests;
