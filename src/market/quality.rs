//! What is wrong with bars: each flaw is named, and bars that are wrong are taken out.
//!
//! Nothing is repaired: a bar that is left out comes back beside the good ones with the reason. The
//! thresholds, and where they come from:
//!
//! | threshold | value | why |
//! |---|---|---|
//! | jump | 30 % from close to close | it is rarer than one day in a thousand for a single stock, and each is worth a look |
//! | another unit | 67 to 150 times, or 1,000 and more | pence for pounds is 100 times, give or take a day's move; a thousand times is no price |
//! | run without volume | 5 bars | a week of sessions in which nobody traded |
//! | a split seen at its day | nearest of: no step, its step, its step upside down | a day's own move is smaller than half of a split worth seeing (10 %) |
//! | a split's step on another day | within 2 % of its ratio, at most 30 days before | true moves hit a ratio so exactly only by accident; [the crash of a year] stays |
//! | bars that changed by a common factor | 0.5 %, and half a cent | prices are rounded to cents |
//!
//! [the crash of a year]: Flaw::Jump

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{Adjustment, Finding, Flaw, Series, Severity, Split};
use crate::{
    analysis::{Bar, Bars, Field, Stamp, Timeframe},
    schedule::Calendar,
};

mod jump;
mod order;
mod overlap;
mod row;
mod sessions;
mod splits;
#[cfg(test)]
mod tests;
mod units;
mod volume;

/// What is known beside the bars themselves.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// When the exchange trades; without one no session is missed and no day is closed.
    pub calendar: Option<&'a Calendar>,
    /// The time at which the bars are looked at: what is not over by then is incomplete.
    pub now: Timestamp,
    /// The bars of the same symbol and timeframe that are kept already; of use are those of the same
    /// stamps as the new ones.
    pub stored: Option<Stored<'a>>,
}

/// Bars that are kept already.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// Oldest first.
    pub bars: &'a Bars,
    /// How they are adjusted.
    pub adjustment: Adjustment,
}

/// A finding, and the bar that it took out.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// What is wrong.
    pub finding: Finding,
    /// The bar, as it was; only where it is quarantined and could be read.
    pub bar: Option<Bar>,
}

/// What came of looking at a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspected {
    /// The bars to work with, oldest first, each stamp once.
    pub bars: Bars,
    /// All findings, those of the source first.
    pub found: Vec<Found>,
    /// The splits within these bars, told by the source or seen in bars that changed, oldest first.
    pub splits: Vec<Split>,
    /// Whether the bars continue those that are stored. If not, they are adjusted in another way: none
    /// of the stored bars may stay beside them.
    pub fits: bool,
}

impl Inspected {
    /// How many bars and rows are left out.
    pub fn quarantined(&self) -> usize {
        let out = |found: &&Found| found.finding.severity == Severity::Quarantined;
        self.found.iter().filter(out).count()
    }
}

/// Looks for every flaw of a series, and takes bars out that are wrong.
pub fn inspect(series: &Series, context: &Context<'_>) -> Inspected {
    inspect_lines(series, &[], context)
}

/// As [`inspect`], of bars that come from these lines of a file.
pub(super) fn inspect_lines(series: &Series, lines: &[u64], context: &Context<'_>) -> Inspected {
    let mut desk = Desk::new(series, lines, context);
    row::check(&mut desk);
    order::check(&mut desk);
    sessions::incomplete(&mut desk);
    sessions::closed(&mut desk);
    units::check(&mut desk);
    let fits = overlap::check(&mut desk);
    splits::check(&mut desk);
    volume::check(&mut desk);
    jump::check(&mut desk);
    sessions::missing(&mut desk);
    sessions::stale(&mut desk);
    desk.done(fits)
}

/// A bar on the desk.
struct Row {
    bar: Bar,
    line: Option<u64>,
    out: bool,
}

/// What is being looked at.
struct Desk<'a> {
    series: &'a Series,
    context: &'a Context<'a>,
    rows: Vec<Row>,
    found: Vec<Found>,
    splits: Vec<Split>,
    /// Rows at which prices step by a factor because of a split.
    steps: Vec<(usize, f64)>,
}

impl<'a> Desk<'a> {
    fn new(series: &'a Series, lines: &[u64], context: &'a Context<'a>) -> Self {
        let told = |finding: &Finding| Found {
            finding: finding.clone(),
            bar: None,
        };
        let mut lines = lines.iter().copied();
        let rows = bars(&series.bars).map(|bar| Row {
            bar,
            line: lines.next(),
            out: false,
        });
        Self {
            series,
            context,
            rows: rows.collect(),
            found: series.findings.iter().map(told).collect(),
            splits: Vec::new(),
            steps: Vec::new(),
        }
    }

    fn timeframe(&self) -> Timeframe {
        self.series.timeframe
    }

    /// The zone in which a day of this series begins.
    fn zone(&self) -> &TimeZone {
        let calendar = self.context.calendar.map(Calendar::zone);
        let zone = self.series.zone.as_ref().or(calendar);
        zone.unwrap_or(const { &TimeZone::UTC })
    }

    /// The day of a bar.
    fn date(&self, stamp: Stamp) -> Date {
        match stamp {
            Stamp::Day(date) => date,
            Stamp::Instant(at) => self.zone().to_datetime(at).date(),
        }
    }

    /// The bars that are still there, with their rows.
    fn kept(&self) -> impl DoubleEndedIterator<Item = (usize, &Bar)> {
        let rows = self.rows.iter().enumerate();
        rows.filter(|(_, row)| !row.out)
            .map(|(at, row)| (at, &row.bar))
    }

    /// Takes a row out; the first reason stays the only one.
    fn quarantine(&mut self, at: usize, flaw: Flaw, what: String) {
        let Some(row) = self.rows.get_mut(at).filter(|row| !row.out) else {
            return;
        };
        row.out = true;
        self.found.push(Found {
            finding: Finding {
                flaw,
                severity: Severity::Quarantined,
                stamp: Some(row.bar.stamp),
                line: row.line,
                what,
            },
            bar: Some(row.bar),
        });
    }

    /// Tells of something that takes no bar out.
    fn tell(&mut self, flaw: Flaw, severity: Severity, stamp: Option<Stamp>, what: String) {
        let finding = Finding {
            flaw,
            severity,
            stamp,
            line: None,
            what,
        };
        self.found.push(Found { finding, bar: None });
    }

    fn done(mut self, fits: bool) -> Inspected {
        self.splits.sort_by_key(|split| split.on);
        Inspected {
            bars: self.kept().map(|(_, bar)| *bar).collect(),
            found: self.found,
            splits: self.splits,
            fits,
        }
    }
}

fn bars(bars: &Bars) -> impl Iterator<Item = Bar> {
    let column = |field| bars.column(field).iter().copied();
    let prices = column(Field::Open)
        .zip(column(Field::High))
        .zip(column(Field::Low).zip(column(Field::Close)));
    let rows = bars.stamps().iter().zip(prices).zip(column(Field::Volume));
    rows.map(|((stamp, ((open, high), (low, close))), volume)| Bar {
        stamp: *stamp,
        open,
        high,
        low,
        close,
        volume,
    })
}
