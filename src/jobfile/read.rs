//! The bytes of a job file: not too many, and UTF-8.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{
    problem::Problem,
    source::{Place, Source},
};

/// The size of the largest job file that is read: room for 10,000 jobs.
pub const MAX_BYTES: usize = 1_000_000;

/// Why a job file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is none.
    #[error("no job file at `{}`", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// It is larger than [`MAX_BYTES`].
    #[error("the job file `{}` is larger than 1 MB", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The system refused.
    #[error("read the job file `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl ReadError {
    /// How to mend it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Missing { .. } => {
                "write one; three lines are enough:\n\
                 jobs:\n  \
                   backup-daily:\n    \
                     {schedule: \"0 2 * * *\", backup: {}}"
            }
            Self::TooLarge { .. } => "is it a job file? 10,000 jobs fit into 1 MB",
            Self::Read { .. } => "check that it is a file and that you may read it",
        }
    }
}

/// Reads a job file, at most [`MAX_BYTES`] of it.
///
/// # Errors
/// [`ReadError`] with its remedy.
pub fn read_file(path: &Path) -> Result<Vec<u8>, ReadError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => ReadError::Missing { path: path.into() },
        _ => ReadError::Read {
            path: path.into(),
            source,
        },
    };
    match bytes(path, MAX_BYTES).map_err(failed)? {
        Some(bytes) => Ok(bytes),
        None => Err(ReadError::TooLarge { path: path.into() }),
    }
}

/// The bytes of a file; `None` when there are more than `most`.
pub(super) fn bytes(path: &Path, most: usize) -> io::Result<Option<Vec<u8>>> {
    // A pipe would wait for its writer for ever.
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= most).then_some(bytes))
}

/// The bytes without the mark that some editors put before them.
pub(super) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// The text of the bytes, or what keeps them from being one.
pub(super) fn decode(bytes: &[u8], name: String) -> (Source, Vec<Problem>) {
    if bytes.len() > MAX_BYTES {
        let problem = Problem::new(Place::FILE, "the job file is larger than 1 MB")
            .hint("is it a job file? 10,000 jobs fit into 1 MB");
        let text = String::new();
        return (Source { name, text }, vec![problem]);
    }
    let bytes = without_mark(bytes);
    let text = String::from_utf8_lossy(bytes).into_owned();
    let source = Source { name, text };
    let Err(error) = std::str::from_utf8(bytes) else {
        return (source, Vec::new());
    };
    let start = error.valid_up_to();
    let byte = bytes.get(start).copied().unwrap_or_default();
    let place = source.place(start..start + char::REPLACEMENT_CHARACTER.len_utf8());
    let message = format!("the file is not UTF-8 text: byte 0x{byte:02X}");
    let problem = Problem::new(place, message).hint("save it as UTF-8");
    (source, vec![problem])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_comes_with_an_example_that_works() {
        let folder = tempfile::tempdir().unwrap();
        let error = read_file(&folder.path().join("jobs.yaml")).unwrap_err();
        assert!(error.to_string().ends_with("/jobs.yaml`"), "{error}");
        let example = error.hint().split_once('\n').unwrap().1;
        assert_eq!(example.lines().count(), 3);
        let source = Source {
            name: String::new(),
            text: example.to_owned(),
        };
        let root = super::super::node::parse(&source, &mut Vec::new()).unwrap();
        assert!(
            root.get("jobs")
                .unwrap()
                .get("backup-daily")
                .unwrap()
                .get("backup")
                .is_some()
        );
    }

    #[test]
    fn folders_and_giants_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(
            read_file(folder.path()),
            Err(ReadError::Read { .. })
        ));
        let giant = folder.path().join("giant.yaml");
        File::create(&giant).unwrap().set_len(1_000_001).unwrap();
        assert!(matches!(read_file(&giant), Err(ReadError::TooLarge { .. })));
        File::options()
            .write(true)
            .open(&giant)
            .unwrap()
            .set_len(1_000_000)
            .unwrap();
        assert_eq!(read_file(&giant).unwrap().len(), MAX_BYTES);
    }

    #[test]
    fn a_byte_order_mark_is_no_text() {
        let (source, problems) = decode(b"\xef\xbb\xbfa: 1", String::new());
        assert_eq!((source.text.as_str(), problems.len()), ("a: 1", 0));
    }

    #[test]
    fn the_first_bad_byte_is_shown() {
        let (_, problems) = decode(b"a: 1\nb: \xff\n", String::new());
        assert_eq!((problems[0].place.line, problems[0].place.column), (2, 4));
        assert_eq!(problems[0].message, "the file is not UTF-8 text: byte 0xFF");
    }
}
