//! How a restored database differs from the live one, table by table, without reading either into
//! memory.

use std::path::Path;

use rusqlite::Connection;

use super::{Error, facts, manifest::Table};
use crate::{sqlite, watch::Watch};

/// How a table differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDifference {
    /// Its name.
    pub table: String,
    /// Rows that only the archive has.
    pub only_archive: u64,
    /// Rows that only the live database has: they would be lost.
    pub only_live: u64,
    /// Rows of one key with other values.
    pub changed: u64,
    /// Why the figures are not all there is to say, or why there are none.
    pub note: Option<String>,
}

impl TableDifference {
    fn is_none(&self) -> bool {
        (self.only_archive, self.only_live, self.changed) == (0, 0, 0) && self.note.is_none()
    }
}

/// The rows of every table of the live database at `path`.
///
/// # Errors
/// [`Error::Open`], [`Error::Database`], [`Error::Cancelled`].
pub fn tables_of(path: &Path, watch: &Watch) -> Result<Vec<Table>, Error> {
    let connection = sqlite::open_existing(path)?;
    facts::tables(&connection, watch, &wrap(path))
}

fn wrap(path: &Path) -> impl Fn(rusqlite::Error) -> Error + '_ {
    move |source| Error::Database {
        path: path.to_owned(),
        source,
    }
}

/// The tables that differ between the extracted database at `archived` and the live one at `live`, by
/// name. Rows are told apart by primary key, or by rowid where there is none.
///
/// # Errors
/// [`Error::Open`], [`Error::Database`], [`Error::Cancelled`].
pub fn difference(
    archived: &Path,
    live: &Path,
    watch: &Watch,
) -> Result<Vec<TableDifference>, Error> {
    let wrap = wrap(live);
    let mut connection = sqlite::open_existing(live)?;
    connection
        .pragma_update(None, "query_only", true)
        .map_err(&wrap)?;
    sqlite::attach_image(&connection, archived, "archived").map_err(&wrap)?;
    sqlite::heed(&mut connection, &watch.cancel).map_err(&wrap)?;
    // One instant of the live database, however long it takes.
    connection.execute_batch("BEGIN").map_err(&wrap)?;
    let result = all(&connection).map_err(&wrap);
    // A statement that was told to stop fails like any other; why it was told counts.
    watch.cancel.checkpoint()?;
    result
}

fn all(connection: &Connection) -> rusqlite::Result<Vec<TableDifference>> {
    let (old, now) = (names(connection, "archived")?, names(connection, "main")?);
    let mut every: Vec<&String> = old.iter().chain(&now).collect();
    every.sort_unstable();
    every.dedup();
    let mut found = Vec::new();
    for name in every {
        let one = match (old.contains(name), now.contains(name)) {
            (true, true) => both(connection, name),
            (true, false) => alone(connection, name, "archived"),
            _ => alone(connection, name, "main"),
        };
        // A table may need a module, function or collation that only its own program has.
        let one = one.unwrap_or_else(|error| TableDifference {
            note: Some(format!("not compared: {error}")),
            ..none(name)
        });
        if !one.is_none() {
            found.push(one);
        }
    }
    Ok(found)
}

fn none(table: &str) -> TableDifference {
    TableDifference {
        table: table.to_owned(),
        only_archive: 0,
        only_live: 0,
        changed: 0,
        note: None,
    }
}

/// Ordinary tables; what a virtual one keeps follows from them.
fn names(connection: &Connection, schema: &str) -> rusqlite::Result<Vec<String>> {
    let query = "SELECT name FROM pragma_table_list WHERE schema = ?1 AND type = 'table' \
                 AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
    let mut statement = connection.prepare(query)?;
    let rows = statement.query_map([schema], |row| row.get(0))?;
    rows.collect()
}

fn alone(connection: &Connection, name: &str, schema: &str) -> rusqlite::Result<TableDifference> {
    let query = format!("SELECT count(*) FROM {schema}.{}", facts::quoted(name));
    let rows = count(connection, &query)?;
    let (only_archive, only_live, note) = if schema == "archived" {
        (rows, 0, "the table is only in the archive")
    } else {
        (0, rows, "the table is not in the archive")
    };
    Ok(TableDifference {
        only_archive,
        only_live,
        note: Some(note.to_owned()),
        ..none(name)
    })
}

fn both(connection: &Connection, name: &str) -> rusqlite::Result<TableDifference> {
    let (old, now) = (
        columns(connection, "archived", name)?,
        columns(connection, "main", name)?,
    );
    let key: Vec<String> = now
        .iter()
        .filter(|c| c.key)
        .map(|c| c.name.clone())
        .collect();
    let known = |name: &String| old.iter().any(|column| column.name == *name && column.key);
    let key = if key.is_empty() || !key.iter().all(known) {
        vec!["rowid".to_owned()]
    } else {
        key.iter().map(|name| facts::quoted(name)).collect()
    };
    let shared: Vec<String> = now
        .iter()
        .filter(|column| old.iter().any(|other| other.name == column.name))
        .map(|column| facts::quoted(&column.name))
        .collect();
    let table = facts::quoted(name);
    let same_key: Vec<String> = key.iter().map(|k| format!("a.{k} IS b.{k}")).collect();
    let same_key = same_key.join(" AND ");
    let missing = |from: &str, other: &str| {
        format!(
            "SELECT count(*) FROM {from}.{table} AS a \
             WHERE NOT EXISTS (SELECT 1 FROM {other}.{table} AS b WHERE {same_key})"
        )
    };
    let differs = |column: &String| format!("a.{column} IS NOT b.{column} COLLATE BINARY");
    let differs: Vec<String> = shared.iter().map(differs).collect();
    let changed = format!(
        "SELECT count(*) FROM main.{table} AS a, archived.{table} AS b \
         WHERE {same_key} AND ({})",
        differs.join(" OR ")
    );
    let note = (shared.len() != old.len() || shared.len() != now.len())
        .then(|| "the columns differ; those of both are compared".to_owned());
    Ok(TableDifference {
        only_archive: count(connection, &missing("archived", "main"))?,
        only_live: count(connection, &missing("main", "archived"))?,
        changed: if shared.is_empty() {
            0
        } else {
            count(connection, &changed)?
        },
        note,
        ..none(name)
    })
}

struct Column {
    name: String,
    key: bool,
}

fn columns(connection: &Connection, schema: &str, table: &str) -> rusqlite::Result<Vec<Column>> {
    let query = "SELECT name, pk FROM pragma_table_xinfo(?1, ?2) WHERE hidden IN (0, 2, 3)";
    let mut statement = connection.prepare(query)?;
    let rows = statement.query_map([table, schema], |row| {
        Ok(Column {
            name: row.get(0)?,
            key: row.get::<_, i64>(1)? > 0,
        })
    })?;
    rows.collect()
}

fn count(connection: &Connection, query: &str) -> rusqlite::Result<u64> {
    let rows: i64 = connection.query_row(query, [], |row| row.get(0))?;
    Ok(rows.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two databases with the same tables, each changed on its own.
    fn compare(schema: &str, archived: &str, live: &str) -> Vec<(String, [u64; 3], bool)> {
        let root = tempfile::tempdir().unwrap();
        let [a, b] = ["a.db", "b.db"].map(|name| root.path().join(name));
        for (path, changes) in [(&a, archived), (&b, live)] {
            let connection = Connection::open(path).unwrap();
            connection.execute_batch(schema).unwrap();
            connection.execute_batch(changes).unwrap();
        }
        difference(&a, &b, &Watch::default())
            .unwrap()
            .into_iter()
            .map(|d| {
                (
                    d.table,
                    [d.only_archive, d.only_live, d.changed],
                    d.note.is_some(),
                )
            })
            .collect()
    }

    #[test]
    fn rows_are_told_apart_by_their_key() {
        let schema = "CREATE TABLE s(id INTEGER PRIMARY KEY, x);
                      CREATE TABLE w(a TEXT, b INT, x, PRIMARY KEY (a, b)) WITHOUT ROWID;
                      CREATE TABLE k(name TEXT PRIMARY KEY, x);
                      CREATE TABLE n(x);
                      CREATE TABLE same(x);
                      INSERT INTO s VALUES (1, 'a'), (2, 'b'), (3, NULL);
                      INSERT INTO w VALUES ('a', 1, 1), ('b', 1, 1);
                      INSERT INTO k VALUES ('a', 1), ('B', 2);
                      INSERT INTO n VALUES (1), (2); INSERT INTO same VALUES (1)";
        let archived = "INSERT INTO s VALUES (9, 'only here'); UPDATE s SET x = 'B' WHERE id = 2";
        let live = "INSERT INTO s VALUES (4, ''), (5, ''); UPDATE s SET x = 0 WHERE id = 3;
                    DELETE FROM w WHERE a = 'a'; INSERT INTO w VALUES ('b', 2, 1);
                    UPDATE k SET x = '2' WHERE name = 'B'; INSERT INTO n VALUES (3)";
        assert_eq!(
            compare(schema, archived, live),
            [
                ("k".to_owned(), [0, 0, 1], false),
                ("n".to_owned(), [0, 1, 0], false),
                ("s".to_owned(), [1, 2, 2], false),
                ("w".to_owned(), [1, 1, 0], false),
            ]
        );
    }

    #[test]
    fn collations_do_not_hide_a_change_and_odd_names_do_no_harm() {
        let schema = "CREATE TABLE \"a \"\"b; DROP\"(\"c \"\"d\" TEXT COLLATE NOCASE, id INTEGER PRIMARY KEY);
                      INSERT INTO \"a \"\"b; DROP\" VALUES ('x', 1)";
        let live = "UPDATE \"a \"\"b; DROP\" SET \"c \"\"d\" = 'X'";
        let found = compare(schema, "SELECT 1", live);
        assert_eq!(found, [("a \"b; DROP".to_owned(), [0, 0, 1], false)]);
    }

    #[test]
    fn tables_and_columns_of_one_side_are_told() {
        let schema = "CREATE TABLE t(id INTEGER PRIMARY KEY, x); INSERT INTO t VALUES (1, 1)";
        let archived = "CREATE TABLE old(x); INSERT INTO old VALUES (1), (2)";
        let live = "CREATE TABLE new(x); INSERT INTO new VALUES (1); ALTER TABLE t ADD COLUMN y";
        assert_eq!(
            compare(schema, archived, live),
            [
                ("new".to_owned(), [0, 1, 0], true),
                ("old".to_owned(), [2, 0, 0], true),
                ("t".to_owned(), [0, 0, 0], true),
            ]
        );
    }

    #[test]
    fn nothing_is_made_beside_the_archived_database_and_none_is_changed() {
        let root = tempfile::tempdir().unwrap();
        let [a, b] = ["a.db", "b.db"].map(|name| root.path().join(name));
        for path in [&a, &b] {
            let connection = Connection::open(path).unwrap();
            let wal = "PRAGMA journal_mode = WAL; CREATE TABLE t(x)";
            connection.execute_batch(wal).unwrap();
        }
        let before = std::fs::read(&a).unwrap();
        difference(&a, &b, &Watch::default()).unwrap();
        assert!(std::fs::read(&a).unwrap() == before);
        assert!(!sqlite::beside(&a, "-wal").exists());
    }
}
