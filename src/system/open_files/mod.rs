//! Which programs write a file.

use std::{io, path::Path};

#[cfg(target_os = "linux")]
mod linux;

/// The processes that have the file at `path` open for writing, this one included; of other users'
/// processes only what this user may know. None where the system does not tell.
///
/// # Errors
/// When the file cannot be looked at.
pub fn writers_of(path: &Path) -> io::Result<Vec<u32>> {
    let facts = path.metadata()?;
    #[cfg(target_os = "linux")]
    return linux::writers_of(&facts);
    #[cfg(not(target_os = "linux"))]
    return Ok(Vec::new());
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn who_writes_is_known_and_who_reads_is_no_writer() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(writers_of(file.path()).unwrap(), [std::process::id()]);
        let path = file.into_temp_path();
        let _reader = File::open(&path).unwrap();
        assert_eq!(writers_of(&path).unwrap(), [0; 0]);
        let _writer = File::options().append(true).open(&path).unwrap();
        assert_eq!(writers_of(&path).unwrap(), [std::process::id()]);
        assert!(writers_of(Path::new("/nonexistent")).is_err());
    }
}
