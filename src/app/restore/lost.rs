//! What a restore costs: rows that are there now and were not there then.

use std::path::Path;

use crate::{
    archive::{self, Table},
    watch::Watch,
};

/// A table that has another number of rows now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// Its name.
    pub table: String,
    /// How many rows it has now.
    pub now: u64,
    /// How many it will have.
    pub then: u64,
}

/// The tables of the database at `path` that have another number of rows than `then`; none if it cannot
/// be read, which its plan tells.
pub(super) fn lost(path: &Path, then: &[Table], watch: &Watch) -> Option<Vec<Lost>> {
    let now = archive::tables_of(path, watch).ok()?;
    let rows = |tables: &[Table], name: &str| {
        let table = tables.iter().find(|table| table.name == name);
        table.map_or(Some(0), |table| table.rows)
    };
    let mut names: Vec<&String> = now.iter().chain(then).map(|table| &table.name).collect();
    names.sort_unstable();
    names.dedup();
    let lost = names.into_iter().filter_map(|name| {
        let (now, then) = (rows(&now, name)?, rows(then, name)?);
        (now != then).then(|| Lost {
            table: name.clone(),
            now,
            then,
        })
    });
    Some(lost.collect())
}

impl Lost {
    /// `132 fewer in signals`.
    pub(super) fn words(&self) -> String {
        let (count, word) = if self.now > self.then {
            (self.now - self.then, "fewer")
        } else {
            (self.then - self.now, "more")
        };
        format!("{count} {word} in {}", self.table)
    }
}
