use std::{collections::BTreeSet, path::Path, sync::Arc};

use jiff::Timestamp;

use super::*;
use crate::{
    analysis::{Side, Strategy, Timeframe, When},
    clock::Clock,
    job::Disposition,
    kinds::tests::{cx, site},
    settings::shipped,
    store::{self, StoredSignal},
};

/// The day after the last of the shipped prices.
const EVENING: &str = "2013-03-02T12:00:00Z";

struct World {
    root: tempfile::TempDir,
    env: Env,
}

fn rule(name: &str, when: &str) -> Strategy {
    Strategy {
        name: name.to_owned(),
        timeframe: Timeframe::D1,
        side: Side::Buy,
        when: When::parse(when).unwrap(),
        confirm: 1,
        cooldown: 0,
        strength: 1.0,
    }
}

impl World {
    fn new(now: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut env = Env::clone(&site(root.path()));
        env.clock = Clock::virtual_from(now.parse().unwrap());
        env.rules.strategies = [
            rule("cross", "crosses_above(sma(20), sma(50))"),
            rule("low", "rsi(14) < 30"),
        ]
        .into();
        let world = Self { root, env };
        for (name, text) in shipped::PRICES {
            world.file(name, text);
        }
        world
    }

    fn file(&self, name: &str, text: &str) {
        let folder = self.root.path().join("prices");
        crate::files::create_private_dir(&folder).unwrap();
        let path = folder.join(name);
        crate::files::remove(&path).unwrap();
        crate::files::write_atomic(&path, text.as_bytes()).unwrap();
    }

    fn run(&self, symbols: &[&str]) -> Result<Report, JobError> {
        self.run_as(&job(symbols))
    }

    fn run_as(&self, job: &Analysis) -> Result<Report, JobError> {
        job.run(&cx(&Arc::new(self.env.clone()), "2013-03-01T21:15:00Z"))
    }

    fn signals(&self) -> Vec<StoredSignal> {
        let all = store::signals(&self.env.database, Timestamp::UNIX_EPOCH, None).unwrap();
        let own = |signal: &StoredSignal| kept(&signal.inputs).is_some();
        all.into_iter().filter(own).collect()
    }

    /// What was found, without the order in which it was.
    fn found(&self) -> BTreeSet<String> {
        let told = |signal: StoredSignal| {
            let StoredSignal {
                symbol,
                timestamp,
                strategy,
                price,
                inputs,
                ..
            } = signal;
            format!("{symbol} {timestamp} {strategy} {price} {inputs}")
        };
        self.signals().into_iter().map(told).collect()
    }
}

fn job(symbols: &[&str]) -> Analysis {
    Analysis {
        symbols: Symbols::List(symbols.iter().map(|text| text.parse().unwrap()).collect()),
        prices: Some(Path::new("prices").to_owned()),
        ..Analysis::default()
    }
}

#[test]
fn signals_of_real_prices_are_found_once_however_often_it_runs() {
    let world = World::new(EVENING);
    let first = world.run(&["AAPL", "GOOG", "MSFT"]).unwrap();
    let signals = world.signals();
    assert_eq!(first.facts["signals"], signals.len());
    assert!(signals.len() > 100, "{}", signals.len());
    assert!(
        first.facts["bars"].as_u64() > Some(8_000),
        "{:?}",
        first.facts
    );
    let one = signals
        .iter()
        .find(|signal| signal.strategy == "cross")
        .unwrap();
    assert!(
        one.timestamp.to_string().ends_with("T21:00:00Z")
            || one.timestamp.to_string().ends_with("T20:00:00Z")
    );
    assert_eq!(one.source, "csv");
    let again = world.run(&["AAPL", "GOOG", "MSFT"]).unwrap();
    assert_eq!(
        (&again.facts["signals"], &again.facts["bars"]),
        (&0.into(), &0.into())
    );
    assert_eq!(again.summary, "3 symbols: no new signals, no new bars");
    assert_eq!(world.signals(), signals);
}

#[test]
fn however_many_work_at_once_the_same_is_found() {
    let found = |workers| {
        let world = World::new(EVENING);
        let job = Analysis {
            workers,
            ..job(&["AAPL", "GOOG", "MSFT"])
        };
        world.run_as(&job).unwrap();
        world.found()
    };
    assert_eq!(found(1), found(4));
}

#[test]
fn a_history_that_came_day_by_day_has_the_same_signals() {
    let whole = World::new(EVENING);
    whole.run(&["AAPL"]).unwrap();
    let parts = World::new(EVENING);
    let (_, text) = shipped::PRICES[0];
    let lines: Vec<&str> = text.lines().collect();
    let empty = rusqlite::Connection::open(&parts.env.database).unwrap();
    empty.execute_batch("DELETE FROM bars").unwrap();
    for until in [1_000, 1_001, 1_500, 3_000, 3_269, 3_270, lines.len()] {
        // Only the newest come, as from a source that gives few.
        let from = if until < 1_500 {
            1
        } else {
            until.saturating_sub(1_700).max(1)
        };
        let some = [&lines[..1], &lines[from..until.min(lines.len())]].concat();
        parts.file("AAPL.csv", &some.join("\n"));
        parts.run(&["AAPL"]).unwrap();
    }
    assert_eq!(parts.found(), whole.found());
}

#[test]
fn a_bad_symbol_does_not_stop_the_others_and_is_named() {
    let world = World::new(EVENING);
    world.file("EMPTY.csv", "");
    world.file("ODD.csv", "a;b;c\n1;2;3\n");
    let one = "\u{feff}date,open,high,low,close,volume\n2013-02-28,1,2,1,2,5\n";
    world.file("ONE.csv", one);
    let symbols = ["AAPL", "EMPTY", "ODD", "NONE", "ONE", "MSFT", "GOOG"];
    let report = world.run(&symbols).unwrap();
    assert!(
        report.summary.starts_with("3 of 7 symbols failed: "),
        "{}",
        report.summary
    );
    let classes: Vec<String> = report.facts["failures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|failure| format!("{} {}", failure["symbol"], failure["class"]))
        .collect();
    let expected = [
        r#""EMPTY" "empty""#,
        r#""ODD" "parse""#,
        r#""NONE" "empty""#,
    ];
    assert_eq!(classes, expected);
    let notes = report.notes.join("\n");
    assert!(
        notes.contains("NONE: failed: csv: there is no `NONE.csv`"),
        "{notes}"
    );
    let symbols: BTreeSet<String> = world.signals().into_iter().map(|it| it.symbol).collect();
    assert_eq!(symbols.len(), 3);
}

#[test]
fn too_many_bad_symbols_fail_the_run_and_the_good_ones_stay() {
    let world = World::new(EVENING);
    let error = world.run(&["AAPL", "NONE", "APPL"]).unwrap_err();
    assert_eq!(error.disposition, Disposition::Permanent);
    let told = error.chain();
    assert!(
        told.starts_with("2 of 3 symbols failed, more than 50%: NONE: csv: "),
        "{told}"
    );
    assert!(!world.signals().is_empty());
    let half = world.run(&["AAPL", "NONE"]).unwrap();
    assert_eq!(half.facts["failed"], 1);
}

#[test]
fn only_closed_bars_are_judged() {
    // The session of 23 November 2026 closes at 21:00; five minutes are left to whoever reports it.
    let newest = |now: &str| {
        let world = World::new(now);
        let text = "date,open,high,low,close,volume\n2026-11-20,1,2,1,2,5\n2026-11-23,1,2,1,2,5\n";
        world.file("X.csv", text);
        let report = world.run(&["X"]).unwrap();
        let reader = world.env.store().reader().unwrap();
        let stored = store::stored_bars(&reader, "X", Timeframe::D1).unwrap();
        let incomplete = report.notes.iter().any(|note| note.contains("incomplete"));
        (stored.bars.stamps().last().unwrap().to_string(), incomplete)
    };
    assert_eq!(
        newest("2026-11-23T21:04:00Z"),
        ("2026-11-20".to_owned(), true)
    );
    assert_eq!(
        newest("2026-11-23T21:05:00Z"),
        ("2026-11-23".to_owned(), false)
    );
}

#[test]
fn nothing_is_judged_over_a_hole() {
    let world = World::new(EVENING);
    let (_, text) = shipped::PRICES[0];
    let (some, hole): (Vec<&str>, &str) =
        (text.lines().take(1_000).collect(), "2012-10-01,9,9,9,9,9");
    // The sample's bars begin on 5 November 2012, at prices ten times as high.
    world.file("AAPL.csv", &format!("{}\n{hole}\n", some.join("\n")));
    world.run(&["AAPL"]).unwrap();
    let late = world
        .signals()
        .into_iter()
        .filter(|it| it.timestamp.to_string().as_str() > "2012");
    assert!(
        late.map(|it| kept(&it.inputs).unwrap())
            .all(|it| it.first.as_str() > "2012")
    );
}

#[test]
fn a_clock_that_is_behind_judges_only_what_is_past() {
    let world = World::new("2005-01-01T00:00:00Z");
    let report = world.run(&["AAPL"]).unwrap();
    assert!(
        report
            .notes
            .iter()
            .any(|note| note.contains("one of the two is wrong"))
    );
    let late = world
        .signals()
        .into_iter()
        .find(|it| it.timestamp.to_string().as_str() > "2005");
    assert_eq!(late, None);
}

#[test]
fn only_signals_of_a_stretch_before_the_newest_bar_are_kept_if_so_said() {
    let world = World::new(EVENING);
    let within = Analysis {
        signals_within: Some(Span::from_secs(90 * 86_400)),
        ..job(&["AAPL", "GOOG", "MSFT"])
    };
    world.run_as(&within).unwrap();
    let signals = world.signals();
    let oldest = signals.iter().map(|it| it.timestamp.to_string()).min();
    assert!(oldest.is_none_or(|oldest| oldest.as_str() > "2012-12-01"));
    let all = World::new(EVENING);
    all.run(&["AAPL", "GOOG", "MSFT"]).unwrap();
    assert!(all.signals().len() > signals.len());
}

#[test]
fn a_store_that_is_not_there_fails_the_run() {
    let mut world = World::new(EVENING);
    world.env.database = world.root.path().join("none.db");
    assert!(world.run(&["AAPL"]).is_err());
}

#[test]
fn settings_are_read_as_lists_words_and_paths() {
    let read = |text: &str| serde_json::from_str::<Analysis>(text);
    let job = read(r#"{"symbols": ["AAPL", "MSFT"], "strategies": ["a"]}"#).unwrap();
    assert_eq!(job.strategies, Chosen::Named(vec!["a".to_owned()]));
    assert!(matches!(&job.symbols, Symbols::List(list) if list.len() == 2));
    let job = read(r#"{"symbols": "lists/mine.yaml", "strategies": "all"}"#).unwrap();
    assert_eq!(job.symbols, Symbols::File("lists/mine.yaml".into()));
    assert!(matches!(
        read(r#"{"symbols": "AAPL"}"#).unwrap().symbols,
        Symbols::List(_)
    ));
    for wrong in [
        r#"{"symbols": []}"#,
        r#"{"symbols": ["../x"]}"#,
        r#"{"strategies": []}"#,
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
    let many = Analysis {
        workers: 65,
        ..Analysis::default()
    };
    let world = World::new(EVENING);
    assert_eq!(many.check(&world.env).len(), 1);
}
