//! The files of a log, and opening them while others rename, compress and remove them.

use std::{
    fmt,
    fs::{File, Metadata, OpenOptions},
    io::{self, Read},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    rc::Rc,
};

use jiff::{SignedDuration, Timestamp};
use rustix::fs::OFlags;

use super::{
    name::{Form, Rotated, RotatedName, each_once, rotated},
    note::Note,
    wanted::Wanted,
};
use crate::files;

/// Where a log is: its own file, and the folders of those that were rotated.
#[derive(Debug, Clone)]
pub struct Log {
    /// The file that is written.
    pub path: PathBuf,
    /// Where rotated files are moved to, if not beside it.
    pub archive_dir: Option<PathBuf>,
    /// Opens those that are encrypted.
    pub unseal: Unseal,
}

/// What opens an encrypted file; `None` where no key at hand does.
pub type Unsealed = io::Result<Option<Box<dyn Read>>>;

/// How encrypted files are opened; by default none is.
#[derive(Clone)]
pub struct Unseal(pub Rc<dyn Fn(&Path) -> Unsealed>);

impl Default for Unseal {
    fn default() -> Self {
        Self(Rc::new(|_| Ok(None)))
    }
}

impl fmt::Debug for Unseal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unseal")
    }
}

/// What one file is to the system, whatever its name.
pub(super) type Id = (u64, u64);

pub(super) fn id(facts: &Metadata) -> Id {
    (facts.dev(), facts.ino())
}

/// The file that is written, opened, and how long it was then.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) file: File,
    pub(super) id: Id,
    pub(super) length: u64,
}

impl Active {
    /// When it was written last, if that is known.
    pub(super) fn written(&self) -> Option<Timestamp> {
        let at = self.file.metadata().and_then(|facts| facts.modified());
        Timestamp::try_from(at.ok()?).ok()
    }
}

/// A rotated file that was opened.
pub(super) enum Opened {
    Plain(Active),
    Gzip(Box<dyn Read>),
}

impl Log {
    /// The file that is written; `None` where there is none at the moment.
    pub(super) fn active(&self) -> Result<Option<Active>, files::Error> {
        match open(&self.path) {
            Ok(active) => Ok(Some(active)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(files::at("open", &self.path)(error)),
        }
    }

    /// The rotated files, oldest first, each rotation once. Ask after [`Self::active`]: what was
    /// rotated in between is that file, and left out by its `id`.
    pub(super) fn older(&self, active: Option<Id>) -> Result<Vec<Rotated>, files::Error> {
        let mut all = each_once(rotated(&self.path, self.archive_dir.as_deref())?);
        all.retain(|file| {
            let found = file.path.symlink_metadata().map(|facts| id(&facts));
            found.map_or(true, |found| Some(found) != active)
        });
        Ok(all)
    }

    /// Opens a rotated file, under another name if it was compressed or moved meanwhile.
    pub(super) fn open(&self, file: &Rotated) -> Result<Opened, Note> {
        const TRIES: usize = 3;
        let mut file = file.clone();
        for _ in 0..TRIES {
            match self.open_form(&file) {
                Ok(Some(opened)) => return Ok(opened),
                Ok(None) => return Err(Note::Sealed(file.path)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(Note::Unreadable(file.path, error)),
            }
            let again = self.older(None).unwrap_or_default();
            let same = |other: &Rotated| other.name.is_same_rotation(&file.name);
            match again.into_iter().find(same) {
                Some(found) => file = found,
                None => break,
            }
        }
        Err(Note::Gone(file.path))
    }

    /// `None` if no key at hand opens it.
    fn open_form(&self, file: &Rotated) -> io::Result<Option<Opened>> {
        Ok(match file.name.form() {
            Form::Plain => Some(Opened::Plain(open(&file.path)?)),
            Form::Gzip => Some(Opened::Gzip(Box::new(open(&file.path)?.file))),
            Form::Sealed => (self.unseal.0)(&file.path)?.map(Opened::Gzip),
        })
    }
}

/// Opens a file without waiting for anybody: a FIFO that took its place has no writer.
fn open(path: &Path) -> io::Result<Active> {
    let flags = (OFlags::NONBLOCK | OFlags::CLOEXEC).bits();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(i32::try_from(flags).unwrap_or_default())
        .open(path)?;
    let facts = file.metadata()?;
    if !facts.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    Ok(Active {
        file,
        id: id(&facts),
        length: facts.len(),
    })
}

/// Whether lines between `began` and `ended` may be wanted; `None` where that is not known.
pub(super) fn overlaps(
    wanted: &Wanted,
    began: Option<Timestamp>,
    ended: Option<Timestamp>,
) -> bool {
    let too_old = wanted
        .since
        .zip(ended)
        .is_some_and(|(since, ended)| ended < since);
    let too_new = wanted
        .until
        .zip(began)
        .is_some_and(|(until, began)| began >= until);
    !too_old && !too_new
}

/// The rotated files that may hold what is wanted.
pub(super) fn overlapping(all: Vec<Rotated>, wanted: &Wanted) -> Vec<Rotated> {
    let mut before: Option<RotatedName> = None;
    let mut kept = Vec::new();
    for file in all {
        let began = began(before.as_ref(), &file.name);
        // The name has whole seconds.
        let ended = file
            .name
            .at()
            .checked_add(SignedDuration::from_secs(1))
            .ok();
        before = Some(file.name.clone());
        if overlaps(wanted, began, ended) {
            kept.push(file);
        }
    }
    kept
}

/// When the first line behind a rotation was written, at the earliest. After a rotation whose name
/// had to be counted up the clock may have been set back: then nobody knows.
fn began(before: Option<&RotatedName>, name: &RotatedName) -> Option<Timestamp> {
    let is_counted = |name: &RotatedName| name.serial() > 1;
    let before = before.filter(|before| !is_counted(before) && !is_counted(name))?;
    Some(before.at())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rotation(name: &str) -> Rotated {
        Rotated {
            name: name.parse().unwrap(),
            path: name.into(),
            size: 1,
        }
    }

    #[test]
    fn only_files_whose_time_overlaps_are_opened() {
        let all = || {
            [
                "a-20261101T000000Z.log.gz",
                "a-20261102T000000Z.log.gz",
                "a-20261103T000000Z.log",
                "a-20261103T000000Z-2.log",
            ]
            .map(rotation)
            .to_vec()
        };
        let kept = |since: Option<&str>, until: Option<&str>| {
            let at = |text: &str| text.parse().unwrap();
            let wanted = Wanted {
                since: since.map(at),
                until: until.map(at),
                ..Wanted::default()
            };
            let days = overlapping(all(), &wanted).into_iter();
            days.map(|file| file.path.to_str().unwrap()[8..10].to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(kept(None, None).len(), 4);
        assert_eq!(
            kept(Some("2026-11-02T00:00:00.5Z"), None),
            ["02", "03", "03"]
        );
        assert_eq!(kept(Some("2026-11-02T00:00:01.5Z"), None), ["03", "03"]);
        // Of the last one nobody knows when it began.
        assert_eq!(kept(None, Some("2026-11-01T12:00:00Z")), ["01", "02", "03"]);
        assert_eq!(kept(None, Some("2026-11-01T00:00:00Z")), ["01", "03"]);
    }
}
