//! Nobody else is at work while files are swapped.

use std::time::Duration;

use crate::{
    app::{self, Client, Held, Site},
    job::RunInfo,
    ledger::Ledger,
    lock::{Holder, InstanceLock},
    swap,
};

/// All is quiet as long as this lives.
#[derive(Debug)]
pub enum Quiet {
    /// The daemon starts nothing.
    Daemon(Client, Held),
    /// There is no daemon, and none can start.
    Here(InstanceLock),
}

/// What is told of a restore that had to be ended.
const CUT_SHORT: &str = "it had been cut short";
/// How long a daemon gets to notice that it is free again.
const NOTICE: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(20);

impl Quiet {
    /// Makes it quiet: asks the daemon to start nothing and waits until what it does has ended, or
    /// keeps one from starting. `waits` is told for which runs it waits, whenever that changes.
    ///
    /// # Errors
    /// [`app::Error::Lock`] when another command is at work, [`app::Error::Refused`] when another
    /// restore is, [`super::Error`] when a restore that was cut short cannot be ended.
    pub async fn make(site: &Site, waits: impl Fn(&[RunInfo])) -> Result<Self, app::Error> {
        if let Some(client) = Client::connect(&site.settings).await? {
            let mut held = client.hold().await?;
            while let Some(runs) = held.waits_for().await? {
                waits(&runs);
            }
            return Ok(Self::Daemon(client, held));
        }
        let lock = lock(site)?;
        let site = site.clone();
        let settle = move || settle_and_note(&site);
        match tokio::task::spawn_blocking(settle).await {
            Ok(settled) => settled.map(|_| Self::Here(lock)),
            Err(_) => Err(super::Error::Cancelled.into()),
        }
    }

    /// Whether a daemon is up.
    pub fn is_daemon(&self) -> bool {
        matches!(self, Self::Daemon(..))
    }

    /// Lets everything go on, and the daemon take the job file as it is now.
    ///
    /// # Errors
    /// [`app::Error::NotReloaded`] with what is wrong with the job file.
    pub async fn end(self) -> Result<(), app::Error> {
        match self {
            Self::Here(_) => Ok(()),
            Self::Daemon(client, held) => {
                drop(held);
                released(&client).await;
                client.reload().await.map(|_| ())
            }
        }
    }
}

/// Waits until the daemon goes on, so that whoever comes next finds it free; not for ever, for another
/// restore may have begun.
async fn released(client: &Client) {
    let look = async {
        while client
            .status()
            .await
            .is_ok_and(|info| info.engine.held_since.is_some())
        {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    // It will notice all the same.
    let _noticed = tokio::time::timeout(NOTICE, look).await;
}

fn lock(site: &Site) -> Result<InstanceLock, app::Error> {
    crate::files::create_private_dir(&site.settings.data())?;
    let holder = Holder::this_process("restore", site.clock.now());
    Ok(InstanceLock::acquire(&site.settings.lock(), &holder)?)
}

/// Ends what a restore that was cut short has left; each as a line for people. A daemon that is up does
/// so itself, and tells its log.
///
/// # Errors
/// [`app::Error::Lock`] when another command is at work, [`app::Error::Refused`] when another restore
/// is; [`super::Error`] when it cannot be ended.
pub async fn settle_first(site: &Site) -> Result<Vec<String>, app::Error> {
    if let Some(client) = Client::connect(&site.settings).await? {
        let data = site.settings.data();
        if swap::check_over(&data).is_err() {
            let mut held = client.hold().await?;
            while held.waits_for().await?.is_some() {}
            // The daemon ends it when whoever holds it has gone.
            drop(held);
            released(&client).await;
            swap::check_over(&data).map_err(super::Error::Swap)?;
        }
        return Ok(Vec::new());
    }
    let _lock = lock(site)?;
    settle_and_note(site)
}

fn settle_and_note(site: &Site) -> Result<Vec<String>, app::Error> {
    let settled = super::settle(site)?;
    let mut lines = Vec::new();
    for (act, subject) in settled {
        let path = site.settings.ledger();
        Ledger::open(&path, site.clock.clone())?.note("operator", act, &subject, CUT_SHORT)?;
        lines.push(format!("{act}: {CUT_SHORT} ({subject})"));
    }
    Ok(lines)
}
