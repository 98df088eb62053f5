//! The values that a rule takes from the bars, so that it can be worked out again without them.

use std::collections::BTreeMap;

use crate::analysis::rule::{Condition, Number, Sheet, and, or};

/// A function over more bars than this is kept as one value instead of one a bar.
const MOST_BARS: usize = 64;

/// The values of a rule's leaves on a bar, by how they are written: `sma(50)[1]` is that of the bar
/// before. `None` is a value that is not known. Conditions that look at very many bars are leaves of
/// their own, 1 for true and 0 for false.
pub type Leaves = BTreeMap<String, Option<f64>>;

/// Where leaves have their values from.
pub(super) trait Values {
    /// The number of so many bars before; NaN where it is missing.
    fn number(&mut self, number: &Number, before: usize) -> f64;
    /// The same of a condition.
    fn truth(&mut self, condition: &Condition, before: usize) -> Option<bool>;
    /// Whether there is a bar so many bars before.
    fn reaches(&self, before: usize) -> bool;
}

/// All leaves of the condition on the bar `at` of the sheet.
pub fn leaves(condition: &Condition, sheet: &mut Sheet<'_>, at: usize) -> Leaves {
    let mut found = Leaves::new();
    let mut take = Take {
        sheet,
        at,
        found: &mut found,
    };
    walk(condition, 0, &mut take);
    found
}

/// The name of a leaf: as it would be written in a rule.
pub(super) fn name_of(number: &Number, before: usize) -> String {
    named(&number.to_string(), before)
}

pub(super) fn name_of_condition(condition: &Condition, before: usize) -> String {
    let text = condition.to_string();
    match before {
        0 => text,
        _ => format!("({text})[{before}]"),
    }
}

fn named(text: &str, before: usize) -> String {
    match before {
        0 => text.to_owned(),
        _ => format!("{text}[{before}]"),
    }
}

/// Whether a condition is taken as a whole.
pub(super) fn is_leaf(condition: &Condition) -> bool {
    matches!(
        condition,
        Condition::Moves(_, _, bars) | Condition::Within(_, bars) if *bars > MOST_BARS
    )
}

/// Takes the values of a sheet.
struct Take<'a, 'b> {
    sheet: &'a mut Sheet<'b>,
    at: usize,
    found: &'a mut Leaves,
}

impl Values for Take<'_, '_> {
    fn number(&mut self, number: &Number, before: usize) -> f64 {
        let bar = self.at.checked_sub(before);
        let value = bar.and_then(|bar| self.sheet.numbers(number).get(bar).copied());
        let value = value.filter(|value| value.is_finite());
        self.found.insert(name_of(number, before), value);
        value.unwrap_or(f64::NAN)
    }

    fn truth(&mut self, condition: &Condition, before: usize) -> Option<bool> {
        let bar = self.at.checked_sub(before);
        let truth = bar.and_then(|bar| self.sheet.truths(condition).get(bar).copied().flatten());
        let value = truth.map(|truth| if truth { 1.0 } else { 0.0 });
        self.found
            .insert(name_of_condition(condition, before), value);
        truth
    }

    fn reaches(&self, before: usize) -> bool {
        before <= self.at
    }
}

/// Works the condition out on the bar that lies so many bars before, from the values of its leaves.
/// What it is on bars is said by `rule::evaluate`; a test holds the two against each other.
pub(super) fn walk(condition: &Condition, before: usize, values: &mut dyn Values) -> Option<bool> {
    if is_leaf(condition) {
        return values.truth(condition, before);
    }
    match condition {
        Condition::Compare(how, a, b) => {
            let (a, b) = (value(a, before, values), value(b, before, values));
            how.apply(a, b)
        }
        Condition::And(a, b) => {
            let (a, b) = (walk(a, before, values), walk(b, before, values));
            and(a, b)
        }
        Condition::Or(a, b) => {
            let (a, b) = (walk(a, before, values), walk(b, before, values));
            or(a, b)
        }
        Condition::Not(inner) => walk(inner, before, values).map(|truth| !truth),
        Condition::Crosses(direction, a, b) => {
            let mut beyond = |before| {
                let (a, b) = (value(a, before, values), value(b, before, values));
                direction.beyond(b, a)
            };
            let (was, is) = (beyond(before.saturating_add(1)), beyond(before));
            Some(!was? && is?)
        }
        Condition::Moves(direction, number, bars) => {
            let mut step = |back: usize| {
                let to = value(number, before + back, values);
                let from = value(number, before + back + 1, values);
                direction.beyond(from, to)
            };
            let on: Vec<_> = (0..*bars).map(&mut step).collect();
            let whole = values.reaches(before.saturating_add(bars.saturating_sub(1)));
            on.into_iter().fold(Some(true), and).filter(|_| whole)
        }
        Condition::Within(inner, bars) => {
            let on: Vec<_> = (0..*bars)
                .map(|back| walk(inner, before + back, values))
                .collect();
            let whole = values.reaches(before.saturating_add(bars.saturating_sub(1)));
            on.into_iter().fold(Some(false), or).filter(|_| whole)
        }
        Condition::Before(inner, bars) => walk(inner, before.saturating_add(*bars), values),
    }
}

/// The same of a number.
pub(super) fn value(number: &Number, before: usize, values: &mut dyn Values) -> f64 {
    match number {
        Number::Constant(value) if values.reaches(before) => *value,
        Number::Constant(_) => f64::NAN,
        Number::Before(inner, bars) => value(inner, before.saturating_add(*bars), values),
        Number::Negative(inner) => -value(inner, before, values),
        Number::Arithmetic(how, a, b) => {
            let (a, b) = (value(a, before, values), value(b, before, values));
            how.apply(a, b)
        }
        Number::Field(_) | Number::Indicator(_) | Number::Highest(..) | Number::Lowest(..) => {
            values.number(number, before)
        }
    }
}
