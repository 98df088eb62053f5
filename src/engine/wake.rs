//! Notices that the computer slept or that its clock was set.
//!
//! The wall clock and the monotonic time go apart by both; the time spent in suspend, where the
//! system counts it, tells which.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::{clock::Clock, ledger::Gap, words::GapKind};

/// Less than this is the daily work of a time server.
const NOTABLE: SignedDuration = SignedDuration::from_secs(2);

/// What the clocks showed.
#[derive(Debug, Clone, Copy)]
struct Seen {
    wall: Timestamp,
    monotonic: Duration,
    suspended: Duration,
}

/// The wall clock and the monotonic time went apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Jump {
    /// What the wall clock showed when it was last looked at.
    pub(super) from: Timestamp,
    /// What it shows now.
    pub(super) to: Timestamp,
    /// For how long the computer slept.
    pub(super) slept: SignedDuration,
    /// By how much the clock was set; negative: back.
    pub(super) stepped: SignedDuration,
}

impl Jump {
    /// What the awake ledger keeps of it. The process may have lived on for long before: whatever
    /// happened is taken to have just ended.
    pub(super) fn gaps(&self) -> Vec<Gap> {
        let before = |at: Timestamp, span| at.checked_sub(span).unwrap_or(self.from);
        let slept_until = before(self.to, self.stepped);
        let slept = Gap {
            what: GapKind::Suspended,
            began_at: before(slept_until, self.slept),
            ended_at: slept_until,
        };
        let stepped = Gap {
            what: GapKind::Stepped,
            began_at: slept_until,
            ended_at: self.to,
        };
        let happened = [(slept, self.slept), (stepped, self.stepped)].into_iter();
        let happened = happened.filter(|(_, span)| !span.is_zero());
        happened.map(|(gap, _)| gap).collect()
    }
}

/// Compares the clocks each time it is asked.
#[derive(Debug)]
pub(super) struct Watchman(Seen);

impl Watchman {
    pub(super) fn new(clock: &Clock) -> Self {
        Self(look(clock))
    }

    /// What happened since it was last asked; small differences add up until they count.
    pub(super) fn ask(&mut self, clock: &Clock) -> Option<Jump> {
        let (last, now) = (self.0, look(clock));
        let passed = signed(now.monotonic) - signed(last.monotonic);
        let slept = notable(signed(now.suspended) - signed(last.suspended));
        let stepped = notable(last.wall.duration_until(now.wall) - passed - slept);
        if slept.is_zero() && stepped.is_zero() {
            // A clock that runs a little fast must not look like a step after a year.
            if passed > SignedDuration::from_mins(1) {
                self.0 = now;
            }
            return None;
        }
        self.0 = now;
        Some(Jump {
            from: last.wall,
            to: now.wall,
            slept,
            stepped,
        })
    }
}

fn look(clock: &Clock) -> Seen {
    Seen {
        wall: clock.now(),
        monotonic: clock.monotonic(),
        suspended: clock.suspended(),
    }
}

fn signed(span: Duration) -> SignedDuration {
    SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX)
}

fn notable(span: SignedDuration) -> SignedDuration {
    if span.abs() > NOTABLE {
        span
    } else {
        SignedDuration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    fn watched() -> (Clock, Watchman) {
        let clock = Clock::virtual_from(Timestamp::UNIX_EPOCH);
        let watchman = Watchman::new(&clock);
        (clock, watchman)
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_wait_is_no_jump() {
        let (clock, mut watchman) = watched();
        tokio::time::sleep(Duration::from_hours(1_000)).await;
        assert_eq!(watchman.ask(&clock), None);
        clock.step(SignedDuration::from_millis(1_900));
        assert_eq!(watchman.ask(&clock), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_sleep_is_told_from_a_step() {
        let (clock, mut watchman) = watched();
        clock.suspend(Duration::from_hours(1));
        let jump = watchman.ask(&clock).unwrap();
        assert_eq!((jump.slept, jump.stepped), (HOUR, SignedDuration::ZERO));
        clock.step(-HOUR);
        let jump = watchman.ask(&clock).unwrap();
        assert_eq!((jump.slept, jump.stepped), (SignedDuration::ZERO, -HOUR));
        assert_eq!(watchman.ask(&clock), None);
    }

    #[tokio::test(start_paused = true)]
    async fn both_at_once_are_two_gaps() {
        let (clock, mut watchman) = watched();
        // It lived on for a while since it looked last.
        tokio::time::sleep(Duration::from_hours(10)).await;
        let began_at = clock.now();
        clock.suspend(Duration::from_hours(2));
        let ended_at = clock.now();
        clock.step(-HOUR);
        let jump = watchman.ask(&clock).unwrap();
        assert_eq!((jump.slept, jump.stepped), (HOUR * 2, -HOUR));
        let what: Vec<_> = jump.gaps().iter().map(|gap| gap.what).collect();
        assert_eq!(what, [GapKind::Suspended, GapKind::Stepped]);
        let slept = jump.gaps()[0];
        assert_eq!((slept.began_at, slept.ended_at), (began_at, ended_at));
    }

    #[tokio::test(start_paused = true)]
    async fn small_differences_add_up() {
        let (clock, mut watchman) = watched();
        let mut jumps = 0;
        for _ in 0..5 {
            clock.step(SignedDuration::from_millis(900));
            jumps += usize::from(watchman.ask(&clock).is_some());
        }
        assert_eq!(jumps, 1);
    }
}
