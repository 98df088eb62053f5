//! Where bars come from, and lists of trades.

mod alpha_vantage;
mod breaker;
mod cache;
mod calls;
mod chain;
mod csv;
mod encode;
mod finding;
mod folder;
mod header;
mod health;
mod http;
mod key;
mod links;
mod quality;
mod quota;
mod refuse;
mod remote;
mod rows;
mod series;
mod source;
mod sources;
mod spend;
mod symbol;
#[cfg(test)]
mod testing;
mod trades;
mod wait;
mod yahoo;

pub use alpha_vantage::{AlphaVantage, parse_alpha_vantage};
pub use breaker::{Breaker, State};
pub use calls::{Call, Calls, Outcome, PastCall, Remembered, Tally, Unwritten};
pub use chain::Chain;
pub use csv::{BadRow, CsvError, Read, read};
pub use finding::{Finding, Flaw, Severity};
pub use folder::Csv;
pub use health::SourceHealth;
pub use http::Patience;
pub use quality::{Context, Found, Inspected, Stored, inspect};
pub use quota::{DAY, Limits};
pub use series::{Adjustment, Series, Split};
pub use source::{Ask, Class, Refusal, Source};
pub use sources::{Choice, SourceName, Sources, SourcesError};
pub use spend::{Spending, Wanted, spend};
pub use trades::read_trades;
pub use yahoo::{Yahoo, parse_yahoo};
