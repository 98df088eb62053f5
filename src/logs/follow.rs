//! Following a log while it is written and rotated.

use std::{io, ops::ControlFlow, os::unix::fs::FileExt};

use super::{
    name::{Rotated, RotatedName},
    note::Note,
    parts::{Active, Id, Log, id},
    reading::{Out, Position, rotation},
    split::Splitter,
    wanted::Wanted,
};
use crate::files;

/// How much is read at once.
const BLOCK: usize = 64 << 10;

/// Goes on where [`Log::read`] has stopped. It reads by a descriptor of its own, so that a file that
/// gets another name is read to its end first.
#[derive(Debug)]
pub struct Follower<'a> {
    log: &'a Log,
    wanted: &'a Wanted,
    active: Option<Active>,
    at: u64,
    newest: Option<RotatedName>,
    splitter: Splitter,
}

impl<'a> Follower<'a> {
    /// Follows from `position` on.
    pub fn new(log: &'a Log, wanted: &'a Wanted, position: Position) -> Self {
        Self {
            log,
            wanted,
            active: position.active,
            at: position.at,
            newest: position.newest,
            splitter: Splitter::default(),
        }
    }

    /// Hands out what was written since the last time. Call it again and again.
    ///
    /// # Errors
    /// When a file or folder cannot be read; anything else is a [`Note`].
    pub fn poll(&mut self, out: &mut Out<'_>) -> Result<ControlFlow<()>, files::Error> {
        loop {
            if self.drain(out)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            if self.is_current() {
                return Ok(ControlFlow::Continue(()));
            }
            // Between that look and the new name more may have been written.
            if self.drain(out)?.is_break() || self.step(out)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }

    /// Reads the open file to its end.
    fn drain(&mut self, out: &mut Out<'_>) -> Result<ControlFlow<()>, files::Error> {
        let Some(active) = &self.active else {
            return Ok(ControlFlow::Continue(()));
        };
        let reading = files::at("read", &self.log.path);
        let length = active.file.metadata().map_err(&reading)?.len();
        if length < self.at {
            (out.note)(Note::Shrunk(self.log.path.clone()));
            self.splitter.forget();
            self.at = 0;
        }
        let mut buffer = vec![0; BLOCK];
        loop {
            let read = match active.file.read_at(&mut buffer, self.at) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(reading(error)),
            };
            let bytes = buffer.get(..read).unwrap_or_default();
            if bytes.is_empty() {
                return Ok(ControlFlow::Continue(()));
            }
            self.at = self
                .at
                .saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
            let each = &mut fitting(self.wanted, out);
            if self.splitter.push(bytes, each).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }

    /// Whether the open file still is the one that is written. In the middle of a rotation there is
    /// none: the next look will tell.
    fn is_current(&self) -> bool {
        match (self.log.path.metadata(), &self.active) {
            (Ok(facts), Some(active)) => id(&facts) == active.id,
            (Ok(_), None) => false,
            (Err(_), _) => true,
        }
    }

    /// Leaves the file that has been rotated, reads those that were rotated since, and opens the one
    /// that is written now.
    fn step(&mut self, out: &mut Out<'_>) -> Result<ControlFlow<()>, files::Error> {
        if self.splitter.end(&mut fitting(self.wanted, out)).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        let Some(active) = self.log.active()? else {
            // It was rotated again; what it was will be found then.
            return Ok(ControlFlow::Continue(()));
        };
        let older = self.log.older(Some(active.id))?;
        let read = self.active.as_ref().map(|active| active.id);
        for file in unread(&older, self.newest.as_ref(), read) {
            let read = rotation(self.log, file, self.wanted, &mut fitting(self.wanted, out));
            match read {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => return Ok(ControlFlow::Break(())),
                Err(note) => (out.note)(note),
            }
        }
        self.newest = older.into_iter().next_back().map(|file| file.name);
        (self.active, self.at) = (Some(active), 0);
        Ok(ControlFlow::Continue(()))
    }
}

fn fitting<'a>(
    wanted: &'a Wanted,
    out: &'a mut Out<'_>,
) -> impl FnMut(&[u8]) -> ControlFlow<()> + 'a {
    |line| {
        if wanted.fits(line) {
            (out.line)(line)
        } else {
            ControlFlow::Continue(())
        }
    }
}

/// What was rotated after `newest`, without the file that was `read` until then: the first of them,
/// unless that is still plain and another one.
fn unread<'a>(
    older: &'a [Rotated],
    newest: Option<&RotatedName>,
    read: Option<Id>,
) -> impl Iterator<Item = &'a Rotated> {
    let is_new = |file: &&Rotated| {
        newest.is_none_or(|newest| file.name > *newest && !file.name.is_same_rotation(newest))
    };
    let new: Vec<_> = older.iter().filter(is_new).collect();
    let identity = |file: &Rotated| file.path.symlink_metadata().ok().map(|facts| id(&facts));
    let by_id = new
        .iter()
        .position(|file| read.is_some() && identity(file) == read);
    let is_plain = |file: &&Rotated| file.name.form() == super::name::Form::Plain;
    let own = by_id.or_else(|| {
        let compressed = new.first().is_some_and(|file| !is_plain(file));
        (read.is_some() && compressed).then_some(0)
    });
    let new = new.into_iter().enumerate();
    new.filter(move |(at, _)| Some(*at) != own)
        .map(|(_, file)| file)
}
