//! Bars that come later change nothing that was said before: every indicator and function of the rule
//! language in random rules, on the real bars of the fixtures.

use std::{path::Path, sync::LazyLock};

use bellkeeper::{
    analysis::{
        Bar, Bars, Expression, Field, INDICATORS, Indicator, Sheet, Side, Strategy, Timeframe,
        When, signals_on,
    },
    market::{self, Context, Series},
};
use jiff::Timestamp;
use proptest::prelude::{
    Just, ProptestConfig, Strategy as Made, any, prop_assert_eq, prop_oneof, proptest,
};

static SERIES: LazyLock<Vec<Series>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/prices");
    let read = |symbol: &&str| {
        let path = folder.join(format!("{symbol}.csv"));
        market::read_series(&path, symbol, Some(Timeframe::D1)).unwrap()
    };
    ["AAPL", "GOOG", "MSFT"].iter().map(read).collect()
});

/// The bars from one place to another.
fn part(bars: &Bars, from: usize, to: usize) -> Bars {
    let column = |field: Field| bars.column(field);
    let bar = |at: usize| Bar {
        stamp: bars.stamps()[at],
        open: column(Field::Open)[at],
        high: column(Field::High)[at],
        low: column(Field::Low)[at],
        close: column(Field::Close)[at],
        volume: column(Field::Volume)[at],
    };
    (from..to).map(bar).collect()
}

/// An indicator with small periods: `macd(4, 9, 3).hist`.
fn indicator() -> impl Made<Value = String> {
    let any_of_them = (0..INDICATORS.len()).prop_map(|at| &INDICATORS[at]);
    (any_of_them, any::<[u8; 4]>()).prop_map(|(indicator, dice)| written(indicator, dice))
}

fn written(indicator: &Indicator, dice: [u8; 4]) -> String {
    let mut before = 1;
    let numbers = indicator.params.iter().zip(dice).map(|(param, dice)| {
        if !param.whole {
            return format!("{}", 1.5 + f64::from(dice % 3));
        }
        // Rising: where there is a fast and a slow one, the fast one comes first.
        before += 1 + usize::from(dice % 9);
        before.to_string()
    });
    let numbers: Vec<String> = numbers.collect();
    let output = indicator.outputs[usize::from(dice[3]) % indicator.outputs.len()];
    let dot = if output.is_empty() { "" } else { "." };
    match numbers.join(", ") {
        numbers if numbers.is_empty() => format!("{}{dot}{output}", named(indicator)),
        numbers => format!("{}({numbers}){dot}{output}", indicator.name),
    }
}

fn named(indicator: &Indicator) -> String {
    let bare = indicator.name.to_owned();
    match Expression::parse(&bare) {
        Ok(_) => bare,
        Err(_) => format!("{bare}()"),
    }
}

fn number() -> impl Made<Value = String> {
    let field = (0..Field::ALL.len()).prop_map(|at| Field::ALL[at].name().to_owned());
    let constant = (-50_i32..150).prop_map(|value| value.to_string());
    let leaf = prop_oneof![4 => indicator(), 2 => field, 1 => constant];
    leaf.prop_recursive(2, 6, 2, |inner| {
        let sign = prop_oneof![Just("+"), Just("-"), Just("*"), Just("/")];
        let ends = prop_oneof![Just("highest"), Just("lowest")];
        prop_oneof![
            (inner.clone(), sign, inner.clone()).prop_map(|(a, by, b)| format!("({a} {by} {b})")),
            (inner.clone(), 1_u8..9).prop_map(|(a, n)| format!("({a})[{n}]")),
            (ends, inner, 1_u8..20).prop_map(|(name, a, n)| format!("{name}({a}, {n})")),
        ]
    })
}

fn rule() -> impl Made<Value = String> {
    let how = prop_oneof![Just("<"), Just("<="), Just(">"), Just(">=")];
    let crosses = prop_oneof![Just("crosses_above"), Just("crosses_below")];
    let moves = prop_oneof![Just("rising"), Just("falling")];
    let leaf = prop_oneof![
        (number(), how, number()).prop_map(|(a, how, b)| format!("{a} {how} {b}")),
        (crosses, number(), number()).prop_map(|(name, a, b)| format!("{name}({a}, {b})")),
        (moves, number(), 1_u8..5).prop_map(|(name, a, n)| format!("{name}({a}, {n})")),
    ];
    leaf.prop_recursive(2, 4, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) and ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) or ({b})")),
            inner.clone().prop_map(|a| format!("not ({a})")),
            (inner, 1_u8..9).prop_map(|(a, n)| format!("within({a}, {n})")),
        ]
    })
}

/// The bars that are left of a series, as `analysis` looks at them.
fn good(series: &Series, to: usize) -> Bars {
    let bars = part(&series.bars, 0, to);
    let series = Series {
        bars,
        ..series.clone()
    };
    let context = Context {
        calendar: None,
        now: Timestamp::MAX,
        stored: None,
    };
    market::inspect(&series, &context).bars
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn later_bars_change_no_signal_of_any_rule_on_real_prices(
        text in rule(), confirm in 1_usize..4, cooldown in 0_usize..9,
        which in 0_usize..3, cut in 1_usize..2_000,
    ) {
        let series = &SERIES[which];
        let strategy = Strategy {
            name: "random".into(),
            timeframe: Timeframe::D1,
            side: Side::Buy,
            when: When::parse(&text).unwrap_or_else(|error| panic!("{text}: {}", error.message)),
            confirm,
            cooldown,
            strength: 1.0,
        };
        let on = |to| signals_on(&strategy, &mut Sheet::new(&good(series, to)));
        let mut later = on(series.bars.len());
        later.retain(|bar| *bar < cut);
        prop_assert_eq!(later, on(cut), "{}", text);
    }
}

#[test]
fn random_rules_have_signals_at_all() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let bars = &SERIES[0].bars;
    let mut with = 0;
    for _ in 0..40 {
        let text = rule().new_tree(&mut runner).unwrap().current();
        let when = When::parse(&text).unwrap_or_else(|error| panic!("{text}: {}", error.message));
        let truths = Sheet::new(bars).truths(when.condition());
        with += usize::from(truths.contains(&Some(true)) && truths.contains(&Some(false)));
    }
    assert!(with > 15, "only {with} of 40 rules are sometimes true");
}
