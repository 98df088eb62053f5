//! Bars of one symbol in a file with a header.
//!
//! Columns are found by their names, and how dates and numbers are written is decided from the whole
//! file: where that leaves two readings the file is refused. What a row says is taken as it stands;
//! `quality` judges it.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use csv::{Reader, ReaderBuilder, StringRecord, Trim};
use jiff::civil::Date;

use super::{
    Adjustment, Context, Finding, Flaw, Inspected, Series, Severity, Split, header::Header, quality,
};
use crate::analysis::{Bar, Stamp, Timeframe};

mod columns;
mod dates;
mod error;
mod numbers;
mod spacing;
#[cfg(test)]
mod tests;

use columns::Columns;
use dates::Dates;
pub use error::{BadRow, CsvError};
use numbers::Numbers;

/// Names of the column that says when a bar is from.
pub(super) const STAMPS: [&str; 4] = ["date", "timestamp", "time", "datetime"];

/// No file of prices is larger: these are a million bars.
const LIMIT: u64 = 64 << 20;

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// Its bars, and the rows that are none. Bars may still be wrong: see [`Read::inspect`].
    pub series: Series,
    /// The line of each bar.
    lines: Vec<u64>,
}

impl Read {
    /// As [`super::inspect`], with the lines of the file.
    pub fn inspect(&self, context: &Context<'_>) -> Inspected {
        quality::inspect_lines(&self.series, &self.lines, context)
    }
}

/// Reads the bars in the file at `path`; see [`read_prices`].
///
/// # Errors
/// [`CsvError`].
pub fn read_series(
    path: &Path,
    symbol: &str,
    timeframe: Option<Timeframe>,
) -> Result<Series, CsvError> {
    Ok(read_prices(path, symbol, timeframe)?.series)
}

/// Reads the bars of `symbol` in the file at `path`: columns by the names in its header, separated by
/// commas, semicolons or tabs. Newest first is turned round. Without a timeframe it follows from the
/// time between bars.
///
/// Prices are taken to be as traded; divided by splits where there is an adjusted close, or a column
/// `split` or `Stock Splits`, beside them, as Yahoo writes files. The adjusted close itself is not used:
/// open, high and low have none.
///
/// # Errors
/// [`CsvError`] when there are no bars at all, or more than one way to read them; single rows that are
/// no bars are findings.
pub fn read_prices(
    path: &Path,
    symbol: &str,
    timeframe: Option<Timeframe>,
) -> Result<Read, CsvError> {
    let text = content(path)?;
    let separator = separator(&text);
    let mut reader = table(&text, separator);
    let header = Header::new(
        reader
            .headers()
            .map_err(|error| reading(path, error.into()))?,
    );
    let columns = Columns::find(path, &header)?;
    let rows = Rows {
        path,
        text: &text,
        separator,
    };
    let how = How::of(&rows, &columns)?;
    let mut found = Found::default();
    rows.each(|line, record| found.add(&columns, &how, line, record))?;
    found.read(path, symbol, timeframe, columns.adjustment())
}

fn content(path: &Path) -> Result<Vec<u8>, CsvError> {
    let wrap = |error| reading(path, error);
    let file = File::open(path).map_err(wrap)?;
    let mut text = Vec::new();
    file.take(LIMIT + 1).read_to_end(&mut text).map_err(wrap)?;
    if text.len() as u64 > LIMIT {
        let path = path.to_owned();
        return Err(CsvError::TooLarge { path });
    }
    Ok(text)
}

/// What is between columns, by the header.
fn separator(text: &[u8]) -> u8 {
    let header = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |wanted: u8| header.split(|byte| *byte == wanted).count();
    let others = [b';', b'\t'].into_iter().max_by_key(|byte| count(*byte));
    others
        .filter(|byte| count(*byte) > count(b','))
        .unwrap_or(b',')
}

fn table(text: &[u8], separator: u8) -> Reader<&[u8]> {
    let mut builder = ReaderBuilder::new();
    builder.flexible(true).trim(Trim::All).delimiter(separator);
    builder.from_reader(text)
}

/// Opens a file of trades, whose first line is its header.
pub(super) fn open(path: &Path) -> Result<Reader<io::BufReader<File>>, CsvError> {
    let file = File::open(path).map_err(|error| reading(path, error))?;
    let mut builder = ReaderBuilder::new();
    builder.flexible(true).trim(Trim::All);
    Ok(builder.from_reader(io::BufReader::new(file)))
}

pub(super) fn reading(path: &Path, source: io::Error) -> CsvError {
    CsvError::Read {
        path: path.to_owned(),
        source,
    }
}

/// What to say of a file that lacks columns.
pub(super) fn lacking(path: &Path, header: &Header, missing: &[String]) -> CsvError {
    let path = path.to_owned();
    if header.is_empty() {
        return CsvError::Empty { path };
    }
    CsvError::Columns {
        path,
        missing: missing.join(", "),
        found: header.shown(),
        semicolons: header.has_semicolons(),
    }
}

/// The rows of a file.
struct Rows<'a> {
    path: &'a Path,
    text: &'a [u8],
    separator: u8,
}

impl Rows<'_> {
    fn each(&self, mut row: impl FnMut(u64, &StringRecord)) -> Result<(), CsvError> {
        let mut reader = table(self.text, self.separator);
        let mut record = StringRecord::new();
        let wrap = |error: csv::Error| reading(self.path, error.into());
        while reader.read_record(&mut record).map_err(wrap)? {
            let line = record.position().map_or(0, csv::Position::line);
            row(line, &record);
        }
        Ok(())
    }
}

/// How dates and numbers are written.
struct How {
    dates: Dates,
    numbers: Numbers,
}

impl How {
    fn of(rows: &Rows<'_>, columns: &Columns) -> Result<Self, CsvError> {
        let mut dates = dates::Seen::default();
        let mut numbers = numbers::Seen::default();
        rows.each(|line, record| {
            dates.see(line, columns.stamp(record));
            for (_, text) in columns.values(record) {
                numbers.see(line, text);
            }
        })?;
        let path = || rows.path.to_owned();
        Ok(Self {
            dates: dates.decide(path)?,
            numbers: numbers.decide(rows.separator == b',', path)?,
        })
    }
}

/// What was read so far.
#[derive(Default)]
struct Found {
    bars: Vec<Bar>,
    lines: Vec<u64>,
    findings: Vec<Finding>,
    splits: Vec<Split>,
}

impl Found {
    fn add(&mut self, columns: &Columns, how: &How, line: u64, record: &StringRecord) {
        let stamp = how.dates.stamp(columns.stamp(record));
        let at = stamp.as_ref().ok().copied();
        match stamp.and_then(|stamp| bar(columns, how, stamp, record)) {
            Ok(bar) => {
                self.bars.push(bar);
                self.lines.push(line);
            }
            Err(what) => self.tell(Severity::Quarantined, at, line, what),
        }
        match (columns.split(record), at) {
            (Ok(Some(ratio)), Some(at)) => self.splits.push(Split {
                on: date(at),
                ratio,
            }),
            (Err(what), _) => self.tell(Severity::Warning, at, line, what),
            _ => {}
        }
    }

    fn tell(&mut self, severity: Severity, stamp: Option<Stamp>, line: u64, what: String) {
        self.findings.push(Finding {
            flaw: Flaw::Malformed,
            severity,
            stamp,
            line: Some(line),
            what,
        });
    }

    fn read(
        mut self,
        path: &Path,
        symbol: &str,
        timeframe: Option<Timeframe>,
        adjustment: Adjustment,
    ) -> Result<Read, CsvError> {
        if self.bars.is_empty() {
            let path = path.to_owned();
            return Err(match self.findings.into_iter().next() {
                Some(first) => CsvError::NoneGood {
                    path,
                    first: BadRow {
                        line: first.line.unwrap_or_default(),
                        what: first.what,
                    },
                },
                None => CsvError::Empty { path },
            });
        }
        if is_newest_first(&self.bars) {
            self.bars.reverse();
            self.lines.reverse();
        }
        self.splits.sort_by_key(|split| split.on);
        let seen = spacing::timeframe(&self.bars);
        let timeframe = timeframe.unwrap_or(seen);
        if timeframe.within_a_session().is_none() && seen.within_a_session().is_some() {
            let path = path.to_owned();
            return Err(CsvError::OtherTimeframe {
                path,
                asked: timeframe,
                seen,
            });
        }
        let series = Series {
            symbol: symbol.to_owned(),
            timeframe,
            bars: self.bars.into_iter().collect(),
            findings: self.findings,
            source: "csv".to_owned(),
            adjustment,
            splits: self.splits,
            zone: None,
            degraded: None,
        };
        let lines = self.lines;
        Ok(Read { series, lines })
    }
}

fn bar(columns: &Columns, how: &How, stamp: Stamp, record: &StringRecord) -> Result<Bar, String> {
    let mut numbers = [0.0; 5];
    for (number, (field, text)) in numbers.iter_mut().zip(columns.values(record)) {
        *number = how.numbers.value(field.name(), text)?;
    }
    let [open, high, low, close, volume] = numbers;
    Ok(Bar {
        stamp,
        open,
        high,
        low,
        close,
        volume,
    })
}

fn date(stamp: Stamp) -> Date {
    match stamp {
        Stamp::Day(date) => date,
        Stamp::Instant(at) => at.to_zoned(jiff::tz::TimeZone::UTC).date(),
    }
}

fn is_newest_first(bars: &[Bar]) -> bool {
    let turned = bars.is_sorted_by(|one, next| one.stamp >= next.stamp);
    turned && bars.first().map(|bar| bar.stamp) > bars.last().map(|bar| bar.stamp)
}
