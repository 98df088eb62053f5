//! `at open+5m`, `at close-10m`: instants around the sessions of a calendar.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::{Calendar, ScheduleError, hint};
use crate::units::Span;

/// Farther from the bell than this it would be another day's matter.
const FARTHEST: SignedDuration = SignedDuration::from_hours(24);

/// Which end of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// Its first instant; the end of a lunch break is none.
    Open,
    /// Its end, an early one where the session ends early.
    Close,
}

/// An instant of every session: so long before or after its open or close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bell {
    /// The end of the session that it counts from.
    pub edge: Edge,
    /// Whole seconds from there; negative is before.
    pub offset: SignedDuration,
}

impl Bell {
    /// Reads what stands after `at`, which begins at the byte `start`.
    pub(super) fn parse(text: &str, start: usize) -> Result<Self, ScheduleError> {
        let end = text.find(['+', '-']).unwrap_or(text.len());
        let (word, offset) = text.split_at_checked(end).unwrap_or((text, ""));
        let word = word.trim_end();
        let edge = match word.to_ascii_lowercase().as_str() {
            "open" => Edge::Open,
            "close" => Edge::Close,
            _ => return Err(no_edge(word, start, text.len())),
        };
        let place = start + end..start + text.len();
        let wrong = |message: String| ScheduleError::new(message, place.clone());
        let (sign, length) = match offset.split_at_checked(1) {
            None => (1, "0s"),
            Some(("-", length)) => (-1, length.trim()),
            Some((_, length)) => (1, length.trim()),
        };
        let span: Span = length.parse().map_err(|error: crate::units::UnitError| {
            wrong(error.to_string()).hint("such as `at open+5m` or `at close-10m`")
        })?;
        if span.signed() > FARTHEST {
            return Err(
                wrong("at most 24h before or after the session's end".to_owned())
                    .hint("`at close` counts from the close, `at open` from the open"),
            );
        }
        if span.duration().subsec_nanos() != 0 {
            return Err(wrong("the offset must be in whole seconds".to_owned()));
        }
        let offset = sign * span.signed();
        Ok(Self { edge, offset })
    }

    /// The first such instant after `after`. `None` once the calendar has no more sessions.
    pub(super) fn next(self, after: Timestamp, calendar: &Calendar) -> Option<Timestamp> {
        let bell_after = after.checked_sub(self.offset).ok()?;
        let bell = calendar
            .sessions_from(calendar.date_of(bell_after))
            .map(|session| match self.edge {
                Edge::Open => session.open,
                Edge::Close => session.close,
            })
            .find(|bell| *bell > bell_after)?;
        bell.checked_add(self.offset).ok()
    }

    /// `5m after the open`, `at the close`.
    pub(super) fn describe(self) -> String {
        let edge = self.word();
        let length = self.length();
        match self.offset.signum() {
            1 => format!("{length} after the {edge}"),
            -1 => format!("{length} before the {edge}"),
            _ => format!("at the {edge}"),
        }
    }

    fn word(self) -> &'static str {
        match self.edge {
            Edge::Open => "open",
            Edge::Close => "close",
        }
    }

    fn length(self) -> Span {
        Span::from(self.offset.unsigned_abs())
    }
}

/// `at open+5m`, in the shortest spelling.
impl fmt::Display for Bell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, length) = (self.word(), self.length());
        f.pad(&match self.offset.signum() {
            1 => format!("at {word}+{length}"),
            -1 => format!("at {word}-{length}"),
            _ => format!("at {word}"),
        })
    }
}

/// What is neither `open` nor `close`.
fn no_edge(word: &str, start: usize, length: usize) -> ScheduleError {
    let shown = if word.is_empty() { "nothing" } else { word };
    let place = start..start + word.len().max(length.min(1));
    let error = ScheduleError::new(
        format!("expected `open` or `close` after `at`, found `{shown}`"),
        place,
    );
    let meant = hint::closest(&word.to_ascii_lowercase(), &["open", "close"]);
    match (meant, time_of_day(word)) {
        (Some(meant), _) => error.hint(format!("did you mean `at {meant}`?")),
        (None, Some((hour, minute))) => {
            error.hint(format!("for a time of day write `{minute} {hour} * * *`"))
        }
        (None, None) => error.hint("such as `at open+5m` or `at close-10m`"),
    }
}

/// The hour and minute of `9:30`.
fn time_of_day(text: &str) -> Option<(u8, u8)> {
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute): (u8, u8) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some((hour, minute))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Schedule, built_in_calendar};
    use super::*;

    fn bell(text: &str) -> Bell {
        match Schedule::parse(text) {
            Ok(Schedule::Session(bell)) => bell,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn instants(text: &str, calendar: &str, after: &str, count: usize) -> Vec<String> {
        let calendar = built_in_calendar(calendar).unwrap();
        let mut at: Timestamp = after.parse().unwrap();
        let mut found = Vec::new();
        for _ in 0..count {
            let Some(next) = bell(text).next(at, &calendar) else {
                break;
            };
            let local = next.to_zoned(calendar.zone().clone());
            found.push(local.strftime("%a %Y-%m-%d %H:%M:%S %:z").to_string());
            at = next;
        }
        found
    }

    #[test]
    fn it_counts_from_the_bell_of_each_day_and_from_an_early_one() {
        assert_eq!(
            instants("at close-10m", "XNYS", "2027-11-24T12:00:00Z", 3),
            [
                "Wed 2027-11-24 15:50:00 -05:00",
                "Fri 2027-11-26 12:50:00 -05:00",
                "Mon 2027-11-29 15:50:00 -05:00",
            ]
        );
        assert_eq!(
            instants("at open+5m", "XLON", "2027-03-25T12:00:00Z", 2),
            [
                "Tue 2027-03-30 08:05:00 +01:00",
                "Wed 2027-03-31 08:05:00 +01:00"
            ]
        );
        assert_eq!(
            instants("at close+15m", "XHKG", "2026-12-24T03:59:00Z", 1),
            ["Thu 2026-12-24 12:15:00 +08:00"]
        );
    }

    #[test]
    fn it_may_ring_on_another_date_than_its_session() {
        assert_eq!(
            instants("at open-10h", "XNYS", "2026-11-20T00:00:00Z", 2),
            [
                "Thu 2026-11-19 23:30:00 -05:00",
                "Sun 2026-11-22 23:30:00 -05:00"
            ]
        );
        assert_eq!(
            instants("at close+24h", "XNYS", "2026-11-20T21:00:00Z", 2),
            [
                "Sat 2026-11-21 16:00:00 -05:00",
                "Tue 2026-11-24 16:00:00 -05:00"
            ]
        );
    }

    #[test]
    fn after_the_end_of_the_calendar_it_never_rings() {
        assert_eq!(
            instants("at close", "XSHG", "2026-12-31T06:00:00Z", 9),
            ["Thu 2026-12-31 15:00:00 +08:00"]
        );
        assert_eq!(
            instants("at open", "XSHG", "1999-01-01T00:00:00Z", 1),
            ["Mon 2015-01-05 09:30:00 +08:00"]
        );
    }

    #[test]
    fn it_is_written_in_several_ways_and_shown_in_one() {
        for (text, shown, words) in [
            ("at open", "at open", "at the open"),
            ("AT Close - 10m", "at close-10m", "10m before the close"),
            ("at open+300s", "at open+5m", "5m after the open"),
            ("at open+0s", "at open", "at the open"),
        ] {
            assert_eq!(bell(text).to_string(), shown, "{text}");
            assert_eq!(bell(text).describe(), words, "{text}");
            assert_eq!(bell(shown), bell(text));
        }
    }

    #[test]
    fn what_it_cannot_mean_is_told_with_a_remedy() {
        for (text, message, part, hint) in [
            (
                "at opne",
                "expected `open` or `close` after `at`, found `opne`",
                "opne",
                "did you mean `at open`?",
            ),
            (
                "at 9:30",
                "expected `open` or `close` after `at`, found `9:30`",
                "9:30",
                "for a time of day write `30 9 * * *`",
            ),
            (
                "at noon",
                "expected `open` or `close` after `at`, found `noon`",
                "noon",
                "such as `at open+5m` or `at close-10m`",
            ),
            (
                "at",
                "expected `open` or `close` after `at`, found `nothing`",
                "",
                "such as `at open+5m` or `at close-10m`",
            ),
            (
                "at close+25h",
                "at most 24h before or after the session's end",
                "+25h",
                "`at close` counts from the close, `at open` from the open",
            ),
            ("open+5m", "", "", "write `at open+5m`"),
        ] {
            let error = Schedule::parse(text).unwrap_err();
            assert!(error.message.contains(message), "{text}: {error}");
            assert_eq!(error.hint.as_deref(), Some(hint), "{text}");
            if !message.is_empty() {
                assert_eq!(&text[error.span.clone()], part, "{text}");
            }
        }
        assert!(Schedule::parse("at open+10").is_err());
        assert!(
            Schedule::parse("at open+1ms")
                .unwrap_err()
                .message
                .contains("whole")
        );
        assert!(Schedule::parse("at close+").is_err());
    }

    proptest! {
        #[test]
        fn instants_rise_and_belong_to_sessions(
            name in prop::sample::select(&super::super::CALENDARS[..]),
            second in 1_430_000_000i64..1_790_000_000,
            offset in -86_400i64..=86_400,
            close in any::<bool>(),
        ) {
            let calendar = built_in_calendar(name).unwrap();
            let edge = if close { Edge::Close } else { Edge::Open };
            let bell = Bell { edge, offset: SignedDuration::from_secs(offset) };
            let after = Timestamp::from_second(second).unwrap();
            let next = bell.next(after, &calendar).unwrap();
            prop_assert!(next > after);
            let rung = next.checked_sub(bell.offset).unwrap();
            let super::super::Day::Session(session) = calendar.day(calendar.date_of(rung)) else {
                panic!("no session at {rung}");
            };
            prop_assert_eq!(rung, if close { session.close } else { session.open });
            // Nothing lies between.
            let before = next.checked_sub(SignedDuration::from_secs(1)).unwrap();
            prop_assert_eq!(bell.next(before, &calendar), Some(next));
        }
    }
}
