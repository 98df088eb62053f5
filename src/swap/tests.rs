//! Every operation of a swap fails once, or is the last one of its process: what is in the places
//! afterwards is all old or all new.

use std::{
    fs,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use rusqlite::Connection;

use super::{record::State, *};
use crate::{
    files::fault::{Fault, each},
    sqlite::{beside, fold_on_close},
};

fn nobody(_: &[PathBuf]) -> Vec<User> {
    Vec::new()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// A root with a database, of which some rows are only in its log, and a few files.
struct Desk {
    root: tempfile::TempDir,
}

/// What is in the places: the rows of the database, and the files.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    rows: Result<Vec<i64>, String>,
    files: Vec<Option<String>>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "not counted among the operations of a swap"
)]
fn write(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
    fs::write(path, bytes)
}

const GARBAGE: [u8; 99] = [9; 99];
const FILES: [&str; 3] = ["config/a.yaml", "config/b.yaml", "config/new/c.yaml"];

impl Desk {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let desk = Self { root };
        for folder in ["data", "config"] {
            fs::create_dir(desk.path(folder)).unwrap();
        }
        Self::database(&desk.path("data/x.db"), "wal", &[1, 2]);
        desk.put("config/a.yaml", "old a");
        desk.put("config/b.yaml", "old b");
        desk
    }

    /// As [`Self::new`], but nobody can read the database.
    fn damaged() -> Self {
        let desk = Self::new();
        let path = desk.path("data/x.db");
        drop(crate::sqlite::Exclusive::take(&path, std::time::Duration::ZERO).unwrap());
        write(&path, GARBAGE).unwrap();
        write(beside(&path, "-wal"), GARBAGE).unwrap();
        desk
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn data(&self) -> PathBuf {
        self.path("data")
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        write(path, text).unwrap();
    }

    /// In mode `wal` the rows are in the log alone when this returns.
    fn database(path: &Path, mode: &str, rows: &[i64]) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let connection = Connection::open(path).unwrap();
        let set = |name, value: &str| connection.pragma_update(None, name, value).unwrap();
        set("journal_mode", mode);
        set("synchronous", "off");
        fold_on_close(&connection, false).unwrap();
        connection.execute_batch("CREATE TABLE t(x)").unwrap();
        for row in rows {
            connection
                .execute("INSERT INTO t VALUES (?1)", [row])
                .unwrap();
        }
    }

    fn item(&self, staging: &mut Staging, name: &str, kind: Kind) -> Item {
        let target = self.path(name);
        let folder = staging.folder_for(Path::new(name), &target).unwrap();
        Item {
            name: name.into(),
            target,
            folder,
            kind,
            act: Act::Put,
        }
    }

    /// New files for all places, staged.
    fn stage(&self) -> (Staging, Record) {
        let mut staging = Staging::create(&self.data(), at(0)).unwrap();
        let new = staging.new_files();
        Self::database(&new.join("data/x.db"), "delete", &[3, 4, 5]);
        for name in FILES {
            let path = new.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            write(path, format!("new {name}")).unwrap();
        }
        let mut items: Vec<Item> = FILES
            .into_iter()
            .map(|name| self.item(&mut staging, name, Kind::File))
            .collect();
        items.push(self.item(&mut staging, "data/x.db", Kind::Database));
        (staging, Record::new("a.age".into(), at(-9), at(0), items))
    }

    fn restore(&self) -> Result<Kept, Error> {
        let (staging, record) = self.stage();
        apply(staging, record, &nobody)
    }

    fn settle(&self) -> Vec<Settled> {
        settle(&self.data(), at(9), &nobody).unwrap()
    }

    /// As somebody sees it who knows nothing of swaps.
    fn see(&self) -> Seen {
        let rows = || {
            let connection = Connection::open(self.path("data/x.db"))?;
            let mut statement = connection.prepare("SELECT x FROM t ORDER BY x")?;
            let rows = statement.query_map([], |row| row.get(0))?;
            rows.collect::<rusqlite::Result<Vec<i64>>>()
        };
        let file = |name| fs::read_to_string(self.path(name)).ok();
        Seen {
            rows: rows().map_err(|error| error.to_string()),
            files: FILES.into_iter().map(file).collect(),
        }
    }

    fn folders(&self) -> usize {
        folder::folders(&self.data()).unwrap().len()
    }
}

fn old() -> Seen {
    Seen {
        rows: Ok(vec![1, 2]),
        files: vec![Some("old a".into()), Some("old b".into()), None],
    }
}

fn new() -> Seen {
    Seen {
        rows: Ok(vec![3, 4, 5]),
        files: FILES.map(|name| Some(format!("new {name}"))).to_vec(),
    }
}

#[test]
fn all_is_new_then_old_again_then_new_again() {
    let desk = Desk::new();
    let kept_now = desk.restore().unwrap();
    assert_eq!(desk.see(), new());
    for ending in ["-wal", "-shm", "-journal"] {
        assert!(
            !beside(&desk.path("data/x.db"), ending).exists(),
            "{ending}"
        );
    }
    assert_eq!(kept(&desk.data()).unwrap(), std::slice::from_ref(&kept_now));
    let back = turn(&kept_now, at(1), &nobody).unwrap();
    assert_eq!(desk.see(), old());
    let back = turn(&back, at(2), &nobody).unwrap();
    assert_eq!(desk.see(), new());
    assert_eq!(desk.settle(), []);
    remove(&back).unwrap();
    assert_eq!((desk.folders(), desk.see()), (0, new()));
}

#[test]
fn a_log_that_is_left_of_the_old_database_is_not_played_into_the_new_one() {
    let desk = Desk::new();
    let wal = beside(&desk.path("data/x.db"), "-wal");
    assert!(wal.metadata().unwrap().len() > 0, "rows are in the log");
    desk.restore().unwrap();
    assert!(!wal.exists());
    assert_eq!(desk.see(), new());
}

#[test]
fn a_log_without_its_database_is_kept_and_not_played() {
    let desk = Desk::new();
    crate::files::remove(&desk.path("data/x.db")).unwrap();
    let log = fs::read(beside(&desk.path("data/x.db"), "-wal")).unwrap();
    let done = desk.restore().unwrap();
    assert_eq!(desk.see(), new());
    assert_eq!(
        fs::read(done.folder.join("old/data/x.db-wal")).unwrap(),
        log
    );
}

#[test]
fn a_damaged_database_is_kept_with_what_lies_beside_it_and_comes_back_so() {
    let desk = Desk::damaged();
    let database = desk.path("data/x.db");
    let done = desk.restore().unwrap();
    assert_eq!(desk.see(), new());
    let back = turn(&done, at(1), &nobody).unwrap();
    assert_eq!(fs::read(&database).unwrap(), GARBAGE);
    assert_eq!(fs::read(beside(&database, "-wal")).unwrap(), GARBAGE);
    turn(&back, at(2), &nobody).unwrap();
    assert_eq!(desk.see(), new());
}

#[test]
fn a_database_in_use_is_left_alone_and_its_users_are_named() {
    let desk = Desk::new();
    let reader = Connection::open(desk.path("data/x.db")).unwrap();
    let _rows: i64 = reader
        .query_row("SELECT count(*) FROM t", [], |row| row.get(0))
        .unwrap();
    let error = desk.restore().unwrap_err();
    assert!(matches!(error, Error::InUse { .. }), "{error}");
    drop(reader);
    let (staging, record) = desk.stage();
    let somebody = |_: &[PathBuf]| {
        let program = "sqlite3".to_owned();
        vec![User { pid: 7, program }]
    };
    let error = apply(staging, record, &somebody).unwrap_err().to_string();
    assert!(
        error.ends_with("in another program: pid 7 sqlite3"),
        "{error}"
    );
    assert_eq!((desk.see(), desk.folders()), (old(), 0));
}

#[test]
fn who_opened_the_database_in_the_last_moment_gets_it_back() {
    let desk = Desk::new();
    let (staging, record) = desk.stage();
    let late = |paths: &[PathBuf]| {
        let program = String::new();
        let swapped = paths
            .iter()
            .any(|path| path.components().any(|it| it.as_os_str() == "old"));
        if swapped {
            vec![User { pid: 7, program }]
        } else {
            Vec::new()
        }
    };
    let error = apply(staging, record, &late).unwrap_err();
    assert!(matches!(error, Error::InUse { .. }), "{error}");
    assert_eq!((desk.see(), desk.folders()), (old(), 0));
}

#[test]
fn whatever_operation_fails_the_old_files_are_back() {
    try_each(Fault::Full, Desk::new, false);
    try_each(Fault::Full, Desk::damaged, true);
}

#[test]
fn whatever_operation_is_the_last_one_all_is_old_or_new() {
    try_each(Fault::Dead, Desk::new, false);
    try_each(Fault::Dead, Desk::damaged, true);
}

/// Does something without its operations being counted or failing.
fn outside<T: Send>(act: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(act).join().unwrap())
}

fn try_each(fault: Fault, make: fn() -> Desk, damaged: bool) {
    let found = std::cell::RefCell::new(None);
    each(
        fault,
        |_| {
            let desk = outside(make);
            let (staging, record) = outside(|| desk.stage());
            let result = apply(staging, record, &nobody);
            *found.borrow_mut() = Some(desk);
            result.map(drop)
        },
        |number, result| {
            let desk = found.borrow_mut().take().unwrap();
            judge(&desk, fault, number, &result, damaged);
        },
    );
}

fn judge(desk: &Desk, fault: Fault, number: usize, result: &Result<(), Error>, damaged: bool) {
    let seen = desk.see();
    let of_old = |seen: &Seen| {
        if damaged {
            seen.rows.is_err()
        } else {
            seen.rows == old().rows
        }
    };
    assert!(
        of_old(&seen) || seen.rows == new().rows,
        "{fault:?} {number}: {seen:?}"
    );
    if fault == Fault::Full && result.is_err() {
        let taken_back = of_old(&seen) && seen.files == old().files;
        assert!(taken_back, "{number}: {seen:?}: {result:?}");
    }
    desk.settle();
    let settled = desk.see();
    let all_old = of_old(&settled) && settled.files == old().files;
    assert!(
        all_old || settled == new(),
        "{fault:?} {number}: {settled:?}"
    );
    if result.is_ok() || seen.rows == new().rows {
        assert_eq!(settled, new(), "{fault:?} {number}");
    }
    let kept = kept(&desk.data()).unwrap();
    assert_eq!(
        kept.len(),
        usize::from(settled == new()),
        "{fault:?} {number}"
    );
    assert_eq!(desk.folders(), kept.len(), "{fault:?} {number}");
    for kept in kept {
        turn(&kept, at(20), &nobody).unwrap();
        let back = desk.see();
        assert!(
            of_old(&back) && back.files == old().files,
            "{fault:?} {number}: {back:?}"
        );
    }
}

#[test]
fn the_same_holds_for_putting_back() {
    for fault in [Fault::Full, Fault::Dead] {
        let found = std::cell::RefCell::new(None);
        each(
            fault,
            |_| {
                let (desk, kept) = outside(|| {
                    let desk = Desk::new();
                    let kept = desk.restore().unwrap();
                    (desk, kept)
                });
                let result = turn(&kept, at(1), &nobody);
                *found.borrow_mut() = Some(desk);
                result.map(drop)
            },
            |number, result| {
                let desk = found.borrow_mut().take().unwrap();
                let seen = desk.see();
                assert!(
                    [old().rows, new().rows].contains(&seen.rows),
                    "{number}: {seen:?}"
                );
                if fault == Fault::Full && result.is_err() {
                    assert_eq!(seen, new(), "{number}");
                }
                desk.settle();
                let settled = desk.see();
                assert!(
                    [old(), new()].contains(&settled),
                    "{fault:?} {number}: {settled:?}"
                );
                let kept = kept(&desk.data()).unwrap();
                assert_eq!((kept.len(), desk.folders()), (1, 1), "{fault:?} {number}");
                turn(&kept[0], at(20), &nobody).unwrap();
                let other = if settled == old() { new() } else { old() };
                assert_eq!(desk.see(), other, "{fault:?} {number}");
            },
        );
    }
}

#[test]
fn a_process_that_dies_while_it_settles_leaves_it_to_the_next_one() {
    // Dead in the middle of a swap, then in the middle of ending that.
    for first in 8..40 {
        for second in 0..40 {
            let desk = Desk::new();
            let (staging, record) = desk.stage();
            let (result, struck) = crate::files::fault::with(Fault::Dead, first, || {
                apply(staging, record, &nobody).map(drop)
            });
            if !struck {
                return;
            }
            drop(result);
            let (_, struck) = crate::files::fault::with(Fault::Dead, second, || {
                settle(&desk.data(), at(3), &nobody).map(drop)
            });
            desk.settle();
            let seen = desk.see();
            assert!([old(), new()].contains(&seen), "{first} {second}: {seen:?}");
            if !struck {
                break;
            }
        }
    }
}

#[test]
fn a_folder_without_a_record_is_swept_unless_somebody_is_at_it() {
    let desk = Desk::new();
    let (staging, _record) = desk.stage();
    assert_eq!(desk.settle(), []);
    let folder = staging.folder().to_owned();
    assert!(folder.exists());
    drop(staging);
    assert!(!folder.exists());
    fs::create_dir(&folder).unwrap();
    assert_eq!(desk.settle(), [Settled::Dropped(folder.clone())]);
    assert!(!folder.exists());
}

#[test]
fn a_swap_of_a_living_process_is_not_touched() {
    let desk = Desk::new();
    let (staging, record) = desk.stage();
    record.write(staging.folder()).unwrap();
    let error = settle(&desk.data(), at(1), &nobody).unwrap_err();
    assert!(matches!(error, Error::Busy { .. }), "{error}");
    assert_eq!(desk.see(), old());
}

#[test]
fn what_somebody_put_in_the_place_meanwhile_is_never_lost() {
    let desk = Desk::new();
    let (staging, record) = desk.stage();
    let folder = staging.folder().to_owned();
    record.write(&folder).unwrap();
    // Died after the old file got its second name; then an editor has written anew.
    fs::create_dir_all(folder.join("old/config")).unwrap();
    let place = desk.path("config/a.yaml");
    fs::hard_link(&place, folder.join("old/config/a.yaml")).unwrap();
    std::mem::forget(staging);
    crate::files::remove(&place).unwrap();
    desk.put("config/a.yaml", "newer");
    drop(crate::lock::holder(&folder.join("lock")));
    let record = Record::read(&folder).unwrap().unwrap();
    for item in &record.items {
        item.forget(Side::New).unwrap();
    }
    assert_eq!(fs::read_to_string(&place).unwrap(), "newer");
    let earlier = desk.path("config/a.yaml.before-restore");
    assert_eq!(fs::read_to_string(earlier).unwrap(), "old a");
}

#[test]
fn a_record_of_another_format_is_nobodys_to_touch() {
    let desk = Desk::new();
    let kept_now = desk.restore().unwrap();
    let path = kept_now.folder.join("RECORD.json");
    let text = fs::read_to_string(&path).unwrap();
    write(&path, text.replace("\"format\": 1", "\"format\": 2")).unwrap();
    assert_eq!(kept(&desk.data()).unwrap(), []);
    assert_eq!(desk.settle(), []);
    assert!(kept_now.folder.join("old/data/x.db").exists());
    assert_eq!(State::Kept, kept_now.record.state);
}

#[test]
fn only_the_newest_few_stay() {
    let desk = Desk::new();
    for n in 0..3 {
        let (staging, record) = desk.stage();
        let record = Record {
            at: at(n),
            ..record
        };
        apply(staging, record, &nobody).unwrap();
    }
    let all = kept(&desk.data()).unwrap();
    let ages: Vec<_> = all.iter().map(|kept| kept.record.at).collect();
    assert_eq!(ages, [at(2), at(1), at(0)]);
    assert_eq!(outdated(&all), &all[KEPT - 1..]);
}

#[test]
fn what_is_turned_must_be_what_was_looked_at() {
    let desk = Desk::new();
    crate::files::remove(&desk.path("data/x.db")).unwrap();
    crate::files::remove(&beside(&desk.path("data/x.db"), "-wal")).unwrap();
    let looked_at = desk.restore().unwrap();
    turn(&looked_at, at(1), &nobody).unwrap();
    // The place is empty now; the assistant has begun a new database.
    Desk::database(&desk.path("data/x.db"), "delete", &[7]);
    let error = turn(&looked_at, at(2), &nobody).unwrap_err();
    assert!(matches!(error, Error::Changed { .. }), "{error}");
    assert_eq!(desk.see().rows, Ok(vec![7]));
    let now = kept(&desk.data()).unwrap();
    turn(&now[0], at(3), &nobody).unwrap();
    assert_eq!(desk.see(), new());
}

#[test]
fn only_the_newest_swap_can_be_turned() {
    let desk = Desk::new();
    let first = desk.restore().unwrap();
    let (staging, record) = desk.stage();
    let record = Record {
        at: at(1),
        ..record
    };
    apply(staging, record, &nobody).unwrap();
    let error = turn(&first, at(2), &nobody).unwrap_err();
    assert!(matches!(error, Error::Changed { .. }), "{error}");
    remove(&first).unwrap();
    let error = turn(&first, at(2), &nobody).unwrap_err();
    assert!(matches!(error, Error::Changed { .. }), "{error}");
    assert_eq!(desk.see(), new());
}

#[test]
fn a_database_that_is_begun_after_a_cut_undo_never_replaces_the_one_that_was_put_aside() {
    let found = std::cell::RefCell::new(None);
    each(
        Fault::Dead,
        |_| {
            let (desk, done) = outside(|| {
                let desk = Desk::new();
                crate::files::remove(&desk.path("data/x.db")).unwrap();
                crate::files::remove(&beside(&desk.path("data/x.db"), "-wal")).unwrap();
                let done = desk.restore().unwrap();
                (desk, done)
            });
            let turned = turn(&done, at(1), &nobody);
            *found.borrow_mut() = Some(desk);
            turned.map(drop)
        },
        |number, _| {
            let desk = found.borrow_mut().take().unwrap();
            let place = desk.path("data/x.db");
            let begun = !place.exists();
            if begun {
                Desk::database(&place, "delete", &[7]);
            }
            desk.settle();
            let seen = desk.see();
            if begun {
                assert_eq!(seen.rows, Ok(vec![7]), "{number}");
            }
            if seen.files == old().files {
                let all = kept(&desk.data()).unwrap();
                turn(&all[0], at(20), &nobody).unwrap();
            }
            assert_eq!(desk.see(), new(), "{number}");
        },
    );
}

#[test]
fn a_new_database_is_not_pulled_from_under_who_has_opened_it() {
    let desk = Desk::new();
    let (staging, record) = desk.stage();
    let place = desk.path("data/x.db");
    let opened = std::cell::RefCell::new(None);
    // Between the rename and the last look: one has the old file open, another opens the new one.
    let late = |paths: &[PathBuf]| {
        let is_old = |path: &PathBuf| path.components().any(|it| it.as_os_str() == "old");
        if !paths.iter().any(is_old) {
            return Vec::new();
        }
        let connection = Connection::open(&place).unwrap();
        connection
            .execute_batch("BEGIN; INSERT INTO t VALUES (6)")
            .unwrap();
        *opened.borrow_mut() = Some(connection);
        let program = String::new();
        vec![User { pid: 7, program }]
    };
    let error = apply(staging, record, &late).unwrap_err();
    assert!(matches!(error, Error::CutShort { .. }), "{error}");
    let connection = opened.borrow_mut().take().unwrap();
    connection.execute_batch("COMMIT").unwrap();
    drop(connection);
    assert_eq!(desk.see().rows, Ok(vec![3, 4, 5, 6]));
    assert!(matches!(desk.settle()[..], [Settled::Finished(_)]));
    let seen = desk.see();
    assert_eq!((seen.rows, seen.files), (Ok(vec![3, 4, 5, 6]), new().files));
}

#[test]
fn a_database_that_was_in_its_place_before_a_restart_is_never_taken_back() {
    for first in 8..60 {
        let desk = Desk::new();
        let (staging, record) = desk.stage();
        let (_, struck) = crate::files::fault::with(Fault::Dead, first, || {
            apply(staging, record, &nobody).map(drop)
        });
        assert!(struck, "a database never was the last thing that was done");
        if desk.see().rows != new().rows {
            continue;
        }
        let place = desk.path("data/x.db");
        let connection = Connection::open(&place).unwrap();
        connection.execute("INSERT INTO t VALUES (6)", []).unwrap();
        drop(connection);
        for at_operation in 0..20 {
            let (_, struck) = crate::files::fault::with(Fault::Full, at_operation, || {
                settle(&desk.data(), at(3), &nobody).map(drop)
            });
            assert_eq!(desk.see().rows, Ok(vec![3, 4, 5, 6]), "{at_operation}");
            if !struck {
                break;
            }
        }
        assert_eq!(desk.see().files, new().files);
        return;
    }
}

#[test]
fn what_was_written_into_a_new_database_before_it_could_be_taken_back_is_kept() {
    let late = |paths: &[PathBuf]| {
        let is_old = |path: &PathBuf| path.components().any(|it| it.as_os_str() == "old");
        let program = String::new();
        let late = paths.iter().any(is_old).then_some(User { pid: 7, program });
        late.into_iter().collect()
    };
    let mut tried = 0;
    for last in 0.. {
        let desk = Desk::new();
        let (staging, record) = desk.stage();
        let folder = staging.folder().to_owned();
        let (_, struck) = crate::files::fault::with(Fault::Dead, last, || {
            apply(staging, record, &late).map(drop)
        });
        if !struck {
            break;
        }
        let state = Record::read(&folder).unwrap().map(|record| record.state);
        if state != Some(State::TakingBack) || desk.see().rows != new().rows {
            continue;
        }
        tried += 1;
        let connection = Connection::open(desk.path("data/x.db")).unwrap();
        connection.execute("INSERT INTO t VALUES (6)", []).unwrap();
        drop(connection);
        assert!(matches!(desk.settle()[..], [Settled::TakenBack(_)]));
        assert_eq!(desk.see(), old(), "{last}");
        turn(&kept(&desk.data()).unwrap()[0], at(3), &nobody).unwrap();
        let seen = desk.see();
        assert_eq!((seen.rows, seen.files), (Ok(vec![3, 4, 5, 6]), new().files));
    }
    assert!(tried > 0);
}

#[test]
fn no_swap_begins_before_another_one_is_over() {
    let desk = Desk::new();
    let kept_now = desk.restore().unwrap();
    let (staging, record) = desk.stage();
    let (cut, struck) = crate::files::fault::with(Fault::Dead, 16, || {
        apply(staging, record, &nobody).map(drop)
    });
    assert!(struck && cut.is_err());
    assert!(matches!(
        check_over(&desk.data()),
        Err(Error::Unfinished { .. })
    ));
    let seen = desk.see();
    let (staging, record) = desk.stage();
    let error = apply(staging, record, &nobody).unwrap_err();
    assert!(matches!(error, Error::Unfinished { .. }), "{error}");
    let error = turn(&kept_now, at(2), &nobody).unwrap_err();
    assert!(matches!(error, Error::Unfinished { .. }), "{error}");
    assert_eq!(desk.see(), seen);
    desk.settle();
    check_over(&desk.data()).unwrap();
}

#[test]
fn a_record_that_cannot_be_read_is_an_error_and_not_passed_over() {
    let desk = Desk::new();
    let kept_now = desk.restore().unwrap();
    let path = kept_now.folder.join("RECORD.json");
    crate::files::remove(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let said = [
        settle(&desk.data(), at(1), &nobody).map(drop),
        kept(&desk.data()).map(drop),
        check_over(&desk.data()),
    ];
    for said in said {
        let error = said.unwrap_err();
        assert!(matches!(error, Error::File(_)), "{error}");
        assert!(error.to_string().contains("RECORD.json"), "{error}");
    }
}

#[test]
fn what_a_dead_process_has_staged_on_another_filesystem_is_swept() {
    let desk = Desk::new();
    let (mut staging, _record) = desk.stage();
    let folder = staging.folder().to_owned();
    let other = desk.path("config").join(folder.file_name().unwrap());
    staging.make_other(&other).unwrap();
    desk.put("config/kept", "not of this swap");
    write(other.join("x.db"), "plain").unwrap();
    crate::files::fault::with(Fault::Dead, 0, || drop(staging));
    assert!(other.exists() && folder.exists());
    assert_eq!(desk.settle(), [Settled::Dropped(folder.clone())]);
    assert!(!other.exists() && !folder.exists());
    assert!(desk.path("config/kept").exists());
}
