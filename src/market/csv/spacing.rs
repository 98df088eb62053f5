//! How much time bars stand for, by the time between them.

use std::{collections::BTreeMap, time::Duration};

use crate::analysis::{Bar, Stamp, Timeframe};

const DAY: i64 = 86_400;

/// The timeframe that fits the time that lies most often between bars; a day where there is but one.
pub(super) fn timeframe(bars: &[Bar]) -> Timeframe {
    let seconds = |stamp: Stamp| match stamp {
        Stamp::Day(date) => {
            let midnight = date.to_zoned(jiff::tz::TimeZone::UTC);
            midnight.map_or(0, |midnight| midnight.timestamp().as_second())
        }
        Stamp::Instant(at) => at.as_second(),
    };
    let mut often: BTreeMap<i64, usize> = BTreeMap::new();
    for pair in bars.windows(2) {
        if let [one, next] = pair {
            let gap = seconds(next.stamp) - seconds(one.stamp);
            *often.entry(gap).or_default() += usize::from(gap > 0);
        }
    }
    // Of two that are as frequent the shorter one.
    let gaps = often.into_iter().filter(|(_, count)| *count > 0).rev();
    match gaps.max_by_key(|(_, count)| *count) {
        None => Timeframe::D1,
        // Between days there may be a weekend.
        Some((gap, _)) if gap > 4 * DAY => Timeframe::W1,
        Some((gap, _)) if gap > DAY / 4 => Timeframe::D1,
        Some((gap, _)) => within(gap),
    }
}

/// The longest timeframe within a session that is no longer than `gap` seconds.
fn within(gap: i64) -> Timeframe {
    let gap = Duration::from_secs(gap.unsigned_abs());
    let fits = |frame: &Timeframe| frame.within_a_session().is_some_and(|long| long <= gap);
    let mut frames = Timeframe::ALL.into_iter().rev();
    frames.find(fits).unwrap_or(Timeframe::M1)
}
