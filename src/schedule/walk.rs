//! From wall time to instants: what daylight saving does to a pattern.
//!
//! The reading is that of Debian's cron(8). A fixed job whose time is skipped runs once, at the
//! first instant after the gap; in the repeated hour it runs on the first pass only. A wildcard
//! job follows the wall clock: nothing in the gap, both passes in the repeated hour.
//!
//! A zone is a row of stretches of constant offset. Within one, the pattern is walked over wall
//! time as if there were no daylight saving; where two meet, the wall clock skips a range or
//! repeats one, and only there the rules above matter. This is exact for changes of any size.
//! A calendar date that a zone skips whole (Apia, 30 December 2011) was no day there: nothing was
//! due on it and nothing is made up for.

use jiff::{
    Timestamp,
    civil::{DateTime, Time},
    tz::{AmbiguousOffset, Offset, TimeZone},
};

use super::{
    dst::{Dst, Fold, Gap},
    pattern::Pattern,
};

/// How many stretches of constant offset are searched: 128 years at the most changes a year any
/// zone has. A wildcard job all of whose times lie in gaps would otherwise be sought for ever.
const MAX_STRETCHES: usize = 512;

/// The first instant after `after`, which is in whole seconds.
pub(super) fn next(
    pattern: &Pattern,
    after: Timestamp,
    zone: &TimeZone,
    dst: Dst,
) -> Option<Timestamp> {
    let wall = zone.to_offset(after).to_datetime(after);
    let slot = pattern.slot_from(second_after(wall)?);
    let plain = |at: DateTime| match zone.to_ambiguous_timestamp(at).offset() {
        AmbiguousOffset::Unambiguous { offset } => Some(offset),
        AmbiguousOffset::Gap { .. } | AmbiguousOffset::Fold { .. } => None,
    };
    // Only a repeated wall time can come again, so when neither end is one (nor skipped), no slot
    // lies between them, whatever the offset did meanwhile.
    if plain(wall).is_some()
        && let Some(offset) = plain(slot?)
    {
        return offset.to_timestamp(slot?).ok();
    }
    Walk {
        pattern,
        gap: dst.gap.unwrap_or(if pattern.is_fixed() {
            Gap::Run
        } else {
            Gap::Skip
        }),
        fold: dst.fold.unwrap_or(if pattern.is_fixed() {
            Fold::First
        } else {
            Fold::Both
        }),
    }
    .run(after, zone)
}

fn second_after(wall: DateTime) -> Option<DateTime> {
    wall.checked_add(jiff::SignedDuration::from_secs(1)).ok()
}

/// One change of offset.
#[derive(Clone, Copy)]
struct Change {
    at: Timestamp,
    before: Offset,
    after: Offset,
}

impl Change {
    /// The wall times on both sides, the earlier first: skipped or repeated between them.
    fn walls(self) -> (DateTime, DateTime) {
        let (a, b) = (
            self.before.to_datetime(self.at),
            self.after.to_datetime(self.at),
        );
        (a.min(b), a.max(b))
    }

    fn is_gap(self) -> bool {
        self.after > self.before
    }
}

struct Walk<'a> {
    pattern: &'a Pattern,
    gap: Gap,
    fold: Fold,
}

impl Walk<'_> {
    fn run(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let mut offset = zone.to_offset(after);
        let mut low = second_after(offset.to_datetime(after))?;
        if let Some(change) = last_change(after, zone) {
            low = low.max(self.low(change));
        }
        let mut slot = self.pattern.slot_from(low);
        for change in zone.following(after).take(MAX_STRETCHES) {
            let change = Change {
                at: change.timestamp(),
                before: offset,
                after: change.offset(),
            };
            if let Some(slot) = slot.filter(|slot| *slot < self.high(change)) {
                return offset.to_timestamp(slot).ok();
            }
            if self.due_in_gap(change) {
                return Some(change.at);
            }
            offset = change.after;
            low = self.low(change);
            // The slot found is still the next one unless the wall clock went back.
            if slot.is_none_or(|slot| slot < low) || !change.is_gap() {
                slot = self.pattern.slot_from(low);
            }
        }
        // Either the zone has no more changes, or too many were searched.
        let instant = offset.to_timestamp(slot?).ok()?;
        (zone.to_offset(instant) == offset && instant > after).then_some(instant)
    }

    /// The first wall time that counts after a change.
    fn low(&self, change: Change) -> DateTime {
        let (first, last) = change.walls();
        if self.fold == Fold::First || change.is_gap() {
            last
        } else {
            first
        }
    }

    /// The first wall time that does not count any more before a change.
    fn high(&self, change: Change) -> DateTime {
        let (first, last) = change.walls();
        if self.fold == Fold::Last || change.is_gap() {
            first
        } else {
            last
        }
    }

    /// Whether a skipped wall time is made up for right after the gap.
    fn due_in_gap(&self, change: Change) -> bool {
        if self.gap == Gap::Skip || !change.is_gap() {
            return false;
        }
        let (first, last) = change.walls();
        let mut slot = self.pattern.slot_from(first);
        while let Some(due) = slot.filter(|slot| *slot < last) {
            let midnight = due.date().to_datetime(Time::midnight());
            let Some(next) = due
                .date()
                .tomorrow()
                .ok()
                .map(|d| d.to_datetime(Time::midnight()))
            else {
                return false;
            };
            let whole_day_skipped = first <= midnight && next <= last;
            if !whole_day_skipped {
                return true;
            }
            slot = self.pattern.slot_from(next);
        }
        false
    }
}

/// The change of offset at or before `after`.
fn last_change(after: Timestamp, zone: &TimeZone) -> Option<Change> {
    let second = jiff::SignedDuration::from_secs(1);
    let at = zone
        .preceding(after.checked_add(second).ok()?)
        .next()?
        .timestamp();
    Some(Change {
        at,
        before: zone.to_offset(at.checked_sub(second).ok()?),
        after: zone.to_offset(at),
    })
}
