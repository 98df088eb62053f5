//! The destination: what it must be, and how an archive gets its name there.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use super::{
    Error, folder,
    name::ArchiveName,
    request::{Published, Request},
    sidecar::{Sidecar, State},
    source::{Source, real},
};
use crate::files;

/// How many archives of one slot there may be.
const MOST_SERIALS: u32 = 9_999;

/// Checks the destination and makes it if needed, private.
pub(super) fn prepare(request: &Request) -> Result<(), Error> {
    let folder = &request.folder;
    folder::check_is_folder(folder)?;
    check_apart(request)?;
    files::create_private_dir(folder)?;
    check_space(request)
}

/// Refuses a destination inside a source (every archive would hold all earlier ones) unless it
/// was excluded by hand, and a source inside the destination.
fn check_apart(request: &Request) -> Result<(), Error> {
    let folder = real(&request.folder);
    for source in &request.sources {
        let from = real(source.path());
        let excluded = request.exclude.iter().any(|path| {
            let path = real(path);
            path != from && folder.starts_with(path)
        });
        let inside = matches!(source, Source::Tree { .. }) && folder.starts_with(&from);
        if folder == from || (inside && !excluded) {
            return Err(Error::InsideSource { folder, from });
        }
        if from.starts_with(&folder) {
            return Err(Error::AroundSource { folder, from });
        }
    }
    Ok(())
}

/// Asks for 1.2 times the size of the job's newest archive: better to fail before than half-way.
fn check_space(request: &Request) -> Result<(), Error> {
    let archives = folder::list(&request.folder)?;
    let newest = archives
        .iter()
        .find(|found| found.name.job == request.job && found.state != State::Damaged);
    let needed = newest.map_or(0, |found| {
        found.size_bytes.saturating_add(found.size_bytes / 5)
    });
    require(&request.folder, needed)
}

/// Fails unless `needed` bytes are free in `folder` for this user.
pub(super) fn require(folder: &Path, needed: u64) -> Result<(), Error> {
    let space = rustix::fs::statvfs(folder).map_err(|errno| Error::Read {
        path: folder.to_owned(),
        source: errno.into(),
    })?;
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    if free < needed {
        let folder = folder.to_owned();
        return Err(Error::NoSpace {
            folder,
            free,
            needed,
        });
    }
    Ok(())
}

/// An archive that has no name yet; removed unless it gets one.
pub(super) struct Partial {
    pub(super) path: PathBuf,
    folder: PathBuf,
    name: ArchiveName,
}

impl Drop for Partial {
    fn drop(&mut self) {
        // What cannot be removed now is swept at the next start.
        let _removed = files::remove(&self.path);
    }
}

impl Partial {
    /// Creates it under the first free name of the slot.
    pub(super) fn create(request: &Request) -> Result<(Self, File), Error> {
        let mut name = ArchiveName {
            job: request.job.clone(),
            slot: request.slot,
            serial: 1,
        };
        let folder = &request.folder;
        while name.serial <= MOST_SERIALS {
            let taken = [name.to_string(), name.sidecar(), name.partial()]
                .iter()
                .any(|file| folder.join(file).symlink_metadata().is_ok());
            if !taken {
                let (path, folder) = (folder.join(name.partial()), folder.clone());
                let file = files::create_private(&path)?;
                return Ok((Self { path, folder, name }, file));
            }
            name.serial += 1;
        }
        name.serial = 1;
        let name = name.to_string();
        Err(Error::NoName { name })
    }

    /// Gives it its sidecar and then its name; a name that was taken meanwhile is left alone.
    pub(super) fn publish(mut self, mut sidecar: Sidecar) -> Result<Published, Error> {
        while self.name.serial <= MOST_SERIALS {
            let path = self.folder.join(self.name.to_string());
            sidecar.archive = self.name.to_string();
            match self.give_name(&path, &sidecar) {
                Ok(()) => {
                    let name = self.name.clone();
                    return Ok(Published {
                        path,
                        name,
                        sidecar,
                    });
                }
                Err(Error::File(error)) if is_taken(&error) => self.name.serial += 1,
                Err(error) => return Err(error),
            }
        }
        let name = self.name.to_string();
        Err(Error::NoName { name })
    }

    fn give_name(&self, path: &Path, sidecar: &Sidecar) -> Result<(), Error> {
        sidecar.write_new(path)?;
        files::publish(&self.path, path).map_err(|error| {
            // A sidecar without its archive says nothing; the first error counts.
            let _removed = files::remove(&Sidecar::path_for(path));
            error.into()
        })
    }
}

fn is_taken(error: &files::Error) -> bool {
    error.source.kind() == io::ErrorKind::AlreadyExists
}
