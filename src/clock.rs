//! The clock: the only place that asks the machine for the time.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// The time of day and a monotonic time, real or virtual.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// Follows tokio's time: with a paused runtime a 30-day sleep in a test ends at once.
    Virtual {
        /// The time of day when the virtual clock was made.
        epoch: Timestamp,
        /// tokio's instant at that moment.
        origin: Instant,
    },
}

impl Clock {
    /// A virtual clock that shows `epoch` now. Use it inside a runtime with paused time.
    pub fn virtual_from(epoch: Timestamp) -> Self {
        Self::Virtual {
            epoch,
            origin: Instant::now(),
        }
    }

    /// The time of day.
    pub fn now(&self) -> Timestamp {
        match self {
            #[expect(clippy::disallowed_methods, reason = "this is the owner of the clock")]
            Self::System => Timestamp::now(),
            Self::Virtual { epoch, origin } => epoch
                .checked_add(origin.elapsed())
                .unwrap_or(Timestamp::MAX),
        }
    }

    /// A time that never steps and stops while the machine is suspended, since an arbitrary point.
    pub fn monotonic(&self) -> Duration {
        match self {
            Self::System => {
                let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
                let secs = u64::try_from(time.tv_sec).unwrap_or_default();
                Duration::new(secs, u32::try_from(time.tv_nsec).unwrap_or_default())
            }
            Self::Virtual { origin, .. } => origin.elapsed(),
        }
    }
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
}
