//! How often a source may be asked; pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Over which time the requests of a day are counted. A moving day is right whichever hour the server
/// counts from: no day of any zone has more.
pub const DAY: SignedDuration = SignedDuration::from_hours(24);

/// How often a source may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many requests a day; `None` for no limit.
    pub per_day: Option<u32>,
    /// How long after a request the next one may go out.
    pub apart: Duration,
}

/// Whether there is room for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// Now.
    Now,
    /// In a moment: the last request was just now.
    At(Timestamp),
    /// The requests of the day are used up; the oldest of them is a day old then.
    UsedUp(Timestamp),
}

impl Limits {
    /// How many of the newest requests must be looked at.
    pub(super) fn look(&self) -> usize {
        usize::try_from(self.per_day.unwrap_or(0))
            .unwrap_or(usize::MAX)
            .max(1)
    }

    /// Whether there is room now after requests at these times, the newest first. Requests of a time to
    /// come (the clock was set back) count like those of now.
    pub(super) fn room(&self, newest_first: &[Timestamp], now: Timestamp) -> Room {
        let later = |at: Timestamp, by| at.checked_add(by).unwrap_or(Timestamp::MAX);
        if let Some(per_day) = self.per_day {
            let Some(last) = usize::try_from(per_day)
                .unwrap_or(usize::MAX)
                .checked_sub(1)
            else {
                return Room::UsedUp(Timestamp::MAX);
            };
            if let Some(oldest) = newest_first.get(last) {
                let free = later(*oldest, DAY);
                if free > now {
                    return Room::UsedUp(free);
                }
            }
        }
        let apart = SignedDuration::try_from(self.apart).unwrap_or(SignedDuration::ZERO);
        match newest_first
            .first()
            .map(|newest| later((*newest).min(now), apart))
        {
            Some(free) if free > now => Room::At(free),
            _ => Room::Now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        per_day: Some(2),
        apart: Duration::from_secs(1),
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn requests_keep_apart_and_within_the_day() {
        let day = 86_400;
        assert_eq!(LIMITS.room(&[], at(0)), Room::Now);
        assert_eq!(LIMITS.room(&[at(10)], at(10)), Room::At(at(11)));
        assert_eq!(LIMITS.room(&[at(10)], at(11)), Room::Now);
        assert_eq!(
            LIMITS.room(&[at(20), at(10)], at(30)),
            Room::UsedUp(at(10 + day))
        );
        assert_eq!(LIMITS.room(&[at(20), at(10)], at(10 + day)), Room::Now);
    }

    #[test]
    fn a_clock_that_was_set_back_frees_nothing_and_waits_no_longer() {
        assert_eq!(LIMITS.room(&[at(1_000)], at(10)), Room::At(at(11)));
        assert!(matches!(
            LIMITS.room(&[at(1_000), at(900)], at(10)),
            Room::UsedUp(_)
        ));
    }

    #[test]
    fn none_a_day_is_none_and_no_limit_is_no_limit() {
        let none = Limits {
            per_day: Some(0),
            ..LIMITS
        };
        assert!(matches!(none.room(&[], at(0)), Room::UsedUp(_)));
        let free = Limits {
            per_day: None,
            ..LIMITS
        };
        assert_eq!(free.room(&[at(5); 100], at(6)), Room::Now);
        assert_eq!((none.look(), free.look(), LIMITS.look()), (1, 1, 2));
    }
}
