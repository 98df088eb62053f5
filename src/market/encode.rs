//! Texts as parts of a URL.

use std::fmt::Write;

/// A text as one component of a path or a query: all but unreserved characters in hex.
pub(super) fn component(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _written = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unreserved_characters_stay() {
        assert_eq!(component("BRK.B"), "BRK.B");
        assert_eq!(component("^GSPC"), "%5EGSPC");
        assert_eq!(component("a b&c=ü"), "a%20b%26c%3D%C3%BC");
    }
}
