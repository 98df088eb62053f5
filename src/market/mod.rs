//! Where bars come from, and lists of trades.

mod csv;
mod header;
mod trades;

pub use csv::{CsvError, Finding, Read, read};
pub use trades::read_trades;
