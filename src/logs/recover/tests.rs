use std::io::Write;

use super::*;
use crate::{
    files::fault::{Fault, each},
    logs::{copy_away, pack, rename_away},
    watch::Watch,
};

struct Site(tempfile::TempDir);

const PLAIN: &str = "a-20261124T020000Z.log";

impl Site {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let site = Self(tempfile::tempdir().unwrap());
        for (name, bytes) in files {
            let mut file = fs::File::create(site.path(name)).unwrap();
            file.write_all(bytes).unwrap();
        }
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn look(&self, sealed: Option<bool>) -> Found {
        recover(&self.path("a.log"), None, &|_, _| Ok(sealed)).unwrap()
    }

    /// Repairs, and says what is there then.
    fn mend(&self, sealed: Option<bool>) -> Vec<String> {
        let found = self.look(sealed);
        for repair in &found.repairs {
            repair.apply().unwrap();
        }
        let there = rotated(&self.path("a.log"), None).unwrap();
        assert_eq!(there, found.rotated, "{:?}", found.repairs);
        let again = self.look(sealed).repairs;
        assert!(
            again
                .iter()
                .all(|repair| matches!(repair, Repair::Leave { .. }))
        );
        let mut names: Vec<_> = fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let file = tempfile::NamedTempFile::new().unwrap();
    pack(&mut &*bytes, file.reopen().unwrap()).unwrap();
    fs::read(file.path()).unwrap()
}

#[test]
fn a_sound_folder_needs_nothing() {
    let site = Site::new(&[("a.log", b"x\n"), (PLAIN, b"y\n"), ("b.log.tmp", b"z")]);
    assert_eq!(site.look(None).repairs, []);
    assert_eq!(site.look(None).rotated.len(), 1);
}

/// Files, what the key says of the encrypted one, and what is there afterwards.
type Case<'a> = (Vec<(&'a str, &'a [u8])>, Option<bool>, &'a [&'a str]);

#[test]
fn what_was_begun_is_undone_and_what_was_made_is_finished() {
    let (packed, gzip) = (gz(b"y\n"), "a-20261124T020000Z.log.gz");
    let sealed = "a-20261124T020000Z.log.gz.age";
    let temp = |name: &str| format!("{name}.tmp");
    let (gzip_temp, sealed_temp) = (temp(gzip), temp(sealed));
    let cases: [Case<'_>; 7] = [
        (
            vec![(PLAIN, b"y\n"), (&gzip_temp, &packed[..9])],
            None,
            &[PLAIN],
        ),
        (vec![(PLAIN, b"y\n"), (gzip, &packed)], None, &[gzip]),
        (vec![(PLAIN, b"y\n"), (gzip, &packed[..15])], None, &[PLAIN]),
        (vec![(gzip, &packed), (&sealed_temp, b"age")], None, &[gzip]),
        (vec![(gzip, &packed), (sealed, b"age")], None, &[gzip]),
        (
            vec![(gzip, &packed), (sealed, b"age")],
            Some(true),
            &[sealed],
        ),
        (
            vec![(PLAIN, b"y\n"), (gzip, &packed), (sealed, b"age")],
            Some(true),
            &[sealed],
        ),
    ];
    for (files, key, expected) in cases {
        let site = Site::new(&files);
        assert_eq!(site.mend(key), expected, "{files:?}");
    }
}

#[test]
fn what_a_crash_does_not_leave_is_left_to_a_person() {
    let other = gz(b"other\n");
    let gzip = "a-20261124T020000Z.log.gz";
    let site = Site::new(&[(PLAIN, b"y\n"), (gzip, &other)]);
    assert_eq!(site.mend(None), [PLAIN, gzip]);
    let temp = "a-20261124T020000Z.log.gz.tmp";
    let site = Site::new(&[(temp, &other)]);
    assert_eq!(site.mend(None), [temp]);
    let Repair::Leave { reason, .. } = &site.look(None).repairs[0] else {
        panic!()
    };
    assert!(reason.contains("the original is gone"), "{reason}");
}

#[test]
fn a_copy_counts_only_if_the_log_was_emptied() {
    let temp = "a-20261124T020000Z.log.tmp";
    for (log, copy, expected) in [
        (&b"one\ntwo\n"[..], &b"one\ntwo\n"[..], &["a.log"][..]),
        (b"one\ntwo\nthree\n", b"one\ntwo\n", &["a.log"]),
        (b"one\ntwo\n", b"", &["a.log"]),
        (b"", b"one\ntwo\n", &[PLAIN, "a.log"]),
        (b"three\n", b"one\ntwo\n", &[PLAIN, "a.log"]),
    ] {
        let site = Site::new(&[("a.log", log), (temp, copy)]);
        assert_eq!(site.mend(None), expected, "{log:?} {copy:?}");
    }
}

#[test]
fn whatever_operation_fails_a_foreign_log_is_there_once() {
    for copied in [false, true] {
        for fault in [Fault::Full, Fault::Dead] {
            let operations = each(
                fault,
                |_| {
                    let site = Site::new(&[("a.log", b"one\ntwo\n")]);
                    let (log, to) = (site.path("a.log"), site.path(PLAIN));
                    let done = if copied {
                        copy_away(&log, &to, &Watch::default())
                    } else {
                        rename_away(&log, &to)
                    };
                    (site, done)
                },
                |at, (site, done)| {
                    site.mend(None);
                    let read = |name| fs::read(site.path(name)).unwrap_or_default();
                    let all = [read(PLAIN), read("a.log")].concat();
                    assert_eq!(all, b"one\ntwo\n", "{copied} {fault:?} {at} {done:?}");
                    if done.is_ok() {
                        assert_eq!(read("a.log"), b"");
                    }
                },
            );
            assert!(operations >= 3, "{operations}");
        }
    }
}
