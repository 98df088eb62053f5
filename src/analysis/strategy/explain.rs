//! A rule part by part, with what each part was on a bar.

use super::leaves::{self, Leaves, Values, is_leaf, name_of, name_of_condition, value, walk};
use crate::analysis::rule::{Condition, Number, Sheet};

/// What a part of a rule was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shown {
    /// A number, if it is known.
    Number(Option<f64>),
    /// True or false, if it is known.
    Truth(Option<bool>),
}

/// A part of a rule with its value, and the parts that it is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// As it is written in rules; `x[1]` is x of the bar before.
    pub text: String,
    /// What it was.
    pub value: Shown,
    /// What it is made of; nothing below fields, indicators and `highest` and `lowest`, and no constants.
    pub parts: Vec<Self>,
}

/// The condition on the bar `at` of the sheet, part by part.
pub fn explain(condition: &Condition, sheet: &mut Sheet<'_>, at: usize) -> Explained {
    let leaves = leaves::leaves(condition, sheet, at);
    recompute(condition, &leaves, at)
}

/// The condition part by part, worked out from the values of its leaves on a bar before which there are
/// `at` others. A leaf that is missing is not known.
pub fn recompute(condition: &Condition, leaves: &Leaves, at: usize) -> Explained {
    truth(condition, 0, &mut Kept { leaves, at })
}

/// Values that were kept.
struct Kept<'a> {
    leaves: &'a Leaves,
    at: usize,
}

impl Values for Kept<'_> {
    fn number(&mut self, number: &Number, before: usize) -> f64 {
        let value = self.leaves.get(&name_of(number, before));
        value.copied().flatten().unwrap_or(f64::NAN)
    }

    fn truth(&mut self, condition: &Condition, before: usize) -> Option<bool> {
        let value = self.leaves.get(&name_of_condition(condition, before));
        value.copied().flatten().map(|value| value != 0.0)
    }

    fn reaches(&self, before: usize) -> bool {
        before <= self.at
    }
}

fn truth(condition: &Condition, before: usize, kept: &mut Kept<'_>) -> Explained {
    let value = walk(condition, before, kept);
    Explained {
        text: name_of_condition(condition, before),
        value: Shown::Truth(value),
        parts: parts_of_truth(condition, before, kept),
    }
}

fn parts_of_truth(condition: &Condition, before: usize, kept: &mut Kept<'_>) -> Vec<Explained> {
    if is_leaf(condition) {
        return Vec::new();
    }
    let mut parts = Vec::new();
    let mut add = |part: Option<Explained>| parts.extend(part);
    match condition {
        Condition::Compare(_, a, b) => {
            add(number(a, before, kept));
            add(number(b, before, kept));
        }
        Condition::And(a, b) | Condition::Or(a, b) => {
            add(Some(truth(a, before, kept)));
            add(Some(truth(b, before, kept)));
        }
        Condition::Not(inner) => add(Some(truth(inner, before, kept))),
        Condition::Crosses(_, a, b) => {
            for before in [before + 1, before] {
                add(number(a, before, kept));
                add(number(b, before, kept));
            }
        }
        Condition::Moves(_, inner, bars) => {
            for back in (0..=*bars).rev() {
                add(number(inner, before + back, kept));
            }
        }
        Condition::Within(inner, bars) => {
            for back in (0..*bars).rev() {
                add(Some(truth(inner, before + back, kept)));
            }
        }
        Condition::Before(inner, bars) => add(Some(truth(inner, before + bars, kept))),
    }
    parts
}

/// A number and its parts; nothing of a constant, which says what it is.
fn number(of: &Number, before: usize, kept: &mut Kept<'_>) -> Option<Explained> {
    let parts = match of {
        Number::Constant(_) => return None,
        Number::Before(inner, bars) => return number(inner, before + bars, kept),
        Number::Negative(inner) => number(inner, before, kept).into_iter().collect(),
        Number::Arithmetic(_, a, b) => {
            let parts = [number(a, before, kept), number(b, before, kept)];
            parts.into_iter().flatten().collect()
        }
        Number::Field(_) | Number::Indicator(_) | Number::Highest(..) | Number::Lowest(..) => {
            Vec::new()
        }
    };
    let value = Some(value(of, before, kept)).filter(|value| value.is_finite());
    let text = match (of, before) {
        (Number::Arithmetic(..) | Number::Negative(_), 1..) => format!("({of})[{before}]"),
        _ => name_of(of, before),
    };
    Some(Explained {
        text,
        value: Shown::Number(value),
        parts,
    })
}
