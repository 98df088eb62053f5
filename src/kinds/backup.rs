//! `backup`: an encrypted, verified archive of the database and of files.

use std::path::{Component, Path, PathBuf};

use jiff::{Timestamp, tz::TimeZone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    archive::{self, Found, Published, Request, Source, State},
    gzip::Level,
    job::{
        ArchiveFolder, Cx, Disposition, Env, Job, JobError, JobName, Kind, Plan, Problem, Report,
        Trigger,
    },
    retention::{self, Item, Keep},
    suggest::nearest,
    units::{Bytes, Span},
};

/// What `what` knows besides paths.
const WORDS: [&str; 4] = ["database", "config", "logs", "data"];

/// The settings of a `backup` job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Backup {
    /// What goes in: `database`, `config` (the folder and the job file), `logs`, `data`, or paths
    /// relative to the root.
    pub what: Vec<String>,
    /// The folder of the archives, relative to the root; default `backups/<job>`.
    pub to: Option<PathBuf>,
    /// Which archives stay; without rules all do.
    pub keep: Keep,
    /// How hard to compress.
    pub compression: Compression,
}

/// How hard to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// zlib level 1.
    Fast,
    /// zlib level 3 for most of a database, 5 for the rest.
    #[default]
    Default,
    /// zlib level 9.
    Best,
}

/// An archive of a job and what its `keep` says of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The archive.
    pub found: Found,
    /// Whether it stays.
    pub keep: bool,
    /// Why.
    pub reasons: Vec<String>,
}

impl Default for Backup {
    fn default() -> Self {
        Self {
            what: vec!["database".into(), "config".into()],
            to: None,
            keep: Keep::default(),
            compression: Compression::default(),
        }
    }
}

impl Backup {
    /// The folder of the archives of `job`.
    pub fn folder(&self, job: &JobName, env: &Env) -> PathBuf {
        let default = || Path::new("backups").join(job.as_str());
        plain(&env.settings.path(self.to.clone().unwrap_or_else(default)))
    }

    /// The archives of `job`, newest first, each with what `keep` says of it at `now`.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn judge(
        &self,
        job: &JobName,
        env: &Env,
        now: Timestamp,
        zone: &TimeZone,
    ) -> Result<Vec<Judged>, archive::Error> {
        let found = self.found(job, env)?;
        let items: Vec<Item> = found.iter().map(item).collect();
        let decisions = retention::decide(&items, &self.keep, now, zone);
        let verdicts: Vec<_> = decisions.into_iter().map(|d| (d.keep, d.reasons)).collect();
        let judged = found.into_iter().zip(verdicts);
        Ok(judged
            .map(|(found, (keep, reasons))| Judged {
                found,
                keep,
                reasons,
            })
            .collect())
    }

    /// The archives of `job` as `keep` sees them, newest first.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn items(&self, job: &JobName, env: &Env) -> Result<Vec<Item>, archive::Error> {
        Ok(self.found(job, env)?.iter().map(item).collect())
    }

    fn found(&self, job: &JobName, env: &Env) -> Result<Vec<Found>, archive::Error> {
        let mut found = archive::list(&self.folder(job, env))?;
        found.retain(|found| found.name.job == *job);
        Ok(found)
    }

    /// What goes in, each with the name that it has inside an archive: so an archive's entries are
    /// told where they belong.
    pub fn places(&self, env: &Env) -> Vec<(String, PathBuf)> {
        let place = |source| match source {
            Source::Database { path, entry } | Source::Tree { path, entry } => (entry, path),
        };
        self.sources(env).into_iter().map(place).collect()
    }

    fn sources(&self, env: &Env) -> Vec<Source> {
        self.what
            .iter()
            .flat_map(|what| sources_of(what, env))
            .collect()
    }

    fn request(&self, cx: &Cx) -> Result<Request, archive::Error> {
        let env = &cx.env;
        Ok(Request {
            folder: self.folder(&cx.run.job, env),
            job: cx.run.job.clone(),
            slot: cx.run.slot,
            run_id: cx.run.id.0,
            trigger: cx.run.trigger.to_string(),
            host: env.host.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            sources: self.sources(env),
            live: vec![env.settings.ledger(), env.database.clone()],
            exclude: vec![env.settings.lock(), env.settings.scratch()],
            key_file: env.encryption.key_file.clone(),
            recipients: env.encryption.resolve()?,
            level: match self.compression {
                Compression::Fast => Level::Fast,
                Compression::Default => Level::Default,
                Compression::Best => Level::Best,
            },
            workers: 0,
            clock: env.clock.clone(),
        })
    }

    /// Effects are at-least-once: an earlier attempt at this slot may have published already.
    fn already_there(&self, cx: &Cx) -> Result<Option<Found>, archive::Error> {
        if cx.run.trigger == Trigger::Manual && cx.run.attempt == 1 {
            return Ok(None);
        }
        let archives = archive::list(&self.folder(&cx.run.job, &cx.env))?;
        Ok(archives.into_iter().find(|found| {
            let of_slot = found.name.job == cx.run.job && found.name.slot == cx.run.slot;
            let trigger = found
                .sidecar
                .as_ref()
                .map(|sidecar| sidecar.trigger.as_str());
            let manual = trigger == Some(Trigger::Manual.as_str());
            of_slot
                && found.state >= State::Verified
                && manual == (cx.run.trigger == Trigger::Manual)
        }))
    }

    /// Removes what `keep` does not want; each line says why.
    fn retain(&self, cx: &Cx, notes: &mut Vec<String>) -> Result<(usize, usize), archive::Error> {
        let judged = self.judge(&cx.run.job, &cx.env, cx.env.clock.now(), &cx.zone)?;
        let (mut kept, mut removed) = (0, 0);
        for archive in judged {
            let reasons = archive.reasons.join(", ");
            if archive.keep {
                kept += 1;
            } else {
                cx.checkpoint()?;
                archive::remove(&archive.found)?;
                removed += 1;
                notes.push(format!("removed {}: {reasons}", archive.found.name));
            }
        }
        Ok((kept, removed))
    }
}

impl Job for Backup {
    fn check(&self, env: &Env) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut report = |setting, message: String, hint: &str| {
            problems.push(Problem::new(setting, message, hint));
        };
        if self.what.is_empty() {
            report(
                "what",
                "nothing goes into the archive".into(),
                "name at least `database`",
            );
        }
        for (at, what) in self.what.iter().enumerate() {
            if self.what.iter().take(at).any(|before| before == what) {
                report("what", format!("`{what}` is named twice"), "name it once");
            }
            if let Some(near) = misspelt(what, env) {
                let message = format!("there is no file or folder `{what}`");
                report("what", message, &format!("did you mean `{near}`?"));
            }
            if is_outside(what) {
                let message = format!("`{what}` leaves the root with `..`");
                report("what", message, "write the whole path");
            }
        }
        if let Some(to) = &self.to {
            let folder = plain(&env.settings.path(to));
            for source in self.sources(env) {
                if folder.starts_with(plain(source.path())) {
                    let message = format!(
                        "the destination `{}` is inside the source `{}`",
                        to.display(),
                        source.path().display()
                    );
                    report("to", message, "choose a folder outside of what is archived");
                }
            }
        }
        problems
    }

    fn plan(&self, cx: &Cx) -> Result<Plan, JobError> {
        let request = self.request(cx).map_err(job_error)?;
        let mut plan = Plan::default();
        for (what, source) in self.what.iter().flat_map(|what| {
            sources_of(what, &cx.env)
                .into_iter()
                .map(move |source| (what, source))
        }) {
            plan.step(
                "read",
                source.path().display(),
                format!("`what` names {what}"),
            );
        }
        let name = archive::ArchiveName {
            job: cx.run.job.clone(),
            slot: cx.run.slot,
            serial: 1,
        };
        let recipients: Vec<String> = request
            .recipients
            .iter()
            .map(archive::Recipient::fingerprint)
            .collect();
        let to = format!("encrypted to {}", recipients.join(", "));
        plan.step("write", request.folder.join(name.to_string()).display(), to);
        let now = cx.env.clock.now();
        for archive in self
            .judge(&cx.run.job, &cx.env, now, &cx.zone)
            .map_err(job_error)?
        {
            let act = if archive.keep { "keep" } else { "remove" };
            plan.step(
                act,
                archive.found.path.display(),
                archive.reasons.join(", "),
            );
        }
        Ok(plan)
    }

    fn run(&self, cx: &Cx) -> Result<Report, JobError> {
        cx.checkpoint()?;
        if let Some(found) = self.already_there(cx).map_err(job_error)? {
            let summary = format!("{} had been published by an earlier attempt", found.name);
            return Ok(Report::new(summary).fact("path", found.path.display().to_string()));
        }
        let request = self.request(cx).map_err(job_error)?;
        let published = archive::create(&request, &cx.watch).map_err(job_error)?;
        let mut report = report_of(&published);
        // The archive is safe now: trouble with the old ones is told, not a failed backup.
        match self.retain(cx, &mut report.notes) {
            Ok((kept, removed)) => {
                report = report.fact("kept", kept).fact("removed", removed);
            }
            Err(error) => {
                let why = crate::job::chain(&error);
                tracing::error!(error = why, "old archives could not be removed");
                report
                    .notes
                    .push(format!("old archives could not be removed: {why}"));
            }
        }
        Ok(report)
    }

    fn owned_folders(&self, job: &JobName, env: &Env) -> Vec<PathBuf> {
        vec![self.folder(job, env)]
    }

    fn archives(&self, job: &JobName, env: &Env) -> Option<ArchiveFolder> {
        let mut sources = self.sources(env).into_iter();
        Some(ArchiveFolder {
            folder: self.folder(job, env),
            database: sources.any(|source| env.database.starts_with(plain(source.path()))),
        })
    }
}

impl Kind for Backup {
    const NAME: &'static str = "backup";
    const SUMMARY: &'static str = "an encrypted, verified archive of the database and of files";
    const EXAMPLE: &'static str = "\
backup-daily:
  schedule: \"0 2 * * *\"
  backup: {what: [database, config], to: backups/daily, keep: {daily: 7}}
";
    // A machine that is off for a day and a night still gets yesterday's archive.
    const CATCH_UP_WINDOW: Span = Span::from_secs(36 * 3_600);
}

fn item(found: &Found) -> Item {
    Item {
        id: found.name.to_string(),
        at: found.name.slot,
        size_bytes: found.size_bytes,
        verified: found.state >= State::Verified,
    }
}

fn sources_of(what: &str, env: &Env) -> Vec<Source> {
    let settings = &env.settings;
    let tree = |path: PathBuf| {
        let entry = entry_of(&path, settings.root());
        Source::Tree { path, entry }
    };
    match what {
        "database" => {
            let entry = entry_of(&env.database, settings.root());
            vec![Source::Database {
                path: env.database.clone(),
                entry,
            }]
        }
        "config" => vec![
            tree(settings.config()),
            tree(settings.jobs_file().to_owned()),
        ],
        "logs" => vec![tree(settings.logs())],
        "data" => vec![tree(settings.data())],
        path => vec![tree(plain(&settings.path(path)))],
    }
}

/// The name inside the archive: as seen from the root; without its leading `/` if outside.
fn entry_of(path: &Path, root: &Path) -> String {
    let seen = path.strip_prefix(root).unwrap_or(path);
    seen.to_string_lossy().trim_start_matches('/').to_owned()
}

/// The path without `.` and doubled or trailing slashes.
fn plain(path: &Path) -> PathBuf {
    path.components()
        .filter(|part| !matches!(part, Component::CurDir))
        .collect()
}

/// The word that was meant by a path that is not there. Other paths may come to be later.
fn misspelt(what: &str, env: &Env) -> Option<&'static str> {
    let there = WORDS.contains(&what) || env.settings.path(what).symlink_metadata().is_ok();
    if there { None } else { nearest(what, WORDS) }
}

fn is_outside(what: &str) -> bool {
    Path::new(what)
        .components()
        .any(|part| part == Component::ParentDir)
}

fn report_of(published: &Published) -> Report {
    let sidecar = &published.sidecar;
    let (size, plain) = (Bytes(sidecar.size_bytes), Bytes(sidecar.plain_bytes));
    let summary = format!("{}: {size} of {plain}, verified", published.name);
    let mut report = Report::new(summary)
        .fact("path", published.path.display().to_string())
        .fact("size_bytes", sidecar.size_bytes)
        .fact("plain_bytes", sidecar.plain_bytes)
        .fact("entries", sidecar.entries)
        .fact("sha256", sidecar.sha256.clone());
    report.notes = sidecar
        .notes
        .iter()
        .map(|note| format!("{}: {}", note.path, note.note))
        .collect();
    report
}

/// What an error of an archive means for a run.
pub(super) fn job_error(error: archive::Error) -> JobError {
    if let Some(reason) = error.cancelled() {
        return crate::job::Cancelled(reason).into();
    }
    let disposition = if error.is_retryable() {
        Disposition::Retry
    } else {
        Disposition::Permanent
    };
    let hint = error.hint();
    JobError {
        disposition,
        source: Box::new(error),
        hint,
    }
}

#[cfg(test)]
mod tests;
