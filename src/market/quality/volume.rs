//! Bars in a row in which nobody traded.

use super::Desk;
use crate::{
    analysis::Stamp,
    market::{Flaw, Severity},
};

/// A week of sessions.
const RUN: usize = 5;

pub(super) fn check(desk: &mut Desk<'_>) {
    let mut runs: Vec<(usize, Stamp, Stamp)> = Vec::new();
    let mut going = false;
    let mut all = 0;
    for (_, bar) in desk.kept() {
        all += 1;
        if bar.volume > 0.0 {
            going = false;
        } else if let (true, Some((count, _, last))) = (going, runs.last_mut()) {
            *count += 1;
            *last = bar.stamp;
        } else {
            going = true;
            runs.push((1, bar.stamp, bar.stamp));
        }
    }
    for (count, first, last) in runs {
        if count < RUN {
            continue;
        }
        let (severity, what) = if count == all {
            (Severity::Note, "no bar has any volume".to_owned())
        } else {
            let what = format!("{count} bars up to {last} have no volume");
            (Severity::Warning, what)
        };
        desk.tell(Flaw::NoVolume, severity, Some(first), what);
    }
}
