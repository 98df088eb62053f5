//! The assistant's database: bars, signals, trades, positions, API calls.

use std::path::{Path, PathBuf};

use crate::{analysis::BookError, files, sqlite};

mod bars;
mod sample;
mod schema;
mod signals;
mod trades;

pub use bars::{daily_bars, symbols};
pub use signals::{StoredSignal, signals};
pub use trades::{StoredTrade, Twice, add_trades, trades, try_trades};

/// Why the store could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of it could not be made, named or removed.
    #[error(transparent)]
    File(#[from] files::Error),
    /// It could not be opened.
    #[error(transparent)]
    Open(#[from] sqlite::Error),
    /// Its rows could not be written.
    #[error("fill the sample database `{}`", path.display())]
    Fill {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// It could not be asked.
    #[error("read `{}`", path.display())]
    Query {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The trades make no sense.
    #[error(transparent)]
    Book(#[from] BookError),
    /// The sample that the program carries cannot be read.
    #[error("read line {line} of the built-in sample")]
    Sample {
        /// Counted from 1.
        line: usize,
    },
}

/// Where the assistant keeps its database unless the job file says otherwise.
pub const DEFAULT_PATH: &str = "data/trading_assistant.db";

/// Makes a small sample of the assistant's database at `path`, unless something is there already;
/// returns whether it was made. Call it under the instance lock.
///
/// It appears whole or not at all: it is filled under a temporary name beside `path`, and only a
/// closed file without a journal is given the real name.
pub fn create_sample(path: &Path) -> Result<bool, Error> {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    let temporary = PathBuf::from(name);
    // What a crash has left, also of a sample that is in place by now.
    remove_database(&temporary)?;
    if path.symlink_metadata().is_ok() {
        return Ok(false);
    }
    let made = fill(&temporary).and_then(|()| Ok(files::publish(&temporary, path)?));
    if made.is_err() {
        // The first error is the one to tell; the next start sweeps what is left.
        let _swept = remove_database(&temporary);
    }
    made.map(|()| true)
}

fn fill(path: &Path) -> Result<(), Error> {
    let wrap = |source| Error::Fill {
        path: path.to_owned(),
        source,
    };
    let mut connection = sqlite::open_own(path, schema::MIGRATIONS)?;
    sample::write(&mut connection, path)?;
    // Closing the last connection folds the WAL into the file and removes it.
    connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .map_err(wrap)?;
    connection.close().map_err(|(_, source)| wrap(source))
}

fn remove_database(path: &Path) -> Result<(), files::Error> {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        files::remove(Path::new(&name))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
