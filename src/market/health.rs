//! How the sources of a chain are, from the account of their requests.

use jiff::Timestamp;

use super::{Breaker, Calls, Limits, PastCall, State, Tally, Unwritten, links::Link, quota::DAY};

/// How a source is.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceHealth {
    /// Which.
    pub name: String,
    /// Whether there is a key, or what is wrong with it; `None` where none is needed.
    pub key: Option<Result<(), String>>,
    /// What its breaker does.
    pub breaker: State,
    /// How many requests a day it allows; `None` for no limit.
    pub per_day: Option<u32>,
    /// The requests of the last 24 hours.
    pub tally: Tally,
    /// The newest of them.
    pub last: Option<PastCall>,
}

/// Looks at one source; files have no requests.
pub(super) fn of(
    link: &Link,
    limits: Option<Limits>,
    calls: &dyn Calls,
    now: Timestamp,
) -> Result<SourceHealth, Unwritten> {
    let after = now.checked_sub(DAY).unwrap_or(Timestamp::MIN);
    let (past, key) = match link {
        Link::Csv(_) => (Vec::new(), None),
        Link::Remote(server) => (
            calls.since(link.name(), after)?,
            server.needs_key().then(|| server.mark()),
        ),
    };
    let mark = match &key {
        Some(Ok(mark)) => mark.as_str(),
        _ => "",
    };
    Ok(SourceHealth {
        name: link.name().to_owned(),
        breaker: Breaker::after(&past, mark).state_at(now),
        key: key.map(|key| key.map(|_| ()).map_err(|refusal| refusal.what)),
        per_day: limits.and_then(|limits| limits.per_day),
        tally: Tally::of(past.iter().map(|call| call.outcome.as_str())),
        last: past.into_iter().last(),
    })
}
