//! What came of all symbols, as a report.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Map, Value, json};

use super::{error::Error, one::Done};
use crate::{
    analysis::Symbol,
    job::Report,
    market::{Class, Refusal},
    units::Percent,
};

/// More lines than this nobody reads.
const MOST_NOTES: usize = 50;
/// The timings of so many symbols are in the report, the slowest ones.
const MOST_TIMINGS: usize = 1_000;
/// How many failures are told in the error of a run.
const MOST_TOLD: usize = 5;

/// What came of all symbols, in their order.
pub(super) struct Tally {
    done: Vec<(Symbol, Done)>,
    failed: Vec<(Symbol, Refusal)>,
}

impl Tally {
    pub(super) fn of(all: Vec<(Symbol, Result<Done, Refusal>)>) -> Self {
        let (mut done, mut failed) = (Vec::new(), Vec::new());
        for (symbol, came) in all {
            match came {
                Ok(came) => done.push((symbol, came)),
                Err(refusal) => failed.push((symbol, refusal)),
            }
        }
        Self { done, failed }
    }

    /// The report, unless more than `most` of the symbols failed.
    pub(super) fn report(self, most: Percent) -> Result<Report, Error> {
        let (failed, of) = (self.failed.len(), self.done.len() + self.failed.len());
        if failed * 100 > usize::from(most.0) * of {
            return Err(self.too_many(most, of));
        }
        let sum = |count: fn(&Done) -> usize| -> usize {
            self.done.iter().map(|(_, done)| count(done)).sum()
        };
        let (signals, bars) = (sum(|done| done.signals), sum(|done| done.bars));
        let symbols = match (failed, of) {
            (0, 1) => "1 symbol".to_owned(),
            (0, of) => format!("{of} symbols"),
            (failed, of) => format!("{failed} of {of} symbols failed"),
        };
        let degraded: BTreeSet<&str> = self
            .done
            .iter()
            .filter_map(|(_, done)| done.degraded.as_deref())
            .collect();
        let degraded: Vec<&str> = degraded.into_iter().collect();
        let mut summary = format!(
            "{symbols}: {}, {}",
            new(signals, "signal"),
            new(bars, "bar")
        );
        if !degraded.is_empty() {
            summary = format!("{summary}; degraded: {}", degraded.join(", "));
        }
        let mut report = Report::new(summary)
            .fact("symbols", of)
            .fact("failed", failed)
            .fact("signals", signals)
            .fact("bars", bars)
            .fact("bars_replaced", sum(|done| done.removed))
            .fact("findings", sum(|done| done.findings))
            .fact("quarantined", sum(|done| done.quarantined))
            .fact("analysis_ms", spread(&self.done, |done| done.took))
            .fact("fetch_ms", spread(&self.done, |done| done.fetch))
            .fact("symbol_ms", self.timings())
            .fact("degraded", degraded);
        report.facts.insert("failures".to_owned(), self.failures());
        report.notes = self.notes();
        Ok(report)
    }

    fn too_many(self, most: Percent, of: usize) -> Error {
        let told = self.failed.iter().take(MOST_TOLD);
        let mut told: Vec<String> = told
            .map(|(symbol, why)| format!("{symbol}: {why}"))
            .collect();
        if self.failed.len() > told.len() {
            told.push(format!("and {} more", self.failed.len() - told.len()));
        }
        let passes =
            |class: Class| matches!(class, Class::Transport | Class::Server | Class::Burst);
        Error::TooMany {
            failed: self.failed.len(),
            of,
            most,
            told: told.join("; "),
            passes: self.failed.iter().all(|(_, why)| passes(why.class)),
            hint: self.failed.into_iter().find_map(|(_, why)| why.hint),
        }
    }

    fn failures(&self) -> Value {
        let failures = self.failed.iter().take(MOST_TIMINGS).map(|(symbol, why)| {
            json!({"symbol": symbol.as_str(), "class": why.class.as_str(), "what": why.to_string()})
        });
        failures.collect()
    }

    /// Milliseconds by symbol.
    fn timings(&self) -> Value {
        let mut slowest: Vec<&(Symbol, Done)> = self.done.iter().collect();
        slowest.sort_by_key(|(_, done)| std::cmp::Reverse(done.took));
        slowest.truncate(MOST_TIMINGS);
        let timings = slowest.into_iter();
        let timings: Map<String, Value> = timings
            .map(|(symbol, done)| (symbol.to_string(), ms(done.took).into()))
            .collect();
        timings.into()
    }

    fn notes(&self) -> Vec<String> {
        let failed = self.failed.iter().map(|(symbol, why)| match &why.hint {
            Some(hint) => format!("{symbol}: failed: {why}; {hint}"),
            None => format!("{symbol}: failed: {why}"),
        });
        let found = self.done.iter().flat_map(|(symbol, done)| {
            let notes = done.notes.iter();
            notes.map(move |note| format!("{symbol}: {note}"))
        });
        let mut all = failed.chain(found);
        let mut notes: Vec<String> = all.by_ref().take(MOST_NOTES).collect();
        match all.count() {
            0 => {}
            more => notes.push(format!("… and {more} more")),
        }
        notes
    }
}

/// `1 new signal`, `no new bars`
fn new(count: usize, what: &str) -> String {
    match count {
        0 => format!("no new {what}s"),
        1 => format!("1 new {what}"),
        count => format!("{count} new {what}s"),
    }
}

fn ms(took: Duration) -> f64 {
    // A tenth of a millisecond is as much as anybody compares.
    (took.as_secs_f64() * 1e4).round() / 10.0
}

/// The middle, the 95th of a hundred, and the greatest; none of nothing.
fn spread(done: &[(Symbol, Done)], of: fn(&Done) -> Duration) -> Value {
    let mut times: Vec<Duration> = done.iter().map(|(_, done)| of(done)).collect();
    times.sort_unstable();
    let at = |percent: usize| {
        let rank = (times.len() * percent).div_ceil(100).saturating_sub(1);
        times.get(rank).copied().map(ms)
    };
    json!({"p50": at(50), "p95": at(95), "max": at(100)})
}
