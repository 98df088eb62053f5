//! All symbols of a run, some at once.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use super::{
    Analysis,
    chosen::{self, words},
    error::Error,
    one::{Desk, Done, Failed},
    tally::Tally,
};
use crate::{
    analysis::Symbol,
    job::{Cx, JobError, Plan, Report},
    market::{Choice, Refusal},
    store,
    watch::Unit,
};

/// What a run would do.
pub(super) fn plan(job: &Analysis, cx: &Cx) -> Plan {
    let rules = job.strategies.of(&cx.env.rules.strategies);
    let symbols = job.symbols.of(&cx.env);
    let mut plan = Plan::default();
    if rules.is_empty() {
        plan.step("skip", "analysis", "there are no strategies");
        return plan;
    }
    if symbols.is_empty() {
        plan.step("skip", "analysis", "there are no symbols");
        return plan;
    }
    let source = source_words(job);
    let what = words(&rules);
    for symbol in symbols {
        let reason = format!("bars from {source}, then {what}");
        plan.step("analyse", symbol, reason);
    }
    plan
}

/// What the job's sources are called, for plans.
fn source_words(job: &Analysis) -> String {
    let names = serde_json::to_value(&job.source).unwrap_or_default();
    match names {
        serde_json::Value::String(name) => name,
        many => many.to_string().replace('"', "").replace(',', ", "),
    }
}

/// Works on all symbols.
pub(super) fn run(job: &Analysis, cx: &Cx) -> Result<Report, JobError> {
    let symbols = job.symbols.of(&cx.env);
    let rules = job.strategies.of(&cx.env.rules.strategies);
    if symbols.is_empty() || rules.is_empty() {
        let what = if rules.is_empty() {
            "strategies"
        } else {
            "symbols"
        };
        return Ok(Report::new(format!(
            "nothing to analyse: there are no {what}"
        )));
    }
    let calendar = chosen::calendar(cx).ok_or(Error::Zone)?;
    let prices = job
        .prices
        .as_ref()
        .map(|folder| cx.env.settings.path(folder));
    let choice = Choice {
        names: job.source.names(),
        prices: prices.as_deref(),
        calendar: Some(Arc::clone(&calendar)),
    };
    let source = cx.env.chain(&choice).map_err(Error::from)?;
    let store = cx.env.store();
    let writer = store.writer().map_err(Error::from)?;
    let desk = Desk {
        cx,
        source: &source,
        rules,
        calendar: &calendar,
        grace: job.grace.duration(),
        within: job.signals_within.map(crate::units::Span::duration),
        writer: &writer,
    };
    let progress = &cx.watch.progress;
    progress.count_in(Unit::Symbols);
    progress.expect(u64::try_from(symbols.len()).unwrap_or(u64::MAX));
    let tally = all(job, &desk, &symbols, &store)?;
    Ok(tally.report(job.max_failed)?)
}

/// The symbols that are still to be taken, and what came of the others.
struct Table<'a> {
    symbols: &'a [Symbol],
    next: AtomicUsize,
    over: AtomicBool,
    done: Mutex<Vec<(usize, Result<Done, Refusal>)>>,
    ended: Mutex<Option<Error>>,
}

fn all(
    job: &Analysis,
    desk: &Desk<'_>,
    symbols: &[Symbol],
    store: &store::Store,
) -> Result<Tally, Error> {
    let table = Table {
        symbols,
        next: AtomicUsize::new(0),
        over: AtomicBool::new(false),
        done: Mutex::new(Vec::new()),
        ended: Mutex::new(None),
    };
    let workers = usize::try_from(job.workers).unwrap_or(1).min(symbols.len());
    thread::scope(|scope| {
        for _ in 1..workers {
            scope.spawn(|| table.work(desk, store));
        }
        table.work(desk, store);
    });
    if let Some(error) = table
        .ended
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
    {
        return Err(error);
    }
    let mut done = table
        .done
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    let done = done.into_iter().filter_map(|(at, came)| {
        let symbol = symbols.get(at)?;
        Some((symbol.clone(), came))
    });
    Ok(Tally::of(done.collect()))
}

impl Table<'_> {
    /// Takes one symbol after the other until there is none left, or the run is over.
    fn work(&self, desk: &Desk<'_>, store: &store::Store) {
        if let Err(error) = self.take(desk, store) {
            self.over.store(true, Ordering::Relaxed);
            let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
            ended.get_or_insert(error);
        }
    }

    fn take(&self, desk: &Desk<'_>, store: &store::Store) -> Result<(), Error> {
        let reader = store.reader()?;
        while !self.over.load(Ordering::Relaxed) {
            desk.cx.checkpoint()?;
            let at = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(symbol) = self.symbols.get(at) else {
                return Ok(());
            };
            let progress = &desk.cx.watch.progress;
            progress.step(symbol.as_str());
            let came = match desk.analyse(symbol, &reader) {
                Ok(done) => Ok(done),
                Err(Failed::Refused(refusal)) => Err(refusal),
                Err(Failed::Ends(error)) => return Err(error),
            };
            let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
            done.push((at, came));
            progress.advance(1);
        }
        Ok(())
    }
}
