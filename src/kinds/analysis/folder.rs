//! A folder of `SYMBOL.csv` files as a source.

use std::{io, path::PathBuf};

use crate::{
    analysis::{Stamp, Timeframe},
    market::{
        Adjustment, Ask, Class, CsvError, Finding, Flaw, Read, Refusal, Series, Severity, Source,
        read,
    },
    suggest,
    watch::Watch,
};

/// What it is called.
const NAME: &str = "csv";

/// Files of daily bars.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) folder: PathBuf,
    /// Why what is there is less than what is wanted, if it is.
    pub(super) degraded: Option<&'static str>,
}

impl Folder {
    fn refusal(class: Class, what: String, hint: Option<String>) -> Refusal {
        Refusal {
            source_name: NAME.to_owned(),
            class,
            what,
            hint,
        }
    }

    fn unknown(&self, symbol: &str) -> Refusal {
        let entries = self.folder.read_dir().into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let known = names.filter_map(|name| name.strip_suffix(".csv").map(str::to_owned));
        let known: Vec<String> = known.take(20_000).collect();
        let folder = self.folder.display();
        let hint = suggest::hint(symbol, known.iter().map(String::as_str));
        let hint = hint.unwrap_or_else(|| format!("put its bars into `{folder}/{symbol}.csv`"));
        let what = format!("there is no `{symbol}.csv` in `{folder}`");
        Self::refusal(Class::Symbol, what, Some(hint))
    }

    fn refused(error: &CsvError) -> Refusal {
        let class = match error {
            CsvError::Read { .. } => Class::Transport,
            CsvError::Empty { .. } => Class::Empty,
            CsvError::NoneGood { .. } | CsvError::Columns { .. } => Class::Parse,
        };
        Self::refusal(class, crate::job::chain(error), error.hint())
    }
}

impl Source for Folder {
    fn name(&self) -> &str {
        NAME
    }

    fn fetch(&self, ask: &Ask<'_>, _: &Watch) -> Result<Series, Refusal> {
        let path = self.folder.join(format!("{}.csv", ask.symbol));
        let read = match read(&path) {
            Ok(read) => read,
            Err(CsvError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Err(self.unknown(ask.symbol));
            }
            Err(error) => return Err(Self::refused(&error)),
        };
        let daily = read.bars.stamps().first();
        if ask.timeframe != Timeframe::D1 && matches!(daily, Some(Stamp::Day(_))) {
            let what = format!(
                "bars of {} are wanted, the file has daily ones",
                ask.timeframe
            );
            return Err(Self::refusal(Class::Empty, what, None));
        }
        Ok(self.series(ask, read))
    }
}

impl Folder {
    fn series(&self, ask: &Ask<'_>, read: Read) -> Series {
        let finding = |bad: crate::market::BadRow| Finding {
            flaw: Flaw::Malformed,
            severity: Severity::Quarantined,
            stamp: None,
            line: Some(bad.line),
            what: bad.what,
        };
        Series {
            symbol: ask.symbol.to_owned(),
            timeframe: ask.timeframe,
            bars: read.bars,
            findings: read.findings.into_iter().map(finding).collect(),
            source: NAME.to_owned(),
            adjustment: Adjustment::AsTraded,
            splits: Vec::new(),
            zone: None,
            degraded: self.degraded.map(str::to_owned),
        }
    }
}
