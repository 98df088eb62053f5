//! Rotation on disks that are full, read-only or elsewhere.

use std::{
    fs::{self, File},
    io::{BufReader, Read, Write},
    path::Path,
};

use bellkeeper::{
    clock::Clock,
    gzip,
    logs::{self, Form, LogFile},
};

use crate::world::{Dice, Mount, Out, World};

const JOBS: &str = "\
timezone: UTC
jobs:
  rotate-logs:
    retry: {attempts: 1}
    rotate_logs: {files: [logs/big.log], max_size: 20MB, delay: 0}
";

/// All that is in the rotated files and then in the log.
fn all(log: &Path, archive: Option<&Path>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for file in logs::rotated(log, archive).unwrap() {
        let packed = BufReader::new(File::open(&file.path).unwrap());
        match file.name.form() {
            Form::Plain => bytes.extend(fs::read(&file.path).unwrap()),
            _ => drop(gzip::Reader::new(packed).read_to_end(&mut bytes).unwrap()),
        }
    }
    bytes.extend(fs::read(log).unwrap_or_default());
    bytes
}

fn rotate(world: &World) -> Out {
    world.run(["run-job", "rotate-logs"])
}

fn append(log: &Path, bytes: &[u8]) {
    let mut file = File::options().append(true).create(true).open(log).unwrap();
    file.write_all(bytes).unwrap();
}

#[test]
fn a_log_that_finds_no_room_to_be_compressed_stays_whole_however_often_it_is_tried() {
    let world = World::bare(JOBS);
    let root = world.root();
    let Some(disk) = Mount::new(&root, 64) else {
        return;
    };
    world.jobs(JOBS);
    let mut dice = Dice::new(7);
    let mut written = dice.bytes(40_000_000);
    world.write("logs/big.log", &written);
    let log = world.path("logs/big.log");
    for run in 0..3 {
        let out = rotate(&world);
        assert_ne!(out.code, 0, "run {run}: {out:?}");
        let out = out.says("No space left on device").says("min_free");
        assert!(all(&log, None) == written, "run {run}: {out:?}");
        let rotated = logs::rotated(&log, None).unwrap();
        assert!(rotated.iter().all(|file| file.name.form() == Form::Plain));
        let names = world.names("logs");
        assert!(!names.iter().any(|name| name.contains(".tmp")), "{names:?}");
        let more = dice.bytes(1_000_000);
        append(&log, &more);
        written.extend(more);
    }
    // Once there is room, the same run compresses it.
    disk.remount("size=256m");
    rotate(&world).code(0);
    assert!(all(&log, None) == written);
    let rotated = logs::rotated(&log, None).unwrap();
    assert!(
        rotated.iter().all(|file| file.name.form() == Form::Gzip),
        "{rotated:?}"
    );
}

#[test]
fn a_full_disk_lets_the_oldest_go_only_as_far_as_a_rule_says() {
    let jobs = JOBS.replace("delay: 0", "delay: 0, keep: {min_free: 16MB}");
    let world = World::bare(&jobs);
    let Some(_disk) = Mount::new(&world.root(), 64) else {
        return;
    };
    world.jobs(&jobs);
    let mut dice = Dice::new(8);
    for day in 1..=4 {
        let packed = format!("logs/big-2026100{day}T030000Z.log.gz");
        world.write(&packed, &dice.bytes(8_000_000));
    }
    world.write("logs/big.log", &dice.bytes(25_000_000));
    // 57 of 67 MB are used, and the log would need 25 more: 9 MB are missing, which is two files.
    let out = rotate(&world);
    assert_ne!(out.code, 0, "{out:?}");
    let names = world.names("logs");
    let packed: Vec<_> = names
        .iter()
        .filter(|name| name.contains(".log.gz"))
        .collect();
    assert_eq!(
        packed,
        [
            "big-20261002T030000Z.log.gz",
            "big-20261003T030000Z.log.gz",
            "big-20261004T030000Z.log.gz"
        ],
        "{out:?}"
    );
    let plain = logs::rotated(&world.path("logs/big.log"), None)
        .unwrap()
        .pop()
        .unwrap();
    assert_eq!((plain.name.form(), plain.size), (Form::Plain, 25_000_000));
}

#[test]
fn the_own_log_loses_nothing_on_a_full_disk_and_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_disk) = Mount::new(folder.path(), 1) else {
        return;
    };
    let path = folder.path().join("a.log");
    let filler = folder.path().join("filler");
    fs::write(&filler, vec![0; 800_000]).unwrap();
    let log = LogFile::open(&path, Clock::System).unwrap();
    let line = |number: usize| format!("{number} {:>1990}\n", "ends");
    let written = (1..200)
        .take_while(|number| log.write_line(line(*number).as_bytes()).is_ok())
        .count();
    assert!((50..150).contains(&written), "{written}");
    let expected: String = (1..=written).map(line).collect();
    // Not even a part of the line that found no room.
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);
    // Some wait, the others are lost, and all that is told.
    let missing = (written + 2..written + 200)
        .filter(|number| log.write_line(line(*number).as_bytes()).is_err())
        .count();
    assert_eq!(missing, 198);
    fs::remove_file(&filler).unwrap();
    log.write_line(b"after\n").unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let held = text.lines().filter(|line| line.ends_with(" ends")).count() - written;
    assert!(text.starts_with(&expected) && text.ends_with("\nafter\n"));
    let notice = format!("{} lines are lost", 199 - held);
    assert!(
        text.contains("No space left on device") && text.contains(&notice),
        "{notice}"
    );
}

#[test]
fn an_archive_elsewhere_may_be_read_only_for_a_while() {
    let world = World::bare("jobs: {}\n");
    let archive = world.outside("archive");
    let Some(disk) = Mount::new(&archive, 8) else {
        return;
    };
    let elsewhere = format!("archive_dir: {}", archive.display());
    world.jobs(&JOBS.replace("max_size: 20MB", &format!("max_size: 1KB, {elsewhere}")));
    world.write("logs/big.log", &[b'x'; 2_000]);
    let log = world.path("logs/big.log");
    disk.remount("ro");
    rotate(&world)
        .code(1)
        .says("Read-only file system")
        .says("make the folder writable for this user, or choose another one with `archive_dir`");
    assert_eq!(all(&log, Some(&archive)), [b'x'; 2_000]);
    disk.remount("rw");
    rotate(&world).code(0);
    assert_eq!(all(&log, Some(&archive)), [b'x'; 2_000]);
    assert_eq!(fs::read_dir(&archive).unwrap().count(), 1);
    assert_eq!(world.names("logs"), ["bellkeeper.log", "big.log"]);
}
