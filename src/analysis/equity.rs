//! The worth of an account day by day: what it began with, what was earned, and what is held at the
//! closes.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::{
    book::{Book, BookError, Trade},
    performance::{Known, float},
};
use crate::micros::Micros;

/// The closes of symbols, each by its days.
pub type Closes = BTreeMap<String, BTreeMap<Date, f64>>;

/// An account over a span of days.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// Its worth at the end of each day on which anything has a close, the day before the span
    /// included; or why it is not known.
    pub equity: Result<Vec<f64>, &'static str>,
    /// The share of those days on which something is held.
    pub exposure: Known,
}

/// The account that began with `capital`, over the days from `from` to `to`; `trades` are all that
/// there ever were, in the order of their times. A day is one of UTC.
///
/// # Errors
/// [`BookError`] if the trades make no sense.
pub fn account(
    trades: &[Trade],
    closes: &Closes,
    capital: Option<Micros>,
    from: Date,
    to: Date,
) -> Result<Account, BookError> {
    let mut days: Vec<Date> = closes.values().flat_map(BTreeMap::keys).copied().collect();
    days.sort_unstable();
    days.dedup();
    let before = days.partition_point(|day| *day < from).saturating_sub(1);
    let within = days.iter().skip(before).filter(|day| **day <= to);
    let mut book = Book::default();
    let mut left = trades.iter().peekable();
    let (mut equity, mut held, mut counted) = (Vec::new(), 0, 0);
    let mut unknown = None;
    for day in within {
        while let Some(trade) = left.next_if(|trade| date(trade) <= *day) {
            book.add(trade)?;
        }
        match worth(&book, closes, *day) {
            Some(earned) => equity.push(earned + capital.unwrap_or_default().to_f64()),
            None => unknown = Some("something is held that has no price"),
        }
        if *day >= from {
            counted += 1;
            let holds = |book: &Book| book.positions.values().any(|p| p.quantity > Micros::ZERO);
            held += usize::from(holds(&book));
        }
    }
    let unknown = match capital {
        None => Some("`--capital` says what the account began with"),
        Some(_) => unknown,
    };
    Ok(Account {
        equity: unknown.map_or(Ok(equity), Err),
        exposure: match counted {
            0 => Err("no day has prices"),
            days => Ok(float(held) / float(days)),
        },
    })
}

fn date(trade: &Trade) -> Date {
    trade.at.to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// What was earned so far, sold or not; `None` where something held has no close yet.
fn worth(book: &Book, closes: &Closes, day: Date) -> Option<f64> {
    let mut sum = 0.0;
    for (symbol, position) in &book.positions {
        sum += position.realised.to_f64();
        if position.quantity > Micros::ZERO {
            let (_, close) = closes.get(symbol)?.range(..=day).next_back()?;
            sum += position.quantity.to_f64() * close - position.cost.to_f64();
        }
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::{super::book::Side, *};

    fn trade(side: Side, day: &str, price: &str) -> Trade {
        Trade {
            symbol: "X".into(),
            side,
            quantity: "10".parse().unwrap(),
            price: price.parse().unwrap(),
            fee: "1".parse().unwrap(),
            at: format!("{day}T15:00:00Z").parse().unwrap(),
            strategy: None,
            note: None,
        }
    }

    #[test]
    fn an_account_is_worth_what_it_began_with_and_what_was_earned() {
        let trades = [
            trade(Side::Buy, "2026-01-06", "100"),
            trade(Side::Sell, "2026-01-08", "105"),
        ];
        let days = [(5, 99.0), (6, 101.0), (7, 98.0), (8, 104.0), (9, 90.0)];
        let closes = days.map(|(day, close)| (date(2026, 1, day), close));
        let closes = Closes::from([("X".to_owned(), closes.into())]);
        let capital = Some("1000".parse().unwrap());
        let (from, to) = (date(2026, 1, 6), date(2026, 1, 9));
        let account = super::account(&trades, &closes, capital, from, to).unwrap();
        let expected = [1000.0, 1009.0, 979.0, 1048.0, 1048.0];
        assert_eq!(account.equity, Ok(expected.to_vec()));
        assert_eq!(account.exposure, Ok(0.5));
        let none = super::account(&trades, &closes, None, from, to).unwrap();
        assert!(none.equity.unwrap_err().contains("--capital"));
        let bare = super::account(&trades, &Closes::new(), capital, from, to).unwrap();
        assert_eq!(
            (bare.equity, bare.exposure),
            (Ok(vec![]), Err("no day has prices"))
        );
    }

    proptest! {
        #[test]
        fn an_account_is_its_cash_and_what_it_holds(
            dice in prop::collection::vec((any::<bool>(), 1_u32..50, 100_u32..20_000, 0_u32..300), 1..40),
            closes in prop::collection::vec(1.0..200.0, 45),
        ) {
            // One trade a day; independent of average costs: cash, shares, and the close.
            let (mut cash, mut shares, mut held) = (10_000.0, 0_u32, 0_u32);
            let mut trades = Vec::new();
            let mut expected = vec![cash];
            let first = date(2026, 1, 1);
            let day = |at: usize| first + jiff::Span::new().days(i64::try_from(at).unwrap());
            for (at, (buys, quantity, cents, fee)) in dice.into_iter().enumerate() {
                let (side, quantity) = match (buys, shares) {
                    (true, _) | (false, 0) => (Side::Buy, quantity),
                    (false, shares) => (Side::Sell, quantity.min(shares)),
                };
                let micros = |cents: u32| Micros(i64::from(cents) * 10_000);
                trades.push(Trade {
                    quantity: Micros(i64::from(quantity) * 1_000_000),
                    price: micros(cents),
                    fee: micros(fee),
                    ..trade(side, &day(at + 1).to_string(), "1")
                });
                let amount = f64::from(quantity) * f64::from(cents) / 100.0;
                cash -= f64::from(fee) / 100.0;
                if side == Side::Buy {
                    cash -= amount;
                    shares += quantity;
                } else {
                    cash += amount;
                    shares -= quantity;
                }
                expected.push(cash + f64::from(shares) * closes[at + 1]);
                held += u32::from(shares > 0);
            }
            let last = trades.len();
            let days = (0..=last).map(|at| (day(at), closes[at]));
            let closes = Closes::from([("X".to_owned(), days.collect())]);
            let capital = Some("10000".parse().unwrap());
            let account = super::account(&trades, &closes, capital, day(1), day(last)).unwrap();
            let equity = account.equity.unwrap();
            prop_assert_eq!(equity.len(), expected.len());
            for (worth, expected) in equity.iter().zip(&expected) {
                prop_assert!((worth - expected).abs() < 1e-3, "{} {}", worth, expected);
            }
            let exposure = f64::from(held) / f64::from(u32::try_from(last).unwrap());
            prop_assert!((account.exposure.unwrap() - exposure).abs() < 1e-12);
        }
    }
}
