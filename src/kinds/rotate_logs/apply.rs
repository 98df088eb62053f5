//! Does what was decided, log by log; what fails with one log does not keep the others from theirs.

use std::path::{Path, PathBuf};

use super::{
    Method, RotateLogs,
    find::Log,
    log_error,
    seal::Keys,
    tasks::{Act, Change, Task, make_room, still_written, tasks},
};
use crate::{
    files,
    job::{Cx, JobError, Report, Step, chain},
    logs::{self, Error, How, PACK, RotatedName},
    system,
    units::Bytes,
};

/// A run at work.
pub(super) struct Work<'a> {
    job: &'a RotateLogs,
    cx: &'a Cx,
    keys: &'a Keys,
    notes: Vec<String>,
    counts: Counts,
    /// A disk was full: nothing more is compressed.
    full: bool,
    failed: Vec<JobError>,
}

#[derive(Debug, Default)]
struct Counts {
    files: u64,
    rotated: u64,
    compressed: u64,
    encrypted: u64,
    moved: u64,
    removed: u64,
    before: u64,
    after: u64,
}

impl<'a> Work<'a> {
    pub(super) fn new(job: &'a RotateLogs, cx: &'a Cx, keys: &'a Keys) -> Self {
        Self {
            job,
            cx,
            keys,
            notes: Vec::new(),
            counts: Counts::default(),
            full: false,
            failed: Vec::new(),
        }
    }

    pub(super) fn note_all(&mut self, steps: &[Step]) {
        for step in steps {
            self.note(step);
        }
    }

    fn note(&mut self, step: &Step) {
        let Step {
            act,
            subject,
            reason,
        } = step;
        self.notes.push(format!("{act} {subject}: {reason}"));
    }

    /// Does everything for one log. Only a run that is told to stop ends here.
    pub(super) fn log(&mut self, log: &Log) -> Result<(), JobError> {
        self.cx.checkpoint()?;
        self.counts.files += 1;
        self.counts.before += self.size(log);
        let done = tasks(self.job, log, self.cx, self.keys)
            .map_err(log_error)
            .and_then(|tasks| self.all(log, tasks));
        if self.full {
            let rest = make_room(self.job, log, &self.cx.env).map_err(log_error);
            let removed = rest.and_then(|tasks| self.all(log, tasks));
            self.failed.extend(removed.err());
        }
        self.counts.after += self.size(log);
        match done {
            Err(error) if matches!(error.disposition, crate::job::Disposition::Interrupted(_)) => {
                Err(error)
            }
            Err(error) => {
                let (log, error_text) = (log.path.display(), error.chain());
                tracing::error!(job = %self.cx.run.job, %log, error = error_text, "a log was not rotated");
                self.failed.push(error);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Bytes of a log and its rotated files. What cannot be read is told by what reads it.
    fn size(&self, log: &Log) -> u64 {
        let archive = self.job.archive(&self.cx.env);
        let rotated = logs::rotated(&log.path, archive.as_deref()).unwrap_or_default();
        let own = log.path.metadata().map_or(0, |facts| facts.len());
        own + rotated.iter().map(|file| file.size).sum::<u64>()
    }

    fn all(&mut self, log: &Log, tasks: Vec<Task>) -> Result<(), JobError> {
        let mut renamed = Renamed::default();
        for task in tasks {
            self.cx.checkpoint()?;
            match self.one(log, &task, &mut renamed) {
                Err(error) if error.is_full() && matches!(task.act, Act::Convert { .. }) => {
                    self.full = true;
                    let mut step = task.step;
                    "keep".clone_into(&mut step.act);
                    step.reason = format!("stays as it is: {}", chain(&error));
                    self.note(&step);
                    self.failed.push(log_error(error));
                }
                Err(error) if error.is_full() && matches!(task.act, Act::Rotate { .. }) => {
                    self.full = true;
                    self.failed.push(log_error(error));
                    // What follows counts a file that was not made: what goes is decided anew.
                    return Ok(());
                }
                done => done.map_err(log_error)?,
            }
        }
        Ok(())
    }

    fn one(&mut self, log: &Log, task: &Task, renamed: &mut Renamed) -> Result<(), Error> {
        match &task.act {
            Act::Refuse if log.named => {
                let step = &task.step;
                let error = JobError::permanent(format!("{}: {}", step.subject, step.reason));
                self.failed.push(error);
            }
            Act::Tell | Act::Refuse => {}
            Act::Repair(repair) => repair.apply()?,
            Act::Rotate { to } => {
                let Some(made) = self.rotate(log, to)? else {
                    return Ok(());
                };
                *renamed = Renamed(Some((name_of(to), name_of(&made))));
                self.counts.rotated += 1;
            }
            Act::Convert { from, to, how } => {
                let (from, to) = (renamed.now(from), renamed.now(to));
                return self.convert(&from, &to, *how, &task.step);
            }
            Act::Remove { path } => {
                files::remove(path)?;
                files::sync_dir(files::parent(path))?;
                self.counts.removed += 1;
            }
        }
        if task.step.act != "keep" {
            self.note(&task.step);
        }
        Ok(())
    }

    /// Returns what the old file is called now; `None` if there was nothing in it any more.
    fn rotate(&self, log: &Log, to: &Path) -> Result<Option<PathBuf>, Error> {
        if let Some(own) = logs::writer_of(&log.path) {
            return own.rotate();
        }
        match self.job.method {
            Method::Rename => logs::rename_away(&log.path, to)?,
            Method::Copy => logs::copy_away(&log.path, to, &self.cx.watch)?,
        }
        Ok(Some(to.to_owned()))
    }

    fn convert(&mut self, from: &Path, to: &Path, how: Change, step: &Step) -> Result<(), Error> {
        if self.full {
            self.notes.push(format!(
                "keep {}: stays as it is, because the disk is full",
                step.subject
            ));
            return Ok(());
        }
        // Since this was decided somebody may have opened it, or another step was left out.
        let written = how == Change::Pack && from.exists();
        if let Some(reason) = written.then(|| still_written(from)).flatten() {
            self.notes.push(format!("skip {}: {reason}", step.subject));
            return Ok(());
        }
        if !from.exists() {
            return Ok(());
        }
        let watch = &self.cx.watch;
        match how {
            Change::Pack => {
                let gentle = How {
                    write: &|from, to| system::gently(|| logs::pack(from, to))?,
                    ..PACK
                };
                logs::convert(from, to, gentle, watch)?;
                self.counts.compressed += 1;
            }
            Change::Seal => {
                self.keys
                    .sealing(|how| logs::convert(from, to, how, watch))?;
                self.counts.encrypted += 1;
            }
            Change::Carry => {
                logs::carry(from, to, watch)?;
                self.counts.moved += 1;
            }
        }
        self.note(step);
        Ok(())
    }

    /// The report, or what went wrong first.
    pub(super) fn end(mut self) -> Result<Report, JobError> {
        if !self.failed.is_empty() {
            for note in &self.notes {
                tracing::info!(job = %self.cx.run.job, "{note}");
            }
            return Err(worst(std::mem::take(&mut self.failed)));
        }
        let Counts {
            files,
            rotated,
            compressed,
            encrypted,
            moved,
            removed,
            before,
            after,
        } = self.counts;
        let mut report = Report::new(self.summary())
            .fact("files", files)
            .fact("rotated", rotated)
            .fact("compressed", compressed)
            .fact("encrypted", encrypted)
            .fact("moved", moved)
            .fact("removed", removed)
            .fact("bytes_before", before)
            .fact("bytes_after", after);
        report.notes = self.notes;
        Ok(report)
    }

    fn summary(&self) -> String {
        let counts = &self.counts;
        let done: Vec<String> = [
            ("rotated", counts.rotated),
            ("compressed", counts.compressed),
            ("encrypted", counts.encrypted),
            ("moved", counts.moved),
            ("removed", counts.removed),
        ]
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(what, count)| format!("{count} {what}"))
        .collect();
        let logs = match counts.files {
            1 => "1 log".to_owned(),
            files => format!("{files} logs"),
        };
        if done.is_empty() {
            return format!("{logs}: nothing was due");
        }
        let (before, after) = (Bytes(counts.before), Bytes(counts.after));
        format!("{logs}: {}; {before} are now {after}", done.join(", "))
    }
}

/// The error to show: one that another attempt can mend keeps the run due.
fn worst(mut failed: Vec<JobError>) -> JobError {
    let more = failed.len() - 1;
    let retry = failed
        .iter()
        .position(|error| error.disposition == crate::job::Disposition::Retry);
    let error = failed.swap_remove(retry.unwrap_or_default());
    if more == 0 {
        return error;
    }
    let text = format!("{} (and {more} more, see the log)", error.chain());
    JobError {
        source: text.into(),
        ..error
    }
}

/// What a file that was to be called so is called: a name may have been taken meanwhile.
#[derive(Debug, Default)]
struct Renamed(Option<(Option<RotatedName>, Option<RotatedName>)>);

impl Renamed {
    fn now(&self, path: &Path) -> PathBuf {
        let Some((Some(planned), Some(made))) = &self.0 else {
            return path.to_owned();
        };
        match name_of(path) {
            Some(name) if name.is_same_rotation(planned) => {
                path.with_file_name(made.in_form(name.form()).to_string())
            }
            _ => path.to_owned(),
        }
    }
}

fn name_of(path: &Path) -> Option<RotatedName> {
    path.file_name()?.to_str()?.parse().ok()
}
