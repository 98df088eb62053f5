//! A fixed daily job runs exactly once per local date, in every zone of the IANA database.
//!
//! The date of a run is that of the time it is due at. A run right after a gap stands for a time
//! inside it, so its date is the one the clock would have shown without the change. A date that a
//! zone skips whole is no date there and has no run.

use std::{ops::Range, time::Duration};

use jiff::{
    SignedDuration, ToSpan as _,
    civil::{Date, Time, date},
};

use super::*;

/// The date a run belongs to; see above.
fn date_of(run: Timestamp, due: Time, zone: &TimeZone) -> Date {
    let wall = zone.to_datetime(run);
    if wall.time() == due {
        return wall.date();
    }
    let before = zone.to_offset(run - SignedDuration::from_secs(1));
    assert!(
        zone.to_offset(run) > before,
        "{run} is neither due nor the end of a gap"
    );
    let skipped = before.to_datetime(run);
    if skipped.time() <= due {
        skipped.date()
    } else {
        skipped.date().tomorrow().unwrap()
    }
}

/// Whether a zone has any instant on a date.
fn exists(date: Date, zone: &TimeZone) -> bool {
    let start = zone
        .to_ambiguous_zoned(date.at(0, 0, 0, 0))
        .compatible()
        .unwrap();
    start.date() == date
}

/// Checks the dates from `from` to the day before `to`.
fn once_per_date(zone: &TimeZone, name: &str, due: Time, from: Date, to: Date) {
    let text = format!("{} {} * * *", due.minute(), due.hour());
    let schedule = Schedule::parse(&text).unwrap();
    let frame = Frame {
        zone: zone.clone(),
        dst: Dst::default(),
        anchor: Timestamp::UNIX_EPOCH,
        calendar: None,
        only: None,
    };
    let eve = from.yesterday().unwrap().at(23, 59, 59, 0);
    let mut now = zone.to_ambiguous_timestamp(eve).compatible().unwrap();
    for day in from.series(1.day()).take_while(|day| *day < to) {
        if exists(day, zone) {
            now = schedule.next_after(now, &frame).unwrap();
            assert_eq!(date_of(now, due, zone), day, "{text} in {name}: {now}");
        }
    }
}

/// Checks the week around each change of the clock between two years.
fn once_per_date_at_changes(zone: &TimeZone, name: &str, due: Time, years: Range<i16>) {
    let start = date(years.start, 1, 1)
        .at(0, 0, 0, 0)
        .to_zoned(zone.clone())
        .unwrap();
    let changes = zone
        .following(start.timestamp())
        .map(|change| zone.to_datetime(change.timestamp()));
    let mut checked = start.date();
    for change in changes.take_while(|change| change.year() < years.end) {
        let (from, to) = (change.date() - 3.days(), change.date() + 4.days());
        once_per_date(zone, name, due, from.max(checked), to);
        checked = to;
    }
}

/// A time of day that differs from zone to zone, and often lies in the small hours.
fn due(seed: usize) -> Time {
    let hour = if seed.is_multiple_of(2) {
        seed / 2 % 4
    } else {
        seed * 7 % 24
    };
    let part = |n: usize| i8::try_from(n).unwrap();
    Time::new(part(hour), part(seed * 13 % 60), 0, 0).unwrap()
}

#[test]
fn once_per_date_where_the_clock_changes_oddly() {
    for (name, years) in [
        ("America/Havana", 2019..2022),
        ("America/Santiago", 2019..2022),
        ("America/Asuncion", 2019..2022),
        ("America/Nuuk", 2022..2026),
        ("America/Scoresbysund", 2022..2026),
        ("Australia/Lord_Howe", 2019..2022),
        ("Africa/Casablanca", 2019..2022),
        ("Africa/Cairo", 2023..2026),
        ("Asia/Beirut", 2019..2022),
        ("Antarctica/Casey", 2009..2024),
        ("Antarctica/Troll", 2019..2022),
        ("Pacific/Apia", 2009..2014),
        ("Pacific/Kwajalein", 1992..1995),
        ("Pacific/Kiritimati", 1994..1996),
        ("America/Caracas", 2007..2017),
        ("Asia/Pyongyang", 2015..2019),
        ("Europe/Volgograd", 2009..2021),
    ] {
        let zone = TimeZone::get(name).unwrap();
        for time in [
            (0, 0),
            (0, 30),
            (1, 59),
            (2, 0),
            (2, 30),
            (3, 0),
            (12, 5),
            (23, 30),
        ] {
            let due = Time::new(time.0, time.1, 0, 0).unwrap();
            once_per_date_at_changes(&zone, name, due, years.clone());
        }
    }
}

/// Ten years of changes in each zone; with `BELLKEEPER_LONG` set, each day of ten years.
#[test]
fn once_per_date_in_every_zone() {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test may be asked to take longer"
    )]
    let long = std::env::var("BELLKEEPER_LONG").is_ok();
    let mut zones = 0;
    for (seed, name) in jiff::tz::db().available().enumerate() {
        let (zone, name, due) = (
            TimeZone::get(name.as_str()).unwrap(),
            name.as_str(),
            due(seed),
        );
        if long {
            once_per_date(&zone, name, due, date(2024, 1, 1), date(2034, 1, 1));
        } else {
            once_per_date_at_changes(&zone, name, due, 2024..2034);
            once_per_date(&zone, name, due, date(2026, 6, 1), date(2026, 6, 8));
        }
        zones += 1;
    }
    assert!(zones > 400, "only {zones} zones");
}

/// Figures for docs/DECISIONS.md: `cargo test --release -- --ignored --nocapture`.
#[test]
#[ignore = "prints figures"]
#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "measures real time"
)]
fn how_long_it_takes() {
    for (name, text) in [
        ("UTC", "0 2 * * *"),
        ("America/New_York", "0 2 * * *"),
        ("America/New_York", "*/5 * * * *"),
        ("America/New_York", "*/5 9-15 * * 1-5"),
        ("America/New_York", "0 0 29 2 *"),
        ("America/New_York", "0 0 * 2 mon#5"),
        ("America/New_York", "every 5m"),
    ] {
        let (schedule, frame) = (Schedule::parse(text).unwrap(), frame(name));
        let start = std::time::Instant::now();
        let mut now = at("2026-01-01T00:00:00Z");
        let mut worst = Duration::ZERO;
        let calls = 2_000u32;
        for _ in 0..calls {
            let call = std::time::Instant::now();
            let Some(next) = schedule.next_after(now, &frame) else {
                break;
            };
            worst = worst.max(call.elapsed());
            now = if next.as_second() > 4_000_000_000 {
                at("2026-01-01T00:00:00Z")
            } else {
                next
            };
        }
        println!(
            "{name} `{text}`: {:?} a call, worst {worst:?}",
            start.elapsed() / calls
        );
    }
    for text in ["0 2 * * *", "0 0 31 2 *", "0 0 * 2 mon#5"] {
        let start = std::time::Instant::now();
        let good = Schedule::parse(text).is_ok();
        println!("parse `{text}` ({good}): {:?}", start.elapsed());
    }
    let start = std::time::Instant::now();
    let gone = Schedule::parse("*/30 2 * 3 SUN#2").unwrap();
    let none = gone.next_after(at("2026-01-01T00:00:00Z"), &frame("America/New_York"));
    println!("only in gaps ({}): {:?}", none.is_none(), start.elapsed());
    let resident = || {
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
        pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
    };
    let before = resident();
    let many: Vec<_> = (0..10_000)
        .map(|_| Schedule::parse("*/5 9-15 * * 1-5").unwrap())
        .collect();
    let own = (resident() - before) / many.len();
    println!(
        "{own} B for a parsed pattern, {} B for a shared one",
        size_of::<Schedule>()
    );
}
