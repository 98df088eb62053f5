//! The daemon's life: from the lock to the last checkpoint.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
};

use super::{
    Error, Site, StopRequest,
    control::{self, Shared},
    first_start,
    load::load,
    own_log,
    reload::{Cause, Reloader, SharedPlan, Surroundings, warn},
    session::{self, DAEMON, START},
    socket,
    tidy::{Keeping, Tidying},
};
use crate::{
    engine::Engine,
    job::JobName,
    ledger::SetAside,
    logs::{self, Console},
    units::Span,
};

/// How long running jobs may go on after SIGTERM or `stop`.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(30);

/// How long a reload that is under way may take when the daemon ends.
const LAST_RELOAD: Duration = Duration::from_secs(10);

/// The daemon is up.
#[derive(Debug, Clone)]
pub struct Ready {
    /// What the first start has made, in words.
    pub made: Vec<String>,
    /// How many jobs are loaded.
    pub jobs: usize,
    /// The first slots to come.
    pub upcoming: Vec<(Timestamp, JobName)>,
    /// Runs that died with an earlier process.
    pub lost: usize,
    /// The ledger as it was, if it was damaged and history starts anew.
    pub set_aside: Option<SetAside>,
}

/// Why the daemon ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It was told to stop.
    Stopped,
    /// It was told to start again.
    Restart,
}

/// Lives until told otherwise; `ready` is called once everything is up.
///
/// # Errors
/// As [`load`]; [`Error::Lock`] when another process is at work in this root; anything that makes life
/// impossible. A failing job does not.
pub async fn start(
    site: &Site,
    surroundings: Surroundings,
    console: Console,
    filter: &str,
    ready: impl FnOnce(&Ready),
) -> Result<Ending, Error> {
    let signals = Signals::new().map_err(Error::Signals)?;
    let (opened, loaded) = session::open(site, &|| load(site, &*surroundings.vars), DAEMON).await?;
    begin_log(site, console, filter)?;
    own_log::settle(&loaded.set);
    own_log::limit(&loaded.set);
    warn(&loaded.warnings);
    let made = if opened.first {
        first_start::contents(site, &loaded)?
    } else {
        Vec::new()
    };
    let (jobs, lost) = (loaded.set.jobs.len(), opened.died);
    let set_aside = opened.set_aside.clone();
    if let Some(kept) = &set_aside {
        session::tell_set_aside(kept);
    }
    session::tell_settled(&opened.settled);
    let since = site.clock.now();
    let (plan, loaded) = (SharedPlan::of(&loaded), Arc::new(loaded));
    let session = opened.engine(loaded.set.clone(), true).await?;
    let (stop, stops) = mpsc::channel(4);
    let (reload, causes) = mpsc::channel(4);
    let shared = Shared {
        engine: session.engine.clone(),
        ledger: Arc::clone(&session.ledger),
        since,
        site: site.clone(),
        plan: plan.clone(),
        stop,
        reload: reload.clone(),
    };
    let server = control::serve(&socket::path(&site.settings), shared)?;
    let version = env!("CARGO_PKG_VERSION");
    session
        .ledger
        .note(DAEMON, START, "", &format!("version {version}"))?;
    tracing::info!(jobs, lost, version, "ready");
    let upcoming = session.engine.status().await?.upcoming;
    ready(&Ready {
        made,
        jobs,
        upcoming,
        lost,
        set_aside,
    });
    let reloader = Reloader {
        site: site.clone(),
        surroundings,
        keeping: Keeping::of(&loaded.set),
        loaded,
        engine: session.engine.clone(),
        ledger: Arc::clone(&session.ledger),
        plan,
    };
    let tidying = Tidying::start(&session.ledger, &site.clock, &reloader.keeping);
    let reloading = tokio::spawn(reloader.run(causes));
    let ending = live(&session.engine, signals, stops, &reload).await;
    tidying.stop().await;
    // Nobody can ask for a reload any more; one that is under way ends before the ledger does.
    server.close().await?;
    drop(reload);
    if tokio::time::timeout(LAST_RELOAD, reloading).await.is_err() {
        tracing::warn!("a reload did not end in time");
    }
    let ending = ending?;
    session.ledger.note(DAEMON, "stop", "", "")?;
    session.close().await?;
    tracing::info!("stopped");
    Ok(ending)
}

fn begin_log(site: &Site, console: Console, filter: &str) -> Result<(), logs::Error> {
    logs::init(&logs::Options {
        filter,
        console,
        file: Some(&site.settings.log_file()),
        clock: site.clock.clone(),
        zone: site.zone.zone.clone(),
    })
}

/// Waits for somebody to say stop, and then for the engine to have stopped. Who says it again
/// hurries it. Reasons to read the job file again go to `reload`.
async fn live(
    engine: &Engine,
    mut signals: Signals,
    mut stops: mpsc::Receiver<StopRequest>,
    reload: &mpsc::Sender<Cause>,
) -> Result<Ending, Error> {
    let mut ending = Ending::Stopped;
    let mut grace = SHUTDOWN_GRACE;
    loop {
        tokio::select! {
            biased;
            () = engine.stopped() => return Ok(ending),
            name = signals.next() => {
                let Some(name) = name else {
                    // Where as many wait already, one of them stands for this one.
                    let _queued = reload.try_send(Cause::Signal);
                    continue;
                };
                tracing::info!(signal = name, grace = %Span::from(grace), "stopping");
                engine.drain(grace).await?;
                grace = Duration::ZERO;
            }
            Some(request) = stops.recv() => {
                tracing::info!(grace = %request.grace, restart = request.restart, "stopping");
                if request.restart {
                    ending = Ending::Restart;
                }
                engine.drain(request.grace.duration()).await?;
            }
        }
    }
}

/// The signals that a daemon listens to.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// Reload. Also what a daemon gets when its terminal is closed, and no reason to end.
    hangup: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The name of the next one that ends a daemon; `None` for one that makes it reload.
    async fn next(&mut self) -> Option<&'static str> {
        tokio::select! {
            _ = self.terminate.recv() => Some("SIGTERM"),
            _ = self.interrupt.recv() => Some("SIGINT"),
            _ = self.hangup.recv() => None,
        }
    }
}
