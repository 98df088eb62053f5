//! The swap itself.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    Error, Users,
    folder::{self, Staging},
    record::{Act, Item, Kept, Kind, Record, State, is_there},
};
use crate::{
    files,
    sqlite::{Exclusive, SIDE_FILES, Trouble, beside},
};

/// How long other programs get to end what they do with a database.
const PATIENCE: Duration = Duration::from_millis(if cfg!(test) { 50 } else { 5_000 });

/// Databases that nobody else can open meanwhile.
type Held = Vec<Exclusive>;

/// Puts the files that stand in a staging folder in their places. Returns what is kept.
///
/// The staged files must be complete and durable; their databases must have nothing beside them.
///
/// # Errors
/// [`Error::Unfinished`], [`Error::InUse`], [`Error::Database`], [`Error::File`]: the old files are in
/// their places. [`Error::CutShort`] if taking back failed, too.
pub fn apply(mut staging: Staging, mut record: Record, users: Users<'_>) -> Result<Kept, Error> {
    folder::check_over(files::parent(&staging.folder))?;
    let held = take_databases(&mut record, users)?;
    sync_names(&record)?;
    files::sync_dir(files::parent(&staging.folder))?;
    record.write(&staging.folder)?;
    staging.recorded = true;
    run(&staging.folder, record, held, users)
}

/// Puts back what `kept` keeps, and keeps what is in its place instead.
///
/// # Errors
/// As [`apply`], [`Error::Busy`], and [`Error::Changed`] if it is not the newest one any more, or was
/// turned since it was looked at.
pub fn turn(kept: &Kept, now: Timestamp, users: Users<'_>) -> Result<Kept, Error> {
    still_newest(kept)?;
    let _lock = folder::take(&kept.folder, now)?;
    // Somebody may have thought for an hour about the plan that was made of it.
    still_newest(kept)?;
    let mut record = Record {
        state: State::Going,
        wanted: kept.record.wanted.other(),
        at: now,
        items: kept.turned(),
        ..kept.record.clone()
    };
    let held = take_databases(&mut record, users)?;
    record.write(&kept.folder)?;
    run(&kept.folder, record, held, users)
}

/// What is turned must be what is there, and nothing may have come after it.
fn still_newest(kept: &Kept) -> Result<(), Error> {
    let data = files::parent(&kept.folder);
    folder::check_over(data)?;
    let all = folder::kept(data)?;
    if all.first() == Some(kept) {
        return Ok(());
    }
    let path = kept.folder.clone();
    Err(Error::Changed { path })
}

/// Does what a record says that is not done yet.
///
/// A database that is in its place when this begins has been open to everybody since: then there is
/// no way back, only onward.
pub(super) fn run(
    folder: &Path,
    record: Record,
    held: Held,
    users: Users<'_>,
) -> Result<Kept, Error> {
    let over = Record {
        state: State::Kept,
        was_kept: true,
        ..record.clone()
    };
    let only_onward = record.state != State::Going || has_database(&record);
    let done = swap(&record, users).and_then(|()| over.write(folder));
    let result = match done {
        Err(error) if only_onward => Err(cut_short(error)),
        Err(error) => Err(match take_back(folder, record, users) {
            Ok(()) => error,
            Err(_) => cut_short(error),
        }),
        Ok(()) => Ok(Kept {
            folder: folder.to_owned(),
            record: over,
        }),
    };
    // Only now: until here nobody could have written into one of the old databases.
    drop(held);
    result
}

fn cut_short(error: Error) -> Error {
    let source = Box::new(error);
    Error::CutShort { source }
}

/// Whether a database is swapped already.
fn has_database(record: &Record) -> bool {
    let mut items = record.items.iter();
    items.any(|item| item.kind == Kind::Database && item.is_done(record.wanted))
}

/// Databases come last, so that hardly anything can go wrong once somebody may have opened a new one;
/// taking back begins with them.
fn swap(record: &Record, users: Users<'_>) -> Result<(), Error> {
    let (files, databases): (Vec<&Item>, Vec<&Item>) = record
        .items
        .iter()
        .partition(|item| item.kind == Kind::File);
    if record.state != State::Going {
        for item in databases.into_iter().chain(files) {
            step(item, record)?;
        }
        return Ok(());
    }
    for item in files {
        step(item, record)?;
    }
    let mut swapped = Vec::new();
    for item in databases {
        if item.kind == Kind::Database && !item.is_done(record.wanted) {
            swapped.push(item);
        }
        step(item, record)?;
    }
    look_again(record, &swapped, users)
}

/// Whoever opened an old database in the last moment waits for our lock, and would write into the old
/// file, with a log beside the new one.
fn look_again(record: &Record, swapped: &[&Item], users: Users<'_>) -> Result<(), Error> {
    for item in swapped {
        let old = item.stored(record.wanted.other());
        if is_there(&old) {
            refuse_users(&item.target, &[old], users)?;
        }
    }
    Ok(())
}

fn refuse_users(path: &Path, files: &[PathBuf], users: Users<'_>) -> Result<(), Error> {
    let users = users(files);
    if users.is_empty() {
        return Ok(());
    }
    let path = path.to_owned();
    Err(Error::InUse { path, users })
}

/// Takes the databases that are to be swapped for this process alone. What lies beside one that is
/// damaged becomes part of the record, for nobody can fold it.
pub(super) fn take_databases(record: &mut Record, users: Users<'_>) -> Result<Held, Error> {
    let mut held = Vec::new();
    let mut besides = Vec::new();
    for item in &record.items {
        if item.kind != Kind::Database || item.is_done(record.wanted) {
            continue;
        }
        let target = &item.target;
        let sides = || SIDE_FILES.iter().map(|ending| beside(target, ending));
        let files: Vec<PathBuf> = sides().chain([target.clone()]).collect();
        refuse_users(target, &files, users)?;
        let sound = if is_there(target) {
            match Exclusive::take(target, PATIENCE) {
                Ok(exclusive) => {
                    held.push(exclusive);
                    true
                }
                Err(error) => match error.trouble() {
                    Trouble::Damaged => false,
                    Trouble::Locked => {
                        let (path, users) = (target.clone(), users(&files));
                        return Err(Error::InUse { path, users });
                    }
                    _ => return Err(error.into()),
                },
            }
        } else {
            false
        };
        if !sound {
            besides.extend(SIDE_FILES.iter().map(|ending| Item {
                name: beside(&item.name, ending),
                target: beside(target, ending),
                folder: item.folder.clone(),
                kind: Kind::Beside,
                act: Act::Clear,
            }));
        }
    }
    for item in besides {
        let known = record.items.iter().any(|other| other.target == item.target);
        if is_there(&item.target) && !known {
            record.items.push(item);
        }
    }
    record.sort();
    Ok(held)
}

/// Does one thing, unless it is done.
fn step(item: &Item, record: &Record) -> Result<(), Error> {
    if item.is_done(record.wanted) {
        return Ok(());
    }
    if item.kind == Kind::Database && is_there(&item.target) {
        clear_sides(item, record)?;
    }
    match item.act {
        Act::Put => put(item, record),
        Act::Clear => clear(item, record),
    }
}

/// Removes what lies beside a database that is held, which means nothing any more: left behind, it
/// would be played into the one that comes.
fn clear_sides(item: &Item, record: &Record) -> Result<(), Error> {
    for ending in SIDE_FILES {
        let path = beside(&item.target, ending);
        let is_item = record.items.iter().any(|other| other.target == path);
        if is_there(&path) && !is_item {
            files::remove(&path)?;
        }
    }
    Ok(files::sync_dir(files::parent(&item.target))?)
}

/// The old file gets a second name, then the new one takes the first: at no moment is there none.
fn put(item: &Item, record: &Record) -> Result<(), Error> {
    let stored = item.stored(record.wanted);
    files::create_dir_like(files::parent(&item.target), files::parent(&stored))?;
    if is_there(&item.target) {
        item.keep(record.wanted)?;
    }
    files::rename(&stored, &item.target)?;
    Ok(files::sync_dir(files::parent(&item.target))?)
}

fn clear(item: &Item, record: &Record) -> Result<(), Error> {
    let old = item.stored(record.wanted.other());
    files::create_private_dir(files::parent(&old))?;
    files::rename_new(&item.target, &old)?;
    files::sync_dir(files::parent(&old))?;
    Ok(files::sync_dir(files::parent(&item.target))?)
}

/// Undoes what was done of a swap that went wrong. That it is to be undone is written down before
/// anything is, so that the names never mean something else than the record. Nothing is undone while
/// somebody has one of the new databases open.
fn take_back(folder: &Path, record: Record, users: Users<'_>) -> Result<(), Error> {
    let (wanted, before) = (record.wanted, record.clone());
    let (done, open): (Vec<Item>, Vec<Item>) = record
        .items
        .into_iter()
        .partition(|item| item.is_done(wanted));
    for item in &open {
        item.forget(wanted)?;
    }
    let kept = Kept {
        folder: folder.to_owned(),
        record: Record {
            items: done,
            ..before.clone()
        },
    };
    let mut items = kept.turned();
    if !items.is_empty() {
        // What was not begun counts as done: nothing of it stands on the other side.
        items.extend(open.into_iter().map(|item| Item {
            act: Act::Put,
            ..item
        }));
        let mut back = Record {
            state: State::TakingBack,
            wanted: wanted.other(),
            items,
            ..before.clone()
        };
        let held = take_databases(&mut back, users)?;
        back.write(folder)?;
        let taken = swap(&back, users);
        drop(held);
        taken?;
    }
    taken_back(folder, &before, wanted)
}

/// Everything is as it was before a swap that wanted `wanted`.
pub(super) fn taken_back(folder: &Path, record: &Record, wanted: super::Side) -> Result<(), Error> {
    if !record.was_kept {
        return folder::discard(folder, record);
    }
    let as_it_was = Record {
        state: State::Kept,
        wanted: wanted.other(),
        ..record.clone()
    };
    as_it_was.write(folder)
}

/// Makes the names of the staged files durable.
fn sync_names(record: &Record) -> Result<(), Error> {
    let mut folders = BTreeSet::new();
    for item in &record.items {
        let stored = item.stored(record.wanted);
        let inside = stored.ancestors().skip(1);
        let inside = inside.take_while(|path| path.starts_with(&item.folder));
        folders.extend(inside.map(Path::to_owned));
    }
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        files::sync_dir(folder)?;
    }
    Ok(())
}
