//! What may be asked for as a symbol.

/// Longest symbol, in bytes; none is half as long.
const LONGEST: usize = 32;

/// Says what is wrong with a symbol. It becomes the name of a file and a part of URLs, so it must not
/// lead anywhere else.
pub(super) fn check(symbol: &str) -> Result<(), String> {
    let shown: String = symbol.chars().take(LONGEST).collect();
    let shown = shown.escape_debug();
    if symbol.is_empty() {
        return Err("the symbol is empty".to_owned());
    }
    if symbol.len() > LONGEST {
        return Err(format!(
            "the symbol `{shown}…` is longer than {LONGEST} bytes"
        ));
    }
    if symbol.starts_with('.') || symbol.contains("..") {
        return Err(format!(
            "the symbol `{shown}` has dots like the path of a file"
        ));
    }
    let bad = |c: char| c.is_control() || c.is_whitespace() || "/\\:?#%&".contains(c);
    match symbol.chars().find(|c| bad(*c)) {
        Some(bad) => Err(format!(
            "the symbol `{shown}` has a `{}` in it",
            bad.escape_debug()
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_of_all_markets_are_good() {
        for good in [
            "A",
            "AAPL",
            "BRK.B",
            "BRK-B",
            "^GSPC",
            "600519.SS",
            "EURUSD=X",
            "VOD.L",
        ] {
            assert_eq!(check(good), Ok(()));
        }
    }

    #[test]
    fn what_leads_elsewhere_is_refused() {
        let long = "A".repeat(33);
        for bad in [
            "",
            ".",
            "..",
            ".hidden",
            "../AAPL",
            "a/b",
            "a\\b",
            "A\0",
            "A B",
            "C:x",
            "x\n",
            "a..b",
            "a?b",
            "a&apikey=b",
            &long,
        ] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
        assert_eq!(
            check("a\0").unwrap_err(),
            "the symbol `a\\0` has a `\\0` in it"
        );
    }
}
