//! The key of a source: it goes into requests and nowhere else.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::encode;

/// Longest key, in bytes.
const LONGEST: usize = 256;

/// What stands for a key in texts.
const REDACTED: &str = "[key]";

/// Why a text is no key. The text itself is never told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadKey {
    /// There is nothing.
    #[error("the key is empty")]
    Empty,
    /// It has spaces, control characters or letters that no key has.
    #[error("the key has spaces or other characters in it that no key has")]
    Characters,
    /// Nobody gives out such long ones.
    #[error("the key is longer than {LONGEST} characters")]
    Long,
}

/// A key that may be sent. `Debug` shows nothing of it.
#[derive(Clone)]
pub(super) struct ApiKey(SecretString);

impl ApiKey {
    pub(super) fn parse(text: &SecretString) -> Result<Self, BadKey> {
        let text = text.expose_secret();
        if text.is_empty() {
            return Err(BadKey::Empty);
        }
        if text.len() > LONGEST {
            return Err(BadKey::Long);
        }
        if !text.chars().all(|c| c.is_ascii_graphic()) {
            return Err(BadKey::Characters);
        }
        Ok(Self(text.into()))
    }

    /// As it stands in a query.
    pub(super) fn encoded(&self) -> String {
        encode::component(self.0.expose_secret())
    }

    /// Which key it is, without telling anything of use about it: two keys differ in it.
    pub(super) fn mark(&self) -> String {
        let digest = Sha256::digest(self.0.expose_secret().as_bytes());
        let first: [u8; 4] = std::array::from_fn(|at| digest.get(at).copied().unwrap_or_default());
        format!("{:08x}", u32::from_be_bytes(first))
    }

    /// Takes the key out of a text, as it is, and as URLs, JSON and HTML write it, in any case.
    pub(super) fn scrub(&self, text: &str) -> String {
        let key = self.0.expose_secret();
        let json = key.replace('\\', "\\\\").replace('"', "\\\"");
        let html = key
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        let mut forms = vec![self.encoded(), json, html, key.to_owned()];
        // The longest first: one form may be part of another.
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        forms.dedup();
        let mut out = text.to_owned();
        for form in forms {
            out = without(&out, &form);
        }
        out
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// The text without `form`, whatever the case of its letters.
fn without(text: &str, form: &str) -> String {
    let (lower, form) = (text.to_ascii_lowercase(), form.to_ascii_lowercase());
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    // Lower case in ASCII keeps every byte in its place.
    for (at, _) in lower.match_indices(&form) {
        out.push_str(text.get(done..at).unwrap_or_default());
        out.push_str(REDACTED);
        done = at + form.len();
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Result<ApiKey, BadKey> {
        ApiKey::parse(&text.into())
    }

    #[test]
    fn a_key_with_spaces_or_control_characters_is_none() {
        for bad in [
            "a b",
            " ab",
            "ab\n",
            "a\tb",
            "a\u{0}b",
            "a\u{a0}b",
            "schlüssel",
        ] {
            assert_eq!(key(bad).unwrap_err(), BadKey::Characters, "{bad:?}");
        }
        assert_eq!(key("").unwrap_err(), BadKey::Empty);
        assert_eq!(key(&"k".repeat(257)).unwrap_err(), BadKey::Long);
    }

    #[test]
    fn nothing_shows_a_key() {
        let key = key("CAN&ARY/7+x").unwrap();
        assert_eq!(format!("{key:?}"), "[key]");
        assert_eq!(key.encoded(), "CAN%26ARY%2F7%2Bx");
        let told = key.scrub(
            "your key CAN&ARY/7+x (can&ary/7+X, CAN%26ARY%2f7%2bx, CAN&amp;ARY/7+x) is used up",
        );
        assert_eq!(told, "your key [key] ([key], [key], [key]) is used up");
    }

    #[test]
    fn the_mark_tells_keys_apart() {
        let (a, b) = (key("aaaa").unwrap(), key("aaab").unwrap());
        assert_eq!(a.mark().len(), 8);
        assert_ne!(a.mark(), b.mark());
        assert!(!a.mark().contains("aaaa"));
    }
}
