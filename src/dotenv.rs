//! `.env` in the root: values that belong into no other file. The environment of the process is left as
//! it is.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use secrecy::SecretString;

/// Largest file that is read.
const MOST: u64 = 64 << 10;

/// Why a `.env` cannot be read. No value of it is in a message.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refuses.
    #[error("read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is a folder, a pipe or the like.
    #[error("`{}` is no file", path.display())]
    NoFile {
        /// The file.
        path: PathBuf,
    },
    /// It is larger than such files are.
    #[error("`{}` is larger than {} KB", path.display(), MOST >> 10)]
    Large {
        /// The file.
        path: PathBuf,
    },
    /// A line is no `NAME=value`.
    #[error("`{}`{} is no NAME=value; spaces need quotes", path.display(), at(*line))]
    Line {
        /// The file.
        path: PathBuf,
        /// Which line, from 1, where that can be told.
        line: Option<usize>,
    },
}

fn at(line: Option<usize>) -> String {
    line.map(|line| format!(":{line}")).unwrap_or_default()
}

/// What a `.env` holds.
#[derive(Debug, Default)]
pub struct EnvFile {
    values: BTreeMap<String, SecretString>,
    /// Whether others than its owner may read it.
    pub open_to_others: bool,
}

impl EnvFile {
    /// A value; that of the last line, if there are several of one name.
    pub fn get(&self, name: &str) -> Option<&SecretString> {
        self.values.get(name)
    }
}

/// Reads the file at `path`; `None` if there is none.
///
/// # Errors
/// [`Error`]; there is no value in its text.
pub fn read(path: &Path) -> Result<Option<EnvFile>, Error> {
    let failed = |source| Error::Read {
        path: path.to_owned(),
        source,
    };
    let found = match path.metadata() {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let path = path.to_owned();
    if !found.is_file() {
        return Err(Error::NoFile { path });
    }
    let mut bytes = Vec::new();
    let file = File::open(&path).map_err(failed)?;
    file.take(MOST + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > MOST {
        return Err(Error::Large { path });
    }
    Ok(Some(EnvFile {
        values: parse(&bytes).map_err(|line| Error::Line { path, line })?,
        open_to_others: is_open(&found),
    }))
}

/// The values, or the number of the line that cannot be read.
fn parse(bytes: &[u8]) -> Result<BTreeMap<String, SecretString>, Option<usize>> {
    let mut values = BTreeMap::new();
    for item in dotenvy::Iter::new(bytes) {
        match item {
            Ok((name, value)) => values.insert(name, value.into()),
            // The crate tells the text of the line, which may be a secret.
            Err(dotenvy::Error::LineParse(text, _)) => return Err(line_of(bytes, &text)),
            Err(_) => return Err(None),
        };
    }
    Ok(values)
}

fn line_of(bytes: &[u8], wanted: &str) -> Option<usize> {
    let first = wanted.lines().next()?.trim();
    let text = String::from_utf8_lossy(bytes);
    let at = text
        .lines()
        .position(|line| !first.is_empty() && line.trim().ends_with(first))?;
    Some(at + 1)
}

#[cfg(unix)]
fn is_open(found: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    found.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn is_open(_: &std::fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn read_text(text: &[u8]) -> Result<EnvFile, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        crate::files::write_atomic(&path, text).unwrap();
        let shown = path.display().to_string();
        match read(&path) {
            Ok(file) => Ok(file.unwrap()),
            Err(error) => Err(format!("{error} {error:?}").replace(&shown, ".env")),
        }
    }

    #[test]
    fn values_are_read_and_debug_shows_none() {
        let file = read_text(b"# note\nexport A=one\nB='two three'\nA=last\n\nC=\n").unwrap();
        let value = |name| file.get(name).map(|value| value.expose_secret().to_owned());
        assert_eq!(value("A").as_deref(), Some("last"));
        assert_eq!(value("B").as_deref(), Some("two three"));
        assert_eq!(value("C").as_deref(), Some(""));
        assert_eq!(value("D"), None);
        assert!(!file.open_to_others);
        assert!(!format!("{file:?}").contains("last"));
    }

    #[test]
    fn a_line_that_cannot_be_read_is_told_by_its_number_alone() {
        let told = read_text(b"A=1\nKEY=CANARY and more\n").unwrap_err();
        assert!(told.starts_with("`.env`:2 is no NAME=value"), "{told}");
        assert!(!told.contains("CANARY"), "{told}");
        let told = read_text(b"KEY=\xff\xfe\n").unwrap_err();
        assert!(told.contains("is no NAME=value"), "{told}");
    }

    #[test]
    fn what_is_no_such_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(&folder.path().join("none")).unwrap().is_none());
        assert!(matches!(read(folder.path()), Err(Error::NoFile { .. })));
        assert!(
            read_text(&vec![b'#'; 70 << 10])
                .unwrap_err()
                .contains("larger")
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_is_noticed() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        crate::files::write_atomic(&path, b"A=1\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(read(&path).unwrap().unwrap().open_to_others);
    }
}
