//! `require_backup`: which backups make it safe to remove rows, and the newest of them.

use std::{fmt, path::PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::{
    archive::{self, State},
    job::{Env, JobName},
};

/// Whether, and whose, verified backups must be newer than what is removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum RequireBackup {
    /// Of any job that backs the database up, or none.
    Any(bool),
    /// Of this job.
    Of(JobName),
}

/// A backup that was read back when it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Backup {
    pub(super) path: PathBuf,
    /// The instant that it shows.
    pub(super) shows: Timestamp,
}

impl RequireBackup {
    /// The jobs whose backups count.
    pub(super) fn jobs<'a>(&'a self, env: &'a Env) -> impl Iterator<Item = &'a JobName> {
        let counts = move |job: &JobName| match self {
            Self::Any(any) => *any,
            Self::Of(named) => named == job,
        };
        let jobs = env.archives.iter();
        jobs.filter(move |(job, folder)| folder.database && counts(job))
            .map(|(job, _)| job)
    }

    /// The newest verified backup of the database; `Ok(None)` if there is none, and nobody asks what
    /// there is if none is required.
    pub(super) fn newest(&self, env: &Env) -> Result<Option<Backup>, archive::Error> {
        let now = env.clock.now();
        let mut newest: Option<Backup> = None;
        for job in self.jobs(env) {
            let Some(folder) = env.archives.get(job) else {
                continue;
            };
            for found in archive::list(&folder.folder)? {
                let Some(sidecar) = found.sidecar.filter(|_| found.state >= State::Verified) else {
                    continue;
                };
                let mut entries = sidecar
                    .databases
                    .iter()
                    .map(|database| database.entry.to_string());
                let holds_it = entries.any(|entry| env.database.ends_with(entry));
                let newer = newest.as_ref().is_none_or(|n| n.shows < sidecar.created_at);
                // One from the future was made by a clock that was wrong, and says nothing.
                let shown = sidecar.created_at <= now;
                if found.name.job == *job && holds_it && newer && shown {
                    newest = Some(Backup {
                        path: found.path,
                        shows: sidecar.created_at,
                    });
                }
            }
        }
        Ok(newest)
    }
}

impl<'de> Deserialize<'de> for RequireBackup {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl de::Visitor<'_> for Either {
            type Value = RequireBackup;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`true`, `false` or the name of a job")
            }
            fn visit_bool<E: de::Error>(self, any: bool) -> Result<RequireBackup, E> {
                Ok(RequireBackup::Any(any))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<RequireBackup, E> {
                text.parse().map(RequireBackup::Of).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl schemars::JsonSchema for RequireBackup {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RequireBackup".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "anyOf": [{ "type": "boolean" }, { "type": "string" }] })
    }
}
