//! Linux shows the open files of processes below `/proc`.

use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::Path,
};

/// The processes that have the file open for writing.
pub(super) fn writers_of(file: &Metadata) -> io::Result<Vec<u32>> {
    let mut found = Vec::new();
    for process in fs::read_dir("/proc")?.flatten() {
        let pid = process
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        if let Some(pid) = pid
            && writes(&process.path(), file)
        {
            found.push(pid);
        }
    }
    Ok(found)
}

/// Whether the process writes the file. One that has ended, or that is somebody else's, shows none.
fn writes(process: &Path, file: &Metadata) -> bool {
    let open = fs::read_dir(process.join("fd")).into_iter().flatten();
    open.flatten().any(|entry| {
        let same = entry
            .path()
            .metadata()
            .is_ok_and(|facts| (facts.dev(), facts.ino()) == (file.dev(), file.ino()));
        same && for_writing(&process.join("fdinfo").join(entry.file_name()))
    })
}

/// Whether `flags:` of an open file, in octal, say that it may be written.
fn for_writing(info: &Path) -> bool {
    let text = fs::read_to_string(info).unwrap_or_default();
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
    flags.is_some_and(|flags| flags & 3 != 0)
}
