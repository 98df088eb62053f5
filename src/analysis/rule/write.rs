//! Rules as text again: every part of one in the same words, with as few brackets as it takes.

use std::fmt;

use super::tree::{Arithmetic, Call, Comparison, Condition, Direction, Number};
use crate::analysis::bars::Field;

/// How tightly a part holds together; who contains it puts brackets around what is looser.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Tie {
    Or,
    And,
    Not,
    Compare,
    Sum,
    Product,
    Sign,
    Value,
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(value) => value.fmt(f),
            Self::Field(field) => f.write_str(field.name()),
            Self::Indicator(call) => call.fmt(f),
            Self::Before(number, bars) => {
                bracketed(f, number, number.tie() < Tie::Value)?;
                write!(f, "[{bars}]")
            }
            Self::Negative(number) => {
                f.write_str("-")?;
                bracketed(f, number, number.tie() < Tie::Sign)
            }
            Self::Arithmetic(how, a, b) => {
                bracketed(f, a, a.tie() < self.tie())?;
                write!(f, " {} ", how.as_str())?;
                bracketed(f, b, b.tie() <= self.tie())
            }
            Self::Highest(number, bars) => write!(f, "highest({number}, {bars})"),
            Self::Lowest(number, bars) => write!(f, "lowest({number}, {bars})"),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compare(how, a, b) => write!(f, "{a} {} {b}", how.as_str()),
            Self::And(a, b) => {
                bracketed(f, a, a.tie() < Tie::And)?;
                f.write_str(" and ")?;
                bracketed(f, b, b.tie() <= Tie::And)
            }
            Self::Or(a, b) => {
                bracketed(f, a, a.tie() < Tie::Or)?;
                f.write_str(" or ")?;
                bracketed(f, b, b.tie() <= Tie::Or)
            }
            Self::Not(condition) => {
                f.write_str("not ")?;
                bracketed(f, condition, condition.tie() < Tie::Not)
            }
            Self::Crosses(Direction::Up, a, b) => write!(f, "crosses_above({a}, {b})"),
            Self::Crosses(Direction::Down, a, b) => write!(f, "crosses_below({a}, {b})"),
            Self::Moves(Direction::Up, number, bars) => write!(f, "rising({number}, {bars})"),
            Self::Moves(Direction::Down, number, bars) => write!(f, "falling({number}, {bars})"),
            Self::Within(condition, bars) => write!(f, "within({condition}, {bars})"),
            Self::Before(condition, bars) => {
                bracketed(f, condition, condition.tie() < Tie::Value)?;
                write!(f, "[{bars}]")
            }
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.indicator.name)?;
        let mut comma = "";
        if self.field != Field::Close {
            f.write_str(self.field.name())?;
            comma = ", ";
        }
        for param in &self.params {
            write!(f, "{comma}{param}")?;
            comma = ", ";
        }
        f.write_str(")")?;
        match self.indicator.outputs.get(self.output) {
            None | Some(&"") => Ok(()),
            Some(output) => write!(f, ".{output}"),
        }
    }
}

impl Number {
    fn tie(&self) -> Tie {
        match self {
            // Written with its sign, which only brackets keep from what comes behind.
            Self::Constant(value) if value.is_sign_negative() => Tie::Sign,
            Self::Negative(_) => Tie::Sign,
            Self::Arithmetic(Arithmetic::Add | Arithmetic::Subtract, ..) => Tie::Sum,
            Self::Arithmetic(Arithmetic::Multiply | Arithmetic::Divide, ..) => Tie::Product,
            _ => Tie::Value,
        }
    }
}

impl Condition {
    fn tie(&self) -> Tie {
        match self {
            Self::Compare(..) => Tie::Compare,
            Self::And(..) => Tie::And,
            Self::Or(..) => Tie::Or,
            Self::Not(_) => Tie::Not,
            _ => Tie::Value,
        }
    }
}

impl Arithmetic {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
        }
    }
}

impl Comparison {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Equal => "==",
            Self::Unequal => "!=",
        }
    }
}

fn bracketed(f: &mut fmt::Formatter<'_>, part: &impl fmt::Display, brackets: bool) -> fmt::Result {
    if brackets {
        write!(f, "({part})")
    } else {
        part.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::analysis::rule::{Expression, tests::rule};

    fn written(text: &str) -> String {
        match Expression::parse(text).unwrap() {
            Expression::Number(number) => number.to_string(),
            Expression::Condition(condition) => condition.to_string(),
        }
    }

    #[test]
    fn only_the_brackets_that_it_takes_are_written() {
        for (text, expected) in [
            ("((close) + (open*2))", "close + open * 2"),
            ("(close + open) * 2", "(close + open) * 2"),
            ("close - (open - 1)", "close - (open - 1)"),
            ("-(close+1)[2]", "-(close + 1)[2]"),
            ("macd(12,26,9).hist>0", "macd(12, 26, 9).hist > 0"),
            ("sma(volume,20)", "sma(volume, 20)"),
            ("not (close>1 and open>1)", "not (close > 1 and open > 1)"),
            (
                "(close>1)[2] or not close>1",
                "(close > 1)[2] or not close > 1",
            ),
            ("rsi(14)[1] < 30", "rsi(14)[1] < 30"),
        ] {
            assert_eq!(written(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_means_the_same(text in rule()) {
            let once = written(&text);
            prop_assert_eq!(&written(&once), &once);
            let tree = |text: &str| format!("{:?}", Expression::parse(text).unwrap());
            prop_assert_eq!(tree(&once), tree(&text));
        }
    }
}
