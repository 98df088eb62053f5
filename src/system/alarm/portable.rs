//! A sleep of at most a second at a time: the wall clock is asked again after each.

use std::{io, time::Duration};

use jiff::Timestamp;

use crate::clock::Clock;

/// An alarm that can be set again and again.
#[derive(Debug)]
pub struct Alarm(());

impl Alarm {
    /// A new alarm.
    ///
    /// # Errors
    /// None here.
    pub fn new() -> io::Result<Self> {
        Ok(Self(()))
    }

    /// Waits until the wall clock shows `at`.
    ///
    /// # Errors
    /// None here.
    pub async fn wait_until(&self, at: Timestamp) -> io::Result<()> {
        while let Ok(left) = Duration::try_from(Clock::System.now().duration_until(at)) {
            if left.is_zero() {
                break;
            }
            tokio::time::sleep(left.min(Duration::from_secs(1))).await;
        }
        Ok(())
    }
}
