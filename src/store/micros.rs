//! Exact decimals as integers in millionths.

/// One, in millionths.
pub(super) const ONE: i64 = 1_000_000;

/// Reads `123`, `123.4` or `123.456789`; `None` for anything else, a seventh decimal included.
pub(super) fn parse(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 6 {
        return None;
    }
    let fraction: i64 = format!("{fraction:0<6}").parse().ok()?;
    whole
        .parse::<i64>()
        .ok()?
        .checked_mul(ONE)?
        .checked_add(fraction)
}

/// The nearest floating-point number: what was written with up to 15 digits comes out as written.
pub(super) fn to_f64(micros: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "exact up to 9 billion")]
    {
        micros as f64 / ONE as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_exactly() {
        for (text, micros) in [
            ("0", 0),
            ("118.56", 118_560_000),
            ("100.335", 100_335_000),
            ("0.000001", 1),
        ] {
            assert_eq!(parse(text), Some(micros), "{text}");
        }
        for text in [
            "",
            ".5",
            "1.",
            "-1",
            "1.2.3",
            "0.0000001",
            "1e3",
            "99999999999999",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
