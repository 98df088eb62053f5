//! `drill`: the newest archives are restored as a trial, and how long that takes is measured.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    backup::job_error,
    chosen::{self, Trouble},
};
use crate::{
    archive::{self, Drilled, Found, Identity, KeyFile, Recorded, State},
    job::{
        ArchiveFolder, ArchivesOf, Cx, Env, Job, JobError, JobName, Kind, Plan, Problem, Report,
    },
    units::{Bytes, Span},
};

/// The settings of a `drill` job.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Drill {
    /// Whose newest archive is restored; all jobs' that make some unless named.
    #[schemars(with = "Vec<String>")]
    pub jobs: Vec<JobName>,
    /// The file of the private key; unless given, `config/backup.key` and the older keys beside it.
    pub identity: Option<PathBuf>,
}

/// The archives that could be restored.
#[derive(Debug, Default)]
struct Tally {
    done: Vec<(Found, Drilled)>,
    notes: Vec<String>,
}

impl Drill {
    fn keys(&self, env: &Env) -> Result<Vec<KeyFile>, JobError> {
        let keys = chosen::keys(self.identity.as_deref(), env).map_err(job_error)?;
        if keys.is_empty() {
            let path = env.encryption.key_file.clone();
            return Err(job_error(archive::Error::MissingKey { path }));
        }
        Ok(keys)
    }

    /// The newest archive that is not damaged; those before it are noted.
    fn newest(
        job: &JobName,
        made: &ArchiveFolder,
        notes: &mut Vec<String>,
    ) -> Result<Option<Found>, JobError> {
        let archives = chosen::of_job(job, made)?;
        let any = !archives.is_empty();
        for found in archives {
            if found.state != State::Damaged {
                return Ok(Some(found));
            }
            notes.push(format!("{}: damaged, so an older one is tried", found.name));
        }
        if any {
            let message = format!("every archive of `{job}` is damaged");
            let hint = format!("`bellkeeper run-job {job}` makes a new one");
            return Err(JobError::permanent(message).hint(hint));
        }
        notes.push(format!("`{job}` has made no archive yet"));
        Ok(None)
    }

    fn one(cx: &Cx, found: &Found, keys: &[Identity]) -> Result<Drilled, JobError> {
        let (env, scratch) = (&cx.env, cx.env.settings.scratch());
        archive::drill(&found.path, keys, &scratch, &env.clock, &cx.watch).map_err(job_error)
    }
}

impl Tally {
    fn add(&mut self, found: Found, drilled: Drilled) {
        let name = &found.name;
        for note in &drilled.sound.notes {
            self.notes
                .push(format!("{name}: {}: {}", note.path, note.note));
        }
        match drilled.recorded {
            Recorded::Yes => {}
            Recorded::Gone => self.notes.push(format!("{name}: removed meanwhile")),
            Recorded::NotKept | Recorded::NoSidecar => {
                let note = format!("{name}: it has no sidecar, so nothing is kept of this");
                self.notes.push(note);
            }
        }
        self.done.push((found, drilled));
    }

    fn report(self) -> Report {
        let slowest = self.done.iter().max_by_key(|(_, drilled)| drilled.took);
        let Some((found, drilled)) = slowest else {
            let mut report = Report::new("nothing to drill: there is no archive yet");
            report.notes = self.notes;
            return report.fact("drilled", 0);
        };
        let (took, bytes) = (took(drilled), Bytes(drilled.bytes));
        let rate = drilled.bytes_per_second();
        let summary = match self.done.len() {
            1 => format!(
                "{} restored in {took}: {bytes}, {}/s, {} rows as archived",
                found.name,
                Bytes(rate),
                drilled.sound.rows
            ),
            count => format!(
                "{count} archives restored; the slowest, {}, in {took}: {bytes}, {}/s",
                found.name,
                Bytes(rate)
            ),
        };
        let seconds = drilled.took.as_secs_f64();
        let all: Vec<Value> = self.done.iter().map(fact).collect();
        let mut report = Report::new(summary)
            .fact("drilled", self.done.len())
            .fact("recovery_seconds", seconds)
            .fact("bytes_per_second", rate)
            .fact("archives", all);
        report.notes = self.notes;
        report
    }
}

fn fact((found, drilled): &(Found, Drilled)) -> Value {
    json!({
        "path": found.path,
        "job": found.name.job,
        "recovery_seconds": drilled.took.as_secs_f64(),
        "bytes": drilled.bytes,
        "bytes_per_second": drilled.bytes_per_second(),
        "entries": drilled.entries,
        "databases": drilled.sound.databases,
        "tables": drilled.sound.tables,
        "rows": drilled.sound.rows,
    })
}

/// How long it took, for a person.
fn took(drilled: &Drilled) -> String {
    let seconds = drilled.took.as_secs();
    if seconds < 10 {
        format!("{:.1}s", drilled.took.as_secs_f64())
    } else {
        Span::from_secs(seconds).to_string()
    }
}

impl Job for Drill {
    fn check(&self, _: &Env) -> Vec<Problem> {
        Vec::new()
    }

    fn plan(&self, cx: &Cx) -> Result<Plan, JobError> {
        let files = self.keys(&cx.env)?;
        let scratch = cx.env.settings.scratch();
        let (mut plan, mut notes) = (Plan::default(), Vec::new());
        for (job, made) in chosen::folders(&self.jobs, &cx.env) {
            let Some(found) = Self::newest(job, made, &mut notes)? else {
                plan.step("skip", job, "it has made no archive yet");
                continue;
            };
            let size = found
                .sidecar
                .as_ref()
                .map_or(0, |sidecar| sidecar.plain_bytes);
            let reason = format!("the newest of `{job}`, {} of content", Bytes(size));
            plan.step("restore", found.path.display(), reason);
        }
        if plan.steps.is_empty() {
            plan.step("skip", "drill", "no job makes archives");
            return Ok(plan);
        }
        for key in files {
            plan.step("use", key.path.display(), "it opens archives");
        }
        let reason = "restored there as a trial, checked and removed";
        plan.step("use", scratch.display(), reason);
        Ok(plan)
    }

    fn run(&self, cx: &Cx) -> Result<Report, JobError> {
        cx.checkpoint()?;
        let keys = chosen::identities(&self.keys(&cx.env)?);
        let (mut tally, mut trouble) = (Tally::default(), Trouble::default());
        for (job, made) in chosen::folders(&self.jobs, &cx.env) {
            cx.checkpoint()?;
            let drilled = Self::newest(job, made, &mut tally.notes).and_then(|found| {
                let Some(found) = found else { return Ok(None) };
                let drilled = Self::one(cx, &found, &keys)?;
                Ok(Some((found, drilled)))
            });
            match drilled {
                Ok(Some((found, drilled))) => tally.add(found, drilled),
                Ok(None) => {}
                Err(error) => trouble.add(cx, job.to_string(), error)?,
            }
        }
        trouble.end()?;
        Ok(tally.report())
    }

    fn archives_of(&self) -> Vec<ArchivesOf> {
        chosen::archives_of(&self.jobs)
    }
}

impl Kind for Drill {
    const NAME: &'static str = "drill";
    const SUMMARY: &'static str =
        "the newest archives are restored as a trial; measures a recovery";
    const EXAMPLE: &'static str = "\
drill-monthly:
  schedule: \"0 5 1 * *\"
  drill: {}
";
}

#[cfg(test)]
mod tests;
