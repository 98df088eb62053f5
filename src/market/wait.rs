//! Waiting that ends when the work is cancelled.

use std::{thread, time::Duration};

use jiff::SignedDuration;

use crate::{
    clock::Clock,
    watch::{Cancelled, Watch},
};

/// How long a cancellation may go unnoticed.
const SLICE: Duration = Duration::from_millis(50);

/// Waits for `span`; a virtual clock is set forward by it instead.
pub(super) fn wait(clock: &Clock, span: Duration, watch: &Watch) -> Result<(), Cancelled> {
    watch.cancel.checkpoint()?;
    if let Clock::Virtual(_) = clock {
        clock.step(SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX));
        return watch.cancel.checkpoint();
    }
    let end = clock.monotonic().saturating_add(span);
    loop {
        let left = end.saturating_sub(clock.monotonic());
        if left.is_zero() {
            return Ok(());
        }
        thread::park_timeout(left.min(SLICE));
        watch.cancel.checkpoint()?;
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::watch::CancelReason;

    #[tokio::test(start_paused = true)]
    async fn a_virtual_hour_passes_at_once_and_a_cancelled_one_does_not_begin() {
        let clock = Clock::virtual_from(Timestamp::UNIX_EPOCH);
        let watch = Watch::default();
        wait(&clock, Duration::from_hours(1), &watch).unwrap();
        assert_eq!(clock.now().as_second(), 3_600);
        watch.cancel.cancel(CancelReason::Shutdown);
        wait(&clock, Duration::from_hours(1), &watch).unwrap_err();
        assert_eq!(clock.now().as_second(), 3_600);
        wait(&Clock::System, Duration::from_hours(1), &watch).unwrap_err();
    }
}
