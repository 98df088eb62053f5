//! One life of a process that runs jobs: lock, ledger, engine; the same for daemon and `run-job`.

use std::sync::Arc;

use super::{Error, Site, first_start};
use crate::{
    archive,
    engine::{Config, Engine},
    job::{JobSet, JobSpec, chain},
    jobfile::Loaded,
    ledger::{Instance, Ledger, LostRun, Registration},
    lock::{Holder, InstanceLock},
};

/// The word by which a daemon's life is known in the ledger.
pub(super) const DAEMON: &str = "daemon";
/// The act that the journal has of a daemon once it is up.
pub(super) const START: &str = "start";

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

/// Takes the lock, opens the ledger, recognises what was lost, sweeps what a crash left behind.
pub(super) fn open(site: &Site, loaded: &Loaded, what: &str) -> Result<Opened, Error> {
    first_start::folders(site)?;
    let holder = Holder::this_process(what, site.clock.now());
    let lock = InstanceLock::acquire(&site.settings.lock(), &holder)?;
    let ledger = Arc::new(Ledger::open(&site.settings.ledger(), site.clock.clone())?);
    // Noted when a daemon is up: one that died before may not have made everything.
    let first = !ledger.has_done(DAEMON, START)?;
    let host = &loaded.set.env.host;
    let instance = ledger.begin(what, host, env!("CARGO_PKG_VERSION"))?;
    let recovered = ledger.recover(instance)?;
    sweep(&loaded.set);
    Ok(Opened {
        ledger,
        instance,
        lost: recovered.waiting,
        died: recovered.died,
        first,
        lock,
    })
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
        let registrations: Vec<Registration> = set.jobs.iter().map(registration).collect();
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

/// Everything that decides when a job is due, as text: a change means that nothing was missed.
pub(super) fn registration(spec: &JobSpec) -> Registration {
    let schedules: Vec<String> = spec.schedules.iter().map(ToString::to_string).collect();
    let zone = spec.policy.timezone.iana_name().unwrap_or("local");
    let schedule = if spec.policy.enabled && !schedules.is_empty() {
        format!("{} in {zone}, {:?}", schedules.join(", "), spec.policy.dst)
    } else {
        String::new()
    };
    Registration {
        job: spec.name.clone(),
        schedule,
    }
}

/// Removes partial files that a dead process left in the folders of jobs. A folder that cannot be
/// swept is its job's trouble, which a run of it will tell; the other jobs live on.
fn sweep(set: &JobSet) {
    for spec in &set.jobs {
        for folder in spec.job.owned_folders(&spec.name, &set.env) {
            match archive::sweep(&folder) {
                Ok(removed) => removed.iter().for_each(|path| {
                    tracing::warn!(path = %path.display(), "removed what a crash had left behind");
                }),
                Err(error) => {
                    let error = chain(&error);
                    tracing::warn!(job = %spec.name, error, "its folder could not be swept");
                }
            }
        }
    }
}
