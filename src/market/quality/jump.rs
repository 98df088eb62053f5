//! Closes that are far from the one before. They may be true: none is taken out.

use super::Desk;
use crate::{
    analysis::Stamp,
    market::{Flaw, Severity},
};

/// From close to close.
const FAR: f64 = 0.3;

pub(super) fn check(desk: &mut Desk<'_>) {
    let mut before = None;
    let mut jumps: Vec<(Stamp, f64)> = Vec::new();
    for (at, bar) in desk.kept() {
        if let Some(last) = before {
            let step = desk.steps.iter().find(|(row, _)| *row == at);
            let step = step.map_or(1.0, |(_, factor)| *factor);
            let change: f64 = bar.close / (last * step) - 1.0;
            if change.abs() >= FAR {
                jumps.push((bar.stamp, change));
            }
        }
        before = Some(bar.close);
    }
    for (stamp, change) in jumps {
        let (by, way) = (
            100.0 * change.abs(),
            if change < 0.0 { "below" } else { "above" },
        );
        let what = format!("the close is {by:.1} % {way} the one before, and no split is known");
        desk.tell(Flaw::Jump, Severity::Warning, Some(stamp), what);
    }
}
