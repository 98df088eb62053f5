//! One attempt of one run, on a thread of its own.

use std::{any::Any, sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    task::{JoinError, JoinHandle},
    time::{Instant, sleep_until},
};

use super::planner::Ticket;
use crate::{
    job::{Cx, Disposition, Job, JobError, Report},
    watch::CancelReason,
};

/// How long after its cancellation a job that still runs is called stuck.
const STUCK_AFTER: Duration = Duration::from_secs(30);

/// The room of a batch, given back when the last of its jobs has been entered.
pub(super) type UnderWay = Arc<Option<OwnedSemaphorePermit>>;

/// Everything an attempt needs.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) ticket: Ticket,
    pub(super) job: Arc<dyn Job>,
    pub(super) cx: Cx,
    pub(super) timeout: Duration,
}

/// An attempt is over.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) ticket: Ticket,
    pub(super) result: Result<Report, JobError>,
}

/// Makes the attempt and reports its end. The deadline cancels the job and then waits for it, so
/// that its clean-up always runs: nothing pretends that a thread was killed.
pub(super) async fn run(work: Work, under_way: UnderWay, done: mpsc::UnboundedSender<Done>) {
    let Work {
        ticket,
        job,
        cx,
        timeout,
    } = work;
    let cancel = cx.watch.cancel.clone();
    let name = (cx.run.job.clone(), cx.run.id);
    let mut thread = tokio::task::spawn_blocking(move || {
        drop(under_way);
        // Whatever is logged on this thread says by itself which run it is about.
        let span = tracing::info_span!("run", job = %cx.run.job, run = cx.run.id.0);
        span.in_scope(|| job.run(&cx))
    });
    let deadline = Instant::now().checked_add(timeout);
    let result = tokio::select! {
        result = &mut thread => flatten(result),
        () = at(deadline) => {
            cancel.cancel(CancelReason::Timeout);
            await_cancelled(&mut thread, &name).await
        }
    };
    let result = result.map_err(|error| name_timeout(error, timeout));
    // The engine outlives its runs; a closed channel means that nobody is left to tell.
    drop(done.send(Done { ticket, result }));
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

async fn await_cancelled(
    thread: &mut JoinHandle<Result<Report, JobError>>,
    (job, run): &(crate::job::JobName, crate::job::RunId),
) -> Result<Report, JobError> {
    loop {
        tokio::select! {
            result = &mut *thread => return flatten(result),
            () = tokio::time::sleep(STUCK_AFTER) => {
                tracing::warn!(%job, run = run.0, "stuck: it was told to stop and goes on");
            }
        }
    }
}

fn flatten(joined: Result<Result<Report, JobError>, JoinError>) -> Result<Report, JobError> {
    joined.unwrap_or_else(|error| Err(JobError::permanent(panic_message(error))))
}

fn panic_message(error: JoinError) -> String {
    match error.try_into_panic() {
        Ok(payload) => format!("the job panicked: {}", payload_text(&*payload)),
        Err(error) => format!("the job's thread did not end: {error}"),
    }
}

fn payload_text(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

fn name_timeout(error: JobError, timeout: Duration) -> JobError {
    if error.disposition == Disposition::Interrupted(CancelReason::Timeout) {
        let span = crate::units::Span::from(timeout);
        let source = format!("its timeout of {span} passed").into();
        return JobError { source, ..error }.hint("raise `timeout` of the job if it needs longer");
    }
    error
}
