//! Bars of one symbol as a source gives them.

use jiff::{civil::Date, tz::TimeZone};

use super::finding::Finding;
use crate::analysis::{Bars, Timeframe};

/// What was done to old prices so that they compare with new ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Adjustment {
    /// Nothing: as they were traded.
    AsTraded,
    /// Divided by later splits.
    Splits,
    /// Divided by later splits, and less dividends.
    SplitsAndDividends,
}

impl Adjustment {
    /// As it is written in the store and `--json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AsTraded => "as_traded",
            Self::Splits => "splits",
            Self::SplitsAndDividends => "splits_and_dividends",
        }
    }
}

/// A split of shares: `new` for each `old`, from the open of `on`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Split {
    /// The first day at the new price.
    pub on: Date,
    /// How many shares became of one: 2 for a 2:1 split.
    pub ratio: f64,
}

/// Bars of one symbol as a source gives them, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Of what; as the source says it.
    pub symbol: String,
    /// How much time a bar stands for.
    pub timeframe: Timeframe,
    /// The bars that can be read.
    pub bars: Bars,
    /// What is wrong with the others.
    pub findings: Vec<Finding>,
    /// The name of the source: `csv`.
    pub source: String,
    /// How prices are adjusted.
    pub adjustment: Adjustment,
    /// Splits that the source tells of.
    pub splits: Vec<Split>,
    /// The zone of the exchange, where the source tells it.
    pub zone: Option<TimeZone>,
    /// Whether this is less than what was wanted, and why: a source that stands in for another one, or
    /// sample data.
    pub degraded: Option<String>,
}
