//! What a process that died has left of a swap is ended.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{
    Error, Users,
    apply::{run, take_databases, taken_back},
    folder::{self, LOCK, folders},
    record::{Kept, Kind, Record, State, is_there},
};
use crate::lock;

/// What became of a swap that was cut short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// It had begun, and is over now.
    Finished(Kept),
    /// It had begun and gone wrong; everything is as it was before.
    TakenBack(Record),
    /// It had not begun.
    Dropped(PathBuf),
}

/// Ends whatever swaps were cut short in `data`. Call it under the instance lock, before anything
/// opens a database.
///
/// # Errors
/// [`Error::Busy`] while another process is at it, [`Error::InUse`] and the others as for
/// [`super::apply`]: it stays to be ended.
pub fn settle(data: &Path, now: Timestamp, users: Users<'_>) -> Result<Vec<Settled>, Error> {
    let mut settled = Vec::new();
    for folder in folders(data)? {
        match Record::read(&folder) {
            // Nobody knows what it means, so nobody touches it.
            Err(Error::Record { .. }) => {}
            Err(error) => return Err(error),
            Ok(Some(record)) if record.state == State::Kept => {}
            Ok(None) => {
                // Its owner may be staging at this moment, which harms nobody.
                if lock::holder(&folder.join(LOCK))?.is_none() {
                    folder::sweep(&folder)?;
                    settled.push(Settled::Dropped(folder));
                }
            }
            Ok(Some(record)) if record.state == State::Over => {
                folder::discard(&folder, &record)?;
            }
            Ok(Some(record)) => {
                let _lock = folder::take(&folder, now)?;
                settled.push(finish(&folder, record, users)?);
            }
        }
    }
    Ok(settled)
}

fn finish(folder: &Path, mut record: Record, users: Users<'_>) -> Result<Settled, Error> {
    let wanted = record.wanted;
    if record.state == State::TakingBack {
        // Somebody may have written into it since: what he wrote stays, and can be put back.
        let was_open = record.items.iter().any(|item| {
            item.kind == Kind::Database && is_there(&item.target) && !item.is_done(wanted)
        });
        let held = take_databases(&mut record, users)?;
        run(folder, record.clone(), held, users)?;
        if !was_open {
            taken_back(folder, &record, wanted.other())?;
        }
        return Ok(Settled::TakenBack(record));
    }
    if !record.items.iter().any(|item| item.is_done(wanted)) {
        for item in &record.items {
            item.forget(wanted)?;
        }
        taken_back(folder, &record, wanted)?;
        return Ok(Settled::Dropped(folder.to_owned()));
    }
    let held = take_databases(&mut record, users)?;
    record.write(folder)?;
    run(folder, record, held, users).map(Settled::Finished)
}
