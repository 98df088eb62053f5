//! What a rule means, once all of its names are known.

use std::ops::Range;

use crate::analysis::{bars::Field, indicator::Indicator};

/// A rule, or a value to be shown.
#[derive(Debug, Clone)]
pub enum Expression {
    /// A number on each bar.
    Number(Number),
    /// True, false or unknown on each bar.
    Condition(Condition),
}

/// A number on each bar.
#[derive(Debug, Clone)]
pub enum Number {
    /// The same on every bar.
    Constant(f64),
    /// A column of the bars.
    Field(Field),
    /// An output of an indicator.
    Indicator(Call),
    /// The number of so many bars before.
    Before(Box<Number>, usize),
    /// The number with the other sign.
    Negative(Box<Number>),
    /// Two numbers combined.
    Arithmetic(Arithmetic, Box<Number>, Box<Number>),
    /// The greatest of the last so many bars, the present one included.
    Highest(Box<Number>, usize),
    /// The least of them.
    Lowest(Box<Number>, usize),
}

/// One output of an indicator with its parameters.
#[derive(Debug, Clone)]
pub struct Call {
    /// The indicator.
    pub indicator: &'static Indicator,
    /// The column it is computed from, if it is computed from one.
    pub field: Field,
    /// Its parameters, each within its bounds.
    pub params: Vec<f64>,
    /// The position of the output.
    pub output: usize,
}

/// How two numbers are combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
}

/// How two numbers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `==`
    Equal,
    /// `!=`
    Unequal,
}

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To higher values.
    Up,
    /// To lower values.
    Down,
}

/// True, false or unknown on each bar.
#[derive(Debug, Clone)]
pub enum Condition {
    /// Two numbers compared.
    Compare(Comparison, Box<Number>, Box<Number>),
    /// Both.
    And(Box<Condition>, Box<Condition>),
    /// At least one.
    Or(Box<Condition>, Box<Condition>),
    /// The contrary.
    Not(Box<Condition>),
    /// The first number was not beyond the second on the bar before, and now is.
    Crosses(Direction, Box<Number>, Box<Number>),
    /// On each of the last so many bars the number went that way.
    Moves(Direction, Box<Number>, usize),
    /// True on one of the last so many bars, the present one included.
    Within(Box<Condition>, usize),
    /// True so many bars before.
    Before(Box<Condition>, usize),
}

impl Expression {
    /// How many bars there must be before the first on which it can be known.
    pub fn look_back(&self) -> usize {
        match self {
            Self::Number(number) => number.look_back(),
            Self::Condition(condition) => condition.look_back(),
        }
    }
}

impl Number {
    /// As [`Expression::look_back`].
    pub fn look_back(&self) -> usize {
        match self {
            Self::Constant(_) | Self::Field(_) => 0,
            Self::Indicator(call) => call.indicator.look_back(&call.params),
            Self::Before(number, bars) => number.look_back().saturating_add(*bars),
            Self::Negative(number) => number.look_back(),
            Self::Arithmetic(_, a, b) => a.look_back().max(b.look_back()),
            Self::Highest(number, bars) | Self::Lowest(number, bars) => {
                number.look_back().saturating_add(bars.saturating_sub(1))
            }
        }
    }
}

impl Condition {
    /// As [`Expression::look_back`]: enough for all parts of it to be known.
    pub fn look_back(&self) -> usize {
        match self {
            Self::Compare(_, a, b) => a.look_back().max(b.look_back()),
            Self::Crosses(_, a, b) => a.look_back().max(b.look_back()).saturating_add(1),
            Self::And(a, b) | Self::Or(a, b) => a.look_back().max(b.look_back()),
            Self::Not(condition) => condition.look_back(),
            Self::Moves(_, number, bars) => number.look_back().saturating_add(*bars),
            Self::Within(condition, bars) => {
                condition.look_back().saturating_add(bars.saturating_sub(1))
            }
            Self::Before(condition, bars) => condition.look_back().saturating_add(*bars),
        }
    }
}

/// An expression and where it stands in the text.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) expression: Expression,
    pub(super) span: Range<usize>,
}
