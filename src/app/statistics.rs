//! Figures over what the store holds: of trades and of signals.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::Error;
use crate::{
    analysis::{
        Account, Bars, Book, Closes, Field, Forward, Known, Performance, Signalled, Stamp, Trade,
        account, drawdown, forward, sharpe, sortino,
    },
    micros::Micros,
    store::{self, StoredSignal},
};

/// How many bars after a signal its outcome is looked at.
const HORIZONS: [usize; 3] = [1, 5, 20];

/// What trades were worth in a span of time.
#[derive(Debug)]
pub struct TradeStats {
    /// The trades that were closed in it.
    pub performance: Performance,
    /// How many trades were made in it.
    pub trades: usize,
    /// As [`sharpe`].
    pub sharpe: Known,
    /// As [`sortino`].
    pub sortino: Known,
    /// As [`drawdown`].
    pub drawdown: Known,
    /// The share of days on which something was held.
    pub exposure: Known,
    /// When the newest trade of all was made.
    pub newest: Option<Timestamp>,
}

/// The figures of the trades between two instants; `capital` is what the account began with.
///
/// # Errors
/// [`Error::Store`].
pub fn trade_stats(
    database: &Path,
    from: Timestamp,
    to: Timestamp,
    capital: Option<Micros>,
) -> Result<TradeStats, Error> {
    let stored = store::trades(database)?;
    let trades: Vec<Trade> = stored.into_iter().map(|stored| stored.trade).collect();
    let within = |at: Timestamp| from <= at && at <= to;
    let book = Book::of(&trades).map_err(store::Error::from)?;
    let closed = book.closed.iter().filter(|trade| within(trade.closed_at));
    let (first, last) = (day(from), day(to));
    let prices = closes(database, &trades)?;
    let account = account(&trades, &prices, capital, first, last).map_err(store::Error::from)?;
    let Account { equity, exposure } = account;
    let of = |figure: fn(&[f64]) -> Known| match &equity {
        Ok(equity) => figure(equity),
        Err(reason) => Err(*reason),
    };
    Ok(TradeStats {
        performance: Performance::of(closed),
        trades: trades.iter().filter(|trade| within(trade.at)).count(),
        sharpe: of(sharpe),
        sortino: of(sortino),
        drawdown: of(drawdown),
        exposure,
        newest: trades.last().map(|trade| trade.at),
    })
}

/// The daily closes of everything that was ever traded.
fn closes(database: &Path, trades: &[Trade]) -> Result<Closes, Error> {
    let symbols: BTreeSet<&str> = trades.iter().map(|trade| trade.symbol.as_str()).collect();
    let mut closes = Closes::new();
    for symbol in symbols {
        let bars = store::daily_bars(database, symbol)?;
        let days = bars.stamps().iter().map(day_of);
        let of_days = days.zip(bars.column(Field::Close).iter().copied());
        closes.insert(symbol.to_owned(), of_days.collect());
    }
    Ok(closes)
}

/// What signals there were in a span of time, and what came of them.
#[derive(Debug)]
pub struct SignalStats {
    /// How many.
    pub count: usize,
    /// How many of each strategy, symbol and side.
    pub groups: BTreeMap<(String, String, String), usize>,
    /// What came so many bars after them.
    pub outcomes: Vec<Forward>,
    /// Signals whose bar is not stored.
    pub without_bar: usize,
}

/// The figures of the signals since an instant, of one symbol or strategy if they are given.
///
/// # Errors
/// [`Error::Store`].
pub fn signal_stats(
    database: &Path,
    since: Timestamp,
    symbol: Option<&str>,
    strategy: Option<&str>,
) -> Result<SignalStats, Error> {
    let mut signals = store::signals(database, since, symbol)?;
    signals.retain(|signal| strategy.is_none_or(|strategy| signal.strategy == strategy));
    let mut groups = BTreeMap::new();
    let mut by_symbol: BTreeMap<&str, Vec<&StoredSignal>> = BTreeMap::new();
    for signal in &signals {
        let key = (
            signal.strategy.clone(),
            signal.symbol.clone(),
            signal.side.to_string(),
        );
        *groups.entry(key).or_default() += 1;
        by_symbol.entry(&signal.symbol).or_default().push(signal);
    }
    let mut series = Vec::new();
    for (symbol, signals) in by_symbol {
        let bars = store::daily_bars(database, symbol)?;
        series.push(signalled(&bars, &signals));
    }
    let placed: usize = series.iter().map(|series| series.signals.len()).sum();
    let outcomes = HORIZONS.map(|bars| forward(&series, bars));
    Ok(SignalStats {
        count: signals.len(),
        groups,
        outcomes: outcomes.into(),
        without_bar: signals.len() - placed,
    })
}

/// The signals of a symbol on its bars; a signal is of the bar of its day.
fn signalled(bars: &Bars, signals: &[&StoredSignal]) -> Signalled {
    let place = |signal: &&StoredSignal| {
        let day = day(signal.timestamp);
        let at = bars.stamps().binary_search_by_key(&day, day_of).ok()?;
        Some((at, signal.side))
    };
    Signalled {
        closes: bars.column(Field::Close).to_vec(),
        signals: signals.iter().filter_map(place).collect(),
    }
}

fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

fn day_of(stamp: &Stamp) -> Date {
    match stamp {
        Stamp::Day(date) => *date,
        Stamp::Instant(at) => day(*at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (tempfile::TempDir, std::path::PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("store.db");
        store::create_sample(&path).unwrap();
        (root, path)
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_trades_of_the_sample_have_all_figures() {
        let (_root, path) = sample();
        let capital = Some("100000".parse().unwrap());
        let (from, to) = (at("2012-11-01T00:00:00Z"), at("2013-03-10T00:00:00Z"));
        let stats = trade_stats(&path, from, to, capital).unwrap();
        assert!(stats.performance.closed > 0 && stats.trades > stats.performance.closed);
        let held = stats.exposure.unwrap();
        assert!(held > 0.0 && held < 1.0, "{held}");
        assert!(stats.sharpe.is_ok() && stats.sortino.is_ok());
        let fall = stats.drawdown.unwrap();
        assert!((0.0..0.2).contains(&fall), "{fall}");
        let later = trade_stats(&path, to, at("2026-01-01T00:00:00Z"), None).unwrap();
        assert_eq!((later.trades, later.performance.closed), (0, 0));
        assert!(later.newest.is_some() && later.sharpe.is_err());
    }

    #[test]
    fn the_signals_of_the_sample_are_counted_and_followed() {
        let (_root, path) = sample();
        let all = signal_stats(&path, Timestamp::UNIX_EPOCH, None, None).unwrap();
        assert_eq!((all.count, all.without_bar), (all.groups.values().sum(), 0));
        let known: Vec<usize> = all.outcomes.iter().map(|outcome| outcome.known).collect();
        assert!(
            known[0] >= known[1] && known[1] >= known[2] && known[0] > 0,
            "{known:?}"
        );
        let none = signal_stats(&path, Timestamp::UNIX_EPOCH, None, Some("other")).unwrap();
        assert_eq!((none.count, none.outcomes[0].interval), (0, None));
    }
}
