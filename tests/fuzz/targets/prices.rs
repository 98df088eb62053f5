//! A file of prices, and one of trades.

use bellkeeper::market::{self, Context};
use jiff::{Timestamp, tz::TimeZone};

/// The bytes are the file, read as both.
pub fn prices(data: &[u8]) -> bool {
    let folder = super::scratch();
    let path = folder.path().join("X.csv");
    std::fs::write(&path, data).unwrap();
    if let Ok((trades, findings)) = market::read_trades(&path, &TimeZone::UTC) {
        assert!(!trades.is_empty() || !findings.is_empty());
        assert!(trades.is_sorted_by_key(|trade| trade.at));
    }
    let Ok(read) = market::read_prices(&path, "X", None) else {
        return false;
    };
    assert!(!read.series.bars.is_empty());
    let context = Context {
        calendar: None,
        now: Timestamp::MAX,
        stored: None,
    };
    let inspected = read.inspect(&context);
    let bars = &inspected.bars;
    assert!(bars.stamps().windows(2).all(|pair| pair[0] < pair[1]));
    for field in bellkeeper::analysis::Field::ALL {
        let column = bars.column(field);
        assert_eq!(column.len(), bars.len());
        assert!(
            column
                .iter()
                .all(|value| value.is_finite() && *value >= 0.0)
        );
    }
    let found = &inspected.found;
    assert!(found.iter().all(|found| !found.finding.what.is_empty()));
    let out = found.iter().filter(|found| found.bar.is_some()).count();
    assert_eq!(bars.len() + out, read.series.bars.len());
    true
}
