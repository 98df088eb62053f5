//! `analyse`: real bars in, values out.

use serde_json::Value;

use crate::world::{BY_HAND, World};

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
