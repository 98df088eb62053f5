//! A running daemon takes another job file: all of it, or nothing.

use std::{
    collections::BTreeSet,
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot},
    time::{Interval, MissedTickBehavior},
};

use super::{
    Error, Site,
    load::load,
    own_log,
    session::{DAEMON, registrations},
    tidy::Keeping,
    wire::{Broken, Reloaded},
};
use crate::{
    engine::{self, Engine},
    job::chain,
    jobfile::{Difference, Loaded, Problems, read_file},
    ledger::{Known, Ledger},
    system::{LocalZone, watching::Watching},
};

/// How often the computer is asked for its zone.
const ASK_FOR_ZONE: Duration = Duration::from_mins(1);
/// How long after another zone was seen it is looked at again.
const ZONE_AGAIN: Duration = Duration::from_secs(1);
/// How many lines of a difference the journal has.
const JOURNAL_LINES: usize = 50;
/// How many lines of a difference, or problems, the log has.
const LOG_LINES: usize = 20;

/// Gives the value of a variable; `None` for one that is not set.
type LookUp = dyn Fn(&str) -> Option<String> + Send + Sync;

/// What a daemon looks up in its surroundings again whenever it takes another job file.
#[derive(Clone)]
pub struct Surroundings {
    /// The values of `${VAR}`.
    pub vars: Arc<LookUp>,
    /// The computer's zone.
    pub zone: Arc<dyn Fn() -> LocalZone + Send + Sync>,
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Surroundings")
    }
}

/// What `status` shows of the jobs.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    /// How many jobs are loaded.
    pub(super) jobs: usize,
    /// What keeps the job file as it is now from being taken.
    pub(super) broken: Option<Broken>,
}

/// The plan, shared with whoever shows it.
#[derive(Debug, Clone, Default)]
pub(super) struct SharedPlan(Arc<Mutex<Plan>>);

impl SharedPlan {
    pub(super) fn of(loaded: &Loaded) -> Self {
        Self(Arc::new(Mutex::new(Plan {
            jobs: loaded.set.jobs.len(),
            broken: None,
        })))
    }

    pub(super) fn get(&self) -> Plan {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the answer to somebody who asked for a reload goes.
pub(super) type Reply = oneshot::Sender<Result<Reloaded, Error>>;

/// Why the job file is read again.
#[derive(Debug)]
pub(super) enum Cause {
    /// Its content has changed.
    File,
    /// SIGHUP.
    Signal,
    /// `reload`.
    Asked(Reply),
    /// The computer is in another zone.
    Zone(LocalZone),
}

impl Cause {
    fn word(&self) -> &'static str {
        match self {
            Self::File => "the file has changed",
            Self::Signal => "SIGHUP",
            Self::Asked(_) => "asked for",
            Self::Zone(_) => "the computer's zone has changed",
        }
    }
}

/// What takes another job file when there is one.
pub(super) struct Reloader {
    pub(super) site: Site,
    pub(super) surroundings: Surroundings,
    /// The job file that is in force.
    pub(super) loaded: Arc<Loaded>,
    pub(super) engine: Engine,
    pub(super) ledger: Arc<Ledger>,
    pub(super) plan: SharedPlan,
    pub(super) keeping: Keeping,
}

/// A job file that can be taken.
struct Good {
    loaded: Loaded,
    difference: Difference,
    known: Vec<Known>,
}

impl Reloader {
    /// Waits for reasons to read the job file again, until all who could ask have gone.
    pub(super) async fn run(mut self, mut asked: mpsc::Receiver<Cause>) {
        let mut paths = self.paths();
        let mut watching = watch(paths.clone()).await;
        let mut clock = interval();
        // It may have changed between the daemon's first look and the beginning of the watch.
        self.reload(Cause::File).await;
        loop {
            let cause = tokio::select! {
                cause = asked.recv() => match cause {
                    Some(cause) => cause,
                    None => return,
                },
                () = watching.changed() => Cause::File,
                _ = clock.tick() => {
                    if let Some(zone) = self.other_zone().await {
                        Cause::Zone(zone)
                    } else if self.plan.get().broken.is_some() {
                        // What kept the file from being taken may not have been in the file.
                        Cause::File
                    } else {
                        continue;
                    }
                }
            };
            self.reload(cause).await;
            if self.paths() != paths {
                paths = self.paths();
                watching = watch(paths.clone()).await;
            }
        }
    }

    /// The files that are watched: the job file, the user's calendars that it names, rules and watch lists.
    fn paths(&self) -> Vec<PathBuf> {
        let settings = &self.site.settings;
        let folder = settings.calendars();
        let mut paths = BTreeSet::new();
        if folder.is_dir() {
            let jobs = self.loaded.set.jobs.iter();
            let named = jobs.filter_map(|spec| spec.policy.calendar.as_deref());
            paths.extend(named.map(|calendar| folder.join(format!("{}.yaml", calendar.name()))));
        }
        let env = &self.loaded.set.env;
        for spec in &self.loaded.set.jobs {
            if let Some(wanted) = spec.job.rules_wanted(env) {
                paths.insert(settings.strategies());
                paths.extend(wanted.list);
            }
        }
        let job_file = settings.jobs_file().to_owned();
        std::iter::once(job_file).chain(paths).collect()
    }

    /// The computer's zone, if it has become another one; asked twice, because the file that tells it
    /// may be exchanged at this very moment.
    async fn other_zone(&self) -> Option<LocalZone> {
        let first = (self.surroundings.zone)();
        if first == self.site.zone {
            return None;
        }
        tokio::time::sleep(ZONE_AGAIN).await;
        Some((self.surroundings.zone)()).filter(|second| *second == first)
    }

    /// Whether the job file is still, byte for byte, the one that is in force; what stands in
    /// calendars has to be read to be known.
    async fn in_force(&self) -> bool {
        if self.paths().len() > 1 {
            return false;
        }
        let (site, loaded) = (self.site.clone(), Arc::clone(&self.loaded));
        let look = move || {
            read_file(site.settings.jobs_file()).is_ok_and(|bytes| loaded.written.is(&bytes))
        };
        tokio::task::spawn_blocking(look).await.unwrap_or(true)
    }

    async fn reload(&mut self, cause: Cause) {
        // What `reload` has taken, the watch tells a moment later.
        let broken = self.plan.get().broken.is_some();
        if matches!(cause, Cause::File) && !broken && self.in_force().await {
            return;
        }
        let why = cause.word();
        if let Cause::Zone(zone) = &cause {
            self.note_zone(zone).await;
            self.site.zone = zone.clone();
        }
        let answer = self.take().await;
        match &answer {
            Ok(reloaded) => self.tell(reloaded, why).await,
            // The next daemon will read the file as it is then.
            Err(Error::Engine(engine::Error::Stopped)) => {
                tracing::warn!(why, "not reloaded: the daemon is stopping");
            }
            Err(error) => self.refuse(error, why).await,
        }
        if let Cause::Asked(reply) = cause {
            // Whoever has gone meanwhile finds it in the log.
            let _answered = reply.send(answer);
        }
    }

    /// Reads, checks and compares the whole file, and only then puts it in force.
    async fn take(&mut self) -> Result<Reloaded, Error> {
        let good = self.read().await?;
        let jobs = good.loaded.set.jobs.len();
        if !good.difference.is_empty() {
            let set = good.loaded.set.clone();
            self.engine.reload(set, good.known).await?;
        }
        self.keeping.take(&good.loaded.set);
        own_log::limit(&good.loaded.set);
        self.loaded = Arc::new(good.loaded);
        Ok(Reloaded {
            jobs,
            difference: good.difference,
        })
    }

    /// The job file as it is now, away from the tasks that must never wait for a disk.
    async fn read(&self) -> Result<Good, Error> {
        let (site, vars) = (self.site.clone(), Arc::clone(&self.surroundings.vars));
        let (old, ledger) = (Arc::clone(&self.loaded), Arc::clone(&self.ledger));
        let read = move || {
            let loaded = load(&site, vars.as_ref())?;
            let difference = Difference::between(&old, &loaded);
            let known = if difference.is_empty() {
                Vec::new()
            } else {
                let registrations = registrations(&loaded.set);
                ledger.retire_others(&registrations)?;
                ledger.register(&registrations)?
            };
            Ok(Good {
                loaded,
                difference,
                known,
            })
        };
        match tokio::task::spawn_blocking(read).await {
            Ok(good) => good,
            // The runtime is shutting down, or reading has panicked.
            Err(_) => Err(engine::Error::Stopped.into()),
        }
    }

    async fn tell(&self, reloaded: &Reloaded, why: &str) {
        let mended = {
            let mut plan = self.plan.lock();
            plan.jobs = reloaded.jobs;
            plan.broken.take().is_some()
        };
        let difference = &reloaded.difference;
        if difference.is_empty() {
            if mended {
                tracing::info!(why, "the job file is good again; nothing has changed");
            }
            return;
        }
        tracing::info!(jobs = reloaded.jobs, why, "reloaded");
        for line in difference.lines(LOG_LINES) {
            tracing::info!("{line}");
        }
        warn(&self.loaded.warnings);
        self.note("reload", &difference.lines(JOURNAL_LINES).join("; "))
            .await;
    }

    async fn refuse(&self, error: &Error, why: &str) {
        let broken = Broken {
            since: self.site.clock.now(),
            problems: problems(error),
        };
        let before = {
            let mut plan = self.plan.lock();
            let before = plan.broken.take();
            let since = before.as_ref().map_or(broken.since, |before| before.since);
            plan.broken = Some(Broken {
                since,
                ..broken.clone()
            });
            before
        };
        // Told once, however often it is asked for.
        if before.is_some_and(|before| before.problems == broken.problems) {
            return;
        }
        let error = chain(error);
        tracing::error!(error, why, "not reloaded: the jobs stay as they were");
        for problem in broken.problems.iter().take(LOG_LINES) {
            tracing::error!("{problem}");
        }
        let first: Vec<_> = broken
            .problems
            .iter()
            .take(JOURNAL_LINES)
            .cloned()
            .collect();
        self.note("reload refused", &first.join("; ")).await;
    }

    async fn note_zone(&self, zone: &LocalZone) {
        let (from, to) = (&self.site.zone.name, &zone.name);
        tracing::info!(from, to, "the computer's zone has changed");
        self.note("zone changed", &format!("{from} → {to}")).await;
    }

    /// A journal that cannot be written must not keep a good file from being taken.
    async fn note(&self, act: &str, detail: &str) {
        let file = self.site.settings.jobs_file().display().to_string();
        let (ledger, act, detail) = (Arc::clone(&self.ledger), act.to_owned(), detail.to_owned());
        let note = move || ledger.note(DAEMON, &act, &file, &detail);
        if let Ok(Err(error)) = tokio::task::spawn_blocking(note).await {
            let error = chain(&error);
            tracing::error!(error, "the journal could not be written");
        }
    }
}

/// Looks at the files for the first time away from the tasks that must never wait for a disk.
async fn watch(paths: Vec<PathBuf>) -> Watching {
    let start = {
        let paths = paths.clone();
        move || Watching::start(paths)
    };
    match tokio::task::spawn_blocking(start).await {
        Ok(watching) => watching,
        Err(_) => Watching::start(paths),
    }
}

/// Says once what is doubtful in the job file.
pub(super) fn warn(warnings: &Problems) {
    let file = warnings.file();
    for problem in warnings.list() {
        let (line, column) = (problem.place.line, problem.place.column);
        tracing::warn!(file, line, column, "{}", problem.message);
    }
}

fn interval() -> Interval {
    let mut clock = tokio::time::interval(ASK_FOR_ZONE);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    clock
}

/// What is wrong, a line each: `jobs.yaml:2:18 unknown kind …`.
fn problems(error: &Error) -> Vec<String> {
    match error {
        Error::Problems(problems) => problems.lines(),
        error => vec![chain(error)],
    }
}

#[cfg(test)]
mod tests;
