//! What TA-Lib lacks.

use super::Columns;
use crate::analysis::bars::{Bars, Field};

/// The highest high, the lowest low and their mean over the last bars, the present one included.
pub(super) fn donchian(all: &Bars, params: &[f64]) -> Columns {
    let period = whole(params);
    let upper = extreme(all.column(Field::High), period, f64::max);
    let lower = extreme(all.column(Field::Low), period, f64::min);
    let middle = upper.iter().zip(&lower);
    let middle = middle
        .map(|(high, low)| f64::midpoint(*high, *low))
        .collect();
    vec![upper, middle, lower]
}

/// `pick` of the last `period` values; NaN before there are so many, or if one of them is missing.
pub(in crate::analysis) fn extreme(
    column: &[f64],
    period: usize,
    pick: fn(f64, f64) -> f64,
) -> Vec<f64> {
    let window = |end: usize| {
        let window = column.get((end + 1).checked_sub(period)?..=end)?;
        let known = window.iter().all(|value| value.is_finite());
        known.then(|| window.iter().copied().reduce(pick)).flatten()
    };
    (0..column.len())
        .map(|end| window(end).unwrap_or(f64::NAN))
        .collect()
}

/// The mean price by volume: of the last bars, or with a period of 0 of all bars so far. Missing
/// where nothing was traded.
pub(super) fn vwap(all: &Bars, params: &[f64]) -> Columns {
    let period = whole(params);
    let [high, low, close, volume] =
        [Field::High, Field::Low, Field::Close, Field::Volume].map(|field| all.column(field));
    let traded: Vec<f64> = high
        .iter()
        .zip(low)
        .zip(close.iter().zip(volume))
        .map(|((high, low), (close, volume))| (high + low + close) / 3.0 * volume)
        .collect();
    let ratio = |sums: (f64, f64)| {
        let (traded, volume) = sums;
        if volume > 0.0 {
            traded / volume
        } else {
            f64::NAN
        }
    };
    if period == 0 {
        let running = traded.iter().zip(volume).scan((0.0, 0.0), |sums, (t, v)| {
            *sums = (sums.0 + t, sums.1 + v);
            Some(ratio(*sums))
        });
        return vec![running.collect()];
    }
    // Each window is summed anew: a running difference would drift.
    let window = |end: usize| {
        let range = (end + 1).checked_sub(period)?..=end;
        let sum = |column: &[f64]| Some(column.get(range.clone())?.iter().sum::<f64>());
        Some(ratio((sum(&traded)?, sum(volume)?)))
    };
    let column = (0..all.len()).map(|end| window(end).unwrap_or(f64::NAN));
    vec![column.collect()]
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole and not negative, as the table says"
)]
fn whole(params: &[f64]) -> usize {
    params.first().map_or(0, |value| *value as usize)
}
