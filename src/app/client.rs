//! The command line's side of the control socket.

use std::path::{Path, PathBuf};

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header::CONTENT_TYPE},
};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    net::UnixStream,
    sync::{mpsc, watch},
    task::JoinHandle,
};

use super::{
    Error, socket,
    wire::{Accepted, Holding, Info, Refusal, Reloaded, RunRequest, StopRequest},
};
use crate::{
    engine::{Event, Target, Ticket},
    job::{JobName, Pause, RunId, RunInfo},
    settings::Settings,
};

/// A way to talk to the daemon of a root.
#[derive(Debug, Clone)]
pub struct Client {
    path: PathBuf,
}

impl Client {
    /// The daemon of this root; `None` when none is running.
    ///
    /// # Errors
    /// [`Error::Socket`] when the socket is there but cannot be opened.
    pub async fn connect(settings: &Settings) -> Result<Option<Self>, Error> {
        use std::io::ErrorKind::{ConnectionRefused, NotFound};
        let path = socket::path(settings);
        match UnixStream::connect(&path).await {
            Ok(_) => Ok(Some(Self { path })),
            Err(error) if matches!(error.kind(), NotFound | ConnectionRefused) => Ok(None),
            Err(error) => Err(failed(&path)(error)),
        }
    }

    /// How the daemon is.
    ///
    /// # Errors
    /// [`Error::Socket`], [`Error::Refused`].
    pub async fn status(&self) -> Result<Info, Error> {
        let answer = self.ask(Method::GET, "/v1/status", &()).await?;
        self.json(answer).await
    }

    /// Asks the daemon to stop or to start again; it answers before it has.
    ///
    /// # Errors
    /// [`Error::Socket`], [`Error::Refused`].
    pub async fn stop(&self, request: StopRequest) -> Result<(), Error> {
        self.ask(Method::POST, "/v1/stop", &request)
            .await
            .map(|_| ())
    }

    /// Asks the daemon to take the job file as it is now.
    ///
    /// # Errors
    /// [`Error::NotReloaded`] with everything that is wrong with it, [`Error::Socket`],
    /// [`Error::Refused`].
    pub async fn reload(&self) -> Result<Reloaded, Error> {
        let answer = self.ask(Method::POST, "/v1/reload", &()).await?;
        self.json(answer).await
    }

    /// Asks a run to stop.
    ///
    /// # Errors
    /// [`Error::Socket`], [`Error::Refused`].
    pub async fn cancel(&self, ticket: Ticket) -> Result<(), Error> {
        let path = format!("/v1/runs/{}/cancel", ticket.0);
        self.ask(Method::POST, &path, &()).await.map(|_| ())
    }

    /// Asks a run, or everything of a job, to stop; says how many runs that were.
    ///
    /// # Errors
    /// [`Error::Socket`], [`Error::Refused`].
    pub async fn cancel_target(&self, target: &Target) -> Result<usize, Error> {
        let answer = self.ask(Method::POST, "/v1/cancel", target).await?;
        self.json(answer).await
    }

    /// Pauses a job, or with `None` resumes it; false when it was not paused.
    ///
    /// # Errors
    /// [`Error::Socket`], [`Error::Refused`] with status 404 for an unknown job.
    pub async fn pause(&self, job: &JobName, pause: Option<Pause>) -> Result<bool, Error> {
        let path = format!("/v1/jobs/{job}/pause");
        let answer = self.ask(Method::POST, &path, &pause).await?;
        self.json(answer).await
    }

    /// Runs a job and streams what happens to it; `approved` as in [`super::run_job`].
    ///
    /// # Errors
    /// [`Error::Socket`], [`Error::Refused`] with status 404 for an unknown job.
    pub async fn run(
        &self,
        job: &JobName,
        approved: bool,
    ) -> Result<(Ticket, mpsc::Receiver<Event>), Error> {
        let request = RunRequest { approved };
        self.stream(&format!("/v1/jobs/{job}/run"), &request).await
    }

    /// Does a run again and streams what happens to it.
    ///
    /// # Errors
    /// [`Error::Socket`], [`Error::Refused`].
    pub async fn retry(&self, run: RunId) -> Result<(Ticket, mpsc::Receiver<Event>), Error> {
        self.stream(&format!("/v1/runs/{run}/retry"), &()).await
    }

    /// Asks the daemon to start nothing until the answer is dropped.
    ///
    /// # Errors
    /// [`Error::Socket`], [`Error::Refused`] with status 409 when somebody else holds it.
    pub async fn hold(&self) -> Result<Held, Error> {
        let answer = self.ask(Method::POST, "/v1/hold", &()).await?;
        let mut lines = Lines {
            body: answer.into_body(),
            buffer: Vec::new(),
        };
        let (sender, states) = watch::channel(None);
        let reader = tokio::spawn(async move {
            while let Some(line) = lines.next().await {
                let Ok(Holding { waits_for }) = serde_json::from_slice(&line) else {
                    return;
                };
                sender.send_if_modified(|state| {
                    let differs = state.as_ref() != Some(&waits_for);
                    *state = Some(waits_for);
                    differs
                });
            }
        });
        Ok(Held {
            path: self.path.clone(),
            states,
            reader,
        })
    }

    async fn stream(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<(Ticket, mpsc::Receiver<Event>), Error> {
        const BUFFER: usize = 64;
        let answer = self.ask(Method::POST, path, body).await?;
        let mut lines = Lines {
            body: answer.into_body(),
            buffer: Vec::new(),
        };
        let first = lines
            .next()
            .await
            .ok_or_else(|| failed(&self.path)("the stream is empty"))?;
        let accepted: Accepted = serde_json::from_slice(&first).map_err(failed(&self.path))?;
        let (sender, receiver) = mpsc::channel(BUFFER);
        tokio::spawn(async move {
            while let Some(line) = lines.next().await {
                let Ok(event) = serde_json::from_slice(&line) else {
                    return;
                };
                if sender.send(event).await.is_err() {
                    return;
                }
            }
        });
        Ok((Ticket(accepted.ticket), receiver))
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<hyper::Response<Incoming>, Error> {
        let failed_io = failed(&self.path);
        let stream = UnixStream::connect(&self.path).await.map_err(failed_io)?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(failed(&self.path))?;
        tokio::spawn(connection);
        let body = serde_json::to_vec(body).map_err(failed(&self.path))?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "bellkeeper")
            .header(CONTENT_TYPE, "application/json")
            .body(Body::from(body))
            .map_err(failed(&self.path))?;
        let answer = sender
            .send_request(request)
            .await
            .map_err(failed(&self.path))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let refusal: Refusal = self
            .json(answer)
            .await
            .unwrap_or_else(|_| Refusal::of(format!("the daemon answered {}", describe(status))));
        if status == StatusCode::UNPROCESSABLE_ENTITY {
            return Err(Error::NotReloaded {
                message: refusal.error,
                wrong: refusal.wrong.map(Box::new),
                hint: refusal.hint,
            });
        }
        Err(Error::Refused {
            status: status.as_u16(),
            message: refusal.error,
        })
    }

    async fn json<T: DeserializeOwned>(
        &self,
        answer: hyper::Response<Incoming>,
    ) -> Result<T, Error> {
        let bytes = answer
            .into_body()
            .collect()
            .await
            .map_err(failed(&self.path))?
            .to_bytes();
        serde_json::from_slice(&bytes).map_err(failed(&self.path))
    }
}

fn describe(status: StatusCode) -> String {
    status
        .canonical_reason()
        .map_or_else(|| status.to_string(), str::to_lowercase)
}

fn failed<E>(path: &Path) -> impl Fn(E) -> Error + use<'_, E>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    move |source| Error::Socket {
        act: "talk to",
        path: path.to_owned(),
        source: source.into(),
    }
}

/// A daemon that starts nothing as long as this lives.
#[derive(Debug)]
pub struct Held {
    path: PathBuf,
    states: watch::Receiver<Option<Vec<RunInfo>>>,
    /// Reads what the daemon says, and with it holds the connection.
    reader: JoinHandle<()>,
}

impl Held {
    /// What it waits for, each time that it is something else; `None` once all is quiet.
    ///
    /// # Errors
    /// [`Error::Socket`] when the daemon has gone.
    pub async fn waits_for(&mut self) -> Result<Option<Vec<RunInfo>>, Error> {
        let gone = |_| failed(&self.path)("the daemon has gone");
        self.states.changed().await.map_err(gone)?;
        let now = self.states.borrow_and_update().clone();
        Ok(now.filter(|runs| !runs.is_empty()))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// Cuts a body into lines.
struct Lines {
    body: Incoming,
    buffer: Vec<u8>,
}

impl Lines {
    async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let rest = self.buffer.split_off(end + 1);
                return Some(std::mem::replace(&mut self.buffer, rest));
            }
            let frame = self.body.frame().await?.ok()?;
            if let Some(data) = frame.data_ref() {
                self.buffer.extend_from_slice(data);
            }
        }
    }
}
