//! From bars and rules to signals, and what is kept of each so that it can be explained.

use std::{collections::BTreeMap, time::Duration};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{closing::closed_at, rows::rows};
use crate::{
    analysis::{Bars, Field, Leaves, Sheet, Stamp, Strategy, Timeframe, leaves, signals_on},
    schedule::Calendar,
    store::{self, NewSignal},
};

/// Bars that are more days apart than this have a hole between them: no exchange is shut for so long.
const HOLE_DAYS: i64 = 30;

/// What is kept of a signal beside its row: the column `inputs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// The rule as it was written.
    pub rule: String,
    /// On how many bars in a row it had to be true.
    pub confirm: usize,
    /// On how many bars after a signal there is no other.
    pub cooldown: usize,
    /// The bar of the signal.
    pub bar: String,
    /// The oldest bar that was looked at: the one after the last hole.
    pub first: String,
    /// How many bars came before the one of the signal.
    pub before: usize,
    /// The values of the rule's leaves on that bar.
    pub values: Leaves,
}

/// Reads the column `inputs`; `None` if something else made it.
pub fn kept(inputs: &Value) -> Option<Kept> {
    serde_json::from_value(inputs.clone()).ok()
}

/// The signals of the rules on the bars, oldest first. Only those whose bar closed at most `within` before
/// the newest one, and not after `until`.
pub(super) fn found<'a>(
    rules: &[&'a Strategy],
    bars: &Bars,
    timeframe: Timeframe,
    calendar: &Calendar,
    within: Option<Duration>,
    until: Timestamp,
) -> Vec<NewSignal<'a>> {
    let closed = |stamp: &Stamp| closed_at(*stamp, timeframe, calendar);
    let newest = bars.stamps().last().and_then(closed);
    let oldest = newest
        .zip(within)
        .map(|(newest, within)| newest.checked_sub(within).unwrap_or(Timestamp::UNIX_EPOCH));
    let pieces = pieces(bars, timeframe);
    let found = pieces.iter().flat_map(|piece| {
        let wanted = |stamp: &Stamp| {
            let closed = closed(stamp)?;
            let wanted = closed <= until && oldest.is_none_or(|oldest| closed >= oldest);
            wanted.then_some(closed)
        };
        in_piece(rules, piece, timeframe, wanted)
    });
    found.collect()
}

/// The bars, cut where a hole gapes: values over it would be those of no market.
fn pieces(bars: &Bars, timeframe: Timeframe) -> Vec<Bars> {
    let mut pieces: Vec<Bars> = Vec::new();
    let mut last: Option<Date> = None;
    for bar in rows(bars) {
        let day = match bar.stamp {
            Stamp::Day(day) => day,
            Stamp::Instant(at) => at.to_zoned(TimeZone::UTC).date(),
        };
        let apart = last
            .replace(day)
            .map(|last| day.duration_since(last).as_hours() / 24);
        let most = if timeframe == Timeframe::W1 {
            2 * HOLE_DAYS
        } else {
            HOLE_DAYS
        };
        match pieces
            .last_mut()
            .filter(|_| apart.is_some_and(|apart| apart <= most))
        {
            Some(piece) => piece.extend([bar]),
            None => pieces.push([bar].into_iter().collect()),
        }
    }
    pieces
}

/// The signals of bars without a hole, of those bars that are `wanted`, which says when they closed.
fn in_piece<'a>(
    rules: &[&'a Strategy],
    bars: &Bars,
    timeframe: Timeframe,
    wanted: impl Fn(&Stamp) -> Option<Timestamp>,
) -> Vec<NewSignal<'a>> {
    let mut sheet = Sheet::new(bars);
    let mut at: BTreeMap<usize, Vec<(&Strategy, Timestamp)>> = BTreeMap::new();
    for rule in rules.iter().filter(|rule| rule.timeframe == timeframe) {
        for bar in signals_on(rule, &mut sheet) {
            if let Some(closed) = bars.stamps().get(bar).and_then(&wanted) {
                at.entry(bar).or_default().push((rule, closed));
            }
        }
    }
    let ends: Vec<usize> = at.keys().copied().collect();
    let hashes = store::data_hashes(bars, &ends);
    let mut signals = Vec::new();
    for ((bar, rules), hash) in at.into_iter().zip(hashes) {
        for (rule, closed) in rules {
            let price = bars.column(Field::Close).get(bar).copied();
            signals.push(NewSignal {
                timestamp: closed,
                strategy: &rule.name,
                side: rule.side,
                strength: rule.strength,
                price: store::price(price.unwrap_or_default()),
                inputs: inputs(rule, bars, &mut sheet, bar),
                data_hash: hash.clone(),
                version: env!("CARGO_PKG_VERSION"),
            });
        }
    }
    signals
}

fn inputs(rule: &Strategy, bars: &Bars, sheet: &mut Sheet<'_>, bar: usize) -> String {
    let stamp = |at: usize| {
        let stamp: Option<&Stamp> = bars.stamps().get(at);
        stamp.map(ToString::to_string).unwrap_or_default()
    };
    let kept = Kept {
        rule: rule.when.text().to_owned(),
        confirm: rule.confirm,
        cooldown: rule.cooldown,
        bar: stamp(bar),
        first: stamp(0),
        before: bar,
        values: leaves(rule.when.condition(), sheet, bar),
    };
    // Numbers, texts and a map of them always are JSON.
    serde_json::to_string(&kept).unwrap_or_else(|_| "{}".to_owned())
}
