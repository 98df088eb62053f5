//! tokio-cron-scheduler as the registry, runner and notification bus of jobs. Not as the clock.
//!
//! Its ticker polls every half second, keeps a zone's offset from the day the job was added and
//! never fires again after a forward clock step (docs/DECISIONS.md has the measurements), so it is
//! never started: the planner decides, and the board wakes a job by sending its id on the
//! activation channel. The claimed run is parked first and taken by the job's closure, so a lost
//! message loses nothing: what is still parked after two seconds is sent again. Few wake-ups are
//! under way at a time, so the crate's channels stay small however many jobs there are, and a
//! thousand short jobs do not make hundreds of threads that fight for the processors.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::timeout,
};
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::runner::{self, Done, UnderWay, Work};
use crate::job::{JobError, JobName};

/// A period to register jobs with; nothing ever evaluates it. A cron pattern would be parsed anew
/// for each job.
const NEVER: Duration = Duration::from_hours(24 * 365 * 100);
/// Ten channels of this many places are made at once, about 1 kB a place in all; a full one drops
/// its oldest message.
const CHANNEL: usize = 4_096;
/// Jobs woken at a time. More would only wait for a processor, each with a thread of its own.
const BATCH: usize = 32;
/// Batches of which a job has not been entered yet.
const UNDER_WAY: usize = 4;
const RESEND_AFTER: Duration = Duration::from_secs(2);

/// How long the scheduler crate may take to forget a job.
const FORGET_WITHIN: Duration = Duration::from_secs(2);

/// The scheduler crate could not register a job.
#[derive(Debug, thiserror::Error)]
#[error("register a job on the board")]
pub struct BoardError(#[source] JobSchedulerError);

/// Work that waits for its job's closure, by job.
type ByJob = HashMap<JobName, VecDeque<Waiting>>;
type Parked = Arc<Mutex<ByJob>>;

struct Waiting {
    work: Work,
    under_way: UnderWay,
}

/// The board of all jobs.
pub(super) struct Board {
    scheduler: JobScheduler,
    ids: HashMap<JobName, Uuid>,
    parked: Parked,
    room: Arc<Semaphore>,
    tracker: TaskTracker,
    done: mpsc::UnboundedSender<Done>,
}

impl Board {
    /// An empty board; ends of attempts are sent to `done`.
    pub(super) async fn new(done: mpsc::UnboundedSender<Done>) -> Result<Self, BoardError> {
        let scheduler = JobScheduler::new_with_channel_size(CHANNEL)
            .await
            .map_err(BoardError)?;
        Ok(Self {
            scheduler,
            ids: HashMap::new(),
            parked: Parked::default(),
            room: Arc::new(Semaphore::new(UNDER_WAY)),
            tracker: TaskTracker::new(),
            done,
        })
    }

    /// Registers these jobs, so that none has to be when it is due, and forgets all others but
    /// those whose work is still parked. Who is registered already stays as he is.
    pub(super) async fn hold(&mut self, jobs: Vec<JobName>) -> Result<(), BoardError> {
        let wanted: HashSet<&JobName> = jobs.iter().collect();
        let parked = locked(&self.parked, |map| {
            map.keys().cloned().collect::<HashSet<_>>()
        });
        let gone: Vec<JobName> = self
            .ids
            .keys()
            .filter(|job| !wanted.contains(job) && !parked.contains(*job))
            .cloned()
            .collect();
        for job in gone {
            self.forget(&job).await;
        }
        for job in jobs {
            self.id(job).await?;
        }
        Ok(())
    }

    async fn forget(&mut self, job: &JobName) {
        let Some(id) = self.ids.remove(job) else {
            return;
        };
        match timeout(FORGET_WITHIN, self.scheduler.remove(&id)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%job, %error, "a job stays on the board"),
            Err(_) => {
                tracing::warn!(%job, "a job stays on the board: it was not forgotten in time");
            }
        }
    }

    async fn id(&mut self, job: JobName) -> Result<Uuid, BoardError> {
        if let Some(id) = self.ids.get(&job) {
            return Ok(*id);
        }
        let id = self.register(job.clone()).await?;
        self.ids.insert(job, id);
        Ok(id)
    }

    async fn register(&self, name: JobName) -> Result<Uuid, BoardError> {
        let (parked, tracker, done) =
            (self.parked.clone(), self.tracker.clone(), self.done.clone());
        let job = Job::new_repeated_async(NEVER, move |_, _| {
            let waiting = take(&parked, &name);
            let (tracker, done) = (tracker.clone(), done.clone());
            Box::pin(async move {
                if let Some(Waiting { work, under_way }) = waiting {
                    let run = runner::run(work, under_way, done);
                    tracker.track_future(run).await;
                }
            })
        })
        .map_err(BoardError)?;
        let id = self.scheduler.add(job).await.map_err(BoardError)?;
        self.until_stored(id).await?;
        Ok(id)
    }

    /// `add` answers when the job is known, which may be before its closure is: a wake-up in
    /// between would be lost until it is sent again.
    async fn until_stored(&self, id: Uuid) -> Result<(), BoardError> {
        let codes = self.scheduler.context().job_code.clone();
        loop {
            let code = codes.write().await.get(id);
            if code.await.map_err(BoardError)?.is_some() {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
    }

    /// Wakes the jobs of `works`. One that cannot be woken has failed, and says so.
    pub(super) async fn fire(&mut self, works: Vec<Work>) {
        let mut sent = Vec::with_capacity(works.len());
        let mut under_way = UnderWay::default();
        for (count, work) in works.into_iter().enumerate() {
            if count % BATCH == 0 {
                under_way = Arc::new(self.wait_for_room().await);
            }
            let job = work.cx.run.job.clone();
            let id = match self.id(job.clone()).await {
                Ok(id) => id,
                Err(error) => {
                    self.fail(&work, error);
                    continue;
                }
            };
            let waiting = Waiting {
                work,
                under_way: Arc::clone(&under_way),
            };
            park(&self.parked, job.clone(), waiting);
            self.activate(id);
            sent.push((job, id));
        }
        if !sent.is_empty() {
            self.watch_over(sent);
        }
    }

    fn fail(&self, work: &Work, error: BoardError) {
        let (ticket, result) = (work.ticket, Err(JobError::retry(error)));
        // The engine outlives its board; a closed channel means that nobody is left to tell.
        drop(self.done.send(Done { ticket, result }));
    }

    /// Waits until enough of the jobs woken before have been entered, but not for ever.
    async fn wait_for_room(&self) -> Option<OwnedSemaphorePermit> {
        let permit = Arc::clone(&self.room).acquire_owned();
        timeout(RESEND_AFTER, permit).await.ok()?.ok()
    }

    fn activate(&self, id: Uuid) {
        // No receiver means that the scheduler crate's task has died; the resend reports it.
        drop(self.scheduler.context().job_activation_tx.send(id));
    }

    /// Sends again what nobody has taken after a while; taking is idempotent.
    fn watch_over(&self, sent: Vec<(JobName, Uuid)>) {
        let (parked, context) = (Arc::clone(&self.parked), self.scheduler.context());
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(RESEND_AFTER).await;
                let left: Vec<Uuid> = sent
                    .iter()
                    .filter(|(job, _)| is_parked(&parked, job))
                    .map(|(_, id)| *id)
                    .collect();
                if left.is_empty() {
                    return;
                }
                tracing::warn!(jobs = left.len(), "wake-ups were lost and are sent again");
                for id in left {
                    drop(context.job_activation_tx.send(id));
                }
            }
        });
    }
}

fn locked<T>(parked: &Parked, with: impl FnOnce(&mut ByJob) -> T) -> T {
    with(&mut parked.lock().unwrap_or_else(PoisonError::into_inner))
}

fn park(parked: &Parked, job: JobName, waiting: Waiting) {
    locked(parked, |map| {
        map.entry(job).or_default().push_back(waiting);
    });
}

fn take(parked: &Parked, job: &JobName) -> Option<Waiting> {
    locked(parked, |map| {
        let queue = map.get_mut(job)?;
        let waiting = queue.pop_front();
        if queue.is_empty() {
            map.remove(job);
        }
        waiting
    })
}

fn is_parked(parked: &Parked, job: &JobName) -> bool {
    locked(parked, |map| map.contains_key(job))
}
