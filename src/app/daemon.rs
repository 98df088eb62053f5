//! The daemon's life: from the lock to the last checkpoint.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
};

use super::{
    Error, Site, StopRequest,
    control::{self, Server, Shared},
    first_start,
    session::{self, DAEMON, Session},
    socket,
};
use crate::{
    job::JobName,
    jobfile::Loaded,
    logs::{self, Console},
};

/// How long running jobs may go on after SIGTERM or `stop`.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(30);

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
/// [`Error::Lock`] when another process is at work in this root; anything that makes life
/// impossible. A failing job does not.
pub async fn start(
    site: &Site,
    loaded: Loaded,
    console: Console,
    filter: &str,
    ready: impl FnOnce(&Ready),
) -> Result<Ending, Error> {
    let mut signals = Signals::new().map_err(Error::Signals)?;
    let opened = session::open(site, &loaded, DAEMON)?;
    logs::init(&logs::Options {
        filter,
        console,
        file: Some(&site.settings.log_file()),
        clock: site.clock.clone(),
        zone: site.zone.zone.clone(),
    })?;
    let made = if opened.first { first_start::contents(site, &loaded)? } else { Vec::new() };
    let (jobs, lost) = (loaded.set.jobs.len(), opened.lost.len());
    let since = site.clock.now();
    let Session { engine, ledger, instance, lock } = opened.engine(loaded.set, true).await?;
    let engine = Arc::new(engine);
    let (stop, mut stops) = mpsc::channel(4);
    let shared = Shared { engine: Arc::clone(&engine), since, jobs, stop };
    let server = control::serve(&socket::path(&site.settings), shared)?;
    ledger.note(DAEMON, "start", "", &format!("version {}", env!("CARGO_PKG_VERSION")))?;
    tracing::info!(jobs, lost, version = env!("CARGO_PKG_VERSION"), "ready");
    let upcoming = engine.status().await?.upcoming;
    ready(&Ready { made, jobs, upcoming, lost });
    let _ = (&mut signals, &mut stops, server, instance, lock);
    Ok(Ending::Stopped)
}
