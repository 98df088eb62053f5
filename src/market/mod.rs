//! Where bars come from.

mod csv;

pub use csv::{CsvError, Finding, Read, read};
