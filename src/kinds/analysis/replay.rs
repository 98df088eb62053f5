//! Which signals a job would find in the bars that are stored, without writing any.

use jiff::Timestamp;

use super::{Analysis, signals};
use crate::{
    analysis::{Side, Timeframe},
    job::{Env, JobName},
    micros::Micros,
    schedule::built_in_calendar,
    store::{self, Reader},
};

/// A signal that a job would find.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expected {
    /// When its bar closed.
    pub timestamp: Timestamp,
    /// Of what.
    pub symbol: String,
    /// On which bars.
    pub timeframe: Timeframe,
    /// By which strategy.
    pub strategy: String,
    /// `buy` or `sell`.
    pub side: String,
    /// The close of its bar.
    pub price: Micros,
}

impl Analysis {
    /// The signals of this job in the stored bars that closed by `until`, and the symbols that it looks at.
    ///
    /// # Errors
    /// As [`store::stored_bars`].
    pub fn expected(
        &self,
        name: &JobName,
        env: &Env,
        reader: &Reader,
        until: Timestamp,
    ) -> Result<(Vec<Expected>, Vec<String>), store::Error> {
        let rules = self.strategies.of(&env.rules.strategies);
        let own = env.rules.calendars.get(name).cloned();
        let Some(calendar) = own.or_else(|| built_in_calendar("XNYS")) else {
            return Ok((Vec::new(), Vec::new()));
        };
        let symbols = self.symbols.of(env);
        let mut expected = Vec::new();
        for symbol in &symbols {
            for timeframe in Timeframe::ALL {
                if !rules.iter().any(|rule| rule.timeframe == timeframe) {
                    continue;
                }
                let stored = store::stored_bars(reader, symbol.as_str(), timeframe)?;
                let bars = &stored.bars;
                let found = signals::found(&rules, bars, timeframe, &calendar, None, until);
                expected.extend(found.into_iter().map(|signal| Expected {
                    timestamp: signal.timestamp,
                    symbol: symbol.to_string(),
                    timeframe,
                    strategy: signal.strategy.to_owned(),
                    side: side(signal.side),
                    price: signal.price,
                }));
            }
        }
        let symbols = symbols.iter().map(ToString::to_string).collect();
        Ok((expected, symbols))
    }
}

fn side(side: Side) -> String {
    side.to_string()
}
