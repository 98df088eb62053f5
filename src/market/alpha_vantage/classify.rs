//! What Alpha Vantage's texts mean. They come with HTTP 200, so only their words tell.

use super::super::Class;

/// The class of a text, the first that fits. The order matters: the text about bursts names the day's
/// limit, too, and all of them advertise the premium plans.
pub(super) fn classify(text: &str) -> Option<Class> {
    let text = text.to_lowercase();
    let has = |words: &str| text.contains(words);
    if has("invalid api call") {
        Some(Class::Symbol)
    } else if has("apikey") && (has("invalid") || has("missing")) {
        Some(Class::Key)
    } else if has("spreading out your free api requests") || has("burst pattern") {
        Some(Class::Burst)
    } else if has("requests per day") {
        Some(Class::Quota)
    } else if has("premium") && !has("calls per minute") {
        Some(Class::Entitlement)
    } else if has("calls per minute") {
        Some(Class::Burst)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_of_the_table_has_its_class() {
        for (text, class) in [
            (
                "Invalid API call. Please retry or visit the documentation for TIME_SERIES_DAILY.",
                Some(Class::Symbol),
            ),
            (
                "the parameter apikey is invalid or missing. Please claim your free API key.",
                Some(Class::Key),
            ),
            (
                "Please consider spreading out your free API requests more sparingly (1 request per \
                 second). You may subscribe to any of the premium plans to lift the free key rate \
                 limit (25 requests per day).",
                Some(Class::Burst),
            ),
            (
                "Burst pattern detected. Please keep to 1 request per second and 25 requests per day.",
                Some(Class::Burst),
            ),
            (
                "Our standard API rate limit is 25 requests per day. Please subscribe to any of the \
                 premium plans to instantly remove all daily rate limits.",
                Some(Class::Quota),
            ),
            (
                "The outputsize=full parameter value is a premium feature for this endpoint.",
                Some(Class::Entitlement),
            ),
            (
                "Thank you! This is a premium endpoint.",
                Some(Class::Entitlement),
            ),
            (
                "Our standard API call frequency is 5 calls per minute and 500 calls per day. Please \
                 visit the premium page.",
                Some(Class::Burst),
            ),
            ("Maintenance tonight.", None),
        ] {
            assert_eq!(classify(text), class, "{text}");
        }
    }
}
