//! What a crash has left among the rotated files of a log, and what to do about it. All of it can be
//! told from names and contents.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    Error,
    convert::{holds, is_damage, same_bytes},
    name::{Form, Rotated, RotatedName, is_absent, rotated},
};
use crate::files::{self, open_plain};

/// What has to be done to one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repair {
    /// It goes: whatever it holds is elsewhere.
    Remove {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It gets the name that it was meant to have.
    Publish {
        /// The file.
        path: PathBuf,
        /// The name.
        to: PathBuf,
        /// Why.
        reason: String,
    },
    /// It stays: a person has to look.
    Leave {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// The rotated files of a log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// What has to be done first.
    pub repairs: Vec<Repair>,
    /// The files as they are after that, oldest first.
    pub rotated: Vec<Rotated>,
}

/// Whether an encrypted file (the first) holds the bytes of another one; `None` without its key.
pub type Sealed<'a> = &'a dyn Fn(&Path, &Path) -> io::Result<Option<bool>>;

impl Repair {
    /// Does it.
    ///
    /// # Errors
    /// When a file cannot be removed or renamed.
    pub fn apply(&self) -> Result<(), Error> {
        match self {
            Self::Remove { path, .. } => {
                files::remove(path)?;
                files::sync_dir(files::parent(path))?;
            }
            Self::Publish { path, to, .. } => files::publish(path, to)?,
            Self::Leave { .. } => {}
        }
        Ok(())
    }
}

/// Looks at the rotated files of `log`, beside it and in `archive_dir`, without touching them.
///
/// # Errors
/// When something cannot be read.
pub fn recover(log: &Path, archive_dir: Option<&Path>, sealed: Sealed<'_>) -> Result<Found, Error> {
    let mut found = Found {
        repairs: Vec::new(),
        rotated: rotated(log, archive_dir)?,
    };
    let beside = files::parent(log);
    let folders = [Some(beside), archive_dir.filter(|dir| *dir != beside)];
    for folder in folders.into_iter().flatten() {
        for path in leftovers(folder, log)? {
            found.leftover(log, path)?;
        }
    }
    found.doubles(sealed)?;
    Ok(found)
}

impl Found {
    fn leftover(&mut self, log: &Path, (path, name): (PathBuf, RotatedName)) -> Result<(), Error> {
        let to = path.with_file_name(name.to_string());
        let repair = if self
            .rotated
            .iter()
            .any(|file| file.name.is_same_rotation(&name))
        {
            let reason = "was never finished; the original is there".to_owned();
            Repair::Remove { path, reason }
        } else if name.form() != Form::Plain {
            let reason = "was never finished, and the original is gone".to_owned();
            Repair::Leave { path, reason }
        } else if begins_with(log, &path).map_err(files::at("read", &path))? {
            let reason = "the log still holds all of it".to_owned();
            Repair::Remove { path, reason }
        } else {
            let size = path.metadata().map_or(0, |facts| facts.len());
            self.rotated.push(Rotated {
                name,
                path: to.clone(),
                size,
            });
            self.rotated
                .sort_by(|a, b| (&a.name, &a.path).cmp(&(&b.name, &b.path)));
            let reason = "the log was emptied after it was copied".to_owned();
            Repair::Publish { path, to, reason }
        };
        self.repairs.push(repair);
        Ok(())
    }

    /// Leaves one file of each rotation that is there twice.
    fn doubles(&mut self, sealed: Sealed<'_>) -> Result<(), Error> {
        let mut once: Vec<Rotated> = Vec::new();
        for next in std::mem::take(&mut self.rotated) {
            let before = once.pop_if(|before| before.name.is_same_rotation(&next.name));
            let Some(before) = before else {
                once.push(next);
                continue;
            };
            match compare(&before, &next, sealed).map_err(files::at("compare", &next.path))? {
                Verdict::Same => {
                    let reason = format!("all of it is in {}", shown(&next));
                    let path = before.path;
                    self.repairs.push(Repair::Remove { path, reason });
                    once.push(next);
                }
                Verdict::Damaged | Verdict::Unknown => {
                    let reason =
                        format!("was not verified; the original {} is there", shown(&before));
                    let path = next.path;
                    self.repairs.push(Repair::Remove { path, reason });
                    once.push(before);
                }
                Verdict::Other => {
                    let reason = format!("holds other lines than {}", shown(&before));
                    let path = next.path.clone();
                    self.repairs.push(Repair::Leave { path, reason });
                    once.extend([before, next]);
                }
            }
        }
        self.rotated = once;
        Ok(())
    }
}

enum Verdict {
    Same,
    Other,
    Damaged,
    Unknown,
}

fn compare(before: &Rotated, next: &Rotated, sealed: Sealed<'_>) -> io::Result<Verdict> {
    let same = match (before.name.form(), next.name.form()) {
        (_, Form::Sealed) if before.name.form() != Form::Sealed => {
            match sealed(&next.path, &before.path) {
                Ok(None) => return Ok(Verdict::Unknown),
                Ok(Some(same)) => same,
                Err(error) if is_damage(&error) => return Ok(Verdict::Damaged),
                Err(error) => return Err(error),
            }
        }
        (Form::Plain, Form::Gzip) => {
            let sound = gzip_is_sound(&next.path)?;
            if !sound {
                return Ok(Verdict::Damaged);
            }
            holds(&mut open_plain(&before.path)?, &next.path)?
        }
        _ => same_bytes(&mut open_plain(&before.path)?, &mut open_plain(&next.path)?)?,
    };
    Ok(if same { Verdict::Same } else { Verdict::Other })
}

fn gzip_is_sound(path: &Path) -> io::Result<bool> {
    let mut reader = crate::gzip::Reader::new(io::BufReader::new(open_plain(path)?));
    match io::copy(&mut reader, &mut io::sink()) {
        Err(error) if is_damage(&error) => Ok(false),
        read => read.map(|_| true),
    }
}

/// Whether the log begins with all that is in `part`.
fn begins_with(log: &Path, part: &Path) -> io::Result<bool> {
    let part = open_plain(part)?;
    let log = match open_plain(log) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(part.metadata()?.len() == 0);
        }
        log => log?,
    };
    let length = part.metadata()?.len();
    same_bytes(&mut { part }, &mut io::Read::take(log, length))
}

fn leftovers(folder: &Path, log: &Path) -> Result<Vec<(PathBuf, RotatedName)>, files::Error> {
    let reading = files::at("read folder", folder);
    let entries = match fs::read_dir(folder) {
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        entries => entries.map_err(&reading)?,
    };
    let own = log.file_name().and_then(|name| name.to_str());
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(&reading)?;
        let name = entry.file_name();
        let name = name.to_str().and_then(RotatedName::of_leftover);
        let plain = entry.file_type().is_ok_and(|kind| kind.is_file());
        if let Some(name) = name.filter(|name| plain && Some(name.log()) == own) {
            found.push((entry.path(), name));
        }
    }
    found.sort();
    Ok(found)
}

fn shown(file: &Rotated) -> String {
    format!("`{}`", file.name)
}

#[cfg(test)]
mod tests;
