//! What a person tells jobs and runs beside running them: pause, resume, cancel, retry. With a
//! daemon it is asked; without one the ledger is written.

use super::{
    Client, Error, Site,
    follow::{self, Following},
    load::Vars,
    restore, session,
};
use crate::{
    engine::Target,
    job::{JobName, Outcome, Pause, RunId},
    ledger::{Ledger, RunRow},
};

/// Why a run cannot be done again.
#[derive(Debug, thiserror::Error)]
pub enum NotRetried {
    /// There is no such run.
    #[error("there is no run {0}")]
    Unknown(RunId),
    /// It has not ended.
    #[error("run {0} is still going on")]
    GoingOn(RunId),
    /// It did what it is for.
    #[error("run {run} has succeeded: there is nothing to try again")]
    Succeeded {
        /// The run.
        run: RunId,
        /// Its job, which can be run anew.
        job: JobName,
    },
    /// Somebody did that before.
    #[error("run {run} has been tried again before, as run {by}: {}", became.map_or("running", Outcome::as_str))]
    Already {
        /// The run.
        run: RunId,
        /// The one that came of it.
        by: RunId,
        /// What became of that; `None` while it is going on.
        became: Option<Outcome>,
    },
}

/// The run that is to be done again, if it can be.
///
/// # Errors
/// [`Error::NotRetried`], [`Error::Ledger`].
pub(super) fn retryable(ledger: &Ledger, run: RunId) -> Result<RunRow, Error> {
    let row = ledger.run(run)?.ok_or(NotRetried::Unknown(run))?;
    if let Some(by) = ledger.retried_by(&row)? {
        let became = ledger.run(by)?.and_then(|row| row.outcome);
        return Err(NotRetried::Already { run, by, became }.into());
    }
    match row.outcome {
        None => Err(NotRetried::GoingOn(run).into()),
        Some(Outcome::Succeeded) => {
            let job = row.job;
            Err(NotRetried::Succeeded { run, job }.into())
        }
        Some(_) => Ok(row),
    }
}

/// Does a run again, for the slot that it had, and follows it.
///
/// # Errors
/// [`Error::NotRetried`], and as [`super::run_job`].
pub async fn retry_run(
    site: &Site,
    run: RunId,
    vars: Vars<'_>,
    filter: &str,
) -> Result<Following, Error> {
    // The ledger may be among what is half restored; what is ended stands in its journal.
    let _told = restore::settle_leftovers(site).await?;
    let Some(ledger) = super::open_ledger(site)? else {
        return Err(NotRetried::Unknown(run).into());
    };
    let row = retryable(&ledger, run)?;
    drop(ledger);
    follow::follow(site, &follow::Wish::Again(row), vars, filter).await
}

/// Pauses a job, or with `None` resumes it; false when it was not paused.
///
/// # Errors
/// [`Error::Engine`] for an unknown job, [`Error::Refused`] by the daemon, [`Error::Ledger`].
pub async fn pause(
    site: &Site,
    job: &JobName,
    pause: Option<Pause>,
    vars: Vars<'_>,
) -> Result<bool, Error> {
    if let Some(client) = Client::connect(&site.settings).await? {
        return client.pause(job, pause).await;
    }
    // With the lock: a daemon that starts meanwhile would not hear of it.
    let what = if pause.is_some() { "pause" } else { "resume" };
    let read = || follow::load_with(site, job, vars);
    let (opened, _) = session::open(site, &read, &format!("{what} {job}")).await?;
    let done = note_pause(&opened.ledger, job, pause);
    opened.ledger.end(opened.instance)?;
    done
}

/// Writes a pause, or its end, and keeps it in the journal.
fn note_pause(ledger: &Ledger, job: &JobName, pause: Option<Pause>) -> Result<bool, Error> {
    let was = match pause {
        Some(pause) => {
            ledger.pause(job, pause)?;
            true
        }
        None => ledger.resume(job)?,
    };
    journal_pause(ledger, job, pause)?;
    Ok(was)
}

/// Keeps a pause, or its end, in the journal.
pub(super) fn journal_pause(
    ledger: &Ledger,
    job: &JobName,
    pause: Option<Pause>,
) -> Result<(), Error> {
    let (act, detail) = match pause {
        None => ("resume", String::new()),
        Some(Pause { until: None, .. }) => ("pause", String::new()),
        Some(Pause {
            until: Some(until), ..
        }) => ("pause", format!("until {until}")),
    };
    Ok(ledger.note("operator", act, job.as_str(), &detail)?)
}

/// Asks a run, or everything of a job, to stop; says how many runs that were. `None`: no daemon.
///
/// # Errors
/// [`Error::Socket`], [`Error::Refused`].
pub async fn cancel(site: &Site, target: &Target) -> Result<Option<usize>, Error> {
    match Client::connect(&site.settings).await? {
        Some(client) => client.cancel_target(target).await.map(Some),
        None => Ok(None),
    }
}
