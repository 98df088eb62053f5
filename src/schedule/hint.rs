//! What somebody who wrote a wrong schedule probably meant.

use crate::units::Span;

/// The nearest of `words`, if it is near enough to be a slip of the fingers.
pub(super) fn closest(text: &str, words: &[&'static str]) -> Option<&'static str> {
    words
        .iter()
        .map(|word| (strsim::damerau_levenshtein(text, word), *word))
        .filter(|(distance, word)| *distance <= if word.len() > 4 { 2 } else { 1 })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// What a text that is no duration means after `every`: `5 minutes` → `every 5m`.
pub(super) fn every(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let unit = match unit.trim() {
        "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "" | "m" | "min" | "mins" | "minute" | "minutes" => "m",
        "h" | "hr" | "hrs" | "hour" | "hours" => "h",
        "d" | "day" | "days" => "d",
        "w" | "week" | "weeks" => "w",
        _ => return None,
    };
    match (number, unit) {
        ("", "d") => Some("write `@daily`".to_owned()),
        ("", "w") => Some("write `@weekly`".to_owned()),
        ("", unit) => Some(format!("write `every 1{unit}`")),
        (number, unit) => Some(format!("write `every {number}{unit}`")),
    }
}

/// What a single word that is no schedule means: `5m` → `every 5m`, `daily` → `@daily`,
/// `close-10m` → `at close-10m`.
pub(super) fn word(text: &str, nicknames: &[&'static str]) -> Option<String> {
    if text.parse::<Span>().is_ok() {
        return Some(format!("write `every {text}`"));
    }
    let lower = text.to_ascii_lowercase();
    if lower.starts_with("open") || lower.starts_with("close") {
        return Some(format!("write `at {lower}`"));
    }
    let nickname = closest(&format!("@{}", text.to_ascii_lowercase()), nicknames)?;
    Some(format!("did you mean `{nickname}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_units_become_units() {
        assert_eq!(every("5 minutes").unwrap(), "write `every 5m`");
        assert_eq!(every("2 Hours").unwrap(), "write `every 2h`");
        assert_eq!(every("hour").unwrap(), "write `every 1h`");
        assert_eq!(every("day").unwrap(), "write `@daily`");
        assert_eq!(every("10").unwrap(), "write `every 10m`");
        assert_eq!(every("blue moon"), None);
    }

    #[test]
    fn only_near_words_are_offered() {
        let words = &["@daily", "@hourly"];
        assert_eq!(closest("@dayly", words), Some("@daily"));
        assert_eq!(closest("@fortnight", words), None);
        assert_eq!(word("daily", words).unwrap(), "did you mean `@daily`?");
        assert_eq!(word("5m", words).unwrap(), "write `every 5m`");
    }
}
