//! A writer that keeps each event on a line of its own.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use tracing_subscriber::fmt::MakeWriter;

/// Escapes line breaks inside an event, so that no message can pretend to be another event.
///
/// The layer hands over an event as one `write_all`, which is what makes this possible.
#[derive(Debug, Clone)]
pub(super) struct OneLine<M>(pub(super) M);

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for OneLine<M> {
    type Writer = OneLineWriter<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        OneLineWriter(self.0.make_writer())
    }
}

/// The writer of one event.
#[derive(Debug)]
pub(super) struct OneLineWriter<W>(W);

impl<W: Write> Write for OneLineWriter<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.0.write_all(&one_line(event))?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn one_line(event: &[u8]) -> Cow<'_, [u8]> {
    let body = event.strip_suffix(b"\n").unwrap_or(event);
    if !body.contains(&b'\n') && !body.contains(&b'\r') {
        return Cow::Borrowed(event);
    }
    let mut line = Vec::with_capacity(event.len() + 8);
    for byte in body {
        match byte {
            b'\n' => line.extend(b"\\n"),
            b'\r' => line.extend(b"\\r"),
            byte => line.push(*byte),
        }
    }
    line.extend(event.get(body.len()..).unwrap_or_default());
    Cow::Owned(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_line_break_stays() {
        assert_eq!(*one_line(b"a b\n"), *b"a b\n");
        assert_eq!(*one_line(b"a\nb\r\n\nc\n"), *b"a\\nb\\r\\n\\nc\n");
        assert_eq!(*one_line(b"\n"), *b"\n");
    }
}
