//! The daemon's side of the control socket: HTTP over a Unix socket that only its owner can open.

use std::{path::Path, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Body,
    extract::{Path as UrlPath, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
    serve::Listener,
};
use http_body_util::channel::Channel;
use jiff::Timestamp;
use tokio::{
    net::{UnixListener, UnixStream, unix::SocketAddr},
    sync::{mpsc, oneshot},
};

use super::{
    Error, Site, holding,
    reload::{Cause, SharedPlan},
    sampling::with_progress,
    steer,
    wire::{Accepted, Info, Refusal, RunRequest, StopRequest, Wrong, to_line},
};
use crate::{
    engine::{self, Engine, Event, RunHandle, Target, Ticket},
    files,
    job::{CancelReason, JobName, Pause, RunId, chain},
    ledger::Ledger,
};

/// How long the listeners of a stopping daemon may take to read what is left.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What the handlers share.
pub(super) struct Shared {
    pub(super) engine: Engine,
    pub(super) ledger: Arc<Ledger>,
    pub(super) since: Timestamp,
    pub(super) site: Site,
    pub(super) plan: SharedPlan,
    pub(super) stop: mpsc::Sender<StopRequest>,
    pub(super) reload: mpsc::Sender<Cause>,
}

/// Serves until the returned guard is dropped.
pub(super) fn serve(path: &Path, shared: Shared) -> Result<Server, Error> {
    let failed = |act: &'static str| {
        move |source: std::io::Error| Error::Socket {
            act,
            path: path.to_owned(),
            source: source.into(),
        }
    };
    files::create_private_dir(files::parent(path))?;
    // Whoever left a socket here is dead: the instance lock is ours.
    files::remove(path)?;
    let listener = UnixListener::bind(path).map_err(failed("bind"))?;
    files::make_private(path)?;
    let router = router(Arc::new(shared));
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(async move {
        let serve = axum::serve(OwnerOnly(listener), router).with_graceful_shutdown(async move {
            // A dropped sender means the same: nobody wants the socket any more.
            drop(stopped.await);
        });
        if let Err(error) = serve.await {
            tracing::error!(%error, "the control socket failed");
        }
    });
    Ok(Server {
        path: path.to_owned(),
        stop,
        task,
    })
}

/// A serving socket.
pub(super) struct Server {
    path: std::path::PathBuf,
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Takes no more connections, gives the open ones a moment to hear the end of their runs, and
    /// removes the socket's file.
    pub(super) async fn close(mut self) -> Result<(), Error> {
        drop(self.stop);
        if tokio::time::timeout(LAST_WORDS, &mut self.task)
            .await
            .is_err()
        {
            self.task.abort();
        }
        Ok(files::remove(&self.path)?)
    }
}

/// Turns away connections of other users, should the file's mode ever let them in.
struct OwnerOnly(UnixListener);

impl Listener for OwnerOnly {
    type Io = UnixStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (UnixStream, SocketAddr) {
        loop {
            match self.0.accept().await {
                Ok((stream, address)) if is_owner(&stream) => return (stream, address),
                Ok(_) => tracing::warn!("another user's connection was turned away"),
                // Out of descriptors, most likely: it passes.
                Err(error) => {
                    tracing::error!(%error, "the control socket does not accept");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

fn is_owner(stream: &UnixStream) -> bool {
    let me = rustix::process::getuid().as_raw();
    stream
        .peer_cred()
        .is_ok_and(|peer| peer.uid() == me || peer.uid() == 0)
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/stop", post(stop))
        .route("/v1/reload", post(reload))
        .route("/v1/hold", post(hold))
        .route("/v1/jobs/{job}/run", post(run))
        .route("/v1/jobs/{job}/pause", post(pause))
        .route("/v1/runs/{ticket}/cancel", post(cancel))
        .route("/v1/runs/{run}/retry", post(retry))
        .route("/v1/cancel", post(cancel_target))
        .with_state(shared)
}

async fn status(State(shared): State<Arc<Shared>>) -> Response {
    match shared.engine.status().await {
        Ok(engine) => {
            let plan = shared.plan.get();
            Json(Info {
                pid: std::process::id(),
                since: shared.since,
                version: env!("CARGO_PKG_VERSION").to_owned(),
                jobs: plan.jobs,
                broken: plan.broken,
                engine,
            })
            .into_response()
        }
        Err(error) => refuse(&error),
    }
}

async fn reload(State(shared): State<Arc<Shared>>) -> Response {
    let (reply, answer) = oneshot::channel();
    // A dropped receiver means that the daemon is stopping.
    let _asked = shared.reload.send(Cause::Asked(reply)).await;
    let error = match answer.await {
        Ok(Ok(reloaded)) => return Json(reloaded).into_response(),
        Ok(Err(Error::Engine(error))) => return refuse(&error),
        Ok(Err(error)) => error,
        Err(_) => return refuse(&engine::Error::Stopped),
    };
    let (wrong, hint) = match &error {
        Error::Problems(problems) => {
            let (text, json) = (problems.render(false), problems.json());
            (Some(Wrong { text, json }), None)
        }
        Error::ReadJobFile(error) => (None, Some(error.hint().to_owned())),
        _ => (None, None),
    };
    let refusal = Refusal {
        error: format!("{}; the jobs stay as they were", chain(&error)),
        wrong,
        hint,
    };
    (StatusCode::UNPROCESSABLE_ENTITY, Json(refusal)).into_response()
}

async fn stop(State(shared): State<Arc<Shared>>, Json(request): Json<StopRequest>) -> Response {
    match shared.stop.send(request).await {
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err(_) => refuse(&engine::Error::Stopped),
    }
}

async fn cancel(State(shared): State<Arc<Shared>>, UrlPath(ticket): UrlPath<u64>) -> Response {
    match shared
        .engine
        .cancel(Ticket(ticket), CancelReason::Operator)
        .await
    {
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err(error) => refuse(&error),
    }
}

async fn run(
    State(shared): State<Arc<Shared>>,
    UrlPath(job): UrlPath<String>,
    Json(request): Json<RunRequest>,
) -> Response {
    let engine = &shared.engine;
    let asked = if request.approved {
        engine.run_approved(&job).await
    } else {
        engine.run(&job).await
    };
    match asked {
        Ok(handle) => follow(handle),
        Err(error) => refuse(&error),
    }
}

/// Starts nothing until whoever asked has gone.
async fn hold(State(shared): State<Arc<Shared>>) -> Response {
    match shared.engine.hold().await {
        Ok(hold) => {
            let (sender, body) = Channel::<_, std::convert::Infallible>::new(64);
            let (site, ledger) = (shared.site.clone(), Arc::clone(&shared.ledger));
            tokio::spawn(holding::keep(site, ledger, hold, sender));
            Body::new(body).into_response()
        }
        Err(error) => refuse(&error),
    }
}

/// Does a run again; who asks has looked whether it can be.
async fn retry(State(shared): State<Arc<Shared>>, UrlPath(run): UrlPath<i64>) -> Response {
    let ledger = Arc::clone(&shared.ledger);
    let look = move || steer::retryable(&ledger, RunId(run));
    let row = match tokio::task::spawn_blocking(look).await {
        Ok(Ok(row)) => row,
        Ok(Err(error)) => return conflict(&error),
        Err(_) => return refuse(&engine::Error::Stopped),
    };
    match shared.engine.retry(&row.job, row.slot, row.run).await {
        Ok(handle) => follow(handle),
        Err(error) => refuse(&error),
    }
}

async fn cancel_target(State(shared): State<Arc<Shared>>, Json(target): Json<Target>) -> Response {
    match shared.engine.cancel_target(target).await {
        Ok(count) => Json(count).into_response(),
        Err(error) => refuse(&error),
    }
}

async fn pause(
    State(shared): State<Arc<Shared>>,
    UrlPath(job): UrlPath<JobName>,
    Json(pause): Json<Option<Pause>>,
) -> Response {
    let was = match shared.engine.pause(&job, pause).await {
        Ok(was) => was,
        Err(error) => return refuse(&error),
    };
    let ledger = Arc::clone(&shared.ledger);
    let note = move || steer::journal_pause(&ledger, &job, pause);
    // It is in force, whatever becomes of the journal.
    if let Ok(Err(error)) = tokio::task::spawn_blocking(note).await {
        tracing::error!(error = %chain(&error), "the journal could not be written");
    }
    Json(was).into_response()
}

/// The stream of a run's events.
fn follow(handle: RunHandle) -> Response {
    let accepted = Accepted {
        ticket: handle.ticket.0,
    };
    let (sender, body) = Channel::<_, std::convert::Infallible>::new(64);
    tokio::spawn(stream(accepted, with_progress(handle), sender));
    Body::new(body).into_response()
}

/// One JSON object a line, until the run is over or the listener has gone.
async fn stream(
    accepted: Accepted,
    mut events: mpsc::Receiver<Event>,
    mut sender: http_body_util::channel::Sender<axum::body::Bytes>,
) {
    let mut line = to_line(&accepted);
    while sender.send_data(line.into()).await.is_ok() {
        match events.recv().await {
            Some(event) => line = to_line(&event),
            None => return,
        }
    }
}

fn conflict(error: &Error) -> Response {
    let error = chain(error);
    (StatusCode::CONFLICT, Json(Refusal::of(error))).into_response()
}

fn refuse(error: &engine::Error) -> Response {
    let status = match error {
        engine::Error::UnknownJob(_) => StatusCode::NOT_FOUND,
        engine::Error::Held => StatusCode::CONFLICT,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(Refusal::of(chain(error)))).into_response()
}
