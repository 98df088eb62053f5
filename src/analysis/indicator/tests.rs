//! Against TA-Lib's C core, on real bars.

use std::{collections::BTreeMap, path::Path};

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::analysis::bars::{Bar, Stamp};

#[derive(Deserialize)]
struct Golden {
    bars: usize,
    indicators: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    params: BTreeMap<String, serde_json::Value>,
    first_valid: BTreeMap<String, usize>,
    index: Vec<usize>,
    values: BTreeMap<String, Vec<Option<f64>>>,
    sum_all: BTreeMap<String, f64>,
}

fn fixture(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/prices");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

fn bars(symbol: &str) -> Bars {
    let text = fixture(&format!("{symbol}.csv"));
    let bar = |line: &str| {
        let (date, numbers) = line.split_once(',').unwrap();
        let n: Vec<f64> = numbers.split(',').map(|n| n.parse().unwrap()).collect();
        Bar {
            stamp: Stamp::Day(date.parse().unwrap()),
            open: n[0],
            high: n[1],
            low: n[2],
            close: n[3],
            volume: n[4],
        }
    };
    text.lines().skip(1).map(bar).collect()
}

/// Our names for the golden file's: the indicator, its parameters, and each output.
fn ours(case: &Case) -> Vec<(&'static str, Vec<f64>, usize, String)> {
    let number = |name: &str| case.params.get(name).and_then(serde_json::Value::as_f64);
    let params = |names: &[&str]| names.iter().map(|name| number(name).unwrap()).collect();
    let plain: Vec<f64> = number("period").into_iter().collect();
    let lower = case.name.to_lowercase();
    let outputs = case.values.keys().cloned();
    let of = |name: &'static str, params: Vec<f64>, known: &[&str]| {
        let place = |output: &String| known.iter().position(|k| k == output).unwrap();
        outputs
            .clone()
            .map(|output| (name, params.clone(), place(&output), output))
            .collect()
    };
    match lower.as_str() {
        "macd" => of(
            "macd",
            params(&["fast", "slow", "signal"]),
            &["macd", "signal", "hist"],
        ),
        "bbands" => of(
            "bbands",
            params(&["period", "nbdev_up", "nbdev_dn"]),
            &["upper", "middle", "lower"],
        ),
        "stoch" => of(
            "stoch",
            params(&["fastk", "slowk", "slowd"]),
            &["slowk", "slowd"],
        ),
        "adx" => ["adx", "plus_di", "minus_di"]
            .map(|name| (name, plain.clone(), 0, name.to_owned()))
            .into(),
        "donchian" => of("donchian", plain, &["upper", "middle", "lower"]),
        "vwap_rolling" => of("vwap", plain, &["vwap"]),
        "vwap_cumulative" => of("vwap", vec![0.0], &["vwap"]),
        _ => {
            let name = Indicator::named(&lower).unwrap().name;
            of(name, plain, &[name])
        }
    }
}

#[test]
fn every_golden_value_of_three_symbols_holds() {
    let mut compared = 0;
    for symbol in ["AAPL", "MSFT", "GOOG"] {
        let bars = bars(symbol);
        let golden: Golden =
            serde_json::from_str(&fixture(&format!("{symbol}.golden.json"))).unwrap();
        assert_eq!(bars.len(), golden.bars);
        for case in &golden.indicators {
            for (name, params, output, key) in ours(case) {
                let indicator = Indicator::named(name).unwrap();
                let columns = indicator.compute(&bars, Field::Close, &params);
                let column = &columns[output];
                let what = format!("{symbol} {name}{params:?} {key}");
                let first = column.iter().position(|value| value.is_finite()).unwrap();
                assert_eq!(first, case.first_valid[&key], "{what}");
                assert_eq!(first, indicator.look_back(&params), "{what}");
                let known = || column.iter().skip(first);
                assert!(known().all(|value| value.is_finite()), "{what}");
                let largest = known().fold(0.0_f64, |max, value| max.max(value.abs()));
                for (index, expected) in case.index.iter().zip(&case.values[&key]) {
                    let Some(expected) = expected else {
                        assert!(*index < first, "{what} at {index}");
                        continue;
                    };
                    let off = (column[*index] - expected).abs();
                    let crosses = known().any(|v| *v < 0.0) && known().any(|v| *v > 0.0);
                    let scale = if crosses { largest } else { expected.abs() };
                    assert!(off <= 1e-9 * scale, "{what} at {index}: off by {off}");
                    compared += 1;
                }
                let sum: f64 = known().sum();
                let off = (sum - case.sum_all[&key]).abs();
                let sum_of_sizes: f64 = known().map(|value| value.abs()).sum();
                assert!(off <= 1e-9 * sum_of_sizes, "{what}: sum");
            }
        }
    }
    assert!(compared > 5_000, "{compared}");
}

#[test]
fn rsi_of_prices_that_do_not_move_is_50() {
    let rsi = Indicator::named("rsi").unwrap();
    let flat = |closes: &[f64]| -> Bars {
        let bar = |(day, close): (i64, &f64)| Bar {
            stamp: Stamp::Day(
                jiff::civil::date(2026, 1, 1).saturating_add(jiff::Span::new().days(day)),
            ),
            open: *close,
            high: *close,
            low: *close,
            close: *close,
            volume: 0.0,
        };
        (0..).zip(closes).map(bar).collect()
    };
    let values = &rsi.compute(&flat(&[7.0; 30]), Field::Close, &[14.0])[0];
    assert!(values[..14].iter().all(|value| value.is_nan()));
    assert!(
        values[14..]
            .iter()
            .all(|value| value.to_bits() == 50_f64.to_bits())
    );
    let falling: Vec<f64> = (0..30).map(|n| f64::from(100 - n)).collect();
    let values = &rsi.compute(&flat(&falling), Field::Close, &[14.0])[0];
    assert!(values[14..].iter().all(|value| value.abs() < 1e-12));
}

#[test]
fn nothing_was_traded_so_there_is_no_mean_price() {
    let bars: Bars = bars("AAPL");
    let still: Bars = (0..bars.len())
        .map(|at| Bar {
            stamp: bars.stamps()[at],
            open: 1.0,
            high: 1.0,
            low: 1.0,
            close: 1.0,
            volume: 0.0,
        })
        .collect();
    let vwap = Indicator::named("vwap").unwrap();
    for period in [0.0, 20.0] {
        let values = &vwap.compute(&still, Field::Close, &[period])[0];
        assert!(values.iter().all(|value| value.is_nan()));
    }
}

/// Parameters within bounds, small enough to have values.
fn some_params(indicator: &Indicator, seed: u32) -> Vec<f64> {
    let of = |(at, param): (usize, &Param)| {
        let step = f64::from((seed >> (4 * at)) % 16);
        param.min + if param.whole { step } else { step / 4.0 }
    };
    indicator.params.iter().enumerate().map(of).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn later_bars_never_change_earlier_values(cut in 1_usize..400, seed: u32, which in 0..INDICATORS.len()) {
        let indicator = &INDICATORS[which];
        let params = some_params(indicator, seed);
        let all: Bars = bars("GOOG");
        let bar = |at: usize| Bar {
            stamp: all.stamps()[at],
            open: all.column(Field::Open)[at],
            high: all.column(Field::High)[at],
            low: all.column(Field::Low)[at],
            close: all.column(Field::Close)[at],
            volume: all.column(Field::Volume)[at],
        };
        let [short, long] = [cut, 400].map(|len| (0..len).map(bar).collect::<Bars>());
        let [short, long] = [short, long].map(|bars| indicator.compute(&bars, Field::Close, &params));
        for (short, long) in short.iter().zip(&long) {
            prop_assert_eq!(short.len(), cut);
            let look_back = indicator.look_back(&params);
            for (at, (a, b)) in short.iter().zip(long).enumerate() {
                prop_assert!(a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()), "{} {:?}", indicator.name, params);
                prop_assert!(at >= look_back || a.is_nan());
            }
        }
    }
}
