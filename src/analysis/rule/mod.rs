//! The language of rules: `crosses_above(sma(50), sma(200)) and rsi(14) < 70`.
//!
//! ```text
//! expression := and ("or" and)*
//! and        := not ("and" not)*
//! not        := "not" not | sum [("<" | "<=" | ">" | ">=" | "==" | "!=") sum]
//! sum        := product (("+" | "-") product)*
//! product    := sign (("*" | "/") sign)*
//! sign       := "-" sign | value ("[" bars "]")*
//! value      := number | field | "(" expression ")" | name "(" arguments ")" ["." output]
//! ```
//!
//! `x[n]` is x of n bars before. Beside indicators there are the functions `crosses_above(a, b)`,
//! `crosses_below(a, b)`, `rising(x, n)`, `falling(x, n)`, `within(condition, n)`, `highest(x, n)`
//! and `lowest(x, n)`.
//!
//! What is not known stays so: a comparison with a missing number is neither true nor false, and
//! neither is its `not`. `and` and `or` are those of Kleene's logic of three values.

mod error;
mod evaluate;
mod functions;
mod lex;
mod names;
mod parse;
#[cfg(test)]
pub(super) mod tests;
mod tree;
mod write;

pub use error::RuleError;
pub use evaluate::Sheet;
pub(super) use evaluate::{and, or};
pub use tree::{Condition, Expression, Number};
