//! Splits that the source tells of, held against the prices around them.

use jiff::civil::Date;

use super::Desk;
use crate::{
    analysis::Timeframe,
    market::{Flaw, Severity, Split},
};

/// Splits of less than this, as the logarithm of the ratio, drown in a day's own move.
const SMALL: f64 = 0.1;
/// How exactly a step on another day must have the ratio of a split, as the difference of logarithms.
const EXACT: f64 = 0.02;
/// How many days before a split such a step is looked for.
const DAYS: i64 = 30;

/// What prices do at a split.
enum Shows {
    /// Nothing: older prices are divided already.
    Adjusted,
    /// They step by its ratio: they are as traded.
    AsTraded,
    /// They step the other way.
    UpsideDown,
}

pub(super) fn check(desk: &mut Desk<'_>) {
    let told = &desk.series.splits;
    let told = told.iter().copied().filter(|split| {
        split.ratio.is_finite() && split.ratio > 0.0 && (split.ratio - 1.0).abs() > f64::EPSILON
    });
    for split in told.collect::<Vec<Split>>() {
        one(desk, split);
    }
}

fn one(desk: &mut Desk<'_>, split: Split) {
    let Some((before, at)) = around(desk, split.on) else {
        return;
    };
    let Some(step) = step(desk, before, at) else {
        return;
    };
    desk.splits.retain(|seen| seen.on != split.on);
    desk.splits.push(split);
    let Split { on, ratio } = split;
    let stamp = desk.rows.get(at).map(|row| row.bar.stamp);
    let mut tell = |severity, what: &str| {
        let what = format!("a split of {ratio}:1 on {on} is told by the source; {what}");
        desk.tell(Flaw::Split, severity, stamp, what);
    };
    let factor = -ratio.ln();
    match shows(step, factor) {
        None => tell(Severity::Note, "it is too small to be seen in prices"),
        Some(Shows::AsTraded) => {
            tell(Severity::Warning, "older prices are not divided by it");
            desk.steps.push((at, 1.0 / ratio));
        }
        Some(Shows::Adjusted) => {
            tell(Severity::Note, "older prices are divided by it");
            early(desk, at, on, factor);
        }
        Some(Shows::UpsideDown) => {
            tell(Severity::Warning, "prices step the other way");
            let what = format!(
                "prices step against the split of {ratio}:1 on {on}: this bar is adjusted in \
                 another way than those before"
            );
            desk.quarantine(at, Flaw::MixedAdjustment, what);
        }
    }
}

/// The rows before and after a split.
fn around(desk: &Desk<'_>, on: Date) -> Option<(usize, usize)> {
    let reach = if desk.timeframe() == Timeframe::W1 {
        6
    } else {
        0
    };
    let mut before = None;
    for (at, bar) in desk.kept() {
        let last = desk
            .date(bar.stamp)
            .checked_add(jiff::Span::new().days(reach));
        if last.is_ok_and(|last| last >= on) {
            return Some((before?, at));
        }
        before = Some(at);
    }
    None
}

/// The logarithm of how far prices step between two rows.
fn step(desk: &Desk<'_>, before: usize, at: usize) -> Option<f64> {
    let (before, after) = (desk.rows.get(before)?, desk.rows.get(at)?);
    Some((after.bar.open / before.bar.close).ln())
}

fn shows(step: f64, factor: f64) -> Option<Shows> {
    if factor.abs() < SMALL {
        return None;
    }
    let (none, by, against) = (step.abs(), (step - factor).abs(), (step + factor).abs());
    Some(if none <= by && none <= against {
        Shows::Adjusted
    } else if by <= against {
        Shows::AsTraded
    } else {
        Shows::UpsideDown
    })
}

/// Looks for the step of a split some days too early: bars before it were never divided.
fn early(desk: &mut Desk<'_>, at: usize, on: Date, factor: f64) {
    if factor.abs() < SMALL {
        return;
    }
    let rows: Vec<usize> = desk
        .kept()
        .map(|(row, _)| row)
        .filter(|row| *row <= at)
        .collect();
    let pairs = rows.iter().copied().zip(rows.iter().copied().skip(1)).rev();
    let since = on
        .checked_sub(jiff::Span::new().days(DAYS))
        .unwrap_or(Date::MIN);
    let near = |row: usize| {
        let stamp = desk.rows.get(row).map(|row| row.bar.stamp);
        stamp.is_some_and(|stamp| desk.date(stamp) >= since)
    };
    let exact = |before, at| step(desk, before, at).is_some_and(|by| (by - factor).abs() < EXACT);
    let mut pairs = pairs.take_while(|(_, row)| near(*row));
    let Some((last, _)) = pairs.find(|(before, row)| exact(*before, *row)) else {
        return;
    };
    let what = format!("not divided by the split on {on}, as the bars after it are");
    for row in rows.into_iter().take_while(|row| *row <= last) {
        desk.quarantine(row, Flaw::MixedAdjustment, what.clone());
    }
}
