//! How what is staged differs from what is there.

use std::{fs, path::PathBuf};

use super::{
    Staged,
    lines::{self, Line},
};
use crate::{
    app,
    archive::{self, TableDifference},
    swap::{Item, Kind},
    watch::Watch,
};

/// Longer files are not compared line by line.
const LARGEST: u64 = 1 << 20;

/// How what is staged differs from what is there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// The databases that are on both sides, each with its tables that differ.
    pub databases: Vec<(PathBuf, Vec<TableDifference>)>,
    /// The other files that differ.
    pub files: Vec<FileDifference>,
}

/// A file that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDifference {
    /// Its place.
    pub path: PathBuf,
    /// Whether it is there now.
    pub there: bool,
    /// The lines that would go (`-`) and come (`+`), in order; none of a file that is no text.
    pub lines: Option<Vec<String>>,
}

/// Compares; nothing is changed.
///
/// # Errors
/// [`app::Error::Archive`] when a database cannot be read.
pub fn difference(staged: &Staged, watch: &Watch) -> Result<Difference, app::Error> {
    let mut difference = Difference::default();
    for item in &staged.items {
        let there = item.target.symlink_metadata().is_ok();
        if item.kind == Kind::Database && there {
            let tables = archive::difference(&item.staged(), &item.target, watch)?;
            difference.databases.push((item.target.clone(), tables));
        } else {
            difference.files.push(FileDifference {
                path: item.target.clone(),
                there,
                lines: file_lines(item, there),
            });
        }
    }
    Ok(difference)
}

fn file_lines(item: &Item, there: bool) -> Option<Vec<String>> {
    let text = |path: PathBuf| {
        let small = path.symlink_metadata().ok()?;
        (small.is_file() && small.len() <= LARGEST)
            .then(|| fs::read_to_string(path).ok())
            .flatten()
    };
    if item.kind != Kind::File || !there {
        return None;
    }
    let (old, new) = (text(item.target.clone())?, text(item.staged())?);
    let shown = |line| match line {
        Line::Removed(text) => format!("-{text}"),
        Line::Added(text) => format!("+{text}"),
    };
    Some(lines::between(&old, &new)?.into_iter().map(shown).collect())
}
