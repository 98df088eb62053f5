//! Names in rules: fields, indicators and functions with what they are given.

use std::ops::Range;

use super::{
    RuleError,
    functions::{self, Build, FUNCTIONS, Wanted},
    lex::Token,
    parse::{Parsed, Parser, condition, number, placed, unexpected},
    tree::{Call, Expression, Number},
};
use crate::{
    analysis::{
        bars::Field,
        indicator::{INDICATORS, Indicator, Input, Param},
    },
    suggest::{hint, one_of},
};

impl Parser<'_> {
    pub(super) fn named(&mut self, name: &str, span: Range<usize>) -> Parsed {
        if let Some(field) = Field::named(name) {
            return Ok(placed(Expression::Number(Number::Field(field)), span));
        }
        if let Some(indicator) = Indicator::named(name) {
            return self.indicator(indicator, span);
        }
        if let Some(function) = functions::named(name) {
            return self.deeper(|parser| parser.function(function, span));
        }
        let fields = Field::ALL.into_iter().map(Field::name);
        let indicators = INDICATORS.iter().map(|indicator| indicator.name);
        let functions = FUNCTIONS.iter().map(|function| function.name);
        let known = fields.chain(indicators).chain(functions);
        let error = RuleError::new(format!("nothing is called `{name}`"), span);
        Err(match hint(name, known) {
            Some(near) => error.hint(near),
            None => error.hint("`bellkeeper analyse --help` lists the names"),
        })
    }

    fn function(&mut self, function: &functions::Function, span: Range<usize>) -> Parsed {
        let name = function.name;
        self.expect("(")?;
        let [mut first, mut second] = [None, None];
        let mut bars = 0;
        for (at, wanted) in function.wants.iter().enumerate() {
            if at > 0 {
                self.expect(",")?;
            }
            match wanted {
                Wanted::Bars => bars = self.bars("a number of bars")?.max(1),
                Wanted::Number | Wanted::Condition if at == 0 => first = Some(self.or()?),
                Wanted::Number | Wanted::Condition => second = Some(self.or()?),
            }
        }
        self.expect(")")?;
        let span = span.start..self.end();
        let missing = || RuleError::new(format!("`{name}` lacks an argument"), span.clone());
        let first = first.ok_or_else(missing)?;
        let expression = match function.build {
            Build::Pair(build) => {
                let second = second.ok_or_else(missing)?;
                build(Box::new(number(first)?), Box::new(number(second)?))
            }
            Build::Number(build) => build(Box::new(number(first)?), bars),
            Build::Condition(build) => build(Box::new(condition(first)?), bars),
        };
        Ok(placed(expression, span))
    }

    fn indicator(&mut self, indicator: &'static Indicator, span: Range<usize>) -> Parsed {
        self.expect("(")?;
        let field = self.field(indicator)?;
        let params = self.params(indicator, &span)?;
        let output = self.output(indicator, span.start)?;
        let call = Call {
            indicator,
            field,
            params,
            output,
        };
        let span = span.start..self.end();
        Ok(placed(Expression::Number(Number::Indicator(call)), span))
    }

    /// The column that is named first, if one is.
    fn field(&mut self, indicator: &Indicator) -> Parsed<Field> {
        if indicator.input == Input::Column
            && let Token::Name(name) = self.peek()
            && let Some(field) = Field::named(name)
        {
            self.at += 1;
            if self.peek() != Token::Sign(")") {
                self.expect(",")?;
            }
            return Ok(field);
        }
        Ok(Field::Close)
    }

    /// The parameters up to the closing bracket; what is left out has its default.
    fn params(&mut self, indicator: &Indicator, span: &Range<usize>) -> Parsed<Vec<f64>> {
        let mut params = Vec::new();
        while !self.take(")") {
            if !params.is_empty() && !self.take(",") {
                return Err(unexpected(&self.next(), "`,` or `)`"));
            }
            let Some(param) = indicator.params.get(params.len()) else {
                let next = self.next();
                return Err(too_many(indicator, next.span));
            };
            params.push(self.param(param)?);
        }
        for param in indicator.params.iter().skip(params.len()) {
            let Some(default) = param.default else {
                let message = format!("`{}` needs its {}", indicator.name, param.name);
                let error = RuleError::new(message, span.start..self.end());
                return Err(error.hint(format!("e.g. `{}(20)`", indicator.name)));
            };
            params.push(default);
        }
        Ok(params)
    }

    fn param(&mut self, param: &Param) -> Parsed<f64> {
        let next = self.next();
        let Token::Number(value) = next.token else {
            let what = format!("a number for {}", param.name);
            return Err(unexpected(&next, &what));
        };
        let (name, min, max) = (param.name, param.min, param.max);
        let message = if param.whole && value.fract() != 0.0 {
            format!("{name} counts bars: expected a whole number")
        } else if !(min..=max).contains(&value) {
            format!("{name} must be between {min} and {max}")
        } else {
            return Ok(value);
        };
        Err(RuleError::new(message, next.span))
    }

    /// The position of the output that is named after a dot.
    fn output(&mut self, indicator: &Indicator, start: usize) -> Parsed<usize> {
        let position = |name| indicator.outputs.iter().position(|output| *output == name);
        let mut named = indicator.outputs.to_vec();
        named.retain(|name| !name.is_empty());
        if !self.take(".") {
            let name = indicator.name;
            return position("").ok_or_else(|| {
                let error =
                    RuleError::new(format!("`{name}` has several outputs"), start..self.end());
                let first = named.first().copied().unwrap_or_default();
                error.hint(format!(
                    "name one: {}, e.g. `{name}(…).{first}`",
                    one_of(&named)
                ))
            });
        }
        let next = self.next();
        let Token::Name(name) = next.token else {
            return Err(unexpected(&next, "the name of an output"));
        };
        position(name).ok_or_else(|| {
            let message = format!("`{}` has no output `{name}`", indicator.name);
            let error = RuleError::new(message, next.span.clone());
            match (hint(name, named.iter().copied()), named.is_empty()) {
                (Some(near), _) => error.hint(near),
                (None, true) => error.hint("it has only one: leave the name out"),
                (None, false) => error.hint(format!("expected {}", one_of(&named))),
            }
        })
    }
}

fn too_many(indicator: &Indicator, span: Range<usize>) -> RuleError {
    let names: Vec<&str> = indicator.params.iter().map(|param| param.name).collect();
    let takes = match names.as_slice() {
        [] => "takes no parameters".to_owned(),
        names => format!("takes only {}", names.join(", ")),
    };
    RuleError::new(format!("`{}` {takes}", indicator.name), span)
}
