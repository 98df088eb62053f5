//! What goes into [`super::load`] and what comes out.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::{problems::Problems, source::Place, written::Written};
use crate::{
    clock::Clock,
    job::{JobName, JobSet},
    settings::Settings,
};

/// What a job file is read against.
pub struct Context<'a> {
    /// Where everything is.
    pub settings: Settings,
    /// The clock that the jobs will ask.
    pub clock: Clock,
    /// The name of this machine, for manifests.
    pub host: String,
    /// The computer's time zone: the zone of a file that names none.
    pub local_zone: TimeZone,
    /// The values of variables; `None` for one that is not set.
    pub vars: &'a dyn Fn(&str) -> Option<String>,
    /// Whether what it says of databases is held against them as they are. Whoever means to mend them
    /// does not ask.
    pub looks: bool,
}

/// What a job file declares, checked.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The jobs in the file's order, and what they share.
    pub set: JobSet,
    /// The zone of jobs that name none.
    pub timezone: TimeZone,
    /// Where each job stands in the file.
    pub places: BTreeMap<JobName, Place>,
    /// What is no mistake but most likely not meant so; may be empty.
    pub warnings: Problems,
    /// The file itself, for the [`Difference`](super::Difference) to the next one.
    pub written: Written,
}
