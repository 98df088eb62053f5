//! The slots of a job backwards: schedules only know what comes next.

use jiff::{SignedDuration, Timestamp};

use super::JobSpec;

const SECOND: SignedDuration = SignedDuration::from_secs(1);

impl JobSpec {
    /// The last slot at or before `until`, if there is one in the ten years before it.
    pub fn last_slot(&self, until: Timestamp, anchor: Timestamp) -> Option<Timestamp> {
        const FIRST: i64 = 60;
        const FARTHEST: i64 = 10 * 366 * 86_400;
        let before = |second: i64| {
            let after = Timestamp::from_second(second).ok()?;
            self.next_after(after, anchor).filter(|at| *at <= until)
        };
        let end = until.as_second();
        let mut back = FIRST;
        let mut low = loop {
            let from = end.checked_sub(back)?;
            if before(from).is_some() {
                break from;
            }
            if back >= FARTHEST {
                return None;
            }
            back *= 4;
        };
        // The latest second after which something is due until the end: what is due is the last
        // slot.
        let mut high = end;
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if before(middle).is_some() {
                low = middle;
            } else {
                high = middle;
            }
        }
        before(low)
    }

    /// The last slot before the slot `at`.
    pub fn previous(&self, at: Timestamp, anchor: Timestamp) -> Option<Timestamp> {
        self.last_slot(at.checked_sub(SECOND).ok()?, anchor)
    }

    /// The newest slots at or before `until` and after `since`, newest first; at most `count`.
    pub fn newest_slots(
        &self,
        anchor: Timestamp,
        (since, until): (Timestamp, Timestamp),
        count: usize,
    ) -> Vec<Timestamp> {
        let mut slots = Vec::new();
        let mut end = Some(until);
        while let Some(until) = end.filter(|_| slots.len() < count) {
            let Some(at) = self.last_slot(until, anchor).filter(|at| *at > since) else {
                break;
            };
            slots.push(at);
            end = at.checked_sub(SECOND).ok();
        }
        slots
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        job::{Policy, testing::Nothing},
        schedule::Schedule,
    };

    fn spec(schedules: &[&str], zone: &str) -> JobSpec {
        let schedules = schedules.iter().map(|text| Schedule::parse(text).unwrap());
        JobSpec {
            name: "a".parse().unwrap(),
            kind: "nothing",
            schedules: schedules.collect(),
            policy: Policy {
                timezone: TimeZone::get(zone).unwrap(),
                ..Policy::default()
            },
            job: Arc::new(Nothing),
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_last_slot_may_be_at_the_end_or_years_ago() {
        let anchor = Timestamp::UNIX_EPOCH;
        let last = |schedule: &str, until: &str| {
            spec(&[schedule], "UTC")
                .last_slot(at(until), anchor)
                .map(|at| at.to_string())
        };
        let found = |text: &str| Some(text.to_owned());
        assert_eq!(
            last("0 2 * * *", "2026-11-24T02:00:00Z"),
            found("2026-11-24T02:00:00Z")
        );
        assert_eq!(
            last("0 2 * * *", "2026-11-24T01:59:59Z"),
            found("2026-11-23T02:00:00Z")
        );
        assert_eq!(
            last("0 0 29 2 *", "2027-11-24T00:00:00Z"),
            found("2024-02-29T00:00:00Z")
        );
        assert_eq!(last("@start", "2026-11-24T00:00:00Z"), None);
    }

    #[test]
    fn the_newest_are_counted_back_to_the_first_that_is_owed() {
        let spec = spec(&["@hourly"], "UTC");
        let (since, until) = (at("2026-11-24T00:00:00Z"), at("2026-11-24T03:30:00Z"));
        let hours = |count| -> Vec<i8> {
            let slots = spec.newest_slots(until, (since, until), count);
            let hour = |at: &Timestamp| TimeZone::UTC.to_datetime(*at).hour();
            slots.iter().map(hour).collect()
        };
        assert_eq!(hours(2), [3, 2]);
        assert_eq!(hours(99), [3, 2, 1]);
    }

    proptest! {
        #[test]
        fn backwards_is_forwards_reversed(
            schedule in prop::sample::select(vec![
                "*/7 * * * *", "30 1 * * *", "0 2,14 * * 1-5", "every 11m", "*/20 9-10 * * *",
            ]),
            from in 1_700_000_000i64..1_900_000_000,
        ) {
            let spec = spec(&[schedule, "15 */5 * * *"], "America/New_York");
            let (since, anchor) = (Timestamp::from_second(from).unwrap(), Timestamp::UNIX_EPOCH);
            let until = since + SignedDuration::from_hours(30);
            let mut forwards = Vec::new();
            let mut next = spec.next_after(since, anchor);
            while let Some(at) = next.filter(|at| *at <= until) {
                forwards.push(at);
                next = spec.next_after(at, anchor);
            }
            forwards.reverse();
            prop_assert_eq!(spec.newest_slots(anchor, (since, until), 9_999), forwards);
        }
    }
}
