//! Expressions on bars.

use std::rc::Rc;

use super::tree::{Arithmetic, Call, Comparison, Condition, Direction, Number};
use crate::analysis::{
    bars::{Bars, Field},
    indicator::{Columns, extreme},
};

/// The bars of a symbol and the indicators that were computed on them, each once.
#[derive(Debug)]
pub struct Sheet<'a> {
    bars: &'a Bars,
    computed: Vec<(Key, Rc<Columns>)>,
}

/// Which indicator, on what: names and bits, so that they can be compared.
type Key = (&'static str, Field, Vec<u64>);

/// A number on each bar; NaN where it is missing.
type Numbers = Vec<f64>;

/// A condition on each bar; `None` where it is unknown.
type Truths = Vec<Option<bool>>;

impl<'a> Sheet<'a> {
    /// A sheet without any indicator yet.
    pub fn new(bars: &'a Bars) -> Self {
        Self {
            bars,
            computed: Vec::new(),
        }
    }

    /// The number on each bar; NaN where it is missing.
    pub fn numbers(&mut self, number: &Number) -> Numbers {
        match number {
            Number::Constant(value) => vec![*value; self.bars.len()],
            Number::Field(field) => self.bars.column(*field).to_vec(),
            Number::Indicator(call) => self.indicator(call),
            Number::Before(number, bars) => shifted(self.numbers(number), *bars, f64::NAN),
            Number::Negative(number) => each(self.numbers(number), |value| -value),
            Number::Arithmetic(how, a, b) => {
                let (a, b) = (self.numbers(a), self.numbers(b));
                a.into_iter().zip(b).map(|(a, b)| how.apply(a, b)).collect()
            }
            Number::Highest(number, bars) => extreme(&self.numbers(number), *bars, f64::max),
            Number::Lowest(number, bars) => extreme(&self.numbers(number), *bars, f64::min),
        }
    }

    /// Whether the condition holds on each bar; `None` where that is unknown.
    pub fn truths(&mut self, condition: &Condition) -> Truths {
        match condition {
            Condition::Compare(how, a, b) => {
                let (a, b) = (self.numbers(a), self.numbers(b));
                let pairs = a.into_iter().zip(b);
                pairs.map(|(a, b)| how.apply(a, b)).collect()
            }
            Condition::And(a, b) => {
                let (a, b) = (self.truths(a), self.truths(b));
                a.into_iter().zip(b).map(|(a, b)| and(a, b)).collect()
            }
            Condition::Or(a, b) => {
                let (a, b) = (self.truths(a), self.truths(b));
                a.into_iter().zip(b).map(|(a, b)| or(a, b)).collect()
            }
            Condition::Not(condition) => {
                each(self.truths(condition), |known| known.map(|truth| !truth))
            }
            Condition::Crosses(direction, a, b) => {
                let (a, b) = (self.numbers(a), self.numbers(b));
                crosses(*direction, &a, &b)
            }
            Condition::Moves(direction, number, bars) => {
                let steps = steps(*direction, &self.numbers(number));
                windows(&steps, *bars, Some(true), and)
            }
            Condition::Within(condition, bars) => {
                windows(&self.truths(condition), *bars, Some(false), or)
            }
            Condition::Before(condition, bars) => shifted(self.truths(condition), *bars, None),
        }
    }

    fn indicator(&mut self, call: &Call) -> Numbers {
        let bits = call.params.iter().map(|param| param.to_bits()).collect();
        let key = (call.indicator.name, call.field, bits);
        let known = self.computed.iter().find(|(other, _)| *other == key);
        let columns = if let Some((_, columns)) = known {
            Rc::clone(columns)
        } else {
            let columns = call.indicator.compute(self.bars, call.field, &call.params);
            let columns = Rc::new(columns);
            self.computed.push((key, Rc::clone(&columns)));
            columns
        };
        columns.get(call.output).cloned().unwrap_or_default()
    }
}

impl Arithmetic {
    /// NaN for what is no number, such as a division by zero.
    pub(in crate::analysis) fn apply(self, a: f64, b: f64) -> f64 {
        let value = match self {
            Self::Add => a + b,
            Self::Subtract => a - b,
            Self::Multiply => a * b,
            Self::Divide => a / b,
        };
        if value.is_finite() { value } else { f64::NAN }
    }
}

impl Comparison {
    #[expect(clippy::float_cmp, reason = "`==` of a rule is exact, as it says")]
    pub(in crate::analysis) fn apply(self, a: f64, b: f64) -> Option<bool> {
        (a.is_finite() && b.is_finite()).then_some(match self {
            Self::Less => a < b,
            Self::LessOrEqual => a <= b,
            Self::Greater => a > b,
            Self::GreaterOrEqual => a >= b,
            Self::Equal => a == b,
            Self::Unequal => a != b,
        })
    }
}

impl Direction {
    /// Whether `to` lies beyond `from`; unknown if one is missing.
    pub(in crate::analysis) fn beyond(self, from: f64, to: f64) -> Option<bool> {
        match self {
            Self::Up => Comparison::Greater.apply(to, from),
            Self::Down => Comparison::Less.apply(to, from),
        }
    }
}

pub(in crate::analysis) fn and(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

pub(in crate::analysis) fn or(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    }
}

fn each<T>(column: Vec<T>, change: fn(T) -> T) -> Vec<T> {
    column.into_iter().map(change).collect()
}

/// Moves a column by so many bars; the first ones are `missing`.
fn shifted<T: Clone>(mut column: Vec<T>, bars: usize, missing: T) -> Vec<T> {
    let bars = bars.min(column.len());
    column.rotate_right(bars);
    column
        .iter_mut()
        .take(bars)
        .for_each(|value| *value = missing.clone());
    column
}

fn crosses(direction: Direction, a: &[f64], b: &[f64]) -> Truths {
    let beyond: Truths = a
        .iter()
        .zip(b)
        .map(|(a, b)| direction.beyond(*b, *a))
        .collect();
    let before = std::iter::once(None).chain(beyond.iter().copied());
    let pairs = before.zip(beyond.iter().copied());
    pairs.map(|(before, now)| Some(!before? && now?)).collect()
}

/// Whether the number went that way since the bar before.
fn steps(direction: Direction, column: &[f64]) -> Truths {
    let before = std::iter::once(f64::NAN).chain(column.iter().copied());
    before
        .zip(column)
        .map(|(before, now)| direction.beyond(before, *now))
        .collect()
}

/// Each last so many bars, the present one included, joined; unknown before there are so many.
fn windows(
    truths: &[Option<bool>],
    bars: usize,
    empty: Option<bool>,
    join: fn(Option<bool>, Option<bool>) -> Option<bool>,
) -> Truths {
    let window = |end: usize| {
        let window = truths.get((end + 1).checked_sub(bars)?..=end)?;
        window.iter().copied().fold(empty, join)
    };
    (0..truths.len()).map(window).collect()
}
