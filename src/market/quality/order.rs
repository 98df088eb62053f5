//! Bars that are there twice or out of order.

use std::collections::BTreeMap;

use super::Desk;
use crate::{analysis::Stamp, market::Flaw};

pub(super) fn check(desk: &mut Desk<'_>) {
    let stamps: Vec<(usize, Stamp)> = desk.kept().map(|(at, bar)| (at, bar.stamp)).collect();
    if stamps.is_sorted_by(|(_, before), (_, after)| before < after) {
        return;
    }
    let once = without_duplicates(desk, &stamps);
    unsorted(desk, &once);
}

/// Of two bars of one stamp the first stays.
fn without_duplicates(desk: &mut Desk<'_>, stamps: &[(usize, Stamp)]) -> Vec<(usize, Stamp)> {
    let mut first = BTreeMap::new();
    let mut once = Vec::with_capacity(stamps.len());
    for &(at, stamp) in stamps {
        let before = *first.entry(stamp).or_insert(at);
        if before == at {
            once.push((at, stamp));
            continue;
        }
        let same = match (desk.rows.get(before), desk.rows.get(at)) {
            (Some(kept), Some(row)) => kept.bar == row.bar,
            _ => false,
        };
        let how = if same { "" } else { ", with other values" };
        desk.quarantine(
            at,
            Flaw::Duplicate,
            format!("{stamp} is there already{how}"),
        );
    }
    once
}

/// The fewest bars that must go are those outside of the longest run that is in order: one stamp far
/// in the future does not take all that follow with it.
fn unsorted(desk: &mut Desk<'_>, rows: &[(usize, Stamp)]) {
    let stays = longest_in_order(rows.iter().map(|(_, stamp)| *stamp));
    let mut last: Option<Stamp> = None;
    for (place, &(at, stamp)) in rows.iter().enumerate() {
        if stays.get(place) == Some(&true) {
            last = Some(stamp);
            continue;
        }
        let what = match last {
            Some(last) if last > stamp => format!("{stamp} comes after {last}"),
            _ => format!("{stamp} comes before older bars"),
        };
        desk.quarantine(at, Flaw::Unsorted, what);
    }
}

/// Which of the stamps belong to a longest run in rising order.
fn longest_in_order(stamps: impl Iterator<Item = Stamp>) -> Vec<bool> {
    let stamps: Vec<Stamp> = stamps.collect();
    // Of each length the run that ends earliest, by its last member.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = vec![None; stamps.len()];
    let of = |at: &usize| stamps.get(*at).copied();
    for (at, stamp) in stamps.iter().enumerate() {
        let length = ends.partition_point(|end| of(end) < Some(*stamp));
        if let Some(link) = before.get_mut(at) {
            *link = length
                .checked_sub(1)
                .and_then(|shorter| ends.get(shorter).copied());
        }
        match ends.get_mut(length) {
            Some(end) => *end = at,
            None => ends.push(at),
        }
    }
    let mut stays = vec![false; stamps.len()];
    let mut next = ends.last().copied();
    while let Some(at) = next {
        if let Some(stay) = stays.get_mut(at) {
            *stay = true;
        }
        next = before.get(at).copied().flatten();
    }
    stays
}
