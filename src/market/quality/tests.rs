//! Each flaw on bars made for it.

use jiff::civil::date;

use super::*;
use crate::schedule::built_in_calendar;

mod fixtures;

/// Closes, splits told, what is found, how many bars are left.
type Case<'a> = (&'a [f64], Vec<Split>, &'a [&'a str], usize);

const NOW: &str = "2026-01-31T22:00:00Z";

fn bar(stamp: &str, close: f64) -> Bar {
    Bar {
        stamp: stamp
            .parse()
            .map_or_else(|_| Stamp::Instant(stamp.parse().unwrap()), Stamp::Day),
        open: close,
        high: close,
        low: close,
        close,
        volume: 100.0,
    }
}

fn series(bars: impl IntoIterator<Item = Bar>) -> Series {
    Series {
        symbol: "X".into(),
        timeframe: Timeframe::D1,
        bars: bars.into_iter().collect(),
        findings: Vec::new(),
        source: "test".into(),
        adjustment: Adjustment::AsTraded,
        splits: Vec::new(),
        zone: None,
        degraded: None,
    }
}

/// Bars on the days of January 2026 from the 1st on.
fn january(closes: &[f64]) -> Series {
    let days = (1..).zip(closes);
    series(days.map(|(day, close)| bar(&date(2026, 1, day).to_string(), *close)))
}

fn context<'a>() -> Context<'a> {
    Context {
        calendar: None,
        now: NOW.parse().unwrap(),
        stored: None,
    }
}

fn on(calendar: &Calendar) -> Context<'_> {
    Context {
        calendar: Some(calendar),
        ..context()
    }
}

/// `DAY FLAW` of each finding, with a `!` where the bar is out.
fn told(inspected: &Inspected) -> Vec<String> {
    let line = |found: &Found| {
        let Finding {
            flaw,
            severity,
            stamp,
            ..
        } = &found.finding;
        let out = if *severity == Severity::Quarantined {
            "!"
        } else {
            ""
        };
        let stamp = stamp.map_or("-".to_owned(), |stamp| stamp.to_string());
        assert!(!found.finding.what.is_empty());
        format!("{stamp} {flaw}{out}")
    };
    inspected.found.iter().map(line).collect()
}

fn days(inspected: &Inspected) -> Vec<i8> {
    let stamps = inspected.bars.stamps().iter();
    let day = |stamp: &Stamp| match stamp {
        Stamp::Day(date) => date.day(),
        Stamp::Instant(at) => at.to_zoned(TimeZone::UTC).day(),
    };
    stamps.map(day).collect()
}

#[test]
fn good_bars_stay_as_they_are() {
    let series = january(&[10.0, 10.5, 10.2, 12.9, 9.1]);
    let inspected = inspect(&series, &context());
    assert_eq!(inspected.bars, series.bars);
    assert!(inspected.fits && inspected.found.is_empty() && inspected.splits.is_empty());
    let none = inspect(&january(&[]), &context());
    assert!(none.bars.is_empty() && none.found.is_empty());
    let one = inspect(&january(&[1.0]), &context());
    assert_eq!((one.bars.len(), one.found.len()), (1, 0));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn a_bar_that_cannot_be_is_out_and_comes_back() {
    let good = bar("2026-01-01", 2.0);
    let cases = [
        (
            Bar {
                close: f64::NAN,
                ..good
            },
            Flaw::Malformed,
            "close is NaN",
        ),
        (
            Bar {
                high: f64::INFINITY,
                ..good
            },
            Flaw::Malformed,
            "high is inf",
        ),
        (Bar { low: 0.0, ..good }, Flaw::NotPositive, "low is 0"),
        (Bar { open: -2.0, ..good }, Flaw::NotPositive, "open is -2"),
        (
            Bar {
                volume: -1.0,
                ..good
            },
            Flaw::NotPositive,
            "volume is -1",
        ),
        (
            Bar {
                high: 1.0,
                low: 3.0,
                ..good
            },
            Flaw::Outside,
            "high 1 is below low 3",
        ),
        (
            Bar { close: 2.1, ..good },
            Flaw::Outside,
            "close 2.1 is not between low 2 and high 2",
        ),
        (
            Bar { open: 1.9, ..good },
            Flaw::Outside,
            "open 1.9 is not between low 2 and high 2",
        ),
        (
            Bar { low: 0.02, ..good },
            Flaw::UnitSwitch,
            "low 0.02 and high 2 cannot be in the same unit",
        ),
    ];
    for (wrong, flaw, what) in cases {
        let inspected = inspect(&series([wrong, bar("2026-01-02", 2.0)]), &context());
        assert_eq!(days(&inspected), [2]);
        let [found] = &inspected.found[..] else {
            panic!("{:?}", inspected.found);
        };
        assert_eq!(
            (found.finding.flaw, found.finding.what.as_str()),
            (flaw, what)
        );
        let back = found.bar.unwrap();
        assert_eq!(back.stamp, wrong.stamp);
        assert!(back == wrong || wrong.close.is_nan());
        assert_eq!(inspected.quarantined(), 1);
    }
    // Prices that went through single precision are off a little.
    let rounded = Bar {
        close: 2.000_000_1,
        volume: 0.0,
        ..good
    };
    assert!(inspect(&series([rounded]), &context()).found.is_empty());
}

#[test]
fn of_bars_in_disorder_the_fewest_go() {
    let of = |days: &[i8]| {
        let bars = days
            .iter()
            .map(|day| bar(&date(2026, 1, *day).to_string(), 2.0));
        inspect(&series(bars), &context())
    };
    let inspected = of(&[1, 2, 2, 4, 3, 5]);
    assert_eq!(days(&inspected), [1, 2, 3, 5]);
    assert_eq!(
        told(&inspected),
        ["2026-01-02 duplicate!", "2026-01-04 unsorted!"]
    );
    // One stamp far ahead does not take what follows with it.
    let inspected = of(&[1, 30, 2, 3, 4]);
    assert_eq!(days(&inspected), [1, 2, 3, 4]);
    assert_eq!(told(&inspected), ["2026-01-30 unsorted!"]);
    let other = [bar("2026-01-01", 2.0), bar("2026-01-01", 2.5)];
    let inspected = inspect(&series(other), &context());
    assert_eq!(
        inspected.found[0].finding.what,
        "2026-01-01 is there already, with other values"
    );
}

#[test]
fn a_bar_whose_time_is_not_over_is_out() {
    let calendar = built_in_calendar("XNYS").unwrap();
    let friday = series(["2026-01-29", "2026-01-30"].map(|day| bar(day, 2.0)));
    for (now, left) in [
        ("2026-01-30T20:59:59Z", vec![29]),
        ("2026-01-30T21:00:00Z", vec![29, 30]),
        ("2026-01-28T21:00:00Z", vec![]),
    ] {
        let now = now.parse().unwrap();
        let inspected = inspect(
            &friday,
            &Context {
                now,
                ..on(&calendar)
            },
        );
        assert_eq!(days(&inspected), left, "{now}");
        assert_eq!(told(&inspected).len(), 2 - left.len());
    }
    // Without a calendar a day is over when it is.
    let now = "2026-01-30T23:59:59Z".parse().unwrap();
    let inspected = inspect(&friday, &Context { now, ..context() });
    assert_eq!(told(&inspected), ["2026-01-30 incomplete!"]);
    let zone = TimeZone::get("Asia/Tokyo").unwrap();
    let tokyo = Series {
        zone: Some(zone),
        ..friday.clone()
    };
    let now = "2026-01-30T15:00:00Z".parse().unwrap();
    assert!(
        inspect(&tokyo, &Context { now, ..context() })
            .found
            .is_empty()
    );
    let hour = series([bar("2026-01-30T16:00:00Z", 2.0)]);
    let hour = Series {
        timeframe: Timeframe::H1,
        ..hour
    };
    assert_eq!(
        inspect(&hour, &Context { now, ..context() }).quarantined(),
        1
    );
    // A week is over with its last session.
    let week = Series {
        timeframe: Timeframe::W1,
        ..series([bar("2026-01-26", 2.0)])
    };
    for (now, out) in [("2026-01-30T20:00:00Z", 1), ("2026-01-30T21:00:00Z", 0)] {
        let now = now.parse().unwrap();
        assert_eq!(
            inspect(
                &week,
                &Context {
                    now,
                    ..on(&calendar)
                }
            )
            .quarantined(),
            out
        );
    }
}

#[test]
fn a_clock_behind_the_newest_bar_is_told() {
    let now = "2025-12-31T12:00:00Z".parse().unwrap();
    let inspected = inspect(&january(&[2.0]), &Context { now, ..context() });
    let what = &inspected.found[0].finding.what;
    assert_eq!(
        what,
        "2026-01-01 is after now, 2025-12-31T12:00:00Z: one of the two is wrong"
    );
}

#[test]
fn the_calendar_tells_what_is_missing_closed_and_old() {
    let calendar = built_in_calendar("XNYS").unwrap();
    // The 1st is New Year, the 3rd a Saturday, the 19th Martin Luther King Day.
    let stamps = [
        "2026-01-02",
        "2026-01-03",
        "2026-01-05",
        "2026-01-08",
        "2026-01-20",
    ];
    let bars = stamps.map(|day| bar(day, 2.0));
    let now = "2026-01-21T21:00:00Z".parse().unwrap();
    let inspected = inspect(
        &series(bars),
        &Context {
            now,
            ..on(&calendar)
        },
    );
    assert_eq!(days(&inspected), [2, 5, 8, 20]);
    assert_eq!(
        told(&inspected),
        [
            "2026-01-03 closed_day!",
            "2026-01-06 missing_session",
            "2026-01-09 missing_session",
            "2026-01-20 stale",
        ]
    );
    let what = |at: usize| inspected.found[at].finding.what.as_str();
    assert_eq!(what(0), "XNYS has no session on 2026-01-03");
    assert_eq!(
        what(1),
        "there is no bar of 2 sessions from 2026-01-06 to 2026-01-07"
    );
    assert_eq!(
        what(3),
        "the newest bar is of 2026-01-20, and XNYS had a session on 2026-01-21"
    );
    // Before the close nothing is late, and what was out for another reason is not missing.
    let now = "2026-01-21T20:59:00Z".parse().unwrap();
    let mut bars = ["2026-01-16", "2026-01-20"].map(|day| bar(day, 2.0));
    bars[1].low = 3.0;
    let inspected = inspect(
        &series(bars),
        &Context {
            now,
            ..on(&calendar)
        },
    );
    assert_eq!(told(&inspected), ["2026-01-20 outside!"]);
    // Nothing is known of 2013.
    let old = inspect(&series([bar("2013-01-05", 2.0)]), &on(&calendar));
    assert_eq!(told(&old), ["2013-01-05 stale"]);
    let weeks = ["2026-01-05", "2026-01-19"].map(|day| bar(day, 2.0));
    let weeks = Series {
        timeframe: Timeframe::W1,
        ..series(weeks)
    };
    let inspected = inspect(
        &weeks,
        &Context {
            now: NOW.parse().unwrap(),
            ..on(&calendar)
        },
    );
    assert_eq!(told(&inspected), ["2026-01-12 missing_session"]);
}

#[test]
fn runs_without_volume_are_told_once() {
    let mut bars: Vec<Bar> = (1..=20)
        .map(|day| bar(&date(2026, 1, day).to_string(), 2.0))
        .collect();
    for bar in &mut bars[3..8] {
        bar.volume = 0.0;
    }
    for bar in &mut bars[10..14] {
        bar.volume = 0.0;
    }
    let inspected = inspect(&series(bars.clone()), &context());
    assert_eq!(told(&inspected), ["2026-01-04 no_volume"]);
    assert_eq!(inspected.bars.len(), 20);
    for bar in &mut bars {
        bar.volume = 0.0;
    }
    let inspected = inspect(&series(bars), &context());
    assert_eq!(inspected.found[0].finding.what, "no bar has any volume");
}

#[test]
fn jumps_are_told_and_never_out() {
    let inspected = inspect(&january(&[10.0, 13.0, 9.2, 11.9, 8.33]), &context());
    assert_eq!(told(&inspected), ["2026-01-02 jump", "2026-01-05 jump"]);
    assert_eq!(inspected.bars.len(), 5);
}

#[test]
fn prices_in_another_unit_are_out_wherever_they_stand() {
    let cases: [(&[f64], &[i8]); 6] = [
        (&[250.0, 2.51, 252.0, 253.0], &[1, 3, 4]),
        (&[250.0, 251.0, 25_200.0, 25_300.0, 254.0], &[1, 2, 5]),
        (&[2.5, 2.51, 252.0, 253.0, 254.0], &[3, 4, 5]),
        (&[250.0, 251.0, 252.0, 2.53, 2.54], &[1, 2, 3]),
        // Twice the same step up: three units.
        (&[2.5, 250.0, 250.0, 25_000.0], &[2, 3]),
        // Half, and ten times, are no unit.
        (&[250.0, 120.0, 1_200.0, 120.0], &[1, 2, 3, 4]),
    ];
    for (closes, left) in cases {
        assert_eq!(
            days(&inspect(&january(closes), &context())),
            left,
            "{closes:?}"
        );
    }
}

#[test]
fn the_right_unit_is_that_of_stored_bars_then_of_trading() {
    let mut quoted = january(&[2.5, 2.5, 250.0, 250.0]);
    let mut bars: Vec<Bar> = bars(&quoted.bars).collect();
    bars.push(bar("2026-01-05", 2.5));
    for bar in &mut bars {
        bar.volume = if bar.close > 100.0 { 7.0 } else { 0.0 };
    }
    quoted.bars = bars.into_iter().collect();
    assert_eq!(days(&inspect(&quoted, &context())), [3, 4]);
    let old: Bars = [bar("2026-01-02", 2.5)].into_iter().collect();
    let stored = Some(Stored {
        bars: &old,
        adjustment: Adjustment::AsTraded,
    });
    let inspected = inspect(
        &quoted,
        &Context {
            stored,
            ..context()
        },
    );
    assert_eq!(days(&inspected), [1, 2, 5]);
    // All of them are in pence, and what is stored in pounds.
    let old = january(&[2.5, 2.5, 2.5]).bars;
    let stored = Some(Stored {
        bars: &old,
        adjustment: Adjustment::AsTraded,
    });
    let new = january(&[250.0, 250.0, 250.0, 250.0]);
    assert!(
        inspect(
            &new,
            &Context {
                stored,
                ..context()
            }
        )
        .bars
        .is_empty()
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn a_split_that_is_told_is_held_against_the_prices() {
    let split = |day, ratio| {
        vec![Split {
            on: date(2026, 1, day),
            ratio,
        }]
    };
    let cases: [Case<'_>; 6] = [
        // As traded.
        (
            &[100.0, 102.0, 50.0, 51.0],
            split(3, 2.0),
            &["2026-01-03 split"],
            4,
        ),
        // As traded, and a crash on the same day.
        (
            &[100.0, 102.0, 35.0, 30.0],
            split(3, 2.0),
            &["2026-01-03 split", "2026-01-03 jump"],
            4,
        ),
        // Divided already.
        (
            &[50.0, 51.0, 50.0, 51.0],
            split(3, 2.0),
            &["2026-01-03 split"],
            4,
        ),
        // Divided two days too early: the first two never were.
        (
            &[100.0, 101.0, 50.5, 50.0, 51.0],
            split(5, 2.0),
            &[
                "2026-01-05 split",
                "2026-01-01 mixed_adjustment!",
                "2026-01-02 mixed_adjustment!",
            ],
            3,
        ),
        // The step goes the wrong way.
        (
            &[50.0, 50.0, 100.0, 50.0],
            split(3, 2.0),
            &["2026-01-03 split", "2026-01-03 mixed_adjustment!"],
            3,
        ),
        // A stock dividend of 5 % cannot be seen.
        (
            &[50.0, 50.0, 47.0, 48.0],
            split(3, 1.05),
            &["2026-01-03 split"],
            4,
        ),
    ];
    for (closes, splits, expected, left) in cases {
        let inspected = inspect(
            &Series {
                splits: splits.clone(),
                ..january(closes)
            },
            &context(),
        );
        assert_eq!(told(&inspected), expected, "{closes:?}");
        assert_eq!(
            (inspected.bars.len(), &inspected.splits),
            (left, &splits),
            "{closes:?}"
        );
    }
    for nonsense in [0.0, -2.0, f64::NAN, 1.0] {
        let told = Series {
            splits: split(2, nonsense),
            ..january(&[5.0, 5.0])
        };
        assert!(inspect(&told, &context()).found.is_empty());
    }
    // A consolidation of a hundred shares is no other unit.
    let hundred = Series {
        splits: split(3, 0.01),
        ..january(&[5.0, 5.1, 508.0, 509.0])
    };
    assert_eq!(inspect(&hundred, &context()).bars.len(), 4);
}

#[test]
fn a_split_shows_in_stored_bars_that_changed_by_a_common_factor() {
    let old = january(&[100.0, 102.0, 104.0, 50.5, 51.0, 50.0]).bars;
    let against = |new: &Series| {
        let stored = Stored {
            bars: &old,
            adjustment: Adjustment::AsTraded,
        };
        inspect(
            new,
            &Context {
                stored: Some(stored),
                ..context()
            },
        )
    };
    let same = against(&january(&[100.0, 102.0, 104.0, 50.5, 51.0, 50.0, 52.0]));
    assert_eq!(
        (told(&same), same.fits),
        (vec!["2026-01-04 jump".to_owned()], true)
    );
    let one = against(&january(&[50.0, 51.0, 52.0, 50.5, 51.0, 50.0, 52.0]));
    assert_eq!(
        (told(&one), one.fits),
        (vec!["2026-01-04 split".to_owned()], false)
    );
    assert_eq!(
        one.splits,
        [Split {
            on: date(2026, 1, 4),
            ratio: 2.0
        }]
    );
    // All that is stored changed: it was after that.
    let after = against(&january(&[50.0, 51.0, 52.0, 25.25, 25.5, 25.0, 25.5]));
    assert_eq!(
        after.splits,
        [Split {
            on: date(2026, 1, 7),
            ratio: 2.0
        }]
    );
    // A bar that was corrected is no split, and a dividend is a small one.
    let corrected = against(&january(&[100.0, 102.0, 99.0, 50.5, 51.0, 50.0]));
    assert!(corrected.fits && corrected.splits.is_empty());
    let dividend = against(&january(&[98.0, 99.96, 101.92, 49.49, 49.98, 49.0, 50.0]));
    assert_eq!(told(&dividend)[0], "2026-01-07 mixed_adjustment");
    assert!(!dividend.fits && dividend.splits.is_empty());
    // Older bars as they were and newer ones not: that is no split.
    let mixed = against(&january(&[100.0, 102.0, 104.0, 25.25, 25.5, 25.0]));
    assert!(!mixed.fits && told(&mixed).contains(&"2026-01-04 mixed_adjustment".to_owned()));
}

#[test]
fn bars_that_are_adjusted_in_another_way_do_not_fit() {
    let old = january(&[100.0, 102.0, 104.0]).bars;
    let later = series(["2026-01-10", "2026-01-11"].map(|day| bar(day, 100.0)));
    for (adjustment, fits) in [(Adjustment::AsTraded, true), (Adjustment::Splits, false)] {
        let stored = Some(Stored {
            bars: &old,
            adjustment,
        });
        let inspected = inspect(
            &later,
            &Context {
                stored,
                ..context()
            },
        );
        assert_eq!((inspected.fits, inspected.found.is_empty()), (fits, fits));
        // The same prices: there was nothing to adjust.
        let again = inspect(
            &january(&[100.0, 102.0, 104.0]),
            &Context {
                stored,
                ..context()
            },
        );
        assert!(again.fits);
    }
}
