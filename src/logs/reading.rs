//! Reading a log back, over all of its files.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, BufReader, Read},
    ops::ControlFlow,
    os::unix::fs::FileExt,
};

use super::{
    backwards::Backwards,
    event::Event,
    name::{Rotated, RotatedName},
    note::Note,
    parts::{Active, Log, Opened, overlapping, overlaps},
    split::{Each, Splitter},
    wanted::Wanted,
};
use crate::{files, gzip};

/// How much of a file is in memory.
const BLOCK: usize = 64 << 10;

/// Where lines and notes go.
pub struct Out<'a> {
    /// A line that is wanted, as it stands; `Break` once there have been enough.
    pub line: &'a mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    /// What was in the way.
    pub note: &'a mut dyn FnMut(Note),
}

/// Up to where a log was read: there [`super::Follower`] goes on.
#[derive(Debug)]
pub struct Position {
    /// The file that was the active one.
    pub(super) active: Option<Active>,
    /// The place in it behind the last whole line.
    pub(super) at: u64,
    /// The newest rotation by then.
    pub(super) newest: Option<RotatedName>,
    /// Whether there was any file.
    pub found: bool,
}

/// What is read of a log.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Which lines.
    pub wanted: Wanted,
    /// Only so many, the newest.
    pub last: Option<usize>,
    /// A last line without line break is left to the one who follows.
    pub follow: bool,
}

impl Log {
    /// Reads what `query` asks for, oldest first, and each line once, whatever happens to the files
    /// meanwhile. Only files whose time overlaps are opened; the newest lines are read from behind.
    ///
    /// # Errors
    /// When the active file or a folder cannot be read; anything else is a [`Note`].
    pub fn read(&self, query: &Query, out: &mut Out<'_>) -> Result<Position, files::Error> {
        let active = self.active()?;
        let older = self.older(active.as_ref().map(|active| active.id))?;
        let newest = older.last().map(|file| file.name.clone());
        let found = active.is_some() || !older.is_empty();
        let end = match &active {
            Some(active) if query.follow => self.whole_lines(active)?,
            Some(active) => active.length,
            None => 0,
        };
        let began = newest.as_ref().filter(|name| name.serial() == 1);
        // A rotation by a clock that was ahead: no file begins after it was written last.
        let written = active.as_ref().and_then(Active::written);
        let began = began.filter(|name| written.is_none_or(|written| name.at() <= written));
        let parts = Parts {
            log: self,
            wanted: &query.wanted,
            active: active
                .as_ref()
                .filter(|_| overlaps(&query.wanted, began.map(RotatedName::at), None)),
            end,
            older: overlapping(older, &query.wanted),
        };
        match query.last {
            None => parts.forwards(out)?,
            Some(most) => parts.newest(most, out)?,
        }
        Ok(Position {
            active,
            at: end,
            newest,
            found,
        })
    }

    fn whole_lines(&self, active: &Active) -> Result<u64, files::Error> {
        Backwards::new(&active.file)
            .last_end(0, active.length)
            .map_err(files::at("read", &self.path))
    }
}

struct Parts<'a> {
    log: &'a Log,
    wanted: &'a Wanted,
    active: Option<&'a Active>,
    /// Where the active file ends.
    end: u64,
    older: Vec<Rotated>,
}

impl Parts<'_> {
    fn forwards(&self, out: &mut Out<'_>) -> Result<(), files::Error> {
        let wanted = self.wanted;
        for file in &self.older {
            let each = &mut |line: &[u8]| {
                if wanted.fits(line) {
                    (out.line)(line)
                } else {
                    GO_ON
                }
            };
            match rotation(self.log, file, wanted, each) {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => return Ok(()),
                Err(note) => (out.note)(note),
            }
        }
        let Some(active) = self.active else {
            return Ok(());
        };
        let each = &mut |line: &[u8]| {
            if wanted.fits(line) {
                (out.line)(line)
            } else {
                GO_ON
            }
        };
        plain(&active.file, self.end, wanted, each)
            .map(drop)
            .map_err(files::at("read", &self.log.path))
    }

    /// Collects from the newest file backwards until there are enough.
    fn newest(&self, most: usize, out: &mut Out<'_>) -> Result<(), files::Error> {
        let mut lines = VecDeque::new();
        if let Some(active) = self.active {
            self.behind(&active.file, self.end, most, &mut lines)
                .map_err(files::at("read", &self.log.path))?;
        }
        for file in self.older.iter().rev() {
            if lines.len() >= most {
                break;
            }
            let added = match self.log.open(file) {
                Ok(Opened::Plain(active)) => self
                    .behind(&active.file, active.length, most, &mut lines)
                    .map_err(|error| Note::Unreadable(file.path.clone(), error)),
                Ok(Opened::Gzip(packed)) => self.packed(file, packed, most, &mut lines),
                Err(note) => Err(note),
            };
            added.unwrap_or_else(|note| (out.note)(note));
        }
        for line in lines {
            if (out.line)(&line).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn behind(
        &self,
        file: &File,
        end: u64,
        most: usize,
        lines: &mut VecDeque<Vec<u8>>,
    ) -> io::Result<()> {
        if most == 0 {
            return Ok(());
        }
        let mut back = Backwards::new(file);
        let from = start(&mut back, end, self.wanted)?;
        back.lines(from, end, &mut |line| {
            if self.wanted.fits(line) {
                lines.push_front(line.to_vec());
            }
            if lines.len() >= most { ENOUGH } else { GO_ON }
        })
        .map(drop)
    }

    /// A compressed file has no end to begin at: all of it is read, and the newest are kept. Those
    /// that came before damage are kept too.
    fn packed(
        &self,
        file: &Rotated,
        packed: impl Read,
        most: usize,
        lines: &mut VecDeque<Vec<u8>>,
    ) -> Result<(), Note> {
        let room = most.saturating_sub(lines.len());
        let mut kept = VecDeque::new();
        let read = unpack(packed, &mut |line| {
            if self.wanted.fits(line) {
                if kept.len() == room {
                    kept.pop_front();
                }
                kept.push_back(line.to_vec());
            }
            GO_ON
        });
        for line in kept.into_iter().rev() {
            lines.push_front(line);
        }
        read.map(drop)
            .map_err(|error| Note::Damaged(file.path.clone(), error))
    }
}

const GO_ON: ControlFlow<()> = ControlFlow::Continue(());
const ENOUGH: ControlFlow<()> = ControlFlow::Break(());

/// Where reading may begin so that nothing wanted is before it.
fn start(back: &mut Backwards<'_>, end: u64, wanted: &Wanted) -> io::Result<u64> {
    let Some(since) = wanted.since else {
        return Ok(0);
    };
    back.start(end, &|line| {
        let at = Event::parse(line).and_then(|event| event.at());
        at.is_none_or(|at| at >= since)
    })
}

/// All lines of a rotated file that may be wanted.
pub(super) fn rotation(
    log: &Log,
    file: &Rotated,
    wanted: &Wanted,
    each: &mut Each<'_>,
) -> Result<ControlFlow<()>, Note> {
    match log.open(file)? {
        Opened::Plain(active) => plain(&active.file, active.length, wanted, each)
            .map_err(|error| Note::Unreadable(file.path.clone(), error)),
        Opened::Gzip(packed) => {
            unpack(packed, each).map_err(|error| Note::Damaged(file.path.clone(), error))
        }
    }
}

/// The lines of a plain file up to `end`, from where they may be wanted.
fn plain(
    file: &File,
    end: u64,
    wanted: &Wanted,
    each: &mut Each<'_>,
) -> io::Result<ControlFlow<()>> {
    let from = start(&mut Backwards::new(file), end, wanted)?;
    let reader = At { file, at: from };
    lines(reader.take(end.saturating_sub(from)), each)
}

fn unpack(packed: impl Read, each: &mut Each<'_>) -> io::Result<ControlFlow<()>> {
    lines(
        gzip::Reader::new(BufReader::with_capacity(BLOCK, packed)),
        each,
    )
}

/// The lines of a stream; those before an error are handed out.
pub(super) fn lines(mut from: impl Read, each: &mut Each<'_>) -> io::Result<ControlFlow<()>> {
    let (mut splitter, mut buffer) = (Splitter::default(), vec![0; BLOCK]);
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => return Ok(splitter.end(each)),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                // A line that damage has cut is shown as far as it goes.
                let _enough = splitter.end(each);
                return Err(error);
            }
        };
        let bytes = buffer.get(..read).unwrap_or_default();
        if splitter.push(bytes, each).is_break() {
            return Ok(ENOUGH);
        }
    }
}

/// Reads a file from some place on, without a cursor that others share.
struct At<'a> {
    file: &'a File,
    at: u64,
}

impl Read for At<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(into, self.at)?;
        self.at = self
            .at
            .saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
