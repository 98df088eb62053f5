//! The functions of the language that are no indicators.

use super::tree::{Condition, Direction, Expression, Number};

/// What a function is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Number,
    Condition,
    /// A whole number from 1, written out.
    Bars,
}

/// A function.
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) wants: &'static [Wanted],
    pub(super) build: Build,
}

/// What becomes of the arguments.
pub(super) enum Build {
    Pair(fn(Box<Number>, Box<Number>) -> Expression),
    Number(fn(Box<Number>, usize) -> Expression),
    Condition(fn(Box<Condition>, usize) -> Expression),
}

const PAIR: &[Wanted] = &[Wanted::Number, Wanted::Number];
const NUMBER: &[Wanted] = &[Wanted::Number, Wanted::Bars];

/// All of them.
pub(super) static FUNCTIONS: [Function; 7] = [
    Function {
        name: "crosses_above",
        wants: PAIR,
        build: Build::Pair(|a, b| Expression::Condition(Condition::Crosses(Direction::Up, a, b))),
    },
    Function {
        name: "crosses_below",
        wants: PAIR,
        build: Build::Pair(|a, b| Expression::Condition(Condition::Crosses(Direction::Down, a, b))),
    },
    Function {
        name: "rising",
        wants: NUMBER,
        build: Build::Number(|x, n| Expression::Condition(Condition::Moves(Direction::Up, x, n))),
    },
    Function {
        name: "falling",
        wants: NUMBER,
        build: Build::Number(|x, n| Expression::Condition(Condition::Moves(Direction::Down, x, n))),
    },
    Function {
        name: "within",
        wants: &[Wanted::Condition, Wanted::Bars],
        build: Build::Condition(|x, n| Expression::Condition(Condition::Within(x, n))),
    },
    Function {
        name: "highest",
        wants: NUMBER,
        build: Build::Number(|x, n| Expression::Number(Number::Highest(x, n))),
    },
    Function {
        name: "lowest",
        wants: NUMBER,
        build: Build::Number(|x, n| Expression::Number(Number::Lowest(x, n))),
    },
];

/// The function of this name.
pub(super) fn named(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}
