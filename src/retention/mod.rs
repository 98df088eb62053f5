//! Which archives stay and which go: a pure function of archives, rules and now.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Bytes, Span};

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
    /// All that are at most this much older than the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
    /// At most this many bytes in all: the oldest go first, the newest verified one never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_total_size: Option<Bytes>,
}
