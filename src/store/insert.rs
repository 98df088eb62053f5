//! Putting removed rows back, each exactly once.

use rusqlite::{ErrorCode, OptionalExtension, ToSql, Transaction, config::DbConfig};

use super::{Error, handle::Writer, queue::Class};
use crate::sqlite::{Value, quoted};

/// The rows that are put back: their table and the names of their values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// The table.
    pub table: String,
    /// The names of the values.
    pub values: Vec<String>,
    /// The positions in `values` that name a row.
    pub key: Vec<usize>,
}

/// What became of rows that were put back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inserted {
    /// So many were put back.
    pub inserted: u64,
    /// So many were there as they are.
    pub there: u64,
    /// Those that were not put back, each with why; the first few.
    pub refused: Vec<String>,
    /// How many those are.
    pub conflicts: u64,
}

/// How many of the refused are told.
const TOLD: usize = 20;

/// Puts rows back in one transaction that survives a power cut. A row that is there as it was counts
/// as such; one whose place is taken by something else is told and left alone. Triggers do not
/// fire: the rows come back as they were, not anew.
///
/// # Errors
/// [`Error::NoTable`] or [`Error::NoColumn`] in the words of SQLite as [`Error::Statement`],
/// [`Error::Locked`].
pub fn insert(
    writer: &Writer,
    shape: &Shape,
    rows: &[Vec<Value>],
    inserted: &mut Inserted,
) -> Result<(), Error> {
    let one = writer.directly(Class::Batch, "put rows back", |connection| {
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
        connection.pragma_update(None, "synchronous", "full")?;
        let done = (|| {
            let transaction =
                connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            let one = all(&transaction, shape, rows)?;
            transaction.commit()?;
            Ok(one)
        })();
        connection.pragma_update(None, "synchronous", "normal")?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, true)?;
        done
    })?;
    inserted.inserted += one.inserted;
    inserted.there += one.there;
    inserted.conflicts += one.conflicts;
    let room = TOLD.saturating_sub(inserted.refused.len());
    inserted.refused.extend(one.refused.into_iter().take(room));
    Ok(())
}

fn all(
    transaction: &Transaction<'_>,
    shape: &Shape,
    rows: &[Vec<Value>],
) -> rusqlite::Result<Inserted> {
    let names: Vec<String> = shape.values.iter().map(|name| quoted(name)).collect();
    let marks: Vec<String> = (1..=names.len()).map(|at| format!("?{at}")).collect();
    // A table may say itself what happens to a row in the way; here nothing may happen to it.
    let sql = format!(
        "INSERT OR ABORT INTO {} ({}) VALUES ({})",
        quoted(&shape.table),
        names.join(", "),
        marks.join(", ")
    );
    let mut insert = transaction.prepare(&sql)?;
    let mut inserted = Inserted::default();
    for row in rows {
        if let Some(same) = is_there(transaction, shape, row)? {
            if same {
                inserted.there += 1;
            } else {
                refuse(&mut inserted, shape, row, "another row has its key");
            }
            continue;
        }
        match insert.execute(rusqlite::params_from_iter(row)) {
            Ok(1) => inserted.inserted += 1,
            Ok(_) => refuse(&mut inserted, shape, row, "it was not taken"),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                refuse(&mut inserted, shape, row, &error.to_string());
            }
            Err(error) => return Err(error),
        }
    }
    Ok(inserted)
}

fn refuse(inserted: &mut Inserted, shape: &Shape, row: &[Value], why: &str) {
    inserted.conflicts += 1;
    if inserted.refused.len() < TOLD {
        let key = key(shape, row).map(|(name, value)| format!("{name} {}", value.shown()));
        let key = key.collect::<Vec<_>>().join(", ");
        inserted
            .refused
            .push(format!("{} with {key}: {why}", shape.table));
    }
}

fn key<'a>(shape: &'a Shape, row: &'a [Value]) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let at = |at: &usize| Some((shape.values.get(*at)?, row.get(*at)?));
    shape.key.iter().filter_map(at)
}

/// Whether there is a row of this key, and whether it is the same.
fn is_there(
    transaction: &Transaction<'_>,
    shape: &Shape,
    row: &[Value],
) -> rusqlite::Result<Option<bool>> {
    let names: Vec<String> = shape.values.iter().map(|name| quoted(name)).collect();
    let (conditions, bound): (Vec<String>, Vec<&dyn ToSql>) = key(shape, row)
        .enumerate()
        .map(|(at, (name, value))| {
            (
                format!("{} = ?{}", quoted(name), at + 1),
                value as &dyn ToSql,
            )
        })
        .unzip();
    let sql = format!(
        "SELECT {} FROM {} WHERE {}",
        names.join(", "),
        quoted(&shape.table),
        conditions.join(" AND ")
    );
    transaction
        .prepare_cached(&sql)?
        .query_row(bound.as_slice(), |found| {
            for (at, value) in row.iter().enumerate() {
                if Value::from(found.get_ref(at)?) != *value {
                    return Ok(false);
                }
            }
            Ok(true)
        })
        .optional()
}
