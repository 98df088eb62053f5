//! From bars to values and conditions: indicators, and the language that rules are written in.
//!
//! Pure: bars come in as columns, values go out as columns of the same length, and what is not
//! known on a bar (the warm-up of an indicator, a division by zero) is missing there, never zero.
//! A value on a bar depends on that bar and earlier ones alone.

mod bars;
mod book;
mod equity;
mod indicator;
mod names;
mod outcome;
mod performance;
mod rule;
mod strategy;
mod symbol;
mod timeframe;

pub use bars::{Bar, Bars, Field, Stamp};
pub use book::{Book, BookError, Closed, Position, Side, Trade};
pub use equity::{Account, Closes, account};
pub use indicator::{INDICATORS, Indicator, Input, Param};
pub use names::names;
pub use outcome::{Forward, Interval, Signalled, forward, wilson};
pub use performance::{Known, Performance, drawdown, sharpe, sortino};
pub use rule::{Condition, Expression, Number, RuleError, Sheet};
pub use strategy::{
    Explained, LONGEST_COOLDOWN, LONGEST_LOOK_BACK, Leaves, MOST_CONFIRM, Shown, Strategy, When,
    explain, leaves, recompute, signals_on,
};
pub use symbol::Symbol;
pub use timeframe::Timeframe;
