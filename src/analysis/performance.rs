//! What trades were worth: the usual figures, each undefined where it is, with the reason.
//!
//! - win rate: closed trades with a gain / closed trades;
//! - profit factor: sum of gains / sum of losses;
//! - expectancy: mean gain of a closed trade;
//! - Sharpe ratio: mean of the daily returns / their standard deviation (n − 1), × √252;
//! - Sortino ratio: mean of the daily returns / √(mean of min(return, 0)²), × √252;
//! - maximum drawdown: the largest fall from a peak so far, the start included, as a share of the
//!   peak.

use super::book::Closed;
use crate::micros::Micros;

/// Trading days in a year, as is usual.
const YEAR: f64 = 252.0;

/// A figure, or why there is none.
pub type Known = Result<f64, &'static str>;

const NO_TRADE: &str = "no trade was closed";

/// The figures of closed trades.
#[derive(Debug, Clone, PartialEq)]
pub struct Performance {
    /// How many were closed.
    pub closed: usize,
    /// How many with a gain.
    pub wins: usize,
    /// How many with a loss.
    pub losses: usize,
    /// The sum of all gains and losses.
    pub net: Micros,
    /// Wins / closed.
    pub win_rate: Known,
    /// Gains / losses.
    pub profit_factor: Known,
    /// Net / closed.
    pub expectancy: Known,
}

impl Performance {
    /// The figures of these trades.
    pub fn of<'a>(trades: impl IntoIterator<Item = &'a Closed>) -> Self {
        let pnl: Vec<Micros> = trades.into_iter().map(|closed| closed.pnl).collect();
        let gains: Vec<Micros> = pnl.iter().copied().filter(|pnl| pnl.0 > 0).collect();
        let losses: Vec<Micros> = pnl.iter().copied().filter(|pnl| pnl.0 < 0).collect();
        let net: Micros = pnl.iter().copied().sum();
        let closed = pnl.len();
        let (won, lost) = (total(&gains), total(&losses).abs());
        let some = |value: f64| {
            if closed == 0 {
                Err(NO_TRADE)
            } else {
                Ok(value)
            }
        };
        Self {
            closed,
            wins: gains.len(),
            losses: losses.len(),
            net,
            win_rate: some(float(gains.len()) / float(closed)),
            profit_factor: match (closed, losses.len()) {
                (0, _) => Err(NO_TRADE),
                (_, 0) => Err("no trade was closed with a loss"),
                _ => Ok(won / lost),
            },
            expectancy: some(net.to_f64() / float(closed)),
        }
    }
}

fn total(all: &[Micros]) -> f64 {
    all.iter().copied().sum::<Micros>().to_f64()
}

#[expect(clippy::cast_precision_loss, reason = "nobody trades 2^52 times")]
pub(super) fn float(count: usize) -> f64 {
    count as f64
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / float(values.len())
}

/// Returns from one value to the next.
fn returns(equity: &[f64]) -> Result<Vec<f64>, &'static str> {
    if equity.iter().any(|value| *value <= 0.0) {
        return Err("the account was empty");
    }
    let pairs = equity.iter().zip(equity.iter().skip(1));
    Ok(pairs.map(|(before, now)| now / before - 1.0).collect())
}

/// The Sharpe ratio of daily values of an account, the start included.
///
/// # Errors
/// The reason why there is none.
pub fn sharpe(equity: &[f64]) -> Known {
    let returns = returns(equity)?;
    if returns.len() < 2 {
        return Err("fewer than two days");
    }
    let mean = mean(&returns);
    let squares: f64 = returns.iter().map(|r| (r - mean).powi(2)).sum();
    let deviation = (squares / float(returns.len() - 1)).sqrt();
    if deviation == 0.0 {
        return Err("the account never changed its pace");
    }
    Ok(mean / deviation * YEAR.sqrt())
}

/// The Sortino ratio of daily values of an account, the start included.
///
/// # Errors
/// The reason why there is none.
pub fn sortino(equity: &[f64]) -> Known {
    let returns = returns(equity)?;
    if returns.is_empty() {
        return Err("fewer than two days");
    }
    let falls: Vec<f64> = returns.iter().map(|r| r.min(0.0).powi(2)).collect();
    let deviation = mean(&falls).sqrt();
    if deviation == 0.0 {
        return Err("the account never fell");
    }
    Ok(mean(&returns) / deviation * YEAR.sqrt())
}

/// The maximum drawdown of daily values of an account, the start included, from 0 to 1.
///
/// # Errors
/// The reason why there is none.
pub fn drawdown(equity: &[f64]) -> Known {
    if equity.is_empty() {
        return Err("no day");
    }
    let mut peak = f64::NEG_INFINITY;
    let mut deepest = 0.0_f64;
    for value in equity {
        peak = peak.max(*value);
        if peak <= 0.0 {
            return Err("the account was empty");
        }
        deepest = deepest.max((peak - value) / peak);
    }
    Ok(deepest)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn closed(pnl: &str) -> Closed {
        Closed {
            symbol: "X".into(),
            strategy: None,
            quantity: Micros::ONE,
            pnl: pnl.parse().unwrap(),
            opened_at: Timestamp::UNIX_EPOCH,
            closed_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn near(known: Known, expected: f64) {
        let value = known.unwrap();
        assert!((value - expected).abs() < 1e-9, "{value} {expected}");
    }

    #[test]
    fn the_figures_are_those_of_a_table_worked_by_hand() {
        let trades = ["100", "-50", "30", "0", "-10"].map(closed);
        let figures = Performance::of(&trades);
        assert_eq!((figures.closed, figures.wins, figures.losses), (5, 2, 2));
        assert_eq!(figures.net.to_string(), "70.00");
        near(figures.win_rate, 0.4);
        near(figures.profit_factor, 130.0 / 60.0);
        near(figures.expectancy, 14.0);
        // Returns 0.1, -0.1, 0.2: mean 1/15, standard deviation √(7/300).
        let equity = [100.0, 110.0, 99.0, 118.8];
        near(
            sharpe(&equity),
            (1.0 / 15.0) / (7.0_f64 / 300.0).sqrt() * 252.0_f64.sqrt(),
        );
        near(
            sortino(&equity),
            (1.0 / 15.0) / (0.01_f64 / 3.0).sqrt() * 252.0_f64.sqrt(),
        );
        near(drawdown(&equity), 0.1);
        near(drawdown(&[100.0, 80.0, 120.0, 90.0]), 0.25);
    }

    #[test]
    fn what_is_undefined_has_a_reason() {
        let none = Performance::of(&[]);
        assert_eq!(none.win_rate, Err(NO_TRADE));
        assert_eq!(none.expectancy, Err(NO_TRADE));
        let won = [closed("1")];
        let reason = Performance::of(&won).profit_factor;
        assert_eq!(reason, Err("no trade was closed with a loss"));
        assert_eq!(sharpe(&[1.0]), Err("fewer than two days"));
        assert!(sharpe(&[1.0, 2.0, 4.0]).is_err());
        assert_eq!(sortino(&[1.0, 2.0]), Err("the account never fell"));
        assert_eq!(drawdown(&[]), Err("no day"));
        assert_eq!(sharpe(&[1.0, 0.0, 1.0]), Err("the account was empty"));
    }

    proptest! {
        #[test]
        fn an_independent_reckoning_agrees(pnl in prop::collection::vec(-1_000_000_i64..1_000_000, 1..50)) {
            let trades: Vec<Closed> = pnl
                .iter()
                .map(|pnl| Closed { pnl: Micros(*pnl), ..closed("1") })
                .collect();
            let figures = Performance::of(&trades);
            // Whole numbers until the very last division.
            let (won, lost) = pnl.iter().fold((0_i64, 0_i64), |(won, lost), pnl| {
                (won + pnl.max(&0), lost - pnl.min(&0))
            });
            if lost > 0 {
                near(figures.profit_factor, Micros(won).to_f64() / Micros(lost).to_f64());
            }
            near(figures.expectancy, Micros(won - lost).to_f64() / float(pnl.len()));
            prop_assert_eq!(figures.net.0, won - lost);
        }

        #[test]
        fn the_ratios_are_those_of_sums_of_squares(equity in prop::collection::vec(50.0..150.0, 3..60)) {
            let returns: Vec<f64> = equity.windows(2).map(|pair| (pair[1] - pair[0]) / pair[0]).collect();
            let n = float(returns.len());
            let (mut sum, mut squares, mut falls) = (0.0, 0.0, 0.0);
            for r in &returns {
                sum += r;
                squares += r * r;
                falls += if *r < 0.0 { r * r } else { 0.0 };
            }
            let mean = sum / n;
            let spread = ((squares - n * mean * mean) / (n - 1.0)).sqrt();
            let close = |known: Known, expected: f64| {
                let value = known.unwrap();
                assert!((value - expected).abs() < 1e-6 * expected.abs().max(1.0), "{value} {expected}");
            };
            close(sharpe(&equity), mean * 252.0_f64.sqrt() / spread);
            if falls > 0.0 {
                close(sortino(&equity), mean * 252.0_f64.sqrt() / (falls / n).sqrt());
            } else {
                prop_assert_eq!(sortino(&equity), Err("the account never fell"));
            }
        }

        #[test]
        fn the_drawdown_is_the_worst_of_all_pairs(equity in prop::collection::vec(1.0..100.0, 1..40)) {
            let mut worst = 0.0_f64;
            for (at, peak) in equity.iter().enumerate() {
                for later in &equity[at..] {
                    worst = worst.max(1.0 - later / peak);
                }
            }
            near(drawdown(&equity), worst);
        }
    }
}
