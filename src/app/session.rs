//! One life of a process that runs jobs: lock, ledger, engine; the same for daemon and `run-job`.

use std::{collections::HashSet, path::PathBuf, sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{Error, Site, first_start, restore};
use crate::{
    archive,
    engine::{Config, Engine},
    job::{JobName, JobSet, chain},
    jobfile::Loaded,
    ledger::{self, Instance, Ledger, LostRun, Recovered, Registration, SetAside},
    lock::{Holder, InstanceLock},
    sqlite::Trouble,
    swap,
};

/// The word by which a daemon's life is known in the ledger.
pub(super) const DAEMON: &str = "daemon";
/// The act that the journal has of a daemon once it is up.
pub(super) const START: &str = "start";
/// The act that the journal has of a damaged ledger that was set aside.
const SET_ASIDE: &str = "ledger set aside";

/// How often, and how many times, it is looked whether a restore is over: for ten seconds.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LOOKS: u32 = 100;

/// The lock is taken and the ledger is open, but nothing runs yet.
pub(super) struct Opened {
    pub(super) ledger: Arc<Ledger>,
    pub(super) instance: Instance,
    /// Runs that died with an earlier process and wait to be caught up.
    pub(super) lost: Vec<LostRun>,
    /// How many runs were found to have died.
    pub(super) died: usize,
    /// Whether no daemon has ever lived here.
    pub(super) first: bool,
    /// The ledger as it was, if it was damaged and a new one had to be begun.
    pub(super) set_aside: Option<SetAside>,
    /// What was ended of restores that were cut short: what was done, and where.
    pub(super) settled: Vec<(&'static str, String)>,
    lock: InstanceLock,
}

/// An engine at work.
pub(super) struct Session {
    pub(super) engine: Engine,
    pub(super) ledger: Arc<Ledger>,
    instance: Instance,
    /// Held to the end.
    lock: InstanceLock,
}

/// Reads the job file, whatever of it the caller needs being there.
pub(super) type Read<'a> = &'a dyn Fn() -> Result<Loaded, Error>;

/// Takes the lock, ends half a restore, reads the job file, opens the ledger, recognises what was lost,
/// sweeps what a crash left behind. `read` may be called more than once.
///
/// # Errors
/// As `read`; then nothing is made, unless a restore may have been cut short.
pub(super) async fn open(
    site: &Site,
    read: Read<'_>,
    what: &str,
) -> Result<(Opened, Loaded), Error> {
    set_clock(site)?;
    // Half a restore may have left any job file there, or none.
    let early = if restore::may_be_left(site) {
        None
    } else {
        Some(read()?)
    };
    first_start::folders(site)?;
    let holder = Holder::this_process(what, site.clock.now());
    let lock = InstanceLock::acquire(&site.settings.lock(), &holder)?;
    // Before anything opens a database.
    let settled = settle(site).await?;
    let path = site.settings.ledger();
    let (mut ledger, mut set_aside) = Ledger::open_sound(&path, &site.clock)?;
    let loaded = match early.filter(|_| settled.is_empty()) {
        Some(loaded) => loaded,
        None => match read() {
            Err(error) => {
                note_settled(&ledger, what, &settled)?;
                return Err(error);
            }
            Ok(loaded) => loaded,
        },
    };
    let host = &loaded.set.env.host;
    let life = match Life::begin(&ledger, what, host) {
        Err(error) if error.trouble() == Trouble::Damaged && set_aside.is_none() => {
            let (new, kept) = ledger.give_up(&error)?;
            (ledger, set_aside) = (new, Some(kept));
            Life::begin(&ledger, what, host)?
        }
        begun => begun?,
    };
    if let Some(kept) = &set_aside {
        let path = kept.path.display().to_string();
        ledger.note(DAEMON, SET_ASIDE, &path, &kept.why)?;
    }
    note_settled(&ledger, what, &settled)?;
    sweep(&loaded.set);
    let opened = Opened {
        settled,
        // A ledger that was begun anew does not make this a first start.
        first: life.first && !Ledger::was_set_aside(&path),
        ledger: Arc::new(ledger),
        instance: life.instance,
        lost: life.recovered.waiting,
        died: life.recovered.died,
        set_aside,
        lock,
    };
    Ok((opened, loaded))
}

/// Ends half a restore. One that is putting files in their places at this moment is waited for: it began
/// under a daemon that has ended since, and takes no time worth speaking of.
async fn settle(site: &Site) -> Result<Vec<(&'static str, String)>, Error> {
    for _ in 0..LOOKS {
        match restore::settle(site) {
            Err(Error::Restore(restore::Error::Swap(swap::Error::Busy { .. }))) => {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            settled => return settled,
        }
    }
    restore::settle(site)
}

fn note_settled(
    ledger: &Ledger,
    what: &str,
    settled: &[(&'static str, String)],
) -> Result<(), ledger::Error> {
    let mut settled = settled.iter();
    settled.try_for_each(|(act, subject)| ledger.note(what, act, subject, "it had been cut short"))
}

/// Without a battery a computer begins in 1970, or wherever its maker has put it. Slots claimed then
/// would be claimed for ever.
fn set_clock(site: &Site) -> Result<(), Error> {
    const FIRST: Timestamp = Timestamp::constant(946_684_800, 0);
    let now = site.clock.now();
    if now >= FIRST {
        return Ok(());
    }
    let shown = now.to_zoned(site.zone.zone.clone());
    Err(Error::Clock {
        shown: shown.strftime("%Y-%m-%d %H:%M:%S %:z").to_string(),
    })
}

/// Logs that the ledger was damaged; call it once there is a log.
pub(super) fn tell_set_aside(kept: &SetAside) {
    let (path, why) = (kept.path.display(), &kept.why);
    tracing::error!(%path, why, "the ledger was damaged and is set aside; history starts anew");
}

/// Logs what was ended of restores that were cut short; call it once there is a log.
pub(super) fn tell_settled(settled: &[(&'static str, String)]) {
    for (act, subject) in settled {
        tracing::warn!(subject, "{act}: it had been cut short");
    }
}

/// What the ledger is told and says when a life begins.
struct Life {
    first: bool,
    instance: Instance,
    recovered: Recovered,
}

impl Life {
    fn begin(ledger: &Ledger, what: &str, host: &str) -> Result<Self, ledger::Error> {
        // Noted when a daemon is up: one that died before may not have made everything.
        let first = !ledger.has_done(DAEMON, START)?;
        if what == DAEMON {
            ledger.note_stop(what)?;
        }
        let instance = ledger.begin(what, host, env!("CARGO_PKG_VERSION"))?;
        let recovered = ledger.recover(instance)?;
        Ok(Self {
            first,
            instance,
            recovered,
        })
    }
}

impl Opened {
    /// Starts the engine.
    pub(super) async fn engine(self, set: JobSet, timer: bool) -> Result<Session, Error> {
        let Self {
            ledger,
            instance,
            lost,
            lock,
            ..
        } = self;
        let registrations = registrations(&set);
        if timer {
            ledger.retire_others(&registrations)?;
        }
        let known = ledger.register(&registrations)?;
        let config = Config {
            set,
            ledger: Arc::clone(&ledger),
            instance,
            known,
            lost,
            timer,
        };
        Ok(Session {
            engine: Engine::start(config).await?,
            ledger,
            instance,
            lock,
        })
    }
}

impl Session {
    /// Waits for the engine to have drained and ends this life in good order.
    pub(super) async fn close(self) -> Result<(), Error> {
        self.engine.stopped().await;
        self.ledger.end(self.instance)?;
        self.ledger.checkpoint()?;
        drop(self.lock);
        Ok(())
    }
}

/// What the ledger is told of the jobs, in the order of the file.
pub(super) fn registrations(set: &JobSet) -> Vec<Registration> {
    let needed: HashSet<&JobName> = set
        .jobs
        .iter()
        .flat_map(|spec| &spec.policy.needs)
        .collect();
    set.jobs
        .iter()
        .map(|spec| Registration {
            job: spec.name.clone(),
            schedule: spec.timing(),
            needed: needed.contains(&spec.name),
        })
        .collect()
}

/// Removes partial files that a dead process left in the folders of jobs, and its trials. A folder that cannot be
/// swept is its job's trouble, which a run of it will tell; the other jobs live on.
fn sweep(set: &JobSet) {
    let scratch = set.env.settings.scratch();
    match archive::sweep_scratch(&scratch) {
        Ok(removed) => told(&removed),
        Err(error) => {
            let (path, error) = (scratch.display(), chain(&error));
            tracing::warn!(%path, error, "it could not be swept");
        }
    }
    for spec in &set.jobs {
        for folder in spec.job.owned_folders(&spec.name, &set.env) {
            match archive::sweep(&folder) {
                Ok(removed) => told(&removed),
                Err(error) => {
                    let error = chain(&error);
                    tracing::warn!(job = %spec.name, error, "its folder could not be swept");
                }
            }
        }
    }
}

fn told(removed: &[PathBuf]) {
    for path in removed {
        tracing::warn!(path = %path.display(), "removed what a crash had left behind");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::load,
        clock::Clock,
        settings::{Raw, Settings},
        system,
    };

    fn site(folder: &std::path::Path, now: &str) -> Site {
        let raw = Raw {
            root: Some(folder.to_owned()),
            jobs_file: None,
        };
        Site {
            settings: Settings::resolve(&raw, folder),
            clock: Clock::virtual_from(now.parse().unwrap()),
            zone: system::local_zone(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_was_never_set_begins_no_life() {
        let root = tempfile::tempdir().unwrap();
        crate::files::write_new(&root.path().join("jobs.yaml"), b"jobs: {a: {backup: {}}}")
            .unwrap();
        for (now, good) in [
            ("1970-01-02T00:00:12Z", false),
            ("1999-12-31T23:59:59Z", false),
            ("2000-01-01T00:00:00Z", true),
        ] {
            let site = site(root.path(), now);
            let opened = open(&site, &|| load(&site, &|_| None), DAEMON).await;
            assert_eq!(opened.is_ok(), good, "{now}");
            // Refused before anything is made.
            assert_eq!(root.path().join("data").exists(), good, "{now}");
            if let Err(error) = opened {
                let told = error.to_string();
                assert!(told.starts_with("the computer's clock shows 19"), "{told}");
            }
        }
    }
}
