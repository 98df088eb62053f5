//! Bytes into lines, none longer than anybody reads.

use std::ops::ControlFlow;

/// The longest line that is kept; of a longer one only this much of its beginning.
pub(super) const LONGEST: usize = 256 << 10;

/// What is done with a line, without its line break; `Break` once there have been enough.
pub(super) type Each<'a> = dyn FnMut(&[u8]) -> ControlFlow<()> + 'a;

/// Makes lines out of bytes that come in pieces. Empty lines are none.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    /// What has no end yet.
    rest: Vec<u8>,
}

impl Splitter {
    /// Takes the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8], each: &mut Each<'_>) -> ControlFlow<()> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let Some(line) = piece.strip_suffix(b"\n") else {
                self.keep(piece);
                continue;
            };
            if self.rest.is_empty() {
                give(line, each)?;
            } else {
                self.keep(line);
                self.end(each)?;
            }
        }
        ControlFlow::Continue(())
    }

    /// Ends the last line, which may have no line break.
    pub(super) fn end(&mut self, each: &mut Each<'_>) -> ControlFlow<()> {
        let line = std::mem::take(&mut self.rest);
        give(&line, each)
    }

    /// Forgets what has no end yet.
    pub(super) fn forget(&mut self) {
        self.rest.clear();
    }

    fn keep(&mut self, piece: &[u8]) {
        let room = LONGEST.saturating_sub(self.rest.len());
        self.rest
            .extend_from_slice(piece.get(..room).unwrap_or(piece));
    }
}

/// Hands a line out, cut if it is too long, unless it is empty.
pub(super) fn give(line: &[u8], each: &mut Each<'_>) -> ControlFlow<()> {
    let line = line.get(..LONGEST).unwrap_or(line);
    if line.is_empty() {
        return ControlFlow::Continue(());
    }
    each(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(pieces: &[&[u8]]) -> Vec<Vec<u8>> {
        let (mut splitter, mut lines) = (Splitter::default(), Vec::new());
        let mut each = |line: &[u8]| {
            lines.push(line.to_vec());
            ControlFlow::Continue(())
        };
        for piece in pieces {
            assert!(splitter.push(piece, &mut each).is_continue());
        }
        assert!(splitter.end(&mut each).is_continue());
        lines
    }

    #[test]
    fn lines_do_not_depend_on_pieces() {
        let text = b"one\n\ntwo\nthree";
        for cut in 0..=text.len() {
            let (a, b) = text.split_at(cut);
            assert_eq!(split(&[a, b]), [&b"one"[..], b"two", b"three"], "{cut}");
        }
        let single: Vec<_> = text.chunks(1).collect();
        assert_eq!(split(&single).len(), 3);
    }

    #[test]
    fn a_line_without_end_takes_no_more_memory_than_it_may() {
        let huge = vec![b'x'; LONGEST / 2 + 1];
        let lines = split(&[&huge, &huge, &huge, b"\nnext"]);
        assert_eq!((lines[0].len(), lines.len()), (LONGEST, 2));
        assert_eq!(
            split(&[&[&huge[..], &huge, b"\n"].concat()])[0].len(),
            LONGEST
        );
    }

    #[test]
    fn enough_is_enough() {
        let mut splitter = Splitter::default();
        let mut seen = 0;
        let flow = splitter.push(b"a\nb\nc\n", &mut |_| {
            seen += 1;
            if seen == 2 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        assert!(flow.is_break() && seen == 2);
    }
}
