//! Sentences that fit a terminal.

/// The width that everything fits into.
pub(in crate::cli) const WIDTH: usize = 80;

/// A text as lines of at most [`WIDTH`] columns, all of them indented by `indent`; a word that is
/// longer stays whole, because it is what people copy.
pub(in crate::cli) fn wrap(text: &str, indent: usize) -> Vec<String> {
    let pad = " ".repeat(indent);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut width = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if width > 0 && indent + width + 1 + length > WIDTH {
            lines.push(std::mem::take(&mut line));
            width = 0;
        }
        if width == 0 {
            line.push_str(&pad);
        } else {
            line.push(' ');
            width += 1;
        }
        line.push_str(word);
        width += length;
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_filled_and_no_longer() {
        let text = "word ".repeat(40);
        let lines = wrap(&text, 4);
        assert!(lines.len() == 3 && lines.iter().all(|line| line.starts_with("    word")));
        let longest = lines.iter().map(String::len).max();
        assert_eq!(
            longest,
            Some(4 + 15 * 5 - 1),
            "one more word would be too many"
        );
    }

    #[test]
    fn a_long_word_stays_whole() {
        let path = "/".repeat(100);
        assert_eq!(wrap(&format!("a {path} b"), 0), ["a", path.as_str(), "b"]);
        assert_eq!(wrap("", 3), [""; 0]);
    }
}
