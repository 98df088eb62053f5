//! The decision over all archives.

use std::cmp::Reverse;

use jiff::{Timestamp, tz::TimeZone};

use super::{Keep, rules::Rule};
use crate::units::Bytes;

/// Runs by hand of one second take the free seconds after it: so far an archive is of now.
const TOLERANCE: jiff::SignedDuration = jiff::SignedDuration::from_mins(1);

/// One archive, as far as retention cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it is called; breaks ties between archives of the same instant.
    pub id: String,
    /// The instant it stands for: its slot, not when it was written.
    pub at: Timestamp,
    /// How much room it takes.
    pub size_bytes: u64,
    /// Whether it was read back and found good.
    pub verified: bool,
}

/// What becomes of one archive, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision<'a> {
    /// The archive.
    pub item: &'a Item,
    /// Whether it stays.
    pub keep: bool,
    /// At least one reason: for a kept one why it stays, for a removed one why each rule let it go.
    pub reasons: Vec<String>,
}

impl<'a> Decision<'a> {
    fn kept(item: &'a Item, reason: &str) -> Self {
        Self {
            item,
            keep: true,
            reasons: vec![reason.to_owned()],
        }
    }
}

/// Decides about every archive, in the order given.
///
/// Days, weeks, months and years are those of `zone`. What is newer than `now` stays. The answer
/// does not depend on the order of `items`, and deciding again about what stayed removes nothing.
pub fn decide<'a>(
    items: &'a [Item],
    keep: &Keep,
    now: Timestamp,
    zone: &TimeZone,
) -> Vec<Decision<'a>> {
    let mut decisions: Vec<_> = items.iter().map(|item| aside(item, now)).collect();
    let mut counted: Vec<_> = items
        .iter()
        .zip(&mut decisions)
        .filter(|(_, decision)| decision.is_none())
        .collect();
    counted.sort_by_key(|(item, _)| Reverse((item.at, &item.id, item.size_bytes)));
    let mut lane = by_rules(counted.iter().map(|(item, _)| *item).collect(), keep, zone);
    limit_size(&mut lane, keep.max_total_size);
    for ((_, place), decision) in counted.into_iter().zip(lane) {
        *place = Some(decision);
    }
    decisions.into_iter().flatten().collect()
}

/// The decision about an archive that counts for nothing.
fn aside(item: &Item, now: Timestamp) -> Option<Decision<'_>> {
    if !item.verified {
        let reason = "not verified: counts for nothing, remove it by hand";
        return Some(Decision::kept(item, reason));
    }
    let tolerated = now.checked_add(TOLERANCE).unwrap_or(now);
    (item.at > tolerated)
        .then(|| Decision::kept(item, "from the future: counts for nothing until then"))
}

/// The rules over verified archives, newest first.
fn by_rules<'a>(lane: Vec<&'a Item>, keep: &Keep, zone: &TimeZone) -> Vec<Decision<'a>> {
    let Some(newest) = lane.first().map(|item| item.at) else {
        return Vec::new();
    };
    let mut rules = Rule::all(keep, newest);
    if rules.is_empty() {
        let stays = |item| Decision::kept(item, "no rule: everything stays");
        return lane.into_iter().map(stays).collect();
    }
    let last = lane.len() - 1;
    let mut decisions = Vec::with_capacity(lane.len());
    for (i, item) in lane.into_iter().enumerate() {
        let verdicts = rules
            .iter_mut()
            .map(|rule| rule.look(item.at, zone, i == last));
        let (mut wanted, mut unwanted) = (Vec::new(), Vec::new());
        for verdict in verdicts {
            match verdict {
                Ok(reason) => wanted.push(reason),
                Err(reason) => unwanted.push(reason),
            }
        }
        if i == 0 {
            wanted.push("the newest verified archive is never removed".to_owned());
        }
        let keep = !wanted.is_empty();
        decisions.push(Decision {
            item,
            keep,
            reasons: if keep { wanted } else { unwanted },
        });
    }
    decisions
}

/// Lets the oldest kept ones go until the rest fits; the newest stays even if it alone does not.
fn limit_size(lane: &mut [Decision<'_>], limit: Option<Bytes>) {
    let Some(limit) = limit else {
        return;
    };
    let mut total = 0u64;
    let mut full = false;
    for (i, decision) in lane.iter_mut().filter(|d| d.keep).enumerate() {
        total = total.saturating_add(decision.item.size_bytes);
        full |= total > limit.0;
        if full && i > 0 {
            decision.keep = false;
            decision.reasons = vec![format!(
                "with the newer archives it would exceed max_total_size of {limit}"
            )];
        } else if full {
            decision.reasons.push(format!(
                "stays though it alone exceeds max_total_size of {limit}"
            ));
        }
    }
}
