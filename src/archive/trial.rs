//! Whether an extracted database is the one that was archived, and sound.
//!
//! Its bytes agree with the manifest already. What is asked here is what a person wants to know of a
//! backup: does SQLite find it whole, and are all the rows there that were there?

use std::path::Path;

use rusqlite::Connection;
use serde_json::Value;

use super::{
    Error, Extracted,
    facts::{self, Depth},
    manifest::{Database, Note, Table},
};
use crate::{sqlite, watch::Watch};

/// What was found to be as it was archived.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sound {
    /// Databases.
    pub databases: u64,
    /// Their tables.
    pub tables: u64,
    /// Rows of the tables whose rows can be counted here.
    pub rows: u64,
    /// What a person should know although the databases are sound: rows that break a rule of their
    /// table and so did when they were archived.
    pub notes: Vec<Note>,
}

/// Checks every database that was extracted.
///
/// # Errors
/// Those of [`check_database`].
pub fn check_extracted(extracted: &Extracted, watch: &Watch) -> Result<Sound, Error> {
    let databases = &extracted.manifest.databases;
    watch
        .progress
        .expect(databases.iter().map(Database::size).sum());
    let mut sound = Sound::default();
    for database in databases {
        let path = extracted.to.join(database.entry.to_path());
        let one = check_database(&path, database, watch)?;
        watch.advance(database.size())?;
        sound.databases += one.databases;
        sound.tables += one.tables;
        sound.rows = sound.rows.saturating_add(one.rows);
        sound.notes.extend(one.notes);
    }
    Ok(sound)
}

/// Checks the extracted database at `path` against what its manifest says: length, `integrity_check`,
/// `foreign_key_check`, schema version, rows and newest moment of every table.
///
/// The file is only read and nothing is made beside it; nobody else may use it meanwhile. Progress is
/// not counted, cancellation is obeyed within a statement.
///
/// # Errors
/// [`Error::Unsound`] if it is not what was archived, [`Error::Read`], [`Error::Open`],
/// [`Error::Cancelled`].
pub fn check_database(path: &Path, expected: &Database, watch: &Watch) -> Result<Sound, Error> {
    watch.progress.step("check");
    let result = check(path, expected, watch);
    // A statement that was told to stop fails like any other; why it was told counts.
    watch.cancel.checkpoint()?;
    result
}

fn check(path: &Path, expected: &Database, watch: &Watch) -> Result<Sound, Error> {
    let unsound = |what: String| Error::Unsound {
        path: path.to_owned(),
        what,
    };
    let metadata = path.symlink_metadata().map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })?;
    if metadata.len() != expected.size() {
        let (found, expected) = (metadata.len(), expected.size());
        return Err(unsound(format!("{found} bytes instead of {expected}")));
    }
    let mut sound = Sound {
        databases: 1,
        ..Sound::default()
    };
    // A file without a page is an empty database, and opening it would find nothing to read.
    if expected.pages == 0 {
        return Ok(sound);
    }
    let wrap = |error: rusqlite::Error| unsound(error.to_string());
    let mut connection = sqlite::open_image(path)?;
    sqlite::heed(&mut connection, &watch.cancel).map_err(wrap)?;
    for problem in facts::check(&connection, Depth::Whole, watch, &wrap)? {
        if !facts::is_only_a_constraint(&problem) {
            return Err(unsound(problem));
        }
        sound.notes.push(Note::new(&expected.entry, problem));
    }
    let broken = references(&connection).map_err(wrap)?;
    let notes = broken.into_iter().map(|n| Note::new(&expected.entry, n));
    sound.notes.extend(notes);
    let version: i64 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(wrap)?;
    if version != expected.schema_version {
        let expected = expected.schema_version;
        return Err(unsound(format!(
            "schema version {version} instead of {expected}"
        )));
    }
    let found = facts::tables(&connection, watch, &wrap)?;
    if let Some(what) = differs(&expected.tables, &found) {
        return Err(unsound(what));
    }
    sound.tables = u64::try_from(found.len()).unwrap_or(u64::MAX);
    sound.rows = found.iter().filter_map(|table| table.rows).sum();
    Ok(sound)
}

/// Rows that refer to nothing were archived like that: told, but the archive is not worse for it.
fn references(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    match sqlite::broken_references(connection) {
        // A key that names no table or no unique column: SQLite cannot check it, nor could it then.
        Err(error) if error.to_string().contains("foreign key mismatch") => {
            Ok(vec![format!("foreign keys not checked: {error}")])
        }
        result => result,
    }
}

/// The first table that is not as it was archived.
fn differs(expected: &[Table], found: &[Table]) -> Option<String> {
    for table in expected {
        let name = &table.name;
        let Some(now) = found.iter().find(|found| found.name == *name) else {
            return Some(format!("the table `{name}` is missing"));
        };
        // What cannot be counted here could perhaps be counted there.
        if let (Some(rows), Some(now)) = (table.rows, now.rows)
            && rows != now
        {
            return Some(format!("{now} rows in `{name}` instead of {rows}"));
        }
        if let Some(newest) = &table.newest
            && now.rows.is_some()
            && !now.newest.as_ref().is_some_and(|now| same(now, newest))
        {
            let now = shown(now.newest.as_ref());
            let newest = shown(Some(newest));
            return Some(format!(
                "the newest of `{name}` is {now} instead of {newest}"
            ));
        }
    }
    let extra = found
        .iter()
        .find(|found| expected.iter().all(|table| table.name != found.name));
    extra.map(|table| format!("the table `{}` was not there", table.name))
}

/// Whether two values of a time column are the same; a fraction loses its last bit in JSON.
fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(x), Some(y)) if a.is_f64() || b.is_f64() => {
            (x - y).abs() <= f64::EPSILON * x.abs().max(y.abs())
        }
        _ => a == b,
    }
}

fn shown(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => "nothing".to_owned(),
    }
}

#[cfg(test)]
mod tests;
