//! A file of prices, and one of trades.

use bellkeeper::market;
use jiff::tz::TimeZone;

/// The bytes are the file, read as both.
pub fn prices(data: &[u8]) -> bool {
    let folder = super::scratch();
    let path = folder.path().join("X.csv");
    std::fs::write(&path, data).unwrap();
    if let Ok((trades, findings)) = market::read_trades(&path, &TimeZone::UTC) {
        assert!(!trades.is_empty() || !findings.is_empty());
        assert!(trades.is_sorted_by_key(|trade| trade.at));
    }
    let Ok(read) = market::read(&path) else {
        return false;
    };
    let bars = &read.bars;
    assert!(!bars.is_empty());
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
    assert!(read.findings.iter().all(|found| !found.what.is_empty()));
    true
}
