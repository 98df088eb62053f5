//! Calendars by name: those of the user's files, then those that come with the program.
//!
//! `config/calendars/NAME.yaml` is the calendar NAME. A file with the name of a calendar that comes
//! with the program takes its place: so a day of mourning, or the next year of a table, can be added
//! at once; `extends` keeps the rest. Only calendars that somebody asks for are read.

use std::{fs, path::PathBuf, sync::Arc};

use super::{
    node,
    problem::{Place, Problem},
    problems::Problems,
    read,
};
use crate::{
    schedule::{self, Calendar},
    settings::Settings,
    suggest,
};

mod build;
mod raw;
#[cfg(test)]
mod tests;

/// The size of the largest calendar file that is read: room for every date of a century.
const MAX_BYTES: usize = 100_000;

/// The calendars of one root.
#[derive(Debug)]
pub struct Calendars {
    folder: PathBuf,
    root: PathBuf,
}

/// Why there is no calendar of a name.
#[derive(Debug, thiserror::Error)]
pub enum CalendarError {
    /// Nobody knows it.
    #[error("no calendar is called `{name}`")]
    Unknown {
        /// As asked for.
        name: String,
        /// Those there are, in order.
        known: Vec<String>,
    },
    /// The computer has no data of its zone.
    #[error("the time zones of this computer lack that of the calendar `{name}`")]
    Zone {
        /// The calendar.
        name: String,
    },
    /// Its file is wrong, or cannot be read.
    #[error("the calendar file `{}` is wrong", .0.file())]
    File(Box<Problems>),
}

impl CalendarError {
    /// How to mend it.
    pub fn hint(&self) -> String {
        match self {
            Self::Unknown { name, known } => {
                let names: Vec<&str> = known.iter().map(String::as_str).collect();
                let all = format!("there are {}", suggest::all_of(&names));
                match suggest::hint(name, names) {
                    Some(near) => format!("{near} {all}"),
                    None => format!("{all}; add your own as `config/calendars/NAME.yaml`"),
                }
            }
            Self::Zone { .. } => "install the time zone database (`tzdata`)".to_owned(),
            Self::File(problems) => format!("mend `{}`", problems.file()),
        }
    }
}

impl Calendars {
    /// Those of a root; nothing is read yet.
    pub fn new(settings: &Settings) -> Self {
        Self {
            folder: settings.calendars(),
            root: settings.root().to_owned(),
        }
    }

    /// The names of all calendars, in order.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter_map(|file| file.strip_suffix(".yaml").map(str::to_owned))
            .filter(|name| is_name(name))
            .chain(schedule::CALENDARS.map(str::to_owned))
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// The file of a calendar as seen from the root, if there is one.
    pub fn file(&self, name: &str) -> Option<PathBuf> {
        let path = self.folder.join(format!("{name}.yaml"));
        let is_there = is_name(name) && path.symlink_metadata().is_ok();
        let inside = path.strip_prefix(&self.root).unwrap_or(&path).to_owned();
        is_there.then_some(inside)
    }

    /// The calendar of that name.
    ///
    /// # Errors
    /// [`CalendarError`]; a file with mistakes comes with all of them.
    pub fn get(&self, name: &str) -> Result<Arc<Calendar>, CalendarError> {
        if let Some(file) = self.file(name) {
            return self.read(name, &file.display().to_string());
        }
        let missing = || {
            let name = name.to_owned();
            if schedule::CALENDARS.contains(&name.as_str()) {
                return CalendarError::Zone { name };
            }
            let known = self.names();
            CalendarError::Unknown { name, known }
        };
        schedule::built_in_calendar(name).ok_or_else(missing)
    }

    fn read(&self, name: &str, shown: &str) -> Result<Arc<Calendar>, CalendarError> {
        let path = self.folder.join(format!("{name}.yaml"));
        let refused = |message: String| (Vec::new(), vec![Problem::new(Place::FILE, message)]);
        let (bytes, problems) = match read::bytes(&path, MAX_BYTES) {
            Ok(Some(bytes)) => (bytes, Vec::new()),
            Ok(None) => refused("a calendar file has at most 100 kB".to_owned()),
            Err(error) => refused(format!("it cannot be read: {error}")),
        };
        let (source, more) = read::decode(&bytes, shown.to_owned());
        let mut problems = [problems, more].concat();
        let root = if problems.is_empty() {
            node::parse(&source, &mut problems)
        } else {
            None
        };
        match root.and_then(|root| build::calendar(name, &root, &mut problems)) {
            Some(calendar) if problems.is_empty() => Ok(Arc::new(calendar)),
            _ => Err(CalendarError::File(Box::new(Problems::new(
                source, problems,
            )))),
        }
    }
}

/// Whether a calendar can be called so: nothing that leads out of its folder.
fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters
        .next()
        .is_some_and(|first| first.is_ascii_alphanumeric())
        && letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
        && name.len() <= 64
}
