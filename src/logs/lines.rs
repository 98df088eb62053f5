//! Lines into a file: each is there whole or not at all, and what finds no room waits.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use crate::{clock::Clock, files::fault};

/// How many bytes of lines may wait for room.
const MOST_HELD: usize = 256 << 10;

/// A file to which lines are added.
#[derive(Debug)]
pub(super) struct Lines {
    path: PathBuf,
    file: File,
    size: u64,
    /// Whether it is one that has a size; a device has none and is never rotated.
    regular: bool,
    /// The last line in the file is not ended.
    torn: bool,
    waiting: Waiting,
}

/// Lines that are not in the file yet, because it could not be written.
#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Lines for which there was no more room in memory either.
    lost: u64,
    /// What was in the way at first, and since when; `None` while all is well.
    trouble: Option<(String, Timestamp)>,
}

impl Lines {
    pub(super) fn new(file: File, path: &Path) -> io::Result<Self> {
        let facts = file.metadata()?;
        Ok(Self {
            path: path.to_owned(),
            file,
            size: facts.len(),
            regular: facts.is_file(),
            torn: false,
            waiting: Waiting::default(),
        })
    }

    /// Bytes in the file; 0 for one that has no size.
    pub(super) fn size(&self) -> u64 {
        if self.regular { self.size } else { 0 }
    }

    /// Goes on in another file.
    pub(super) fn go_on_in(&mut self, file: File) {
        self.size = file.metadata().map_or(0, |facts| facts.len());
        self.file = file;
        self.torn = false;
    }

    /// Whether the file has this path.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        let id = |facts: std::fs::Metadata| (facts.dev(), facts.ino());
        let (own, there) = (self.file.metadata(), path.metadata());
        match (own, there) {
            (Ok(own), Ok(there)) => id(own) == id(there),
            // It cannot be told: stay.
            (Err(_), _) => true,
            (_, Err(error)) => error.kind() != io::ErrorKind::NotFound,
        }
    }

    /// Ends a line that was cut, and says so.
    pub(super) fn mend(&mut self, notice: &[u8]) -> io::Result<()> {
        self.torn = true;
        self.append(notice)
    }

    /// Adds a line, after those that wait.
    pub(super) fn add(&mut self, line: &[u8], clock: &Clock) -> io::Result<()> {
        let written = if self.waiting.trouble.is_none() {
            self.append(line)
        } else {
            let mut all = self.waiting.lines.make_contiguous().concat();
            all.extend(self.waiting.told(clock.now()));
            all.extend(line);
            self.append(&all)
        };
        match &written {
            Ok(()) => self.waiting = Waiting::default(),
            Err(error) => self.wait(line, error, clock.now()),
        }
        written
    }

    fn wait(&mut self, line: &[u8], error: &io::Error, now: Timestamp) {
        let waiting = &mut self.waiting;
        if waiting.trouble.is_none() {
            waiting.trouble = Some((error.to_string(), now));
            // Once, and to people: the file is what cannot be written. A closed terminal is no
            // reason to stop either.
            let path = self.path.display();
            let text = format!("bellkeeper: write `{path}`: {error}; lines wait for room\n");
            drop(io::stderr().lock().write_all(text.as_bytes()));
        }
        if waiting.bytes.saturating_add(line.len()) > MOST_HELD {
            waiting.lost += 1;
        } else {
            waiting.bytes += line.len();
            waiting.lines.push_back(line.to_vec());
        }
    }

    /// All of `bytes`, or nothing of them.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let ended = self.torn.then(|| [b"\n", bytes].concat());
        let bytes = ended.as_deref().unwrap_or(bytes);
        match fault::step().and_then(|()| self.file.write_all(bytes)) {
            Ok(()) => {
                self.torn = false;
                let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                self.size = self.size.saturating_add(length);
                Ok(())
            }
            Err(error) => {
                self.undo();
                Err(error)
            }
        }
    }

    /// Takes back the part of a line that found room.
    fn undo(&mut self) {
        let written = self.file.metadata().map_or(0, |facts| facts.len());
        if !self.regular || written <= self.size {
            return;
        }
        let cut = fault::step().and_then(|()| self.file.set_len(self.size));
        if cut.is_err() {
            (self.torn, self.size) = (true, written);
        }
    }
}

impl Waiting {
    /// What is said once there is room again.
    fn told(&self, now: Timestamp) -> Vec<u8> {
        let Some((why, since)) = &self.trouble else {
            return Vec::new();
        };
        let lost = match self.lost {
            0 => "no line is lost".to_owned(),
            1 => "1 line is lost".to_owned(),
            lost => format!("{lost} lines are lost"),
        };
        notice(
            now,
            &format!("the log could not be written since {since}: {why}; {lost}"),
        )
    }
}

/// A line of the log about the log itself, in the form of the others; its time is in UTC.
pub(super) fn notice(now: Timestamp, message: &str) -> Vec<u8> {
    let line = serde_json::json!({
        "timestamp": now.strftime("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string(),
        "level": "WARN",
        "message": message,
        "target": "bellkeeper::logs",
    });
    format!("{line}\n").into_bytes()
}
