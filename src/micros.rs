//! Exact decimals in millionths: money and quantities never are floating-point numbers.

use std::{fmt, iter::Sum, str::FromStr};

/// A decimal with up to six places, exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Micros(
    /// How many millionths.
    pub i64,
);

/// The text is no decimal, or has more than six places, or is too large.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no decimal with up to six places")]
pub struct NotMicros(String);

impl Micros {
    /// One.
    pub const ONE: Self = Self(1_000_000);
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The sum, unless it is too large.
    pub fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, unless it is too large.
    pub fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The product, rounded to the nearest millionth (halves away from zero), unless it is too large.
    pub fn times(self, other: Self) -> Option<Self> {
        ratio(i128::from(self.0) * i128::from(other.0), 1_000_000)
    }

    /// `self` × `part` / `whole`, rounded as [`Micros::times`] does; `None` if `whole` is zero or the
    /// result is too large.
    pub fn share(self, part: Self, whole: Self) -> Option<Self> {
        ratio(i128::from(self.0) * i128::from(part.0), i128::from(whole.0))
    }

    /// `self` / `other`, rounded as [`Micros::times`] does.
    pub fn over(self, other: Self) -> Option<Self> {
        Self::ONE.share(self, other)
    }

    /// The nearest floating-point number: what was written with up to 15 digits comes out as written.
    #[expect(clippy::cast_precision_loss, reason = "exact up to 9 billion")]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

/// The quotient, rounded to the nearest, halves away from zero.
fn ratio(a: i128, b: i128) -> Option<Micros> {
    let (quotient, rest) = (a.checked_div(b)?, a.checked_rem(b)?);
    let up = rest.abs() * 2 >= b.abs();
    let away = if (a < 0) == (b < 0) { 1 } else { -1 };
    let rounded = if up { quotient + away } else { quotient };
    i64::try_from(rounded).ok().map(Micros)
}

impl FromStr for Micros {
    type Err = NotMicros;

    /// Reads `123`, `-123.4` or `123.456789`.
    fn from_str(text: &str) -> Result<Self, NotMicros> {
        parse(text).ok_or_else(|| NotMicros(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Micros> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || fraction.len() > 6 {
        return None;
    }
    let fraction: i64 = format!("{fraction:0<6}").parse().ok()?;
    let whole: i64 = whole.parse().ok()?;
    let size = whole.checked_mul(1_000_000)?.checked_add(fraction)?;
    Some(Micros(sign * size))
}

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let size = self.0.unsigned_abs();
        let (whole, fraction) = (size / 1_000_000, size % 1_000_000);
        let fraction = format!("{fraction:06}");
        // Cents, and more only where there is more.
        let places = fraction.trim_end_matches('0').len().max(2);
        let fraction = fraction.get(..places).unwrap_or_default();
        f.pad(&format!("{sign}{whole}.{fraction}"))
    }
}

impl Sum for Micros {
    /// Stops at the largest number: no account comes near.
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::ZERO, |sum, one| Self(sum.0.saturating_add(one.0)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decimals_are_read_exactly() {
        for (text, micros) in [
            ("0", 0),
            ("118.56", 118_560_000),
            ("-100.335", -100_335_000),
            ("0.000001", 1),
        ] {
            assert_eq!(text.parse(), Ok(Micros(micros)), "{text}");
        }
        for text in [
            "",
            ".5",
            "1.",
            "--1",
            "1.2.3",
            "0.0000001",
            "1e3",
            "99999999999999",
        ] {
            assert!(text.parse::<Micros>().is_err(), "{text}");
        }
    }

    #[test]
    fn products_and_shares_are_rounded_to_the_nearest() {
        let of = |text: &str| text.parse::<Micros>().unwrap();
        assert_eq!(of("0.000003").times(of("0.5")), Some(Micros(2)));
        assert_eq!(of("-0.000003").times(of("0.5")), Some(Micros(-2)));
        assert_eq!(of("1").over(of("3")), Some(Micros(333_333)));
        assert_eq!(of("-2").over(of("3")), Some(Micros(-666_667)));
        assert_eq!(of("1").over(Micros::ZERO), None);
        assert_eq!(Micros(i64::MAX).times(of("2")), None);
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_the_same(micros in -1_000_000_000_000_000_i64..1_000_000_000_000_000) {
            let shown = Micros(micros).to_string();
            prop_assert_eq!(shown.parse(), Ok(Micros(micros)));
        }
    }
}
