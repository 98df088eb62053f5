//! A folder of `SYMBOL.csv` files as a source.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{Ask, Class, CsvError, Refusal, Series, Source, csv, symbol};
use crate::{
    analysis::{Bars, Stamp, Timeframe},
    suggest,
    watch::Watch,
};

/// Bars in files of their own: `AAPL.csv` holds those of AAPL, as [`super::read_series`] reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Csv {
    folder: PathBuf,
    /// Whether the files are the sample that comes with the program.
    sample: bool,
}

impl Csv {
    /// What it is called.
    pub const NAME: &'static str = "csv";

    /// The files in `folder`; `sample` says that they are only the program's sample, so that all that
    /// comes of them is marked.
    pub fn new(folder: PathBuf, sample: bool) -> Self {
        Self { folder, sample }
    }

    fn file(&self, symbol: &str) -> Result<PathBuf, Refusal> {
        symbol::check(symbol).map_err(|what| Refusal::new(Self::NAME, Class::Symbol, what))?;
        let path = self.folder.join(format!("{symbol}.csv"));
        match path.metadata() {
            Ok(found) if found.is_file() && is_spelt_so(&path) => Ok(path),
            Ok(found) if found.is_file() => Err(self.unknown(symbol)),
            Ok(_) => Err(Refusal::new(
                Self::NAME,
                Class::Empty,
                format!("`{}` is no file", path.display()),
            )),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(self.unknown(symbol)),
            Err(error) => Err(Refusal::new(
                Self::NAME,
                Class::Transport,
                format!("look at `{}`: {error}", path.display()),
            )),
        }
    }

    fn unknown(&self, symbol: &str) -> Refusal {
        let folder = self.folder.display();
        let refusal = Refusal::new(
            Self::NAME,
            Class::Empty,
            format!("there is no `{symbol}.csv` in `{folder}`"),
        );
        let known = self.symbols();
        match suggest::hint(symbol, known.iter().map(String::as_str)) {
            Some(near) => refusal.hint(near),
            None => refusal.hint(format!("put its bars into `{folder}/{symbol}.csv`")),
        }
    }

    /// The symbols that have a file, for hints.
    fn symbols(&self) -> Vec<String> {
        let entries = self.folder.read_dir().into_iter().flatten().flatten();
        entries
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                Some(name.strip_suffix(".csv")?.to_owned())
            })
            .take(20_000)
            .collect()
    }
}

impl Source for Csv {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn fetch(&self, ask: &Ask<'_>, _watch: &Watch) -> Result<Series, Refusal> {
        let path = self.file(ask.symbol)?;
        let series = csv::read_series(&path, ask.symbol, Some(ask.timeframe));
        let series = series.map_err(|error| refusal(&error))?;
        fits(&series.bars, ask.timeframe)
            .map_err(|what| Refusal::new(Self::NAME, Class::Empty, what))?;
        Ok(Series {
            degraded: self.sample.then(|| "sample data".to_owned()),
            ..series
        })
    }
}

fn refusal(error: &CsvError) -> Refusal {
    let class = match error {
        CsvError::Read { .. } => Class::Transport,
        CsvError::Empty { .. } | CsvError::OtherTimeframe { .. } => Class::Empty,
        _ => Class::Parse,
    };
    let refusal = Refusal::new(Csv::NAME, class, chain(error));
    match error.hint() {
        Some(hint) => refusal.hint(hint),
        None => refusal,
    }
}

/// An error and its cause in one line.
fn chain(error: &CsvError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// Whether the file is called so to the letter: there are disks to which case is all the same.
fn is_spelt_so(path: &Path) -> bool {
    if path.is_symlink() {
        return true;
    }
    let real = path.canonicalize();
    real.map_or(true, |real| real.file_name() == path.file_name())
}

/// Whether bars can be of a timeframe; says what they are otherwise.
fn fits(bars: &Bars, timeframe: Timeframe) -> Result<(), String> {
    let wrong = |are: &str| {
        Err(format!(
            "bars of {timeframe} were asked for, the file has {are}"
        ))
    };
    let stamps = bars.stamps();
    let daily = stamps.iter().any(|stamp| matches!(stamp, Stamp::Day(_)));
    if daily {
        return match timeframe {
            Timeframe::D1 => Ok(()),
            _ => wrong("daily ones"),
        };
    }
    let gaps = stamps.windows(2).filter_map(|pair| match pair {
        [Stamp::Instant(a), Stamp::Instant(b)] => Some(b.duration_since(*a).as_secs()),
        _ => None,
    });
    let Some(least) = gaps.min() else {
        return Ok(());
    };
    let fit = match (timeframe.within_a_session(), timeframe) {
        (Some(span), _) => i64::try_from(span.as_secs()).is_ok_and(|span| span == least),
        (None, Timeframe::W1) => least > 3 * 86_400,
        (None, _) => least > 12 * 3_600,
    };
    if fit {
        Ok(())
    } else {
        wrong(&format!("some that are {least} s apart"))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn folder() -> (tempfile::TempDir, Csv) {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            crate::files::write_atomic(&root.path().join(name), text.as_bytes()).unwrap();
        };
        write(
            "AAPL.csv",
            "date,open,high,low,close,volume\n2026-01-05,2,3,1,2,5\n2026-01-06,two,3,1,2,5\n",
        );
        write("EMPTY.csv", "date,open,high,low,close,volume\n");
        write("ODD.csv", "a,b\n1,2\n");
        write(
            "FIVE.csv",
            "timestamp,open,high,low,close,volume\n2026-01-05T15:00:00Z,2,3,1,2,5\n\
             2026-01-05T15:05:00Z,2,3,1,2,5\n",
        );
        std::fs::create_dir(root.path().join("DIR.csv")).unwrap();
        let csv = Csv::new(root.path().to_owned(), true);
        (root, csv)
    }

    fn fetch(csv: &Csv, symbol: &str, timeframe: Timeframe) -> Result<Series, Refusal> {
        let ask = Ask {
            symbol,
            timeframe,
            newest: None,
            now: Timestamp::UNIX_EPOCH,
        };
        csv.fetch(&ask, &Watch::default())
    }

    #[test]
    fn a_file_becomes_a_series_that_says_it_is_a_sample() {
        let (_root, csv) = folder();
        let series = fetch(&csv, "AAPL", Timeframe::D1).unwrap();
        assert_eq!((series.bars.len(), series.source.as_str()), (1, "csv"));
        assert_eq!(series.degraded.as_deref(), Some("sample data"));
        assert_eq!(series.adjustment, crate::market::Adjustment::AsTraded);
        assert_eq!(series.findings.len(), 1);
        assert_eq!(series.findings[0].line, Some(3));
        assert_eq!(fetch(&csv, "FIVE", Timeframe::M5).unwrap().bars.len(), 2);
    }

    #[test]
    fn what_is_not_there_or_no_symbol_is_refused() {
        let (_root, csv) = folder();
        let told = |symbol, timeframe| {
            let refusal = fetch(&csv, symbol, timeframe).unwrap_err();
            (refusal.class, refusal.hint.unwrap_or_default())
        };
        assert_eq!(
            told("aapl", Timeframe::D1),
            (Class::Empty, "did you mean `AAPL`?".to_owned())
        );
        for (symbol, class) in [
            ("../AAPL", Class::Symbol),
            ("A\0", Class::Symbol),
            (".AAPL", Class::Symbol),
            ("EMPTY", Class::Empty),
            ("DIR", Class::Empty),
            ("ODD", Class::Parse),
            ("NONE", Class::Empty),
        ] {
            assert_eq!(told(symbol, Timeframe::D1).0, class, "{symbol}");
        }
        assert_eq!(told("AAPL", Timeframe::M5).0, Class::Empty);
        assert_eq!(told("FIVE", Timeframe::M1).0, Class::Empty);
        assert_eq!(told("FIVE", Timeframe::D1).0, Class::Empty);
    }
}
