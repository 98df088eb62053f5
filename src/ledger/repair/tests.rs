//! Damage of every sort on real files.

use std::io::{Seek, SeekFrom, Write};

use super::*;

const PAGE: u64 = 4_096;

struct Desk {
    _root: tempfile::TempDir,
    folder: PathBuf,
    path: PathBuf,
}

/// A folder with a ledger of some size, whose last life ended well or did not.
fn desk(ended: bool) -> Desk {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().to_owned();
    let path = folder.join("bellkeeper.db");
    let ledger = Ledger::open(&path, Clock::System).unwrap();
    let me = ledger.begin("daemon", "host", "1").unwrap();
    for n in 0..200 {
        ledger
            .note("me", "act", "", &format!("{n} ").repeat(60))
            .unwrap();
    }
    if ended {
        ledger.end(me).unwrap();
    }
    ledger.checkpoint().unwrap();
    drop(ledger);
    let desk = Desk {
        _root: root,
        folder,
        path,
    };
    assert_eq!(desk.names(), ["bellkeeper.db"]);
    desk
}

impl Desk {
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.folder).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn spoil(&self, at: u64, bytes: &[u8]) {
        let mut file = fs::File::options().write(true).open(&self.path).unwrap();
        file.seek(SeekFrom::Start(at)).unwrap();
        file.write_all(bytes).unwrap();
    }

    fn open(&self) -> Result<(Ledger, Option<SetAside>), Error> {
        Ledger::open_sound(&self.path, &Clock::System)
    }

    /// The ledger is set aside as it is, and the new one is empty and works.
    #[track_caller]
    fn is_set_aside(&self, why: &str) {
        let before = fs::read(&self.path).unwrap();
        let error = Ledger::open(&self.path, Clock::System).map(|ledger| ledger.check());
        assert!(!matches!(error, Ok(Ok(()))), "it looks sound");
        assert_eq!(
            fs::read(&self.path).unwrap(),
            before,
            "looking has changed it"
        );
        let (ledger, kept) = self.open().unwrap();
        let kept = kept.expect("it is set aside");
        assert!(kept.why.contains(why), "{}", kept.why);
        assert_eq!(fs::read(&kept.path).unwrap(), before);
        assert!(Ledger::was_set_aside(&self.path));
        assert_eq!(ledger.journal(9).unwrap(), []);
        let me = ledger.begin("daemon", "host", "1").unwrap();
        ledger.decide(me, &[], &[]).unwrap();
        ledger.end(me).unwrap();
        drop(ledger);
        let (_, again) = self.open().unwrap();
        assert_eq!(again, None);
    }
}

#[test]
fn a_sound_ledger_stays_however_its_last_life_ended() {
    for ended in [true, false] {
        let desk = desk(ended);
        let (ledger, kept) = desk.open().unwrap();
        assert_eq!((kept, ledger.journal(999).unwrap().len()), (None, 200));
        assert!(!Ledger::was_set_aside(&desk.path));
    }
}

#[test]
fn garbage_in_the_first_bytes() {
    let desk = desk(true);
    desk.spoil(0, b"0123456789abcdef");
    desk.is_set_aside("file is not a database");
}

#[test]
fn a_file_that_was_never_a_database() {
    let desk = desk(true);
    files::write_atomic(&desk.path, &b"dear diary, ".repeat(1_000)).unwrap();
    desk.is_set_aside("file is not a database");
}

#[test]
fn a_file_cut_short() {
    for ended in [true, false] {
        let desk = desk(ended);
        let length = fs::metadata(&desk.path).unwrap().len();
        assert!(length > 20 * PAGE);
        let file = fs::File::options().write(true).open(&desk.path).unwrap();
        file.set_len(length / 2 + 100).unwrap();
        desk.is_set_aside("malformed");
    }
}

#[test]
fn a_page_of_zeros_in_the_middle() {
    let desk = desk(false);
    let middle = fs::metadata(&desk.path).unwrap().len() / 2 / PAGE * PAGE;
    desk.spoil(middle, &vec![0; usize::try_from(PAGE).unwrap()]);
    desk.is_set_aside("");
}

#[test]
fn flipped_bytes_in_the_page_of_the_schema() {
    let desk = desk(true);
    let page = fs::read(&desk.path).unwrap();
    // From the header of the tree on, behind that of the file.
    let flipped: Vec<u8> = page[100..4_000].iter().map(|byte| byte ^ 0x55).collect();
    desk.spoil(100, &flipped);
    desk.is_set_aside("malformed");
}

#[test]
fn a_table_or_a_column_that_is_gone() {
    for (sql, why) in [
        ("DROP TABLE journal", "the table `journal` is missing"),
        (
            "ALTER TABLE journal DROP COLUMN detail",
            "the column `detail` of the table `journal` is missing",
        ),
    ] {
        let desk = desk(true);
        let connection = sqlite::open_existing(&desk.path).unwrap();
        connection.execute_batch(sql).unwrap();
        sqlite::fold_on_close(&connection, true).unwrap();
        drop(connection);
        desk.is_set_aside(why);
    }
}

/// What was in the log only is lost, but what is left is a ledger.
#[test]
fn a_log_that_is_gone() {
    let desk = desk(true);
    let ledger = Ledger::open(&desk.path, Clock::System).unwrap();
    ledger.note("me", "in the log only", "", "").unwrap();
    sqlite::fold_on_close(&ledger.lock(), false).unwrap();
    drop(ledger);
    files::remove(&desk.folder.join("bellkeeper.db-wal")).unwrap();
    let (ledger, kept) = desk.open().unwrap();
    assert_eq!((kept, ledger.journal(999).unwrap().len()), (None, 200));
}

#[test]
fn a_log_without_its_database_is_kept() {
    let desk = desk(true);
    let ledger = Ledger::open(&desk.path, Clock::System).unwrap();
    ledger.note("me", "in the log only", "", "").unwrap();
    sqlite::fold_on_close(&ledger.lock(), false).unwrap();
    drop(ledger);
    let log = desk.folder.join("bellkeeper.db-wal");
    let before = fs::read(&log).unwrap();
    files::remove(&desk.path).unwrap();
    let (ledger, kept) = desk.open().unwrap();
    let kept = kept.unwrap();
    assert!(kept.why.contains("is gone"), "{}", kept.why);
    assert_eq!(fs::read(beside(&kept.path, "-wal")).unwrap(), before);
    assert_eq!(ledger.journal(9).unwrap(), []);
}

#[test]
fn the_log_goes_with_its_database() {
    let desk = desk(true);
    let ledger = Ledger::open(&desk.path, Clock::System).unwrap();
    ledger.note("me", "in the log only", "", "").unwrap();
    let (before, log) = (
        fs::read(&desk.path).unwrap(),
        beside(&desk.path, "-wal").metadata().unwrap().len(),
    );
    let found = Error::Damaged {
        path: desk.path.clone(),
        what: "something".to_owned(),
    };
    let (_, kept) = ledger.give_up(&found).unwrap();
    assert_eq!(kept.why, "something");
    assert_eq!(fs::read(&kept.path).unwrap(), before);
    let log_kept = beside(&kept.path, "-wal").metadata().unwrap().len();
    assert_eq!((log_kept, log > 0), (log, true));
    // Under its new name it is still a whole database.
    let (old, _) = Ledger::open_sound(&kept.path, &Clock::System).unwrap();
    assert_eq!(old.journal(1).unwrap()[0].act, "in the log only");
}

#[test]
fn damage_that_only_a_statement_meets() {
    let desk = desk(true);
    // Trees that a clean start does not read.
    let length = fs::metadata(&desk.path).unwrap().len();
    let first = 2 * PAGE;
    let garbage = vec![0xAA; usize::try_from(length - first).unwrap()];
    desk.spoil(first, &garbage);
    let before = fs::read(&desk.path).unwrap();
    let (ledger, met) = match desk.open().unwrap() {
        (ledger, None) => {
            let error = ledger.begin("daemon", "host", "1").unwrap_err();
            assert_eq!(error.trouble(), Trouble::Damaged, "{error}");
            ledger.give_up(&error).unwrap()
        }
        (ledger, Some(kept)) => (ledger, kept),
    };
    assert_eq!(fs::read(&met.path).unwrap(), before);
    ledger.begin("daemon", "host", "1").unwrap();
}

#[test]
fn names_are_never_taken_twice() {
    let desk = desk(true);
    let now = "2026-11-24T02:00:00Z".parse().unwrap();
    let taken = "bellkeeper.db.corrupt-20261124T020000Z";
    let mut kept = Vec::new();
    for text in ["one", "two", "three"] {
        files::write_atomic(&desk.path, text.as_bytes()).unwrap();
        kept.push(set_aside(&desk.path, now).unwrap());
    }
    assert_eq!(
        desk.names(),
        [taken.to_owned(), format!("{taken}-2"), format!("{taken}-3")]
    );
    assert_eq!(fs::read(&kept[2]).unwrap(), b"three");
}

#[test]
fn a_newer_ledger_is_refused_and_left_as_it_is() {
    let desk = desk(false);
    let connection = sqlite::open_existing(&desk.path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    sqlite::fold_on_close(&connection, true).unwrap();
    drop(connection);
    let before = fs::read(&desk.path).unwrap();
    let error = desk.open().unwrap_err();
    assert!(matches!(error, Error::TooNew { found: 99, .. }), "{error}");
    assert!(
        error.to_string().contains("is of a newer version"),
        "{error}"
    );
    assert_eq!(fs::read(&desk.path).unwrap(), before);
    assert!(!Ledger::was_set_aside(&desk.path));
}

#[test]
fn a_folder_in_its_place_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("bellkeeper.db");
    fs::create_dir(&path).unwrap();
    let error = Ledger::open_sound(&path, &Clock::System).unwrap_err();
    assert_eq!(error.trouble(), Trouble::Closed, "{error:?}");
    assert!(error.to_string().ends_with("cannot be opened"), "{error}");
    assert!(path.is_dir());
}

#[test]
fn a_ledger_without_room_says_so() {
    let desk = desk(true);
    let (ledger, _) = desk.open().unwrap();
    ledger
        .lock()
        .pragma_update(None, "max_page_count", 1)
        .unwrap();
    let long = "x".repeat(1 << 20);
    let error = ledger.note("me", "act", "", &long).unwrap_err();
    assert_eq!(error.trouble(), Trouble::Full, "{error:?}");
    let act = "write the journal in the ledger";
    assert!(error.to_string().starts_with(act), "{error}");
}

#[test]
fn a_ledger_that_another_program_locks_says_so() {
    let desk = desk(true);
    let holder = Connection::open(&desk.path).unwrap();
    holder
        .execute_batch("PRAGMA locking_mode = exclusive; BEGIN EXCLUSIVE;")
        .unwrap();
    let error = desk.open().unwrap_err();
    assert_eq!(error.trouble(), Trouble::Locked, "{error:?}");
    assert!(error.to_string().ends_with("is locked by another program"));
}
