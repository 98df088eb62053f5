//! Calls into TA-Lib.

use std::sync::LazyLock;

use ta_lib::{Core, MAType, OutRange, RetCode};

use super::Columns;
use crate::analysis::bars::{Bars, Field};

type Outcome = Result<OutRange, RetCode>;

/// TA-Lib with its default settings.
static CORE: LazyLock<Core> = LazyLock::new(Core::new);

/// Below this TA-Lib takes a sum for zero.
const ZERO: f64 = 1e-14;

/// The last index of a column that is not empty.
fn last(column: &[f64]) -> usize {
    column.len().saturating_sub(1)
}

/// Moves the values of a column to the bars that they are of, and fills up with NaN. A call that
/// failed has none: parameters are checked before, so that it never should.
fn place(mut column: Vec<f64>, outcome: &Outcome) -> Vec<f64> {
    let Ok(range) = outcome else {
        column.fill(f64::NAN);
        return column;
    };
    let len = column.len();
    column.truncate(range.count);
    let mut placed = vec![f64::NAN; range.beg_idx.min(len)];
    placed.append(&mut column);
    placed.resize(len, f64::NAN);
    placed
}

fn one(len: usize, call: impl FnOnce(&mut [f64]) -> Outcome) -> Columns {
    let mut column = vec![0.0; len];
    let outcome = call(&mut column);
    vec![place(column, &outcome)]
}

fn three(len: usize, call: impl FnOnce(&mut [f64], &mut [f64], &mut [f64]) -> Outcome) -> Columns {
    let [mut a, mut b, mut c] = [0; 3].map(|_| vec![0.0; len]);
    let outcome = call(&mut a, &mut b, &mut c);
    [a, b, c]
        .into_iter()
        .map(|column| place(column, &outcome))
        .collect()
}

/// A parameter that counts bars.
fn bars(params: &[f64], at: usize) -> i32 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole and at most 100,000, as the table says"
    )]
    params.get(at).map_or(0, |value| *value as i32)
}

fn real(params: &[f64], at: usize) -> f64 {
    params.get(at).copied().unwrap_or(f64::NAN)
}

fn high_low_close(all: &Bars) -> [&[f64]; 3] {
    [Field::High, Field::Low, Field::Close].map(|field| all.column(field))
}

pub(super) fn sma(column: &[f64], params: &[f64]) -> Columns {
    one(column.len(), |out| {
        CORE.sma(0, last(column), column, bars(params, 0), out)
    })
}

pub(super) fn ema(column: &[f64], params: &[f64]) -> Columns {
    one(column.len(), |out| {
        CORE.ema(0, last(column), column, bars(params, 0), out)
    })
}

pub(super) fn roc(column: &[f64], params: &[f64]) -> Columns {
    one(column.len(), |out| {
        CORE.roc(0, last(column), column, bars(params, 0), out)
    })
}

/// TA-Lib calls prices that do not move "all losses" (0); they are neither, which is 50.
pub(super) fn rsi(column: &[f64], params: &[f64]) -> Columns {
    let period = bars(params, 0);
    let mut columns = one(column.len(), |out| {
        CORE.rsi(0, last(column), column, period, out)
    });
    for values in &mut columns {
        mend_flat(column, f64::from(period), values);
    }
    columns
}

/// Puts 50 where Wilder's average of gains and losses is nothing.
fn mend_flat(column: &[f64], period: f64, values: &mut [f64]) {
    let mut moved = 0.0;
    let mut seen = 0.0;
    let pairs = column.iter().zip(column.iter().skip(1));
    for ((before, now), value) in pairs.zip(values.iter_mut().skip(1)) {
        // The first average is plain, the later ones are smoothed; of both only zero matters.
        let step = (now - before).abs();
        moved = if seen < period {
            moved + step / period
        } else {
            (moved * (period - 1.0) + step) / period
        };
        seen += 1.0;
        if value.is_finite() && moved < ZERO {
            *value = 50.0;
        }
    }
}

pub(super) fn macd(column: &[f64], params: &[f64]) -> Columns {
    let [fast, slow, signal] = [0, 1, 2].map(|at| bars(params, at));
    three(column.len(), |line, smooth, hist| {
        CORE.macd(
            0,
            last(column),
            column,
            fast,
            slow,
            signal,
            line,
            smooth,
            hist,
        )
    })
}

pub(super) fn bbands(column: &[f64], params: &[f64]) -> Columns {
    let (period, up, down) = (bars(params, 0), real(params, 1), real(params, 2));
    three(column.len(), |upper, middle, lower| {
        let kind = MAType::SMA;
        CORE.bbands(
            0,
            last(column),
            column,
            period,
            up,
            down,
            kind,
            upper,
            middle,
            lower,
        )
    })
}

pub(super) fn stoch(all: &Bars, params: &[f64]) -> Columns {
    let [high, low, close] = high_low_close(all);
    let [fast, slow, signal] = [0, 1, 2].map(|at| bars(params, at));
    let mut k = vec![0.0; all.len()];
    let mut d = k.clone();
    let kind = MAType::SMA;
    let outcome = CORE.stoch(
        0,
        last(close),
        high,
        low,
        close,
        fast,
        slow,
        kind,
        signal,
        kind,
        &mut k,
        &mut d,
    );
    vec![place(k, &outcome), place(d, &outcome)]
}

pub(super) fn obv(all: &Bars, _: &[f64]) -> Columns {
    let (close, volume) = (all.column(Field::Close), all.column(Field::Volume));
    one(all.len(), |out| {
        CORE.obv(0, last(close), close, volume, out)
    })
}

pub(super) fn mfi(all: &Bars, params: &[f64]) -> Columns {
    let [high, low, close] = high_low_close(all);
    let volume = all.column(Field::Volume);
    let period = bars(params, 0);
    one(all.len(), |out| {
        CORE.mfi(0, last(close), high, low, close, volume, period, out)
    })
}

pub(super) fn atr(all: &Bars, params: &[f64]) -> Columns {
    let [high, low, close] = high_low_close(all);
    one(all.len(), |out| {
        CORE.atr(0, last(close), high, low, close, bars(params, 0), out)
    })
}

pub(super) fn adx(all: &Bars, params: &[f64]) -> Columns {
    let [high, low, close] = high_low_close(all);
    one(all.len(), |out| {
        CORE.adx(0, last(close), high, low, close, bars(params, 0), out)
    })
}

pub(super) fn plus_di(all: &Bars, params: &[f64]) -> Columns {
    let [high, low, close] = high_low_close(all);
    one(all.len(), |out| {
        CORE.plus_di(0, last(close), high, low, close, bars(params, 0), out)
    })
}

pub(super) fn minus_di(all: &Bars, params: &[f64]) -> Columns {
    let [high, low, close] = high_low_close(all);
    one(all.len(), |out| {
        CORE.minus_di(0, last(close), high, low, close, bars(params, 0), out)
    })
}

pub(super) fn cci(all: &Bars, params: &[f64]) -> Columns {
    let [high, low, close] = high_low_close(all);
    one(all.len(), |out| {
        CORE.cci(0, last(close), high, low, close, bars(params, 0), out)
    })
}

pub(super) fn willr(all: &Bars, params: &[f64]) -> Columns {
    let [high, low, close] = high_low_close(all);
    one(all.len(), |out| {
        CORE.willr(0, last(close), high, low, close, bars(params, 0), out)
    })
}
