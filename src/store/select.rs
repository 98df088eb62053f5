//! Which rows of a table are past their limits.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    Error,
    handle::Reader,
    open,
    table::Table,
    times::{self, Form},
};
use crate::{
    sqlite::{Value, quoted},
    units::{Bytes, Span},
};

/// How much of a table stays. What any of them does not want goes, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The column with the time of a row.
    pub column: String,
    /// Rows of this age stay.
    pub keep: Option<Span>,
    /// So many of the newest rows stay.
    pub rows: Option<u64>,
    /// So much of the newest stays, indexes included.
    pub size: Option<Bytes>,
}

/// What limits are held against.
#[derive(Debug, Clone)]
pub struct Moment<'a> {
    /// Now.
    pub now: Timestamp,
    /// Rows from this instant on stay, whatever the limits say.
    pub not_after: Option<Timestamp>,
    /// The zone of times that name none.
    pub zone: &'a TimeZone,
    /// Whether rows of the sample may go, too.
    pub sample: bool,
}

/// The rows that are past the limits: those from `from` on and before `before`.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// The table.
    pub table: Table,
    /// The column with the time.
    pub column: String,
    /// What that holds.
    pub form: Form,
    /// The smallest value that is selected.
    pub from: Value,
    /// The smallest value that stays.
    pub before: Value,
    /// How many rows are selected.
    pub count: u64,
    /// How many of the table's rows could have been: all but those of the sample.
    pub of: u64,
    /// The newest value of the column.
    pub newest: Value,
    /// How many rows of the sample stay for being one.
    pub sample: u64,
    /// Whether an index leads to them.
    pub indexed: bool,
    /// The first and last row id, and how many rows of the table there are in between on average.
    pub(super) rowids: Option<(i64, i64)>,
    /// How far apart row ids are, on average.
    pub(super) gap: i64,
}

/// Finds the rows of `table` that are past `limits`; `None` if it holds no times at all.
///
/// # Errors
/// [`Error::NoColumn`], [`Error::Times`], [`Error::Statement`].
pub fn select(
    reader: &Reader,
    table: &Table,
    limits: &Limits,
    moment: &Moment<'_>,
) -> Result<Option<Selection>, Error> {
    let column = table.column(&limits.column)?.to_owned();
    let failed = reader.failed("look at the times");
    let wrong = |what| Error::Times {
        table: table.name.clone(),
        column: column.clone(),
        what,
    };
    let look = Look {
        connection: reader.connection(),
        table: &table.name,
        column: &column,
    };
    let (Some(oldest), Some(newest)) = (
        look.end("min", None).map_err(&failed)?,
        look.end("max", None).map_err(&failed)?,
    ) else {
        return Ok(None);
    };
    let form = Form::of(&oldest, &newest).map_err(wrong)?;
    let (from, sample) = look.from(oldest, form, moment).map_err(&failed)?;
    let total = look.total().map_err(&failed)?;
    let before = look
        .before(limits, form, &from, moment, total)
        .map_err(&failed)?;
    if form == Form::Text
        && let Some(odd) = look.odd(&from, &before).map_err(&failed)?
    {
        let both = format!(
            "it holds {} (`{}`), but also `{}`",
            form.words(),
            newest.shown(),
            odd.shown()
        );
        return Err(wrong(both));
    }
    let (count, rowids) = look.count(table, &from, &before).map_err(&failed)?;
    Ok(Some(Selection {
        gap: look.gap(table, total).map_err(&failed)?,
        indexed: look.is_indexed().map_err(&failed)?,
        table: table.clone(),
        form,
        from,
        before,
        count,
        of: total.saturating_sub(sample),
        newest,
        sample,
        rowids,
        column,
    }))
}

struct Look<'a> {
    connection: &'a Connection,
    table: &'a str,
    column: &'a str,
}

impl Look<'_> {
    fn sql(&self, text: &str) -> String {
        text.replace("{c}", &quoted(self.column))
            .replace("{t}", &quoted(self.table))
    }

    /// The smallest or largest value, from `from` on.
    fn end(&self, which: &str, from: Option<&Value>) -> rusqlite::Result<Option<Value>> {
        let from = from.cloned().unwrap_or(Value::Null);
        let value: Value = if from == Value::Null {
            let query = self.sql(&format!("SELECT {which}({{c}}) FROM {{t}}"));
            self.connection
                .query_row(&query, [], |row| Ok(row.get_ref(0)?.into()))?
        } else {
            let query = self.sql(&format!(
                "SELECT {which}({{c}}) FROM {{t}} WHERE {{c}} >= ?1"
            ));
            self.connection
                .query_row(&query, [from], |row| Ok(row.get_ref(0)?.into()))?
        };
        Ok(Some(value).filter(|value| *value != Value::Null))
    }

    fn total(&self) -> rusqlite::Result<u64> {
        let query = self.sql("SELECT count(*) FROM {t}");
        self.connection
            .query_row(&query, [], |row| row.get::<_, i64>(0))
            .map(i64::unsigned_abs)
    }

    /// Where the rows begin that are no sample, and how many of the sample there are.
    fn from(
        &self,
        oldest: Value,
        form: Form,
        moment: &Moment<'_>,
    ) -> rusqlite::Result<(Value, u64)> {
        if form != Form::Text || moment.sample {
            return Ok((oldest, 0));
        }
        let Some(until) = open::meta(self.connection, super::SAMPLE_UNTIL)? else {
            return Ok((oldest, 0));
        };
        let query = self.sql("SELECT count(*) FROM {t} WHERE {c} < ?1");
        let count: i64 = self
            .connection
            .query_row(&query, [&until], |row| row.get(0))?;
        Ok((Value::Text(until.into_bytes()), count.unsigned_abs()))
    }

    /// The smallest value that stays.
    fn before(
        &self,
        limits: &Limits,
        form: Form,
        from: &Value,
        moment: &Moment<'_>,
        total: u64,
    ) -> rusqlite::Result<Value> {
        let boundary = |at| {
            times::boundary(
                self.connection,
                self.table,
                self.column,
                form,
                at,
                moment.zone,
            )
        };
        let mut wanted: Vec<Value> = Vec::new();
        if let Some(keep) = limits.keep {
            let back = -keep.signed();
            let cutoff = moment.now.saturating_add(back).unwrap_or(Timestamp::MIN);
            wanted.push(boundary(cutoff)?);
        }
        let by_size = match limits.size {
            Some(size) => self.rows_of(size, total)?,
            None => None,
        };
        for rows in [limits.rows, by_size].into_iter().flatten() {
            wanted.extend(self.newest(rows)?);
        }
        let mut before = from.clone();
        for value in wanted {
            before = self.larger(before, value)?;
        }
        if let Some(at) = moment.not_after {
            let most = boundary(at)?;
            // The smaller of the two, but never below where the rows begin.
            let larger = self.larger(before.clone(), most.clone())?;
            before = if larger == before { most } else { before };
            before = self.larger(before, from.clone())?;
        }
        Ok(before)
    }

    /// The larger of two values in SQLite's own order.
    fn larger(&self, a: Value, b: Value) -> rusqlite::Result<Value> {
        let query = "SELECT ?1 < ?2";
        let second: bool = self
            .connection
            .query_row(query, params![a, b], |row| row.get(0))?;
        Ok(if second { b } else { a })
    }

    /// The time of the oldest of the `rows` newest rows; nothing if there are fewer.
    fn newest(&self, rows: u64) -> rusqlite::Result<Option<Value>> {
        let query = self
            .sql("SELECT {c} FROM {t} WHERE {c} IS NOT NULL ORDER BY {c} DESC LIMIT 1 OFFSET ?1");
        let Some(offset) = rows.checked_sub(1) else {
            // None of them: everything up to the newest.
            return self.end("max", None);
        };
        let offset = i64::try_from(offset).unwrap_or(i64::MAX);
        self.connection
            .query_row(&query, [offset], |row| Ok(row.get_ref(0)?.into()))
            .optional()
    }

    /// How many rows `size` is, by what a row of this table takes on average with its indexes;
    /// nothing if all of it fits.
    fn rows_of(&self, size: Bytes, total: u64) -> rusqlite::Result<Option<u64>> {
        let query = "SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE aggregate = TRUE AND name IN \
                     (SELECT name FROM sqlite_schema WHERE tbl_name = ?1)";
        let bytes: i64 = self
            .connection
            .query_row(query, [self.table], |row| row.get(0))?;
        let bytes = bytes.unsigned_abs();
        if bytes <= size.0 {
            return Ok(None);
        }
        let rows = u128::from(total) * u128::from(size.0) / u128::from(bytes.max(1));
        Ok(u64::try_from(rows).ok())
    }

    /// A text among the selected that is no time.
    fn odd(&self, from: &Value, before: &Value) -> rusqlite::Result<Option<Value>> {
        let query = self
            .sql("SELECT {c} FROM {t} WHERE {c} >= ?1 AND {c} < ?2 AND {c} NOT GLOB ?3 LIMIT 1");
        self.connection
            .query_row(&query, params![from, before, times::DATE], |row| {
                Ok(row.get_ref(0)?.into())
            })
            .optional()
    }

    fn count(
        &self,
        table: &Table,
        from: &Value,
        before: &Value,
    ) -> rusqlite::Result<(u64, Option<(i64, i64)>)> {
        let ends = if table.by_rowid {
            let key = table.key_list();
            format!("min({key}), max({key})")
        } else {
            "NULL, NULL".to_owned()
        };
        let query = self.sql("SELECT count(*), {ends} FROM {t} WHERE {c} >= ?1 AND {c} < ?2");
        let query = query.replace("{ends}", &ends);
        self.connection
            .query_row(&query, params![from, before], |row| {
                let ends: (Option<i64>, Option<i64>) = (row.get(1)?, row.get(2)?);
                let count: i64 = row.get(0)?;
                Ok((count.unsigned_abs(), ends.0.zip(ends.1)))
            })
    }

    fn gap(&self, table: &Table, total: u64) -> rusqlite::Result<i64> {
        if !table.by_rowid || total == 0 {
            return Ok(1);
        }
        let key = table.key_list();
        let end = |which: &str| {
            let query = self.sql(&format!("SELECT {which}({key}) FROM {{t}}"));
            self.connection
                .query_row(&query, [], |row| row.get::<_, Option<i64>>(0))
        };
        let (Some(first), Some(last)) = (end("min")?, end("max")?) else {
            return Ok(1);
        };
        let span = i128::from(last) - i128::from(first) + 1;
        Ok(i64::try_from(span / i128::from(total))
            .unwrap_or(i64::MAX)
            .max(1))
    }

    fn is_indexed(&self) -> rusqlite::Result<bool> {
        super::adopt::leads_an_index(self.connection, self.table, self.column)
    }
}

impl Selection {
    /// The share of the table's rows that is selected, in percent; 0 for an empty table.
    pub fn percent(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a share in percent")]
        let share = |part: u64, of: u64| part as f64 * 100.0 / of.max(1) as f64;
        share(self.count, self.of)
    }

    /// Whether the limits would be far from the newest row, as after a leap of the clock.
    pub fn is_stale(&self, now: Timestamp, keep: SignedDuration) -> bool {
        let newest = match (&self.newest, self.form) {
            (Value::Integer(number), Form::Seconds) => Timestamp::from_second(*number).ok(),
            (Value::Integer(number), Form::Millis) => Timestamp::from_millisecond(*number).ok(),
            (Value::Text(text), Form::Text) => date(text),
            _ => None,
        };
        newest.is_some_and(|newest| newest.duration_until(now) > keep)
    }
}

/// The day that a text begins with.
fn date(text: &[u8]) -> Option<Timestamp> {
    let date = std::str::from_utf8(text.get(..10)?).ok()?;
    let date: jiff::civil::Date = date.parse().ok()?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
}
