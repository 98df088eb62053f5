//! Files of strategies and watch lists: good ones, wrong ones, hostile ones.

use insta::assert_snapshot;

use super::*;
use crate::analysis::{Side, Timeframe};

fn wrong(text: &str) -> String {
    strategies(text.as_bytes(), "config/strategies.yaml")
        .unwrap_err()
        .render(false)
}

fn wrong_list(text: &str) -> String {
    symbols(text.as_bytes(), "config/watchlist.yaml")
        .unwrap_err()
        .render(false)
}

#[test]
fn strategies_are_read_in_their_order_with_their_defaults() {
    let text = "strategies:\n  \
        golden_cross: {timeframe: 1d, side: buy, when: \"crosses_above(sma(50), sma(200))\", \
        confirm: 2, cooldown: 5, strength: 0.8}\n  \
        out: {side: sell, when: close < sma(20)}\n";
    let read = strategies(text.as_bytes(), "s").unwrap();
    let [cross, out] = read.as_slice() else {
        panic!("two strategies")
    };
    assert_eq!(
        (cross.name.as_str(), cross.side),
        ("golden_cross", Side::Buy)
    );
    assert_eq!(
        (cross.confirm, cross.cooldown, cross.look_back()),
        (2, 5, 201)
    );
    assert_eq!(cross.when.text(), "crosses_above(sma(50), sma(200))");
    assert_eq!((out.timeframe, out.side), (Timeframe::D1, Side::Sell));
    assert_eq!((out.confirm, out.cooldown), (1, 0));
    assert!((out.strength - 1.0).abs() < f64::EPSILON);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one long expected text")]
fn every_mistake_is_told_at_its_place() {
    let text = "strategies:
  a: {timeframe: 1day, side: long, when: \"rsi(14) < 30\"}
  b: {side: buy, when: \"close > smaa(200)\", confrim: 2}
  c:
    side: sell
    when: 'rsi(14) < 30 and close'
    confirm: 0
    cooldown: -1
    strength: 1.5
  d: {side: buy}
  e: {side: buy, when: close > sma(50000)}
  \"f g\": {side: buy, when: 14}
  h: now
strategy: {}
";
    assert_snapshot!(wrong(text), @r#"
    error: `timeframe`: unknown value `1day`
     --> config/strategies.yaml:2:18
      |
    2 |   a: {timeframe: 1day, side: long, when: "rsi(14) < 30"}
      |                  ^^^^
      |
      = help: expected one of `1m`, `5m`, `15m`, `30m`, `1h`, `1d` or `1w`

    error: `side`: unknown value `long`
     --> config/strategies.yaml:2:30
      |
    2 |   a: {timeframe: 1day, side: long, when: "rsi(14) < 30"}
      |                              ^^^^
      |
      = help: expected one of `buy` or `sell`

    error: nothing is called `smaa`
     --> config/strategies.yaml:3:33
      |
    3 |   b: {side: buy, when: "close > smaa(200)", confrim: 2}
      |                                 ^^^^
      |
      = help: did you mean `sma`?

    error: unknown key `confrim`
     --> config/strategies.yaml:3:45
      |
    3 |   b: {side: buy, when: "close > smaa(200)", confrim: 2}
      |                                             ^^^^^^^
      |
      = help: did you mean `confirm`?

    error: expected a condition, this is a number
     --> config/strategies.yaml:6:29
      |
    6 |     when: 'rsi(14) < 30 and close'
      |                             ^^^^^
      |
      = help: compare it, e.g. `… > 0`

    error: `confirm` must be between 1 and 100
     --> config/strategies.yaml:7:14
      |
    7 |     confirm: 0
      |              ^

    error: `cooldown`: expected a whole number, 0 or more, found the number -1
     --> config/strategies.yaml:8:15
      |
    8 |     cooldown: -1
      |               ^^

    error: `strength` must be between 0 and 1
     --> config/strategies.yaml:9:15
      |
    9 |     strength: 1.5
      |               ^^^

    error: the key `when` is missing here
      --> config/strategies.yaml:10:6
       |
    10 |   d: {side: buy}
       |      ^

    error: it needs 49999 bars before the first it can judge; at most 10000 are looked at
      --> config/strategies.yaml:11:24
       |
    11 |   e: {side: buy, when: close > sma(50000)}
       |                        ^^^^^^^^^^^^^^^^^^
       |
       = help: shorten its periods

    error: `f g` is no name for a strategy
      --> config/strategies.yaml:12:3
       |
    12 |   "f g": {side: buy, when: 14}
       |   ^^^^^
       |
       = help: 1 to 64 letters, digits, `.`, `_` or `-`

    error: `when`: expected text, found the number 14
      --> config/strategies.yaml:12:28
       |
    12 |   "f g": {side: buy, when: 14}
       |                            ^^
       |
       = help: put it in quotes

    error: the strategy `h` says nothing
      --> config/strategies.yaml:13:6
       |
    13 |   h: now
       |      ^^^
       |
       = help: e.g. `strategies: {oversold: {timeframe: 1d, side: buy, when: "rsi(14) < 30"}}`

    error: unknown key `strategy`
      --> config/strategies.yaml:14:1
       |
    14 | strategy: {}
       | ^^^^^^^^
       |
       = help: did you mean `strategies`?
    "#);
}

#[test]
fn a_rule_over_several_lines_is_pointed_at_where_it_begins() {
    let text =
        "strategies:\n  a:\n    side: buy\n    when: >-\n      close > 1 and\n      clos > 2\n";
    assert_snapshot!(wrong(text), @r"
    error: nothing is called `clos`
     --> config/strategies.yaml:5:7
      |
    5 |       close > 1 and
      |       ^^^^^^^^^^^^^
      |
      = help: did you mean `close`?
    ");
}

#[test]
fn a_file_without_strategies_is_told_how_one_looks() {
    for text in [
        "",
        "strategies:\n",
        "strategies: {}\n",
        "strategies: []\n",
        "- a\n",
    ] {
        let told = wrong(text);
        assert!(told.starts_with("error: "), "{text}: {told}");
    }
    assert_snapshot!(wrong("strategies: {}\n"), @r#"
    error: nothing stands under `strategies`
     --> config/strategies.yaml:1:1
      |
    1 | strategies: {}
      | ^^^^^^^^^^
      |
      = help: e.g. `strategies: {oversold: {timeframe: 1d, side: buy, when: "rsi(14) < 30"}}`
    "#);
}

#[test]
fn a_watch_list_is_read_and_its_mistakes_are_told() {
    let good = symbols(b"symbols: [AAPL, BRK.B, ^GSPC]\n", "w").unwrap();
    let names: Vec<&str> = good.iter().map(Symbol::as_str).collect();
    assert_eq!(names, ["AAPL", "BRK.B", "^GSPC"]);
    assert_snapshot!(
        wrong_list("symbols: [AAPL, ../x, \"\", MSFT, AAPL, 600519, A B]\nsymbol: X\n"), @r#"
    error: a symbol cannot have `/` in it
     --> config/watchlist.yaml:1:17
      |
    1 | symbols: [AAPL, ../x, "", MSFT, AAPL, 600519, A B]
      |                 ^^^^

    error: a symbol is empty
     --> config/watchlist.yaml:1:23
      |
    1 | symbols: [AAPL, ../x, "", MSFT, AAPL, 600519, A B]
      |                       ^^

    error: `AAPL` stands here twice
     --> config/watchlist.yaml:1:33
      |
    1 | symbols: [AAPL, ../x, "", MSFT, AAPL, 600519, A B]
      |           ---- first here       ^^^^

    error: expected a symbol such as `AAPL`
     --> config/watchlist.yaml:1:39
      |
    1 | symbols: [AAPL, ../x, "", MSFT, AAPL, 600519, A B]
      |                                       ^^^^^^
      |
      = help: put it in quotes, if it is one

    error: a symbol cannot have ` ` in it
     --> config/watchlist.yaml:1:47
      |
    1 | symbols: [AAPL, ../x, "", MSFT, AAPL, 600519, A B]
      |                                               ^^^

    error: unknown key `symbol`
     --> config/watchlist.yaml:2:1
      |
    2 | symbol: X
      | ^^^^^^
      |
      = help: did you mean `symbols`?
    "#
    );
    assert_snapshot!(wrong_list("symbols: []\n"), @r"
    error: the list is empty
     --> config/watchlist.yaml:1:10
      |
    1 | symbols: []
      |          ^
      |
      = help: e.g. `symbols: [AAPL, MSFT]`
    ");
    assert!(wrong_list("").contains("there are no symbols"));
    assert!(wrong_list("symbols: AAPL\n").contains("expected a list"));
}

#[test]
fn hostile_files_are_refused_at_once() {
    let bomb = format!(
        "a: &a [{}]\nstrategies: {{x: [*a, *a, *a]}}\n",
        "[x], ".repeat(5_000)
    );
    let long = format!(
        "strategies: {{x: {{side: buy, when: \"{}\"}}}}\n",
        "(".repeat(4_000)
    );
    for text in [
        bomb,
        "[".repeat(50_000),
        long,
        "strategies: &a {x: *a}\n".to_owned(),
    ] {
        let told = wrong(&text);
        assert!(told.contains("error"), "{told:.300}");
    }
    let told = strategies(b"strategies: \xff\n", "s")
        .unwrap_err()
        .render(false);
    assert!(told.contains("not UTF-8"), "{told}");
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[a-z0-9:.,()\\-\\[\\]{}& *\n\"]{0,200}") {
        drop(strategies(text.as_bytes(), "s"));
        drop(symbols(text.as_bytes(), "w"));
    }
}
