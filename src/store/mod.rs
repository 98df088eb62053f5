//! The assistant's database: bars and what is wrong with them, signals, trades, positions, API
//! calls.
//!
//! It may be one that this program made or that of another program; see `open` for how they are told
//! apart. All writes of a process go through one queue ([`Store`]).

use std::path::{Path, PathBuf};

use crate::{files, sqlite};

mod adopt;
mod bars;
mod calls;
mod delete;
mod error;
mod findings;
mod gather;
mod handle;
mod health;
mod insert;
mod open;
mod queue;
mod reclaim;
mod record;
mod sample;
mod schema;
mod seen;
mod select;
mod signals;
mod table;
mod times;
mod trades;
mod wal;
mod witness;

pub use adopt::{MissingIndex, add_indexes, missing_indexes};
pub use bars::{StoredBars, daily_bars, stored_bars, symbols};
pub use calls::{NewCall, StoredCall, begin_call, calls_since, end_call};
pub use delete::{Deleted, Pace, Removal, Stopped};
pub use error::Error;
pub use findings::{FINDINGS_LIMIT, Looked, NewFinding, StoredFinding, findings, keep_findings};
pub use gather::{Gathered, Piece, Portion, gather};
pub use handle::{Reader, Store, Writer};
pub use health::{QUERY_LIMIT, Timed, quick_check, time_queries};
pub use insert::{Inserted, Shape, insert};
pub use queue::Class;
pub use reclaim::{Space, optimize, reclaim, settle, space, vacuum};
pub use record::{NewSignal, Recorded, Recording, data_hashes, exact, price, record};
pub use select::{Limits, Moment, Selection, select};
pub use signals::{StoredSignal, signal, signals};
pub use table::Table;
pub use times::Form;
pub use trades::{StoredTrade, Twice, add_trades, trades, try_trades};
pub use wal::{Log, log_size};
pub use witness::Witness;

/// Up to which time rows are the sample's, in `bellkeeper_meta` of a database that began as one.
const SAMPLE_UNTIL: &str = "sample_until";

/// The newest schema of the assistant's database that this program knows, as its `user_version`.
pub const SCHEMA_VERSION: usize = schema::MIGRATIONS.len();

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
