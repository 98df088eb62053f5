//! `analysis`: bars of symbols are fetched and looked at, rules are worked out on them, and what they
//! say is kept as signals.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    job::{Cx, Env, Job, JobError, Kind, Plan, Problem, Report, RulesWanted},
    units::{Percent, Span},
};

mod chosen;
mod closing;
mod error;
mod one;
mod replay;
mod rows;
mod run;
mod signals;
mod tally;
#[cfg(test)]
mod tests;

pub use chosen::{Chosen, SourceOrder, Symbols};
pub use replay::Expected;
pub use signals::{Kept, kept};

/// Where watch lists and strategies are unless somebody says otherwise.
const WATCH_LIST: &str = "config/watchlist.yaml";
/// The most workers; more than that only wait for each other.
const MOST_WORKERS: u32 = 64;

/// The settings of an `analysis` job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Analysis {
    /// What is looked at: a list of symbols, or a watch list relative to the root.
    pub symbols: Symbols,
    /// Which rules of `config/strategies.yaml` are worked out: a list of names, or `all`.
    pub strategies: Chosen,
    /// Where bars come from: `csv` (files `SYMBOL.csv` in `prices`), `alpha_vantage`, `yahoo`, or a list
    /// of them in the order in which they are asked; `auto`: all, as far as there are keys.
    pub source: SourceOrder,
    /// The folder of files of prices, relative to the root; default: the sample.
    pub prices: Option<PathBuf>,
    /// How many symbols are worked on at once, 1 to 64.
    #[schemars(range(min = 1, max = 64))]
    pub workers: u32,
    /// The run fails if more than this share of its symbols does.
    pub max_failed: Percent,
    /// How long after the close of its session, or its own end, a bar counts as closed.
    pub grace: Span,
    /// Only signals of so long before the newest closed bar are kept; all unless given. At most what a
    /// `prune` job keeps, or each run brings back what that has removed.
    pub signals_within: Option<Span>,
}

impl Default for Analysis {
    fn default() -> Self {
        Self {
            symbols: Symbols::default(),
            strategies: Chosen::default(),
            source: SourceOrder::default(),
            prices: None,
            workers: 2,
            max_failed: Percent(50),
            grace: Span::from_secs(300),
            signals_within: None,
        }
    }
}

impl Job for Analysis {
    fn check(&self, _: &Env) -> Vec<Problem> {
        if (1..=MOST_WORKERS).contains(&self.workers) {
            return Vec::new();
        }
        vec![Problem {
            setting: "workers",
            message: format!("`workers` must be between 1 and {MOST_WORKERS}"),
            hint: None,
        }]
    }

    fn plan(&self, cx: &Cx) -> Result<Plan, JobError> {
        Ok(run::plan(self, cx))
    }

    fn run(&self, cx: &Cx) -> Result<Report, JobError> {
        cx.checkpoint()?;
        run::run(self, cx)
    }

    fn rules_wanted(&self, env: &Env) -> Option<RulesWanted> {
        Some(RulesWanted {
            strategies: self.strategies.names().to_vec(),
            list: self.symbols.file(env),
        })
    }
}

impl Kind for Analysis {
    const NAME: &'static str = "analysis";
    const SUMMARY: &'static str =
        "bars are fetched and checked, rules worked out on them, and signals kept";
    const EXAMPLE: &'static str = "\
analyse-close:
  schedule: at close+15m
  calendar: XNYS
  analysis: {symbols: config/watchlist.yaml, strategies: all}
";
}
