//! Instants as people read them; `moment` is how they write them.

use jiff::{Timestamp, tz::TimeZone};

use crate::units::Span;

/// Shows instants in one zone, relative to one now.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Times {
    zone: TimeZone,
    now: Timestamp,
}

impl Times {
    pub(in crate::cli) fn at(zone: TimeZone, now: Timestamp) -> Self {
        Self { zone, now }
    }

    pub(in crate::cli) fn in_zone(self, zone: TimeZone) -> Self {
        Self { zone, ..self }
    }

    /// `Mon 2026-11-23 02:00:00 +08:00`
    pub(in crate::cli) fn absolute(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone())
            .strftime("%a %Y-%m-%d %H:%M:%S %:z")
            .to_string()
    }

    /// `in 3h12m`, `5m ago`, `now`
    pub(in crate::cli) fn relative(&self, at: Timestamp) -> String {
        let seconds = at.as_second() - self.now.as_second();
        let span = rough(seconds.unsigned_abs());
        match seconds {
            0 => "now".to_owned(),
            1.. => format!("in {span}"),
            _ => format!("{span} ago"),
        }
    }

    /// RFC 3339 with the zone's offset.
    pub(in crate::cli) fn rfc3339(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone())
            .strftime("%Y-%m-%dT%H:%M:%S%:z")
            .to_string()
    }

    /// RFC 3339 in UTC, as slots are shown to programs.
    pub(in crate::cli) fn utc(at: Timestamp) -> String {
        at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// How long something took: `0.4s`, `12s`, `3m5s`.
    pub(in crate::cli) fn took(from: Timestamp, to: Timestamp) -> String {
        let millis = (to.as_millisecond() - from.as_millisecond())
            .max(0)
            .unsigned_abs();
        if millis < 10_000 {
            format!("{}.{}s", millis / 1_000, millis % 1_000 / 100)
        } else {
            Span::from_secs(millis / 1_000).to_string()
        }
    }
}

/// The two largest units of a number of seconds.
fn rough(seconds: u64) -> String {
    let unit = match seconds {
        86_400.. => 3_600,
        3_600.. => 60,
        _ => 1,
    };
    Span::from_secs(seconds / unit * unit).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(zone: &str) -> Times {
        let now = "2026-11-23T00:00:00Z".parse().unwrap();
        Times::at(TimeZone::get(zone).unwrap(), now)
    }

    #[test]
    fn instants_are_local_with_offset_and_a_hint() {
        let times = times("Asia/Shanghai");
        let at = "2026-11-23T18:00:30Z".parse().unwrap();
        assert_eq!(times.absolute(at), "Tue 2026-11-24 02:00:30 +08:00");
        assert_eq!(times.rfc3339(at), "2026-11-24T02:00:30+08:00");
        assert_eq!(times.relative(at), "in 18h");
        for (text, expected) in [
            ("2026-11-22T23:59:00Z", "1m ago"),
            ("2026-11-23T00:00:00Z", "now"),
            ("2026-11-25T01:02:03Z", "in 2d1h"),
        ] {
            assert_eq!(times.relative(text.parse().unwrap()), expected);
        }
    }
}
