//! What a running job is given.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::Rules;
use crate::{
    archive::Encryption,
    clock::Clock,
    market::Sources,
    settings::Settings,
    store::Store,
    watch::{Cancelled, Watch},
    words::{JobName, RunId, Trigger},
};

/// The surroundings that all jobs share; made once from settings and job file.
#[derive(Debug, Clone)]
pub struct Env {
    /// Where everything is.
    pub settings: Settings,
    /// The assistant's database, absolute.
    pub database: PathBuf,
    /// To whom archives are encrypted.
    pub encryption: Encryption,
    /// The clock.
    pub clock: Clock,
    /// The name of this machine, for manifests.
    pub host: String,
    /// Where prices come from.
    pub sources: Sources,
    /// The archives that jobs make, by job. Known once the whole file is read: `check` sees none.
    pub archives: BTreeMap<JobName, ArchiveFolder>,
    /// Rules, watch lists and calendars. Known once the whole file is read: `check` sees none.
    pub rules: Rules,
}

impl Env {
    /// The assistant's database; one for all jobs of the process.
    pub fn store(&self) -> Store {
        Store::at(&self.database)
    }
}

/// The archives of one job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveFolder {
    /// Where they are, absolute.
    pub folder: PathBuf,
    /// Whether the assistant's database is in them.
    pub database: bool,
}

/// Which run this is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunInfo {
    /// The run's number in the ledger.
    pub id: RunId,
    /// The job.
    pub job: JobName,
    /// The instant at which it was due.
    pub slot: Timestamp,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// Why the run exists.
    pub trigger: Trigger,
    /// How many earlier slots this run stands for.
    pub missed: u32,
}

/// The context of one attempt.
#[derive(Debug, Clone)]
pub struct Cx {
    /// Which run this is.
    pub run: RunInfo,
    /// The surroundings.
    pub env: Arc<Env>,
    /// The zone of the job, by whose calendar days and weeks are counted.
    pub zone: TimeZone,
    /// Progress to fill and the token to obey.
    pub watch: Watch,
    /// Whether the person who asked for this run has said yes to what a job does not do by itself.
    /// Never true for a run that nobody asked for.
    pub approved: bool,
}

impl Cx {
    /// To be called between units of work.
    ///
    /// # Errors
    /// [`Cancelled`] once the run was told to stop.
    pub fn checkpoint(&self) -> Result<(), Cancelled> {
        self.watch.cancel.checkpoint()
    }
}
