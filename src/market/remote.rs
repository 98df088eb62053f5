//! A source on the network, with all that keeps it from being asked too often: the account of requests,
//! its limits, its breaker, waits and retries.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use super::{
    AlphaVantage, Ask, Breaker, Call, Calls, Class, Limits, Outcome, Refusal, Series, Source,
    Yahoo,
    alpha_vantage::Extent,
    quota::{DAY, Room},
    symbol,
    wait::wait,
};
use crate::{clock::Clock, watch::Watch};

/// Waits before another try after a failure of connection or server.
const AFTER_FAILURE: [Duration; 2] = [Duration::from_millis(250), Duration::from_millis(500)];

/// Waits before another try after too many requests at once.
const AFTER_BURST: [Duration; 2] = [Duration::from_millis(1_200), Duration::from_secs(3)];

/// How long it is remembered that something needs a paid plan.
const PLAN: SignedDuration = SignedDuration::from_hours(24 * 7);

/// The server that is asked.
#[derive(Debug)]
pub(super) enum Server {
    AlphaVantage(AlphaVantage),
    Yahoo(Yahoo),
}

impl Server {
    fn name(&self) -> &str {
        match self {
            Self::AlphaVantage(server) => server.name(),
            Self::Yahoo(server) => server.name(),
        }
    }

    pub(super) fn needs_key(&self) -> bool {
        matches!(self, Self::AlphaVantage(_))
    }

    /// Which key is in use; empty where none is needed. A refusal if it is missing or no key.
    pub(super) fn mark(&self) -> Result<String, Refusal> {
        match self {
            Self::AlphaVantage(server) => server.key().map(super::key::ApiKey::mark),
            Self::Yahoo(_) => Ok(String::new()),
        }
    }

    /// What may be asked: what is meant first, then with what one can make do.
    fn requests(&self, ask: &Ask<'_>) -> Vec<(String, Extent)> {
        match self {
            Self::AlphaVantage(_) => {
                let extents = match AlphaVantage::extent(ask) {
                    Extent::Compact => &[Extent::Compact][..],
                    Extent::Full => &[Extent::Full, Extent::Compact],
                };
                let endpoint = |extent| AlphaVantage::endpoint(ask.timeframe, extent);
                let mut all: Vec<_> = extents
                    .iter()
                    .map(|extent| (endpoint(*extent), *extent))
                    .collect();
                all.dedup_by(|a, b| a.0 == b.0);
                all
            }
            Self::Yahoo(_) => vec![(Yahoo::endpoint(ask.timeframe), Extent::Full)],
        }
    }

    fn send(&self, ask: &Ask<'_>, extent: Extent, watch: &Watch) -> Result<Series, Refusal> {
        match self {
            Self::AlphaVantage(server) => server.once(ask, extent, watch),
            Self::Yahoo(server) => server.fetch(ask, watch),
        }
    }
}

/// A server and what is known of it.
#[derive(Debug)]
pub(super) struct Remote<'a> {
    pub(super) server: &'a Server,
    pub(super) limits: Limits,
    pub(super) calls: &'a dyn Calls,
    pub(super) clock: &'a Clock,
    pub(super) breaker: &'a Mutex<Option<(String, Breaker)>>,
}

impl Remote<'_> {
    /// The bars of a symbol, with as few requests as will do.
    pub(super) fn fetch(&self, ask: &Ask<'_>, watch: &Watch) -> Result<Series, Refusal> {
        let name = self.server.name();
        symbol::check(ask.symbol).map_err(|what| Refusal::new(name, Class::Symbol, what))?;
        let mark = self.server.mark()?;
        let week = self.past(PLAN)?;
        self.know(&week, &mark);
        let day = self.clock.now().checked_sub(DAY).unwrap_or(Timestamp::MIN);
        let unknown = |call: &&super::PastCall| {
            call.at > day
                && call.symbol.as_deref() == Some(ask.symbol)
                && Outcome::read(&call.outcome).0 == Outcome::Refused(Class::Symbol)
        };
        if week.iter().any(|call| unknown(&call)) {
            let what = format!(
                "it said within the last day that it does not know `{}`",
                ask.symbol
            );
            return Err(Refusal::new(name, Class::Symbol, what));
        }
        let denied = |endpoint: &str| {
            let mut said = week.iter().rev().filter(|call| call.endpoint == endpoint);
            said.find_map(|call| match Outcome::read(&call.outcome).0 {
                Outcome::Refused(Class::Entitlement) => Some(true),
                Outcome::Ok => Some(false),
                _ => None,
            })
            .unwrap_or(false)
        };
        let mut last = Refusal::new(
            name,
            Class::Entitlement,
            "what was asked for needs a paid plan",
        );
        for (endpoint, extent) in self.server.requests(ask) {
            if denied(&endpoint) {
                continue;
            }
            match self.tries(ask, &endpoint, extent, &mark, watch) {
                Err(refusal) if refusal.class == Class::Entitlement => last = refusal,
                other => return other,
            }
        }
        Err(last)
    }

    /// One question, again after failures that may pass.
    fn tries(
        &self,
        ask: &Ask<'_>,
        endpoint: &str,
        extent: Extent,
        mark: &str,
        watch: &Watch,
    ) -> Result<Series, Refusal> {
        let (mut failures, mut bursts) = (AFTER_FAILURE.iter(), AFTER_BURST.iter());
        loop {
            let got = self.once(ask, endpoint, extent, mark, watch);
            let pause = match &got {
                Err((refusal, true)) => match refusal.class {
                    Class::Transport | Class::Server => failures.next(),
                    Class::Burst => bursts.next(),
                    _ => None,
                },
                _ => None,
            };
            let again = pause.filter(|_| watch.cancel.reason().is_none());
            match again {
                Some(pause) => self.wait(*pause, watch)?,
                None => return got.map_err(|(refusal, _)| refusal),
            }
        }
    }

    /// One request, written down before it goes out; with a refusal, whether the server was asked.
    fn once(
        &self,
        ask: &Ask<'_>,
        endpoint: &str,
        extent: Extent,
        mark: &str,
        watch: &Watch,
    ) -> Result<Series, (Refusal, bool)> {
        let not_asked = |refusal| (refusal, false);
        self.admit().map_err(not_asked)?;
        let number = match self.begin(ask, endpoint, watch) {
            Ok(number) => number,
            Err(refusal) => {
                self.learn(Outcome::Cancelled);
                return Err(not_asked(refusal));
            }
        };
        let start = self.clock.monotonic();
        let got = self.server.send(ask, extent, watch);
        let took = self.clock.monotonic().saturating_sub(start);
        let outcome = match &got {
            Ok(_) => Outcome::Ok,
            Err(_) if watch.cancel.reason().is_some() => Outcome::Cancelled,
            Err(refusal) => Outcome::Refused(refusal.class),
        };
        self.learn(outcome);
        // A call without its end counts as used all the same; what came is worth more than the note.
        if let Err(error) = self.calls.end(number, &outcome.text(mark), took) {
            tracing::warn!(
                "{}: the end of a request is not written down: {error}",
                self.server.name()
            );
        }
        got.map_err(|refusal| (refusal, true))
    }

    /// Writes a request down, after as long a wait as keeps requests apart.
    fn begin(&self, ask: &Ask<'_>, endpoint: &str, watch: &Watch) -> Result<i64, Refusal> {
        loop {
            let now = self.clock.now();
            let call = Call {
                at: now,
                source: self.server.name(),
                endpoint,
                symbol: ask.symbol,
            };
            let mut room = Room::Now;
            let begun = self.calls.begin(&call, self.limits.look(), &mut |newest| {
                room = self.limits.room(newest, now);
                room == Room::Now
            });
            match (begun.map_err(|error| self.unwritten(&*error))?, room) {
                (Some(number), _) => return Ok(number),
                (None, Room::At(free)) => {
                    let left = free.duration_since(now).max(SignedDuration::from_millis(1));
                    self.wait(left.unsigned_abs(), watch)?;
                }
                (None, Room::UsedUp(free)) => return Err(self.used_up(free)),
                (None, Room::Now) => {
                    return Err(self.unwritten(&std::io::Error::other("it was not taken")));
                }
            }
        }
    }

    fn used_up(&self, free: Timestamp) -> Refusal {
        let per_day = self.limits.per_day.unwrap_or_default();
        let what = format!("the {per_day} requests of a day are used up");
        Refusal::new(self.server.name(), Class::Quota, what)
            .hint(format!("one is free at {free:.0}"))
    }

    /// Without the account nobody knows how many requests are left, so none goes out.
    fn unwritten(&self, error: &dyn std::error::Error) -> Refusal {
        let what = format!(
            "nothing was asked, as no request can be written down: {}",
            chain(error)
        );
        Refusal::new(self.server.name(), Class::Quota, what)
    }

    fn wait(&self, span: Duration, watch: &Watch) -> Result<(), Refusal> {
        wait(self.clock, span, watch).map_err(|cancelled| {
            Refusal::new(self.server.name(), Class::Transport, cancelled.to_string())
        })
    }

    fn past(&self, span: SignedDuration) -> Result<Vec<super::PastCall>, Refusal> {
        let after = self.clock.now().checked_sub(span).unwrap_or(Timestamp::MIN);
        let read = self.calls.since(self.server.name(), after);
        read.map_err(|error| self.unwritten(&*error))
    }

    /// The breaker follows from the account when the process is new, or the key is.
    fn know(&self, week: &[super::PastCall], mark: &str) {
        let mut breaker = self.breaker();
        if breaker.as_ref().is_none_or(|(of, _)| of != mark) {
            *breaker = Some((mark.to_owned(), Breaker::after(week, mark)));
        }
    }

    fn admit(&self) -> Result<(), Refusal> {
        let admitted = match self.breaker().as_mut() {
            Some((_, breaker)) => breaker.admit(self.clock.now()),
            None => Ok(()),
        };
        admitted.map_err(|shut| {
            let until = match shut.until {
                Some(until) => format!("not asked until {until:.0}, because of: {}", shut.class),
                None => "not asked any more: it refuses the key".to_owned(),
            };
            let refusal = Refusal::new(self.server.name(), shut.class, until);
            match shut.class {
                Class::Key => refusal.hint("put another key into .env of the root"),
                _ => refusal,
            }
        })
    }

    fn learn(&self, outcome: Outcome) {
        if let Some((_, breaker)) = self.breaker().as_mut() {
            breaker.learn(self.clock.now(), outcome);
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Option<(String, Breaker)>> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
