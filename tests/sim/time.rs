//! The clocks of a computer that sleeps and whose time is set, and who notices that.

use jiff::{SignedDuration, Timestamp};

/// Less than this is not noticed; the engine's own limit.
const NOTABLE: i64 = 2_000;

pub(super) const SECOND: i64 = 1_000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

/// All in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clocks {
    /// The time of day.
    pub(super) wall: i64,
    /// The time that the computer was awake.
    pub(super) mono: i64,
    /// The time that it slept.
    pub(super) suspended: i64,
}

impl Clocks {
    pub(super) fn now(self) -> Timestamp {
        Timestamp::from_millisecond(self.wall).unwrap()
    }

    pub(super) fn pass(&mut self, span: i64) {
        self.wall += span;
        self.mono += span;
    }

    pub(super) fn suspend(&mut self, span: i64) {
        self.wall += span;
        self.suspended += span;
    }

    pub(super) fn step(&mut self, by: i64) {
        self.wall += by;
    }
}

/// Compares the clocks as the engine's watchman does.
#[derive(Debug)]
pub(super) struct Watchman(Clocks);

impl Watchman {
    pub(super) fn new(clocks: Clocks) -> Self {
        Self(clocks)
    }

    /// For how long the computer slept and by how much its clock was set, if that is notable.
    pub(super) fn ask(&mut self, now: Clocks) -> Option<(SignedDuration, SignedDuration)> {
        let notable = |span: i64| if span.abs() > NOTABLE { span } else { 0 };
        let passed = now.mono - self.0.mono;
        let slept = notable(now.suspended - self.0.suspended);
        let stepped = notable(now.wall - self.0.wall - passed - slept);
        let jumped = slept != 0 || stepped != 0;
        if jumped || passed > MINUTE {
            self.0 = now;
        }
        let span = SignedDuration::from_millis;
        jumped.then(|| (span(slept), span(stepped)))
    }
}
