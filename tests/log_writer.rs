//! The program's own log under many threads and rotations: every line once, whole, in order.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use bellkeeper::{
    clock::Clock,
    logs::{self, Limits, LogFile},
    units::Bytes,
};

const THREADS: usize = 8;
const LINES: usize = 100_000;
const ROTATIONS: usize = 50;

/// What each thread has written last, as read from the files in their order.
fn read(path: &Path, last: &mut [usize]) {
    let file = BufReader::new(fs::File::open(path).unwrap());
    for line in file.lines() {
        let line = line.unwrap();
        let (thread, number) = line.split_once(' ').unwrap_or_else(|| panic!("{line}"));
        let number = number
            .strip_suffix(" ends")
            .unwrap_or_else(|| panic!("{line}"));
        let thread: usize = thread.parse().unwrap();
        assert_eq!(number.parse(), Ok(last[thread] + 1), "{line}");
        last[thread] += 1;
    }
}

#[test]
fn threads_and_rotations_lose_split_repeat_and_reorder_no_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    let file = LogFile::open(&path, Clock::System).unwrap();
    let all = THREADS * LINES * "3 5000 ends\n".len();
    file.limit(Limits {
        max_size: Bytes(u64::try_from(all / ROTATIONS).unwrap()),
        archive_dir: None,
    });
    let written = AtomicUsize::new(0);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (file, written) = (&file, &written);
            scope.spawn(move || {
                for number in 1..=LINES {
                    file.write_line(format!("{thread} {number} ends\n").as_bytes())
                        .unwrap();
                    written.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        // Besides those by size, some are asked for while all write.
        for rotation in 1..=ROTATIONS / 5 {
            let due = rotation * THREADS * LINES / (ROTATIONS / 5 + 1);
            while written.load(Ordering::Relaxed) < due {
                thread::yield_now();
            }
            file.rotate().unwrap();
        }
    });
    let rotated = logs::rotated(&path, None).unwrap();
    assert!(rotated.len() >= ROTATIONS, "{}", rotated.len());
    let mut last = [0; THREADS];
    for file in &rotated {
        read(&file.path, &mut last);
    }
    read(&path, &mut last);
    assert_eq!(last, [LINES; THREADS]);
}
