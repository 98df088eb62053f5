//! What a person should know of a log that was read.

use std::{fmt, io, path::PathBuf};

/// Something in the way of reading all of a log. It ends nothing.
#[derive(Debug)]
pub enum Note {
    /// A file was removed between looking and opening.
    Gone(PathBuf),
    /// A file can be read only up to some point.
    Damaged(PathBuf, io::Error),
    /// A file could not be read.
    Unreadable(PathBuf, io::Error),
    /// A file is encrypted.
    Sealed(PathBuf),
    /// The file that is followed got shorter; it is read from its beginning.
    Shrunk(PathBuf),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone(path) => write!(f, "`{}` was removed meanwhile", path.display()),
            Self::Damaged(path, error) => {
                let path = path.display();
                write!(f, "`{path}` is damaged, lines may be missing: {error}")
            }
            Self::Unreadable(path, error) => {
                write!(f, "`{}` cannot be read: {error}", path.display())
            }
            Self::Sealed(path) => {
                let path = path.display();
                write!(
                    f,
                    "`{path}` is encrypted: no key at hand opens it; `age -d -i KEY {path} | zcat` with another one does"
                )
            }
            Self::Shrunk(path) => {
                write!(f, "`{}` got shorter: from its beginning", path.display())
            }
        }
    }
}
