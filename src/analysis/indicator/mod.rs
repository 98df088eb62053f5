//! The indicators: names, parameters and outputs as TA-Lib has them, and two that it lacks.

use super::bars::{Bars, Field};

pub(super) use own::extreme;

mod own;
mod ta;
mod table;
#[cfg(test)]
mod tests;

pub use table::INDICATORS;

/// A parameter of an indicator.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Param {
    /// Its name in messages.
    pub name: &'static str,
    /// Its value when it is left out; without one it has to be given.
    pub default: Option<f64>,
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
    /// Whether it counts bars.
    pub whole: bool,
}

/// What an indicator is computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// One column: the close, unless another field is named first: `sma(volume, 20)`.
    Column,
    /// Several columns of the bars.
    Bars,
}

/// The columns of an indicator; missing values are NaN.
pub(super) type Columns = Vec<Vec<f64>>;

/// An indicator.
#[derive(Debug)]
pub struct Indicator {
    /// Its name in rules.
    pub name: &'static str,
    /// What it says, in a line.
    pub summary: &'static str,
    /// Its parameters in order.
    pub params: &'static [Param],
    /// Its outputs; the empty name is the one that is meant without a name.
    pub outputs: &'static [&'static str],
    /// What it is computed from.
    pub input: Input,
    compute: Compute,
    look_back: fn(&[f64]) -> usize,
}

#[derive(Debug)]
enum Compute {
    Column(fn(&[f64], &[f64]) -> Columns),
    Bars(fn(&Bars, &[f64]) -> Columns),
}

impl Indicator {
    /// The indicator of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        INDICATORS.iter().find(|indicator| indicator.name == name)
    }

    /// One column an output, each as long as the bars; NaN where there is no value.
    ///
    /// `params` are as many as [`Indicator::params`], each within its bounds.
    pub fn compute(&self, bars: &Bars, field: Field, params: &[f64]) -> Columns {
        if bars.is_empty() {
            return vec![Vec::new(); self.outputs.len()];
        }
        match self.compute {
            Compute::Column(compute) => compute(bars.column(field), params),
            Compute::Bars(compute) => compute(bars, params),
        }
    }

    /// How many bars there must be before the first that has a value.
    pub fn look_back(&self, params: &[f64]) -> usize {
        (self.look_back)(params)
    }
}
