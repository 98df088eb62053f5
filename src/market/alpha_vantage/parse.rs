//! From the bytes of an answer to a series or a refusal; pure.

use super::{
    super::{
        Ask, Class, Refusal, Series,
        refuse::{no_json, said},
    },
    NAME,
    answer::{Answer, Texts, named},
    classify::classify,
    made::{self, ZONE, no_stamp, number, series, stamp},
};
use crate::analysis::Field;

/// Reads an answer of Alpha Vantage to `ask`: JSON, or CSV where its first byte says so.
///
/// # Errors
/// [`Refusal`], whose text may still hold whatever the server wrote into it.
pub fn parse_alpha_vantage(body: &[u8], ask: &Ask<'_>) -> Result<Series, Refusal> {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    if first.is_some_and(u8::is_ascii_alphabetic) {
        return super::table::parse(body, ask);
    }
    let answer: Answer =
        serde_json::from_slice(body).map_err(|error| no_json(NAME, body, &error))?;
    let Some(given) = answer.rows else {
        return Err(message(&answer, ask));
    };
    let symbol = named(&answer.meta, "Symbol").unwrap_or(ask.symbol);
    same_symbol(symbol, ask)?;
    same_interval(&answer.meta, ask)?;
    let zone = made::zone(named(&answer.meta, "Time Zone").unwrap_or(ZONE))?;
    let (mut all, mut findings) = (Vec::with_capacity(given.len()), Vec::new());
    for (text, values) in &given {
        match stamp(text, ask.timeframe, &zone) {
            Some(stamp) => all.push((stamp, numbers(values))),
            None => findings.push(no_stamp(text)),
        }
    }
    series(symbol, ask, all, findings, zone)
}

/// Why an answer has no data.
fn message(answer: &Answer, ask: &Ask<'_>) -> Refusal {
    let refuse = |class, what: String| Refusal::new(NAME, class, what);
    if let Some(text) = &answer.message {
        let class = classify(text).unwrap_or(Class::Parse);
        return refuse(class, said(text));
    }
    match answer.empty_quote {
        Some(true) => refuse(Class::Symbol, format!("`{}` is not known", ask.symbol)),
        Some(false) => refuse(Class::Parse, "a quote came instead of bars".to_owned()),
        None if answer.others.is_empty() => {
            refuse(Class::Empty, "there is nothing in the answer".to_owned())
        }
        None => refuse(
            Class::Parse,
            format!(
                "the answer has no bars, but `{}`",
                said(&answer.others.join("`, `"))
            ),
        ),
    }
}

fn same_symbol(symbol: &str, ask: &Ask<'_>) -> Result<(), Refusal> {
    if symbol.eq_ignore_ascii_case(ask.symbol) {
        return Ok(());
    }
    let what = format!("`{}` was asked for, `{}` came", ask.symbol, said(symbol));
    Err(Refusal::new(NAME, Class::OtherSymbol, what))
}

/// An answer about another interval is not what was asked for.
fn same_interval(meta: &Texts, ask: &Ask<'_>) -> Result<(), Refusal> {
    match (named(meta, "Interval"), super::interval(ask.timeframe)) {
        (Some(came), Some(asked)) if came != asked => {
            let what = format!(
                "bars of {asked} were asked for, some of {} came",
                said(came)
            );
            Err(Refusal::new(NAME, Class::Parse, what))
        }
        _ => Ok(()),
    }
}

fn numbers(values: &Texts) -> [Result<f64, String>; 5] {
    Field::ALL.map(|field| number(named(values, field.name()).unwrap_or_default()))
}

#[cfg(test)]
mod tests;
