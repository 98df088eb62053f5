//! The header of a CSV file.

use std::collections::BTreeMap;

use csv::StringRecord;

/// Which column is where, by its name in small letters.
#[derive(Debug)]
pub(super) struct Header {
    places: BTreeMap<String, usize>,
    names: Vec<String>,
}

impl Header {
    pub(super) fn new(record: &StringRecord) -> Self {
        let plain = |name: &str| {
            let name = name.trim_start_matches('\u{feff}').trim();
            name.trim_matches('"').to_lowercase()
        };
        let names: Vec<String> = record.iter().map(plain).collect();
        // Of two columns of one name the first counts.
        let places = names.iter().cloned().enumerate().rev();
        let places = places.map(|(at, name)| (name, at)).collect();
        Self { places, names }
    }

    /// The column that has one of these names.
    pub(super) fn find(&self, names: &[&str]) -> Option<usize> {
        names
            .iter()
            .find_map(|name| self.places.get(*name).copied())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.names.iter().all(String::is_empty)
    }

    /// Whether semicolons separate the columns.
    pub(super) fn has_semicolons(&self) -> bool {
        matches!(self.names.as_slice(), [only] if only.contains(';'))
    }

    /// The names as a sentence part.
    pub(super) fn shown(&self) -> String {
        let quoted: Vec<String> = self.names.iter().map(|name| format!("`{name}`")).collect();
        quoted.join(", ")
    }
}
