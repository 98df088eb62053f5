//! Alpha Vantage: bars as they were traded, for a key; 25 requests a day and one a second without
//! paying.

use secrecy::SecretString;

use super::{
    Ask, Class, Refusal, Series, Source,
    encode::component,
    http::{Base, Http, Patience, by_status},
    key::ApiKey,
    symbol,
};
use crate::{
    analysis::{Stamp, Timeframe},
    watch::Watch,
};

mod answer;
mod classify;
mod made;
mod parse;
mod table;

pub use parse::parse_alpha_vantage;

/// What it is called.
pub(super) const NAME: &str = "alpha_vantage";

/// The variable that holds the key.
pub(super) const KEY: &str = "ALPHA_VANTAGE_API_KEY";

/// How many bars a compact answer has.
const COMPACT: i64 = 100;

/// How much of the past is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// The last 100 bars.
    Compact,
    /// All there is; a paid plan.
    Full,
}

/// Alpha Vantage. Its key is in no message and not in `Debug`.
#[derive(Debug)]
pub struct AlphaVantage {
    http: Http,
    base: Base,
    /// The key, or why there is none.
    key: Result<ApiKey, String>,
}

impl AlphaVantage {
    /// Where it is unless told otherwise.
    pub(super) const HOME: &'static str = "https://www.alphavantage.co";

    /// `key` is what is set, or why nobody knows.
    pub(super) fn new(
        key: Result<Option<&SecretString>, String>,
        base: Base,
        patience: Patience,
    ) -> Self {
        let key = key.and_then(|key| match key {
            None => Err(format!("no key is set: {KEY}")),
            Some(text) => ApiKey::parse(text).map_err(|wrong| format!("{wrong}: {KEY}")),
        });
        Self {
            http: Http::new(patience, &base),
            base,
            key,
        }
    }

    /// The key, or a refusal before anything was asked.
    pub(super) fn key(&self) -> Result<&ApiKey, Refusal> {
        self.key.as_ref().map_err(|wrong| {
            Refusal::new(NAME, Class::Key, wrong.clone()).hint(format!(
                "put `{KEY}=…` into .env of the root, without quotes or spaces"
            ))
        })
    }

    /// What is asked of the server, as it stands in the table of calls.
    pub(super) fn endpoint(timeframe: Timeframe, extent: Extent) -> String {
        match (timeframe, extent) {
            (Timeframe::W1, _) => function(timeframe).to_owned(),
            (_, Extent::Compact) => format!("{} compact", function(timeframe)),
            (_, Extent::Full) => format!("{} full", function(timeframe)),
        }
    }

    /// How much of the past is needed.
    pub(super) fn extent(ask: &Ask<'_>) -> Extent {
        let since = match ask.newest {
            None => return Extent::Full,
            Some(Stamp::Day(date)) => date
                .to_zoned(jiff::tz::TimeZone::UTC)
                .map(|day| day.timestamp()),
            Some(Stamp::Instant(at)) => Ok(at),
        };
        let Ok(since) = since else {
            return Extent::Full;
        };
        let bar = ask
            .timeframe
            .within_a_session()
            .map_or(86_400, |bar| bar.as_secs());
        let bar = i64::try_from(bar).unwrap_or(86_400);
        let passed = ask.now.duration_since(since).as_secs();
        if passed < COMPACT * bar {
            Extent::Compact
        } else {
            Extent::Full
        }
    }

    /// One request.
    pub(super) fn once(
        &self,
        ask: &Ask<'_>,
        extent: Extent,
        watch: &Watch,
    ) -> Result<Series, Refusal> {
        symbol::check(ask.symbol).map_err(|what| Refusal::new(NAME, Class::Symbol, what))?;
        let key = self.key()?;
        let asked = self.http.get(NAME, &self.url(ask, extent, key), watch);
        let series = asked.and_then(|answer| match by_status(NAME, answer.status) {
            Some(refusal) => Err(refusal),
            None => parse_alpha_vantage(&answer.body, ask).map_err(|refusal| {
                let denied = matches!(answer.status, 401 | 403) && refusal.class == Class::Parse;
                let class = if denied { Class::Key } else { refusal.class };
                Refusal { class, ..refusal }
            }),
        });
        series.map_err(|refusal| clean(refusal, key))
    }

    fn url(&self, ask: &Ask<'_>, extent: Extent, key: &ApiKey) -> String {
        let mut url = format!(
            "{}/query?function={}&symbol={}&datatype=json",
            self.base.as_str(),
            function(ask.timeframe),
            component(ask.symbol)
        );
        if let Some(interval) = interval(ask.timeframe) {
            // As they were traded, and only from the open to the close.
            url = url + "&interval=" + interval + "&adjusted=false&extended_hours=false";
        }
        if ask.timeframe != Timeframe::W1 {
            url += match extent {
                Extent::Compact => "&outputsize=compact",
                Extent::Full => "&outputsize=full",
            };
        }
        url + "&apikey=" + &key.encoded()
    }
}

impl Source for AlphaVantage {
    fn name(&self) -> &str {
        NAME
    }

    fn fetch(&self, ask: &Ask<'_>, watch: &Watch) -> Result<Series, Refusal> {
        self.once(ask, Self::extent(ask), watch)
    }
}

/// A refusal without the key in its texts; servers echo it. A symbol or zone of a series is checked
/// against what was asked, so nothing of that kind is in one.
fn clean(refusal: Refusal, key: &ApiKey) -> Refusal {
    let hint = match (refusal.hint, refusal.class) {
        (None, Class::Key) => Some(format!("put a valid key into .env of the root: {KEY}")),
        (hint, _) => hint,
    };
    Refusal {
        what: key.scrub(&refusal.what),
        hint: hint.map(|hint| key.scrub(&hint)),
        ..refusal
    }
}

fn function(timeframe: Timeframe) -> &'static str {
    match timeframe {
        Timeframe::D1 => "TIME_SERIES_DAILY",
        Timeframe::W1 => "TIME_SERIES_WEEKLY",
        _ => "TIME_SERIES_INTRADAY",
    }
}

/// How Alpha Vantage calls a timeframe within a session.
fn interval(timeframe: Timeframe) -> Option<&'static str> {
    match timeframe {
        Timeframe::M1 => Some("1min"),
        Timeframe::M5 => Some("5min"),
        Timeframe::M15 => Some("15min"),
        Timeframe::M30 => Some("30min"),
        Timeframe::H1 => Some("60min"),
        Timeframe::D1 | Timeframe::W1 => None,
    }
}
