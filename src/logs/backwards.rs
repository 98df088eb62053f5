//! A file's lines from its end: the newest lines of a large log without reading the rest.

use std::{fs::File, io, ops::ControlFlow, os::unix::fs::FileExt};

use super::split::{Each, LONGEST, give};

/// How much is read at once.
const BLOCK: usize = 64 << 10;

/// The bytes of a file before some place, from behind.
#[derive(Debug)]
pub(super) struct Backwards<'a> {
    file: &'a File,
    /// How many bytes were read, for tests.
    pub(super) read: u64,
}

impl<'a> Backwards<'a> {
    pub(super) fn new(file: &'a File) -> Self {
        Self { file, read: 0 }
    }

    /// The lines between two places, the last first; the one at `to` may have no line break.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn lines(
        &mut self,
        from: u64,
        to: u64,
        each: &mut Each<'_>,
    ) -> io::Result<ControlFlow<()>> {
        let mut buffer = vec![0; BLOCK];
        // The end of the line that is looked for, and the start of what has been looked at.
        let (mut end, mut place) = (to, to);
        while place > from {
            let length = usize::try_from(place - from).map_or(BLOCK, |left| left.min(BLOCK));
            let start = place - long(length);
            let block = buffer.get_mut(..length).unwrap_or_default();
            self.fill(block, start)?;
            let breaks = block.iter().enumerate().rev();
            for (at, _) in breaks.filter(|(_, byte)| **byte == b'\n') {
                let line = start + long(at) + 1;
                if self.line(line, end, start, block, each)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                end = line - 1;
            }
            if start == from {
                return self.line(from, end, start, block, each);
            }
            place = start;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The place behind the last line break before `to`, not before `from`.
    pub(super) fn last_end(&mut self, from: u64, to: u64) -> io::Result<u64> {
        let mut buffer = vec![0; BLOCK];
        let mut place = to;
        while place > from {
            let length = usize::try_from(place - from).map_or(BLOCK, |left| left.min(BLOCK));
            let start = place - long(length);
            let block = buffer.get_mut(..length).unwrap_or_default();
            self.fill(block, start)?;
            if let Some(at) = block.iter().rposition(|byte| *byte == b'\n') {
                return Ok(start + long(at) + 1);
            }
            place = start;
        }
        Ok(from)
    }

    /// A place at which a line starts, such that no line before it is `wanted`, as far as can be told
    /// from a few: those at half, a quarter, … of the way back are looked at.
    pub(super) fn start(&mut self, to: u64, wanted: &dyn Fn(&[u8]) -> bool) -> io::Result<u64> {
        let mut back = long(BLOCK);
        loop {
            let place = to.saturating_sub(back);
            if place == 0 {
                return Ok(0);
            }
            let (start, line) = self.first_line(place, to)?;
            match line {
                Some(line) if !wanted(&line) => return Ok(start),
                _ => back = back.saturating_mul(2),
            }
        }
    }

    /// The first line that starts behind `place`, and where.
    fn first_line(&mut self, place: u64, to: u64) -> io::Result<(u64, Option<Vec<u8>>)> {
        let length = usize::try_from(to - place).map_or(BLOCK, |left| left.min(BLOCK));
        let mut block = vec![0; length];
        self.fill(&mut block, place)?;
        let mut lines = block.split_inclusive(|byte| *byte == b'\n');
        let skipped = lines.next().map_or(0, <[u8]>::len);
        let line = lines.next().and_then(|line| line.strip_suffix(b"\n"));
        Ok((place + long(skipped), line.map(<[u8]>::to_vec)))
    }

    /// Hands out the line from `start` to `end`, of which the block at `block_start` has the
    /// beginning and perhaps all.
    fn line(
        &mut self,
        start: u64,
        end: u64,
        block_start: u64,
        block: &[u8],
        each: &mut Each<'_>,
    ) -> io::Result<ControlFlow<()>> {
        let inside = |place: u64| usize::try_from(place - block_start).unwrap_or(usize::MAX);
        if let Some(line) = block.get(inside(start)..inside(end)) {
            return Ok(give(line, each));
        }
        let length = usize::try_from(end - start).map_or(LONGEST, |length| length.min(LONGEST));
        let mut line = vec![0; length];
        self.fill(&mut line, start)?;
        Ok(give(&line, each))
    }

    fn fill(&mut self, block: &mut [u8], start: u64) -> io::Result<()> {
        self.read += long(block.len());
        self.file.read_exact_at(block, start)
    }
}

fn long(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::{super::split::Splitter, *};

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn backwards(bytes: &[u8]) -> Vec<Vec<u8>> {
        let (file, mut lines) = (file(bytes), Vec::new());
        let mut each = |line: &[u8]| {
            lines.push(line.to_vec());
            ControlFlow::Continue(())
        };
        let to = bytes.len() as u64;
        let flow = Backwards::new(&file).lines(0, to, &mut each).unwrap();
        assert!(flow.is_continue());
        lines.reverse();
        lines
    }

    fn forwards(bytes: &[u8]) -> Vec<Vec<u8>> {
        let (mut splitter, mut lines) = (Splitter::default(), Vec::new());
        let mut each = |line: &[u8]| {
            lines.push(line.to_vec());
            ControlFlow::Continue(())
        };
        assert!(splitter.push(bytes, &mut each).is_continue());
        assert!(splitter.end(&mut each).is_continue());
        lines
    }

    fn numbered(count: u32, line: impl Fn(u32) -> String) -> String {
        (0..count).map(line).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn from_behind_the_lines_are_the_same(
            lengths in proptest::collection::vec(
                prop_oneof![6 => 0usize..300, 1 => BLOCK - 3..BLOCK + 3, 1 => 2 * BLOCK..3 * BLOCK],
                0..12,
            ),
            ended in any::<bool>(),
        ) {
            let mut bytes: Vec<u8> = lengths
                .iter()
                .enumerate()
                .flat_map(|(at, length)| {
                    let letter = b'a' + u8::try_from(at).unwrap();
                    let line = std::iter::repeat_n(letter, *length);
                    line.chain([b'\n'])
                })
                .collect();
            if !ended {
                bytes.pop();
            }
            prop_assert_eq!(backwards(&bytes), forwards(&bytes));
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_like_from_the_front() {
        let bytes = [&vec![b'x'; LONGEST + 7][..], b"\nshort\n"].concat();
        assert_eq!(backwards(&bytes), forwards(&bytes));
    }

    #[test]
    fn twenty_lines_of_a_gigabyte_cost_a_block() {
        let file = tempfile::tempfile().unwrap();
        let length = 1 << 30;
        file.set_len(length).unwrap();
        let lines = numbered(40, |n| format!("\nline {n}"));
        file.write_all_at(lines.as_bytes(), length - lines.len() as u64)
            .unwrap();
        let (mut back, mut seen) = (Backwards::new(&file), Vec::new());
        let flow = back.lines(0, length, &mut |line| {
            seen.push(String::from_utf8(line.to_vec()).unwrap());
            if seen.len() == 20 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        assert!(flow.unwrap().is_break());
        assert_eq!(
            (seen[0].as_str(), seen[19].as_str()),
            ("line 39", "line 20")
        );
        assert_eq!(back.read, BLOCK as u64);
    }

    #[test]
    fn the_start_of_what_is_wanted_is_found_in_steps() {
        let lines = numbered(1_000_000, |n| format!("{n:07}\n"));
        let file = file(lines.as_bytes());
        let to = lines.len() as u64;
        let mut back = Backwards::new(&file);
        let wanted = |line: &[u8]| line >= b"0900000".as_slice();
        let start = back.start(to, &wanted).unwrap();
        let at = usize::try_from(start).unwrap();
        let first: usize = lines[at..at + 7].parse().unwrap();
        assert!((700_000..=900_000).contains(&first), "{first}");
        assert!(back.read < 10 * BLOCK as u64, "{}", back.read);
        assert_eq!(back.start(to, &|_| true).unwrap(), 0);
        assert_eq!(back.last_end(0, to - 3).unwrap(), to - 8);
        assert_eq!(back.last_end(to - 5, to - 3).unwrap(), to - 5);
    }
}
