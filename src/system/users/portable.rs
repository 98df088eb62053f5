//! Systems that tell nobody's open files: SQLite's own locks have to do.

use std::path::{Path, PathBuf};

use super::{Range, User};

pub(super) fn with_open(_: &[PathBuf], _: bool) -> Vec<User> {
    Vec::new()
}

pub(super) fn with_lock(_: &Path, _: Range) -> Vec<User> {
    Vec::new()
}
