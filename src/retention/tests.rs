//! By example, by law, and against an independent reading of restic's policy.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use proptest::prelude::*;

use super::*;

mod simulation;

fn item(at: &str) -> Item {
    Item {
        id: at.to_owned(),
        at: at.parse().unwrap(),
        size_bytes: 10,
        verified: true,
    }
}

/// One verified archive at 02:00 UTC of each of `days` days, the newest on 23 November 2026.
fn daily(days: i64) -> Vec<Item> {
    let newest: Timestamp = "2026-11-23T02:00:00Z".parse().unwrap();
    (0..days)
        .map(|day| item(&(newest - SignedDuration::from_hours(24 * day)).to_string()))
        .collect()
}

fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn decided<'a>(items: &'a [Item], keep: &Keep) -> Vec<Decision<'a>> {
    let decisions = decide(items, keep, now(), &TimeZone::UTC);
    assert!(
        decisions
            .iter()
            .all(|decision| !decision.reasons.is_empty())
    );
    decisions
}

fn kept(items: &[Item], keep: &Keep) -> Vec<String> {
    let decisions = decided(items, keep);
    let kept = decisions.iter().filter(|decision| decision.keep);
    kept.map(|decision| decision.item.at.strftime("%m-%d").to_string())
        .collect()
}

#[test]
fn without_a_rule_everything_stays() {
    let items = daily(3);
    assert!(Keep::default().is_empty());
    for decision in decided(&items, &Keep::default()) {
        assert!(decision.keep);
        assert_eq!(decision.reasons, ["no rule: everything stays"]);
    }
    assert!(decided(&[], &Keep::default()).is_empty());
}

#[test]
fn each_rule_keeps_the_newest_of_its_periods() {
    let items = daily(60);
    let rule = |keep: Keep| kept(&items, &keep);
    assert_eq!(
        rule(Keep {
            last: Some(2),
            ..Keep::default()
        }),
        ["11-23", "11-22"]
    );
    assert_eq!(
        rule(Keep {
            daily: Some(3),
            ..Keep::default()
        }),
        ["11-23", "11-22", "11-21"]
    );
    // Weeks end on Sunday.
    assert_eq!(
        rule(Keep {
            weekly: Some(3),
            ..Keep::default()
        }),
        ["11-23", "11-22", "11-15"]
    );
    assert_eq!(
        rule(Keep {
            monthly: Some(2),
            ..Keep::default()
        }),
        ["11-23", "10-31"]
    );
    // Only one year has archives, so the oldest of all stays too.
    assert_eq!(
        rule(Keep {
            yearly: Some(2),
            ..Keep::default()
        }),
        ["11-23", "09-25"]
    );
    assert_eq!(
        rule(Keep {
            within: Some("2d".parse().unwrap()),
            ..Keep::default()
        }),
        ["11-23", "11-22"]
    );
}

#[test]
fn reasons_tell_period_and_place() {
    let items = daily(20);
    let keep = Keep {
        daily: Some(2),
        weekly: Some(2),
        ..Keep::default()
    };
    let decisions = decided(&items, &keep);
    assert_eq!(
        decisions[0].reasons,
        [
            "daily 1 of 2 (2026-11-23)",
            "weekly 1 of 2 (2026-W48)",
            "the newest verified archive is never removed"
        ]
    );
    assert_eq!(
        decisions[1].reasons,
        ["daily 2 of 2 (2026-11-22)", "weekly 2 of 2 (2026-W47)"]
    );
    assert!(!decisions[2].keep);
    assert_eq!(
        decisions[2].reasons,
        [
            "older than the last 2 daily archives",
            "older than the last 2 weekly archives"
        ]
    );
}

#[test]
fn only_the_newest_of_a_day_stays() {
    let items = [
        item("2026-11-22T02:00:00Z"),
        item("2026-11-22T20:00:00Z"),
        item("2026-11-21T02:00:00Z"),
    ];
    let keep = Keep {
        daily: Some(2),
        ..Keep::default()
    };
    let decisions = decided(&items, &keep);
    assert!(!decisions[0].keep && decisions[1].keep && decisions[2].keep);
    assert_eq!(
        decisions[0].reasons,
        ["a newer archive of the same day stays"]
    );
}

#[test]
fn days_are_those_of_the_zone() {
    // 20 November 18:00 and 21 November 01:00 in New York; one day in UTC.
    let items = [
        item("2026-11-20T23:00:00Z"),
        item("2026-11-21T06:00:00Z"),
        item("2026-11-21T23:00:00Z"),
    ];
    let keep = Keep {
        daily: Some(2),
        ..Keep::default()
    };
    let stays = |zone: &TimeZone| -> Vec<bool> {
        let decisions = decide(&items, &keep, now(), zone);
        decisions.iter().map(|decision| decision.keep).collect()
    };
    assert_eq!(stays(&TimeZone::UTC), [true, false, true]);
    let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
    assert_eq!(stays(&tokyo), [false, true, true]);
}

#[test]
fn a_count_of_zero_keeps_only_the_newest() {
    let keep = Keep {
        last: Some(0),
        ..Keep::default()
    };
    let items = daily(3);
    assert_eq!(kept(&items, &keep), ["11-23"]);
    assert_eq!(decided(&items, &keep)[1].reasons, ["last keeps none"]);
}

#[test]
fn what_is_not_verified_evicts_nothing_and_stays() {
    let mut items = daily(4);
    items[0].verified = false;
    let keep = Keep {
        last: Some(1),
        ..Keep::default()
    };
    assert_eq!(kept(&items, &keep), ["11-23", "11-22"]);
    assert_eq!(
        decided(&items, &keep)[0].reasons,
        ["not verified: counts for nothing, remove it by hand"]
    );
}

#[test]
fn what_is_from_the_future_stays_and_counts_for_nothing() {
    let mut items = daily(3);
    items.push(item("2031-01-01T02:00:00Z"));
    let keep = Keep {
        last: Some(1),
        ..Keep::default()
    };
    assert_eq!(kept(&items, &keep), ["11-23", "01-01"]);
    assert!(decided(&items, &keep)[3].reasons[0].starts_with("from the future"));
}

#[test]
fn what_is_a_second_ahead_is_of_now() {
    let ahead = now() + jiff::SignedDuration::from_secs(1);
    let items = [item(&ahead.to_string())];
    let keep = Keep {
        last: Some(1),
        ..Keep::default()
    };
    assert_eq!(decided(&items, &keep)[0].reasons[0], "last 1 of 1");
}

#[test]
fn the_size_limit_takes_the_oldest_first() {
    let items = daily(5);
    let keep = Keep {
        max_total_size: Some(Bytes(25)),
        ..Keep::default()
    };
    assert_eq!(kept(&items, &keep), ["11-23", "11-22"]);
    assert_eq!(
        decided(&items, &keep)[2].reasons,
        ["with the newer archives it would exceed max_total_size of 25 B"]
    );
    let tiny = Keep {
        max_total_size: Some(Bytes(1)),
        ..Keep::default()
    };
    assert_eq!(kept(&items, &tiny), ["11-23"]);
    let reasons = &decided(&items, &tiny)[0].reasons;
    assert_eq!(
        reasons[1],
        "stays though it alone exceeds max_total_size of 1 B"
    );
}

#[test]
fn the_size_limit_lets_no_older_small_one_stay() {
    let mut items = daily(3);
    items[1].size_bytes = 100;
    let keep = Keep {
        max_total_size: Some(Bytes(30)),
        ..Keep::default()
    };
    assert_eq!(kept(&items, &keep), ["11-23"]);
}

/// restic's policy, rule by rule over whole sets of periods instead of in one pass.
fn reference(items: &[Item], keep: &Keep, zone: &TimeZone) -> BTreeSet<String> {
    let mut sorted: Vec<&Item> = items.iter().collect();
    sorted.sort_by(|a, b| (b.at, &b.id).cmp(&(a.at, &a.id)));
    let mut stays = BTreeSet::new();
    let (Some(newest), Some(oldest)) = (sorted.first(), sorted.last()) else {
        return stays;
    };
    stays.insert(newest.id.clone());
    let formats = [
        (keep.daily, "%Y-%m-%d"),
        (keep.weekly, "%G-%V"),
        (keep.monthly, "%Y-%m"),
        (keep.yearly, "%Y"),
    ];
    for (count, format) in formats {
        let count = usize::try_from(count.unwrap_or(0)).unwrap();
        let mut periods: BTreeMap<String, &Item> = BTreeMap::new();
        for item in sorted.iter().rev() {
            let period = item.at.to_zoned(zone.clone()).strftime(format).to_string();
            periods.insert(period, item);
        }
        stays.extend(
            periods
                .values()
                .rev()
                .take(count)
                .map(|item| item.id.clone()),
        );
        if periods.len() < count {
            stays.insert(oldest.id.clone());
        }
    }
    let last = usize::try_from(keep.last.unwrap_or(0)).unwrap();
    stays.extend(sorted.iter().take(last).map(|item| item.id.clone()));
    if let Some(within) = keep.within {
        let edge = newest.at - within.signed();
        stays.extend(
            sorted
                .iter()
                .filter(|item| item.at > edge)
                .map(|item| item.id.clone()),
        );
    }
    stays
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    // Quarter days over four years, so that periods are shared and edges are met.
    let one = (0i64..6_000, 0u64..50, prop::bool::weighted(0.8));
    prop::collection::vec(one, 0..60).prop_map(|list| {
        let start: Timestamp = "2022-11-20T00:00:00Z".parse().unwrap();
        list.into_iter()
            .enumerate()
            .map(|(n, (quarter, size_bytes, verified))| Item {
                id: format!("{n}"),
                at: start + SignedDuration::from_hours(6 * quarter),
                size_bytes,
                verified,
            })
            .collect()
    })
}

fn rules() -> impl Strategy<Value = Keep> {
    use prop::option::of;
    (
        of(0u32..8),
        of(0u32..12),
        of(0u32..8),
        of(0u32..8),
        of(0u32..5),
        of((0u64..400).prop_map(|days| Span::from_secs(days * 43_200))),
    )
        .prop_map(|(last, daily, weekly, monthly, yearly, within)| Keep {
            last,
            daily,
            weekly,
            monthly,
            yearly,
            within,
            max_total_size: None,
        })
}

fn sized() -> impl Strategy<Value = Keep> {
    (rules(), prop::option::of(0u64..800)).prop_map(|(keep, size)| Keep {
        max_total_size: size.map(Bytes),
        ..keep
    })
}

fn zone() -> impl Strategy<Value = TimeZone> {
    prop::sample::select(vec!["UTC", "America/New_York", "Australia/Lord_Howe"])
        .prop_map(|name| TimeZone::get(name).unwrap())
}

fn staying(items: &[Item], keep: &Keep, zone: &TimeZone) -> BTreeSet<String> {
    decide(items, keep, now(), zone)
        .into_iter()
        .filter(|decision| decision.keep)
        .map(|decision| decision.item.id.clone())
        .collect()
}

fn verified(items: &[Item]) -> Vec<Item> {
    items.iter().filter(|item| item.verified).cloned().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn it_agrees_with_restics_policy(items in items(), keep in rules(), zone in zone()) {
        let items: Vec<_> = verified(&items).into_iter().filter(|item| item.at <= now()).collect();
        prop_assume!(!keep.is_empty());
        prop_assert_eq!(staying(&items, &keep, &zone), reference(&items, &keep, &zone));
    }

    #[test]
    fn the_newest_verified_one_stays(items in items(), keep in sized(), zone in zone()) {
        let stays = staying(&items, &keep, &zone);
        let past = items.iter().filter(|item| item.verified && item.at <= now());
        if let Some(newest) = past.max_by_key(|item| (item.at, &item.id)) {
            prop_assert!(stays.contains(&newest.id));
        }
    }

    #[test]
    fn unverified_ones_change_nothing_for_the_others(items in items(), keep in sized(), zone in zone()) {
        let others = verified(&items);
        let all = decide(&items, &keep, now(), &zone);
        prop_assert!(all.iter().all(|decision| decision.keep || decision.item.verified));
        let with: Vec<_> = all.into_iter().filter(|decision| decision.item.verified).collect();
        prop_assert_eq!(with, decide(&others, &keep, now(), &zone));
    }

    #[test]
    fn a_higher_count_never_removes_more(items in items(), keep in rules(), zone in zone(), which in 0..5, by in 1u32..5) {
        let mut more = keep.clone();
        let count = match which {
            0 => &mut more.last,
            1 => &mut more.daily,
            2 => &mut more.weekly,
            3 => &mut more.monthly,
            _ => &mut more.yearly,
        };
        let Some(count) = count else { return Ok(()) };
        *count += by;
        prop_assert!(staying(&items, &keep, &zone).is_subset(&staying(&items, &more, &zone)));
    }

    #[test]
    fn the_order_of_the_archives_does_not_matter(
        (items, shuffled) in items().prop_flat_map(|items| (Just(items.clone()), Just(items).prop_shuffle())),
        keep in sized(),
        zone in zone(),
    ) {
        let decisions = decide(&shuffled, &keep, now(), &zone);
        prop_assert!(decisions.iter().map(|decision| decision.item).eq(&shuffled));
        prop_assert_eq!(staying(&items, &keep, &zone), staying(&shuffled, &keep, &zone));
    }

    #[test]
    fn deciding_again_removes_nothing(items in items(), keep in sized(), zone in zone()) {
        let stays = staying(&items, &keep, &zone);
        let left: Vec<_> = items.into_iter().filter(|item| stays.contains(&item.id)).collect();
        prop_assert_eq!(staying(&left, &keep, &zone), stays);
    }

    #[test]
    fn what_stays_fits_the_size_limit(items in items(), keep in sized(), zone in zone()) {
        let Some(limit) = keep.max_total_size else { return Ok(()) };
        let decisions = decide(&items, &keep, now(), &zone);
        let counted = decisions.iter().filter(|d| d.keep && d.item.verified && d.item.at <= now());
        let sizes: Vec<_> = counted.map(|decision| decision.item.size_bytes).collect();
        prop_assert!(sizes.iter().sum::<u64>() <= limit.0 || sizes.len() == 1);
    }
}
