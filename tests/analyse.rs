//! `analyse`, trades and their figures, on the real program.

use serde_json::Value;

use crate::world::{BY_HAND, World, text};

const PRICES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/prices");

fn golden(symbol: &str) -> Value {
    let path = format!("{PRICES}/{symbol}.golden.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn index(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

#[test]
fn a_file_gives_the_golden_values_under_the_names_as_typed() {
    let world = World::new(BY_HAND);
    let csv = format!("{PRICES}/GOOG.csv");
    let show = "rsi(14), macd(12,26,9).signal, bbands(20).upper, stoch(14, 3, 3).d";
    let args = ["analyse", "GOOG", "--csv", &csv, "--show", show];
    let lines = world.json(args);
    let golden = golden("GOOG");
    assert_eq!(Some(lines.len() as u64), golden["bars"].as_u64());
    for (key, name, period, output) in [
        ("rsi(14)", "RSI", 14, "rsi"),
        ("macd(12,26,9).signal", "MACD", 9, "signal"),
        ("bbands(20).upper", "BBANDS", 20, "upper"),
        ("stoch(14, 3, 3).d", "STOCH", 14, "slowd"),
    ] {
        let cases = golden["indicators"].as_array().unwrap().iter();
        let case = cases.filter(|case| case["name"] == name).find(|case| {
            let params = case["params"].as_object().unwrap();
            params.values().any(|value| *value == period)
        });
        let case = case.unwrap();
        let first = index(&case["first_valid"][output]);
        let value = |at: usize| lines[at]["values"][key].as_f64();
        assert_eq!(
            (value(first - 1), value(first).is_some()),
            (None, true),
            "{key}"
        );
        let bars = case["index"].as_array().unwrap().iter();
        for (at, expected) in bars.zip(case["values"][output].as_array().unwrap()) {
            let Some(expected) = expected.as_f64() else {
                continue;
            };
            let at = index(at);
            let off = (value(at).unwrap() - expected).abs();
            assert!(off <= 1e-9 * expected.abs().max(100.0), "{key} at {at}");
        }
    }
}

#[test]
fn the_sample_of_a_first_start_is_analysed_and_mistakes_are_told() {
    let world = World::new(BY_HAND);
    std::fs::remove_file(world.database()).unwrap();
    bellkeeper::store::create_sample(&world.database()).unwrap();
    let out = world.run([
        "analyse",
        "AAPL",
        "--last",
        "2",
        "--show",
        "close, close > sma(20), sma(200)",
    ]);
    let shown = out.stdout;
    assert_eq!(shown.lines().count(), 3, "{shown}");
    assert!(
        shown.contains("close > sma(20)") && shown.contains("2013-"),
        "{shown}"
    );
    for (args, code, told) in [
        (&["analyse", "APPL"][..], 4, "did you mean `AAPL`?"),
        (
            &["analyse", "AAPL", "--show", "rsi(14"],
            2,
            "expected `,` or `)`",
        ),
        (
            &["analyse", "AAPL", "--show", "rsj(14)"],
            2,
            "did you mean `rsi`?",
        ),
        (
            &["analyse", "AAPL", "--csv", "none.csv"],
            1,
            "read prices `none.csv`",
        ),
    ] {
        let out = world.run(args.iter().copied());
        let errors = out.stderr;
        assert_eq!(out.code, code, "{errors}");
        assert!(errors.contains(told), "{errors}");
    }
}

#[test]
fn trades_are_imported_once_and_wrong_ones_not_at_all() {
    let world = World::new(BY_HAND);
    std::fs::remove_file(world.database()).unwrap();
    bellkeeper::store::create_sample(&world.database()).unwrap();
    let file = |rows: &str| {
        let content = format!("date,symbol,side,quantity,price,fee\n{rows}\n");
        world.write("trades.csv", content.as_bytes());
    };
    let path = world.path("trades.csv");
    let path = text(&path);
    let import = || world.json(["trades", "import", path]).remove(0);
    file("2026-01-06 15:00,NEW,sell,1,3,0.5\n2026-01-05 15:00,NEW,buy,2,2,0.5");
    let dry = world.json(["trades", "import", path, "--dry-run"]);
    assert_eq!(dry[0]["imported"], 2);
    assert_eq!(import()["imported"], 2);
    assert_eq!(import()["already_there"], 2);
    let held = world.json(["positions"]);
    let held = held.iter().find(|line| line["symbol"] == "NEW").unwrap();
    assert_eq!(
        (&held["quantity"], &held["average_cost"]),
        (&"1.00".into(), &"2.00".into())
    );
    assert_eq!(held["realised_pnl"], "0.00");
    for (rows, told) in [
        ("2026-01-07,NEW,sell,5,3,0", "but 1.00 are held then"),
        (
            "2026-01-07,NEW,sell,one,3,0",
            "trades.csv:2: quantity `one`",
        ),
    ] {
        file(rows);
        let out = world.run(["trades", "import", path]);
        assert_eq!(out.code, 1, "{}", out.stderr);
        assert!(out.stderr.contains(told), "{}", out.stderr);
    }
    let count = world.json(["trades", "list", "NEW"]).len();
    assert_eq!(count, 2);
    let short = world.run(["trades", "add", "NEW", "sell", "9", "1"]);
    assert!(
        short.code == 1 && short.stderr.contains("are held then"),
        "{}",
        short.stderr
    );
    let stats = world.json(["trade-stats", "--days", "20000", "--capital", "100000"]);
    assert!(
        stats[0]["win_rate"].is_f64() && stats[0]["sharpe"].is_f64(),
        "{}",
        stats[0]
    );
}
