//! Files that are written, replaced, linked and lost, with the system's watcher and without.

use std::os::unix::fs::symlink;

use notify::event::{CreateKind, ModifyKind};

use super::*;

/// No watcher: what is seen is seen by looking.
fn blind(paths: &[&Path]) -> Eyes {
    Eyes::new(
        paths.iter().map(|path| path.to_path_buf()).collect(),
        |_| None,
    )
}

fn seeing(paths: &[&Path]) -> Eyes {
    let (nudge, _) = mpsc::channel(1);
    Eyes::new(
        paths.iter().map(|path| path.to_path_buf()).collect(),
        |names| watcher(names, nudge),
    )
}

#[test]
fn whatever_may_be_a_change_is_seen() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("jobs.yaml");
    files::write_atomic(&path, b"one").unwrap();
    let eyes: [fn(&[&Path]) -> Eyes; 2] = [blind, seeing];
    for look_at in eyes {
        let mut eyes = look_at(&[&path]);
        assert!(!eyes.look());
        files::write_atomic(&path, b"two").unwrap();
        assert!(eyes.look(), "replaced");
        assert!(!eyes.look());
        // Somebody may have read what was there for a moment.
        files::write_atomic(&path, b"three").unwrap();
        files::write_atomic(&path, b"two").unwrap();
        assert!(eyes.look(), "there and back again");
        assert!(!eyes.look());
        files::remove(&path).unwrap();
        assert!(eyes.look(), "gone");
        assert!(!eyes.look());
        files::write_new(&path, b"two").unwrap();
        assert!(eyes.look(), "back");
        files::write_atomic(&path, b"one").unwrap();
        assert!(eyes.look(), "as at first");
    }
}

#[test]
fn a_link_is_followed_wherever_it_leads() {
    let root = tempfile::tempdir().unwrap();
    let [a, b, link] =
        ["a/jobs.yaml", "b/other.yaml", "jobs.yaml"].map(|name| root.path().join(name));
    for path in [&a, &b] {
        files::create_private_dir(files::parent(path)).unwrap();
        files::write_new(path, path.as_os_str().as_encoded_bytes()).unwrap();
    }
    symlink("a/jobs.yaml", &link).unwrap();
    let mut eyes = seeing(&[&link]);
    assert!(eyes.sees());
    let watched: Vec<_> = eyes.folders.keys().cloned().collect();
    assert_eq!(watched, [root.path().to_owned(), root.path().join("a")]);
    files::write_atomic(&a, b"another").unwrap();
    assert!(eyes.look());
    files::remove(&link).unwrap();
    symlink(&b, &link).unwrap();
    assert!(eyes.look());
    let watched: Vec<_> = eyes.folders.keys().cloned().collect();
    assert_eq!(watched, [root.path().to_owned(), root.path().join("b")]);
    // A circle leads nowhere, and does not take for ever.
    files::remove(&link).unwrap();
    symlink(&link, &link).unwrap();
    assert!(eyes.look());
}

#[test]
fn a_folder_that_is_made_anew_is_watched_anew() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("config");
    let path = folder.join("jobs.yaml");
    files::create_private_dir(&folder).unwrap();
    let mut eyes = seeing(&[&path]);
    assert!(eyes.sees());
    fs::remove_dir_all(&folder).unwrap();
    assert!(!eyes.look() && !eyes.sees());
    files::create_private_dir(&folder).unwrap();
    files::write_new(&path, b"x").unwrap();
    assert!(eyes.look() && eyes.sees());
}

#[test]
fn several_files_are_watched_at_once_and_odd_ones_are_none() {
    let root = tempfile::tempdir().unwrap();
    let [a, b, folder] = ["a", "b", "folder"].map(|name| root.path().join(name));
    files::create_private_dir(&folder).unwrap();
    let mut eyes = blind(&[&a, &b, &folder]);
    assert!(!eyes.look());
    files::write_new(&b, b"x").unwrap();
    assert!(eyes.look());
}

#[test]
fn reading_and_strangers_are_no_reason_to_look() {
    let names = [OsString::from("jobs.yaml")];
    let event = |kind, name: &str| Event::new(kind).add_path(Path::new("/root").join(name));
    let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
    let read = EventKind::Access(AccessKind::Open(AccessMode::Any));
    let created = EventKind::Create(CreateKind::File);
    assert!(concerns(&event(written, "jobs.yaml"), &names));
    assert!(concerns(&event(created, "jobs.yaml"), &names));
    assert!(concerns(
        &Event::new(EventKind::Modify(ModifyKind::Any)),
        &names
    ));
    assert!(!concerns(&event(read, "jobs.yaml"), &names));
    assert!(!concerns(&event(created, "bellkeeper.log"), &names));
}

#[tokio::test]
async fn a_change_is_told_and_reading_is_not() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("jobs.yaml");
    files::write_new(&path, b"one").unwrap();
    let mut watching = Watching::start(vec![path.clone()]);
    assert_eq!(fs::read(&path).unwrap(), b"one");
    let read = tokio::time::timeout(QUIET * 4, watching.changed()).await;
    assert!(read.is_err(), "nothing has changed");
    files::write_atomic(&path, b"two").unwrap();
    let told = tokio::time::timeout(POLL, watching.changed()).await;
    told.expect("the system tells it long before the safety net looks");
}
