//! From the bytes of an answer to a series or a refusal; pure.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};
use serde::Deserialize;

use super::{
    super::{
        Adjustment, Ask, Class, Finding, Flaw, Refusal, Series, Split,
        refuse::{no_json, said},
        rows::{self, left_out},
    },
    NAME, interval,
};
use crate::analysis::{Stamp, Timeframe};

#[derive(Deserialize)]
struct Answer {
    chart: Option<Chart>,
    /// Where some errors stand instead.
    finance: Option<Chart>,
}

#[derive(Deserialize)]
struct Chart {
    result: Option<Vec<One>>,
    error: Option<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    #[serde(default)]
    code: String,
    #[serde(default)]
    description: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    symbol: String,
    exchange_timezone_name: Option<String>,
    data_granularity: Option<String>,
}

#[derive(Deserialize)]
struct One {
    meta: Meta,
    timestamp: Option<Vec<i64>>,
    events: Option<Events>,
    indicators: Option<Indicators>,
}

#[derive(Deserialize)]
struct Events {
    #[serde(default)]
    splits: BTreeMap<String, Told>,
}

/// A split as it is told.
#[derive(Deserialize)]
struct Told {
    date: i64,
    numerator: f64,
    denominator: f64,
}

#[derive(Deserialize)]
struct Indicators {
    #[serde(default)]
    quote: Vec<Quote>,
}

type Column = Option<Vec<Option<f64>>>;

#[derive(Deserialize)]
struct Quote {
    open: Column,
    high: Column,
    low: Column,
    close: Column,
    volume: Column,
}

/// Reads an answer of Yahoo to `ask`. Prices are divided by later splits.
///
/// # Errors
/// [`Refusal`].
pub fn parse_yahoo(body: &[u8], ask: &Ask<'_>) -> Result<Series, Refusal> {
    let one = only(body, ask)?;
    let refuse = |class, what: String| Err(Refusal::new(NAME, class, what));
    if !one.meta.symbol.eq_ignore_ascii_case(ask.symbol) {
        let what = format!(
            "`{}` was asked for, `{}` came",
            ask.symbol,
            said(&one.meta.symbol)
        );
        return refuse(Class::OtherSymbol, what);
    }
    if let Some(came) = one.meta.data_granularity.as_deref()
        && came != interval(ask.timeframe)
    {
        let what = format!(
            "bars of {} were asked for, some of {} came",
            ask.timeframe,
            said(came)
        );
        return refuse(Class::Parse, what);
    }
    let zone = one.meta.exchange_timezone_name.as_deref().unwrap_or("UTC");
    let Ok(zone) = TimeZone::get(zone) else {
        return refuse(
            Class::Parse,
            format!("the zone `{}` is not known", said(zone)),
        );
    };
    let times = one.timestamp.unwrap_or_default();
    let quotes = one.indicators.map(|all| all.quote).unwrap_or_default();
    let quote = quotes.into_iter().next().filter(|_| !times.is_empty());
    let Some(quote) = quote else {
        return refuse(Class::Empty, format!("there is no bar of `{}`", ask.symbol));
    };
    let mut findings = Vec::new();
    let rows = rows(&times, quote, ask.timeframe, &zone, &mut findings)?;
    let bars = rows::bars(rows, &mut findings);
    if bars.is_empty() {
        let why = findings
            .first()
            .map(|first| first.what.clone())
            .unwrap_or_default();
        return refuse(Class::Parse, format!("none of its rows is a bar: {why}"));
    }
    let told = one.events.map(|events| events.splits).unwrap_or_default();
    Ok(Series {
        symbol: one.meta.symbol,
        timeframe: ask.timeframe,
        bars,
        findings,
        source: NAME.to_owned(),
        adjustment: Adjustment::Splits,
        splits: splits(told, &zone),
        zone: Some(zone),
        degraded: None,
    })
}

/// The one result of an answer.
fn only(body: &[u8], ask: &Ask<'_>) -> Result<One, Refusal> {
    let answer: Answer = match serde_json::from_slice(body) {
        Ok(answer) => answer,
        Err(_) if is_too_many(body) => {
            return Err(Refusal::new(NAME, Class::Burst, "too many requests"));
        }
        Err(error) => return Err(no_json(NAME, body, &error)),
    };
    let Some(chart) = answer.chart.or(answer.finance) else {
        return Err(Refusal::new(NAME, Class::Parse, "the answer has no chart"));
    };
    if let Some(fault) = chart.error {
        return Err(fault_of(&fault));
    }
    let first = chart.result.and_then(|all| all.into_iter().next());
    first.ok_or_else(|| {
        Refusal::new(
            NAME,
            Class::Empty,
            format!("there is no bar of `{}`", ask.symbol),
        )
    })
}

/// It is refused in plain text.
fn is_too_many(body: &[u8]) -> bool {
    let start = body.get(..body.len().min(200)).unwrap_or_default();
    String::from_utf8_lossy(start)
        .to_lowercase()
        .contains("too many requests")
}

fn fault_of(fault: &Fault) -> Refusal {
    let class = match fault.code.to_lowercase().as_str() {
        "not found" | "bad request" | "unprocessable entity" => Class::Symbol,
        "too many requests" | "unauthorized" | "forbidden" => Class::Burst,
        "internal server error" | "internal-error" | "service unavailable" => Class::Server,
        _ => Class::Parse,
    };
    let told = [fault.description.as_deref(), Some(&fault.code)];
    let mut told = told.into_iter().flatten().map(said);
    let what = told.find(|text| !text.is_empty());
    let silent = || "it refuses and does not say why".to_owned();
    Refusal::new(NAME, class, what.unwrap_or_else(silent))
}

fn rows(
    times: &[i64],
    quote: Quote,
    timeframe: Timeframe,
    zone: &TimeZone,
    findings: &mut Vec<Finding>,
) -> Result<Vec<rows::Row>, Refusal> {
    let columns = [quote.open, quote.high, quote.low, quote.close, quote.volume];
    let columns = columns.map(Option::unwrap_or_default);
    if columns.iter().any(|column| column.len() != times.len()) {
        let what = "its columns are not equally long";
        return Err(Refusal::new(NAME, Class::Parse, what));
    }
    let mut all = Vec::with_capacity(times.len());
    for (at, seconds) in times.iter().enumerate() {
        let value =
            |column: &Vec<Option<f64>>| column.get(at).copied().flatten().ok_or_else(String::new);
        match stamp(*seconds, timeframe, zone) {
            Ok(stamp) => all.push((stamp, columns.each_ref().map(value))),
            Err((flaw, what)) => findings.push(left_out(flaw, None, what)),
        }
    }
    Ok(all)
}

/// When a bar is from. They are named by their beginning; one within a session becomes known by its
/// end. The last one may be the price of a moment instead.
fn stamp(seconds: i64, timeframe: Timeframe, zone: &TimeZone) -> Result<Stamp, (Flaw, String)> {
    let malformed = || (Flaw::Malformed, format!("{seconds} is no time"));
    let begins = Timestamp::from_second(seconds).map_err(|_| malformed())?;
    let Some(length) = timeframe.within_a_session() else {
        return Ok(Stamp::Day(zone.to_datetime(begins).date()));
    };
    // Sessions begin at half hours.
    let step = i64::try_from(length.as_secs().min(1_800)).unwrap_or(1_800);
    if seconds.rem_euclid(step) != 0 {
        return Err((
            Flaw::Incomplete,
            format!("{begins} is the price of a moment, no whole bar"),
        ));
    }
    let ends = begins.checked_add(length).map_err(|_| malformed())?;
    Ok(Stamp::Instant(ends))
}

fn splits(told: BTreeMap<String, Told>, zone: &TimeZone) -> Vec<Split> {
    let mut splits: Vec<Split> = told
        .into_values()
        .filter_map(|told| {
            let ratio = told.numerator / told.denominator;
            let on = zone
                .to_datetime(Timestamp::from_second(told.date).ok()?)
                .date();
            (ratio.is_finite() && ratio > 0.0).then_some(Split { on, ratio })
        })
        .collect();
    splits.sort_by_key(|split| split.on);
    splits
}

#[cfg(test)]
mod tests;
