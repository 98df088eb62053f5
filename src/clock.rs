//! The clock: the only place that asks the machine for the time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use rustix::time::{ClockId, clock_gettime};
use tokio::{sync::Notify, time::Instant};

/// The time of day and a monotonic time, real or virtual.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// Follows tokio's time: with a paused runtime a 30-day sleep in a test ends at once.
    Virtual(Arc<Virtual>),
}

/// A clock that is made up, but goes on with tokio's time and can be set like a real one.
#[derive(Debug)]
pub struct Virtual {
    /// The time of day when it was made.
    epoch: Timestamp,
    /// tokio's instant at that moment.
    origin: Instant,
    /// By how much the time of day was set since, suspends included; milliseconds.
    set: AtomicI64,
    /// How much of that was suspend; milliseconds.
    suspended: AtomicI64,
    /// Rings when it was set, as a timer of the system does.
    rung: Notify,
}

impl Clock {
    /// A virtual clock that shows `epoch` now. Use it inside a runtime; with paused time it stands
    /// still while anything is at work.
    pub fn virtual_from(epoch: Timestamp) -> Self {
        Self::Virtual(Arc::new(Virtual {
            epoch,
            origin: Instant::now(),
            set: AtomicI64::new(0),
            suspended: AtomicI64::new(0),
            rung: Notify::new(),
        }))
    }

    /// The time of day.
    pub fn now(&self) -> Timestamp {
        match self {
            #[expect(clippy::disallowed_methods, reason = "this is the owner of the clock")]
            Self::System => Timestamp::now(),
            Self::Virtual(clock) => {
                let set = SignedDuration::from_millis(clock.set.load(Ordering::Acquire));
                clock
                    .epoch
                    .checked_add(clock.origin.elapsed())
                    .and_then(|now| now.checked_add(set))
                    .unwrap_or(Timestamp::MAX)
            }
        }
    }

    /// A time that never steps and stops while the machine is suspended, since an arbitrary point.
    pub fn monotonic(&self) -> Duration {
        match self {
            Self::System => since_boot(ClockId::Monotonic),
            Self::Virtual(clock) => clock.origin.elapsed(),
        }
    }

    /// How long the machine has been suspended since an arbitrary point; only differences mean
    /// anything. Always zero where the system does not tell.
    pub fn suspended(&self) -> Duration {
        match self {
            #[cfg(target_os = "linux")]
            Self::System => {
                let monotonic = since_boot(ClockId::Monotonic);
                since_boot(ClockId::Boottime).saturating_sub(monotonic)
            }
            #[cfg(not(target_os = "linux"))]
            Self::System => Duration::ZERO,
            Self::Virtual(clock) => {
                let suspended = clock.suspended.load(Ordering::Acquire);
                Duration::from_millis(suspended.unsigned_abs())
            }
        }
    }

    /// Sets a virtual clock forward or back, as a person or a time server would; the machine's own
    /// is left alone.
    pub fn step(&self, by: SignedDuration) {
        if let Self::Virtual(clock) = self {
            clock.set.fetch_add(millis(by), Ordering::AcqRel);
            clock.rung.notify_one();
        }
    }

    /// Lets a virtual machine sleep and wake: the time of day goes on, the monotonic time does not.
    pub fn suspend(&self, span: Duration) {
        if let Self::Virtual(clock) = self {
            let span = SignedDuration::try_from(span).map_or(0, millis);
            clock.suspended.fetch_add(span, Ordering::AcqRel);
            clock.set.fetch_add(span, Ordering::AcqRel);
            clock.rung.notify_one();
        }
    }

    /// Waits until a virtual clock is set; never returns for the machine's, whose timer rings then.
    pub async fn until_set(&self) {
        match self {
            Self::System => std::future::pending().await,
            Self::Virtual(clock) => clock.rung.notified().await,
        }
    }
}

fn since_boot(id: ClockId) -> Duration {
    let time = clock_gettime(id);
    let secs = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(secs, u32::try_from(time.tv_nsec).unwrap_or_default())
}

fn millis(span: SignedDuration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_virtual_clock_follows_paused_time() {
        let clock = Clock::virtual_from(Timestamp::UNIX_EPOCH);
        tokio::time::sleep(Duration::from_hours(30 * 24)).await;
        assert_eq!(
            clock.now(),
            "1970-01-31T00:00:00Z".parse::<Timestamp>().unwrap()
        );
        assert_eq!(clock.monotonic(), Duration::from_hours(30 * 24));
    }

    #[test]
    fn the_system_clock_goes_on() {
        let before = Clock::System.monotonic();
        assert!(Clock::System.monotonic() >= before);
        assert!(Clock::System.now() > Timestamp::UNIX_EPOCH);
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_moves_the_day_and_a_suspend_is_told_from_it() {
        let clock = Clock::virtual_from(Timestamp::UNIX_EPOCH);
        let set = tokio::spawn({
            let clock = clock.clone();
            async move { clock.until_set().await }
        });
        tokio::task::yield_now().await;
        clock.step(SignedDuration::from_hours(-2));
        clock.suspend(Duration::from_hours(3));
        set.await.unwrap();
        assert_eq!(clock.now().as_second(), 3_600);
        assert_eq!(clock.monotonic(), Duration::ZERO);
        assert_eq!(clock.suspended(), Duration::from_hours(3));
    }
}
