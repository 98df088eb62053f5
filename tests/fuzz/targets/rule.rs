//! A rule as anybody may have written it.

use bellkeeper::analysis::{Bar, Bars, Expression, Sheet, Stamp};
use jiff::civil::date;

/// The bytes are the rule. What can be read is worked out on a few bars, also on the first of them
/// alone, which must not make a difference.
pub fn rule(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    let expression = match Expression::parse(text) {
        Ok(expression) => expression,
        Err(error) => {
            assert!(text.get(error.span.clone()).is_some(), "{error:?}");
            assert!(!error.message.is_empty());
            return false;
        }
    };
    let (short, long) = (bars(30), bars(60));
    match expression {
        Expression::Number(number) => {
            let values = |bars| Sheet::new(bars).numbers(&number);
            let (short, long) = (values(&short), values(&long));
            let bits = |values: &[f64]| -> Vec<u64> {
                let known = |v: &f64| if v.is_nan() { u64::MAX } else { v.to_bits() };
                values.iter().map(known).collect()
            };
            assert_eq!((short.len(), long.len()), (30, 60));
            assert_eq!(bits(&short), bits(&long[..30]));
        }
        Expression::Condition(condition) => {
            let truths = |bars| Sheet::new(bars).truths(&condition);
            let (short, long) = (truths(&short), truths(&long));
            assert_eq!((short.len(), long.len()), (30, 60));
            assert_eq!(short, long[..30]);
        }
    }
    true
}

/// Prices that go up and down, a day each.
fn bars(days: u8) -> Bars {
    let bar = |day: u8| {
        let close = 100.0 + f64::from(day.wrapping_mul(37) % 23);
        Bar {
            stamp: Stamp::Day(date(2026, 1, 1).saturating_add(jiff::Span::new().days(day))),
            open: close - 1.0,
            high: close + 2.0,
            low: close - 2.0,
            close,
            volume: f64::from(day % 5) * 100.0,
        }
    };
    (0..days).map(bar).collect()
}
