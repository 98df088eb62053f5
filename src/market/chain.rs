//! Sources in an order: where one refuses, the next one stands in.

use std::sync::Arc;

use super::{
    Ask, Calls, Class, Csv, Refusal, Series, Source, SourceHealth, Unwritten,
    cache::{Question, fresh_until},
    health,
    links::{Known, Link, Links, YAHOO},
    remote::{Remote, Server},
};
use crate::{analysis::Stamp, clock::Clock, schedule::Calendar, watch::Watch};

/// An ordered list of sources with a breaker each, an account of their requests, and a cache. Made by
/// [`super::Sources::chain`].
#[derive(Debug)]
pub struct Chain {
    pub(super) links: Links,
    pub(super) known: Arc<Known>,
    pub(super) calls: Arc<dyn Calls>,
    pub(super) clock: Clock,
    pub(super) calendar: Option<Arc<Calendar>>,
}

impl Chain {
    /// The names of its sources, in their order.
    pub fn names(&self) -> Vec<&str> {
        self.links.list.iter().map(Link::name).collect()
    }

    /// What is doubtful about the settings, for the report of a run.
    pub fn warnings(&self) -> &[String] {
        &self.links.warnings
    }

    /// How each source is, from the account of its requests.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn health(&self) -> Result<Vec<SourceHealth>, Unwritten> {
        let limits = |link: &Link| match link {
            Link::Csv(_) => None,
            Link::Remote(server) => Some(self.remote(server).limits),
        };
        let links = self.links.list.iter();
        links
            .map(|link| health::of(link, limits(link), &*self.calls, self.clock.now()))
            .collect()
    }

    /// How many requests of the day the first source has left; `None` if it has no such limit.
    ///
    /// # Errors
    /// When the account cannot be read.
    pub fn left(&self) -> Result<Option<u32>, Unwritten> {
        let first = self.health()?.into_iter().next();
        let left = first.and_then(|first| Some(first.per_day?.saturating_sub(first.tally.made)));
        Ok(left)
    }

    fn ask(&self, link: &Link, ask: &Ask<'_>, watch: &Watch) -> Result<Series, Refusal> {
        match link {
            Link::Csv(csv) => csv.fetch(ask, watch),
            Link::Remote(server) => self.remote(server).fetch(ask, watch),
        }
    }

    fn remote<'a>(&'a self, server: &'a Server) -> Remote<'a> {
        let (limits, breaker) = match server {
            Server::AlphaVantage(_) => (self.links.alpha_vantage, &self.known.alpha_vantage),
            Server::Yahoo(_) => (YAHOO, &self.known.yahoo),
        };
        Remote {
            server,
            limits,
            calls: &*self.calls,
            clock: &self.clock,
            breaker,
        }
    }

    fn through(&self, ask: &Ask<'_>, watch: &Watch) -> Result<Series, Refusal> {
        let mut refusals = Vec::new();
        for link in &self.links.list {
            match self.ask(link, ask, watch) {
                Ok(mut series) => {
                    series.degraded = self.degraded(link, &refusals, series.degraded);
                    return Ok(series);
                }
                Err(refusal) => refusals.push(refusal),
            }
            if let Some(reason) = watch.cancel.reason() {
                return Err(Refusal::new(
                    self.name(),
                    Class::Transport,
                    reason.to_string(),
                ));
            }
        }
        Err(together(refusals))
    }

    /// Why an answer is less than what was wanted.
    fn degraded(&self, link: &Link, refusals: &[Refusal], own: Option<String>) -> Option<String> {
        let refused = refusals.first().map(|first| {
            let (stand_in, name) = (link.name(), &first.source_name);
            format!("{stand_in} stands in for {name}: {}", first.what)
        });
        let all: Vec<String> = [self.links.forced.clone(), refused, own]
            .into_iter()
            .flatten()
            .collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// Keeps what came over the network for as long as there can be nothing newer.
    fn keep(&self, question: Question, ask: &Ask<'_>, series: &Series) {
        if series.source == Csv::NAME {
            return;
        }
        let calendar = self.calendar.as_deref();
        let complete = refused_nothing(series)
            && calendar.is_none_or(|calendar| is_newest(series, ask, calendar));
        let until = fresh_until(ask.now, calendar.filter(|_| complete));
        self.known.cache.put(question, ask, until, series);
    }
}

impl Source for Chain {
    fn name(&self) -> &str {
        match self.links.list.as_slice() {
            [only] => only.name(),
            _ => "chain",
        }
    }

    /// The bars of the first source that has them. [`Series::degraded`] says if it was not the one that
    /// was meant; [`Series::adjustment`] must be compared with that of bars that are there already.
    /// Waits between tries end when the work is cancelled, with [`Class::Transport`]; ask `watch` then.
    fn fetch(&self, ask: &Ask<'_>, watch: &Watch) -> Result<Series, Refusal> {
        let question = Question::new(&self.names().join(","), ask);
        if let Some(series) = self.known.cache.get(&question, ask) {
            return Ok(series);
        }
        if let [Link::Csv(csv)] = self.links.list.as_slice() {
            return csv.fetch(ask, watch);
        }
        let got = self.known.cache.alone(&question, watch, || {
            let series = self.through(ask, watch)?;
            self.keep(question.clone(), ask, &series);
            Ok(series)
        });
        got.unwrap_or_else(|cancelled| {
            Err(Refusal::new(
                self.name(),
                Class::Transport,
                cancelled.to_string(),
            ))
        })
    }
}

/// Whether it was the source that was meant.
fn refused_nothing(series: &Series) -> bool {
    series.degraded.is_none()
}

/// Whether the newest bar is of the last session that is over: some servers have it only hours later.
fn is_newest(series: &Series, ask: &Ask<'_>, calendar: &Calendar) -> bool {
    let week = jiff::Span::new().days(14);
    let from = calendar.date_of(ask.now).saturating_sub(week);
    let over = calendar
        .sessions_from(from)
        .take_while(|session| session.close <= ask.now)
        .last();
    match (over, series.bars.stamps().last()) {
        (Some(over), Some(Stamp::Day(day))) => *day >= over.date,
        (Some(over), Some(Stamp::Instant(at))) => *at >= over.close,
        (None, _) => true,
        (Some(_), None) => false,
    }
}

/// The refusals of all sources as one: what may pass counts most, as trying again may help.
fn together(mut refusals: Vec<Refusal>) -> Refusal {
    const ORDER: [Class; 10] = [
        Class::Transport,
        Class::Server,
        Class::Burst,
        Class::Quota,
        Class::Key,
        Class::Entitlement,
        Class::Parse,
        Class::OtherSymbol,
        Class::Symbol,
        Class::Empty,
    ];
    if refusals.len() == 1
        && let Some(only) = refusals.pop()
    {
        return only;
    }
    let mut classes = ORDER.into_iter();
    let there = |class: &Class| refusals.iter().any(|refusal| refusal.class == *class);
    let class = classes.find(there).unwrap_or(Class::Empty);
    let told: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    let what = if told.is_empty() {
        "there is no source".to_owned()
    } else {
        told.join("; ")
    };
    Refusal {
        source_name: "no source has bars".to_owned(),
        class,
        what,
        hint: refusals.into_iter().find_map(|refusal| refusal.hint),
    }
}
