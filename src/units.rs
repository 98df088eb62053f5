//! Values with units: durations and byte counts that a person writes and reads.
//!
//! Built only by parsing (or from plain std values), so a number without a unit never gets in.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Why a text is not a value with a unit; the text says what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnitError(String);

/// A length of time, written `90s`, `10m`, `1h30m`, `7d` or `2w`. Never negative, at most 100 years.
///
/// A day is 24 hours and a week seven days: calendar arithmetic belongs to `schedule`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(Duration);

const SPAN_UNITS: [(&str, u64); 6] = [
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];
const MAX_SPAN_MS: u64 = 100 * 366 * 86_400_000;

impl Span {
    /// A span of whole seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// A span of whole milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// The same length as a [`Duration`].
    pub const fn duration(self) -> Duration {
        self.0
    }

    /// The same length as a signed duration, for arithmetic with instants.
    pub fn signed(self) -> jiff::SignedDuration {
        jiff::SignedDuration::try_from(self.0).unwrap_or(jiff::SignedDuration::MAX)
    }
}

impl From<Duration> for Span {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl FromStr for Span {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong = || {
            UnitError(format!(
                "expected a duration such as `90s`, `10m` or `1h30m`, found `{text}`"
            ))
        };
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(wrong());
        }
        let mut millis: u64 = 0;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(|| {
                UnitError(format!(
                    "`{text}` needs a unit: `{text}s`, `{text}m`, `{text}h` or `{text}d`"
                ))
            })?;
            let (number, tail) = rest.split_at(digits);
            let unit_len = tail
                .find(|c: char| !c.is_ascii_alphabetic())
                .unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(unit_len);
            let scale = SPAN_UNITS
                .iter()
                .find(|(name, _)| *name == unit)
                .ok_or_else(wrong)?
                .1;
            let part = number
                .parse::<u64>()
                .ok()
                .and_then(|n| n.checked_mul(scale));
            millis = part
                .and_then(|part| millis.checked_add(part))
                .filter(|total| *total <= MAX_SPAN_MS)
                .ok_or_else(|| UnitError(format!("`{text}` is longer than 100 years")))?;
            rest = tail.trim_start();
        }
        Ok(Self::from_millis(millis))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if millis == 0 {
            return f.write_str("0s");
        }
        for (unit, scale) in SPAN_UNITS.into_iter().filter(|(unit, _)| *unit != "w") {
            if millis >= scale {
                write!(f, "{}{unit}", millis / scale)?;
                millis %= scale;
            }
        }
        Ok(())
    }
}

/// A number of bytes, written `500B`, `64KB`, `20MB`, `1GB` or `2TB`; decimal (1 KB = 1000 B) as
/// disks are sold, binary with an `i` (`KiB`, `MiB`, `GiB`, `TiB`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bytes(pub u64);

const BYTE_UNITS: [(&str, u64); 9] = [
    ("b", 1),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
];

impl FromStr for Bytes {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong = || {
            UnitError(format!(
                "expected a size such as `20MB` or `1.5GiB`, found `{text}`"
            ))
        };
        let text_ = text.trim();
        let end = text_
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text_.len());
        let (number, unit) = text_.split_at(end);
        let unit = unit.trim().to_ascii_lowercase();
        if unit.is_empty() {
            return Err(UnitError(format!(
                "`{text}` needs a unit: `{text}MB`, `{text}GB` …"
            )));
        }
        let scale = BYTE_UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(wrong)?
            .1;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let whole: u64 = whole.parse().map_err(|_| wrong())?;
        let fraction = match fraction {
            "" => 0,
            digits => {
                let power = 10u64.checked_pow(u32::try_from(digits.len()).unwrap_or(u32::MAX));
                let digits: u64 = digits.parse().map_err(|_| wrong())?;
                power
                    .and_then(|p| digits.checked_mul(scale).map(|n| n / p))
                    .ok_or_else(wrong)?
            }
        };
        whole
            .checked_mul(scale)
            .and_then(|n| n.checked_add(fraction))
            .map(Self)
            .ok_or_else(wrong)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const STEPS: [&str; 4] = ["KB", "MB", "GB", "TB"];
        if self.0 < 1_000 {
            return write!(f, "{} B", self.0);
        }
        let (mut scale, mut name) = (1_000u64, "KB");
        for step in STEPS.into_iter().skip(1) {
            if self.0 / scale >= 1_000 {
                (scale, name) = (scale * 1_000, step);
            }
        }
        let tenths = u128::from(self.0) * 10 / u128::from(scale);
        write!(f, "{}.{} {name}", tenths / 10, tenths % 10)
    }
}

/// A share, written `50%`; whole, at most 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Percent(pub u8);

impl FromStr for Percent {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let number = text.trim().strip_suffix('%').map(str::trim_end);
        number
            .and_then(|number| number.parse().ok())
            .filter(|number| *number <= 100)
            .map(Self)
            .ok_or_else(|| {
                UnitError(format!(
                    "expected a share from `0%` to `100%`, found `{text}`"
                ))
            })
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

macro_rules! text_serde {
    ($type:ty, $what:literal) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl de::Visitor<'_> for Text {
                    type Value = $type;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($what)
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "description": $what })
            }
        }
    };
}

text_serde!(
    Span,
    "a duration with its unit, such as `90s`, `10m`, `1h30m` or `7d`"
);
text_serde!(Percent, "a share such as `50%`");
text_serde!(Bytes, "a size with its unit, such as `20MB` or `1GiB`");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spans_read_what_people_write() {
        for (text, millis) in [
            ("90s", 90_000),
            ("1h30m", 5_400_000),
            ("7d", 604_800_000),
            ("2w", 1_209_600_000),
            ("250ms", 250),
            ("1h 30m", 5_400_000),
        ] {
            assert_eq!(
                text.parse::<Span>(),
                Ok(Span::from_millis(millis)),
                "{text}"
            );
        }
    }

    #[test]
    fn spans_refuse_bare_numbers_and_nonsense() {
        assert!(
            "10".parse::<Span>()
                .unwrap_err()
                .to_string()
                .contains("needs a unit")
        );
        for text in [
            "",
            "s",
            "10q",
            "-5m",
            "1.5h",
            "99999999999999999999d",
            "101w101w999999w",
        ] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    #[test]
    fn shares_are_whole_and_at_most_all() {
        assert_eq!("50%".parse(), Ok(Percent(50)));
        assert_eq!(Percent(7).to_string().parse(), Ok(Percent(7)));
        for text in ["50", "101%", "-1%", "0.5%", "%"] {
            assert!(text.parse::<Percent>().is_err(), "{text}");
        }
    }

    #[test]
    fn bytes_read_decimal_and_binary_units() {
        for (text, bytes) in [
            ("20MB", 20_000_000),
            ("1GiB", 1 << 30),
            ("1.5kb", 1_500),
            ("0 B", 0),
        ] {
            assert_eq!(text.parse::<Bytes>(), Ok(Bytes(bytes)), "{text}");
        }
        for text in ["", "20", "MB", "1.2.3MB", "99999999999TB", "1..5MB"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
    }

    #[test]
    fn bytes_are_shown_with_one_decimal() {
        assert_eq!(Bytes(999).to_string(), "999 B");
        assert_eq!(Bytes(1_500).to_string(), "1.5 KB");
        assert_eq!(Bytes(1_090_000_000).to_string(), "1.0 GB");
    }

    proptest! {
        #[test]
        fn every_span_is_read_back_as_shown(millis in 0u64..=MAX_SPAN_MS) {
            let span = Span::from_millis(millis);
            prop_assert_eq!(span.to_string().parse::<Span>(), Ok(span));
        }

        #[test]
        fn no_text_makes_a_parser_panic(text in ".*") {
            let _ = (text.parse::<Span>(), text.parse::<Bytes>());
        }
    }
}
