//! Bars of one symbol in a file with a header and commas.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use csv::{ReaderBuilder, StringRecord, Trim};
use jiff::{Timestamp, civil::Date, fmt::strtime};

use super::header::Header;
use crate::analysis::{Bar, Bars, Field, Stamp};

/// Names of the column that says when a bar is from.
pub(super) const STAMPS: [&str; 4] = ["date", "timestamp", "time", "datetime"];

/// Why a file has no bars.
#[derive(Debug, thiserror::Error)]
pub enum CsvError {
    /// It could not be read.
    #[error("read prices `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system or the CSV reader said.
        source: io::Error,
    },
    /// It is empty, or has only its header.
    #[error("there is no bar in `{}`", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// None of its rows is a bar.
    #[error("no row of `{}` is a bar; line {}: {}", path.display(), first.line, first.what)]
    NoneGood {
        /// The file.
        path: PathBuf,
        /// What is wrong with the first one.
        first: BadRow,
    },
    /// Columns are missing.
    #[error("`{}` has no column {missing}", path.display())]
    Columns {
        /// The file.
        path: PathBuf,
        /// The missing ones.
        missing: String,
        /// Those that are there.
        found: String,
        /// Whether semicolons separate them.
        semicolons: bool,
    },
}

impl CsvError {
    /// How a person mends it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Columns {
                semicolons: true, ..
            } => Some(
                "semicolons separate its columns: commas should, with points in numbers".into(),
            ),
            Self::Columns { found, .. } => Some(format!("its columns are {found}")),
            Self::Read { .. } | Self::Empty { .. } | Self::NoneGood { .. } => None,
        }
    }
}

/// A row that is left out, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Its line in the file, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub what: String,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// The good bars.
    pub bars: Bars,
    /// The others.
    pub findings: Vec<BadRow>,
}

/// Reads the bars in the file at `path`: columns by the names in its header, dates as
/// `2026-01-05`, `2026-01-05 00:00:00-05:00` or an instant with its offset.
///
/// # Errors
/// When there are no bars at all; single bad rows are findings.
pub fn read(path: &Path) -> Result<Read, CsvError> {
    let wrap = |error: csv::Error| reading(path, error.into());
    let mut reader = open(path)?;
    let header = Header::new(reader.headers().map_err(wrap)?);
    let columns = Columns::find(path, &header)?;
    let mut read = Read {
        bars: Bars::default(),
        findings: Vec::new(),
    };
    for record in reader.records() {
        let record = record.map_err(wrap)?;
        let line = record.position().map_or(0, csv::Position::line);
        let bar = columns.bar(&record);
        match bar.and_then(|bar| in_order(&read.bars, bar)) {
            Ok(bar) => read.bars.extend([bar]),
            Err(what) => read.findings.push(BadRow { line, what }),
        }
    }
    if !read.bars.is_empty() {
        return Ok(read);
    }
    let path = path.to_owned();
    match read.findings.into_iter().next() {
        Some(first) => Err(CsvError::NoneGood { path, first }),
        None => Err(CsvError::Empty { path }),
    }
}

/// Opens a file whose first line is its header.
pub(super) fn open(path: &Path) -> Result<csv::Reader<io::BufReader<File>>, CsvError> {
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

fn in_order(bars: &Bars, bar: Bar) -> Result<Bar, String> {
    match bars.stamps().last() {
        Some(last) if *last == bar.stamp => Err(format!("{} is there already", bar.stamp)),
        Some(last) if *last > bar.stamp => Err(format!(
            "{} comes after {last}: oldest bars first",
            bar.stamp
        )),
        _ => Ok(bar),
    }
}

/// Where each column is.
struct Columns {
    stamp: usize,
    fields: [usize; 5],
}

impl Columns {
    fn find(path: &Path, header: &Header) -> Result<Self, CsvError> {
        let mut missing = Vec::new();
        let stamp = header.find(&STAMPS);
        if stamp.is_none() {
            missing.push("`date`".to_owned());
        }
        let fields = Field::ALL.map(|field| {
            let place = header.find(&[field.name()]);
            if place.is_none() {
                missing.push(format!("`{}`", field.name()));
            }
            place.unwrap_or_default()
        });
        if let (Some(stamp), true) = (stamp, missing.is_empty()) {
            return Ok(Self { stamp, fields });
        }
        Err(lacking(path, header, &missing))
    }

    /// The bar of a row.
    fn bar(&self, record: &StringRecord) -> Result<Bar, String> {
        let stamp = stamp(record.get(self.stamp).unwrap_or_default())?;
        let mut numbers = [0.0; 5];
        for ((number, place), field) in numbers.iter_mut().zip(self.fields).zip(Field::ALL) {
            *number = value(field, record.get(place).unwrap_or_default())?;
        }
        let [open, high, low, close, volume] = numbers;
        if high < low {
            return Err(format!("high {high} is below low {low}"));
        }
        for (name, price) in [("open", open), ("close", close)] {
            if !(low..=high).contains(&price) {
                return Err(format!(
                    "{name} {price} is not between low {low} and high {high}"
                ));
            }
        }
        Ok(Bar {
            stamp,
            open,
            high,
            low,
            close,
            volume,
        })
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

fn value(field: Field, text: &str) -> Result<f64, String> {
    let name = field.name();
    let value: f64 = match text.parse() {
        Ok(value) => value,
        Err(_) if text.contains(',') => {
            return Err(format!("{name} `{text}` has a comma: numbers need a point"));
        }
        Err(_) if text.is_empty() => return Err(format!("{name} is empty")),
        Err(_) => return Err(format!("{name} `{text}` is no number")),
    };
    let positive = field == Field::Volume && value == 0.0 || value > 0.0;
    if value.is_finite() && positive {
        Ok(value)
    } else {
        Err(format!("{name} is {text}"))
    }
}

/// When a bar is from. Midnight names the day, whatever the offset.
fn stamp(text: &str) -> Result<Stamp, String> {
    if let Ok(date) = strtime::parse("%Y-%m-%d", text).and_then(|parsed| parsed.to_date()) {
        return Ok(Stamp::Day(date));
    }
    let midnight = |rest: &str| rest.starts_with("00:00:00") || rest.is_empty();
    if let Some((day, rest)) = text.split_once([' ', 'T'])
        && let Ok(date) = day.parse::<Date>()
        && midnight(rest)
    {
        return Ok(Stamp::Day(date));
    }
    text.parse::<Timestamp>()
        .map(Stamp::Instant)
        .map_err(|_| format!("`{text}` is no date like 2026-01-05 and no instant with its offset"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> (usize, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("X.csv");
        crate::files::write_atomic(&path, text.as_bytes()).unwrap();
        match read(&path) {
            Ok(read) => {
                let findings = read.findings.iter();
                let told = findings.map(|found| format!("{}: {}", found.line, found.what));
                (read.bars.len(), told.collect())
            }
            Err(error) => {
                let hint = error.hint().unwrap_or_default();
                let error = error
                    .to_string()
                    .replace(&path.display().to_string(), "X.csv");
                (0, vec![format!("{error}; {hint}")])
            }
        }
    }

    #[test]
    fn columns_are_found_by_name_in_any_order() {
        let text =
            "\u{feff}Volume,Close,Low,High,Open,Date,Adj Close\r\n5,2,1,3,2,2026-01-05,9\r\n";
        assert_eq!(told(text), (1, vec![]));
        let text = "timestamp,open,high,low,close,volume\n2026-01-05T15:30:00-05:00,2,3,1,2,5\n";
        assert_eq!(told(text), (1, vec![]));
        let text = "date,open,high,low,close,volume\n2022-05-03 00:00:00+01:00,2,3,1,2,0\n";
        assert_eq!(told(text), (1, vec![]));
    }

    #[test]
    fn each_bad_row_is_found_and_the_good_ones_stay() {
        let rows = [
            "2026-01-05,2,3,1,2,5",
            "2026-01-06,2,1,3,2,5",
            "2026-01-06,4,3,1,2,5",
            "2026-01-06,2,3,1,0.5,5",
            "2026-01-06,2,3,1,nan,5",
            "2026-01-06,2,3,-1,2,5",
            "2026-01-06,2,3,,2,5",
            "2026-01-06,2,3,1,two,5",
            "2026-01-06,2,3,1,\"2,5\",5",
            "2026-01-06,2,3,1,2,-5",
            "2026-01-06,2,3",
            "01/06/2026,2,3,1,2,5",
            "2026-01-05,2,3,1,2,5",
            "2026-01-04,2,3,1,2,5",
            "2026-01-07,2,3,1,2,5",
        ];
        let text = format!("date,open,high,low,close,volume\n{}\n", rows.join("\n"));
        let (bars, findings) = told(&text);
        assert_eq!(bars, 2);
        insta::assert_snapshot!(findings.join("\n"), @r"
    3: high 1 is below low 3
    4: open 4 is not between low 1 and high 3
    5: close 0.5 is not between low 1 and high 3
    6: close is nan
    7: low is -1
    8: low is empty
    9: close `two` is no number
    10: close `2,5` has a comma: numbers need a point
    11: volume is -5
    12: low is empty
    13: `01/06/2026` is no date like 2026-01-05 and no instant with its offset
    14: 2026-01-05 is there already
    15: 2026-01-04 comes after 2026-01-05: oldest bars first
    ");
    }

    #[test]
    fn a_file_without_bars_says_what_it_lacks() {
        for (text, expected) in [
            ("", "there is no bar in `X.csv`; "),
            (
                "date,open,high,low,close,volume\n",
                "there is no bar in `X.csv`; ",
            ),
            (
                "date;open;high;low;close;volume\n2026-01-05;2,0;3;1;2;5\n",
                "`X.csv` has no column `date`, `open`, `high`, `low`, `close`, `volume`; \
                 semicolons separate its columns: commas should, with points in numbers",
            ),
            (
                "date,open,high,low,close,volume\n01/02/2026,1,1,1,1,1\n",
                "no row of `X.csv` is a bar; line 2: `01/02/2026` is no date like 2026-01-05 \
                 and no instant with its offset; ",
            ),
            (
                "date,open,high,low,last,volume\n",
                "`X.csv` has no column `close`; its columns are `date`, `open`, `high`, `low`, `last`, `volume`",
            ),
        ] {
            assert_eq!(told(text), (0, vec![expected.to_owned()]));
        }
    }
}
