use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::store::{Store, create_sample, signals, stored_bars};

fn store() -> (tempfile::TempDir, Store) {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("store.db");
    create_sample(&path).unwrap();
    (root, Store::at(&path))
}

fn bars(closes: &[f64]) -> Bars {
    let bar = |(day, close): (i8, &f64)| Bar {
        stamp: Stamp::Day(date(2026, 1, day)),
        open: *close,
        high: *close,
        low: *close,
        close: *close,
        volume: 10.0,
    };
    (1..).zip(closes).map(bar).collect()
}

fn signal(day: i8) -> NewSignal<'static> {
    NewSignal {
        timestamp: date(2026, 1, day)
            .at(21, 0, 0, 0)
            .in_tz("UTC")
            .unwrap()
            .timestamp(),
        strategy: "s",
        side: Side::Buy,
        strength: 0.5,
        price: Micros(1_500_000),
        inputs: "{}".to_owned(),
        data_hash: "h".to_owned(),
        version: "1",
    }
}

fn write(store: &Store, bars: &Bars, signals: &[NewSignal<'_>], replace: bool) -> Recorded {
    let now = Timestamp::UNIX_EPOCH;
    let looked = Looked {
        symbol: "X",
        timeframe: Timeframe::D1,
        since: None,
        source: "csv",
        at: now,
    };
    let one = Recording {
        symbol: "X",
        timeframe: Timeframe::D1,
        source: "csv",
        adjustment: "as_traded",
        fetched_at: now,
        bars,
        replace,
        findings: (looked, Vec::new()),
        signals,
    };
    record(&store.writer().unwrap(), &[one]).unwrap()
}

fn kept(store: &Store) -> Vec<f64> {
    let stored = stored_bars(&store.reader().unwrap(), "X", Timeframe::D1).unwrap();
    stored.bars.column(Field::Close).to_vec()
}

#[test]
fn bars_grow_and_change_and_signals_are_there_once() {
    let (_root, store) = store();
    let first = write(&store, &bars(&[1.5, 2.0]), &[signal(1), signal(2)], false);
    assert_eq!((first.bars, first.signals), (2, 2));
    let again = write(
        &store,
        &bars(&[1.5, 2.5, 3.0]),
        &[signal(2), signal(3)],
        false,
    );
    assert_eq!((again.bars, again.signals, again.removed), (3, 1, 0));
    assert_eq!(kept(&store), [1.5, 2.5, 3.0]);
    let all = signals(store.path(), "2026-01-01T00:00:00Z".parse().unwrap(), None).unwrap();
    assert_eq!(all.len(), 3);
}

#[test]
fn bars_that_are_adjusted_otherwise_go_in_the_same_transaction() {
    let (_root, store) = store();
    write(&store, &bars(&[1.0, 2.0, 3.0]), &[], false);
    let replaced = write(&store, &bars(&[0.5]), &[], true);
    assert_eq!((replaced.removed, kept(&store)), (3, vec![0.5]));
}

#[test]
fn a_hash_is_of_all_bars_up_to_its_own() {
    let (long, short) = (bars(&[1.0, 2.0, 3.0]), bars(&[1.0, 2.0]));
    let hashes = data_hashes(&long, &[0, 1, 2]);
    assert_eq!(hashes[..2], data_hashes(&short, &[0, 1]));
    assert_ne!(hashes[1], hashes[2]);
    assert_ne!(data_hashes(&bars(&[1.0, 2.000_001]), &[1]), hashes[1..2]);
    assert_eq!(hashes[0].len(), 64);
}

proptest! {
    #[test]
    fn an_exact_bar_comes_back_as_it_is(close in 1e-6..1e9_f64, volume in 0.0..1e12_f64) {
        let (_root, store) = store();
        let bar = Bar { volume, ..crate::analysis::Bar {
            stamp: Stamp::Day(date(2026, 1, 1)),
            open: close, high: close, low: close, close, volume,
        } };
        let bar = exact(bar).unwrap();
        let bars: Bars = [bar].into_iter().collect();
        write(&store, &bars, &[], false);
        let stored = stored_bars(&store.reader().unwrap(), "X", Timeframe::D1).unwrap();
        prop_assert_eq!(stored.bars, bars);
        prop_assert_eq!(exact(bar), Some(bar));
    }
}
