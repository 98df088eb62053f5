//! Logs that grow, shrink, are rotated or deleted while they are archived.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use bellkeeper::archive::Manifest;

use crate::world::{World, long, rounds};

const JOBS: &str = "\
timezone: UTC
jobs:
  logs:
    backup: {what: [logs], to: backups/logs}
";
const LINE: &[u8] = b"2026-11-23T02:00:00Z INFO nothing has happened, and it took a whole line\n";

/// What can happen to a log while it is archived.
const KINDS: [&str; 4] = ["grew", "shrank", "replaced", "vanished"];
/// After so many rounds it is no chance that a kind of trouble was never met.
const MOST: usize = 250;

/// Does something to a log again and again until it is dropped.
struct Trouble {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Trouble {
    fn start(mut act: impl FnMut() + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                act();
                thread::sleep(Duration::from_micros(500));
            }
        });
        let thread = Some(thread);
        Self { stop, thread }
    }
}

impl Drop for Trouble {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

fn append(path: &PathBuf, lines: usize) {
    let mut file = File::options()
        .append(true)
        .create(true)
        .open(path)
        .unwrap();
    file.write_all(&LINE.repeat(lines)).unwrap();
}

fn troubles(world: &World) -> [Trouble; 4] {
    let log = |name: &str| world.path(format!("logs/{name}.log"));
    let (grows, shrinks, rotated, deleted) = (
        log("grows"),
        log("shrinks"),
        log("rotated"),
        log("vanishes"),
    );
    let old = log("rotated.1");
    let mut rounds = 0;
    [
        Trouble::start(move || append(&grows, 1)),
        Trouble::start(move || {
            rounds += 1;
            if rounds % 4 == 0 {
                File::options()
                    .write(true)
                    .open(&shrinks)
                    .unwrap()
                    .set_len(10)
                    .unwrap();
            }
            append(&shrinks, 500);
        }),
        Trouble::start(move || {
            append(&rotated, 100);
            fs::rename(&rotated, &old).unwrap();
        }),
        Trouble::start(move || {
            append(&deleted, 100);
            fs::remove_file(&deleted).unwrap();
            thread::sleep(Duration::from_micros(500));
        }),
    ]
}

#[test]
#[expect(clippy::print_stderr, reason = "figures of the long run")]
fn archives_of_changing_logs_are_all_readable() {
    let world = World::new(JOBS);
    // Something quiet to read first, so that the others change between being found and read.
    world.write("logs/a-quiet.log", &LINE.repeat(6_000));
    for name in ["grows", "shrinks"] {
        world.write(&format!("logs/{name}.log"), LINE);
    }
    let troubles = troubles(&world);
    let mut notes: BTreeMap<String, usize> = BTreeMap::new();
    let least = rounds(50, 15);
    let mut count = 0;
    // Rounds go on until each kind of trouble was met: on a busy machine that may take more.
    while count < least || (count < MOST && !KINDS.iter().all(|kind| notes.contains_key(*kind))) {
        let round = count;
        count += 1;
        let archive = world.archive("logs");
        let manifest = world.verify(&archive).manifest.unwrap();
        for note in &manifest.notes {
            *notes
                .entry(plausible(&note.path.to_string(), &note.note))
                .or_default() += 1;
        }
        quiet_is_whole(&manifest);
        if round % 10 == 0 {
            contents_are_logs(&world, &archive, round);
        }
    }
    drop(troubles);
    if long() {
        eprintln!("what happened to logs in {count} archives: {notes:?}");
    }
    for kind in KINDS {
        assert!(notes.contains_key(kind), "{kind} is missing in {notes:?}");
    }
    let verified = world.json(["backups", "verify"]);
    assert_eq!(verified.len(), count);
    assert!(verified.iter().all(|line| line["depth"] == "content"));
}

/// The first word of a note, which must fit the log that it is about.
fn plausible(path: &str, note: &str) -> String {
    let kind = note.split([' ', ':']).next().unwrap();
    let name = path.strip_prefix("logs/").unwrap();
    let known: &[&str] = match name {
        "grows.log" | "bellkeeper.log" => &["grew"],
        "shrinks.log" => &["grew", "shrank", "changed"],
        "rotated.log" | "rotated.1.log" | "vanishes.log" => {
            &["grew", "shrank", "changed", "replaced", "vanished"]
        }
        _ => &[],
    };
    assert!(known.contains(&kind), "{path}: {note}");
    kind.to_owned()
}

fn quiet_is_whole(manifest: &Manifest) {
    let mut entries = manifest.entries.iter();
    let quiet = entries.find(|entry| entry.path.to_string() == "logs/a-quiet.log");
    assert_eq!(quiet.unwrap().size, 6_000 * LINE.len() as u64);
}

/// What came out is what was ever in: whole lines, a cut one, or the zeros that stand for what
/// went away.
fn contents_are_logs(world: &World, archive: &std::path::Path, round: usize) {
    let to = world.restore(archive, &format!("restored-{round}"));
    for entry in fs::read_dir(to.join("logs")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap() == "bellkeeper.log" {
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let text = bytes
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |at| at + 1);
        assert!(bytes[..text].is_ascii(), "{}", path.display());
        assert!(!bytes[..text].contains(&0), "{}", path.display());
    }
}
