//! How bad an event is, as a person writes it.

use tracing::Level;

use crate::suggest;

/// The levels of the log, the worst first.
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// Reads a level.
///
/// # Errors
/// Which levels there are, and which was most likely meant.
pub fn level(text: &str) -> Result<Level, String> {
    let lower = text.to_ascii_lowercase();
    if let (true, Ok(level)) = (LEVELS.contains(&lower.as_str()), lower.parse()) {
        return Ok(level);
    }
    let meant = suggest::nearest(&lower, LEVELS)
        .map_or_else(String::new, |level| format!("; did you mean `{level}`?"));
    Err(format!(
        "the levels are {}{meant}",
        suggest::all_of(&LEVELS)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_read_or_guessed() {
        assert_eq!(level("ERROR"), Ok(Level::ERROR));
        assert_eq!(level("debug"), Ok(Level::DEBUG));
        let wrong = level("eror").unwrap_err();
        assert!(wrong.ends_with("did you mean `error`?"), "{wrong}");
        // What the library takes for one, too.
        assert_eq!(
            level("3").unwrap_err(),
            "the levels are `error`, `warn`, `info`, `debug` and `trace`"
        );
    }
}
