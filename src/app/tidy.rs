//! Once a day the ledger loses what is older than the history kept.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::session::DAEMON;
use crate::{
    clock::Clock,
    job::{JobName, JobSet, Policy, chain},
    ledger::{self, Ledger},
    units::Span,
};

/// When a daemon looks for the first time: long after what it missed has been caught up.
const FIRST: Duration = Duration::from_mins(5);
/// How long it waits from one time to the next, awake.
const PERIOD: Duration = Duration::from_hours(24);
/// How many runs go in one transaction; a claim that is due waits no longer than that takes.
const PIECE: u32 = 100;
/// How many jobs are looked through at once.
const PAGE: u32 = 500;
/// The pause between two transactions, in which claims get their turn.
const PAUSE: Duration = Duration::from_millis(20);
/// What the clock says is not believed so soon after so long a gap: a clock that is set right again
/// must not have cost history.
const LEAP: SignedDuration = SignedDuration::from_hours(7 * 24);
const BELIEVED_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// How long the history of each job is kept, shared with whoever takes another job file.
#[derive(Debug, Clone, Default)]
pub(super) struct Keeping(Arc<Mutex<BTreeMap<JobName, Span>>>);

impl Keeping {
    pub(super) fn of(set: &JobSet) -> Self {
        let keeping = Self::default();
        keeping.take(set);
        keeping
    }

    /// Another set of jobs is in force.
    pub(super) fn take(&self, set: &JobSet) {
        let built_in = built_in();
        let jobs = set.jobs.iter();
        let kept = jobs.map(|spec| (spec.name.clone(), spec.policy.keep_history));
        let special = kept.filter(|(_, keep)| *keep != built_in).collect();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = special;
    }

    /// How long the history of `job` is kept; also of one that is in no job file any more.
    pub(super) fn of_job(&self, job: &JobName) -> Span {
        let special = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        special.get(job).copied().unwrap_or_else(built_in)
    }
}

fn built_in() -> Span {
    Policy::default().keep_history
}

/// The task that removes old history from the ledger of a running daemon.
pub(super) struct Tidying {
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl Tidying {
    pub(super) fn start(ledger: &Arc<Ledger>, clock: &Clock, keeping: &Keeping) -> Self {
        let tidier = Tidier {
            ledger: Arc::clone(ledger),
            clock: clock.clone(),
            keeping: keeping.clone(),
        };
        let stop = CancellationToken::new();
        let task = tokio::spawn(tidier.run(stop.clone()));
        Self { task, stop }
    }

    /// Ends it; it writes nothing from then on. Waits for one piece at most.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        if self.task.await.is_err() {
            tracing::error!("removing old history has panicked");
        }
    }
}

struct Tidier {
    ledger: Arc<Ledger>,
    clock: Clock,
    keeping: Keeping,
}

/// What was removed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Removed {
    runs: usize,
    jobs: usize,
}

impl Tidier {
    /// Lives until told to stop; whatever was begun is done by the time it returns.
    async fn run(self, stop: CancellationToken) {
        let mut wait = FIRST;
        while passes(wait, &stop).await {
            wait = PERIOD;
            let mut removed = Removed::default();
            let tidied = self.tidy(&mut removed, &stop).await;
            if removed.runs > 0 {
                self.tell(&removed);
            }
            if let Err(error) = tidied {
                let error = chain(&error);
                tracing::error!(error, "old history could not be removed");
            }
        }
    }

    async fn tidy(
        &self,
        removed: &mut Removed,
        stop: &CancellationToken,
    ) -> Result<(), ledger::Error> {
        let now = self.clock.now();
        let believed = move |ledger: &Ledger| is_believed(ledger, now);
        if self.on_ledger(believed).await? != Some(true) {
            return Ok(());
        }
        let mut last: Option<JobName> = None;
        loop {
            let after = last.clone();
            let page = move |ledger: &Ledger| ledger.oldest_slots(after.as_ref(), PAGE);
            let page = self.on_ledger(page).await?.unwrap_or_default();
            let Some((job, _)) = page.last() else {
                return Ok(());
            };
            last = Some(job.clone());
            for (job, oldest) in page {
                let before = before(now, self.keeping.of_job(&job));
                if oldest < before && !self.trim(job, before, removed, stop).await? {
                    return Ok(());
                }
            }
        }
    }

    /// Removes what came before an instant, in pieces; false if it is time to stop.
    async fn trim(
        &self,
        job: JobName,
        before: Timestamp,
        removed: &mut Removed,
        stop: &CancellationToken,
    ) -> Result<bool, ledger::Error> {
        let mut first = true;
        loop {
            let job = job.clone();
            let piece = move |ledger: &Ledger| ledger.trim(&job, before, PIECE);
            let runs = self.on_ledger(piece).await?.unwrap_or_default();
            removed.runs += runs;
            removed.jobs += usize::from(first && runs > 0);
            first = false;
            if !passes(PAUSE, stop).await {
                return Ok(false);
            }
            if runs == 0 {
                return Ok(true);
            }
        }
    }

    /// Does something on the ledger, away from the tasks that must never wait for a disk; `None`
    /// where the runtime is shutting down.
    async fn on_ledger<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Ledger) -> Result<T, ledger::Error> + Send + 'static,
    ) -> Result<Option<T>, ledger::Error> {
        let ledger = Arc::clone(&self.ledger);
        let done = tokio::task::spawn_blocking(move || act(&ledger)).await;
        done.ok().transpose()
    }

    fn tell(&self, removed: &Removed) {
        let Removed { runs, jobs } = removed;
        tracing::info!(runs, jobs, "removed what was older than the history kept");
        let detail = format!("runs: {runs}, jobs: {jobs}; older than the history kept");
        if let Err(error) = self.ledger.note(DAEMON, "trim", "", &detail) {
            let error = chain(&error);
            tracing::error!(error, "the journal could not be written");
        }
    }
}

/// Waits; false if it is time to stop.
async fn passes(wait: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        biased;
        () = stop.cancelled() => false,
        () = tokio::time::sleep(wait) => true,
    }
}

/// Whether the clock is to be believed: not for a day after it leapt.
fn is_believed(ledger: &Ledger, now: Timestamp) -> Result<bool, ledger::Error> {
    let recent = now.checked_sub(BELIEVED_AFTER).unwrap_or(now);
    let mut gaps = ledger.gaps(recent)?.into_iter();
    // A gap that ends later than now has been set right.
    Ok(!gaps.any(|gap| gap.ended_at <= now && gap.ended_at.duration_since(gap.began_at) > LEAP))
}

/// What is older than this is not kept.
fn before(now: Timestamp, keep: Span) -> Timestamp {
    now.checked_sub(keep.signed()).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ledger::{Decision, Gap, Instance},
        words::{GapKind, Slot, Trigger},
    };

    const DAY: Duration = Duration::from_hours(24);

    struct Desk {
        _root: tempfile::TempDir,
        clock: Clock,
        ledger: Arc<Ledger>,
        keeping: Keeping,
        me: Instance,
    }

    impl Desk {
        /// It is the day 2,000.
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            let clock = Clock::virtual_from(day(2_000));
            let ledger = Ledger::open(&root.path().join("x.db"), clock.clone()).unwrap();
            let me = ledger.begin(DAEMON, "host", "1").unwrap();
            Self {
                _root: root,
                clock,
                ledger: Arc::new(ledger),
                keeping: Keeping::default(),
                me,
            }
        }

        /// One slot a day is skipped, from so many days ago until now.
        fn skip(&self, job: &str, days: i64) {
            let now = self.clock.now();
            self.clock.step(SignedDuration::from_hours(-24 * days));
            for _ in 0..days {
                self.clock.step(SignedDuration::from_hours(24));
                let skip = Decision::Skip {
                    slot: Slot {
                        job: job.parse().unwrap(),
                        at: self.clock.now(),
                        scope: String::new(),
                    },
                    trigger: Trigger::Schedule,
                    reason: "overlap".into(),
                };
                self.ledger.decide(self.me, &[skip], &[]).unwrap();
            }
            assert_eq!(self.clock.now(), now);
        }

        fn keep(&self, job: &str, days: u32) {
            let mut kept = self.keeping.0.lock().unwrap();
            kept.insert(job.parse().unwrap(), Span::from(DAY * days));
        }

        fn start(&self) -> Tidying {
            Tidying::start(&self.ledger, &self.clock, &self.keeping)
        }

        /// How old the oldest run of each job is, in days.
        fn oldest(&self) -> Vec<i64> {
            let now = self.clock.now();
            let oldest = self.ledger.oldest_slots(None, 9).unwrap().into_iter();
            oldest
                .map(|(_, at)| now.duration_since(at).as_hours() / 24)
                .collect()
        }

        fn journal(&self) -> Vec<String> {
            let entries = self.ledger.journal(99).unwrap().into_iter();
            entries
                .map(|entry| format!("{} {}", entry.act, entry.detail))
                .collect()
        }
    }

    fn day(day: i64) -> Timestamp {
        Timestamp::from_second(day * 86_400).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn each_job_keeps_its_own_span_and_the_others_the_built_in_one() {
        let desk = Desk::new();
        desk.skip("gone", 402);
        desk.skip("short", 12);
        desk.skip("young", 9);
        desk.keep("short", 10);
        let _tidying = desk.start();
        tokio::time::sleep(FIRST / 2).await;
        assert_eq!(desk.oldest(), [401, 11, 8], "not yet");
        tokio::time::sleep(FIRST).await;
        assert_eq!(desk.oldest(), [399, 9, 8]);
        let told = "trim runs: 4, jobs: 2; older than the history kept";
        assert_eq!(desk.journal(), [told]);
        tokio::time::sleep(DAY / 2).await;
        assert_eq!(desk.journal().len(), 1, "once a day");
        desk.keep("young", 5);
        tokio::time::sleep(DAY).await;
        assert_eq!(desk.oldest(), [399, 9, 4]);
        assert_eq!(desk.journal().len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_to_remove_is_nothing_to_tell() {
        let desk = Desk::new();
        desk.skip("a", 300);
        let _tidying = desk.start();
        tokio::time::sleep(DAY * 3).await;
        assert_eq!(desk.oldest(), [302]);
        assert_eq!(desk.journal(), [""; 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_between_two_pieces() {
        let desk = Desk::new();
        desk.skip("a", 1_500);
        let tidying = desk.start();
        tokio::time::sleep(FIRST + PAUSE / 2).await;
        tidying.stop().await;
        let piece = i64::from(PIECE);
        assert_eq!(desk.oldest(), [1_499 - piece]);
        assert_eq!(desk.journal().len(), 1, "what went is told");
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_leapt_is_believed_after_a_day() {
        let desk = Desk::new();
        desk.skip("a", 500);
        let note = |from, until| {
            let gap = Gap {
                what: GapKind::Stepped,
                began_at: from,
                ended_at: until,
            };
            desk.ledger.note_gap(gap).unwrap();
        };
        // It showed the year 2300 for a while, and that has been set right.
        note(day(2_000), day(120_000));
        note(day(120_000), day(2_000));
        note(day(1_980), day(2_000));
        let _tidying = desk.start();
        tokio::time::sleep(FIRST * 2).await;
        assert_eq!(desk.oldest(), [499]);
        tokio::time::sleep(DAY).await;
        assert_eq!(desk.oldest(), [399]);
    }
}
