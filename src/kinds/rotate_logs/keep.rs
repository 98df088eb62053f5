//! Which rotated files of a log stay: a pure function of their instants and sizes.

use std::num::NonZeroU32;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Bytes, Span};

/// Which rotated files of a log stay. Every rule must want a file to stay; the newest always does.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KeepLogs {
    /// At most so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<NonZeroU32>,
    /// None that was rotated longer ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age: Option<Span>,
    /// No more than this together. What a run is about to compress counts at the next one, by its
    /// new size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_size: Option<Bytes>,
    /// As long as less than this is free on the disk, the oldest goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_free: Option<Bytes>,
}

/// A rotated file, as far as keeping cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) at: Timestamp,
    /// What it counts for `total_size`.
    pub(super) counts: u64,
    /// What its removal sets free on the disk that is short of room; `None` on another disk.
    pub(super) frees: Option<u64>,
}

/// Whether it stays, and why.
pub(super) type Decision = Result<String, String>;

/// How long after the last rotation that is known a clock is believed.
const BELIEVED: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The instant from which `age` counts: a clock that shows more than a week after the last rotation of
/// all logs, `newest`, may be wrong, and nothing that it makes old would come back. The rotation that
/// is made now confirms it for the next run.
pub(super) fn believed(now: Timestamp, newest: Option<Timestamp>) -> Timestamp {
    let latest = newest.and_then(|newest| newest.checked_add(BELIEVED).ok());
    latest.map_or(now, |latest| latest.min(now))
}

/// Decides about every file; `items` are sorted from the oldest to the newest. `free` are the bytes
/// free on the disk, if that is known.
pub(super) fn decide(
    items: &[Item],
    keep: &KeepLogs,
    now: Timestamp,
    free: Option<u64>,
) -> Vec<Decision> {
    let mut total = 0u64;
    let mut gone: Option<String> = None;
    let mut decisions: Vec<Decision> = Vec::new();
    for (newer, item) in items.iter().rev().enumerate() {
        total = total.saturating_add(item.counts);
        let newest = newer == 0;
        if gone.is_none() && !newest {
            gone = too_much(item, keep, now, newer, total);
        }
        decisions.push(match &gone {
            Some(reason) => Err(reason.clone()),
            None if newest => Ok("the newest rotated file is never removed".to_owned()),
            None if *keep == KeepLogs::default() => Ok("no rule: everything stays".to_owned()),
            None => Ok("within every limit of `keep`".to_owned()),
        });
    }
    decisions.reverse();
    make_room(items, keep, free, &mut decisions);
    decisions
}

/// Why a file goes, and with it all older ones.
fn too_much(
    item: &Item,
    keep: &KeepLogs,
    now: Timestamp,
    newer: usize,
    total: u64,
) -> Option<String> {
    let newer = u32::try_from(newer).unwrap_or(u32::MAX);
    if let Some(count) = keep.count.filter(|count| newer >= count.get()) {
        return Some(format!("{count} newer ones are kept (`count`)"));
    }
    if let Some(age) = keep
        .age
        .filter(|age| now.duration_since(item.at) > age.signed())
    {
        return Some(format!("older than {age} (`age`)"));
    }
    let limit = keep.total_size.filter(|limit| total > limit.0)?;
    Some(format!(
        "with the newer ones more than {limit} (`total_size`)"
    ))
}

/// Lets the oldest of those that would stay go until there is room.
fn make_room(items: &[Item], keep: &KeepLogs, free: Option<u64>, decisions: &mut [Decision]) {
    let (Some(wanted), Some(mut free)) = (keep.min_free, free) else {
        return;
    };
    let last = decisions.len().saturating_sub(1);
    for (at, (item, decision)) in items.iter().zip(decisions).enumerate() {
        if free >= wanted.0 {
            return;
        }
        let Some(frees) = item.frees else { continue };
        if decision.is_ok() && at < last {
            *decision = Err(format!("less than {wanted} is free (`min_free`)"));
        }
        if decision.is_err() {
            free = free.saturating_add(frees);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-24T02:00:00Z".parse().unwrap()
    }

    /// One file a day up to yesterday, oldest first.
    fn days(sizes: &[u64]) -> Vec<Item> {
        let count = i64::try_from(sizes.len()).unwrap();
        (0..count)
            .zip(sizes)
            .map(|(day, size)| Item {
                at: now() - SignedDuration::from_hours(24 * (count - day)),
                counts: *size,
                frees: Some(*size),
            })
            .collect()
    }

    fn keep(json: &str) -> KeepLogs {
        serde_json::from_str(json).unwrap()
    }

    fn kept(items: &[Item], rules: &KeepLogs, free: Option<u64>) -> Vec<bool> {
        let decisions = decide(items, rules, now(), free);
        decisions.iter().map(Result::is_ok).collect()
    }

    #[test]
    fn each_rule_lets_the_oldest_go() {
        let items = days(&[10, 10, 10, 10]);
        for (rules, free, expected) in [
            ("{}", None, [true, true, true, true]),
            (r#"{"count": 2}"#, None, [false, false, true, true]),
            (r#"{"age": "3d"}"#, None, [false, true, true, true]),
            (r#"{"age": "1h"}"#, None, [false, false, false, true]),
            (r#"{"total_size": "30B"}"#, None, [false, true, true, true]),
            (r#"{"total_size": "1B"}"#, None, [false, false, false, true]),
            (
                r#"{"min_free": "100B"}"#,
                Some(85),
                [false, false, true, true],
            ),
            (
                r#"{"min_free": "100B"}"#,
                Some(100),
                [true, true, true, true],
            ),
            (
                r#"{"min_free": "100B"}"#,
                Some(0),
                [false, false, false, true],
            ),
            (r#"{"min_free": "100B"}"#, None, [true, true, true, true]),
            (
                r#"{"min_free": "100B", "count": 3}"#,
                Some(90),
                [false, true, true, true],
            ),
        ] {
            assert_eq!(kept(&items, &keep(rules), free), expected, "{rules}");
        }
    }

    #[test]
    fn for_room_only_files_of_that_disk_go_and_count() {
        let mut items = days(&[10, 10, 10, 10, 10]);
        items[0].frees = None;
        items[2].frees = None;
        let room = keep(r#"{"min_free": "100B"}"#);
        assert_eq!(
            kept(&items, &room, Some(85)),
            [true, false, true, false, true]
        );
        // What goes anyway makes room there alone.
        let room = keep(r#"{"min_free": "100B", "count": 4}"#);
        assert_eq!(
            kept(&items, &room, Some(90)),
            [false, false, true, true, true]
        );
    }

    #[test]
    fn every_decision_names_its_rule() {
        let items = days(&[10, 10, 10]);
        let reasons = |rules: &str, free| -> Vec<String> {
            let decisions = decide(&items, &keep(rules), now(), free);
            decisions
                .into_iter()
                .map(|decision| decision.unwrap_or_else(|reason| reason))
                .collect()
        };
        assert_eq!(
            reasons(r#"{"count": 1, "age": "30d"}"#, None),
            [
                "1 newer ones are kept (`count`)",
                "1 newer ones are kept (`count`)",
                "the newest rotated file is never removed"
            ]
        );
        let full = reasons(r#"{"min_free": "1GB"}"#, Some(0));
        assert_eq!(full[0], "less than 1.0 GB is free (`min_free`)");
        assert_eq!(reasons("{}", None)[0], "no rule: everything stays");
    }

    #[test]
    fn a_clock_is_believed_for_a_week_after_a_rotation() {
        let days = |days: i64| now() - SignedDuration::from_hours(24 * days);
        for (newest, expected) in [
            (None, days(0)),
            (Some(days(7)), days(0)),
            (Some(days(8)), days(1)),
            (Some(days(365)), days(358)),
            (Some(days(-365)), days(0)),
            (Some(Timestamp::MAX), days(0)),
        ] {
            assert_eq!(believed(now(), newest), expected, "{newest:?}");
        }
    }

    #[test]
    fn no_rule_is_a_count_of_nothing() {
        assert!(serde_json::from_str::<KeepLogs>(r#"{"count": 0}"#).is_err());
    }

    fn rules() -> impl Strategy<Value = KeepLogs> {
        let sizes = || prop::option::of((0u64..60).prop_map(Bytes));
        let count = prop::option::of((1u32..8).prop_map(|n| NonZeroU32::new(n).unwrap()));
        let age = prop::option::of((0u64..200).prop_map(|h| Span::from_secs(h * 3_600)));
        (count, age, sizes(), sizes()).prop_map(|(count, age, total_size, min_free)| KeepLogs {
            count,
            age,
            total_size,
            min_free,
        })
    }

    proptest! {
        #[test]
        fn the_newest_stays_and_what_goes_is_older_than_what_stays(
            sizes in prop::collection::vec(0u64..20, 0..12),
            rules in rules(),
            free in prop::option::of(0u64..60),
        ) {
            let items = days(&sizes);
            let decisions = decide(&items, &rules, now(), free);
            prop_assert_eq!(decisions.len(), items.len());
            prop_assert!(decisions.last().is_none_or(Result::is_ok));
            prop_assert!(decisions.is_sorted_by_key(Result::is_ok));
            let reasons = |d: &Decision| d.clone().unwrap_or_else(|reason| reason);
            prop_assert!(decisions.iter().all(|d| !reasons(d).is_empty()));
        }

        #[test]
        fn looser_rules_keep_no_less_and_deciding_again_removes_nothing(
            sizes in prop::collection::vec(0u64..20, 0..12),
            rules in rules(),
            more in 1u64..50,
        ) {
            let items = days(&sizes);
            let before = kept(&items, &rules, None);
            let looser = KeepLogs {
                count: rules.count.map(|n| n.saturating_add(u32::try_from(more).unwrap())),
                age: rules.age.map(|age| Span::from(age.duration() + std::time::Duration::from_secs(more))),
                total_size: rules.total_size.map(|size| Bytes(size.0 + more)),
                min_free: None,
            };
            let after = kept(&items, &looser, None);
            prop_assert!(before.iter().zip(&after).all(|(before, after)| before <= after));
            let left: Vec<Item> = items
                .iter()
                .zip(&before)
                .filter(|(_, kept)| **kept)
                .map(|(item, _)| *item)
                .collect();
            prop_assert!(kept(&left, &rules, None).iter().all(|kept| *kept));
        }

        #[test]
        fn no_more_goes_for_room_than_is_needed(
            sizes in prop::collection::vec(1u64..20, 2..12),
            wanted in 1u64..100,
            free in 0u64..100,
        ) {
            let items = days(&sizes);
            let rules = KeepLogs { min_free: Some(Bytes(wanted)), ..KeepLogs::default() };
            let kept = kept(&items, &rules, Some(free));
            let removed: Vec<u64> = sizes
                .iter()
                .zip(&kept)
                .filter(|(_, kept)| !**kept)
                .map(|(size, _)| *size)
                .collect();
            let freed: u64 = removed.iter().sum();
            let without_last = freed - removed.last().copied().unwrap_or_default();
            prop_assert!(removed.is_empty() || free + without_last < wanted);
            prop_assert!(free + freed >= wanted || removed.len() == sizes.len() - 1);
        }
    }
}
