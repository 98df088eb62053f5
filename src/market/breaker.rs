//! A circuit breaker: a source that fails is left alone for a while, then tried with one request. Pure;
//! the time is a parameter, and all it knows follows from the requests that were made.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Class, Outcome, PastCall};

/// So many failures in a row open it.
const FAILURES: u32 = 3;

/// How long it stays open the first time; each time after it twice as long.
const FIRST: Duration = Duration::from_secs(30);

/// How long it stays open at most, and how long after a refusal by quota: the hour at which the server
/// counts anew is not known.
const LONGEST: Duration = Duration::from_hours(1);

/// How long a trial may be under way; then somebody else may try.
const TRIAL: Duration = Duration::from_mins(2);

/// What a breaker does with requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It lets all through.
    Closed,
    /// It lets none through until then, and one after that.
    Open {
        /// Until when.
        until: Timestamp,
        /// Why.
        class: Class,
    },
    /// One request is under way as a trial.
    HalfOpen {
        /// Until when it may be; then another one goes.
        until: Timestamp,
        /// Why it was open.
        class: Class,
    },
    /// It lets none through: the key is refused.
    Stopped,
}

impl State {
    /// As `check api` writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen { .. } => "half_open",
            Self::Stopped => "stopped",
        }
    }
}

/// A request is not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shut {
    /// Why.
    pub(super) class: Class,
    /// Until when; `None` until a person does something.
    pub(super) until: Option<Timestamp>,
}

/// The breaker of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breaker {
    state: State,
    failures: u32,
    /// How often it opened since it was last closed.
    opened: u32,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            state: State::Closed,
            failures: 0,
            opened: 0,
        }
    }
}

impl Breaker {
    /// The breaker after these requests, oldest first; `mark` is that of the key in use: what was said
    /// of another one does not count.
    pub fn after(calls: &[PastCall], mark: &str) -> Self {
        let mut breaker = Self::default();
        for call in calls {
            let (outcome, of) = Outcome::read(&call.outcome);
            if outcome != Outcome::Refused(Class::Key) || of == Some(mark) {
                breaker.learn(call.at, outcome);
            }
        }
        breaker
    }

    /// What it does with requests.
    pub fn state(&self) -> State {
        self.state
    }

    /// What it does with a request now: one that was open for its time lets a trial through.
    pub fn state_at(&self, now: Timestamp) -> State {
        match self.state {
            State::Open { until, class } if !within(until, now) => State::HalfOpen { until, class },
            state => state,
        }
    }

    /// Lets a request through, or says until when not. After that time the first one goes as a trial.
    pub(super) fn admit(&mut self, now: Timestamp) -> Result<(), Shut> {
        match self.state {
            State::Closed => Ok(()),
            State::Stopped => Err(Shut {
                class: Class::Key,
                until: None,
            }),
            State::Open { until, class } | State::HalfOpen { until, class }
                if within(until, now) =>
            {
                Err(Shut {
                    class,
                    until: Some(until),
                })
            }
            State::Open { class, .. } | State::HalfOpen { class, .. } => {
                self.state = State::HalfOpen {
                    until: later(now, TRIAL),
                    class,
                };
                Ok(())
            }
        }
    }

    /// Takes in how a request ended.
    pub(super) fn learn(&mut self, at: Timestamp, outcome: Outcome) {
        match outcome {
            Outcome::Begun | Outcome::Cancelled => self.give_back(at),
            Outcome::Refused(Class::Key) => self.state = State::Stopped,
            Outcome::Refused(class @ Class::Quota) => {
                let until = later(at, LONGEST);
                self.state = State::Open { until, class };
            }
            Outcome::Refused(
                class @ (Class::Burst
                | Class::Transport
                | Class::Server
                | Class::Parse
                | Class::OtherSymbol),
            ) => self.fail(at, class),
            // The source is well: it answered, and what it said is about the question.
            Outcome::Ok | Outcome::Refused(Class::Symbol | Class::Entitlement | Class::Empty) => {
                *self = Self::default();
            }
        }
    }

    fn fail(&mut self, at: Timestamp, class: Class) {
        self.failures += 1;
        if self.failures < FAILURES && self.opened == 0 {
            return;
        }
        let span = FIRST.saturating_mul(1 << self.opened.min(16)).min(LONGEST);
        self.opened += 1;
        self.state = State::Open {
            until: later(at, span),
            class,
        };
    }

    /// A trial that told nothing leaves the place to the next one.
    fn give_back(&mut self, at: Timestamp) {
        if let State::HalfOpen { class, .. } = self.state {
            self.state = State::Open { until: at, class };
        }
    }
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// Whether `until` is still to come. Further away than it can be means that the clock was set back.
fn within(until: Timestamp, now: Timestamp) -> bool {
    let left = until.duration_since(now);
    left > SignedDuration::ZERO
        && SignedDuration::try_from(LONGEST).is_ok_and(|longest| left <= longest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn refused(class: Class) -> Outcome {
        Outcome::Refused(class)
    }

    #[test]
    fn three_failures_open_it_and_a_trial_closes_it() {
        let mut breaker = Breaker::default();
        for second in 0..2 {
            breaker.learn(at(second), refused(Class::Server));
            assert_eq!(breaker.admit(at(second)), Ok(()));
        }
        breaker.learn(at(2), refused(Class::Transport));
        let shut = breaker.admit(at(31)).unwrap_err();
        assert_eq!((shut.class, shut.until), (Class::Transport, Some(at(32))));
        assert_eq!(breaker.admit(at(32)), Ok(()));
        assert!(breaker.admit(at(33)).is_err(), "one trial at a time");
        breaker.learn(at(34), Outcome::Ok);
        assert_eq!(breaker, Breaker::default());
    }

    #[test]
    fn a_trial_that_fails_doubles_the_wait_up_to_an_hour() {
        let (mut breaker, mut now, mut waits) = (Breaker::default(), 0, Vec::new());
        for _ in 0..3 {
            breaker.learn(at(now), refused(Class::Parse));
        }
        for _ in 0..9 {
            let State::Open { until, .. } = breaker.state() else {
                panic!("{breaker:?}");
            };
            waits.push(until.as_second() - now);
            now = until.as_second();
            assert_eq!(breaker.admit(at(now)), Ok(()));
            breaker.learn(at(now), refused(Class::Parse));
        }
        assert_eq!(waits, [30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600]);
    }

    #[test]
    fn a_refused_key_stops_it_and_quota_is_asked_about_hourly() {
        let mut breaker = Breaker::default();
        breaker.learn(at(0), refused(Class::Quota));
        assert!(breaker.admit(at(3_599)).is_err());
        assert_eq!(breaker.admit(at(3_600)), Ok(()));
        breaker.learn(at(3_601), refused(Class::Key));
        let shut = breaker.admit(at(9_999_999)).unwrap_err();
        assert_eq!((shut.class, shut.until), (Class::Key, None));
    }

    #[test]
    fn questions_without_an_answer_are_no_failures_of_the_source() {
        let mut breaker = Breaker::default();
        for second in 0..10 {
            for class in [Class::Symbol, Class::Empty, Class::Entitlement] {
                breaker.learn(at(second), refused(class));
                assert_eq!(breaker.admit(at(second)), Ok(()));
            }
        }
    }

    #[test]
    fn it_is_the_same_after_a_restart_and_another_key_starts_anew() {
        let call = |second, outcome: &str| PastCall {
            at: at(second),
            endpoint: "e".into(),
            symbol: None,
            outcome: outcome.into(),
            duration_ms: 1,
        };
        let calls = [call(0, "ok"), call(1, "key aaaa"), call(2, "begun")];
        assert_eq!(Breaker::after(&calls, "aaaa").state(), State::Stopped);
        assert_eq!(Breaker::after(&calls, "bbbb").state(), State::Closed);
        let failed = [call(0, "server"), call(1, "server"), call(2, "server")];
        assert!(Breaker::after(&failed, "").admit(at(3)).is_err());
        assert_eq!(Breaker::after(&failed, "").admit(at(32)), Ok(()));
    }

    #[test]
    fn a_trial_that_is_cancelled_or_lost_blocks_nobody() {
        let mut breaker = Breaker::default();
        breaker.learn(at(0), refused(Class::Quota));
        breaker.admit(at(3_600)).unwrap();
        breaker.learn(at(3_601), Outcome::Cancelled);
        assert_eq!(breaker.admit(at(3_601)), Ok(()));
        assert!(breaker.admit(at(3_700)).is_err());
        assert_eq!(breaker.admit(at(3_722)), Ok(()));
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_shut_it_for_days() {
        let mut breaker = Breaker::default();
        breaker.learn(at(1_000_000), refused(Class::Quota));
        assert_eq!(breaker.admit(at(10)), Ok(()));
    }

    proptest! {
        #[test]
        fn whatever_happens_it_opens_again_within_an_hour_unless_the_key_is_refused(
            outcomes in prop::collection::vec((0_usize..13, 0_i64..5_000), 0..60),
        ) {
            let classes = [
                Class::Symbol, Class::Burst, Class::Quota, Class::Entitlement, Class::Transport,
                Class::Server, Class::Parse, Class::OtherSymbol, Class::Empty,
            ];
            let (mut breaker, mut now) = (Breaker::default(), 0);
            for (which, passed) in outcomes {
                now += passed;
                if breaker.admit(at(now)).is_ok() {
                    let outcome = classes.get(which).map_or(Outcome::Ok, |class| refused(*class));
                    breaker.learn(at(now), outcome);
                }
            }
            prop_assert_eq!(breaker.admit(at(now + 3_600)), Ok(()));
        }
    }
}
