//! How often a log gets another file at least, by the calendar.

use jiff::{Timestamp, Zoned, tz::TimeZone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A period of the calendar: a job that runs a few seconds earlier than yesterday still is in
/// another day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Every {
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A week, from Monday.
    Week,
    /// A month.
    Month,
}

impl Every {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// Whether both instants are in the same one.
    pub(super) fn is_same(self, a: Timestamp, b: Timestamp, zone: &TimeZone) -> bool {
        let [a, b] = [a, b].map(|at| at.to_zoned(zone.clone()));
        let hour = |at: &Zoned| (at.date(), at.hour(), at.offset());
        let week = |at: &Zoned| {
            let date = at.date().iso_week_date();
            (date.year(), date.week())
        };
        match self {
            Self::Hour => hour(&a) == hour(&b),
            Self::Day => a.date() == b.date(),
            Self::Week => week(&a) == week(&b),
            Self::Month => (a.year(), a.month()) == (b.year(), b.month()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_those_of_the_calendar_in_the_jobs_zone() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        // The last two are the hour that comes twice when the clocks are set back.
        let cases = "
            day   2026-11-23T02:00:05Z  2026-11-24T02:00:00Z  other
            day   2026-11-23T22:59:59Z  2026-11-23T23:00:00Z  other
            day   2026-11-23T23:00:00Z  2026-11-24T22:59:59Z  same
            week  2026-11-22T12:00:00Z  2026-11-23T12:00:00Z  other
            week  2026-11-23T12:00:00Z  2026-11-29T12:00:00Z  same
            week  2025-12-30T12:00:00Z  2026-01-02T12:00:00Z  same
            month 2025-11-24T12:00:00Z  2026-11-24T12:00:00Z  other
            month 2026-11-01T12:00:00Z  2026-11-30T12:00:00Z  same
            hour  2026-11-24T12:00:00Z  2026-11-24T12:59:59Z  same
            hour  2026-11-24T12:59:59Z  2026-11-24T13:00:00Z  other
            hour  2026-10-25T00:30:00Z  2026-10-25T01:30:00Z  other";
        for case in cases.lines().skip(1) {
            let words: Vec<&str> = case.split_whitespace().collect();
            let every: Every = serde_json::from_value(words[0].into()).unwrap();
            let [a, b] = [words[1], words[2]].map(|text| text.parse().unwrap());
            assert_eq!(every.as_str(), words[0]);
            assert_eq!(every.is_same(a, b, &berlin), words[3] == "same", "{case}");
            assert_eq!(every.is_same(b, a, &berlin), words[3] == "same", "{case}");
        }
    }
}
