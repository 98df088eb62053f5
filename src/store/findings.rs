//! What is wrong with bars.

use std::{collections::BTreeSet, path::Path};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params, types::Type};
use serde_json::{Value, json};

use super::Error;
use crate::{
    analysis::{Bar, Stamp, Timeframe},
    sqlite,
};

/// So many findings of a symbol are kept; a file without one good row has more than anybody reads.
pub const FINDINGS_LIMIT: usize = 1_000;

/// A finding to be kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NewFinding<'a> {
    /// What is wrong, by name.
    pub flaw: &'a str,
    /// `note`, `warning` or `quarantined`.
    pub severity: &'a str,
    /// The bar, where its stamp could be read.
    pub stamp: Option<Stamp>,
    /// The line of a file.
    pub line: Option<u64>,
    /// What is wrong.
    pub what: &'a str,
    /// The bar that was left out.
    pub bar: Option<Bar>,
}

/// Which bars were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Looked<'a> {
    /// Of what.
    pub symbol: &'a str,
    /// How much time a bar stands for.
    pub timeframe: Timeframe,
    /// The oldest of the bars; without one there were none.
    pub since: Option<Stamp>,
    /// Where they came from.
    pub source: &'a str,
    /// When that was.
    pub at: Timestamp,
}

/// A finding that is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredFinding {
    /// Of what.
    pub symbol: String,
    /// On which bars.
    pub timeframe: String,
    /// The bar; none where all are meant, or where the stamp could not be read.
    pub stamp: Option<String>,
    /// What is wrong, by name.
    pub flaw: String,
    /// `note`, `warning` or `quarantined`.
    pub severity: String,
    /// The line of a file.
    pub line: Option<u64>,
    /// What is wrong.
    pub what: String,
    /// Where the bars came from.
    pub source: String,
    /// When it was found first.
    pub found_at: Timestamp,
    /// The bar that was left out: its prices and volume.
    pub bar: Option<Value>,
}

/// Keeps what was found in bars, within a transaction. Findings of the same bars that were not found
/// again go; one that is there already keeps the time at which it was found first. Returns how many are
/// kept: no more than [`FINDINGS_LIMIT`].
///
/// # Errors
/// What SQLite says.
pub fn keep_findings(
    connection: &Connection,
    looked: &Looked<'_>,
    found: &[NewFinding<'_>],
) -> rusqlite::Result<usize> {
    let found = found.get(..FINDINGS_LIMIT).unwrap_or(found);
    forget(connection, looked, found)?;
    let mut upsert = connection.prepare_cached(
        "INSERT INTO findings VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT (symbol, timeframe, ts, flaw, line)
             DO UPDATE SET severity = ?6, what = ?7, source = ?8, bar = ?10",
    )?;
    for finding in found {
        let (ts, flaw, line) = key(finding);
        upsert.execute(params![
            looked.symbol,
            looked.timeframe.as_str(),
            ts,
            flaw,
            line,
            finding.severity,
            finding.what,
            looked.source,
            looked.at.to_string(),
            finding.bar.as_ref().map(values),
        ])?;
    }
    Ok(found.len())
}

type Key<'a> = (String, &'a str, i64);

fn key<'a>(finding: &NewFinding<'a>) -> Key<'a> {
    let ts = finding.stamp.map(|stamp| stamp.to_string());
    let line = i64::try_from(finding.line.unwrap_or_default()).unwrap_or(i64::MAX);
    (ts.unwrap_or_default(), finding.flaw, line)
}

/// Removes what was not found again in the bars that were looked at.
fn forget(
    connection: &Connection,
    looked: &Looked<'_>,
    found: &[NewFinding<'_>],
) -> rusqlite::Result<()> {
    let (symbol, timeframe) = (looked.symbol, looked.timeframe.as_str());
    // Without bars only those of no bar.
    let since = looked
        .since
        .map_or("~".to_owned(), |stamp| stamp.to_string());
    let mut old = connection.prepare_cached(
        "SELECT ts, flaw, line FROM findings
         WHERE symbol = ?1 AND timeframe = ?2 AND (ts >= ?3 OR ts = '')",
    )?;
    let old = old.query_map(params![symbol, timeframe, since], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    })?;
    let old = old.collect::<rusqlite::Result<Vec<(String, String, i64)>>>()?;
    if old.is_empty() {
        return Ok(());
    }
    let again: BTreeSet<Key<'_>> = found.iter().map(key).collect();
    let mut delete = connection.prepare_cached(
        "DELETE FROM findings
         WHERE symbol = ?1 AND timeframe = ?2 AND ts = ?3 AND flaw = ?4 AND line = ?5",
    )?;
    for (ts, flaw, line) in old {
        if !again.contains(&(ts.clone(), flaw.as_str(), line)) {
            delete.execute(params![symbol, timeframe, ts, flaw, line])?;
        }
    }
    Ok(())
}

/// The values of a bar; one that is no number is null.
fn values(bar: &Bar) -> Value {
    json!({
        "open": bar.open,
        "high": bar.high,
        "low": bar.low,
        "close": bar.close,
        "volume": bar.volume,
    })
}

/// What is wrong with the bars of a symbol (all without), in the order of symbols and bars; nothing
/// where no finding was ever kept.
///
/// # Errors
/// [`Error::Open`] if there is no database.
pub fn findings(database: &Path, symbol: Option<&str>) -> Result<Vec<StoredFinding>, Error> {
    let connection = sqlite::open_existing(database)?;
    let read = || -> rusqlite::Result<Vec<StoredFinding>> {
        // A database that was not written to since an older version has no such table.
        let there = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'findings'";
        if connection
            .query_row(there, [], |_| Ok(()))
            .optional()?
            .is_none()
        {
            return Ok(Vec::new());
        }
        let one = if symbol.is_some() {
            "WHERE symbol = ?1"
        } else {
            ""
        };
        let mut statement = connection.prepare(&format!(
            "SELECT symbol, timeframe, ts, flaw, severity, line, what, source, found_at, bar
             FROM findings {one} ORDER BY symbol, timeframe, ts, flaw, line"
        ))?;
        let rows = statement.query_map(rusqlite::params_from_iter(symbol), stored)?;
        rows.collect()
    };
    read().map_err(|source| Error::statement("read findings", database.to_owned(), source))
}

fn stored(row: &Row<'_>) -> rusqlite::Result<StoredFinding> {
    let (stamp, line, found_at): (String, i64, String) = (row.get(2)?, row.get(5)?, row.get(8)?);
    Ok(StoredFinding {
        symbol: row.get(0)?,
        timeframe: row.get(1)?,
        stamp: Some(stamp).filter(|stamp| !stamp.is_empty()),
        flaw: row.get(3)?,
        severity: row.get(4)?,
        line: u64::try_from(line).ok().filter(|line| *line > 0),
        what: row.get(6)?,
        source: row.get(7)?,
        found_at: found_at.parse().map_err(|error: jiff::Error| {
            rusqlite::Error::FromSqlConversionFailure(8, Type::Text, Box::new(error))
        })?,
        bar: row.get(9)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Class, Store, create_sample};

    fn day(text: &str) -> Option<Stamp> {
        text.parse().ok().map(Stamp::Day)
    }

    fn finding(flaw: &str, stamp: Option<Stamp>, line: Option<u64>) -> NewFinding<'_> {
        NewFinding {
            flaw,
            severity: "quarantined",
            stamp,
            line,
            what: "high 1 is below low 3",
            bar: None,
        }
    }

    struct World {
        _root: tempfile::TempDir,
        store: Store,
    }

    impl World {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            let path = root.path().join("store.db");
            create_sample(&path).unwrap();
            let store = Store::at(&path);
            Self { _root: root, store }
        }

        fn keep(&self, since: Option<Stamp>, at: &str, found: &[NewFinding<'_>]) -> usize {
            let looked = Looked {
                symbol: "X",
                timeframe: Timeframe::D1,
                since,
                source: "csv",
                at: at.parse().unwrap(),
            };
            let writer = self.store.writer().unwrap();
            let kept = writer.write(Class::User, "keep findings", |tx| {
                keep_findings(tx, &looked, found)
            });
            kept.unwrap()
        }

        fn there(&self) -> Vec<(Option<String>, String, Option<u64>, String)> {
            let all = findings(self.store.path(), Some("X")).unwrap().into_iter();
            let row = |f: StoredFinding| (f.stamp, f.flaw, f.line, f.found_at.to_string());
            all.map(row).collect()
        }
    }

    const MONDAY: &str = "2026-01-05T22:00:00Z";
    const TUESDAY: &str = "2026-01-06T22:00:00Z";

    #[test]
    fn a_rerun_keeps_each_once_and_since_when() {
        let world = World::new();
        let bar = Bar {
            stamp: day("2026-01-05").unwrap(),
            open: 2.0,
            high: 1.0,
            low: 3.0,
            close: f64::NAN,
            volume: 5.0,
        };
        let outside = NewFinding {
            bar: Some(bar),
            ..finding("outside", day("2026-01-05"), None)
        };
        let found = [
            outside,
            finding("malformed", None, Some(7)),
            finding("malformed", None, Some(9)),
        ];
        assert_eq!(world.keep(day("2026-01-02"), MONDAY, &found), 3);
        let first = world.there();
        assert_eq!(world.keep(day("2026-01-02"), TUESDAY, &found), 3);
        assert_eq!(world.there(), first);
        assert_eq!(first.len(), 3);
        assert!(first.iter().all(|(.., found_at)| found_at == MONDAY));
        let stored = findings(world.store.path(), None).unwrap().pop().unwrap();
        let values = json!({"open": 2.0, "high": 1.0, "low": 3.0, "close": null, "volume": 5.0});
        assert_eq!(stored.bar, Some(values));
        assert_eq!(
            (stored.severity.as_str(), stored.source.as_str()),
            ("quarantined", "csv")
        );
    }

    #[test]
    fn what_is_not_found_again_goes_but_only_where_it_was_looked_for() {
        let world = World::new();
        let old = finding("jump", day("2026-01-02"), None);
        let new = finding("outside", day("2026-01-05"), None);
        let stale = finding("stale", None, None);
        world.keep(day("2026-01-01"), MONDAY, &[old, new, stale]);
        // A short pull knows nothing of the older bar.
        world.keep(day("2026-01-05"), TUESDAY, &[]);
        let left: Vec<String> = world
            .there()
            .into_iter()
            .map(|(_, flaw, ..)| flaw)
            .collect();
        assert_eq!(left, ["jump"]);
        world.keep(None, TUESDAY, &[]);
        assert_eq!(world.there().len(), 1);
    }

    #[test]
    fn there_is_a_limit_and_a_database_without_the_table_has_none() {
        let world = World::new();
        let lines = 1..=(FINDINGS_LIMIT as u64 + 5);
        let many: Vec<_> = lines
            .map(|line| finding("malformed", None, Some(line)))
            .collect();
        assert_eq!(world.keep(None, MONDAY, &many), FINDINGS_LIMIT);
        assert_eq!(world.there().len(), FINDINGS_LIMIT);
        let path = world.store.path().with_file_name("other.db");
        let other = Connection::open(&path).unwrap();
        other.execute_batch("CREATE TABLE x (y)").unwrap();
        assert_eq!(findings(&path, None).unwrap(), []);
        assert!(findings(Path::new("/nonexistent/x.db"), None).is_err());
    }
}
