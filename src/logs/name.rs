//! What a rotated log is called, and which ones there are.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    str::FromStr,
};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use crate::files;

const STAMP: &str = "%Y%m%dT%H%M%SZ";
const GZIP: &str = ".gz";
const SEALED: &str = ".gz.age";
const TEMPORARY: &str = ".tmp";

/// How the lines of a rotated log are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// As they were written.
    Plain,
    /// Compressed: `.gz`.
    Gzip,
    /// Compressed and encrypted: `.gz.age`.
    Sealed,
}

/// The name of a rotated log: `STEM-YYYYMMDDTHHMMSSZ[-N].EXT`, then `.gz` or `.gz.age` if it is
/// compressed or encrypted too, e.g. `bellkeeper-20261124T020000Z-2.log.gz`.
///
/// Sorted by log, then oldest first; of one rotation the plain file comes first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RotatedName {
    log: String,
    at: Timestamp,
    serial: u32,
    form: Form,
}

/// A file name that is not a rotated log's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of a rotated log (STEM-YYYYMMDDTHHMMSSZ.EXT)")]
pub struct NotRotated(String);

/// A file name that no log can have, because its rotated files could not be told from others.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot be rotated: {1}")]
pub struct NotALog(String, &'static str);

impl RotatedName {
    /// The first name, still plain, of the log called `log` (the name of its file, without
    /// folders) when it is rotated at `at`; parts of a second are cut off.
    ///
    /// # Errors
    /// [`NotALog`] if the name is empty or a path, is a rotated log's itself, or ends in `.gz`,
    /// `.age` or `.tmp`.
    pub fn new(log: &str, at: Timestamp) -> Result<Self, NotALog> {
        let wrong = |why| Err(NotALog(log.to_owned(), why));
        if log.is_empty() || log.contains('/') {
            return wrong("it is not the name of a file");
        }
        if [GZIP, ".age", TEMPORARY]
            .iter()
            .any(|end| log.ends_with(end))
        {
            return wrong("it is compressed, encrypted or temporary");
        }
        if log.parse::<Self>().is_ok() {
            return wrong("it is a rotated log already");
        }
        let at = Timestamp::from_second(at.as_second()).unwrap_or(at);
        Ok(Self {
            log: log.to_owned(),
            at,
            serial: 1,
            form: Form::Plain,
        })
    }

    /// The name of the log's own file, e.g. `bellkeeper.log`.
    pub fn log(&self) -> &str {
        &self.log
    }

    /// When it was rotated, in whole seconds: after its last line was written.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// 1 for the first rotation in a second, whose name shows none; 2 and more for further ones.
    pub fn serial(&self) -> u32 {
        self.serial
    }

    /// How its lines are kept.
    pub fn form(&self) -> Form {
        self.form
    }

    /// The same rotation kept in another form.
    #[must_use]
    pub fn in_form(&self, form: Form) -> Self {
        Self {
            form,
            ..self.clone()
        }
    }

    /// The name to try when this one is taken.
    #[must_use]
    pub fn next(&self) -> Self {
        Self {
            serial: self.serial.saturating_add(1),
            ..self.clone()
        }
    }

    /// Whether both are the same lines, in whatever form.
    pub fn is_same_rotation(&self, other: &Self) -> bool {
        self.in_form(Form::Plain) == other.in_form(Form::Plain)
    }

    /// What the file is called until it is whole; ends in `.tmp`.
    pub fn temporary(&self) -> String {
        format!("{self}{TEMPORARY}")
    }

    /// The name that a file called `text` was meant to get, if it is one that never became whole.
    pub fn of_leftover(text: &str) -> Option<Self> {
        text.strip_suffix(TEMPORARY)?.parse().ok()
    }
}

/// The name before its last dot, and the dot with what follows; a leading dot parts nothing.
fn parts(name: &str) -> (&str, &str) {
    let dot = name.rfind('.').filter(|at| *at > 0).unwrap_or(name.len());
    name.split_at(dot)
}

impl fmt::Display for RotatedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (stem, extension) = parts(&self.log);
        write!(f, "{stem}-{}", self.at.strftime(STAMP))?;
        if self.serial > 1 {
            write!(f, "-{}", self.serial)?;
        }
        f.write_str(extension)?;
        f.write_str(match self.form {
            Form::Plain => "",
            Form::Gzip => GZIP,
            Form::Sealed => SEALED,
        })
    }
}

impl FromStr for RotatedName {
    type Err = NotRotated;

    fn from_str(text: &str) -> Result<Self, NotRotated> {
        let (plain, form) = if let Some(plain) = text.strip_suffix(SEALED) {
            (plain, Form::Sealed)
        } else if let Some(plain) = text.strip_suffix(GZIP) {
            (plain, Form::Gzip)
        } else {
            (text, Form::Plain)
        };
        let (stem, extension) = parts(plain);
        parse(stem, extension, form)
            .or_else(|| parse(plain, "", form))
            // What is not written back as it was read is someone else's file.
            .filter(|name| name.to_string() == text && !text.contains('/'))
            .ok_or_else(|| NotRotated(text.to_owned()))
    }
}

fn parse(stem: &str, extension: &str, form: Form) -> Option<RotatedName> {
    let (head, last) = stem.rsplit_once('-')?;
    let (log, at, serial) = if let Some(at) = stamp(last) {
        (head, at, 1)
    } else {
        let (log, before) = head.rsplit_once('-')?;
        (log, stamp(before)?, last.parse().ok().filter(|n| *n > 1)?)
    };
    if log.is_empty() {
        return None;
    }
    Some(RotatedName {
        log: format!("{log}{extension}"),
        at,
        serial,
        form,
    })
}

fn stamp(text: &str) -> Option<Timestamp> {
    let civil = DateTime::strptime(STAMP, text).ok()?;
    TimeZone::UTC.to_timestamp(civil).ok()
}

/// A rotated log on a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// Its name.
    pub name: RotatedName,
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes, as it is kept.
    pub size: u64,
}

/// The rotated files of the log at `log`, oldest first: those beside it and those in `archive_dir`.
///
/// After a crash one rotation can be there in two forms, one behind the other; [`each_once`] leaves
/// one. Links and folders are nobody's rotated logs. A folder that is not there has none.
///
/// # Errors
/// When a folder cannot be read.
pub fn rotated(log: &Path, archive_dir: Option<&Path>) -> Result<Vec<Rotated>, files::Error> {
    let Some(own) = log.file_name().and_then(|name| name.to_str()) else {
        return Ok(Vec::new());
    };
    let beside = files::parent(log);
    let mut found = Vec::new();
    for folder in [Some(beside), archive_dir.filter(|dir| *dir != beside)] {
        let Some(folder) = folder else { continue };
        found.extend(
            in_folder(folder, Path::symlink_metadata)?
                .into_iter()
                .filter(|file| file.name.log() == own),
        );
    }
    found.sort_by(|a, b| (&a.name, &a.path).cmp(&(&b.name, &b.path)));
    Ok(found)
}

/// Of files as [`rotated`] lists them, one for each rotation: the plain one where there are more.
pub fn each_once(mut files: Vec<Rotated>) -> Vec<Rotated> {
    files.dedup_by(|later, earlier| later.name.is_same_rotation(&earlier.name));
    files
}

/// Whether a folder is not there, rather than that it could not be read.
pub(super) fn is_absent(error: &io::Error) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}

/// What is compressed while the folder is read may be listed by neither name: then it is read again.
fn in_folder(
    folder: &Path,
    mut look: impl FnMut(&Path) -> io::Result<fs::Metadata>,
) -> Result<Vec<Rotated>, files::Error> {
    const TRIES: usize = 3;
    let mut found = Vec::new();
    for _ in 0..TRIES {
        found.clear();
        if read(folder, &mut look, &mut found)? {
            break;
        }
    }
    Ok(found)
}

/// Reads a folder into `found`; false if a file that is listed was not there any more.
fn read(
    folder: &Path,
    look: &mut impl FnMut(&Path) -> io::Result<fs::Metadata>,
    found: &mut Vec<Rotated>,
) -> Result<bool, files::Error> {
    let reading = files::at("read folder", folder);
    let entries = match fs::read_dir(folder) {
        Err(error) if is_absent(&error) => return Ok(true),
        entries => entries.map_err(&reading)?,
    };
    let mut whole = true;
    for entry in entries {
        let entry = entry.map_err(&reading)?;
        let name = entry.file_name().to_str().map(str::parse::<RotatedName>);
        let Some(Ok(name)) = name else { continue };
        let path = entry.path();
        match look(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => whole = false,
            Err(error) => return Err(files::at("look at", &path)(error)),
            Ok(facts) if facts.is_file() => found.push(Rotated {
                name,
                path,
                size: facts.len(),
            }),
            Ok(_) => {}
        }
    }
    Ok(whole)
}

#[cfg(test)]
mod tests;
