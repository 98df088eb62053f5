//! Fixed times that daylight saving skips or repeats, in words.

use jiff::{
    SignedDuration, Timestamp,
    civil::DateTime,
    tz::{Offset, TimeZone},
};

use super::{Fold, Frame, Gap, pattern::Pattern};

/// How far ahead is looked: every zone that changes its clock does so within this.
const AHEAD: SignedDuration = SignedDuration::from_hours(24 * 400);

/// One message and one hint for the first skipped time of a fixed pattern and for the first
/// repeated one. A pattern with wildcards follows the wall clock, and nobody is surprised.
pub(super) fn doubts(pattern: &Pattern, frame: &Frame, now: Timestamp) -> Vec<(String, String)> {
    if !pattern.is_fixed() {
        return Vec::new();
    }
    let changes: Vec<Change> = changes(&frame.zone, now);
    let zone = frame.zone.iana_name().unwrap_or("the computer's zone");
    let first = |gap: bool| {
        let mut kind = changes.iter().filter(|change| change.is_gap() == gap);
        kind.find_map(|change| Some((change, change.slot(pattern)?)))
    };
    let gap = first(true).map(|(change, slot)| {
        let (date, time) = (slot.date(), short(slot));
        let then = match frame.dst.gap.unwrap_or(Gap::Run) {
            Gap::Run => format!("runs at {} instead (dst.gap: run)", short(change.end)),
            Gap::Skip => "does not run then (dst.gap: skip)".to_owned(),
        };
        let message = format!("{time} does not exist on {date}; {then}");
        let hint = format!("in {zone}; `dst: {{gap: run}}` or `{{gap: skip}}` decides");
        (message, hint)
    });
    let fold = first(false).map(|(_, slot)| {
        let (date, time) = (slot.date(), short(slot));
        let then = match frame.dst.fold.unwrap_or(Fold::First) {
            Fold::First => "runs on the first pass (dst.fold: first)",
            Fold::Both => "runs both times (dst.fold: both)",
            Fold::Last => "runs on the second pass (dst.fold: last)",
        };
        let message = format!("{time} happens twice on {date}; {then}");
        let hint = format!("in {zone}; `dst: {{fold: first}}`, `last` or `both` decides");
        (message, hint)
    });
    gap.into_iter().chain(fold).collect()
}

/// One change of the clock, with the wall times that it skips or repeats.
#[derive(Debug, Clone, Copy)]
struct Change {
    before: Offset,
    after: Offset,
    start: DateTime,
    end: DateTime,
}

impl Change {
    fn is_gap(self) -> bool {
        self.after > self.before
    }

    /// The first time of the pattern that is skipped or repeated.
    fn slot(self, pattern: &Pattern) -> Option<DateTime> {
        pattern
            .slot_from(self.start)
            .filter(|slot| *slot < self.end)
    }
}

fn changes(zone: &TimeZone, now: Timestamp) -> Vec<Change> {
    let Ok(until) = now.checked_add(AHEAD) else {
        return Vec::new();
    };
    let mut before = zone.to_offset(now);
    let mut changes = Vec::new();
    for transition in zone.following(now) {
        let (at, after) = (transition.timestamp(), transition.offset());
        if at > until {
            break;
        }
        let (a, b) = (before.to_datetime(at), after.to_datetime(at));
        if a != b {
            changes.push(Change {
                before,
                after,
                start: a.min(b),
                end: a.max(b),
            });
        }
        before = after;
    }
    changes
}

/// `02:30`, or `02:30:15`.
fn short(at: DateTime) -> String {
    let format = if at.second() == 0 {
        "%H:%M"
    } else {
        "%H:%M:%S"
    };
    at.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::{Dst, Schedule};

    fn told(text: &str, zone: &str, dst: Dst) -> Vec<String> {
        let frame = Frame {
            zone: TimeZone::get(zone).unwrap(),
            dst,
            anchor: Timestamp::UNIX_EPOCH,
            calendar: None,
            only: None,
        };
        let now = "2026-10-24T00:00:00Z".parse().unwrap();
        let Ok(Schedule::Cron(pattern)) = Schedule::parse(text) else {
            panic!("{text}")
        };
        let doubts = doubts(&pattern, &frame, now);
        doubts.into_iter().map(|(message, _)| message).collect()
    }

    const NEW_YORK: &str = "America/New_York";

    #[test]
    fn a_skipped_time_is_told_with_its_date_and_what_happens() {
        assert_eq!(
            told("30 2 * * *", NEW_YORK, Dst::default()),
            ["02:30 does not exist on 2027-03-14; \
              runs at 03:00 instead (dst.gap: run)"]
        );
        let skip = Dst {
            gap: Some(Gap::Skip),
            fold: None,
        };
        let told = told("30 2 * * *", NEW_YORK, skip);
        assert!(
            told[0].ends_with("; does not run then (dst.gap: skip)"),
            "{told:?}"
        );
    }

    #[test]
    fn a_repeated_time_is_told_as_the_knob_has_it() {
        let folded = |fold| {
            let dst = Dst { gap: None, fold };
            told("15 30 1 * * *", NEW_YORK, dst).remove(0)
        };
        assert_eq!(
            folded(None),
            "01:30:15 happens twice on 2026-11-01; runs on the first pass (dst.fold: first)"
        );
        assert!(folded(Some(Fold::Both)).ends_with("; runs both times (dst.fold: both)"));
        assert!(folded(Some(Fold::Last)).contains("second pass"));
    }

    #[test]
    fn only_what_really_happens_is_told() {
        let none: [&str; 0] = [];
        for (text, zone) in [
            ("*/30 2 * * *", NEW_YORK),
            ("30 * * * *", NEW_YORK),
            ("30 3 * * *", NEW_YORK),
            // The clock changes on Sundays.
            ("30 2 * * mon", NEW_YORK),
            ("30 2 1 * *", NEW_YORK),
            ("30 2 * * *", "Asia/Shanghai"),
            ("30 2 * * *", "UTC"),
        ] {
            assert_eq!(told(text, zone, Dst::default()), none, "{text} {zone}");
        }
    }

    #[test]
    fn the_ends_of_the_hour_count_as_the_clock_has_them() {
        let count = |text: &str| told(text, NEW_YORK, Dst::default()).len();
        assert_eq!(count("0 2 * * *"), 1, "the first skipped minute");
        assert_eq!(count("0 3 * * *"), 0);
        assert_eq!(count("0 1 * * *"), 1, "the first repeated minute");
        assert_eq!(count("59 0 * * *"), 0);
        assert_eq!(count("30 1,2 * * *"), 2);
    }

    #[test]
    fn half_an_hour_is_enough() {
        let told = told("15 2 * * *", "Australia/Lord_Howe", Dst::default());
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("runs at 02:30 instead"), "{told:?}");
    }
}
