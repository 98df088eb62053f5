//! What a table is made of: how its rows are named, and whether they can be removed and put back.

use rusqlite::{Connection, OptionalExtension};

use super::{Error, handle::Reader};
use crate::sqlite::quoted;

/// A table whose rows can be removed and put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name as SQLite has it.
    pub name: String,
    /// The names of everything stored of a row, in order; where a table has a row id that is no
    /// column, it is the first. Generated columns are left out: they come by themselves.
    pub values: Vec<String>,
    /// The positions in `values` that name a row.
    pub key: Vec<usize>,
    /// Whether the key is the row id.
    pub by_rowid: bool,
}

/// A column as `table_xinfo` has it.
struct Column {
    name: String,
    declared: String,
    /// Its place in the primary key, from 1; 0: none.
    key: i64,
    /// 0: stored; 1: hidden; 2 and 3: generated.
    hidden: i64,
}

impl Table {
    /// Looks at the table called `name`.
    ///
    /// # Errors
    /// [`Error::NoTable`], [`Error::Unprunable`], [`Error::Statement`].
    pub fn look(reader: &Reader, name: &str) -> Result<Self, Error> {
        let connection = reader.connection();
        let failed = reader.failed("look at the tables");
        let query = "SELECT name, type, wr FROM pragma_table_list \
                     WHERE schema = 'main' AND name = ?1 COLLATE NOCASE";
        let found: Option<(String, String, bool)> = connection
            .query_row(query, [name], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()
            .map_err(&failed)?;
        let Some((name, kind, without_rowid)) = found else {
            return Err(Error::NoTable {
                table: name.to_owned(),
                there: tables(connection).map_err(&failed)?,
            });
        };
        let refuse = |why: String| {
            let table = name.clone();
            Err(Error::Unprunable { table, why })
        };
        if kind != "table" || name.to_ascii_lowercase().starts_with("sqlite_") {
            return refuse(format!("it is no plain table but of type `{kind}`"));
        }
        if let Some(trigger) = trigger(connection, &name).map_err(&failed)? {
            return refuse(format!(
                "its trigger `{trigger}` does something else at each DELETE, which could not be \
                 undone"
            ));
        }
        if let Some((child, column)) = referrer(connection, &name).map_err(&failed)? {
            return refuse(format!("`{child}.{column}` refers to its rows"));
        }
        if does_more(connection, &name).map_err(&failed)? {
            return refuse("one of its triggers does something else at each DELETE".to_owned());
        }
        let columns = columns(connection, &name).map_err(&failed)?;
        let has_index = has_key_index(connection, &name).map_err(&failed)?;
        match shape(&columns, without_rowid, has_index) {
            Some((values, key)) => Ok(Self {
                name,
                values,
                key,
                by_rowid: !without_rowid,
            }),
            None => refuse("its columns hide the row id".to_owned()),
        }
    }

    /// The column called `name`, as SQLite has it.
    ///
    /// # Errors
    /// [`Error::NoColumn`] with those there are.
    pub fn column(&self, name: &str) -> Result<&str, Error> {
        let found = self
            .values
            .iter()
            .find(|column| column.eq_ignore_ascii_case(name));
        found.map(String::as_str).ok_or_else(|| Error::NoColumn {
            table: self.name.clone(),
            column: name.to_owned(),
            there: self.values.clone(),
        })
    }

    /// All names of `values` for SQL.
    pub(super) fn list(&self) -> String {
        join(self.values.iter())
    }

    /// The names of the key for SQL, as one or as a row value.
    pub(super) fn key_list(&self) -> String {
        join(self.key.iter().filter_map(|at| self.values.get(*at)))
    }

    /// `name` for SQL.
    pub(super) fn sql(&self) -> String {
        quoted(&self.name)
    }
}

fn join<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let quoted: Vec<String> = names.map(|name| quoted(name)).collect();
    quoted.join(", ")
}

/// The plain tables there are, without those of SQLite and of Bellkeeper itself.
pub(super) fn tables(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let query = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' \
                 AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name <> 'bellkeeper_meta' \
                 ORDER BY name";
    let mut statement = connection.prepare(query)?;
    let names = statement.query_map([], |row| row.get(0))?;
    names.collect()
}

fn columns(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Column>> {
    let query = "SELECT name, type, pk, hidden FROM pragma_table_xinfo(?1) ORDER BY cid";
    let mut statement = connection.prepare(query)?;
    let rows = statement.query_map([table], |row| {
        Ok(Column {
            name: row.get(0)?,
            declared: row.get(1)?,
            key: row.get(2)?,
            hidden: row.get(3)?,
        })
    })?;
    rows.collect()
}

/// Whether the primary key has an index of its own; a row id under another name has none.
fn has_key_index(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    let query = "SELECT count(*) > 0 FROM pragma_index_list(?1) WHERE origin = 'pk'";
    connection.query_row(query, [table], |row| row.get(0))
}

/// The names of what is stored and the positions of the key among them.
fn shape(
    columns: &[Column],
    without_rowid: bool,
    has_index: bool,
) -> Option<(Vec<String>, Vec<usize>)> {
    let stored: Vec<&Column> = columns.iter().filter(|column| column.hidden == 0).collect();
    let mut values: Vec<String> = stored.iter().map(|column| column.name.clone()).collect();
    let mut keys: Vec<(i64, usize)> = stored
        .iter()
        .enumerate()
        .filter(|(_, column)| column.key > 0)
        .map(|(at, column)| (column.key, at))
        .collect();
    keys.sort_unstable();
    if without_rowid {
        return Some((values, keys.into_iter().map(|(_, at)| at).collect()));
    }
    let is_alias = |at: usize| {
        let declared = stored.get(at).map(|column| column.declared.as_str());
        declared.is_some_and(|declared| declared.eq_ignore_ascii_case("INTEGER"))
    };
    if let ([(_, at)], false) = (keys.as_slice(), has_index)
        && is_alias(*at)
    {
        return Some((values, vec![*at]));
    }
    let is_free = |name: &&str| {
        let mut names = columns.iter().map(|column| &column.name);
        !names.any(|column| column.eq_ignore_ascii_case(name))
    };
    let rowid = ["rowid", "_rowid_", "oid"].into_iter().find(is_free)?;
    values.insert(0, rowid.to_owned());
    Some((values, vec![0]))
}

/// A trigger that a DELETE would fire.
fn trigger(connection: &Connection, table: &str) -> rusqlite::Result<Option<String>> {
    let query = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' \
                 AND tbl_name = ?1 COLLATE NOCASE ORDER BY name";
    let mut statement = connection.prepare(query)?;
    let mut rows = statement.query([table])?;
    while let Some(row) = rows.next()? {
        let (name, sql): (String, String) = (row.get(0)?, row.get(1)?);
        // Everything before the first ON says what fires it; the name may hold any word.
        let text = sql.to_ascii_uppercase();
        let after_name = text
            .split_once(&name.to_ascii_uppercase())
            .map(|(_, rest)| rest);
        let words = after_name.unwrap_or(&text).split_whitespace();
        let mut fires = words.take_while(|word| *word != "ON");
        if fires.any(|word| word == "DELETE") {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// Whether a DELETE would do more than delete: the words of a trigger can hide behind comments, what
/// SQLite would do cannot.
fn does_more(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    let explain = format!("EXPLAIN DELETE FROM {}", quoted(table));
    let mut program = connection.prepare(&explain)?;
    let mut steps = program.query([])?;
    while let Some(step) = steps.next()? {
        if step.get_ref(1)?.as_str()? == "Program" {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A foreign key that leads to the table.
fn referrer(connection: &Connection, table: &str) -> rusqlite::Result<Option<(String, String)>> {
    let query = "SELECT list.name, key.\"from\" FROM pragma_table_list AS list, \
                 pragma_foreign_key_list(list.name) AS key \
                 WHERE list.schema = 'main' AND key.\"table\" = ?1 COLLATE NOCASE \
                 ORDER BY list.name LIMIT 1";
    connection
        .query_row(query, [table], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    fn look(schema: &str, table: &str) -> Result<Table, Error> {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("x.db");
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch(schema).unwrap();
        Table::look(&Store::at(&path).reader().unwrap(), table)
    }

    fn shape_of(schema: &str) -> (Vec<String>, Vec<usize>, bool) {
        let table = look(schema, "t").unwrap();
        (table.values, table.key, table.by_rowid)
    }

    #[test]
    fn every_sort_of_table_names_its_rows() {
        for (schema, values, key, by_rowid) in [
            (
                "CREATE TABLE t(id INTEGER PRIMARY KEY, ts)",
                "id ts",
                vec![0],
                true,
            ),
            (
                "CREATE TABLE t(ts, id integer primary key)",
                "ts id",
                vec![1],
                true,
            ),
            ("CREATE TABLE t(ts)", "rowid ts", vec![0], true),
            (
                "CREATE TABLE t(rowid TEXT, ts)",
                "_rowid_ rowid ts",
                vec![0],
                true,
            ),
            // For historical reasons this is no row id.
            (
                "CREATE TABLE t(id INTEGER PRIMARY KEY DESC, ts)",
                "rowid id ts",
                vec![0],
                true,
            ),
            (
                "CREATE TABLE t(id INT PRIMARY KEY, ts)",
                "rowid id ts",
                vec![0],
                true,
            ),
            (
                "CREATE TABLE t(ts, b, a, PRIMARY KEY (a, b)) WITHOUT ROWID",
                "ts b a",
                vec![2, 1],
                false,
            ),
            (
                "CREATE TABLE t(id INTEGER PRIMARY KEY, ts, day AS (date(ts)), \
                 hour AS (substr(ts, 12, 2)) STORED)",
                "id ts",
                vec![0],
                true,
            ),
        ] {
            let values = values.split(' ').map(str::to_owned).collect();
            assert_eq!(shape_of(schema), (values, key, by_rowid), "{schema}");
        }
    }

    #[test]
    fn what_cannot_be_put_back_is_refused_with_its_reason() {
        for (schema, table, told) in [
            ("CREATE VIEW t AS SELECT 1", "t", "of type `view`"),
            (
                "CREATE VIRTUAL TABLE t USING fts5(a)",
                "t",
                "of type `virtual`",
            ),
            ("CREATE TABLE t(a)", "sqlite_schema", "no plain table"),
            (
                "CREATE TABLE t(rowid, _rowid_, oid)",
                "t",
                "hide the row id",
            ),
            (
                "CREATE TABLE t(a); CREATE TABLE log(a);
                 CREATE TRIGGER \"after t\" AFTER DELETE ON t BEGIN DELETE FROM log; END",
                "t",
                "`after t`",
            ),
            (
                "CREATE TABLE t(id INTEGER PRIMARY KEY);
                 CREATE TABLE child(parent REFERENCES T ON DELETE CASCADE)",
                "t",
                "`child.parent` refers",
            ),
        ] {
            let error = look(schema, table).unwrap_err();
            assert!(
                matches!(error, Error::Unprunable { .. }),
                "{schema}: {error}"
            );
            assert!(error.to_string().contains(told), "{schema}: {error}");
        }
        let harmless = "CREATE TABLE t(a); CREATE TRIGGER delete_t AFTER INSERT ON t \
                        BEGIN SELECT 1; END";
        assert!(look(harmless, "T").is_ok());
    }

    #[test]
    fn unknown_names_are_told_with_those_there_are() {
        let error = look("CREATE TABLE signals(a)", "signal").unwrap_err();
        assert_eq!(error.to_string(), "there is no table `signal`");
        assert!(error.hint().unwrap().contains("did you mean `signals`?"));
        let table = look("CREATE TABLE t(Stamp)", "t").unwrap();
        assert_eq!(table.column("stamp").unwrap(), "Stamp");
        let error = table.column("stanp").unwrap_err();
        assert!(error.hint().unwrap().contains("`Stamp`"), "{error}");
    }

    #[test]
    fn a_trigger_whose_words_are_hidden_is_found() {
        let hidden = "CREATE TABLE t(id INTEGER PRIMARY KEY, ts); CREATE TABLE log(x);
            CREATE TRIGGER x /* ON */ AFTER DELETE ON t BEGIN INSERT INTO log VALUES (1); END;
            CREATE TABLE u(id INTEGER PRIMARY KEY, ts);
            CREATE TRIGGER y AFTER INSERT ON u BEGIN INSERT INTO log VALUES (1); END";
        let error = look(hidden, "t").unwrap_err();
        assert!(matches!(error, Error::Unprunable { .. }), "{error}");
        assert!(look(hidden, "u").is_ok());
    }
}
