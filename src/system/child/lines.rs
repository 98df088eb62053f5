//! Output of a program, line by line, whatever it writes.

use std::io::{BufRead, BufReader, Read};

/// As much of a line as is read; the rest of it is passed over.
const LONGEST: usize = 64 * 1024;

/// Calls `line` for each line of `output`, without its end, until nobody can write any more, or it
/// says that nobody reads.
pub(super) fn each(output: impl Read, line: &mut dyn FnMut(&str) -> bool) {
    let mut output = BufReader::new(output);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        match piece(&mut output, &mut bytes) {
            Some(whole) => {
                if !line(&text(&bytes)) || (!whole && pass(&mut output).is_none()) {
                    return;
                }
            }
            None => return,
        }
    }
}

/// Reads up to the end of a line, or as much as is wanted of it; whether all of it is there. `None` at
/// the end of the output.
fn piece(output: &mut impl BufRead, bytes: &mut Vec<u8>) -> Option<bool> {
    let most = u64::try_from(LONGEST).unwrap_or(u64::MAX);
    // A pipe that cannot be read has come to its end.
    let read = output.take(most).read_until(b'\n', bytes).unwrap_or(0);
    let whole = bytes.last() == Some(&b'\n') || read < LONGEST;
    (read > 0).then_some(whole)
}

/// Passes over the rest of a line.
fn pass(output: &mut impl BufRead) -> Option<()> {
    let mut rest = Vec::new();
    loop {
        rest.clear();
        if piece(output, &mut rest)? {
            return Some(());
        }
    }
}

fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.trim_end_matches(['\n', '\r']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(output: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        each(output, &mut |line| {
            found.push(line.to_owned());
            true
        });
        found
    }

    #[test]
    fn lines_are_told_apart_and_the_last_needs_no_end() {
        assert_eq!(lines(b"a\r\n\nb"), ["a", "", "b"]);
        assert_eq!(lines(b""), [""; 0]);
        assert_eq!(lines(b"\xff\xfe\n"), ["\u{fffd}\u{fffd}"]);
    }

    #[test]
    fn the_rest_of_an_endless_line_is_passed_over() {
        let mut output = vec![b'x'; 3 * LONGEST + 7];
        output.extend(b"\nnext\n");
        let found = lines(&output);
        assert_eq!((found.len(), found[0].len()), (2, LONGEST));
        assert_eq!(found[1], "next");
        assert_eq!(lines(&vec![b'x'; LONGEST]).len(), 1);
    }
}
