//! Where bars come from, and lists of trades.

mod csv;
mod finding;
mod header;
mod quality;
mod series;
mod source;
mod trades;

pub use csv::{BadRow, CsvError, Read, read_prices, read_series};
pub use finding::{Finding, Flaw, Severity};
pub use quality::{Context, Found, Inspected, Stored, inspect};
pub use series::{Adjustment, Series, Split};
pub use source::{Ask, Class, Refusal, Source};
pub use trades::read_trades;
