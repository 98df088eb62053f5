//! What is wrong with bars, by name.

use std::fmt;

use crate::analysis::Stamp;

/// What is wrong with a bar, or with bars as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flaw {
    /// A row that is no bar: a number or a stamp that cannot be read, a column that is empty.
    Malformed,
    /// A price that is not above zero, or a volume below it.
    NotPositive,
    /// The high is below the low, or open or close is outside of both.
    Outside,
    /// A second bar of the same stamp.
    Duplicate,
    /// A bar that is older than the one before it.
    Unsorted,
    /// The calendar has a session and there is no bar.
    MissingSession,
    /// A bar on a day without a session.
    ClosedDay,
    /// The newest bar is older than the last closed session.
    Stale,
    /// Bars in a row without any volume.
    NoVolume,
    /// A close that is 30 % away from the one before, and no split explains it.
    Jump,
    /// Prices that are a hundred times, or a hundredth of, those around them.
    UnitSwitch,
    /// A split, told by the source or seen in bars that changed by a common factor.
    Split,
    /// Bars adjusted in different ways.
    MixedAdjustment,
    /// The newest bar is of a session that is not over.
    Incomplete,
}

impl Flaw {
    /// As it is written in reports, the store and `--json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::NotPositive => "not_positive",
            Self::Outside => "outside",
            Self::Duplicate => "duplicate",
            Self::Unsorted => "unsorted",
            Self::MissingSession => "missing_session",
            Self::ClosedDay => "closed_day",
            Self::Stale => "stale",
            Self::NoVolume => "no_volume",
            Self::Jump => "jump",
            Self::UnitSwitch => "unit_switch",
            Self::Split => "split",
            Self::MixedAdjustment => "mixed_adjustment",
            Self::Incomplete => "incomplete",
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; every bar is used.
    Note,
    /// Perhaps wrong; every bar is used.
    Warning,
    /// The bar is left out: nothing is computed from it.
    Quarantined,
}

impl Severity {
    /// As it is written in reports, the store and `--json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Quarantined => "quarantined",
        }
    }
}

/// Something that is wrong with bars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What, by name.
    pub flaw: Flaw,
    /// How bad it is.
    pub severity: Severity,
    /// The bar, where its stamp can be read.
    pub stamp: Option<Stamp>,
    /// The line of the file, from 1, where there is one.
    pub line: Option<u64>,
    /// What is wrong, as a lowercase sentence without a full stop.
    pub what: String,
}
