//! Archives of rows that are removed from a table: encrypted, compressed JSON, one line a row.
//!
//! `age -d -i KEY F | gunzip` shows one: the first line says which table and columns, then each row is
//! a list, and the last line says how many there are. Like an archive of files it is read back on the
//! way, by a reader that has only the compressed bytes, and gets its name when all of it is on disk.
//! What that reader has understood, and nothing else, is what may be removed from the table.

mod folder;
mod line;
mod name;
mod read;
mod sidecar;
#[cfg(test)]
mod tests;
mod write;

pub use folder::{FoundRows, list, mark_undone, was_undone};
pub use line::Header;
pub use name::RowsName;
pub use read::{check, each};
pub use sidecar::RowsSidecar;
pub use write::{PublishedRows, RowsRequest, RowsWriter};
