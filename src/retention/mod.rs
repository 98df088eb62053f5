//! Which archives stay and which go: a pure function of archives, rules and now.
//!
//! The policy is the one restic documents for `forget`: archives are looked at from the newest to
//! the oldest; each rule keeps what it wants, and what no rule wants goes. A calendar rule keeps
//! the newest archive of each day (week, month, year) that has one until its count is used up;
//! while it is not, the oldest archive of all stays too, so that a young history is not cut short.
//! A count of 0 keeps nothing by that rule. On top of that:
//!
//! - Only verified archives count. The others evict nothing and are never removed from here.
//! - The newest verified archive stays whatever the rules say.
//! - An archive from the future (the clock was set back) stays and counts for nothing.
//! - `max_total_size` comes last: of what would stay, the oldest verified go first.
//!
//! What holds as time moves on under the same rules, every new archive being newer than all before:
//! without `max_total_size`, deciding after each archive leaves what deciding once at the end over
//! all that ever were would leave, so what has gone is never wanted again. With it that does not
//! hold: when a large archive gives way to a smaller one, one that has gone might fit again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Bytes, Span};

mod decide;
mod rules;
mod simulate;

#[cfg(test)]
mod tests;

pub use decide::{Decision, Item, decide};
pub use simulate::{Course, Day, End, Simulation, simulate};

/// The rules of `keep:`. An archive stays if any rule wants it; with no rule at all everything stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Keep {
    /// The newest `n`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<u32>,
    /// The newest of each of the last `n` days that have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daily: Option<u32>,
    /// The newest of each of the last `n` ISO weeks that have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weekly: Option<u32>,
    /// The newest of each of the last `n` months that have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monthly: Option<u32>,
    /// The newest of each of the last `n` years that have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub yearly: Option<u32>,
    /// All that are less than this much older than the newest: `7d` of daily ones are seven.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
    /// At most this many bytes of verified archives: the oldest go first, the newest never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_total_size: Option<Bytes>,
}

impl Keep {
    /// Whether nothing is said about what to keep; then everything stays.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
