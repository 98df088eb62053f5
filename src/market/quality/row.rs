//! Flaws that a bar has by itself.

use super::{Desk, units};
use crate::{analysis::Bar, market::Flaw};

/// Noise of prices that were rounded to single precision on their way.
const NOISE: f64 = 1e-6;

pub(super) fn check(desk: &mut Desk<'_>) {
    for at in 0..desk.rows.len() {
        let wrong = desk.rows.get(at).and_then(|row| flaw(&row.bar));
        if let Some((flaw, what)) = wrong {
            desk.quarantine(at, flaw, what);
        }
    }
}

fn flaw(bar: &Bar) -> Option<(Flaw, String)> {
    let prices = [
        ("open", bar.open),
        ("high", bar.high),
        ("low", bar.low),
        ("close", bar.close),
    ];
    for (name, value) in prices.into_iter().chain([("volume", bar.volume)]) {
        if !value.is_finite() {
            return Some((Flaw::Malformed, format!("{name} is {value}")));
        }
        if value < 0.0 || value == 0.0 && name != "volume" {
            return Some((Flaw::NotPositive, format!("{name} is {value}")));
        }
    }
    let Bar { high, low, .. } = *bar;
    if high < low * (1.0 - NOISE) {
        return Some((Flaw::Outside, format!("high {high} is below low {low}")));
    }
    let within = low * (1.0 - NOISE)..=high * (1.0 + NOISE);
    for (name, price) in [("open", bar.open), ("close", bar.close)] {
        if !within.contains(&price) {
            let what = format!("{name} {price} is not between low {low} and high {high}");
            return Some((Flaw::Outside, what));
        }
    }
    units::differ(low, high).then(|| {
        let what = format!("low {low} and high {high} cannot be in the same unit");
        (Flaw::UnitSwitch, what)
    })
}
