//! Bars as columns.

use std::fmt;

use jiff::{Timestamp, civil::Date};

/// When a bar is from: a day, or the instant at which it closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stamp {
    /// A daily bar that names only its date.
    Day(Date),
    /// An instant.
    Instant(Timestamp),
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(date) => date.fmt(f),
            Self::Instant(at) => at.fmt(f),
        }
    }
}

/// A column of bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// The first price.
    Open,
    /// The highest price.
    High,
    /// The lowest price.
    Low,
    /// The last price.
    Close,
    /// How much was traded.
    Volume,
}

impl Field {
    /// All of them, in the order in which files have them.
    pub const ALL: [Self; 5] = [Self::Open, Self::High, Self::Low, Self::Close, Self::Volume];

    /// Its name in rules and in the headers of files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::High => "high",
            Self::Low => "low",
            Self::Close => "close",
            Self::Volume => "volume",
        }
    }

    /// The field of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }
}

/// One bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// When it is from.
    pub stamp: Stamp,
    /// The first price.
    pub open: f64,
    /// The highest price.
    pub high: f64,
    /// The lowest price.
    pub low: f64,
    /// The last price.
    pub close: f64,
    /// How much was traded.
    pub volume: f64,
}

/// Bars of one symbol, oldest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bars {
    stamps: Vec<Stamp>,
    open: Vec<f64>,
    high: Vec<f64>,
    low: Vec<f64>,
    close: Vec<f64>,
    volume: Vec<f64>,
}

impl Bars {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.stamps.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.stamps.is_empty()
    }

    /// When each of them is from.
    pub fn stamps(&self) -> &[Stamp] {
        &self.stamps
    }

    /// The bars from one position to another, both included.
    #[must_use]
    pub fn between(&self, first: usize, last: usize) -> Self {
        let part = |column: &Vec<f64>| column.get(first..=last).unwrap_or_default().to_vec();
        Self {
            stamps: self.stamps.get(first..=last).unwrap_or_default().to_vec(),
            open: part(&self.open),
            high: part(&self.high),
            low: part(&self.low),
            close: part(&self.close),
            volume: part(&self.volume),
        }
    }

    /// A column.
    pub fn column(&self, field: Field) -> &[f64] {
        match field {
            Field::Open => &self.open,
            Field::High => &self.high,
            Field::Low => &self.low,
            Field::Close => &self.close,
            Field::Volume => &self.volume,
        }
    }
}

impl Extend<Bar> for Bars {
    fn extend<I: IntoIterator<Item = Bar>>(&mut self, bars: I) {
        for bar in bars {
            self.stamps.push(bar.stamp);
            self.open.push(bar.open);
            self.high.push(bar.high);
            self.low.push(bar.low);
            self.close.push(bar.close);
            self.volume.push(bar.volume);
        }
    }
}

impl FromIterator<Bar> for Bars {
    fn from_iter<I: IntoIterator<Item = Bar>>(bars: I) -> Self {
        let mut all = Self::default();
        all.extend(bars);
        all
    }
}
