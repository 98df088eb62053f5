//! What tests of this room share.

use jiff::civil::{Date, date};

use super::{Adjustment, Series};
use crate::analysis::{Bar, Bars, Stamp, Timeframe};

/// Flat bars of so many days from 2000-01-01 on.
pub(super) fn series(symbol: &str, days: usize) -> Series {
    let first: Date = date(2000, 1, 1);
    let bars: Bars = first
        .series(jiff::Span::new().days(1))
        .take(days)
        .map(|day| Bar {
            stamp: Stamp::Day(day),
            open: 1.0,
            high: 1.0,
            low: 1.0,
            close: 1.0,
            volume: 1.0,
        })
        .collect();
    Series {
        symbol: symbol.to_owned(),
        timeframe: Timeframe::D1,
        bars,
        findings: Vec::new(),
        source: "csv".to_owned(),
        adjustment: Adjustment::AsTraded,
        splits: Vec::new(),
        zone: None,
        degraded: None,
    }
}
