//! Text to tokens.

use std::ops::Range;

use super::RuleError;

/// A piece of a rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Token<'a> {
    Number(f64),
    Name(&'a str),
    /// An operator, a bracket, a comma or a dot.
    Sign(&'static str),
    End,
}

/// A token and its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spanned<'a> {
    pub(super) token: Token<'a>,
    pub(super) span: Range<usize>,
}

/// Longer ones first: `<=` is not `<`.
const SIGNS: [&str; 17] = [
    "<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "(", ")", "[", "]", ",", ".", "=",
];

/// Reads all tokens; the last one is [`Token::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Spanned<'_>>, RuleError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let blank = rest.len() - rest.trim_start().len();
        if blank > 0 {
            at += blank;
            continue;
        }
        let (token, length) = token(rest, at)?;
        let span = at..at + length;
        at = span.end;
        tokens.push(Spanned { token, span });
    }
    tokens.push(Spanned {
        token: Token::End,
        span: text.len()..text.len(),
    });
    Ok(tokens)
}

fn token(rest: &str, at: usize) -> Result<(Token<'_>, usize), RuleError> {
    let length = |wanted: fn(char) -> bool| rest.find(|c| !wanted(c)).unwrap_or(rest.len());
    let first = rest.chars().next().unwrap_or_default();
    if first.is_ascii_digit() || (first == '.' && starts_fraction(rest)) {
        let length = length(|c| c.is_ascii_digit() || c == '.' || c == '_');
        return number(rest.get(..length).unwrap_or_default(), at);
    }
    if first.is_alphabetic() || first == '_' {
        let length = length(|c| c.is_alphanumeric() || c == '_');
        return Ok((Token::Name(rest.get(..length).unwrap_or_default()), length));
    }
    let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
    match sign {
        Some(&"=") => {
            Err(RuleError::new("a single `=` says nothing", at..at + 1).hint("`==` compares"))
        }
        Some(sign) => Ok((Token::Sign(sign), sign.len())),
        None => Err(unknown(rest, first, at)),
    }
}

fn starts_fraction(rest: &str) -> bool {
    rest.chars().nth(1).is_some_and(|c| c.is_ascii_digit())
}

fn number(text: &str, at: usize) -> Result<(Token<'_>, usize), RuleError> {
    let value: Option<f64> = text.replace('_', "").parse().ok();
    match value.filter(|value| value.is_finite()) {
        Some(value) => Ok((Token::Number(value), text.len())),
        None => Err(RuleError::new(
            format!("`{text}` is no number"),
            at..at + text.len(),
        )),
    }
}

fn unknown(rest: &str, first: char, at: usize) -> RuleError {
    let word = |sign: &str| rest.starts_with(sign);
    let hint = if word("&") {
        "write `and`"
    } else if word("|") {
        "write `or`"
    } else if word("!") {
        "write `not`"
    } else {
        "names, numbers, `+ - * /`, comparisons, `and`, `or` and `not` make a rule"
    };
    RuleError::new(
        format!("`{first}` has no meaning here"),
        at..at + first.len_utf8(),
    )
    .hint(hint)
}
