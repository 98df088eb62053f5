//! Why a file has no bars.

use std::{io, path::PathBuf};

use crate::analysis::Timeframe;

/// Why a file has no bars, or no trades.
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
    /// It is larger than any file of prices.
    #[error("`{}` has more than 64 MB", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
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
    /// Nothing tells which number of a date is the month.
    #[error(
        "`{}` does not say which number of its dates is the month; line {line}: `{text}`",
        path.display()
    )]
    DayOrMonth {
        /// The file.
        path: PathBuf,
        /// The first line for which it matters.
        line: u64,
        /// Its date.
        text: String,
    },
    /// In some dates the month is first, in others the day.
    #[error(
        "the dates of `{}` have the month first in line {month_first} and the day first in line {day_first}",
        path.display()
    )]
    MixedDates {
        /// The file.
        path: PathBuf,
        /// The first line of the one sort.
        month_first: u64,
        /// The first line of the other.
        day_first: u64,
    },
    /// Nothing tells what a comma or a point in a number means.
    #[error(
        "`{}` does not say whether the mark in `{text}`, line {line}, is a decimal one",
        path.display()
    )]
    PointOrComma {
        /// The file.
        path: PathBuf,
        /// The first line for which it matters.
        line: u64,
        /// Its number.
        text: String,
    },
    /// Its bars stand for another time.
    #[error("the bars of `{}` are {seen}, not {asked}", path.display())]
    OtherTimeframe {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        asked: Timeframe,
        /// What the time between the bars says.
        seen: Timeframe,
    },
}

impl CsvError {
    /// How a person mends it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Columns {
                semicolons: true, ..
            } => "semicolons separate its columns: commas should, with points in numbers",
            Self::Columns { found, .. } => return Some(format!("its columns are {found}")),
            Self::TooLarge { .. } => "cut it into files of some years each",
            Self::DayOrMonth { .. } | Self::MixedDates { .. } => "write dates as 2026-01-05",
            Self::PointOrComma { .. } => "write numbers as 1234.5",
            Self::OtherTimeframe { .. } => "ask for the timeframe that they have",
            Self::Read { .. } | Self::Empty { .. } | Self::NoneGood { .. } => return None,
        };
        Some(hint.to_owned())
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
