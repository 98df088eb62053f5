//! What both forms of an answer have in common: stamps, numbers, and the series that they make.

use jiff::{civil::DateTime, tz::TimeZone};

use super::{
    super::{
        Adjustment, Ask, Class, Finding, Flaw, Refusal, Series,
        refuse::said,
        rows::{self, Row, left_out},
    },
    NAME,
};
use crate::analysis::{Stamp, Timeframe};

/// The zone of stamps where an answer names none.
pub(super) const ZONE: &str = "America/New_York";

pub(super) fn series(
    symbol: &str,
    ask: &Ask<'_>,
    all: Vec<Row>,
    mut findings: Vec<Finding>,
    zone: TimeZone,
) -> Result<Series, Refusal> {
    let bars = rows::bars(all, &mut findings);
    if bars.is_empty() {
        let what = match findings.first() {
            Some(first) => format!("none of its rows is a bar: {}", first.what),
            None => "there is no bar in the answer".to_owned(),
        };
        let class = if findings.is_empty() {
            Class::Empty
        } else {
            Class::Parse
        };
        return Err(Refusal::new(NAME, class, what));
    }
    Ok(Series {
        symbol: symbol.to_owned(),
        timeframe: ask.timeframe,
        bars,
        findings,
        source: NAME.to_owned(),
        adjustment: Adjustment::AsTraded,
        splits: Vec::new(),
        zone: Some(zone),
        degraded: None,
    })
}

pub(super) fn no_stamp(text: &str) -> Finding {
    left_out(
        Flaw::Malformed,
        None,
        format!("`{}` is no time", said(text)),
    )
}

pub(super) fn zone(name: &str) -> Result<TimeZone, Refusal> {
    TimeZone::get(name).map_err(|_| {
        Refusal::new(
            NAME,
            Class::Parse,
            format!("the zone `{}` is not known", said(name)),
        )
    })
}

/// When a bar is from. Those within a session are named by their beginning, and become known by their
/// end.
pub(super) fn stamp(text: &str, timeframe: Timeframe, zone: &TimeZone) -> Option<Stamp> {
    let Some(length) = timeframe.within_a_session() else {
        return text.parse().ok().map(Stamp::Day);
    };
    let begins: DateTime = text.parse().ok()?;
    let begins = zone.to_timestamp(begins).ok()?;
    begins.checked_add(length).ok().map(Stamp::Instant)
}

pub(super) fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| said(text))
}
