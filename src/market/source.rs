//! What a source of bars is.

use std::fmt;

use jiff::Timestamp;

use super::series::Series;
use crate::{
    analysis::{Stamp, Timeframe},
    watch::Watch,
};

/// Which bars are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask<'a> {
    /// Of what.
    pub symbol: &'a str,
    /// How much time a bar stands for.
    pub timeframe: Timeframe,
    /// The newest bar that is known already; without one all that the source has is wanted. More bars than
    /// asked for do no harm.
    pub newest: Option<Stamp>,
    /// The time at which this is asked.
    pub now: Timestamp,
}

/// What kind of a refusal it was: what to do follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The source does not know the symbol or the parameter: asking again is no use.
    Symbol,
    /// The key is missing or wrong: the source is of no use until it is mended.
    Key,
    /// Too many requests at once: again after a second or more.
    Burst,
    /// The day's requests are used up.
    Quota,
    /// What was asked for needs a paid plan.
    Entitlement,
    /// The connection failed, or took too long.
    Transport,
    /// The server says that it failed (5xx).
    Server,
    /// The answer makes no sense.
    Parse,
    /// The answer is about another symbol.
    OtherSymbol,
    /// There is nothing to read: no file, no bar.
    Empty,
}

impl Class {
    /// As it is written in the store and `--json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Symbol => "symbol",
            Self::Key => "key",
            Self::Burst => "burst",
            Self::Quota => "quota",
            Self::Entitlement => "entitlement",
            Self::Transport => "transport",
            Self::Server => "server",
            Self::Parse => "parse",
            Self::OtherSymbol => "other_symbol",
            Self::Empty => "empty",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a source gave no bars. It holds no key: texts of servers are cleaned before they come in here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{source_name}: {what}")]
pub struct Refusal {
    /// Which source.
    pub source_name: String,
    /// What kind it is.
    pub class: Class,
    /// What was said, as a lowercase sentence without a full stop.
    pub what: String,
    /// How a person mends it.
    pub hint: Option<String>,
}

/// A source of bars. Blocking; many threads may ask one at once.
pub trait Source: fmt::Debug + Send + Sync {
    /// What it is called in job files, reports and the store.
    fn name(&self) -> &str;

    /// The bars of a symbol.
    ///
    /// # Errors
    /// [`Refusal`]; then nothing was learned but that.
    fn fetch(&self, ask: &Ask<'_>, watch: &Watch) -> Result<Series, Refusal>;
}
