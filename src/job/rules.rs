//! What jobs that look at bars are given from files beside the job file.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use super::JobName;
use crate::{
    analysis::{Strategy, Symbol},
    schedule::Calendar,
};

/// Rules, watch lists and calendars, as they were when the job file was read; no job sees half of a change.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// The strategies of `config/strategies.yaml`, in its order.
    pub strategies: Arc<[Strategy]>,
    /// The watch lists that jobs name, by their absolute path.
    pub lists: BTreeMap<PathBuf, Arc<[Symbol]>>,
    /// The calendars of jobs that name one.
    pub calendars: BTreeMap<JobName, Arc<Calendar>>,
}

/// Which of them a job needs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RulesWanted {
    /// Strategies by name; empty: all.
    pub strategies: Vec<String>,
    /// A watch list, absolute.
    pub list: Option<PathBuf>,
}
