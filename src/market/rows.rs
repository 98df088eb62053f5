//! From rows as a source gives them to bars in order, and findings.

use super::finding::{Finding, Flaw, Severity};
use crate::analysis::{Bar, Bars, Field, Stamp};

/// A row of a source: its stamp, and a number or what stands there instead for each of
/// [`Field::ALL`].
pub(super) type Row = (Stamp, [Result<f64, String>; 5]);

/// Puts rows in the order of their stamps, whatever theirs was, and leaves out those that are no bars.
/// Of two with one stamp the first one given counts.
pub(super) fn bars(mut rows: Vec<Row>, findings: &mut Vec<Finding>) -> Bars {
    rows.sort_by_key(|(stamp, _)| *stamp);
    let mut bars = Bars::default();
    for (stamp, values) in rows {
        let made = match bars.stamps().last() {
            Some(last) if *last == stamp => {
                Err((Flaw::Duplicate, format!("there are two bars of {stamp}")))
            }
            _ => bar(stamp, values),
        };
        match made {
            Ok(bar) => bars.extend([bar]),
            Err((flaw, what)) => findings.push(left_out(flaw, Some(stamp), what)),
        }
    }
    bars
}

/// A bar that is left out, and why.
pub(super) fn left_out(flaw: Flaw, stamp: Option<Stamp>, what: String) -> Finding {
    Finding {
        flaw,
        severity: Severity::Quarantined,
        stamp,
        line: None,
        what,
    }
}

fn bar(stamp: Stamp, values: [Result<f64, String>; 5]) -> Result<Bar, (Flaw, String)> {
    let mut numbers = [0.0; 5];
    for ((number, value), field) in numbers.iter_mut().zip(values).zip(Field::ALL) {
        let name = field.name();
        *number = match value {
            Ok(value) if value.is_finite() => value,
            Ok(value) => return Err((Flaw::Malformed, format!("{name} is {value}"))),
            Err(text) if text.is_empty() => {
                return Err((Flaw::Malformed, format!("{name} is missing")));
            }
            Err(text) => return Err((Flaw::Malformed, format!("{name} `{text}` is no number"))),
        };
        if *number < 0.0 || *number == 0.0 && field != Field::Volume {
            return Err((Flaw::NotPositive, format!("{name} is {number}")));
        }
    }
    let [open, high, low, close, volume] = numbers;
    if !(low <= high && (low..=high).contains(&open) && (low..=high).contains(&close)) {
        let what = format!("open {open}, high {high}, low {low} and close {close} make no bar");
        return Err((Flaw::Outside, what));
    }
    Ok(Bar {
        stamp,
        open,
        high,
        low,
        close,
        volume,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(day: i8, values: [f64; 5]) -> Row {
        (Stamp::Day(jiff::civil::date(2026, 1, day)), values.map(Ok))
    }

    #[test]
    fn rows_become_bars_in_order_and_bad_ones_findings() {
        let good = [2.0, 3.0, 1.0, 2.0, 0.0];
        let mut rows = vec![
            row(7, good),
            row(5, good),
            row(6, good),
            row(6, [9.0; 5]),
            row(8, [2.0, 1.0, 3.0, 2.0, 5.0]),
            row(9, [2.0, 3.0, 0.0, 2.0, 5.0]),
            row(10, [2.0, f64::INFINITY, 1.0, 2.0, 5.0]),
            row(12, [2.0, 3.0, 1.0, 2.0, -0.5]),
        ];
        let mut nothing = row(13, good);
        nothing.1[3] = Err(String::new());
        rows.push(nothing);
        let mut findings = Vec::new();
        let bars = bars(rows, &mut findings);
        let days: Vec<String> = bars.stamps().iter().map(ToString::to_string).collect();
        assert_eq!(days, ["2026-01-05", "2026-01-06", "2026-01-07"]);
        assert_eq!(bars.column(Field::Open), [2.0, 2.0, 2.0]);
        let told: Vec<_> = findings.iter().map(|found| found.flaw).collect();
        assert_eq!(
            told,
            [
                Flaw::Duplicate,
                Flaw::Outside,
                Flaw::NotPositive,
                Flaw::Malformed,
                Flaw::NotPositive,
                Flaw::Malformed
            ]
        );
        assert!(
            findings
                .iter()
                .all(|found| found.severity == Severity::Quarantined)
        );
    }
}
