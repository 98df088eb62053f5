//! Trades to positions: what is held, what it cost, and what was earned by selling it.

use std::{collections::BTreeMap, fmt, str::FromStr};

use jiff::Timestamp;

use crate::micros::Micros;

/// Which way a trade or a signal goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Into a position.
    Buy,
    /// Out of it.
    Sell,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        })
    }
}

impl FromStr for Side {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "buy" => Ok(Self::Buy),
            "sell" => Ok(Self::Sell),
            _ => Err(format!("`{text}` is neither `buy` nor `sell`")),
        }
    }
}

/// One trade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trade {
    /// What was traded.
    pub symbol: String,
    /// Which way.
    pub side: Side,
    /// How much; more than nothing.
    pub quantity: Micros,
    /// The price of one; more than nothing.
    pub price: Micros,
    /// What the trade itself cost; not negative.
    pub fee: Micros,
    /// When.
    pub at: Timestamp,
    /// The strategy that led to it.
    pub strategy: Option<String>,
    /// What a person wants to remember.
    pub note: Option<String>,
}

/// What is held of a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// How much.
    pub quantity: Micros,
    /// What all of it cost, without fees.
    pub cost: Micros,
    /// Earned by selling, all fees so far taken off.
    pub realised: Micros,
    /// The fees of buying what is held.
    fees: Micros,
    /// Since when something is held without a break.
    since: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
}

impl Position {
    /// What one of what is held cost on average; nothing when nothing is held.
    pub fn average_cost(&self) -> Micros {
        self.cost.over(self.quantity).unwrap_or_default()
    }
}

/// A sale, and what became of what was sold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// What was sold.
    pub symbol: String,
    /// The strategy of the sale.
    pub strategy: Option<String>,
    /// How much.
    pub quantity: Micros,
    /// What was earned: proceeds without the average cost of what was sold, its share of the fees of
    /// buying, and the fee of selling.
    pub pnl: Micros,
    /// Since when something was held.
    pub opened_at: Timestamp,
    /// When it was sold.
    pub closed_at: Timestamp,
}

/// Why trades make no sense together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// More is sold than is held.
    #[error("{sold} {symbol} are sold at {at}, but {held} are held then")]
    NotHeld {
        /// The symbol.
        symbol: String,
        /// When.
        at: Timestamp,
        /// How many.
        sold: Micros,
        /// Of how many.
        held: Micros,
    },
    /// A sum is larger than can be reckoned with.
    #[error("the trades of {symbol} make sums beyond 9 billion")]
    TooLarge {
        /// The symbol.
        symbol: String,
    },
}

/// All trades, added up by average cost. Nothing is ever sold short.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Book {
    /// By symbol; also those of which nothing is held any more.
    pub positions: BTreeMap<String, Position>,
    /// In the order of the sales.
    pub closed: Vec<Closed>,
}

impl Book {
    /// Adds up trades, which are in the order of their times.
    ///
    /// # Errors
    /// [`BookError`] at the first trade that cannot be.
    pub fn of<'a>(trades: impl IntoIterator<Item = &'a Trade>) -> Result<Self, BookError> {
        let mut book = Self::default();
        for trade in trades {
            book.add(trade)?;
        }
        Ok(book)
    }

    /// Adds a trade.
    ///
    /// # Errors
    /// [`BookError`]; then nothing has changed.
    pub fn add(&mut self, trade: &Trade) -> Result<(), BookError> {
        let before = self.positions.get(&trade.symbol).copied();
        let before = before.unwrap_or(Position {
            quantity: Micros::ZERO,
            cost: Micros::ZERO,
            realised: Micros::ZERO,
            fees: Micros::ZERO,
            since: trade.at,
            updated_at: trade.at,
        });
        let too_large = || BookError::TooLarge {
            symbol: trade.symbol.clone(),
        };
        let after = match trade.side {
            Side::Buy => bought(&before, trade).ok_or_else(too_large)?,
            Side::Sell if trade.quantity > before.quantity => {
                return Err(BookError::NotHeld {
                    symbol: trade.symbol.clone(),
                    at: trade.at,
                    sold: trade.quantity,
                    held: before.quantity,
                });
            }
            Side::Sell => {
                let (after, pnl) = sold(&before, trade).ok_or_else(too_large)?;
                self.closed.push(Closed {
                    symbol: trade.symbol.clone(),
                    strategy: trade.strategy.clone(),
                    quantity: trade.quantity,
                    pnl,
                    opened_at: before.since,
                    closed_at: trade.at,
                });
                after
            }
        };
        self.positions.insert(trade.symbol.clone(), after);
        Ok(())
    }
}

fn bought(before: &Position, trade: &Trade) -> Option<Position> {
    let opens = before.quantity == Micros::ZERO;
    Some(Position {
        quantity: before.quantity.plus(trade.quantity)?,
        cost: before.cost.plus(trade.quantity.times(trade.price)?)?,
        realised: before.realised.minus(trade.fee)?,
        fees: before.fees.plus(trade.fee)?,
        since: if opens { trade.at } else { before.since },
        updated_at: trade.at,
    })
}

fn sold(before: &Position, trade: &Trade) -> Option<(Position, Micros)> {
    let cost = before.cost.share(trade.quantity, before.quantity)?;
    let fees = before.fees.share(trade.quantity, before.quantity)?;
    let earned = trade.quantity.times(trade.price)?.minus(cost)?;
    let earned = earned.minus(trade.fee)?;
    let after = Position {
        quantity: before.quantity.minus(trade.quantity)?,
        cost: before.cost.minus(cost)?,
        realised: before.realised.plus(earned)?,
        fees: before.fees.minus(fees)?,
        since: before.since,
        updated_at: trade.at,
    };
    Some((after, earned.minus(fees)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> Micros {
        text.parse().unwrap()
    }

    fn trade(side: Side, quantity: &str, price: &str, day: i64) -> Trade {
        Trade {
            symbol: "X".into(),
            side,
            quantity: of(quantity),
            price: of(price),
            fee: of("1"),
            at: Timestamp::from_second(day * 86_400).unwrap(),
            strategy: None,
            note: None,
        }
    }

    #[test]
    fn the_average_cost_of_what_is_sold_comes_off() {
        let trades = [
            trade(Side::Buy, "10", "100", 1),
            trade(Side::Buy, "10", "110", 2),
            trade(Side::Sell, "5", "120", 3),
            trade(Side::Sell, "15", "100", 4),
        ];
        let book = Book::of(&trades).unwrap();
        // 5 × (120 − 105) − 1 − 5/20 of 2; 15 × (100 − 105) − 1 − the rest of 2.
        let pnl: Vec<Micros> = book.closed.iter().map(|closed| closed.pnl).collect();
        assert_eq!(pnl, [of("73.5"), of("-77.5")]);
        let position = book.positions["X"];
        assert_eq!(
            (position.quantity, position.cost),
            (Micros::ZERO, Micros::ZERO)
        );
        assert_eq!(position.realised, of("-4"));
        let half = Book::of(&trades[..3]).unwrap().positions["X"];
        assert_eq!((half.quantity, half.average_cost()), (of("15"), of("105")));
    }

    #[test]
    fn what_is_not_held_cannot_be_sold() {
        let trades = [
            trade(Side::Buy, "1", "1", 1),
            trade(Side::Sell, "1.5", "1", 2),
        ];
        let error = Book::of(&trades).unwrap_err();
        assert_eq!(
            error.to_string(),
            "1.50 X are sold at 1970-01-03T00:00:00Z, but 1.00 are held then"
        );
    }

    proptest! {
        #[test]
        fn money_is_neither_made_nor_lost(
            all in prop::collection::vec((any::<bool>(), 1_i64..1_000_000_000, 1_i64..1_000_000_000), 1..60),
        ) {
            let mut book = Book::default();
            let mut cash = 0_i128;
            for (day, (buys, quantity, price)) in (0..).zip(all) {
                let held = book.positions.get("X").map_or(0, |position| position.quantity.0);
                let (side, quantity) = if buys || held == 0 {
                    (Side::Buy, quantity)
                } else {
                    (Side::Sell, quantity.min(held))
                };
                let mut trade = trade(side, "1", "1", day);
                (trade.quantity, trade.price) = (Micros(quantity), Micros(price));
                let amount = i128::from(trade.quantity.times(trade.price).unwrap().0);
                cash += if side == Side::Buy { -amount } else { amount } - 1_000_000;
                book.add(&trade).unwrap();
            }
            let position = book.positions["X"];
            // What came in and went out is what was earned and what is still invested.
            prop_assert_eq!(cash, i128::from(position.realised.0) - i128::from(position.cost.0));
            let closed: Micros = book.closed.iter().map(|closed| closed.pnl).sum();
            prop_assert_eq!(closed.0 - position.fees.0, position.realised.0);
        }
    }
}
