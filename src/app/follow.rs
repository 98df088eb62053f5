//! Running a job by hand: with a daemon or without, the caller sees the same events.

use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc;

use super::{
    Client, Error, Site,
    load::{Vars, load},
    own_log,
    sampling::with_progress,
    session,
};
use crate::{
    engine::{self, Event, Ticket},
    job::{CancelReason, Cx, JobError, JobName, Plan, RunId, RunInfo, Trigger, Watch},
    jobfile::Loaded,
    ledger::{RunRow, SetAside},
    logs::{self, Console},
};

/// A run that was asked for, wherever it runs.
pub struct Following {
    /// Everything that happens to it, with progress in between, ending with
    /// [`Event::Finished`].
    pub events: mpsc::Receiver<Event>,
    /// The ledger as it was, if it was damaged and history starts anew with this run.
    pub set_aside: Option<SetAside>,
    place: Place,
}

enum Place {
    Here(Box<session::Session>, Ticket),
    Daemon(Client, Ticket),
}

impl Following {
    /// Asks the run to stop.
    ///
    /// # Errors
    /// When the daemon cannot be asked.
    pub async fn cancel(&self) -> Result<(), Error> {
        match &self.place {
            Place::Here(session, ticket) => Ok(session
                .engine
                .cancel(*ticket, CancelReason::Operator)
                .await?),
            Place::Daemon(client, ticket) => client.cancel(*ticket).await,
        }
    }

    /// Ends what was begun for this run; the daemon, if there is one, goes on.
    ///
    /// # Errors
    /// When the ledger cannot be closed.
    pub async fn close(self) -> Result<(), Error> {
        match self.place {
            Place::Here(session, _) => {
                session.engine.drain(Duration::ZERO).await?;
                session.close().await
            }
            Place::Daemon(..) => Ok(()),
        }
    }
}

/// What is wanted.
pub(super) enum Wish {
    /// A run of a job, now; and whether to do what it does not do unasked.
    Now(JobName, bool),
    /// A run again, for its own slot.
    Again(RunRow),
}

impl Wish {
    fn job(&self) -> &JobName {
        match self {
            Self::Now(job, _) => job,
            Self::Again(row) => &row.job,
        }
    }
}

/// Runs a job now: asks the daemon, which knows the jobs as it has loaded them, or, when there is
/// none, reads the job file and takes its place for one run. `approved`: the job may do what it does
/// not do unasked.
///
/// # Errors
/// [`Error::Engine`] for an unknown job, [`Error::Lock`] when another `run-job` is at work.
pub async fn run_job(
    site: &Site,
    name: &str,
    approved: bool,
    vars: Vars<'_>,
    filter: &str,
) -> Result<Following, Error> {
    let unknown = |_| engine::Error::UnknownJob(name.to_owned());
    let job = name.parse().map_err(unknown)?;
    follow(site, &Wish::Now(job, approved), vars, filter).await
}

pub(super) async fn follow(
    site: &Site,
    wish: &Wish,
    vars: Vars<'_>,
    filter: &str,
) -> Result<Following, Error> {
    if let Some(client) = Client::connect(&site.settings).await? {
        let (ticket, events) = match wish {
            Wish::Now(job, approved) => client.run(job, *approved).await?,
            Wish::Again(row) => client.retry(row.run).await?,
        };
        return Ok(Following {
            events,
            set_aside: None,
            place: Place::Daemon(client, ticket),
        });
    }
    let job = wish.job();
    let read = || load_with(site, job, vars);
    let (opened, loaded) = session::open(site, &read, &format!("run-job {job}")).await?;
    logs::init(&logs::Options {
        filter,
        console: Console::Off,
        file: Some(&site.settings.log_file()),
        clock: site.clock.clone(),
        zone: site.zone.zone.clone(),
    })?;
    own_log::limit(&loaded.set);
    let set_aside = opened.set_aside.clone();
    if let Some(kept) = &set_aside {
        session::tell_set_aside(kept);
    }
    session::tell_settled(&opened.settled);
    let session = opened.engine(loaded.set, false).await?;
    let handle = match wish {
        Wish::Now(job, approved) => {
            let engine = &session.engine;
            if *approved {
                engine.run_approved(job.as_str()).await?
            } else {
                engine.run(job.as_str()).await?
            }
        }
        Wish::Again(row) => session.engine.retry(&row.job, row.slot, row.run).await?,
    };
    let ticket = handle.ticket;
    let events = with_progress(handle);
    Ok(Following {
        events,
        set_aside,
        place: Place::Here(Box::new(session), ticket),
    })
}

/// The job file, if it declares `job`.
pub(super) fn load_with(site: &Site, job: &JobName, vars: Vars<'_>) -> Result<Loaded, Error> {
    let loaded = load(site, vars)?;
    if loaded.set.get(job.as_str()).is_none() {
        return Err(engine::Error::UnknownJob(job.to_string()).into());
    }
    Ok(loaded)
}

/// What a run of the job would do.
///
/// # Errors
/// [`Error::Engine`] for an unknown job. The inner error is the job's own.
pub fn plan_job(site: &Site, loaded: &Loaded, name: &str) -> Result<Result<Plan, JobError>, Error> {
    let spec = loaded
        .set
        .get(name)
        .ok_or_else(|| engine::Error::UnknownJob(name.to_owned()))?;
    let run = RunInfo {
        id: RunId(0),
        job: spec.name.clone(),
        slot: site.clock.now(),
        attempt: 1,
        trigger: Trigger::Manual,
        missed: 0,
    };
    let cx = Cx {
        run,
        env: Arc::clone(&loaded.set.env),
        zone: spec.policy.timezone.clone(),
        watch: Watch::default(),
        approved: false,
    };
    Ok(spec.job.plan(&cx))
}
