//! What a file is by its first bytes.

use std::{
    io::{self, Read},
    path::Path,
};

use crate::files::open_plain;

/// What SQLite puts at the start of every database.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Whether the file begins as a database does. Only for files that this process has not open.
///
/// # Errors
/// What the system said.
pub fn is_database(path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    open_plain(path)?.take(16).read_to_end(&mut start)?;
    Ok(start == MAGIC)
}
