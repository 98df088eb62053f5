//! Lines over plain, compressed and written files, and what can happen to those meanwhile.

use std::{fs, io::Write, path::PathBuf, rc::Rc};

use jiff::Timestamp;
use proptest::prelude::*;

use super::{
    super::{
        Follower, LogFile,
        parts::{Unseal, id},
    },
    *,
};
use crate::{
    clock::Clock,
    gzip::{Level, ParallelGzip},
};

struct Site {
    root: tempfile::TempDir,
    log: Log,
}

/// A line of minute `n`.
fn line(n: i64) -> String {
    let at = Timestamp::from_second(1_790_000_000 + 60 * n).unwrap();
    format!(r#"{{"timestamp":"{at}","level":"INFO","message":"line {n}","job":"b"}}"#)
}

/// The name of a file that was rotated right after line `n`.
fn name(n: i64) -> String {
    let at = Timestamp::from_second(1_790_000_000 + 60 * n).unwrap();
    format!("a-{}.log", at.strftime("%Y%m%dT%H%M%SZ"))
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = ParallelGzip::new(Vec::new(), Level::Fast, 1).unwrap();
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn text(numbers: impl Iterator<Item = i64>) -> String {
    numbers.map(|n| line(n) + "\n").collect()
}

impl Site {
    fn empty() -> Self {
        let root = tempfile::tempdir().unwrap();
        let log = Log {
            path: root.path().join("a.log"),
            archive_dir: None,
            unseal: Unseal::default(),
        };
        Self { root, log }
    }

    /// Lines 0 to 9 compressed, 10 to 19 rotated, 20 to 29 being written.
    fn new() -> Self {
        let site = Self::empty();
        site.put(&format!("{}.gz", name(9)), &packed(text(0..10).as_bytes()));
        site.put(&name(19), text(10..20).as_bytes());
        site.put("a.log", text(20..30).as_bytes());
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        crate::files::write_atomic(&self.path(name), bytes).unwrap();
    }

    fn add(&self, bytes: &str) {
        let mut file = crate::files::append_private(&self.log.path).unwrap();
        file.write_all(bytes.as_bytes()).unwrap();
    }

    /// The lines that are read, and the notes.
    fn read(&self, query: &Query) -> (Vec<String>, Vec<String>) {
        let (mut lines, mut notes) = (Vec::new(), Vec::new());
        let mut out = Out {
            line: &mut |line| {
                lines.push(String::from_utf8_lossy(line).into_owned());
                GO_ON
            },
            note: &mut |note| notes.push(note.to_string()),
        };
        self.log.read(query, &mut out).unwrap();
        (lines, notes)
    }

    #[track_caller]
    fn lines(&self, query: &Query) -> Vec<String> {
        let (lines, notes) = self.read(query);
        assert_eq!(notes, [""; 0]);
        lines
    }
}

fn last(most: usize) -> Query {
    Query {
        last: Some(most),
        ..Query::default()
    }
}

fn between(since: Option<i64>, until: Option<i64>, most: Option<usize>) -> Query {
    let at = |n: i64| Timestamp::from_second(1_790_000_000 + 60 * n).unwrap();
    Query {
        wanted: Wanted {
            since: since.map(at),
            until: until.map(at),
            ..Wanted::default()
        },
        last: most,
        follow: false,
    }
}

fn expected(numbers: impl Iterator<Item = i64>) -> Vec<String> {
    numbers.map(line).collect()
}

#[test]
fn all_files_are_one_log_from_the_front_and_from_behind() {
    let site = Site::new();
    assert_eq!(site.lines(&Query::default()), expected(0..30));
    for most in 0..32 {
        let first = 30 - i64::try_from(most).unwrap().min(30);
        assert_eq!(site.lines(&last(most)), expected(first..30), "{most}");
    }
}

#[test]
fn files_of_another_time_are_not_opened() {
    let site = Site::new();
    // Whoever opened it would find it damaged.
    site.put(&format!("{}.gz", name(9)), b"no gzip at all");
    assert_eq!(site.lines(&between(Some(12), None, None)), expected(12..30));
    assert_eq!(
        site.lines(&between(Some(12), Some(15), None)),
        expected(12..15)
    );
    assert_eq!(
        site.lines(&between(Some(12), Some(25), Some(4))),
        expected(21..25)
    );
    assert_eq!(site.lines(&between(Some(99), None, None)), [""; 0]);
    assert_eq!(site.lines(&last(20)), expected(10..30));
    site.put(&name(19), b"");
    assert_eq!(
        site.lines(&between(Some(20), None, Some(3))),
        expected(27..30)
    );
}

#[test]
fn a_rotation_of_the_future_hides_no_line_of_today() {
    let site = Site::new();
    // The clock was ahead when it was rotated.
    site.put("a-20991124T030000Z.log", text(20..25).as_bytes());
    assert_eq!(
        site.lines(&between(Some(25), Some(29), None)),
        expected(25..29)
    );
    assert_eq!(
        site.lines(&between(Some(25), Some(29), Some(2))),
        expected(27..29)
    );
}

#[test]
fn damage_is_told_and_what_is_before_it_is_shown() {
    let site = Site::new();
    let gz = format!("{}.gz", name(9));
    let whole = fs::read(site.path(&gz)).unwrap();
    site.put(&gz, &whole[..whole.len() - 8]);
    for query in [Query::default(), last(100)] {
        let (lines, notes) = site.read(&query);
        assert_eq!(lines, expected(0..30));
        assert_eq!(notes.len(), 1);
        assert!(
            notes[0].contains("is damaged, lines may be missing"),
            "{notes:?}"
        );
    }
    site.put(&gz, b"nothing");
    assert_eq!(site.read(&Query::default()).0, expected(10..30));
    crate::files::remove(&site.path(&gz)).unwrap();
    site.put(&format!("{gz}.age"), b"sealed");
    let (lines, notes) = site.read(&Query::default());
    assert_eq!(lines, expected(10..30));
    assert!(
        notes[0].contains("is encrypted: no key at hand opens it"),
        "{notes:?}"
    );
}

#[test]
fn an_encrypted_file_is_read_where_a_key_opens_it() {
    let mut site = Site::empty();
    let gz = packed(text(0..10).as_bytes());
    site.put(&format!("{}.gz.age", name(9)), b"sealed");
    site.put("a.log", text(10..20).as_bytes());
    let whole = gz.clone();
    site.log.unseal = Unseal(Rc::new(move |_| {
        Ok(Some(Box::new(io::Cursor::new(whole.clone()))))
    }));
    assert_eq!(site.read(&Query::default()), (expected(0..20), vec![]));
    assert_eq!(site.lines(&last(12)), expected(8..20));
    // What is damaged further on is read up to there.
    let half = gz[..gz.len() / 2].to_vec();
    site.log.unseal = Unseal(Rc::new(move |_| {
        Ok(Some(Box::new(io::Cursor::new(half.clone()))))
    }));
    let (lines, notes) = site.read(&Query::default());
    assert_eq!(lines[lines.len() - 10..], expected(10..20));
    assert!(notes[0].contains("is damaged"), "{notes:?}");
    site.log.unseal = Unseal(Rc::new(|_| Err(io::Error::other("no"))));
    let (_, notes) = site.read(&Query::default());
    assert!(notes[0].contains("cannot be read: no"), "{notes:?}");
}

#[test]
fn a_line_that_is_cut_or_none_of_ours_is_shown_as_it_stands() {
    let site = Site::new();
    site.add("no JSON\n\n\n{\"timestamp\":\"2026");
    let tail = ["no JSON", "{\"timestamp\":\"2026"];
    assert_eq!(site.lines(&Query::default())[30..], tail);
    assert_eq!(site.lines(&last(2)), tail);
    let follow = Query {
        follow: true,
        ..last(2)
    };
    assert_eq!(site.lines(&follow), [&line(29), "no JSON"]);
}

#[test]
fn a_file_that_is_compressed_or_removed_meanwhile_is_found_or_told() {
    let site = Site::new();
    let older = site.log.older(None).unwrap();
    let plain = older[1].clone();
    site.put(
        &format!("{}.gz", name(19)),
        &packed(text(10..20).as_bytes()),
    );
    crate::files::remove(&plain.path).unwrap();
    assert!(matches!(site.log.open(&plain), Ok(Opened::Gzip(_))));
    crate::files::remove(&site.path(&format!("{}.gz", name(19)))).unwrap();
    let Err(note) = site.log.open(&plain) else {
        panic!()
    };
    assert!(
        note.to_string().ends_with("was removed meanwhile"),
        "{note}"
    );
}

#[test]
fn a_rotation_between_opening_and_looking_shows_nothing_twice() {
    let site = Site::new();
    let active = site.log.active().unwrap().unwrap();
    crate::files::rename_new(&site.log.path, &site.path(&name(29))).unwrap();
    site.put("a.log", text(30..31).as_bytes());
    let older = site.log.older(Some(active.id)).unwrap();
    let names: Vec<_> = older.iter().map(|file| file.name.to_string()).collect();
    assert_eq!(names, [format!("{}.gz", name(9)), name(19)]);
    assert_eq!(active.id, id(&site.path(&name(29)).metadata().unwrap()));
}

#[test]
fn after_a_crash_a_rotation_in_two_forms_is_shown_once() {
    let site = Site::new();
    site.put(
        &format!("{}.gz", name(19)),
        &packed(text(10..20).as_bytes()),
    );
    site.put(&format!("{}.gz.tmp", name(19)), b"half of it");
    assert_eq!(site.lines(&Query::default()), expected(0..30));
    assert_eq!(site.lines(&last(15)), expected(15..30));
}

#[test]
fn enough_is_enough_and_no_log_is_no_error() {
    let site = Site::new();
    for query in [Query::default(), last(30)] {
        let mut seen = 0;
        let mut out = Out {
            line: &mut |_| {
                seen += 1;
                if seen == 7 { ENOUGH } else { GO_ON }
            },
            note: &mut |note| panic!("{note}"),
        };
        assert!(site.log.read(&query, &mut out).unwrap().found);
        assert_eq!(seen, 7);
    }
    let nothing = Site::empty();
    let mut out = Out {
        line: &mut |_| panic!(),
        note: &mut |note| panic!("{note}"),
    };
    assert!(!nothing.log.read(&last(20), &mut out).unwrap().found);
    crate::files::create_private_dir(&nothing.log.path).unwrap();
    let error = nothing.log.read(&last(20), &mut out).unwrap_err();
    assert!(error.to_string().starts_with("open `"), "{error}");
}

/// What a log lives through while it is followed.
#[derive(Debug, Clone, Copy)]
enum Step {
    Write(u8),
    Rotate,
    Compress,
    Poll,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1u8..9).prop_map(Step::Write),
        2 => Just(Step::Rotate),
        1 => Just(Step::Compress),
        2 => Just(Step::Poll),
    ]
}

/// Compresses the newest rotated file that is plain.
fn compress(site: &Site) {
    let older = site.log.older(None).unwrap();
    let mut plain = older.iter().rev();
    if let Some(file) = plain.find(|file| file.name.form() == super::super::Form::Plain) {
        let bytes = packed(&fs::read(&file.path).unwrap());
        let name = file.name.in_form(super::super::Form::Gzip).to_string();
        site.put(&name, &bytes);
        crate::files::remove(&file.path).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_follower_sees_each_line_once_whatever_is_rotated_and_compressed(
        before in proptest::collection::vec(step(), 0..6),
        after in proptest::collection::vec(step(), 0..25),
    ) {
        let site = Site::empty();
        let writer = LogFile::open(&site.log.path, Clock::System).unwrap();
        let mut written = 0;
        let mut act = |step: Step| match step {
            Step::Write(count) => for _ in 0..count {
                writer.write_line((line(written) + "\n").as_bytes()).unwrap();
                written += 1;
            },
            Step::Rotate => drop(writer.rotate().unwrap()),
            Step::Compress => compress(&site),
            Step::Poll => {}
        };
        for step in before {
            act(step);
        }
        let mut lines = Vec::new();
        let mut collect = |bytes: &[u8]| {
            lines.push(String::from_utf8(bytes.to_vec()).unwrap());
            GO_ON
        };
        let mut out = Out { line: &mut collect, note: &mut |note| panic!("{note}") };
        let query = Query { follow: true, ..Query::default() };
        let position = site.log.read(&query, &mut out).unwrap();
        let mut follower = Follower::new(&site.log, &query.wanted, position);
        for step in after {
            act(step);
            if matches!(step, Step::Poll) {
                prop_assert!(follower.poll(&mut out).unwrap().is_continue());
            }
        }
        prop_assert!(follower.poll(&mut out).unwrap().is_continue());
        prop_assert_eq!(lines, expected(0..written));
    }
}

#[test]
fn a_follower_waits_for_ends_of_lines_and_for_files() {
    let site = Site::empty();
    let query = Query {
        follow: true,
        ..last(0)
    };
    let (mut lines, mut notes) = (Vec::new(), 0);
    let mut out = Out {
        line: &mut |line| {
            lines.push(String::from_utf8(line.to_vec()).unwrap());
            GO_ON
        },
        note: &mut |_| notes += 1,
    };
    let position = site.log.read(&query, &mut out).unwrap();
    let mut follower = Follower::new(&site.log, &query.wanted, position);
    let mut poll = || assert!(follower.poll(&mut out).unwrap().is_continue());
    poll();
    site.add("one\ntw");
    poll();
    site.add("o\nthree\nfour");
    poll();
    // Somebody's editor, or a copy-and-truncate.
    site.put("cut", b"");
    File::options()
        .write(true)
        .open(&site.log.path)
        .unwrap()
        .set_len(0)
        .unwrap();
    site.add("5\n");
    poll();
    // It is taken away with its last line not ended.
    site.add("six");
    poll();
    crate::files::remove(&site.log.path).unwrap();
    poll();
    site.add("seven\n");
    poll();
    assert_eq!(lines, ["one", "two", "three", "5", "six", "seven"]);
    assert_eq!(notes, 1);
}
