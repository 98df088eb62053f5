//! Instants as people write them: the one reader of every verb that takes a time.

use jiff::{
    Timestamp, Zoned,
    civil::{Date, DateTime, Time},
    tz::TimeZone,
};

use crate::units::Span;

/// What a person meant by a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Moment {
    /// An instant.
    At(Timestamp),
    /// A day: from its first instant to the first of the next one.
    Day(Timestamp, Timestamp),
}

/// Which way a span without `in` or `ago` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Bare {
    /// `7d` is in seven days.
    Ahead,
    /// `7d` is seven days ago.
    Ago,
}

impl Moment {
    /// The instant, or the first one of the day.
    pub(in crate::cli) fn start(self) -> Timestamp {
        match self {
            Self::At(at) | Self::Day(at, _) => at,
        }
    }

    /// Reads an absolute time, local in `zone` unless it has an offset (`2026-11-24`,
    /// `2026-11-24 02:00`, RFC 3339), or one that is relative to `now` (`02:00`, `yesterday`,
    /// `today 02:00`, `7d`, `in 7d`, `2h ago`).
    pub(in crate::cli) fn read(
        text: &str,
        zone: &TimeZone,
        now: Timestamp,
        bare: Bare,
    ) -> Result<Self, String> {
        let reader = Reader { zone, now, bare };
        let text = text.trim();
        reader
            .instant(text)
            .or_else(|| reader.day_word(text))
            .or_else(|| reader.local(text))
            .or_else(|| reader.span(text))
            .ok_or_else(|| wrong(text))
    }
}

/// A number without unit is told what it lacks; anything else what could stand there.
fn wrong(text: &str) -> String {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<Span>() {
        Err(error) if digits => error.to_string(),
        _ => format!(
            "expected an instant such as `2026-11-23T02:00:00+08:00` or `2026-11-23 02:00`, a \
             date, `02:00`, `yesterday` or a span such as `7d`; found `{text}`"
        ),
    }
}

struct Reader<'a> {
    zone: &'a TimeZone,
    now: Timestamp,
    bare: Bare,
}

impl Reader<'_> {
    fn instant(&self, text: &str) -> Option<Moment> {
        if text.eq_ignore_ascii_case("now") {
            return Some(Moment::At(self.now));
        }
        let zoned = || text.parse::<Zoned>().ok().map(|zoned| zoned.timestamp());
        let at = text.parse::<Timestamp>().ok().or_else(zoned);
        at.map(Moment::At)
    }

    fn day_word(&self, text: &str) -> Option<Moment> {
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let today = self.zone.to_datetime(self.now).date();
        let date = match word.to_ascii_lowercase().as_str() {
            "today" => Some(today),
            "yesterday" => today.yesterday().ok(),
            "tomorrow" => today.tomorrow().ok(),
            _ => None,
        }?;
        match rest.trim() {
            "" => self.day(date),
            rest => self.at(date.to_datetime(time(rest)?)),
        }
    }

    fn local(&self, text: &str) -> Option<Moment> {
        const DATE: usize = "2026-11-24".len();
        if text.len() == DATE
            && let Ok(date) = text.parse::<Date>()
        {
            return self.day(date);
        }
        let today = self.zone.to_datetime(self.now).date();
        match time(text) {
            Some(time) => self.at(today.to_datetime(time)),
            None => self.at(text.parse::<DateTime>().ok()?),
        }
    }

    fn span(&self, text: &str) -> Option<Moment> {
        let lower = text.to_ascii_lowercase();
        let (rest, bare) = if let Some(rest) = lower.strip_suffix(" ago") {
            (rest, Bare::Ago)
        } else if let Some(rest) = lower.strip_prefix("in ").or(lower.strip_prefix('+')) {
            (rest, Bare::Ahead)
        } else {
            (lower.as_str(), self.bare)
        };
        let span = rest.parse::<Span>().ok()?.signed();
        let at = match bare {
            Bare::Ahead => self.now.checked_add(span),
            Bare::Ago => self.now.checked_sub(span),
        };
        at.ok().map(Moment::At)
    }

    fn day(&self, date: Date) -> Option<Moment> {
        let start = |date: Date| self.zone.to_timestamp(date.to_datetime(Time::midnight()));
        let next = date.tomorrow().ok()?;
        Some(Moment::Day(start(date).ok()?, start(next).ok()?))
    }

    fn at(&self, local: DateTime) -> Option<Moment> {
        self.zone.to_timestamp(local).ok().map(Moment::At)
    }
}

/// `02:00` or `02:00:30`; never a part of a longer text.
fn time(text: &str) -> Option<Time> {
    let short = text.contains(':') && text.len() <= "02:00:30".len();
    short.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Moment, String> {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        // 10:00 in Shanghai.
        let now = "2026-11-24T02:00:00Z".parse().unwrap();
        Moment::read(text, &zone, now, Bare::Ahead)
    }

    fn at(text: &str) -> Moment {
        Moment::At(text.parse().unwrap())
    }

    #[test]
    fn an_instant_can_be_written_in_several_ways() {
        for text in [
            "2026-11-22T18:00:00Z",
            "2026-11-23T02:00:00+08:00",
            "2026-11-23T02:00+08:00[Asia/Shanghai]",
            "2026-11-23 02:00",
            "2026-11-23T02:00",
            "yesterday 02:00",
            " Yesterday  02:00:00 ",
            "32h ago",
        ] {
            assert_eq!(read(text), Ok(at("2026-11-22T18:00:00Z")), "{text}");
        }
    }

    #[test]
    fn what_is_relative_counts_from_now() {
        assert_eq!(read("now"), Ok(at("2026-11-24T02:00:00Z")));
        assert_eq!(read("02:00"), Ok(at("2026-11-23T18:00:00Z")));
        for text in ["7d", "+7d", "in 7d"] {
            assert_eq!(read(text), Ok(at("2026-12-01T02:00:00Z")), "{text}");
        }
        let now = "2026-11-24T02:00:00Z".parse().unwrap();
        let back = Moment::read("1h30m", &TimeZone::UTC, now, Bare::Ago);
        assert_eq!(back, Ok(at("2026-11-24T00:30:00Z")));
    }

    #[test]
    fn a_date_is_a_day() {
        let day = |from: &str, until: &str| {
            Ok(Moment::Day(from.parse().unwrap(), until.parse().unwrap()))
        };
        let yesterday = day("2026-11-22T16:00:00Z", "2026-11-23T16:00:00Z");
        assert_eq!(read("2026-11-23"), yesterday);
        assert_eq!(read("yesterday"), yesterday);
        let start = "2026-11-24T16:00:00Z".parse::<Timestamp>().unwrap();
        assert_eq!(read("tomorrow").unwrap().start(), start);
    }

    #[test]
    fn a_day_has_as_many_hours_as_the_zone_says() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let read = |text| Moment::read(text, &zone, Timestamp::UNIX_EPOCH, Bare::Ago);
        let Ok(Moment::Day(from, until)) = read("2026-10-25") else {
            panic!("a day")
        };
        assert_eq!(until.as_second() - from.as_second(), 25 * 3_600);
    }

    #[test]
    fn nonsense_is_refused_with_examples() {
        for text in [
            "",
            "someday",
            "25:00",
            "2026-13-01",
            "yesterday noon",
            "2026-11-23 2",
        ] {
            let told = read(text).unwrap_err();
            assert!(told.contains("expected an instant"), "{text}: {told}");
        }
        assert!(read("7").unwrap_err().contains("`7d`"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = read(&text);
        }
    }
}
