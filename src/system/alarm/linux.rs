//! `timerfd` on the real-time clock: one wake-up at the instant, and one when the clock is set
//! (`TFD_TIMER_CANCEL_ON_SET`), so that no plan sleeps through a step.
//!
//! A thread reads the descriptor, because tokio's own way of waiting for one is `unsafe`.

use std::{
    io,
    os::fd::OwnedFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use jiff::Timestamp;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::sync::Notify;

/// An alarm that can be set again and again.
#[derive(Debug)]
pub struct Alarm(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    fd: OwnedFd,
    rung: Notify,
    closed: AtomicBool,
}

impl Alarm {
    /// A new alarm.
    ///
    /// # Errors
    /// When the process has no descriptor or thread left.
    pub fn new() -> io::Result<Self> {
        let fd = timerfd_create(TimerfdClockId::Realtime, TimerfdFlags::CLOEXEC)?;
        let shared = Arc::new(Shared {
            fd,
            rung: Notify::new(),
            closed: AtomicBool::new(false),
        });
        let ringer = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("alarm".into())
            .spawn(move || ring(&ringer))?;
        Ok(Self(shared))
    }

    /// Waits until the wall clock shows `at` or is set. May return early: look at the clock.
    ///
    /// # Errors
    /// What the system says about the timer; not expected.
    pub async fn wait_until(&self, at: Timestamp) -> io::Result<()> {
        arm(&self.0.fd, at)?;
        self.0.rung.notified().await;
        Ok(())
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.0.closed.store(true, Ordering::Release);
        // Arming cannot fail on an open timerfd; if it did, one idle thread would stay.
        drop(arm(&self.0.fd, Timestamp::UNIX_EPOCH));
    }
}

fn arm(fd: &OwnedFd, at: Timestamp) -> io::Result<()> {
    let it_value = Timespec {
        tv_sec: at.as_second().max(0),
        // Zero would disarm the timer, so the epoch itself is one nanosecond later.
        tv_nsec: i64::from(at.subsec_nanosecond().max(i32::from(at.as_second() <= 0))),
    };
    let once = Itimerspec {
        it_interval: Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        },
        it_value,
    };
    let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
    timerfd_settime(fd, flags, &once)?;
    Ok(())
}

fn ring(shared: &Shared) {
    use rustix::io::Errno;
    while !shared.closed.load(Ordering::Acquire) {
        match rustix::io::read(&shared.fd, &mut [0u8; 8]) {
            Ok(_) | Err(Errno::CANCELED) => shared.rung.notify_one(),
            Err(Errno::INTR) => {}
            Err(_closed) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::SignedDuration;

    use super::*;
    use crate::clock::Clock;

    #[tokio::test]
    async fn it_wakes_at_the_instant_and_can_be_set_again() {
        let alarm = Alarm::new().unwrap();
        for millis in [20, 0, 5] {
            let at = Clock::System.now() + SignedDuration::from_millis(millis);
            while Clock::System.now() < at {
                alarm.wait_until(at).await.unwrap();
            }
        }
    }

    #[tokio::test]
    async fn an_instant_of_the_past_rings_at_once() {
        let alarm = Alarm::new().unwrap();
        let rung = alarm.wait_until(Timestamp::UNIX_EPOCH);
        tokio::time::timeout(Duration::from_secs(5), rung)
            .await
            .unwrap()
            .unwrap();
    }
}
