use std::{cell::Cell, fs};

use super::*;
use crate::{
    files::fault::{Fault, each},
    logs::{Form, recover, rotated},
    watch::CancelReason,
};

struct Site {
    root: tempfile::TempDir,
    log: PathBuf,
    plain: PathBuf,
    packed: PathBuf,
}

const TEXT: &[u8] = b"one\ntwo\nthree\n";

impl Site {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let place = |name: &str| root.path().join(name);
        let (log, plain) = (place("a.log"), place("a-20261124T020000Z.log"));
        let packed = place("a-20261124T020000Z.log.gz");
        let mut file = File::create(&plain).unwrap();
        file.write_all(TEXT).unwrap();
        Self {
            root,
            log,
            plain,
            packed,
        }
    }

    fn count(&self) -> usize {
        fs::read_dir(self.root.path()).unwrap().count()
    }
}

fn unpacked(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut reader = gzip::Reader::new(BufReader::new(File::open(path)?));
    reader.read_to_end(&mut bytes).map(|_| bytes)
}

#[test]
fn the_packed_file_takes_the_place_of_the_plain_one_with_its_mode_and_age() {
    let site = Site::new();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o640);
    fs::set_permissions(&site.plain, mode).unwrap();
    let before = site.plain.metadata().unwrap();
    let bytes = convert(&site.plain, &site.packed, PACK, &Watch::default()).unwrap();
    let after = site.packed.metadata().unwrap();
    assert_eq!(unpacked(&site.packed).unwrap(), TEXT);
    assert_eq!((site.count(), after.len()), (1, bytes));
    assert_eq!(after.mode(), before.mode());
    assert_eq!(after.modified().unwrap(), before.modified().unwrap());
}

#[test]
fn whatever_operation_fails_the_lines_are_there_once_after_a_recovery() {
    for fault in [Fault::Full, Fault::Dead] {
        let operations = each(
            fault,
            |_| {
                let site = Site::new();
                let made = convert(&site.plain, &site.packed, PACK, &Watch::default());
                (site, made)
            },
            |at, (site, made)| {
                // What has its final name is whole, before anybody cleans up.
                if site.packed.exists() {
                    assert_eq!(unpacked(&site.packed).unwrap(), TEXT, "{at}");
                }
                assert!(site.packed.exists() || fs::read(&site.plain).unwrap() == TEXT);
                assert!(made.is_ok() || at < 9, "{at}");
                let found = recover(&site.log, None, &|_, _| Ok(None)).unwrap();
                for repair in &found.repairs {
                    repair.apply().unwrap();
                }
                let there = rotated(&site.log, None).unwrap();
                assert_eq!((there.len(), site.count()), (1, 1), "{at}: {there:?}");
                assert_eq!(there, found.rotated);
                let lines = match there[0].name.form() {
                    Form::Plain => fs::read(&there[0].path).unwrap(),
                    _ => unpacked(&there[0].path).unwrap(),
                };
                assert_eq!(lines, TEXT, "{at}");
            },
        );
        assert_eq!(operations, 9);
    }
}

/// Fails at its `left`-th write.
struct Filling(File, usize);

impl Write for Filling {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.1 == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.1 -= 1;
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_disk_that_is_full_at_any_write_leaves_the_plain_file_alone() {
    let site = Site::new();
    for writes in 0.. {
        let how = How {
            write: &|from, to| pack(from, Filling(to, writes)),
            check: PACK.check,
        };
        match convert(&site.plain, &site.packed, how, &Watch::default()) {
            Ok(_) => {
                assert!(writes > 3, "{writes}");
                break;
            }
            Err(error) => {
                assert!(error.is_full() && error.is_retryable(), "{error:?}");
                assert_eq!(
                    (fs::read(&site.plain).unwrap(), site.count()),
                    (TEXT.to_vec(), 1)
                );
            }
        }
    }
    assert_eq!(unpacked(&site.packed).unwrap(), TEXT);
}

#[test]
fn what_does_not_read_back_gets_no_name() {
    let site = Site::new();
    let how = How {
        write: &|from, to| {
            io::copy(from, &mut io::sink())?;
            pack(&mut &b"one\ntwo\n"[..], to)
        },
        check: PACK.check,
    };
    let error = convert(&site.plain, &site.packed, how, &Watch::default()).unwrap_err();
    assert!(matches!(error, Error::ReadBack { .. }), "{error:?}");
    assert_eq!(
        (fs::read(&site.plain).unwrap(), site.count()),
        (TEXT.to_vec(), 1)
    );
}

#[test]
fn a_file_that_is_still_written_stays() {
    let site = Site::new();
    let append = || {
        let mut file = files::append_private(&site.plain).unwrap();
        file.write_all(b"late\n").unwrap();
    };
    // While it is compressed, and after it was compared.
    for late in [false, true] {
        let checked = Cell::new(false);
        let how = How {
            write: &|from, to| pack(from, to),
            check: &|from, packed| {
                if !late {
                    append();
                }
                let same = (PACK.check)(from, packed);
                if late {
                    append();
                }
                checked.set(true);
                same
            },
        };
        let error = convert(&site.plain, &site.packed, how, &Watch::default()).unwrap_err();
        assert!(
            matches!(error, Error::Changed { .. }) && checked.get(),
            "{error:?}"
        );
        assert_eq!(site.count(), 1);
    }
    let text = fs::read(&site.plain).unwrap();
    assert_eq!(text, [TEXT, b"late\nlate\n"].concat());
}

#[test]
fn a_name_that_is_taken_is_never_replaced() {
    let site = Site::new();
    files::write_new(&site.packed, b"somebody's").unwrap();
    let error = convert(&site.plain, &site.packed, PACK, &Watch::default()).unwrap_err();
    assert!(error.to_string().contains("publish"), "{error}");
    assert_eq!(fs::read(&site.packed).unwrap(), b"somebody's");
    assert_eq!(
        (fs::read(&site.plain).unwrap(), site.count()),
        (TEXT.to_vec(), 2)
    );
}

#[test]
fn work_that_is_told_to_stop_changes_nothing() {
    let site = Site::new();
    let watch = Watch::default();
    let how = How {
        write: &|from, to| {
            watch.cancel.cancel(CancelReason::Timeout);
            pack(from, to)
        },
        check: PACK.check,
    };
    let error = convert(&site.plain, &site.packed, how, &watch).unwrap_err();
    assert_eq!(error.cancelled(), Some(CancelReason::Timeout));
    assert_eq!(site.count(), 1);
    let error = convert(&site.plain, &site.packed, PACK, &watch).unwrap_err();
    assert_eq!(error.cancelled(), Some(CancelReason::Timeout));
}

#[test]
fn a_file_is_carried_to_a_folder_that_is_made_for_it() {
    let site = Site::new();
    let to = site.root.path().join("old/deep/a-20261124T020000Z.log");
    assert_eq!(carry(&site.plain, &to, &Watch::default()).unwrap(), 14);
    assert_eq!(fs::read(&to).unwrap(), TEXT);
    assert!(!site.plain.exists());
}

#[test]
fn bytes_are_the_same_only_up_to_both_ends() {
    let long = vec![7; 300_000];
    let mut other = long.clone();
    *other.last_mut().unwrap() = 8;
    for (a, b, same) in [
        (&long[..], &long[..], true),
        (&long[..], &other[..], false),
        (&long[..], &long[1..], false),
        (&[][..], &[][..], true),
        (&[][..], &[1][..], false),
    ] {
        assert_eq!(same_bytes(&mut &*a, &mut &*b).unwrap(), same);
    }
}
