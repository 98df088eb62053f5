//! Reading the selected rows in the order of their key, and cutting them into pieces that can each be
//! removed in a few milliseconds.

use rusqlite::{Connection, Row, ToSql, types::ValueRef};

use super::{Error, handle::Reader, select::Selection};
use crate::sqlite::{Fingerprint, Value};

/// The most rows of a piece.
const ROWS: usize = 256;
/// The most bytes of a piece, but for its last row.
const BYTES: usize = 256 << 10;
/// The most rows that a piece reaches over, also those that stay; an estimate.
const REACH: i64 = 16_384;

/// Neighbours in a table that are removed together or not at all.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// The key of the first row.
    pub(super) first: Vec<Value>,
    /// The key of the last row.
    pub(super) last: Vec<Value>,
    /// The number of its first row among all that were gathered with it.
    pub(super) start: usize,
    /// How many rows there are.
    pub(super) rows: usize,
}

/// How much to gather at a time.
#[derive(Debug, Clone, Copy)]
pub struct Portion {
    /// At most so many rows.
    pub rows: usize,
    /// At most so many bytes of values, but for the last piece.
    pub bytes: usize,
}

/// Rows that were handed over, in pieces.
#[derive(Debug, Default)]
pub struct Gathered {
    /// The pieces, in the order of the key.
    pub pieces: Vec<Piece>,
    /// How many rows that is.
    pub rows: usize,
    /// Whether there is nothing behind them.
    pub end: bool,
}

impl Gathered {
    /// The key of the last row, where the next portion begins.
    pub fn last(&self) -> Option<&[Value]> {
        self.pieces.last().map(|piece| piece.last.as_slice())
    }
}

/// Hands the selected rows behind the key `after` to `each`, as they are at one instant, in the order
/// of their key.
///
/// # Errors
/// [`Error::Statement`], and whatever `each` returns.
pub fn gather<E: From<Error>>(
    reader: &Reader,
    selection: &Selection,
    after: Option<&[Value]>,
    portion: Portion,
    each: &mut dyn FnMut(&[ValueRef<'_>]) -> Result<(), E>,
) -> Result<Gathered, E> {
    let failed = reader.failed("read rows");
    let connection = reader.connection();
    let sql = Sql::new(selection);
    let mut statement = connection
        .prepare(&sql.behind(after.is_some()))
        .map_err(&failed)?;
    let mut bound: Vec<&dyn ToSql> = vec![&selection.from, &selection.before];
    bound.extend(
        after
            .unwrap_or_default()
            .iter()
            .map(|value| value as &dyn ToSql),
    );
    let mut rows = statement.query(bound.as_slice()).map_err(&failed)?;
    let mut cutter = Cutter::new(selection);
    let width = selection.table.values.len();
    let mut bytes = 0;
    while let Some(row) = rows.next().map_err(&failed)? {
        let values = (0..width).map(|at| row.get_ref(at));
        let values: Vec<ValueRef<'_>> = values.collect::<rusqlite::Result<_>>().map_err(&failed)?;
        let size: usize = values.iter().map(size_of).sum();
        if cutter.gathered.rows >= portion.rows || bytes >= portion.bytes {
            return Ok(cutter.finish(false));
        }
        each(&values)?;
        bytes += size;
        cutter.add(&selection.table.key, &values, size);
    }
    Ok(cutter.finish(true))
}

fn size_of(value: &ValueRef<'_>) -> usize {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len() + 1,
        _ => 9,
    }
}

/// Cuts rows into pieces.
struct Cutter {
    gathered: Gathered,
    open: Option<Piece>,
    bytes: usize,
    reach: i64,
}

impl Cutter {
    fn new(selection: &Selection) -> Self {
        Self {
            gathered: Gathered::default(),
            open: None,
            bytes: 0,
            reach: REACH.saturating_mul(selection.gap),
        }
    }

    fn add(&mut self, key: &[usize], values: &[ValueRef<'_>], size: usize) {
        let name: Vec<Value> = key
            .iter()
            .filter_map(|at| values.get(*at))
            .map(|value| Value::from(*value))
            .collect();
        let full = self.open.as_ref().is_some_and(|piece| {
            piece.rows >= ROWS || self.bytes >= BYTES || distance(&piece.first, &name) > self.reach
        });
        if full {
            self.close();
        }
        let start = self.gathered.rows;
        let piece = self.open.get_or_insert_with(|| Piece {
            first: name.clone(),
            last: Vec::new(),
            start,
            rows: 0,
        });
        piece.last = name;
        piece.rows += 1;
        self.bytes += size;
        self.gathered.rows += 1;
    }

    fn close(&mut self) {
        self.gathered.pieces.extend(self.open.take());
        self.bytes = 0;
    }

    fn finish(mut self, end: bool) -> Gathered {
        self.close();
        self.gathered.end = end;
        self.gathered
    }
}

/// How far apart two row ids are; keys of other sorts have no distance.
fn distance(a: &[Value], b: &[Value]) -> i64 {
    match (a, b) {
        ([Value::Integer(a)], [Value::Integer(b)]) => b.saturating_sub(*a),
        _ => 0,
    }
}

/// The statements on selected rows.
///
/// The `+` keeps SQLite from following the index of the times: rows are read and removed in the
/// order in which they lie in the table, which is what makes that fast.
pub(super) struct Sql<'a> {
    selection: &'a Selection,
    column: String,
    key: String,
}

impl<'a> Sql<'a> {
    pub(super) fn new(selection: &'a Selection) -> Self {
        Self {
            selection,
            column: crate::sqlite::quoted(&selection.column),
            key: selection.table.key_list(),
        }
    }

    /// ?1 and ?2 are the times, the rest is the key.
    fn behind(&self, after: bool) -> String {
        let mut key = self.rowids().unwrap_or_default();
        if after {
            key = format!("{key} AND ({}) > ({})", self.key, self.marks(3));
        }
        format!("{}{key} ORDER BY {}", self.start("SELECT"), self.key)
    }

    /// The row ids within which all selected rows are.
    fn rowids(&self) -> Option<String> {
        let (first, last) = self.selection.rowids?;
        Some(format!(" AND {} BETWEEN {first} AND {last}", self.key))
    }

    /// ?1 and ?2 are the times, then the first and the last key of a piece.
    pub(super) fn piece(&self, act: &str) -> String {
        let (first, last) = (
            self.marks(3),
            self.marks(3 + self.selection.table.key.len()),
        );
        let piece = format!(
            "({key}) >= ({first}) AND ({key}) <= ({last})",
            key = self.key
        );
        let order = match act {
            "SELECT" => format!(" ORDER BY {}", self.key),
            _ => String::new(),
        };
        format!("{} AND {piece}{order}", self.start(act))
    }

    fn start(&self, act: &str) -> String {
        let what = match act {
            "SELECT" => format!("SELECT {}", self.selection.table.list()),
            act => act.to_owned(),
        };
        let (table, column) = (self.selection.table.sql(), &self.column);
        format!("{what} FROM {table} WHERE +{column} >= ?1 AND +{column} < ?2")
    }

    fn marks(&self, from: usize) -> String {
        let marks = (0..self.selection.table.key.len()).map(|at| format!("?{}", from + at));
        marks.collect::<Vec<_>>().join(", ")
    }

    /// What is bound to [`Sql::piece`].
    pub(super) fn bound<'b>(&'b self, piece: &'b Piece) -> Vec<&'b dyn ToSql> {
        let times = [&self.selection.from, &self.selection.before];
        let values = times.into_iter().chain(&piece.first).chain(&piece.last);
        values.map(|value| value as &dyn ToSql).collect()
    }
}

/// Whether the rows of a piece are still those whose fingerprints are given, all of them and no
/// others.
pub(super) fn is_unchanged(
    connection: &Connection,
    sql: &Sql<'_>,
    piece: &Piece,
    prints: &[u64],
) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached(&sql.piece("SELECT"))?;
    let mut rows = statement.query(sql.bound(piece).as_slice())?;
    let mut expected = prints.iter().skip(piece.start).take(piece.rows);
    let width = sql.selection.table.values.len();
    while let Some(row) = rows.next()? {
        if expected.next() != Some(&print(row, width)?) {
            return Ok(false);
        }
    }
    Ok(expected.next().is_none())
}

fn print(row: &Row<'_>, width: usize) -> rusqlite::Result<u64> {
    let mut print = Fingerprint::default();
    for at in 0..width {
        print.add(row.get_ref(at)?);
    }
    Ok(print.finish())
}
