//! Strategies: rules with a name, and the bars on which they say something.

use std::ops::Range;

use super::{
    book::Side,
    rule::{Condition, Expression, RuleError, Sheet},
    timeframe::Timeframe,
};

mod explain;
mod leaves;
#[cfg(test)]
mod tests;

pub use explain::{Explained, Shown, explain, recompute};
pub use leaves::{Leaves, leaves};

/// The longest look-back of a strategy, in bars: forty years of daily ones, or a month of minutes.
/// More than that no history here will ever hold.
pub const LONGEST_LOOK_BACK: usize = 10_000;
/// The most bars that may confirm a signal.
pub const MOST_CONFIRM: usize = 100;
/// The longest rest after a signal, in bars.
pub const LONGEST_COOLDOWN: usize = LONGEST_LOOK_BACK;

/// A rule with a name, and how a signal follows from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Strategy {
    /// What it is called.
    pub name: String,
    /// On which bars it looks.
    pub timeframe: Timeframe,
    /// Which way its signals point.
    pub side: Side,
    /// Its rule.
    pub when: When,
    /// On how many closed bars in a row the rule must be true, the one of the signal included; from 1.
    pub confirm: usize,
    /// On how many bars after a signal there is no other.
    pub cooldown: usize,
    /// How strongly its signals point, 0 to 1.
    pub strength: f64,
}

/// A condition and how it was written.
#[derive(Debug, Clone)]
pub struct When {
    text: String,
    condition: Condition,
}

/// The text says all.
impl PartialEq for When {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl When {
    /// Reads a rule that is true or false.
    ///
    /// # Errors
    /// The first place that cannot be read, a number where a condition should be, or a look-back that no
    /// history holds.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let whole = blanks_cut(text);
        let condition = match Expression::parse(text)? {
            Expression::Condition(condition) => condition,
            Expression::Number(_) => {
                let error = RuleError::new("expected a condition, this is a number", whole);
                return Err(error.hint("compare it, e.g. `… > 0`"));
            }
        };
        let look_back = condition.look_back();
        if look_back > LONGEST_LOOK_BACK {
            let message = format!(
                "it needs {look_back} bars before the first it can judge; at most \
                 {LONGEST_LOOK_BACK} are looked at"
            );
            let error = RuleError::new(message, whole);
            return Err(error.hint("shorten its periods"));
        }
        Ok(Self {
            text: text.to_owned(),
            condition,
        })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it means.
    pub fn condition(&self) -> &Condition {
        &self.condition
    }
}

/// The bytes of the text without blanks around it.
fn blanks_cut(text: &str) -> Range<usize> {
    let start = text.len() - text.trim_start().len();
    start..start + text.trim().len()
}

impl Strategy {
    /// How many bars there must be before the first that can have a signal.
    pub fn look_back(&self) -> usize {
        let confirming = self.confirm.saturating_sub(1);
        self.when.condition.look_back().saturating_add(confirming)
    }
}

/// The positions of the bars that have a signal, in order.
///
/// A *stretch* is as many bars in a row on which the rule is true as there are: it ends before the
/// first bar on which the rule is false or unknown. A stretch has at most one signal, on its bar number
/// `confirm`, counted from 1; where it is shorter it has none. A signal keeps the `cooldown` bars
/// after it free: a stretch whose signal would fall on one of them has none at all, and does not make the
/// rest longer.
///
/// All bars of the sheet are taken for closed ones. Whether a bar has a signal depends on that bar and
/// earlier ones alone, so later bars never change it.
pub fn signals_on(strategy: &Strategy, sheet: &mut Sheet<'_>) -> Vec<usize> {
    let truths = sheet.truths(&strategy.when.condition);
    let confirm = strategy.confirm.max(1);
    let (mut signals, mut length) = (Vec::new(), 0_usize);
    let mut free_from = 0;
    for (bar, truth) in truths.into_iter().enumerate() {
        length = if truth == Some(true) { length + 1 } else { 0 };
        if length == confirm && bar >= free_from {
            signals.push(bar);
            free_from = bar.saturating_add(strategy.cooldown).saturating_add(1);
        }
    }
    signals
}
