//! What becomes of archives as time moves on.

use super::*;

fn coming(days: i64) -> Vec<Item> {
    let first: Timestamp = "2026-11-24T02:00:00Z".parse().unwrap();
    let at = |day| first + SignedDuration::from_hours(24 * day);
    (0..days).map(|day| item(&at(day).to_string())).collect()
}

#[test]
fn a_week_of_daily_archives_is_followed_day_by_day() {
    let keep = Keep {
        daily: Some(3),
        ..Keep::default()
    };
    let mut today = daily(3);
    today[2].verified = false;
    let simulated = simulate(&today, &coming(4), &keep, now(), 4, &TimeZone::UTC);
    let days: Vec<_> = simulated
        .days
        .iter()
        .map(|day| {
            (
                day.date.to_string(),
                day.made,
                day.removed,
                day.here.clone(),
                day.size_bytes,
            )
        })
        .collect();
    let day = |date: &str, made, removed, here: &[usize]| {
        let size = 10 * u64::try_from(here.len()).unwrap();
        (format!("2026-{date}"), made, removed, here.to_vec(), size)
    };
    assert_eq!(
        days,
        [
            day("11-23", 0, 0, &[0, 1, 2]),
            day("11-24", 1, 0, &[0, 1, 2, 3]),
            day("11-25", 1, 1, &[0, 2, 3, 4]),
            day("11-26", 1, 1, &[2, 3, 4, 5]),
            day("11-27", 1, 1, &[2, 4, 5, 6]),
        ]
    );
    let end = simulated.courses[1].end.as_ref().unwrap();
    assert_eq!(end.at.to_string(), "2026-11-25T02:00:00Z");
    assert_eq!(end.reasons, ["older than the last 3 daily archives"]);
    // What is not verified stays until somebody removes it.
    assert_eq!(simulated.courses[2].end, None);
    assert_eq!(simulated.peak_bytes(), 40);
}

#[test]
fn without_rules_or_without_slots_nothing_goes() {
    let all = simulate(
        &daily(3),
        &coming(5),
        &Keep::default(),
        now(),
        90,
        &TimeZone::UTC,
    );
    assert_eq!((all.days.len(), all.days[90].here.len()), (91, 8));
    let keep = Keep {
        last: Some(1),
        ..Keep::default()
    };
    let still = simulate(&daily(3), &[], &keep, now(), 2, &TimeZone::UTC);
    assert!(still.courses.iter().all(|course| course.end.is_none()));
}

/// Archives at random distances, the later ones of them still to come.
fn history() -> impl Strategy<Value = (Vec<Item>, usize)> {
    let steps = prop::collection::vec((1i64..60, 1u64..50), 1..80);
    (steps, 0usize..80).prop_map(|(steps, cut)| {
        let mut at: Timestamp = "2024-10-20T00:00:00Z".parse().unwrap();
        let made = steps
            .into_iter()
            .enumerate()
            .map(|(n, (hours, size_bytes))| {
                at += SignedDuration::from_hours(hours);
                Item {
                    id: format!("{n:03}"),
                    at,
                    size_bytes,
                    verified: true,
                }
            });
        let made: Vec<_> = made.collect();
        let cut = cut.min(made.len());
        (made, cut)
    })
}

fn gone(simulated: &Simulation) -> BTreeSet<String> {
    let ended = simulated
        .courses
        .iter()
        .filter(|course| course.end.is_some());
    ended.map(|course| course.item.id.clone()).collect()
}

fn wanted(items: &[Item], keep: &Keep, zone: &TimeZone) -> BTreeSet<String> {
    let Some(now) = items.iter().map(|item| item.at).max() else {
        return BTreeSet::new();
    };
    let decisions = decide(items, keep, now, zone);
    let stays = decisions.into_iter().filter(|decision| decision.keep);
    stays.map(|decision| decision.item.id.clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Step by step or once at the end: the same archives are left, so none that has gone is ever
    /// wanted again.
    #[test]
    fn what_has_gone_is_never_wanted_again((made, cut) in history(), keep in rules(), zone in zone()) {
        let (today, coming) = made.split_at(cut);
        for until in 0..=coming.len() {
            let now = made[0].at;
            let simulated = simulate(today, &coming[..until], &keep, now, 0, &zone);
            if until == 0 {
                continue;
            }
            let all: Vec<_> = made[..cut + until].to_vec();
            let wanted = wanted(&all, &keep, &zone);
            let gone = gone(&simulated);
            prop_assert!(wanted.is_disjoint(&gone), "{:?} {:?}", wanted, gone);
            prop_assert_eq!(wanted.len() + gone.len(), all.len());
        }
    }

    #[test]
    fn the_newest_is_there_at_every_step((made, cut) in history(), keep in sized(), zone in zone()) {
        let (today, coming) = made.split_at(cut);
        let simulated = simulate(today, coming, &keep, made[0].at, 400, &zone);
        for (place, course) in simulated.courses.iter().enumerate() {
            // An archive goes only when a newer one is there.
            if let Some(end) = &course.end {
                prop_assert!(end.at > course.item.at && place + 1 < simulated.courses.len());
                prop_assert!(!end.reasons.is_empty());
            }
        }
        for day in simulated.days.iter().filter(|day| day.made > 0) {
            let born = |course: &Course| course.item.at.to_zoned(zone.clone()).date() == day.date;
            let newest = simulated.courses.iter().rposition(born);
            prop_assert_eq!(day.here.last(), newest.as_ref());
        }
    }

    #[test]
    fn more_generous_rules_never_keep_less_at_any_day(
        (made, cut) in history(), keep in rules(), zone in zone(), which in 0..6, by in 1u32..5,
    ) {
        let mut more = keep.clone();
        let add = |count: &mut Option<u32>| if let Some(count) = count { *count += by };
        match which {
            0 => add(&mut more.last),
            1 => add(&mut more.daily),
            2 => add(&mut more.weekly),
            3 => add(&mut more.monthly),
            4 => add(&mut more.yearly),
            _ => more.within = more.within.map(|span| Span::from_secs(span.duration().as_secs() + u64::from(by) * 43_200)),
        }
        let (today, coming) = made.split_at(cut);
        let run = |keep: &Keep| simulate(today, coming, keep, made[0].at, 200, &zone);
        let (few, many) = (run(&keep), run(&more));
        for (few, many) in few.days.iter().zip(&many.days) {
            let many: BTreeSet<_> = many.here.iter().collect();
            prop_assert!(few.here.iter().all(|place| many.contains(place)), "{}", few.date);
        }
    }

    #[test]
    fn days_add_up((made, cut) in history(), keep in sized(), zone in zone()) {
        let (today, coming) = made.split_at(cut);
        let now = today.last().map_or(made[0].at, |item| item.at);
        let simulated = simulate(today, coming, &keep, now, 300, &zone);
        let mut count = today.len();
        for day in &simulated.days {
            count = count + day.made - day.removed;
            prop_assert_eq!(count, day.here.len(), "{}", day.date);
            let sizes = day.here.iter().map(|place| simulated.courses[*place].item.size_bytes);
            prop_assert_eq!(sizes.sum::<u64>(), day.size_bytes);
        }
    }
}

/// The size limit is the exception: room for what has gone may come back.
#[test]
fn with_a_size_limit_what_has_gone_might_fit_again() {
    let keep = Keep {
        daily: Some(3),
        max_total_size: Some(Bytes(25)),
        ..Keep::default()
    };
    let mut all = [
        item("2026-11-24T02:00:00Z"),
        item("2026-11-25T02:00:00Z"),
        item("2026-11-25T20:00:00Z"),
    ];
    // Too large beside the first, and soon replaced by a small one of the same day.
    all[1].size_bytes = 20;
    let simulated = simulate(&all[..1], &all[1..], &keep, now(), 5, &TimeZone::UTC);
    assert_eq!(gone(&simulated).len(), 2);
    assert!(wanted(&all, &keep, &TimeZone::UTC).contains(&all[0].id));
}
