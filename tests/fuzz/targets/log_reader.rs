//! A log as somebody else may have written it, or a disk may have damaged it.

use std::{fs, ops::ControlFlow};

use bellkeeper::{
    logs::{Event, Follower, Log, Note, Out, Pattern, Query, Unseal, Wanted, printable},
    words::RunId,
};
use jiff::Timestamp;

use super::tape::Tape;

/// More bytes are more of the same, and slow.
const MOST: usize = 8 << 10;

/// What was read.
struct Seen {
    lines: Vec<Vec<u8>>,
    notes: usize,
}

/// The first bytes choose what is looked for; the rest is a plain rotated file, a compressed one and
/// the one that is written, one behind the other.
pub fn log_reader(data: &[u8]) -> bool {
    let mut tape = Tape(data.get(..MOST).unwrap_or(data));
    let wanted = wanted(&mut tape);
    let most = tape.below(20);
    let cuts = [tape.byte(), tape.byte()].map(usize::from);
    let (packed, rest) = part(tape.0, cuts[0]);
    let (plain, active) = part(rest, cuts[1]);
    let folder = super::scratch();
    let log = Log {
        path: folder.path().join("a.log"),
        archive_dir: None,
        unseal: Unseal::default(),
    };
    let file = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    file("a-20260101T000000Z.log.gz", packed);
    file("a-20260102T000000Z.log", plain);
    file("a.log", active);
    let query = |last, follow| Query {
        wanted: wanted.clone(),
        last,
        follow,
    };
    let all = read(&log, &query(None, false));
    for line in &all.lines {
        judge(line, &wanted);
    }
    // From behind it is the same log. Where lines may be left out by their time, a clock that was set
    // back makes a difference.
    if wanted.since.is_none() {
        let newest = read(&log, &query(Some(most), false));
        let from = all.lines.len().saturating_sub(most);
        assert_eq!(newest.lines, all.lines[from..]);
        let everything = read(&log, &query(Some(usize::MAX), false));
        assert_eq!((everything.lines, everything.notes), (all.lines, all.notes));
    }
    follow(&log, &query(Some(0), true), active);
    !packed.is_empty() && all.notes == 0
}

fn wanted(tape: &mut Tape<'_>) -> Wanted {
    let instant = |number: u8| Timestamp::from_second(1_767_139_200 + 86_400 * i64::from(number));
    let mut wanted = Wanted::default();
    match tape.byte() % 16 {
        1 => wanted.since = instant(tape.byte() % 8).ok(),
        2 => wanted.until = instant(tape.byte() % 8).ok(),
        3 => wanted.level = bellkeeper::logs::level("warn").ok(),
        4 => wanted.job = "b".parse().ok(),
        5 => wanted.run = Some(RunId(i64::from(tape.byte()))),
        6 => {
            let length = tape.below(32);
            let text = String::from_utf8_lossy(tape.bytes(length)).into_owned();
            wanted.text = Some(Pattern::new(&text));
        }
        _ => {}
    }
    wanted
}

/// That share of the bytes, and the others.
fn part(bytes: &[u8], cut: usize) -> (&[u8], &[u8]) {
    bytes.split_at(bytes.len() * cut / 255)
}

fn read(log: &Log, query: &Query) -> Seen {
    let mut seen = Seen {
        lines: Vec::new(),
        notes: 0,
    };
    let (lines, notes) = (&mut seen.lines, &mut seen.notes);
    let mut out = Out {
        line: &mut |line| {
            lines.push(line.to_vec());
            ControlFlow::Continue(())
        },
        note: &mut |note: Note| *notes += usize::from(!note.to_string().is_empty()),
    };
    assert!(log.read(query, &mut out).unwrap().found);
    seen
}

/// What is shown of a line cannot move the cursor, and is what was wanted.
fn judge(line: &[u8], wanted: &Wanted) {
    assert!(!line.is_empty() && !line.contains(&b'\n'));
    assert!(wanted.fits(line));
    let shown = match Event::parse(line) {
        Some(event) => event.human(false),
        None => printable(&String::from_utf8_lossy(line)).into_owned(),
    };
    let moves = |letter: char| letter.is_control() && letter != '\t';
    assert!(!shown.contains(moves), "{shown:?}");
}

/// Whatever stands there, what is added is seen, once.
fn follow(log: &Log, query: &Query, active: &[u8]) {
    let mut lines = Vec::new();
    let mut out = Out {
        line: &mut |line| {
            lines.push(line.to_vec());
            ControlFlow::Continue(())
        },
        note: &mut |note| panic!("{note}"),
    };
    let position = log.read(query, &mut out).unwrap();
    let everything = Wanted::default();
    let mut follower = Follower::new(log, &everything, position);
    assert!(follower.poll(&mut out).unwrap().is_continue());
    let mut longer = active.to_vec();
    longer.extend(b"\nadded\n");
    fs::write(&log.path, longer).unwrap();
    assert!(follower.poll(&mut out).unwrap().is_continue());
    let added = lines.iter().filter(|line| line.as_slice() == b"added");
    assert_eq!(added.count(), 1);
    assert!(lines.len() <= 2, "{}", lines.len());
}
