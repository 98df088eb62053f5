//! The program's own log file: whole lines only, rotated by the one who writes it.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tracing_subscriber::fmt::MakeWriter;

use super::{
    Error, RotatedName,
    lines::{Lines, notice},
    name,
};
use crate::{clock::Clock, files, units::Bytes};

/// How large the own log becomes unless a job of the kind `rotate_logs` says otherwise.
pub const MAX_SIZE: Bytes = Bytes(20_000_000);

/// How often the writer looks whether its file is still where it was.
const LOOK: Duration = Duration::from_secs(1);

/// When the own log is rotated by its writer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// A line that would make it larger goes into a new file.
    pub max_size: Bytes,
    /// Where rotated files are moved to: a name that is taken there is not given again.
    pub archive_dir: Option<PathBuf>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_size: MAX_SIZE,
            archive_dir: None,
        }
    }
}

/// A log file that this process writes; clones write the same file.
///
/// The file is swapped under the same lock that orders the lines, so that a rotation loses, splits
/// and reorders none. Only one process writes it: the one that holds the instance lock.
#[derive(Debug, Clone)]
pub struct LogFile(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// As it was asked for.
    path: PathBuf,
    /// The file itself, where the path leads there by a link.
    place: PathBuf,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    lines: Lines,
    limits: Limits,
    /// After a rotation that failed: the size at which it is tried again.
    again_at: u64,
    looked: Duration,
}

/// The log files that this process has open.
static OPEN: Mutex<Vec<Weak<Shared>>> = Mutex::new(Vec::new());

/// The open log file at `path`, if this process writes one there.
pub fn writer_of(path: &Path) -> Option<LogFile> {
    let mut open = unpoisoned(&OPEN);
    open.retain(|shared| shared.strong_count() > 0);
    let found = open.iter().filter_map(Weak::upgrade);
    found.map(LogFile).find(|file| file.0.path == path)
}

impl LogFile {
    /// Opens the log at `path` (made with mode 0600) to add lines at its end, and ends a last line
    /// that a crash has cut.
    ///
    /// # Errors
    /// When it cannot be opened. A line that cannot be ended yet is ended by the next one.
    pub fn open(path: &Path, clock: Clock) -> Result<Self, Error> {
        let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        settle(&place, &clock)?;
        let file = files::append_private(path)?;
        let torn = is_torn(path).map_err(files::at("read the end of", path))?;
        let mut lines = Lines::new(file, path).map_err(files::at("look at", path))?;
        if torn {
            // What cannot be written now is held until it can.
            let _written = lines.mend(&notice(clock.now(), "the line before was cut by a crash"));
        }
        let looked = clock.monotonic();
        let state = State {
            lines,
            limits: Limits::default(),
            again_at: 0,
            looked,
        };
        let shared = Arc::new(Shared {
            path: path.to_owned(),
            place,
            clock,
            state: Mutex::new(state),
        });
        unpoisoned(&OPEN).push(Arc::downgrade(&shared));
        Ok(Self(shared))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// From now on it is rotated by these.
    pub fn limit(&self, limits: Limits) {
        let mut state = self.state();
        if state.limits != limits {
            state.again_at = 0;
            state.limits = limits;
        }
    }

    /// Adds a line, which ends in its only line break; rotates before, if it would be too much.
    ///
    /// # Errors
    /// When the line is not in the file. As many such lines as memory may hold are written, in their
    /// order, once there is room again; a line says how many were not.
    pub fn write_line(&self, line: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        self.look(&mut state);
        let size = state.lines.size();
        let full = size.saturating_add(length(line)) > state.limits.max_size.0;
        if full && size > 0 && size >= state.again_at {
            // It is tried again when it has grown some more; the line is what matters.
            if let Err(error) = self.swap(&mut state) {
                state.again_at = size.saturating_add(state.limits.max_size.0 / 16);
                let text = format!("the log could not be rotated: {}", told(&error));
                let _written = state
                    .lines
                    .add(&notice(self.0.clock.now(), &text), &self.0.clock);
            }
        }
        state.lines.add(line, &self.0.clock)
    }

    /// Rotates now; `None` if the file is empty. The name is the newest of its log.
    ///
    /// # Errors
    /// The file is as it was then, and still written to.
    pub fn rotate(&self) -> Result<Option<PathBuf>, Error> {
        let mut state = self.state();
        self.look(&mut state);
        if state.lines.size() == 0 {
            return Ok(None);
        }
        self.swap(&mut state).map(Some)
    }

    /// Writes into another file from now on: the present one gets its rotated name.
    fn swap(&self, state: &mut State) -> Result<PathBuf, Error> {
        let place = &self.0.place;
        let archive = state.limits.archive_dir.as_deref();
        let name = free_name(place, archive, self.0.clock.now())?;
        let rotated = place.with_file_name(name.to_string());
        let next = next(place);
        remove_if_empty(&next)?;
        drop(files::create_private(&next)?);
        let file = files::append_private(&next)?;
        files::rename_new(place, &rotated)?;
        if let Err(error) = files::rename_new(&next, place) {
            // If that fails too, lines go on into the file that has been renamed.
            let _back = files::rename_new(&rotated, place);
            return Err(error.into());
        }
        state.again_at = 0;
        state.lines.go_on_in(file);
        Ok(rotated)
    }

    /// Writes into a new file when somebody has taken away the present one.
    fn look(&self, state: &mut State) {
        let now = self.0.clock.monotonic();
        if now.saturating_sub(state.looked) < LOOK {
            return;
        }
        state.looked = now;
        if !state.lines.is_at(&self.0.place)
            && let Ok(file) = files::append_private(&self.0.place)
        {
            state.lines.go_on_in(file);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        unpoisoned(&self.0.state)
    }
}

/// A thread that panicked while it held a lock has left whole lines: they are written by one call.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The error with its cause, for a line of the log.
fn told(error: &Error) -> String {
    let cause = std::error::Error::source(error);
    cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

/// What the next file is called until it takes its place.
fn next(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{}{name}", files::TEMP_PREFIX))
}

/// Ends what a crash in the middle of a swap has left: an empty file, or, where a machine lost power,
/// one with lines that has no name yet.
fn settle(place: &Path, clock: &Clock) -> Result<(), Error> {
    let next = next(place);
    remove_if_empty(&next)?;
    if next.symlink_metadata().is_err() {
        return Ok(());
    }
    let name = if place.symlink_metadata().is_err() {
        place.to_owned()
    } else {
        place.with_file_name(free_name(place, None, clock.now())?.to_string())
    };
    Ok(files::rename_new(&next, &name)?)
}

fn remove_if_empty(path: &Path) -> Result<(), files::Error> {
    match path.symlink_metadata() {
        Ok(facts) if facts.len() == 0 => files::remove(path),
        _ => Ok(()),
    }
}

/// A name that sorts behind all others of the log, and that no file has.
///
/// # Errors
/// When the log cannot be rotated by its name, or a folder cannot be read.
pub fn free_name(
    log: &Path,
    archive_dir: Option<&Path>,
    now: jiff::Timestamp,
) -> Result<RotatedName, Error> {
    let own = log.file_name().unwrap_or_default().to_string_lossy();
    let name = RotatedName::new(&own, now)?;
    let newest = name::rotated(log, archive_dir)?.pop().map(|file| file.name);
    // A clock that was set back makes no order among files.
    let mut name = match newest {
        Some(newest) if newest.at() >= name.at() => newest.in_form(name::Form::Plain).next(),
        _ => name,
    };
    let taken = |name: &RotatedName| {
        let folders = [Some(files::parent(log)), archive_dir];
        let forms = [name::Form::Plain, name::Form::Gzip, name::Form::Sealed];
        folders.into_iter().flatten().any(|folder| {
            forms.iter().any(|form| {
                let name = name.in_form(*form);
                [name.to_string(), name.temporary()]
                    .iter()
                    .any(|file| folder.join(file).symlink_metadata().is_ok())
            })
        })
    };
    while taken(&name) {
        name = name.next();
    }
    Ok(name)
}

/// Whether the file ends in the middle of a line.
fn is_torn(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    if !file.metadata()?.is_file() || file.seek(SeekFrom::End(0))? == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

impl<'a> MakeWriter<'a> for LogFile {
    type Writer = LineWriter<'a>;

    fn make_writer(&'a self) -> LineWriter<'a> {
        LineWriter(self)
    }
}

/// Takes each event, which comes as one write, as one line.
#[derive(Debug)]
pub struct LineWriter<'a>(&'a LogFile);

impl Write for LineWriter<'_> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.0.write_line(event)?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
