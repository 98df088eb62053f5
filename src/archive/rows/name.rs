//! What an archive of rows is called.

use std::fmt;

use crate::archive::ArchiveName;

const SUFFIX: &str = ".rows.gz.age";
const OF_FILES: &str = ".tar.gz.age";

/// The name of an archive of rows, e.g. `prune-20261123T033000Z.rows.gz.age`: like that of an archive
/// of files, but for its end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowsName(pub ArchiveName);

impl RowsName {
    /// Reads the name of a file; `None` if it is somebody else's.
    pub fn parse(text: &str) -> Option<Self> {
        let stem = text.strip_suffix(SUFFIX)?;
        format!("{stem}{OF_FILES}").parse().ok().map(Self)
    }

    /// The name while it is being written.
    pub fn partial(&self) -> String {
        format!("{self}.partial")
    }
}

impl fmt::Display for RowsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0.to_string();
        write!(
            f,
            "{}{SUFFIX}",
            name.strip_suffix(OF_FILES).unwrap_or(&name)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_look_as_documented_and_are_told_from_those_of_files() {
        let text = "prune-20261123T033000Z-2.rows.gz.age";
        let name = RowsName::parse(text).unwrap();
        assert_eq!((name.to_string().as_str(), name.0.serial), (text, 2));
        assert_eq!(name.partial(), format!("{text}.partial"));
        for text in [
            "prune-20261123T033000Z.tar.gz.age",
            "notes.rows.gz.age",
            text.trim_end_matches(".age"),
        ] {
            assert_eq!(RowsName::parse(text), None, "{text}");
        }
        assert!(text.parse::<ArchiveName>().is_err());
    }
}
