use jiff::civil::date;
use proptest::prelude::*;

use super::{Strategy, *};
use crate::analysis::{Bar, Bars, Stamp, rule};

fn bars(closes: &[f64]) -> Bars {
    let first = date(2020, 1, 1);
    let bar = |(day, close): (i64, &f64)| Bar {
        stamp: Stamp::Day(first + jiff::Span::new().days(day)),
        open: *close,
        high: close + 1.0,
        low: close - 1.0,
        close: *close,
        volume: 100.0,
    };
    (0..).zip(closes).map(bar).collect()
}

fn strategy(when: &str, confirm: usize, cooldown: usize) -> Strategy {
    Strategy {
        name: "s".to_owned(),
        timeframe: Timeframe::D1,
        side: Side::Buy,
        when: When::parse(when).unwrap(),
        confirm,
        cooldown,
        strength: 1.0,
    }
}

/// Signals of `close > 0` where each letter `x` is a bar on which that is true.
fn on(stretches: &str, confirm: usize, cooldown: usize) -> String {
    let close = |c: char| if c == 'x' { 1.0 } else { -1.0 };
    let bars = bars(&stretches.chars().map(close).collect::<Vec<_>>());
    let found = signals_on(
        &strategy("close > 0", confirm, cooldown),
        &mut Sheet::new(&bars),
    );
    let mark = |bar| if found.contains(&bar) { '!' } else { '.' };
    (0..bars.len()).map(mark).collect()
}

#[test]
fn a_stretch_has_one_signal_on_the_bar_that_confirms_it() {
    assert_eq!(on("-xxx-x", 1, 0), ".!...!");
    assert_eq!(on("-xxx-x", 2, 0), "..!...");
    assert_eq!(on("-xxx-x", 3, 0), "...!..");
    assert_eq!(on("-xxx-x", 4, 0), "......");
    assert_eq!(on("xx--xx", 1, 0), "!...!.");
    assert_eq!(on("", 1, 0), "");
}

#[test]
fn a_signal_keeps_the_bars_after_it_free() {
    assert_eq!(on("x-x-x-x", 1, 0), "!.!.!.!");
    assert_eq!(on("x-x-x-x", 1, 1), "!.!.!.!");
    assert_eq!(on("x-x-x-x", 1, 2), "!...!..");
    // What is suppressed neither comes later nor makes the rest longer.
    assert_eq!(on("x-xxxxxxx-x", 1, 3), "!.........!");
    assert_eq!(on("x-x-x-x-x-x", 1, 4), "!.....!....");
}

#[test]
fn what_is_unknown_ends_a_stretch() {
    // The mean is unknown on the first bar.
    let bars = bars(&[1.0, 2.0, 3.0]);
    let found = signals_on(&strategy("close > sma(2)", 2, 0), &mut Sheet::new(&bars));
    assert_eq!(found, [2]);
}

#[test]
fn the_look_back_counts_the_bars_that_confirm() {
    assert_eq!(strategy("close > 0", 1, 0).look_back(), 0);
    assert_eq!(
        strategy("crosses_above(sma(50), sma(200))", 2, 5).look_back(),
        201
    );
}

fn refused(text: &str) -> String {
    let error = When::parse(text).unwrap_err();
    let place = &text[error.span.clone()];
    format!(
        "{place}: {error}; {}",
        error.hint.as_deref().unwrap_or_default()
    )
}

#[test]
fn a_rule_that_is_none_or_looks_back_too_far_is_refused() {
    assert_eq!(
        refused(" close + 1 "),
        "close + 1: expected a condition, this is a number; compare it, e.g. `… > 0`"
    );
    assert_eq!(
        refused("close > sma(20000)"),
        "close > sma(20000): it needs 19999 bars before the first it can judge; at most 10000 are \
         looked at; shorten its periods"
    );
    assert!(When::parse("close > sma(10001)").is_ok());
}

fn lines(part: &Explained, depth: usize, out: &mut Vec<String>) {
    out.push(format!(
        "{}{} = {:?}",
        "  ".repeat(depth),
        part.text,
        part.value
    ));
    part.parts
        .iter()
        .for_each(|part| lines(part, depth + 1, out));
}

#[test]
fn a_rule_is_explained_part_by_part() {
    let bars = bars(&[3.0, 2.0, 4.0]);
    let when = When::parse("crosses_above(close, sma(2)) and not rising(volume - 1, 1)").unwrap();
    let mut out = Vec::new();
    let explained = explain(when.condition(), &mut Sheet::new(&bars), 2);
    lines(&explained, 0, &mut out);
    insta::assert_snapshot!(out.join("\n"), @r"
    crosses_above(close, sma(2)) and not rising(volume - 1, 1) = Truth(Some(true))
      crosses_above(close, sma(2)) = Truth(Some(true))
        close[1] = Number(Some(2.0))
        sma(2)[1] = Number(Some(2.5))
        close = Number(Some(4.0))
        sma(2) = Number(Some(3.0))
      not rising(volume - 1, 1) = Truth(Some(true))
        rising(volume - 1, 1) = Truth(Some(false))
          (volume - 1)[1] = Number(Some(99.0))
            volume[1] = Number(Some(100.0))
          volume - 1 = Number(Some(99.0))
            volume = Number(Some(100.0))
    ");
}

proptest! {
    #[test]
    fn later_bars_never_change_a_signal(
        text in rule::tests::rule(), closes in prop::collection::vec(1.0..100.0, 2..120),
        confirm in 1_usize..4, cooldown in 0_usize..9, cut in 0_usize..120,
    ) {
        let strategy = strategy(&text, confirm, cooldown);
        let (all, short) = (bars(&closes), bars(&closes[..cut.min(closes.len())]));
        let mut signals = signals_on(&strategy, &mut Sheet::new(&all));
        signals.retain(|bar| *bar < short.len());
        prop_assert_eq!(signals, signals_on(&strategy, &mut Sheet::new(&short)));
    }

    #[test]
    fn the_leaves_are_enough_to_work_a_rule_out_again(
        text in rule::tests::rule(), closes in prop::collection::vec(1.0..100.0, 1..60),
    ) {
        let when = When::parse(&text).unwrap();
        let bars = bars(&closes);
        let mut sheet = Sheet::new(&bars);
        let truths = sheet.truths(when.condition());
        for (at, truth) in truths.into_iter().enumerate() {
            let kept = leaves(when.condition(), &mut sheet, at);
            let again = recompute(when.condition(), &kept, at);
            prop_assert_eq!(again.value, Shown::Truth(truth), "{} {}", text, at);
        }
    }
}
