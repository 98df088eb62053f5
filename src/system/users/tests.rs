use std::{
    fs::File,
    process::{Command, Stdio},
};

use super::*;

#[test]
fn a_process_with_the_file_open_is_named_under_any_name_of_it() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("x.db");
    let file = File::create(&path).unwrap();
    let only_us = users_of(std::slice::from_ref(&path));
    assert_eq!(only_us, [], "only this process");
    let mut child = Command::new("cat")
        .stdin(Stdio::piped())
        .stdout(file)
        .spawn()
        .unwrap();
    let renamed = root.path().join("y.db");
    crate::files::rename(&path, &renamed).unwrap();
    let found = users_of(&[renamed, path]);
    drop(child.stdin.take());
    child.wait().unwrap();
    let pids: Vec<_> = found.iter().map(|user| user.pid).collect();
    assert_eq!(pids, [child.id()]);
}

#[test]
fn who_writes_is_known_and_who_reads_is_no_writer() {
    let writers = |path: &Path| -> Vec<u32> {
        let users = writers_of(path).into_iter();
        users.map(|user| user.pid).collect()
    };
    let file = tempfile::NamedTempFile::new().unwrap();
    assert_eq!(writers(file.path()), [std::process::id()]);
    let path = file.into_temp_path();
    let _reader = File::open(&path).unwrap();
    assert_eq!(writers(&path), [0; 0]);
    let _writer = File::options().append(true).open(&path).unwrap();
    assert_eq!(writers(&path), [std::process::id()]);
    assert_eq!(writers(Path::new("/nonexistent")), [0; 0]);
}

#[test]
fn a_lock_names_its_process() {
    let line = "1: POSIX  ADVISORY  READ 4711 fe:01:1234 123 125";
    assert_eq!(linux::pid_of(line, "1234", READERS), Some(4711));
    assert_eq!(linux::pid_of(line, "1234", WRITER), None);
    assert_eq!(linux::pid_of(line, "234", READERS), None);
    let whole = "2: FLOCK  ADVISORY  WRITE 12 fe:01:9 0 EOF";
    assert_eq!(linux::pid_of(whole, "9", PENDING), Some(12));
    assert_eq!(linux::pid_of("2: -> POSIX", "9", PENDING), None);
}

#[test]
fn this_process_is_found_by_its_lock() {
    let file = tempfile::NamedTempFile::new().unwrap();
    assert_eq!(lockers_of(file.path(), (0, 9)), []);
    let flock = rustix::fs::FlockOperation::LockExclusive;
    rustix::fs::flock(file.as_file(), flock).unwrap();
    let found = lockers_of(file.path(), (0, 9));
    assert_eq!(found[0].pid, std::process::id(), "{found:?}");
    assert_eq!(lockers_of(Path::new("/nonexistent"), (0, 9)), []);
}
