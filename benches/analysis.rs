//! From stored bars to stored signals: one symbol, many symbols, and the queries by themselves.
//!
//! `cargo bench --bench analysis -- [STORED=4000] [BARS=2520] [RUN=10000] [ROUNDS=200]`: symbols in the
//! store, bars of each, symbols of the long run (those that are stored, again and again), rounds of
//! what is short.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures with the machine's clock"
)]

use std::{
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Instant,
};

use anyhow::{Context as _, Result};
use bellkeeper::{
    analysis::{Bars, Expression, Sheet, Side, Stamp, Strategy, Timeframe, When, signals_on},
    market::{self, Adjustment, Context, Series},
    schedule::{Calendar, built_in_calendar},
    store::{self, Class, Looked, Store},
};
use jiff::{Timestamp, civil::date};
use rusqlite::{Connection, params};
use support::{
    args,
    memory::megabytes,
    promise::promise,
    report::{millis, quantile},
};

mod support {
    pub(crate) mod args;
    pub(crate) mod memory;
    pub(crate) mod promise;
    pub(crate) mod report;
}

const INDICATORS: &str = "sma(50), ema(20), rsi(14), macd(12,26,9), bbands(20).upper, atr(14), \
    adx(14), stoch(14,3,3).k, obv(), cci(20), mfi(14), willr(14), roc(10), donchian(20).upper";

/// Rules of the sorts that people write.
const RULES: [(&str, Side, usize); 6] = [
    ("crosses_above(sma(50), sma(200))", Side::Buy, 2),
    ("crosses_below(sma(50), sma(200))", Side::Sell, 2),
    ("rsi(14) < 30 and close > sma(200)", Side::Buy, 1),
    (
        "crosses_above(macd(12,26,9), macd(12,26,9).signal)",
        Side::Buy,
        1,
    ),
    (
        "close > highest(high, 20)[1] and volume > sma(20)",
        Side::Buy,
        1,
    ),
    (
        "within(close > bbands(20).upper, 3) and falling(close, 2)",
        Side::Sell,
        1,
    ),
];

fn main() -> Result<()> {
    let [stored, bars, run, rounds] = args::numbers([4_000, 2_520, 10_000, 200]);
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("trading_assistant.db");
    let desk = Desk::new(&path)?;
    let began = Instant::now();
    fill(&path, stored, bars, &desk.calendar)?;
    let size = std::fs::metadata(&path)?.len() / 1_000_000;
    let all = stored * bars;
    println!("{all} bars stored in {:.0?}, {size} MB", began.elapsed());
    queries(&desk, stored, rounds)?;
    one(&desk, stored, rounds)?;
    many(&desk, stored, run)?;
    let peak = megabytes(std::process::id(), "VmHWM").context("memory")?;
    promise("memory at its peak", peak, 200.0, "MB");
    promise("the guide's limit: memory", peak, 500.0, "MB");
    Ok(())
}

fn name(of: u64) -> String {
    format!("S{of:05}")
}

/// A walk at random, the same each time.
struct Walk(u64);

impl Walk {
    #[expect(clippy::cast_precision_loss, reason = "53 bits of a random number")]
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn fill(path: &Path, symbols: u64, bars: u64, calendar: &Calendar) -> Result<()> {
    store::create_sample(path)?;
    let mut connection = Connection::open(path)?;
    connection.execute_batch("PRAGMA synchronous = OFF; DELETE FROM bars; DELETE FROM signals")?;
    let first = calendar.valid_from();
    let days: Vec<String> = calendar
        .session_dates(first, date(2049, 12, 31))
        .iter()
        .take(usize::try_from(bars)?)
        .map(ToString::to_string)
        .collect();
    for chunk in 0..symbols.div_ceil(100) {
        let transaction = connection.transaction()?;
        let insert =
            "INSERT INTO bars VALUES (?1, '1d', ?2, ?3, ?4, ?5, ?6, ?7, 'csv', 'as_traded', ?8)";
        let mut insert = transaction.prepare_cached(insert)?;
        for symbol in (chunk * 100..symbols.min((chunk + 1) * 100)).map(|of| (of, name(of))) {
            let (mut walk, mut close) = (Walk(symbol.0 * 2_654_435_761 + 88_172_645), 100.0);
            for day in &days {
                let open = close;
                close = (close * (1.0 + (walk.next() - 0.498) * 0.04)).clamp(1.0, 90_000.0);
                let spread = 1.0 + walk.next() * 0.01;
                let (high, low) = (open.max(close) * spread, open.min(close) / spread);
                #[expect(clippy::cast_possible_truncation, reason = "far below 2^53")]
                let micros = |price: f64| (price * 1e6).round() as i64;
                #[expect(clippy::cast_possible_truncation, reason = "far below 2^53")]
                let volume = (walk.next() * 1e7) as i64 + 1;
                insert.execute(params![
                    symbol.1,
                    day,
                    micros(open),
                    micros(high),
                    micros(low),
                    micros(close),
                    volume,
                    "2026-01-01T00:00:00Z"
                ])?;
            }
        }
        drop(insert);
        transaction.commit()?;
    }
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

/// What an analysis needs beside the bars.
struct Desk {
    store: Store,
    calendar: std::sync::Arc<Calendar>,
    shown: Vec<(String, Expression)>,
    strategies: Vec<Strategy>,
}

impl Desk {
    fn new(path: &Path) -> Result<Self> {
        let wrong = |error: bellkeeper::analysis::RuleError| anyhow::anyhow!("{}", error.message);
        let strategy = |(at, (rule, side, confirm)): (usize, &(&str, Side, usize))| {
            Ok(Strategy {
                name: format!("rule_{at}"),
                timeframe: Timeframe::D1,
                side: *side,
                when: When::parse(rule).map_err(wrong)?,
                confirm: *confirm,
                cooldown: 5,
                strength: 0.5,
            })
        };
        Ok(Self {
            store: Store::at(path),
            calendar: built_in_calendar("XNYS").context("XNYS")?,
            shown: Expression::parse_list(INDICATORS).map_err(wrong)?,
            strategies: RULES
                .iter()
                .enumerate()
                .map(strategy)
                .collect::<Result<_>>()?,
        })
    }

    /// Stored bars to stored signals; how many signals there are.
    fn analyse(&self, symbol: &str, now: Timestamp) -> Result<usize> {
        let bars = store::daily_bars(self.store.path(), symbol)?;
        let since = bars.stamps().first().copied();
        let series = series(symbol, bars);
        let context = Context {
            calendar: Some(&self.calendar),
            now,
            stored: None,
        };
        let inspected = market::inspect(&series, &context);
        let mut sheet = Sheet::new(&inspected.bars);
        for (_, shown) in &self.shown {
            if let Expression::Number(number) = shown {
                std::hint::black_box(sheet.numbers(number));
            }
        }
        let mut signals = Vec::new();
        for strategy in &self.strategies {
            for bar in signals_on(strategy, &mut sheet) {
                if let Some(Stamp::Day(date)) = inspected.bars.stamps().get(bar) {
                    signals.push((strategy, format!("{date}T21:00:00Z")));
                }
            }
        }
        let looked = Looked {
            symbol,
            timeframe: Timeframe::D1,
            since,
            source: "csv",
            at: now,
        };
        let writer = self.store.writer()?;
        writer.write(Class::User, "write signals", |tx| {
            store::keep_findings(tx, &looked, &[])?;
            let insert = "INSERT INTO signals VALUES (NULL, ?1, '1d', ?2, ?3, ?4, ?5, 1, '{}', 'csv', \
                 'as_traded', 'hash', '1') ON CONFLICT DO NOTHING";
            let mut insert = tx.prepare_cached(insert)?;
            for (strategy, at) in &signals {
                let side = strategy.side.to_string();
                insert.execute(params![symbol, at, strategy.name, side, strategy.strength])?;
            }
            Ok(())
        })?;
        Ok(signals.len())
    }
}

fn series(symbol: &str, bars: Bars) -> Series {
    Series {
        symbol: symbol.to_owned(),
        timeframe: Timeframe::D1,
        bars,
        findings: Vec::new(),
        source: "csv".to_owned(),
        adjustment: Adjustment::AsTraded,
        splits: Vec::new(),
        zone: None,
        degraded: None,
    }
}

/// Milliseconds of each of so many calls.
fn times(rounds: u64, mut call: impl FnMut(u64) -> Result<()>) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    for round in 0..rounds {
        let began = Instant::now();
        call(round)?;
        times.push(millis(began.elapsed()));
    }
    Ok(times)
}

fn queries(desk: &Desk, stored: u64, rounds: u64) -> Result<()> {
    let path = desk.store.path();
    // Another symbol each time, far apart.
    let symbol = |round: u64| name(round * 7_919 % stored);
    let now = Timestamp::now();
    let bars = times(rounds, |round| {
        let bars = store::daily_bars(path, &symbol(round))?;
        anyhow::ensure!(!bars.is_empty());
        Ok(())
    })?;
    let signals = times(rounds, |round| {
        let since = Timestamp::UNIX_EPOCH;
        store::signals(path, since, Some(&symbol(round)))?;
        Ok(())
    })?;
    let findings = times(rounds, |round| {
        store::findings(path, Some(&symbol(round)))?;
        Ok(())
    })?;
    let writer = desk.store.writer()?;
    let kept = times(rounds, |round| {
        let symbol = symbol(round);
        let looked = Looked {
            symbol: &symbol,
            timeframe: Timeframe::D1,
            since: None,
            source: "csv",
            at: now,
        };
        writer.write(Class::User, "keep findings", |tx| {
            store::keep_findings(tx, &looked, &[])
        })?;
        Ok(())
    })?;
    for (what, times) in [
        ("bars of a symbol", bars),
        ("signals of a symbol", signals),
        ("findings of a symbol", findings),
        ("findings of a symbol, written", kept),
    ] {
        let p95 = quantile(&times, 0.95);
        promise(&format!("{what}, p95"), p95, 5.0, "ms");
        promise("the guide's limit: a query", p95, 100.0, "ms");
    }
    Ok(())
}

fn one(desk: &Desk, stored: u64, rounds: u64) -> Result<()> {
    let now = Timestamp::now();
    let _kept_open = desk.store.writer()?;
    let mut signals = 0;
    let times = times(rounds.min(stored), |round| {
        signals += desk.analyse(&name(round), now)?;
        Ok(())
    })?;
    println!("{signals} signals of {} symbols", times.len());
    let median = quantile(&times, 0.5);
    promise("one symbol, median", median, 10.0, "ms");
    promise(
        "the guide's limit: one symbol",
        quantile(&times, 1.0) / 1e3,
        2.0,
        "s",
    );
    Ok(())
}

fn many(desk: &Desk, stored: u64, run: u64) -> Result<()> {
    let now = Timestamp::now();
    let _kept_open = desk.store.writer()?;
    let next = AtomicUsize::new(0);
    let began = Instant::now();
    let work = || -> Result<usize> {
        let mut signals = 0;
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed) as u64;
            if at >= run {
                return Ok(signals);
            }
            signals += desk.analyse(&name(at % stored), now)?;
        }
    };
    let signals = thread::scope(|scope| {
        let workers = [scope.spawn(work), scope.spawn(work)];
        let done = workers.map(|worker| worker.join().map_err(|_| anyhow::anyhow!("panicked")));
        done.into_iter()
            .map(|signals| signals?)
            .sum::<Result<usize>>()
    })?;
    println!("{signals} signals of {run} symbols");
    let took = began.elapsed().as_secs_f64();
    promise(&format!("{run} symbols, two workers"), took, 60.0, "s");
    Ok(())
}
