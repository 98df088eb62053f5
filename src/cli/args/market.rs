//! Options of the verbs about bars, signals and trades.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

use crate::{analysis::Side, market::SourceName, micros::Micros};

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Analyse {
    /// The symbol
    #[arg(value_name = "SYMBOL")]
    pub(in crate::cli) symbol: String,
    /// What to show, separated by commas: `rsi(14), close > sma(50)`
    #[arg(long, value_name = "EXPRS")]
    pub(in crate::cli) show: Option<String>,
    /// Only bars from this day or time on
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) from: Option<String>,
    /// Only bars up to this day or time
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) to: Option<String>,
    /// Only the newest N [default: 10; all with --json, --from or --to]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) last: Option<usize>,
    /// Read the bars from a file with the columns date, open, high, low, close, volume
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) csv: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Findings {
    /// Only this symbol's
    #[arg(value_name = "SYMBOL")]
    pub(in crate::cli) symbol: Option<String>,
}

#[derive(Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct Signals {
    #[command(subcommand)]
    pub(in crate::cli) verb: Option<SignalsVerb>,
    /// Only this symbol's
    #[arg(value_name = "SYMBOL")]
    pub(in crate::cli) symbol: Option<String>,
    /// Of how many days
    #[arg(long, value_name = "N", default_value_t = 7)]
    pub(in crate::cli) days: u16,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum SignalsVerb {
    /// Show why a signal is there: its rule part by part, and what has changed since
    Explain {
        /// Its number
        #[arg(value_name = "ID")]
        id: i64,
    },
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Replay {
    /// From this day or time on
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) since: String,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct SignalStats {
    /// Of how many days
    #[arg(long, value_name = "N", default_value_t = 7)]
    pub(in crate::cli) days: u16,
    /// Only this symbol's
    #[arg(long, value_name = "SYMBOL")]
    pub(in crate::cli) symbol: Option<String>,
    /// Only this strategy's
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) strategy: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Trades {
    #[command(subcommand)]
    pub(in crate::cli) verb: TradesVerb,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum TradesVerb {
    /// Add one trade
    Add(TradeAdd),
    /// Add the trades in a file with the columns date, symbol, side, quantity,
    /// price, and if it has them fee, strategy, note
    Import {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Show what it would do, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// List the trades, oldest first
    List {
        /// Only this symbol's
        #[arg(value_name = "SYMBOL")]
        symbol: Option<String>,
    },
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct TradeAdd {
    /// The symbol
    #[arg(value_name = "SYMBOL")]
    pub(in crate::cli) symbol: String,
    /// `buy` or `sell`
    #[arg(value_name = "SIDE")]
    pub(in crate::cli) side: Side,
    /// How many
    #[arg(value_name = "QUANTITY")]
    pub(in crate::cli) quantity: Micros,
    /// The price of one
    #[arg(value_name = "PRICE")]
    pub(in crate::cli) price: Micros,
    /// What the trade cost
    #[arg(long, value_name = "AMOUNT", default_value = "0")]
    pub(in crate::cli) fee: Micros,
    /// When [default: now]
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) at: Option<String>,
    /// The strategy that led to it
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) strategy: Option<String>,
    /// What to remember of it
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) note: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct TradeStats {
    /// Of how many days
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub(in crate::cli) days: u16,
    /// What the account began with; without it there is no return to reckon with
    #[arg(long, value_name = "AMOUNT")]
    pub(in crate::cli) capital: Option<Micros>,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Check {
    #[command(subcommand)]
    pub(in crate::cli) what: CheckVerb,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum CheckVerb {
    /// The sources of prices: keys, breakers, requests of the last 24 hours
    ///
    /// Exit codes: 0 ok, 1 warning, 2 critical, 3 unknown.
    Api(CheckApi),
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct CheckApi {
    /// Make one real request for this symbol
    #[arg(long, value_name = "SYMBOL", num_args = 0..=1, default_missing_value = "AAPL")]
    pub(in crate::cli) probe: Option<String>,
    /// Only these sources, in this order [default: all]
    #[arg(long, value_name = "SOURCE", value_delimiter = ',')]
    pub(in crate::cli) source: Vec<CheckSource>,
}

/// A source, as job files name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(in crate::cli) enum CheckSource {
    /// Files.
    Csv,
    /// Alpha Vantage.
    AlphaVantage,
    /// Yahoo.
    Yahoo,
    /// What there is a key for, then the others.
    Auto,
}

impl From<CheckSource> for SourceName {
    fn from(source: CheckSource) -> Self {
        match source {
            CheckSource::Csv => Self::Csv,
            CheckSource::AlphaVantage => Self::AlphaVantage,
            CheckSource::Yahoo => Self::Yahoo,
            CheckSource::Auto => Self::Auto,
        }
    }
}
