//! Yahoo's charts: the backup that needs no key and promises nothing. Prices are divided by later
//! splits.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{
    Ask, Class, Refusal, Series, Source,
    encode::component,
    http::{Base, Http, Patience, by_status},
    symbol,
};
use crate::{
    analysis::{Stamp, Timeframe},
    watch::Watch,
};

mod parse;

pub use parse::parse_yahoo;

/// What it is called.
pub(super) const NAME: &str = "yahoo";

/// So many days before the newest known bar are asked for again: they tell of a split meanwhile.
const OVERLAP: i64 = 14;

/// Yahoo.
#[derive(Debug)]
pub struct Yahoo {
    http: Http,
    base: Base,
}

impl Yahoo {
    /// Where it is unless told otherwise.
    pub(super) const HOME: &'static str = "https://query1.finance.yahoo.com";

    pub(super) fn new(base: Base, patience: Patience) -> Self {
        Self {
            http: Http::new(patience, &base),
            base,
        }
    }

    /// What is asked of the server, as it stands in the table of calls.
    pub(super) fn endpoint(timeframe: Timeframe) -> String {
        format!("chart {}", interval(timeframe))
    }

    fn url(&self, ask: &Ask<'_>) -> String {
        format!(
            "{}/v8/finance/chart/{}?interval={}&period1={}&period2={}&events=split&includePrePost=false",
            self.base.as_str(),
            component(ask.symbol),
            interval(ask.timeframe),
            since(ask).as_second(),
            ask.now.as_second() + 86_400
        )
    }
}

impl Source for Yahoo {
    fn name(&self) -> &str {
        NAME
    }

    fn fetch(&self, ask: &Ask<'_>, watch: &Watch) -> Result<Series, Refusal> {
        symbol::check(ask.symbol).map_err(|what| Refusal::new(NAME, Class::Symbol, what))?;
        let answer = self.http.get(NAME, &self.url(ask), watch)?;
        if let Some(refusal) = by_status(NAME, answer.status) {
            return Err(refusal);
        }
        let read = parse_yahoo(&answer.body, ask);
        match (answer.status, read) {
            (401 | 403 | 999, Err(_)) => {
                let what = format!("it does not want to answer (HTTP {})", answer.status);
                Err(Refusal::new(NAME, Class::Burst, what))
            }
            (_, read) => read,
        }
    }
}

/// From when on bars are asked for: Yahoo keeps short ones only for some days.
fn since(ask: &Ask<'_>) -> Timestamp {
    let known = match ask.newest {
        Some(Stamp::Day(date)) => date.to_zoned(TimeZone::UTC).ok().map(|day| day.timestamp()),
        Some(Stamp::Instant(at)) => Some(at),
        None => None,
    };
    let before = |at: Timestamp, days: i64| {
        at.checked_sub(SignedDuration::from_hours(24 * days))
            .unwrap_or(Timestamp::UNIX_EPOCH)
    };
    let wanted = known.map_or(Timestamp::UNIX_EPOCH, |known| before(known, OVERLAP));
    let kept = match ask.timeframe {
        Timeframe::M1 => 7,
        Timeframe::M5 | Timeframe::M15 | Timeframe::M30 => 59,
        Timeframe::H1 => 729,
        Timeframe::D1 | Timeframe::W1 => return wanted.max(Timestamp::UNIX_EPOCH),
    };
    wanted.max(before(ask.now, kept))
}

/// How Yahoo calls a timeframe.
fn interval(timeframe: Timeframe) -> &'static str {
    match timeframe {
        Timeframe::M1 => "1m",
        Timeframe::M5 => "5m",
        Timeframe::M15 => "15m",
        Timeframe::M30 => "30m",
        Timeframe::H1 => "1h",
        Timeframe::D1 => "1d",
        Timeframe::W1 => "1wk",
    }
}
