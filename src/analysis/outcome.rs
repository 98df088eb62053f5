//! What came after signals: were they any better than holding on?

use super::{book::Side, performance::float};

/// Bounds of a share, at 95 %.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower one, from 0.
    pub low: f64,
    /// The upper one, up to 1.
    pub high: f64,
}

/// Wilson's interval of `hits` out of `of` at 95 %; `None` for none of none.
///
/// E. B. Wilson, Probable Inference, the Law of Succession, and Statistical Inference, 1927.
pub fn wilson(hits: usize, of: usize) -> Option<Interval> {
    const Z: f64 = 1.959_963_984_540_054;
    if of == 0 {
        return None;
    }
    let n = float(of);
    let share = float(hits) / n;
    let middle = share + Z * Z / (2.0 * n);
    let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    Some(Interval {
        low: ((middle - half) / scale).max(0.0),
        high: ((middle + half) / scale).min(1.0),
    })
}

/// What came a number of bars after signals.
#[derive(Debug, Clone, PartialEq)]
pub struct Forward {
    /// How many bars after.
    pub bars: usize,
    /// How many signals are old enough.
    pub known: usize,
    /// How many of them were right: the price rose after a buy, fell after a sell.
    pub right: usize,
    /// Bounds of the share of those that are right.
    pub interval: Option<Interval>,
    /// The mean change of the price in the direction of the signal, as a share.
    pub mean: Option<f64>,
    /// The mean change over as many bars from every bar: what holding on brings.
    pub holding: Option<f64>,
}

impl Forward {
    /// Whether chance alone can be ruled out, at 95 %.
    pub fn is_evidence(&self) -> bool {
        self.interval
            .is_some_and(|interval| interval.low > 0.5 || interval.high < 0.5)
    }
}

/// The signals of one symbol.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Signalled {
    /// The close of each bar.
    pub closes: Vec<f64>,
    /// The position of the bar of each signal, and which way it pointed.
    pub signals: Vec<(usize, Side)>,
}

/// What came `bars` bars after each signal.
pub fn forward(series: &[Signalled], bars: usize) -> Forward {
    let mut changes = Vec::new();
    let mut holding = Vec::new();
    for Signalled { closes, signals } in series {
        let change = |at: usize| {
            let (from, to) = (closes.get(at)?, closes.get(at.checked_add(bars)?)?);
            (*from > 0.0).then(|| to / from - 1.0)
        };
        holding.extend((0..closes.len()).filter_map(change));
        changes.extend(signals.iter().filter_map(|(at, side)| match side {
            Side::Buy => change(*at),
            Side::Sell => change(*at).map(|change| -change),
        }));
    }
    let right = changes.iter().filter(|change| **change > 0.0).count();
    let mean = |all: &[f64]| (!all.is_empty()).then(|| all.iter().sum::<f64>() / float(all.len()));
    Forward {
        bars,
        known: changes.len(),
        right,
        interval: wilson(right, changes.len()),
        mean: mean(&changes),
        holding: mean(&holding),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_interval_is_that_of_published_tables() {
        // Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
        for (hits, of, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let interval = wilson(hits, of).unwrap();
            assert!((interval.low - low).abs() < 5e-5, "{interval:?}");
            assert!((interval.high - high).abs() < 5e-5, "{interval:?}");
        }
        assert_eq!(wilson(0, 0), None);
    }

    #[test]
    fn a_sell_is_right_when_the_price_falls() {
        let closes = vec![100.0, 110.0, 99.0, 99.0];
        let signals = vec![
            (0, Side::Buy),
            (1, Side::Sell),
            (2, Side::Buy),
            (3, Side::Buy),
        ];
        let after = forward(&[Signalled { closes, signals }], 1);
        assert_eq!((after.known, after.right), (3, 2));
        assert!((after.mean.unwrap() - 0.2 / 3.0).abs() < 1e-12);
        assert!(after.holding.unwrap().abs() < 1e-12);
        assert!(!after.is_evidence());
        assert_eq!(forward(&[], 5).mean, None);
    }

    #[test]
    fn many_right_ones_are_evidence() {
        let closes: Vec<f64> = (1..100).map(f64::from).collect();
        let signals = (0..20).map(|at| (at, Side::Buy)).collect();
        assert!(forward(&[Signalled { closes, signals }], 5).is_evidence());
    }

    proptest! {
        #[test]
        fn an_independent_reckoning_agrees(
            closes in prop::collection::vec(1.0..100.0, 1..40),
            places in prop::collection::vec((0_usize..45, any::<bool>()), 0..30),
            bars in 1_usize..25,
        ) {
            let side = |buys| if buys { Side::Buy } else { Side::Sell };
            let signals = places.iter().map(|(at, buys)| (*at, side(*buys))).collect();
            let after = forward(&[Signalled { closes: closes.clone(), signals }], bars);
            let (mut known, mut right, mut sum) = (0, 0, 0.0);
            for (at, buys) in places {
                if at + bars < closes.len() {
                    let change = (closes[at + bars] - closes[at]) / closes[at];
                    let gain = if buys { change } else { -change };
                    known += 1;
                    right += usize::from(gain > 0.0);
                    sum += gain;
                }
            }
            prop_assert_eq!((after.known, after.right), (known, right));
            prop_assert_eq!(after.mean.is_some(), known > 0);
            let mean = after.mean.unwrap_or_default();
            prop_assert!((mean * float(known) - sum).abs() < 1e-9);
            prop_assert_eq!(after.holding.is_some(), closes.len() > bars);
        }
    }
}
