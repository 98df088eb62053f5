//! The text of a job file and places inside it.

use std::ops::Range;

/// A place in a job file: where the caret goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Place {
    /// The line, from 1; 0 means the file as a whole.
    pub line: u32,
    /// The column in characters, from 1; 0 means the file as a whole.
    pub column: u32,
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Place {
    /// The file as a whole.
    pub const FILE: Self = Self {
        line: 0,
        column: 0,
        start: 0,
        end: 0,
    };

    /// The bytes.
    pub fn bytes(&self) -> Range<usize> {
        self.start..self.end
    }
}

/// The text that places refer to, and the name it is shown under.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) text: String,
}

impl Source {
    /// The place of some bytes; bytes outside the text are moved to its end.
    pub(super) fn place(&self, bytes: Range<usize>) -> Place {
        let start = self.boundary(bytes.start);
        let end = self.boundary(bytes.end.max(start));
        let before = self.text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Place {
            line: count(before.matches('\n').count() + 1),
            column: count(before.get(line_start..).unwrap_or_default().chars().count() + 1),
            start,
            end,
        }
    }

    /// The text at a place.
    pub(super) fn at(&self, place: Place) -> &str {
        self.text.get(place.bytes()).unwrap_or_default()
    }

    /// The place of `part`, a range of bytes of the scalar `value` that stands at `whole`; `whole`
    /// itself where escapes or line breaks make the written text differ from the value.
    pub(super) fn inside(&self, whole: Place, value: &str, part: &Range<usize>) -> Place {
        let written = self.at(whole);
        match written.find(value) {
            Some(offset) if !value.is_empty() && !written.contains('\n') => {
                let start = whole.start + offset + part.start.min(value.len());
                let end = whole.start + offset + part.end.clamp(part.start, value.len());
                self.place(start..end.max(start + 1))
            }
            _ => whole,
        }
    }

    fn boundary(&self, mut byte: usize) -> usize {
        byte = byte.min(self.text.len());
        while !self.text.is_char_boundary(byte) {
            byte -= 1;
        }
        byte
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source {
            name: "jobs.yaml".into(),
            text: text.into(),
        }
    }

    #[test]
    fn columns_count_characters() {
        let place = source("a\nüß: x\n").place(8..9);
        assert_eq!((place.line, place.column), (2, 5));
    }

    #[test]
    fn places_outside_the_text_are_moved_into_it() {
        let place = source("ü").place(1..99);
        assert_eq!((place.start, place.end), (0, 2));
    }

    #[test]
    fn a_part_of_a_quoted_scalar_is_found() {
        let source = source("s: \"0 25 * * *\"\n");
        let whole = source.place(3..15);
        let part = source.inside(whole, "0 25 * * *", &(2..4));
        assert_eq!((part.line, part.column, source.at(part)), (1, 7, "25"));
        assert_eq!(source.inside(whole, "escaped", &(0..2)), whole);
    }
}
