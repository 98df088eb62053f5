//! Tokens to a tree whose names are all known.

use std::ops::Range;

use super::{
    RuleError,
    lex::{Spanned, Token, tokens},
    tree::{Arithmetic, Comparison, Condition, Expression, Number, Placed},
};

/// Longer rules than anybody reads.
const LONGEST: usize = 4_096;
/// Deeper ones would exhaust the stack.
const DEEPEST: usize = 64;
/// As many bars as an indicator may look back on.
const MOST_BARS: f64 = 100_000.0;

pub(super) type Parsed<T = Placed> = Result<T, RuleError>;

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// The first place that cannot be read or makes no sense.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        if text.len() > LONGEST {
            let message = format!("a rule has at most {LONGEST} characters");
            return Err(RuleError::new(message, 0..text.len()));
        }
        let mut parser = Parser {
            tokens: tokens(text)?,
            at: 0,
            depth: 0,
        };
        let placed = parser.or()?;
        match parser.next() {
            Spanned {
                token: Token::End, ..
            } => Ok(placed.expression),
            other => Err(unexpected(&other, "an operator or the end")),
        }
    }

    /// Reads expressions that commas separate, each with its text.
    ///
    /// # Errors
    /// As [`Expression::parse`].
    pub fn parse_list(text: &str) -> Result<Vec<(String, Self)>, RuleError> {
        let mut parser = Parser {
            tokens: tokens(text)?,
            at: 0,
            depth: 0,
        };
        let mut list = Vec::new();
        loop {
            let placed = parser.or()?;
            let written = text.get(placed.span.clone()).unwrap_or_default();
            list.push((written.to_owned(), placed.expression));
            if !parser.take(",") {
                break;
            }
        }
        match parser.next() {
            Spanned {
                token: Token::End, ..
            } => Ok(list),
            other => Err(unexpected(&other, "`,` or the end")),
        }
    }
}

pub(super) struct Parser<'a> {
    tokens: Vec<Spanned<'a>>,
    pub(super) at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn peek(&self) -> Token<'a> {
        self.tokens.get(self.at).map_or(Token::End, |t| t.token)
    }

    pub(super) fn next(&mut self) -> Spanned<'a> {
        let next = self.tokens.get(self.at).or(self.tokens.last()).cloned();
        self.at += 1;
        next.unwrap_or(Spanned {
            token: Token::End,
            span: 0..0,
        })
    }

    /// Where the token before ends.
    pub(super) fn end(&self) -> usize {
        let before = self.at.checked_sub(1);
        before
            .and_then(|at| self.tokens.get(at))
            .map_or(0, |token| token.span.end)
    }

    pub(super) fn take(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Token::Sign(other) if other == sign);
        self.at += usize::from(found);
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.peek() == Token::Name(word);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, sign: &'static str) -> Parsed<()> {
        let next = self.next();
        if next.token == Token::Sign(sign) {
            return Ok(());
        }
        Err(unexpected(&next, &format!("`{sign}`")))
    }

    pub(super) fn or(&mut self) -> Parsed {
        let mut left = self.and()?;
        while self.take_word("or") {
            let right = self.and()?;
            left = both(left, right, Condition::Or)?;
        }
        Ok(left)
    }

    fn and(&mut self) -> Parsed {
        let mut left = self.not()?;
        while self.take_word("and") {
            let right = self.not()?;
            left = both(left, right, Condition::And)?;
        }
        Ok(left)
    }

    fn not(&mut self) -> Parsed {
        let start = self.tokens.get(self.at).map_or(0, |t| t.span.start);
        if !self.take_word("not") {
            return self.comparison();
        }
        let inner = self.deeper(Self::not)?;
        let span = start..inner.span.end;
        let condition = Condition::Not(Box::new(condition(inner)?));
        Ok(placed(Expression::Condition(condition), span))
    }

    fn comparison(&mut self) -> Parsed {
        let left = self.sum()?;
        let Some(how) = self.comparing() else {
            return Ok(left);
        };
        let right = self.sum()?;
        let span = left.span.start..right.span.end;
        let (a, b) = (Box::new(number(left)?), Box::new(number(right)?));
        if self.comparing().is_some() {
            let wrong = self.at - 1;
            let span = self.tokens.get(wrong).map_or(0..0, |t| t.span.clone());
            return Err(RuleError::new("comparisons cannot be chained", span)
                .hint("write `a < b and b < c`"));
        }
        let condition = Condition::Compare(how, a, b);
        Ok(placed(Expression::Condition(condition), span))
    }

    fn comparing(&mut self) -> Option<Comparison> {
        let how = match self.peek() {
            Token::Sign("<") => Comparison::Less,
            Token::Sign("<=") => Comparison::LessOrEqual,
            Token::Sign(">") => Comparison::Greater,
            Token::Sign(">=") => Comparison::GreaterOrEqual,
            Token::Sign("==") => Comparison::Equal,
            Token::Sign("!=") => Comparison::Unequal,
            _ => return None,
        };
        self.at += 1;
        Some(how)
    }

    fn sum(&mut self) -> Parsed {
        let mut left = self.product()?;
        loop {
            let how = match self.peek() {
                Token::Sign("+") => Arithmetic::Add,
                Token::Sign("-") => Arithmetic::Subtract,
                _ => return Ok(left),
            };
            self.at += 1;
            left = arithmetic(how, left, self.product()?)?;
        }
    }

    fn product(&mut self) -> Parsed {
        let mut left = self.sign()?;
        loop {
            let how = match self.peek() {
                Token::Sign("*") => Arithmetic::Multiply,
                Token::Sign("/") => Arithmetic::Divide,
                _ => return Ok(left),
            };
            self.at += 1;
            left = arithmetic(how, left, self.sign()?)?;
        }
    }

    fn sign(&mut self) -> Parsed {
        let start = self.tokens.get(self.at).map_or(0, |t| t.span.start);
        if !self.take("-") {
            return self.before();
        }
        let inner = self.deeper(Self::sign)?;
        let span = start..inner.span.end;
        let negative = Number::Negative(Box::new(number(inner)?));
        Ok(placed(Expression::Number(negative), span))
    }

    /// A value, and how many bars before: `close[1]`.
    fn before(&mut self) -> Parsed {
        let mut value = self.value()?;
        while self.take("[") {
            let bars = self.bars("how many bars before")?;
            self.expect("]")?;
            let span = value.span.start..self.end();
            let expression = match value.expression {
                Expression::Number(number) => {
                    Expression::Number(Number::Before(Box::new(number), bars))
                }
                Expression::Condition(condition) => {
                    Expression::Condition(Condition::Before(Box::new(condition), bars))
                }
            };
            value = placed(expression, span);
        }
        Ok(value)
    }

    fn value(&mut self) -> Parsed {
        let next = self.next();
        match next.token {
            Token::Number(value) => Ok(placed(
                Expression::Number(Number::Constant(value)),
                next.span,
            )),
            Token::Sign("(") => {
                let inner = self.deeper(Self::or)?;
                self.expect(")")?;
                Ok(placed(inner.expression, next.span.start..self.end()))
            }
            Token::Name(name) if !is_word(name) => self.named(name, next.span),
            _ => Err(unexpected(&next, "a value")),
        }
    }

    /// A whole number of bars.
    pub(super) fn bars(&mut self, what: &str) -> Parsed<usize> {
        let next = self.next();
        let Token::Number(value) = next.token else {
            return Err(unexpected(&next, what));
        };
        if value.fract() != 0.0 || value > MOST_BARS {
            let message = format!("expected {what}: a whole number up to {MOST_BARS}");
            return Err(RuleError::new(message, next.span));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole, and literals have no sign"
        )]
        Ok(value as usize)
    }

    pub(super) fn deeper(&mut self, parse: impl FnOnce(&mut Self) -> Parsed) -> Parsed {
        if self.depth == DEEPEST {
            let span = self.tokens.get(self.at).map_or(0..0, |t| t.span.clone());
            return Err(RuleError::new(
                format!("more than {DEEPEST} levels of brackets"),
                span,
            ));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }
}

fn is_word(name: &str) -> bool {
    ["and", "or", "not"].contains(&name)
}

pub(super) fn placed(expression: Expression, span: Range<usize>) -> Placed {
    Placed { expression, span }
}

pub(super) fn number(placed: Placed) -> Parsed<Number> {
    match placed.expression {
        Expression::Number(number) => Ok(number),
        Expression::Condition(_) => Err(RuleError::new(
            "expected a number, this is a condition",
            placed.span,
        )),
    }
}

pub(super) fn condition(placed: Placed) -> Parsed<Condition> {
    match placed.expression {
        Expression::Condition(condition) => Ok(condition),
        Expression::Number(_) => Err(RuleError::new(
            "expected a condition, this is a number",
            placed.span,
        )
        .hint("compare it, e.g. `… > 0`")),
    }
}

fn both(
    left: Placed,
    right: Placed,
    join: fn(Box<Condition>, Box<Condition>) -> Condition,
) -> Parsed {
    let span = left.span.start..right.span.end;
    let joined = join(Box::new(condition(left)?), Box::new(condition(right)?));
    Ok(placed(Expression::Condition(joined), span))
}

fn arithmetic(how: Arithmetic, left: Placed, right: Placed) -> Parsed {
    let span = left.span.start..right.span.end;
    let (a, b) = (Box::new(number(left)?), Box::new(number(right)?));
    let number = Number::Arithmetic(how, a, b);
    Ok(placed(Expression::Number(number), span))
}

pub(super) fn unexpected(found: &Spanned<'_>, expected: &str) -> RuleError {
    let what = match found.token {
        Token::End => "the rule ends here".to_owned(),
        Token::Number(value) => format!("`{value}` stands here"),
        Token::Name(name) => format!("`{name}` stands here"),
        Token::Sign(sign) => format!("`{sign}` stands here"),
    };
    RuleError::new(format!("expected {expected}, {what}"), found.span.clone())
}
