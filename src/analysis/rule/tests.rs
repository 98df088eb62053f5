//! What rules say, and what is said of wrong ones.

use proptest::prelude::*;

use super::*;
use crate::analysis::bars::{Bar, Bars, Stamp};

fn bars(closes: &[f64]) -> Bars {
    let day = |at: i64| jiff::civil::date(2026, 1, 1) + jiff::Span::new().days(at);
    let bar = |(at, close): (i64, &f64)| Bar {
        stamp: Stamp::Day(day(at)),
        open: *close,
        high: close + 1.0,
        low: close - 1.0,
        close: *close,
        volume: 100.0,
    };
    (0..).zip(closes).map(bar).collect()
}

fn numbers(text: &str, closes: &[f64]) -> Vec<Option<f64>> {
    let Expression::Number(number) = Expression::parse(text).unwrap() else {
        panic!("{text} is a condition");
    };
    let bars = bars(closes);
    let values = Sheet::new(&bars).numbers(&number);
    values
        .into_iter()
        .map(|value| value.is_finite().then_some(value))
        .collect()
}

/// `1` for true, `0` for false, `?` for unknown.
fn truths(text: &str, closes: &[f64]) -> String {
    let Expression::Condition(condition) = Expression::parse(text).unwrap() else {
        panic!("{text} is a number");
    };
    let bars = bars(closes);
    let truths = Sheet::new(&bars).truths(&condition);
    truths
        .iter()
        .map(|known| known.map_or('?', |truth| if truth { '1' } else { '0' }))
        .collect()
}

#[test]
fn numbers_are_combined_as_in_arithmetic() {
    for (text, expected) in [
        ("1 + 2 * 3", 7.0),
        ("(1 + 2) * 3", 9.0),
        ("-2 - -3", 1.0),
        ("8 / 2 / 2", 2.0),
        ("1_000 * .5", 500.0),
        ("close * 2", 20.0),
        ("high - low", 2.0),
    ] {
        assert_eq!(numbers(text, &[10.0]), [Some(expected)], "{text}");
    }
    assert_eq!(numbers("close / (close - close)", &[10.0]), [None]);
}

#[test]
fn what_was_before_is_missing_at_first() {
    let closes = [1.0, 4.0, 2.0, 3.0];
    assert_eq!(
        numbers("close[1]", &closes),
        [None, Some(1.0), Some(4.0), Some(2.0)]
    );
    assert_eq!(numbers("close[9]", &closes), [None; 4]);
    assert_eq!(
        numbers("sma(2)[1]", &closes),
        [None, None, Some(2.5), Some(3.0)]
    );
    assert_eq!(
        numbers("highest(close, 2)", &closes),
        [None, Some(4.0), Some(4.0), Some(3.0)]
    );
    assert_eq!(
        numbers("lowest(close[1], 2)", &closes),
        [None, None, Some(1.0), Some(2.0)]
    );
}

#[test]
fn conditions_are_unknown_where_a_number_is_missing() {
    let closes = [1.0, 4.0, 2.0, 3.0];
    for (text, expected) in [
        ("close > 2", "0101"),
        ("close >= 2 and close != 3", "0110"),
        ("not close > 2", "1010"),
        ("close > sma(2)", "?101"),
        ("not close > sma(2)", "?010"),
        ("close > sma(2) or close > 0", "1111"),
        ("close > sma(2) and close < 0", "0000"),
        ("rising(close, 1)", "?101"),
        ("falling(close, 2)", "?000"),
        ("within(close > 3, 2)", "?110"),
        ("(close > 3)[1]", "?010"),
        ("crosses_above(close, 2.5)", "?101"),
        ("crosses_below(close, 2.5)", "?010"),
        // At first equal, which is not beyond.
        ("crosses_above(close, 1)", "?100"),
        ("not crosses_above(close, sma(2))", "??10"),
        ("close < 2 or close < 3 and close > 9", "1000"),
    ] {
        assert_eq!(truths(text, &closes), expected, "{text}");
    }
}

/// The rule, carets under the place, the message and the hint.
fn told(text: &str) -> String {
    let error = Expression::parse(text).unwrap_err();
    let caret = " ".repeat(error.span.start) + &"^".repeat(error.span.len().max(1));
    let hint = error.hint.as_deref().unwrap_or_default();
    format!("{text}\n{caret}\n{error}\n{hint}")
}

const WRONG: [&str; 21] = [
    "smaa(20) > 1",
    "close > ",
    "close > sma(0)",
    "close > sma(2.5)",
    "sma()",
    "bbands(20)",
    "macd(12, 26, 9).signl",
    "rsi(14).k",
    "rsi(14, 3)",
    "obv(1)",
    "close = 1",
    "close & open",
    "1 < close < 2",
    "close and open",
    "(close > 1) + 2",
    "rising(close)",
    "close[1.5]",
    "within(close, 3)",
    "sma(volume 20)",
    "close close",
    "1.2.3",
];

#[test]
#[expect(clippy::too_many_lines, reason = "one long expected text")]
fn what_is_wrong_is_told_at_its_place() {
    let all: Vec<String> = WRONG.into_iter().map(told).collect();
    insta::assert_snapshot!(all.join("\n\n"), @r"
    smaa(20) > 1
    ^^^^
    nothing is called `smaa`
    did you mean `sma`?

    close > 
            ^
    expected a value, the rule ends here


    close > sma(0)
                ^
    period must be between 1 and 100000


    close > sma(2.5)
                ^^^
    period counts bars: expected a whole number


    sma()
    ^^^^^
    `sma` needs its period
    e.g. `sma(20)`

    bbands(20)
    ^^^^^^^^^^
    `bbands` has several outputs
    name one: `upper`, `middle` or `lower`, e.g. `bbands(…).upper`

    macd(12, 26, 9).signl
                    ^^^^^
    `macd` has no output `signl`
    did you mean `signal`?

    rsi(14).k
            ^
    `rsi` has no output `k`
    it has only one: leave the name out

    rsi(14, 3)
            ^
    `rsi` takes only period


    obv(1)
        ^
    `obv` takes no parameters


    close = 1
          ^
    a single `=` says nothing
    `==` compares

    close & open
          ^
    `&` has no meaning here
    write `and`

    1 < close < 2
              ^
    comparisons cannot be chained
    write `a < b and b < c`

    close and open
    ^^^^^
    expected a condition, this is a number
    compare it, e.g. `… > 0`

    (close > 1) + 2
    ^^^^^^^^^^^
    expected a number, this is a condition


    rising(close)
                ^
    expected `,`, `)` stands here


    close[1.5]
          ^^^
    expected how many bars before: a whole number up to 100000


    within(close, 3)
           ^^^^^
    expected a condition, this is a number
    compare it, e.g. `… > 0`

    sma(volume 20)
               ^^
    expected `,`, `20` stands here


    close close
          ^^^^^
    expected an operator or the end, `close` stands here


    1.2.3
    ^^^^^
    `1.2.3` is no number
    ");
}

#[test]
fn rules_are_bounded() {
    let deep = format!("{}close{}", "(".repeat(70), ")".repeat(70));
    assert!(
        Expression::parse(&deep)
            .unwrap_err()
            .message
            .contains("64 levels")
    );
    let long = format!("close{}", " + close".repeat(1_000));
    assert!(
        Expression::parse(&long)
            .unwrap_err()
            .message
            .contains("4096")
    );
    let wide = format!("close{}", " + 1".repeat(1_000));
    assert_eq!(numbers(&wide, &[1.0]), [Some(1_001.0)]);
}

#[test]
fn a_list_keeps_what_was_written() {
    let list = Expression::parse_list("rsi(14), macd(12,26,9).signal , close > 1").unwrap();
    let texts: Vec<&str> = list.iter().map(|(text, _)| text.as_str()).collect();
    assert_eq!(texts, ["rsi(14)", "macd(12,26,9).signal", "close > 1"]);
    assert!(Expression::parse_list("rsi(14),").is_err());
}

/// Rules of all shapes.
pub(in crate::analysis) fn rule() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        Just("close".to_owned()),
        Just("volume[2]".to_owned()),
        (1_u32..30).prop_map(|n| format!("sma({n})")),
        (2_u32..30).prop_map(|n| format!("bbands({n}).upper")),
        (1_u32..9, 1_u32..9).prop_map(|(n, m)| format!("highest(rsi({}), {m})", n + 1)),
        (-5_i32..5).prop_map(|n| n.to_string()),
    ];
    let condition = prop_oneof![
        (number.clone(), number.clone()).prop_map(|(a, b)| format!("{a} > {b} * 1.01")),
        (number.clone(), number.clone()).prop_map(|(a, b)| format!("crosses_above({a}, {b})")),
        (number, 1_u32..5).prop_map(|(a, n)| format!("rising({a} - open, {n})")),
    ];
    condition.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) and ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} or {b}")),
            inner.clone().prop_map(|a| format!("not ({a})")),
            (inner, 1_u32..6).prop_map(|(a, n)| format!("within({a}, {n})")),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_at_a_place_in_it(text in ".{0,60}") {
        if let Err(error) = Expression::parse(&text) {
            prop_assert!(error.span.end <= text.len());
            prop_assert!(text.get(error.span).is_some());
        }
    }

    #[test]
    fn later_bars_change_nothing_and_all_is_known_after_the_look_back(
        text in rule(), closes in prop::collection::vec(1.0..100.0, 80..120), cut in 1_usize..80,
    ) {
        let Expression::Condition(condition) = Expression::parse(&text).unwrap() else { unreachable!() };
        let (all, short) = (bars(&closes), bars(&closes[..cut]));
        let all = Sheet::new(&all).truths(&condition);
        let short = Sheet::new(&short).truths(&condition);
        prop_assert_eq!(&all[..cut], short.as_slice());
        let look_back = condition.look_back();
        prop_assert!(all.iter().skip(look_back).all(Option::is_some), "{} {:?}", text, all);
    }
}
