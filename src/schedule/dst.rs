//! The knob for the hours that daylight saving skips (gap) or repeats (fold).

use serde::{Deserialize, Serialize};

/// Overrides cron's own reading; `None` keeps it (see [`crate::schedule`]).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Dst {
    /// A time inside the gap: `run` right after it, or `skip` it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<Gap>,
    /// A time inside the repeated hour: run on the `first` pass, on `both`, or on the `last`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fold: Option<Fold>,
}

/// What to do with a time that daylight saving skips.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Gap {
    /// Run once, at the first instant after the gap.
    Run,
    /// Do not run.
    Skip,
}

/// What to do with a time that daylight saving repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Fold {
    /// Run at the first of the two instants.
    First,
    /// Run at both.
    Both,
    /// Run at the last of the two.
    Last,
}
