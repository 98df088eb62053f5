//! Bars one by one.

use crate::analysis::{Bar, Bars, Field};

/// The bars, oldest first.
pub(super) fn rows(bars: &Bars) -> impl Iterator<Item = Bar> + '_ {
    let columns = Field::ALL.map(|field| bars.column(field));
    bars.stamps()
        .iter()
        .enumerate()
        .filter_map(move |(at, stamp)| {
            let [open, high, low, close, volume] = columns.map(|column| column.get(at).copied());
            Some(Bar {
                stamp: *stamp,
                open: open?,
                high: high?,
                low: low?,
                close: close?,
                volume: volume?,
            })
        })
}
