use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use super::*;
use crate::{
    clock::Clock,
    files::fault::{Fault, each},
    logs::{free_name, recover, rotated},
};

fn line(number: usize) -> String {
    format!("{number} {:>60}\n", "ends")
}

fn lines(range: std::ops::RangeInclusive<usize>) -> String {
    range.map(line).collect()
}

/// What is in the copies and in the log, without the lines that only fill.
fn all(log: &Path) -> String {
    let mut text = String::new();
    for file in rotated(log, None).unwrap() {
        text += &fs::read_to_string(file.path).unwrap();
    }
    text += &fs::read_to_string(log).unwrap();
    let text = text
        .split_inclusive('\n')
        .filter(|line| !line.trim().is_empty());
    text.collect()
}

fn cuts(folder: &Path) -> bool {
    let path = folder.join("probe");
    let mut file = File::create_new(&path).unwrap();
    file.write_all(&[b'x'; 9_000]).unwrap();
    can_cut(&file, rustix::fs::fstatvfs(&file).unwrap().f_frsize).unwrap()
}

#[test]
fn a_long_log_is_cut_at_a_line_and_a_short_one_emptied() {
    let root = tempfile::tempdir().unwrap();
    let (log, to) = (
        root.path().join("a.log"),
        root.path().join("a-20261124T030000Z.log"),
    );
    for count in [1, 60, 61, 500] {
        fs::File::create(&log)
            .unwrap()
            .write_all(lines(1..=count).as_bytes())
            .unwrap();
        copy_away(&log, &to, &Watch::default()).unwrap();
        let copy = fs::read_to_string(&to).unwrap();
        assert!(
            copy.ends_with('\n') && lines(1..=count).starts_with(&copy),
            "{count}"
        );
        assert_eq!(all(&log), lines(1..=count), "{count}");
        let left = log.metadata().unwrap().len();
        assert!(left == 0 || left <= 4_096 && count > 60, "{count}: {left}");
        files::remove(&to).unwrap();
    }
}

#[test]
fn what_is_written_all_the_while_is_there_once() {
    let root = tempfile::tempdir().unwrap();
    let log = root.path().join("a.log");
    let file = File::options()
        .append(true)
        .create(true)
        .open(&log)
        .unwrap();
    let exact = cuts(root.path());
    let over = AtomicBool::new(false);
    let written = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let (mut file, mut number) = (&file, 0);
            while !over.load(Ordering::Relaxed) {
                number += 1;
                file.write_all(line(number).as_bytes()).unwrap();
                // Not more than the copying keeps up with.
                while file.metadata().unwrap().len() > 200_000 && !over.load(Ordering::Relaxed) {
                    thread::yield_now();
                }
            }
            number
        });
        for _ in 0..30 {
            while log.metadata().unwrap().len() < 20_000 {
                thread::yield_now();
            }
            let name = free_name(&log, None, Clock::System.now()).unwrap();
            copy_away(
                &log,
                &log.with_file_name(name.to_string()),
                &Watch::default(),
            )
            .unwrap();
        }
        over.store(true, Ordering::Relaxed);
        writer.join().unwrap()
    });
    let seen: Vec<usize> = all(&log)
        .lines()
        .map(|line| line.split_once(' ').unwrap().0.parse().unwrap())
        .collect();
    assert!(seen.is_sorted_by(|a, b| a < b));
    // Where it is not cut, a line may be written between the last look and the emptying.
    assert!(seen.len() == written || !exact && seen.len() > written * 9 / 10);
}

#[test]
fn whatever_operation_fails_a_long_log_is_there_once() {
    for fault in [Fault::Full, Fault::Dead] {
        let operations = each(
            fault,
            |_| {
                let root = tempfile::tempdir().unwrap();
                let log = root.path().join("a.log");
                let to = root.path().join("a-20261124T030000Z.log");
                File::create(&log)
                    .unwrap()
                    .write_all(lines(1..=500).as_bytes())
                    .unwrap();
                let done = copy_away(&log, &to, &Watch::default());
                (root, log, done)
            },
            |at, (_root, log, done)| {
                for repair in recover(&log, None, &|_, _| Ok(None)).unwrap().repairs {
                    repair.apply().unwrap();
                }
                assert_eq!(all(&log), lines(1..=500), "{fault:?} {at} {done:?}");
            },
        );
        assert!(operations > 6, "{operations}");
    }
}
