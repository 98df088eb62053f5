//! What bars are of.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The longest symbol; none in use is half as long.
const LONGEST: usize = 32;

/// The symbol of a share, an index or a pair of currencies: `AAPL`, `BRK.B`, `^GSPC`, `EURUSD=X`. It
/// becomes part of file names and addresses, so it cannot lead anywhere else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(String);

impl Symbol {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Symbol {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_good = |c: char| c.is_ascii_alphanumeric() || ".-_^=".contains(c);
        if text.is_empty() {
            return Err("a symbol is empty".to_owned());
        }
        if text.len() > LONGEST {
            let start: String = text.chars().take(LONGEST).collect();
            return Err(format!("`{start}…` is too long for a symbol"));
        }
        if let Some(bad) = text.chars().find(|c| !is_good(*c)) {
            let bad = bad.escape_debug();
            return Err(format!("a symbol cannot have `{bad}` in it"));
        }
        if text.starts_with('.') || text.contains("..") {
            return Err(format!("`{text}` has dots like the path of a file"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl Serialize for Symbol {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Symbol {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Symbol;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a symbol such as `AAPL`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Symbol, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_of_all_markets_are_good_and_nothing_that_leads_elsewhere() {
        for good in ["A", "BRK.B", "BRK-B", "^GSPC", "600519.SS", "EURUSD=X"] {
            assert_eq!(good.parse::<Symbol>().unwrap().as_str(), good);
        }
        let long = "A".repeat(33);
        for bad in [
            "", "..", ".a", "a/b", "a\\b", "A B", "C:x", "a..b", "ä", &long,
        ] {
            assert!(bad.parse::<Symbol>().is_err(), "{bad:?}");
        }
    }
}
