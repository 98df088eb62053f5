//! One symbol: bars, findings, indicators, rules, one transaction.

use std::time::Duration;

use jiff::Timestamp;

use super::{error::Error, rows::rows, signals};
use crate::{
    analysis::{Bars, Strategy, Symbol, Timeframe},
    job::Cx,
    market::{
        self, Adjustment, Ask, Context, Flaw, Found, Inspected, Refusal, Series, Severity, Source,
        Stored,
    },
    schedule::Calendar,
    store::{self, Looked, NewFinding, Reader, Recording, StoredBars, Writer},
};

/// What all symbols of a run share.
pub(super) struct Desk<'a> {
    pub(super) cx: &'a Cx,
    pub(super) source: &'a dyn Source,
    pub(super) rules: Vec<&'a Strategy>,
    pub(super) calendar: &'a Calendar,
    pub(super) grace: Duration,
    pub(super) within: Option<Duration>,
    pub(super) writer: &'a Writer,
}

/// What came of a symbol.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) bars: usize,
    pub(super) removed: usize,
    pub(super) signals: usize,
    pub(super) findings: usize,
    pub(super) quarantined: usize,
    pub(super) notes: Vec<String>,
    pub(super) degraded: Option<String>,
    pub(super) fetch: Duration,
    pub(super) took: Duration,
}

/// Why a symbol failed.
#[derive(Debug)]
pub(super) enum Failed {
    /// Nothing came, or nothing that can be used.
    Refused(Refusal),
    /// The whole run ends.
    Ends(Error),
}

impl<E: Into<Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Ends(error.into())
    }
}

/// Bars of one timeframe, on their way into the store.
struct Part<'a> {
    series: Series,
    inspected: Inspected,
    /// What is new or has changed.
    fresh: Bars,
    replace: bool,
    signals: Vec<store::NewSignal<'a>>,
    at: Timestamp,
}

impl<'a> Desk<'a> {
    /// Works on a symbol. Its bars, findings and signals are written together or not at all.
    pub(super) fn analyse(&self, symbol: &Symbol, reader: &Reader) -> Result<Done, Failed> {
        let clock = &self.cx.env.clock;
        let begin = clock.monotonic();
        let mut done = Done::default();
        let mut parts = Vec::new();
        for timeframe in Timeframe::ALL {
            if self.rules.iter().any(|rule| rule.timeframe == timeframe) {
                parts.push(self.part(symbol, timeframe, reader, &mut done)?);
            }
        }
        let recordings: Vec<Recording<'_>> = parts.iter().map(recording).collect();
        self.cx.checkpoint()?;
        let recorded = store::record(self.writer, &recordings)?;
        done.bars = recorded.bars;
        done.removed = recorded.removed;
        done.signals = recorded.signals;
        done.took = clock.monotonic().saturating_sub(begin);
        Ok(done)
    }

    fn part(
        &self,
        symbol: &Symbol,
        timeframe: Timeframe,
        reader: &Reader,
        done: &mut Done,
    ) -> Result<Part<'a>, Failed> {
        let clock = &self.cx.env.clock;
        let stored = store::stored_bars(reader, symbol.as_str(), timeframe)?;
        let begin = clock.monotonic();
        let ask = Ask {
            symbol: symbol.as_str(),
            timeframe,
            newest: stored.bars.stamps().last().copied(),
            now: clock.now(),
        };
        let series = self.source.fetch(&ask, &self.cx.watch);
        done.fetch += clock.monotonic().saturating_sub(begin);
        let series = series.map_err(Failed::Refused)?;
        let inspected = self.inspected(&series, &stored);
        note(&series, &inspected, done);
        let (bars, fresh, replace) = joined(&stored.bars, &inspected.bars, inspected.fits);
        if bars.is_empty() {
            return Err(Failed::Refused(none_left(&series, &inspected)));
        }
        if !inspected.fits {
            done.notes.push(if replace {
                "the stored bars were adjusted otherwise and are replaced".to_owned()
            } else {
                "the stored bars are adjusted otherwise and reach further: they stay, and these are \
                 judged alone"
                    .to_owned()
            });
        }
        let (within, until) = (self.within, self.until());
        let signals = signals::found(&self.rules, &bars, timeframe, self.calendar, within, until);
        Ok(Part {
            series,
            inspected,
            fresh,
            replace,
            signals,
            at: ask.now,
        })
    }

    /// What closed later is not closed yet.
    fn until(&self) -> Timestamp {
        let now = self.cx.env.clock.now();
        now.checked_sub(self.grace).unwrap_or(now)
    }

    /// Bars that are wrong or not closed are taken out.
    fn inspected(&self, series: &Series, stored: &StoredBars) -> Inspected {
        let known = adjustment(&stored.adjustment).filter(|_| !stored.bars.is_empty());
        let context = Context {
            calendar: Some(self.calendar),
            now: self.until(),
            stored: known.map(|adjustment| Stored {
                bars: &stored.bars,
                adjustment,
            }),
        };
        let mut inspected = market::inspect(series, &context);
        inspected.bars = rows(&inspected.bars).filter_map(store::exact).collect();
        if !stored.bars.is_empty() && known.is_none() {
            // Nobody knows how they were adjusted.
            inspected.fits = false;
        }
        inspected
    }
}

fn recording<'a>(part: &'a Part<'_>) -> Recording<'a> {
    let series = &part.series;
    Recording {
        symbol: &series.symbol,
        timeframe: series.timeframe,
        source: &series.source,
        adjustment: series.adjustment.as_str(),
        fetched_at: part.at,
        bars: &part.fresh,
        replace: part.replace,
        findings: (
            Looked {
                symbol: &series.symbol,
                timeframe: series.timeframe,
                since: series.bars.stamps().iter().min().copied(),
                source: &series.source,
                at: part.at,
            },
            part.inspected.found.iter().map(finding).collect(),
        ),
        signals: &part.signals,
    }
}

fn finding(found: &Found) -> NewFinding<'_> {
    NewFinding {
        flaw: found.finding.flaw.as_str(),
        severity: found.finding.severity.as_str(),
        stamp: found.finding.stamp,
        line: found.finding.line,
        what: &found.finding.what,
        bar: found.bar,
    }
}

/// Counts what is wrong, and notes what a person should know.
fn note(series: &Series, inspected: &Inspected, done: &mut Done) {
    done.findings += inspected.found.len();
    done.quarantined += inspected.quarantined();
    if done.degraded.is_none() {
        done.degraded.clone_from(&series.degraded);
    }
    let told = |found: &&Found| {
        // Said once for all symbols of a sample.
        found.finding.severity != Severity::Note && found.finding.flaw != Flaw::Stale
    };
    let findings = inspected.found.iter().filter(told);
    done.notes.extend(findings.map(|found| {
        let finding = &found.finding;
        format!("{}: {}", finding.flaw, finding.what)
    }));
}

fn none_left(series: &Series, inspected: &Inspected) -> Refusal {
    let first = inspected.found.first();
    let why = first.map_or_else(String::new, |found| format!(": {}", found.finding.what));
    Refusal {
        source_name: series.source.clone(),
        class: market::Class::Empty,
        what: format!("no bar can be used{why}"),
        hint: None,
    }
}

/// How stored bars are adjusted; `none` is what the sample says.
fn adjustment(text: &str) -> Option<Adjustment> {
    let all = [
        Adjustment::AsTraded,
        Adjustment::Splits,
        Adjustment::SplitsAndDividends,
    ];
    let found = all.into_iter().find(|known| known.as_str() == text);
    found.or_else(|| (text == "none").then_some(Adjustment::AsTraded))
}

/// The bars to judge, those to write, and whether the stored ones go first. Bars that are adjusted in
/// different ways are never put together: the new ones take the place of the stored ones if these
/// reach no further back, and are judged without being stored otherwise.
fn joined(stored: &Bars, new: &Bars, fits: bool) -> (Bars, Bars, bool) {
    if fits {
        let (all, fresh) = merged(stored, new);
        return (all, fresh, false);
    }
    let reach = |bars: &Bars| bars.stamps().first().copied();
    let covers = reach(new).is_some() && reach(new) <= reach(stored);
    let fresh = if covers { new.clone() } else { Bars::default() };
    (new.clone(), fresh, covers)
}

/// Both in order, the new one where both have a bar; and those that are new or have changed.
fn merged(stored: &Bars, new: &Bars) -> (Bars, Bars) {
    let (mut all, mut fresh) = (Bars::default(), Bars::default());
    let (mut old, mut new) = (rows(stored).peekable(), rows(new).peekable());
    loop {
        let bar = match (old.peek().copied(), new.peek().copied()) {
            (None, None) => return (all, fresh),
            (Some(a), Some(b)) if a.stamp < b.stamp => old.next(),
            (Some(_), None) => old.next(),
            (a, Some(b)) => {
                let same = a.filter(|a| a.stamp == b.stamp);
                if same.is_some() {
                    old.next();
                }
                if same != Some(b) {
                    fresh.extend([b]);
                }
                new.next()
            }
        };
        all.extend(bar);
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::analysis::{Bar, Stamp};

    fn bars(closes: &[(i8, f64)]) -> Bars {
        let bar = |(day, close): &(i8, f64)| Bar {
            stamp: Stamp::Day(date(2026, 1, *day)),
            open: *close,
            high: *close,
            low: *close,
            close: *close,
            volume: 1.0,
        };
        closes.iter().map(bar).collect()
    }

    #[test]
    fn short_pulls_grow_into_a_history_and_only_changes_are_written() {
        let old = bars(&[(1, 1.0), (2, 2.0), (4, 4.0)]);
        let (all, fresh, replace) = joined(&old, &bars(&[(2, 2.0), (3, 3.0), (4, 4.5)]), true);
        assert_eq!(all, bars(&[(1, 1.0), (2, 2.0), (3, 3.0), (4, 4.5)]));
        assert_eq!((fresh, replace), (bars(&[(3, 3.0), (4, 4.5)]), false));
    }

    #[test]
    fn bars_that_are_adjusted_otherwise_are_never_put_together() {
        let new = bars(&[(1, 0.5), (2, 1.0)]);
        let (all, fresh, replace) = joined(&bars(&[(1, 1.0), (2, 2.0)]), &new, false);
        assert_eq!((&all, &fresh, replace), (&new, &new, true));
        let short = bars(&[(2, 1.0)]);
        let (all, fresh, replace) = joined(&bars(&[(1, 1.0), (2, 2.0)]), &short, false);
        assert_eq!((all, fresh.is_empty(), replace), (short, true, false));
    }
}
