//! Open files as Linux shows them under `/proc/PID/fd`.

use std::{
    collections::HashSet,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::Holder;

/// The other processes that have any of `files` open, by device and inode: under whatever name. Those
/// of other users are seen by root only.
pub fn holders(files: &[PathBuf]) -> Vec<Holder> {
    let wanted: HashSet<(u64, u64)> = files
        .iter()
        .filter_map(|path| fs::symlink_metadata(path).ok())
        .map(|found| (found.dev(), found.ino()))
        .collect();
    let own = std::process::id();
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut found: Vec<Holder> = pids
        .filter(|pid| *pid != own && has_open(*pid, &wanted))
        .map(|pid| Holder {
            pid,
            program: program(pid),
        })
        .collect();
    found.sort_unstable_by_key(|holder| holder.pid);
    found
}

fn has_open(pid: u32, wanted: &HashSet<(u64, u64)>) -> bool {
    let folder = format!("/proc/{pid}/fd");
    let mut open = fs::read_dir(folder).into_iter().flatten().flatten();
    open.any(|entry| {
        let path = entry.path();
        is_plain(&path)
            && fs::metadata(&path).is_ok_and(|file| wanted.contains(&(file.dev(), file.ino())))
    })
}

/// Sockets, pipes and devices are not asked: some never answer.
fn is_plain(descriptor: &Path) -> bool {
    let target = fs::read_link(descriptor).unwrap_or_default();
    target.is_absolute()
        && !["/dev", "/proc", "/sys"]
            .iter()
            .any(|at| target.starts_with(at))
}

fn program(pid: u32) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_process_with_the_file_open_is_named_under_any_name_of_it() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("x.db");
        let file = fs::File::create(&path).unwrap();
        assert_eq!(
            holders(std::slice::from_ref(&path)),
            [],
            "only this process"
        );
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(file)
            .spawn()
            .unwrap();
        let renamed = root.path().join("y.db");
        crate::files::rename(&path, &renamed).unwrap();
        let found = holders(&[renamed, path]);
        drop(child.stdin.take());
        child.wait().unwrap();
        let pids: Vec<_> = found.iter().map(|holder| holder.pid).collect();
        assert_eq!(pids, [child.id()]);
    }
}
