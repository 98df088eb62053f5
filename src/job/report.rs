//! What a run did, and what it would do.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a run did; stored with the run and shown by `history` and `run-job`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Report {
    /// One line for a person.
    pub summary: String,
    /// Figures and names for programs.
    #[serde(default)]
    pub facts: Map<String, Value>,
    /// Further lines for a person: what was skipped, kept or removed, each with its reason.
    #[serde(default)]
    pub notes: Vec<String>,
}

impl Report {
    /// A report with its one line.
    pub fn new(summary: impl Into<String>) -> Self {
        Self {
            summary: summary.into(),
            ..Self::default()
        }
    }

    /// Adds a figure or name.
    #[must_use]
    pub fn fact(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }
}

/// One thing that would be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The verb: `write`, `keep`, `remove`, `skip` …
    pub act: String,
    /// What it is done to.
    pub subject: String,
    /// Why.
    pub reason: String,
}

/// What would be done, in order: the answer of `--dry-run`, and what is applied otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Plan {
    /// The steps in order.
    pub steps: Vec<Step>,
}

impl Plan {
    /// Adds a step.
    pub fn step(&mut self, act: &str, subject: impl fmt::Display, reason: impl fmt::Display) {
        self.steps.push(Step {
            act: act.to_owned(),
            subject: subject.to_string(),
            reason: reason.to_string(),
        });
    }
}
