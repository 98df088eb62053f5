use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt};

use super::*;
use crate::files::fault::{self, Fault};

const NOW: &str = "2026-11-24T02:00:00Z";

struct Site {
    root: tempfile::TempDir,
    path: PathBuf,
}

impl Site {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a.log");
        Self { root, path }
    }

    fn open(&self) -> LogFile {
        LogFile::open(&self.path, Clock::System).unwrap()
    }

    fn small(&self, max_size: u64) -> LogFile {
        let file = self.open();
        file.limit(Limits {
            max_size: Bytes(max_size),
            archive_dir: None,
        });
        file
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.root.path()).unwrap();
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<_> = entries.map(|e| name(e).into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// What is in the rotated files and then in the present one.
    fn all(&self) -> String {
        let rotated = name::rotated(&self.path, None).unwrap();
        let mut text: String = rotated
            .iter()
            .map(|file| fs::read_to_string(&file.path).unwrap())
            .collect();
        text.push_str(&fs::read_to_string(&self.path).unwrap_or_default());
        text
    }
}

#[test]
fn a_line_that_would_be_too_much_goes_into_a_new_file() {
    let site = Site::new();
    let file = site.small(10);
    for line in [
        "1234\n",
        "6789\n",
        "next\n",
        "a line of more than ten\n",
        "x\n",
    ] {
        file.write_line(line.as_bytes()).unwrap();
    }
    let rotated = name::rotated(&site.path, None).unwrap();
    let texts: Vec<_> = rotated
        .iter()
        .map(|file| fs::read_to_string(&file.path).unwrap())
        .collect();
    assert_eq!(
        texts,
        ["1234\n6789\n", "next\n", "a line of more than ten\n"]
    );
    assert_eq!(fs::read_to_string(&site.path).unwrap(), "x\n");
    assert_eq!(site.names().len(), 4, "{:?}", site.names());
    for name in site.names() {
        let mode = site
            .root
            .path()
            .join(name)
            .metadata()
            .unwrap()
            .permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
    }
}

#[test]
fn it_rotates_when_asked_but_no_empty_file() {
    let site = Site::new();
    let file = site.open();
    assert_eq!(file.rotate().unwrap(), None);
    file.write_line(b"one\n").unwrap();
    let rotated = file.rotate().unwrap().unwrap();
    assert_eq!(fs::read(&rotated).unwrap(), b"one\n");
    file.write_line(b"two\n").unwrap();
    assert_eq!(fs::read(&site.path).unwrap(), b"two\n");
    assert_eq!(file.rotate().unwrap().is_some(), site.names().len() == 3);
}

#[test]
fn names_go_on_when_the_clock_does_not() {
    let site = Site::new();
    let clock = NOW.parse().unwrap();
    let first = free_name(&site.path, None, clock).unwrap();
    assert_eq!(first.to_string(), "a-20261124T020000Z.log");
    fs::File::create(site.root.path().join(first.to_string())).unwrap();
    let second = free_name(&site.path, None, clock).unwrap();
    assert_eq!(second.to_string(), "a-20261124T020000Z-2.log");
    let back = "2026-11-23T00:00:00Z".parse().unwrap();
    assert_eq!(free_name(&site.path, None, back).unwrap(), second);
    // What is in the archive, or on its way there, is not named again.
    let archive = site.root.path().join("old");
    fs::create_dir(&archive).unwrap();
    let gz = second.in_form(name::Form::Gzip);
    fs::File::create(archive.join(gz.temporary())).unwrap();
    let third = free_name(&site.path, Some(&archive), clock).unwrap();
    assert_eq!(third.to_string(), "a-20261124T020000Z-3.log");
}

#[test]
fn a_line_cut_by_a_crash_is_ended_and_marked() {
    let site = Site::new();
    files::write_new(&site.path, b"whole\nhal").unwrap();
    site.open().write_line(b"next\n").unwrap();
    let text = fs::read_to_string(&site.path).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!((lines[0], lines[1], lines[3]), ("whole", "hal", "next"));
    let notice: serde_json::Value = serde_json::from_str(lines[2]).unwrap();
    assert_eq!(notice["message"], "the line before was cut by a crash");
    let before = text.len();
    drop(site.open());
    assert_eq!(fs::read(&site.path).unwrap().len(), before);
}

#[test]
fn a_crash_in_the_middle_of_a_swap_is_settled_at_the_next_start() {
    for (left, there, expected) in [
        ("", true, vec!["a.log"]),
        ("", false, vec!["a.log"]),
        ("lines\n", false, vec!["a.log"]),
        ("lines\n", true, vec!["a-", "a.log"]),
    ] {
        let site = Site::new();
        files::write_new(&next(&site.path), left.as_bytes()).unwrap();
        if there {
            files::write_new(&site.path, b"old\n").unwrap();
        }
        drop(site.open());
        let names = site.names();
        assert_eq!(names.len(), expected.len(), "{names:?}");
        assert!(
            names
                .iter()
                .zip(&expected)
                .all(|(name, start)| name.starts_with(start))
        );
        assert!(site.all().contains(left) && site.all().contains("old") == there);
    }
}

#[test]
fn a_link_stays_a_link_and_what_it_leads_to_is_rotated() {
    let site = Site::new();
    let real = site.root.path().join("real.log");
    files::write_new(&real, b"one\n").unwrap();
    std::os::unix::fs::symlink(&real, &site.path).unwrap();
    let file = site.open();
    let rotated = file.rotate().unwrap().unwrap();
    file.write_line(b"two\n").unwrap();
    assert!(site.path.symlink_metadata().unwrap().is_symlink());
    assert_eq!(fs::read(rotated).unwrap(), b"one\n");
    assert_eq!(fs::read(&real).unwrap(), b"two\n");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_was_taken_away_is_made_again() {
    let site = Site::new();
    let clock = Clock::virtual_from(NOW.parse().unwrap());
    let file = LogFile::open(&site.path, clock).unwrap();
    file.write_line(b"one\n").unwrap();
    files::remove(&site.path).unwrap();
    tokio::time::sleep(LOOK).await;
    file.write_line(b"two\n").unwrap();
    assert_eq!(fs::read(&site.path).unwrap(), b"two\n");
}

#[test]
fn the_writer_of_a_path_is_found_while_there_is_one() {
    let site = Site::new();
    assert!(writer_of(&site.path).is_none());
    let file = site.open();
    let found = writer_of(&site.path).unwrap();
    found.write_line(b"by another hand\n").unwrap();
    assert_eq!(found.path(), site.path);
    drop((file, found));
    assert!(writer_of(&site.path).is_none());
}

#[test]
fn lines_that_find_no_room_wait_and_are_told_of_once() {
    let site = Site::new();
    let file = site.open();
    file.write_line(b"before\n").unwrap();
    for line in ["one\n", "two\n"] {
        let (written, struck) = fault::with(Fault::Full, 0, || file.write_line(line.as_bytes()));
        assert!(struck && written.is_err());
    }
    assert_eq!(fs::read(&site.path).unwrap(), b"before\n");
    file.write_line(b"after\n").unwrap();
    file.write_line(b"later\n").unwrap();
    let text = fs::read_to_string(&site.path).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[..3], ["before", "one", "two"]);
    assert!(lines[3].contains("no space left") || lines[3].contains("storage space"));
    assert!(lines[3].contains("; no line is lost"), "{}", lines[3]);
    assert_eq!(lines[4..], ["after", "later"]);
}

#[test]
fn what_memory_does_not_hold_is_counted() {
    let site = Site::new();
    let file = site.open();
    let line = [vec![b'x'; 99_999], vec![b'\n']].concat();
    for _ in 0..5 {
        let (written, _) = fault::with(Fault::Full, 0, || file.write_line(&line));
        assert!(written.is_err());
    }
    file.write_line(b"after\n").unwrap();
    let text = fs::read_to_string(&site.path).unwrap();
    assert_eq!(text.lines().count(), 4);
    assert!(text.contains("; 3 lines are lost"), "{}", &text[200_000..]);
}

#[test]
fn a_rotation_that_fails_is_told_and_tried_again_later() {
    let site = Site::new();
    let file = site.small(100);
    let taken = next(&site.path);
    // Somebody's folder where the next file would be.
    fs::create_dir(&taken).unwrap();
    for number in 0..30 {
        file.write_line(format!("line {number}\n").as_bytes())
            .unwrap();
    }
    let text = fs::read_to_string(&site.path).unwrap();
    let told = text.matches("could not be rotated").count();
    assert!((1..=20).contains(&told), "{told}: {text}");
    assert_eq!(text.matches("line ").count(), 30);
    fs::remove_dir(&taken).unwrap();
    for number in 0..30 {
        file.write_line(format!("more {number}\n").as_bytes())
            .unwrap();
    }
    assert!(site.names().len() > 2);
    assert_eq!(site.all().matches("more ").count(), 30);
}

/// Each line that was acknowledged is there once, in order.
#[track_caller]
fn judge(site: &Site, acknowledged: &[usize], at: usize) {
    let text = site.all();
    let mut seen: BTreeMap<usize, usize> = BTreeMap::new();
    let mut last = 0;
    for line in text.lines().filter(|line| line.starts_with("line ")) {
        let number: usize = line["line ".len()..].parse().unwrap();
        assert!(number >= last, "{at}: {text}");
        last = number;
        *seen.entry(number).or_default() += 1;
    }
    for number in acknowledged {
        assert_eq!(seen.get(number), Some(&1), "{at}: line {number} in {text}");
    }
    assert!(seen.values().all(|times| *times == 1), "{at}: {text}");
    assert!(text.is_empty() || text.ends_with('\n'), "{at}: {text}");
}

fn twenty_lines(path: &Path) -> Vec<usize> {
    let Ok(file) = LogFile::open(path, Clock::System) else {
        return Vec::new();
    };
    file.limit(Limits {
        max_size: Bytes(40),
        archive_dir: None,
    });
    let line = |number: &usize| format!("line {number}\n");
    (1..=20)
        .filter(|number| file.write_line(line(number).as_bytes()).is_ok())
        .collect()
}

#[test]
fn whatever_operation_fails_every_acknowledged_line_is_there_once() {
    for fault in [Fault::Full, Fault::Dead] {
        let operations = fault::each(
            fault,
            |_| {
                let site = Site::new();
                let acknowledged = twenty_lines(&site.path);
                (site, acknowledged)
            },
            |at, (site, acknowledged)| {
                judge(&site, &acknowledged, at);
                site.open().write_line(b"line 21\n").unwrap();
                judge(&site, &[acknowledged, vec![21]].concat(), at);
                let names = site.names();
                assert!(
                    !names.iter().any(|name| name.starts_with(".new-")),
                    "{names:?}"
                );
            },
        );
        assert!(operations > 30, "{operations}");
    }
}
