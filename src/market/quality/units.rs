//! Prices in another unit: pence for pounds, and other powers of ten.
//!
//! Closes in a row that differ by far more than prices can are of different units. Which unit is right
//! is told by the bars that are stored; where there are none by where trading took place, since prices
//! without volume are only carried over; then by how many bars have it.

use std::cmp::Reverse;

use super::{Desk, bars};
use crate::market::{Flaw, Split};

/// A hundred, give or take a day's move.
const HUNDRED: std::ops::RangeInclusive<f64> = 67.0..=150.0;
/// No price changes by so much.
const NO_PRICE: f64 = 1_000.0;
/// Prices are of one unit as long as they are less than half a power of ten apart.
const NEAR: f64 = 3.2;

/// Whether two prices in a row are of different units.
pub(super) fn differ(a: f64, b: f64) -> bool {
    let ratio = apart(a, b);
    HUNDRED.contains(&ratio) || ratio >= NO_PRICE
}

fn apart(a: f64, b: f64) -> f64 {
    if a > b { a / b } else { b / a }
}

/// Bars of one unit.
#[derive(Default)]
struct Unit {
    /// The power of ten by which it differs from that of the first bar.
    power: f64,
    last: f64,
    bars: usize,
    traded: usize,
    agree: usize,
    disagree: usize,
}

pub(super) fn check(desk: &mut Desk<'_>) {
    let (units, of) = sort(desk);
    let rank = |unit: &Unit| (unit.agree, Reverse(unit.disagree), unit.traded, unit.bars);
    let Some((right, best)) = units.iter().enumerate().max_by_key(|(_, unit)| rank(unit)) else {
        return;
    };
    let none_agrees = best.agree == 0 && best.disagree > 2;
    if units.len() < 2 && !none_agrees {
        return;
    }
    let powers: Vec<f64> = units.iter().map(|unit| unit.power - best.power).collect();
    for (at, unit) in of {
        let power = powers.get(unit).copied().unwrap_or_default();
        if unit != right {
            desk.quarantine(at, Flaw::UnitSwitch, other(power));
        } else if none_agrees {
            let what = "the bars that are stored are in another unit".to_owned();
            desk.quarantine(at, Flaw::UnitSwitch, what);
        }
    }
}

fn other(power: f64) -> String {
    let times = 10_f64.powf(power.abs());
    if power < 0.0 {
        format!("prices are 1/{times} of those around")
    } else {
        format!("prices are {times} times those around")
    }
}

/// The units there are, and of which one each row is.
fn sort(desk: &Desk<'_>) -> (Vec<Unit>, Vec<(usize, usize)>) {
    let mut units: Vec<Unit> = Vec::new();
    let mut of = Vec::with_capacity(desk.rows.len());
    let mut now = 0;
    let stored = desk.context.stored.map(|stored| bars(stored.bars));
    let mut stored = stored.into_iter().flatten().peekable();
    for (at, bar) in desk.kept() {
        now = match units.get(now) {
            None => found(&mut units, 0.0, bar.close),
            Some(unit) if is_other(desk, &units, unit, bar.close, bar.stamp) => {
                let power = unit.power + (bar.close / unit.last).log10().round();
                found(&mut units, power, bar.close)
            }
            Some(_) => now,
        };
        while stored.next_if(|old| old.stamp < bar.stamp).is_some() {}
        let same = stored.next_if(|old| old.stamp == bar.stamp);
        if let Some(unit) = units.get_mut(now) {
            unit.last = bar.close;
            unit.bars += 1;
            unit.traded += usize::from(bar.volume > 0.0);
            if let Some(old) = same {
                let differ = differ(old.close, bar.close);
                unit.disagree += usize::from(differ);
                unit.agree += usize::from(!differ);
            }
        }
        of.push((at, now));
    }
    (units, of)
}

/// Whether a close is of another unit than the one before.
fn is_other(
    desk: &Desk<'_>,
    units: &[Unit],
    unit: &Unit,
    close: f64,
    stamp: crate::analysis::Stamp,
) -> bool {
    let ratio = apart(unit.last, close);
    if ratio < 10.0 {
        return false;
    }
    // Back where it was before: less will do.
    let back = || units.iter().any(|other| apart(other.last, close) < 2.0);
    if !differ(unit.last, close) && !back() {
        return false;
    }
    let date = desk.date(stamp);
    let explains =
        |split: &&Split| split.on == date && apart(close / unit.last, 1.0 / split.ratio) < NEAR;
    !desk.series.splits.iter().any(|split| explains(&split))
}

/// The unit of that power, or of prices like that; a new one if there is none.
fn found(units: &mut Vec<Unit>, power: f64, close: f64) -> usize {
    let like = |unit: &Unit| {
        #[expect(clippy::float_cmp, reason = "powers are whole numbers")]
        let same = unit.power == power;
        same || apart(unit.last, close) < NEAR
    };
    units.iter().position(like).unwrap_or_else(|| {
        units.push(Unit {
            power,
            ..Unit::default()
        });
        units.len() - 1
    })
}
