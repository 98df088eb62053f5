//! What a run does with one log, decided before anything is done: the plan and the run are one list.

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::{
    Compress, RotateLogs,
    find::{Log, within},
    keep::{self, Item},
    seal::Keys,
};
use crate::{
    files,
    job::{Cx, Env, Step},
    logs::{self, Error, Form, Repair, Rotated, free_name},
    system,
    units::Bytes,
};

/// One thing to do.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) act: Act,
    pub(super) step: Step,
}

/// What is done.
#[derive(Debug)]
pub(super) enum Act {
    /// Nothing: only told.
    Tell,
    /// The file is left alone although it was meant.
    Refuse,
    /// Finishes or undoes what a crash has left.
    Repair(Repair),
    /// Gives the log another file; the old one is called so, or, if that is taken, as the next.
    Rotate { to: PathBuf },
    /// Compresses, encrypts or carries a rotated file.
    Convert {
        from: PathBuf,
        to: PathBuf,
        how: Change,
    },
    /// Removes a rotated file.
    Remove { path: PathBuf },
}

/// How a rotated file changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Pack,
    Seal,
    Carry,
}

impl Change {
    pub(super) fn verb(self) -> &'static str {
        match self {
            Self::Pack => "compress",
            Self::Seal => "encrypt",
            Self::Carry => "move",
        }
    }
}

struct Tasks<'a> {
    job: &'a RotateLogs,
    env: &'a Env,
    list: Vec<Task>,
}

impl Tasks<'_> {
    fn add(&mut self, act: Act, verb: &str, subject: &Path, reason: impl Into<String>) {
        let step = step(verb, subject, reason, self.env);
        self.list.push(Task { act, step });
    }
}

fn step(verb: &str, subject: &Path, reason: impl Into<String>, env: &Env) -> Step {
    Step {
        act: verb.to_owned(),
        subject: within(subject, env).display().to_string(),
        reason: reason.into(),
    }
}

/// A repair as a line for people.
pub(super) fn repair_step(repair: &Repair, env: &Env) -> Step {
    match repair {
        Repair::Remove { path, reason } => step("remove", path, reason, env),
        Repair::Publish { path, reason, .. } => step("finish", path, reason, env),
        Repair::Leave { path, reason } => step("leave", path, reason, env),
    }
}

/// What a run does with the log now, in order.
///
/// # Errors
/// When something cannot be read.
pub(super) fn tasks(job: &RotateLogs, log: &Log, cx: &Cx, keys: &Keys) -> Result<Vec<Task>, Error> {
    let env = &*cx.env;
    let mut tasks = Tasks {
        job,
        env,
        list: Vec::new(),
    };
    if let Some(refused) = &log.refused {
        let reason = format!("{}; {}", refused.message, refused.hint);
        tasks.add(Act::Refuse, "skip", &log.path, reason);
        return Ok(tasks.list);
    }
    let archive = job.archive(env);
    let sealed = |sealed: &Path, original: &Path| keys.holds(sealed, original);
    let mut found = logs::recover(&log.path, archive.as_deref(), &sealed)?;
    for repair in found.repairs {
        let step = repair_step(&repair, env);
        let act = Act::Repair(repair);
        tasks.list.push(Task { act, step });
    }
    let now = env.clock.now();
    let new = tasks.rotate(log, found.rotated.last(), cx, now)?;
    found.rotated.extend(new);
    tasks.keep(log, &mut found.rotated, now, false)?;
    tasks.convert(&found.rotated);
    Ok(tasks.list)
}

/// What `keep` says once nothing more can be compressed: every file counts as it is.
///
/// # Errors
/// When something cannot be read.
pub(super) fn make_room(job: &RotateLogs, log: &Log, env: &Env) -> Result<Vec<Task>, Error> {
    let mut tasks = Tasks {
        job,
        env,
        list: Vec::new(),
    };
    let mut there = logs::rotated(&log.path, job.archive(env).as_deref())?;
    tasks.keep(log, &mut there, env.clock.now(), true)?;
    tasks
        .list
        .retain(|task| matches!(task.act, Act::Remove { .. }));
    Ok(tasks.list)
}

impl Tasks<'_> {
    /// Rotates the log if it is due; returns the file that this makes.
    fn rotate(
        &mut self,
        log: &Log,
        newest: Option<&Rotated>,
        cx: &Cx,
        now: Timestamp,
    ) -> Result<Option<Rotated>, Error> {
        let Some(facts) = &log.facts else {
            let reason = "it is gone; its rotated files are looked after";
            self.add(Act::Tell, "skip", &log.path, reason);
            return Ok(None);
        };
        let born = facts.created().or_else(|_| facts.modified());
        let born = born.ok().and_then(|at| Timestamp::try_from(at).ok());
        let last = match newest {
            None => born,
            Some(newest) if newest.name.at() <= now => Some(newest.name.at()),
            // A clock was ahead, and names are counted up until it is overtaken.
            Some(newest) => [born, written(&newest.path)]
                .into_iter()
                .flatten()
                .filter(|at| *at <= now)
                .max(),
        };
        match self.job.due(facts.len(), last, now, &cx.zone) {
            Err(reason) => {
                self.add(Act::Tell, "skip", &log.path, reason);
                Ok(None)
            }
            Ok(reason) => {
                let archive = self.job.archive(self.env);
                let name = free_name(&log.path, archive.as_deref(), now)?;
                let path = log.path.with_file_name(name.to_string());
                let to = path.clone();
                self.add(Act::Rotate { to }, "rotate", &log.path, reason);
                let size = facts.len();
                Ok(Some(Rotated { name, path, size }))
            }
        }
    }

    /// Removes what `keep` does not want, and leaves what stays in `there`.
    fn keep(
        &mut self,
        log: &Log,
        there: &mut Vec<Rotated>,
        now: Timestamp,
        full: bool,
    ) -> Result<(), Error> {
        let plain = self.job.staying(there.len());
        // Where `free` looks.
        let disk_short = there.first().map(|oldest| disk(&oldest.path));
        let item = |(at, file): (usize, &Rotated)| Item {
            at: file.name.at(),
            counts: if full || at >= plain || !self.job.packs(file) {
                file.size
            } else {
                0
            },
            frees: (Some(disk(&file.path)) == disk_short).then_some(file.size),
        };
        let items: Vec<Item> = there.iter().enumerate().map(item).collect();
        let free = self.free(there)?;
        let believed = keep::believed(now, log.newest);
        let mut decisions = keep::decide(&items, &self.job.keep, believed, free);
        if believed < now {
            let by_clock = keep::decide(&items, &self.job.keep, now, free);
            self.hold(log, &by_clock, &mut decisions);
        }
        let mut kept = Vec::new();
        for (file, decision) in there.drain(..).zip(decisions) {
            match decision {
                Ok(reason) => {
                    self.add(Act::Tell, "keep", &file.path, reason);
                    kept.push(file);
                }
                Err(reason) => {
                    let path = file.path.clone();
                    self.add(Act::Remove { path }, "remove", &file.path, reason);
                }
            }
        }
        *there = kept;
        Ok(())
    }

    /// Tells which files stay only because the clock may be wrong.
    fn hold(&mut self, log: &Log, by_clock: &[keep::Decision], decisions: &mut [keep::Decision]) {
        let newest = log.newest.unwrap_or_default();
        let mut held = 0;
        for (by_clock, decision) in by_clock.iter().zip(decisions) {
            if let (Err(reason), Ok(kept)) = (by_clock, decision) {
                *kept = format!("{reason}, but by a clock that may be wrong");
                held += 1;
            }
        }
        if held > 0 {
            let reason = format!(
                "{held} of its files are too old only if the clock is right: the last rotation was at \
                 {newest}; the next run after another one removes them"
            );
            self.add(Act::Tell, "skip", &log.path, reason);
        }
    }

    /// The room on the disk of the oldest rotated file, if a rule asks for it.
    fn free(&self, there: &[Rotated]) -> Result<Option<u64>, Error> {
        let Some(oldest) = there.first().filter(|_| self.job.keep.min_free.is_some()) else {
            return Ok(None);
        };
        let folder = files::parent(&oldest.path);
        let space = system::free_space(folder).map_err(|error| {
            files::at("ask for the free space at", folder)(std::io::Error::other(error))
        })?;
        Ok(Some(space.free.0))
    }

    /// Compresses, encrypts and carries what is old enough.
    fn convert(&mut self, there: &[Rotated]) {
        let plain = self.job.staying(there.len());
        let archive = self.job.archive(self.env);
        for file in there.iter().take(plain) {
            let folder = archive.as_deref().unwrap_or(files::parent(&file.path));
            let mut file = file.clone();
            if file.name.form() == Form::Plain
                && let Some(reason) = still_written(&file.path)
            {
                self.add(Act::Tell, "skip", &file.path, reason);
                continue;
            }
            while let Some((how, form, reason)) = self.job.next(&file, folder) {
                let name = file.name.in_form(form);
                let path = folder.join(name.to_string());
                let (from, to) = (file.path.clone(), path.clone());
                let act = Act::Convert { from, to, how };
                self.add(act, how.verb(), &file.path, reason);
                file = Rotated { name, path, ..file };
            }
        }
    }
}

/// The filesystem of the folder of a file, if that can be told.
fn disk(path: &Path) -> Option<u64> {
    files::parent(path).metadata().ok().map(|facts| facts.dev())
}

/// When a file was written last, if that is known.
fn written(path: &Path) -> Option<Timestamp> {
    let at = path.metadata().and_then(|facts| facts.modified()).ok()?;
    Timestamp::try_from(at).ok()
}

/// Why a plain file must stay: lines that are still written to it would be lost.
pub(super) fn still_written(path: &Path) -> Option<String> {
    let writers = system::users::writers_of(path);
    let writer = writers.first()?;
    Some(format!(
        "{writer} still writes it: it has to open its log again, or needs `method: copy`"
    ))
}

impl RotateLogs {
    /// Whether a log of this size, last rotated then, is due, and why or why not.
    fn due(
        &self,
        size: u64,
        last: Option<Timestamp>,
        now: Timestamp,
        zone: &jiff::tz::TimeZone,
    ) -> Result<String, String> {
        let (shown, max) = (Bytes(size), self.max_size);
        if size == 0 {
            return Err("it is empty".to_owned());
        }
        if size >= max.0 {
            return Ok(format!("{shown} reach `max_size` of {max}"));
        }
        let Some(every) = self.every else {
            return Err(format!("{shown} of {max}"));
        };
        let word = every.as_str();
        if last.is_some_and(|last| every.is_same(last, now, zone)) {
            return Err(format!("{shown} of {max}, and begun in this {word}"));
        }
        if size < self.min_size.0 {
            return Err(format!(
                "{shown} are less than `min_size` of {}",
                self.min_size
            ));
        }
        Ok(format!("{shown}, begun before this {word} (`every`)"))
    }

    /// How many of `count` rotated files, from the oldest, are old enough to be changed.
    fn staying(&self, count: usize) -> usize {
        count.saturating_sub(usize::try_from(self.delay).unwrap_or(usize::MAX))
    }

    /// Whether a file will be compressed once it is old enough.
    fn packs(&self, file: &Rotated) -> bool {
        self.compress == Compress::Gzip && file.name.form() == Form::Plain
    }

    /// What has to become of a file next, and why.
    fn next(&self, file: &Rotated, folder: &Path) -> Option<(Change, Form, String)> {
        let form = file.name.form();
        if self.packs(file) {
            let reason = match self.delay {
                0 => "rotated files are compressed".to_owned(),
                1 => "the newest alone stays as it is (`delay`)".to_owned(),
                delay => format!("the newest {delay} stay as they are (`delay`)"),
            };
            return Some((Change::Pack, Form::Gzip, reason));
        }
        if self.encrypt && form == Form::Gzip {
            let reason = "compressed files are encrypted (`encrypt`)".to_owned();
            return Some((Change::Seal, Form::Sealed, reason));
        }
        let reason = "it belongs into `archive_dir`".to_owned();
        (files::parent(&file.path) != folder).then_some((Change::Carry, form, reason))
    }
}
