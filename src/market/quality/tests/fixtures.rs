//! Real series with real faults, and the trap: a crash that looks like a split.

use std::path::{Path, PathBuf};

use super::*;
use crate::market::{Read, read_prices};

fn fixture(name: &str) -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    fixtures.join(name)
}

fn read(name: &str) -> Read {
    read_prices(&fixture(name), "X", None).unwrap()
}

fn stamps(bars: &Bars) -> Vec<String> {
    bars.stamps().iter().map(ToString::to_string).collect()
}

#[test]
fn the_bars_that_a_person_has_mended_are_found_and_no_others() {
    for (name, flaw, wrong) in [
        ("AET-L-1d-100x-error", Flaw::UnitSwitch, 14),
        ("ASAI-L-1h-bad-unit", Flaw::UnitSwitch, 1),
        ("AV-L-1wk-bad-stock-split", Flaw::MixedAdjustment, 1),
        ("DEX-AX-1d-bad-stock-split", Flaw::MixedAdjustment, 15),
    ] {
        let faulty = read(&format!("bad_prices/{name}.csv"));
        let mended = read(&format!("bad_prices/{name}-fixed.csv"));
        let differ = |(a, b): &(Bar, Bar)| {
            let pairs = [
                (a.open, b.open),
                (a.high, b.high),
                (a.low, b.low),
                (a.close, b.close),
            ];
            pairs.iter().any(|(a, b)| (a / b - 1.0).abs() > 1e-6)
        };
        let pairs = bars(&faulty.series.bars).zip(bars(&mended.series.bars));
        let differ: Vec<Stamp> = pairs.filter(differ).map(|(bar, _)| bar.stamp).collect();
        let inspected = faulty.inspect(&context());
        let out = inspected.found.iter().filter(|found| found.bar.is_some());
        let mut out: Vec<Stamp> = out.map(|found| found.bar.unwrap().stamp).collect();
        out.sort_unstable();
        assert_eq!(out, differ, "{name}");
        assert_eq!(out.len(), wrong, "{name}");
        assert_eq!(inspected.bars.len() + wrong, faulty.series.bars.len());
        let of = |found: &&Found| found.bar.is_some() && found.finding.flaw != flaw;
        assert_eq!(inspected.found.iter().find(of), None, "{name}");
        // Nothing is wrong with what a person has mended.
        assert_eq!(
            told_out(&mended.inspect(&context())),
            Vec::<String>::new(),
            "{name}"
        );
    }
}

fn told_out(inspected: &Inspected) -> Vec<String> {
    let told = told(inspected).into_iter();
    told.filter(|line| line.ends_with('!') && !line.contains("mixed"))
        .collect()
}

#[test]
fn every_sort_of_bad_row_is_found_and_the_good_ones_stay() {
    let read = read("bad_prices/si-bad.csv");
    let inspected = read.inspect(&context());
    let mut counts = std::collections::BTreeMap::new();
    for found in &inspected.found {
        *counts.entry(found.finding.flaw.as_str()).or_insert(0) += 1;
    }
    insta::assert_snapshot!(format!("{counts:?}"), @r#"{"malformed": 101, "not_positive": 55, "outside": 9, "unit_switch": 144}"#);
    let rows = 502;
    assert_eq!(inspected.bars.len() + inspected.quarantined(), rows);
    // What is left is one level of prices, as the file had them before anybody spoilt it.
    let closes = inspected.bars.column(Field::Close);
    assert!(closes.iter().all(|close| (205.0..300.0).contains(close)));
    let left = stamps(&inspected.bars);
    for line in ["2017-01-03", "2018-03-14", "2018-08-01", "2018-12-31"] {
        assert!(left.iter().any(|stamp| stamp == line), "{line}");
    }
}

#[test]
fn a_file_of_zeros_has_no_bar() {
    let read = read("bad_prices/si-zeros.csv");
    let inspected = read.inspect(&context());
    assert_eq!((inspected.bars.len(), inspected.quarantined()), (0, 200));
    let flaws = inspected.found.iter().map(|found| found.finding.flaw);
    assert!(flaws.into_iter().all(|flaw| flaw == Flaw::NotPositive));
    assert_eq!(read.series.bars.stamps()[0], Stamp::Day(date(2017, 1, 3)));
}

const SPLITS: [(&str, f64); 2] = [("2000-06-21", 2.0), ("2005-02-28", 2.0)];

fn splits() -> Vec<Split> {
    let split = |(on, ratio): (&str, f64)| Split {
        on: on.parse().unwrap(),
        ratio,
    };
    SPLITS.map(split).to_vec()
}

/// As a source gives the bars that divides by splits.
fn divided(bars: &Bars) -> Bars {
    let factor = |stamp: Stamp| {
        let later = splits()
            .into_iter()
            .filter(|split| stamp < Stamp::Day(split.on));
        later.map(|split| split.ratio).product::<f64>()
    };
    let divide = |bar: Bar| {
        let by = factor(bar.stamp);
        Bar {
            open: bar.open / by,
            high: bar.high / by,
            low: bar.low / by,
            close: bar.close / by,
            volume: bar.volume * by,
            ..bar
        }
    };
    super::bars(bars).map(divide).collect()
}

fn of(inspected: &Inspected, flaw: Flaw) -> Vec<String> {
    let found = inspected
        .found
        .iter()
        .filter(|found| found.finding.flaw == flaw);
    found
        .map(|found| found.finding.stamp.unwrap().to_string())
        .collect()
}

#[test]
fn both_splits_are_recognised_and_the_crash_stays() {
    let as_traded = read("prices/AAPL.csv").series;
    let days = SPLITS.map(|(day, _)| day.to_owned());
    let crash = ["2000-09-29".to_owned()];
    // Told by the source.
    let told = Series {
        splits: splits(),
        ..as_traded.clone()
    };
    let inspected = inspect(&told, &context());
    assert_eq!(of(&inspected, Flaw::Split), days);
    assert_eq!(of(&inspected, Flaw::Jump), crash);
    assert_eq!(
        (inspected.quarantined(), &inspected.bars),
        (0, &as_traded.bars)
    );
    assert_eq!(inspected.splits, splits());
    // Seen when bars that are stored as traded are taken again from a source that divides.
    let again = Series {
        bars: divided(&as_traded.bars),
        adjustment: Adjustment::Splits,
        ..as_traded.clone()
    };
    let stored = Some(Stored {
        bars: &as_traded.bars,
        adjustment: Adjustment::AsTraded,
    });
    let inspected = inspect(
        &again,
        &Context {
            stored,
            ..context()
        },
    );
    assert_eq!(of(&inspected, Flaw::Split), days);
    assert_eq!(of(&inspected, Flaw::Jump), crash);
    assert_eq!((inspected.quarantined(), inspected.fits), (0, false));
    assert_eq!(inspected.splits.len(), 2);
    // Told, and divided already: the crash is not the step of a split.
    let told = Series {
        splits: splits(),
        ..again
    };
    let inspected = inspect(&told, &context());
    assert_eq!(
        (inspected.quarantined(), of(&inspected, Flaw::Jump)),
        (0, crash.to_vec())
    );
    // Without any evidence nothing is suspected.
    let inspected = inspect(&as_traded, &context());
    assert_eq!(of(&inspected, Flaw::Split), Vec::<String>::new());
    assert_eq!(of(&inspected, Flaw::Jump).len(), 3);
    assert_eq!(inspected.quarantined(), 0);
}

#[test]
fn nothing_is_left_out_of_good_files() {
    for name in ["AAPL", "GOOG", "MSFT"] {
        let inspected = read(&format!("prices/{name}.csv")).inspect(&context());
        assert_eq!(inspected.quarantined(), 0, "{name}");
    }
}
