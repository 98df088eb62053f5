//! Systems that tell nobody's open files: SQLite's own locks have to do.

use std::path::PathBuf;

use super::Holder;

/// Nobody, as far as can be told here.
pub fn holders(_files: &[PathBuf]) -> Vec<Holder> {
    Vec::new()
}
