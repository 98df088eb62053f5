//! New bars held against the stored ones of the same stamps: a split shows as a common factor.

use super::{Desk, bars};
use crate::{
    analysis::Stamp,
    market::{Flaw, Severity, Split},
};

/// Fewer bars than this tell nothing.
const ENOUGH: usize = 3;
/// How far from each other ratios of one factor may be.
const SAME: f64 = 0.005;
/// Prices are rounded to cents.
const HALF_A_CENT: f64 = 0.005;
/// What rounding can do to a ratio at most before it says nothing any more.
const BLURRED: f64 = 0.05;
/// A smaller factor is that of a dividend.
const DIVIDEND: f64 = 1.1;

/// Bars in a row that changed by one factor.
#[derive(Debug, Clone, Copy)]
struct Run {
    first: Stamp,
    factor: f64,
    bars: usize,
}

/// Whether the new bars continue those that are stored.
pub(super) fn check(desk: &mut Desk<'_>) -> bool {
    let Some(stored) = desk.context.stored.filter(|stored| !stored.bars.is_empty()) else {
        return true;
    };
    let runs = runs(desk);
    let same = |run: &Run| (run.factor - 1.0).abs() <= SAME;
    if !runs.is_empty() && runs.iter().all(same) {
        return true;
    }
    if runs.is_empty() {
        let (old, new) = (stored.adjustment, desk.series.adjustment);
        if old != new {
            let what = format!(
                "bars are {}, those that are stored {}",
                new.as_str(),
                old.as_str()
            );
            desk.tell(Flaw::MixedAdjustment, Severity::Warning, None, what);
        }
        return old == new;
    }
    if runs.first().is_some_and(same) {
        let at = runs.iter().find(|run| !same(run)).map(|run| run.first);
        let what = "stored bars changed by a common factor, older ones did not".to_owned();
        desk.tell(Flaw::MixedAdjustment, Severity::Warning, at, what);
        return false;
    }
    changed(desk, &runs);
    false
}

/// Tells of the splits that a change of stored bars comes from.
fn changed(desk: &mut Desk<'_>, runs: &[Run]) {
    let next = runs.iter().skip(1).map(|run| (Some(run.first), run.factor));
    let after = std::iter::once((after(desk), 1.0));
    let pairs: Vec<_> = runs.iter().zip(next.chain(after)).collect();
    for (run, (from, factor)) in pairs {
        let ratio = factor / run.factor;
        if (ratio - 1.0).abs() <= SAME {
            continue;
        }
        let count = run.bars;
        if ratio.max(1.0 / ratio) < DIVIDEND {
            let what = format!("{count} stored bars changed by {ratio:.4}, as after a dividend");
            desk.tell(Flaw::MixedAdjustment, Severity::Warning, from, what);
            continue;
        }
        let what = format!(
            "{count} stored bars changed by a common factor of {:.4}",
            1.0 / ratio
        );
        let what = format!("{what}: a split of {ratio:.4}:1 is suspected");
        desk.tell(Flaw::Split, Severity::Warning, from, what);
        if let Some(from) = from {
            let on = desk.date(from);
            desk.splits.push(Split { on, ratio });
        }
    }
}

/// The first bar after those that overlap.
fn after(desk: &Desk<'_>) -> Option<Stamp> {
    let last = *desk.context.stored?.bars.stamps().last()?;
    let mut later = desk.kept().map(|(_, bar)| bar.stamp);
    later.find(|stamp| *stamp > last)
}

/// The factors by which stored bars changed, oldest first; those of a bar or two are corrections.
fn runs(desk: &Desk<'_>) -> Vec<Run> {
    let Some(stored) = desk.context.stored else {
        return Vec::new();
    };
    let mut old = bars(stored.bars).peekable();
    let mut runs: Vec<Run> = Vec::new();
    for (_, new) in desk.kept() {
        while old.next_if(|old| old.stamp < new.stamp).is_some() {}
        let Some(old) = old.next_if(|old| old.stamp == new.stamp) else {
            continue;
        };
        let factor = new.close / old.close;
        let blur = SAME + (HALF_A_CENT / new.close + HALF_A_CENT / old.close).min(BLURRED);
        let near = |run: &&mut Run| (factor / run.factor - 1.0).abs() <= blur;
        match runs.last_mut().filter(near) {
            Some(run) => run.bars += 1,
            None => runs.push(Run {
                first: new.stamp,
                factor,
                bars: 1,
            }),
        }
    }
    joined(runs)
}

/// Without what is too short, and with neighbours of one factor made one.
fn joined(runs: Vec<Run>) -> Vec<Run> {
    let mut joined: Vec<Run> = Vec::new();
    for run in runs.into_iter().filter(|run| run.bars >= ENOUGH) {
        match joined.last_mut() {
            Some(last) if (run.factor / last.factor - 1.0).abs() <= SAME => last.bars += run.bars,
            _ => joined.push(run),
        }
    }
    joined
}
