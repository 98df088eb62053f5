use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufReader, Read, Write},
    os::unix::fs::symlink,
    sync::Arc,
};

use super::*;
use crate::{
    clock::Clock,
    files::{
        self,
        fault::{Fault, each, with},
    },
    gzip,
    job::CancelReason,
    kinds::tests::{cx, site},
    logs::{Form, LogFile, rotated},
};

const SLOT: &str = "2026-11-24T03:00:00Z";

fn job(json: &str) -> RotateLogs {
    serde_json::from_str(json).unwrap()
}

/// A root whose `logs/` a test fills.
struct Place {
    _root: tempfile::TempDir,
    env: Arc<Env>,
}

impl Place {
    fn new() -> Self {
        Self::in_folder(tempfile::tempdir().unwrap())
    }

    /// In memory, where there is such a filesystem: thousands of syncs take long on a busy disk.
    fn quick() -> Self {
        let root = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        Self::in_folder(root.unwrap())
    }

    fn in_folder(root: tempfile::TempDir) -> Self {
        let env = site(root.path());
        Self { _root: root, env }
    }

    /// With a clock that shows `now`; inside a paused runtime it stands still.
    fn at(now: &str) -> Self {
        let place = Self::new();
        let env = Env {
            clock: Clock::virtual_from(now.parse().unwrap()),
            ..(*place.env).clone()
        };
        Self {
            env: Arc::new(env),
            ..place
        }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.env.settings.path(path)
    }

    fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        File::create(&path)
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        path
    }

    fn cx(&self) -> Cx {
        cx(&self.env, SLOT)
    }

    #[track_caller]
    fn run(&self, json: &str) -> Report {
        job(json).run(&self.cx()).unwrap()
    }

    fn steps(&self, json: &str) -> Vec<String> {
        let plan = job(json).plan(&self.cx()).unwrap();
        let line = |step: &Step| format!("{} {}: {}", step.act, step.subject, step.reason);
        plan.steps.iter().map(line).collect()
    }

    fn names(&self, folder: &str) -> Vec<String> {
        pattern::names(&self.path(folder)).unwrap()
    }

    /// The rotated files of a log with what they hold, oldest first.
    fn rotated(&self, log: &str, archive: Option<&str>) -> Vec<(Form, String)> {
        let archive = archive.map(|folder| self.path(folder));
        let files = rotated(&self.path(log), archive.as_deref()).unwrap();
        let read = |file: &logs::Rotated| (file.name.form(), self.read(&file.path));
        files.iter().map(read).collect()
    }

    fn read(&self, path: &Path) -> String {
        let file = || BufReader::new(File::open(path).unwrap());
        let mut text = String::new();
        let name = path.to_string_lossy();
        if name.ends_with(".age") {
            let key = archive::identities(&self.env.encryption.key_file);
            let opened = archive::unseal(path, &key.unwrap().unwrap()).unwrap();
            let mut reader = gzip::Reader::new(BufReader::new(opened));
            reader.read_to_string(&mut text).unwrap();
        } else if name.ends_with(".gz") {
            gzip::Reader::new(file()).read_to_string(&mut text).unwrap();
        } else {
            file().read_to_string(&mut text).unwrap();
        }
        text
    }
}

const SMALL: &str = r#"{"max_size": "5B"}"#;

fn plain(text: &str) -> (Form, String) {
    (Form::Plain, text.to_owned())
}

fn packed(text: &str) -> (Form, String) {
    (Form::Gzip, text.to_owned())
}

#[test]
fn a_log_that_is_large_gets_another_file_and_the_one_before_is_compressed() {
    let place = Place::new();
    let log = place.write("logs/a.log", "first\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o640);
    fs::set_permissions(&log, mode).unwrap();
    place.write("logs/small.log", "x\n");
    let report = place.run(SMALL);
    assert_eq!(report.facts["rotated"], 1);
    assert_eq!(report.facts["compressed"], 0);
    assert_eq!(place.rotated("logs/a.log", None), [plain("first\n")]);
    let facts = log.metadata().unwrap();
    assert_eq!(facts.len(), 0);
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&facts.permissions()) & 0o777,
        0o640
    );
    assert!(place.rotated("logs/small.log", None).is_empty());

    place.write("logs/a.log", "second\n");
    let report = place.run(SMALL);
    assert_eq!(
        place.rotated("logs/a.log", None),
        [packed("first\n"), plain("second\n")]
    );
    assert_eq!(report.facts["compressed"], 1);
    assert!(
        report
            .summary
            .starts_with("2 logs: 1 rotated, 1 compressed; "),
        "{}",
        report.summary
    );
    let report = place.run(SMALL);
    assert_eq!(report.summary, "2 logs: nothing was due");
    assert_eq!(place.rotated("logs/a.log", None).len(), 2);
}

#[test]
fn without_delay_the_newest_is_compressed_at_once_and_without_gzip_nothing() {
    let place = Place::new();
    place.write("logs/a.log", "first\n");
    place.run(r#"{"max_size": "5B", "compress": "none", "delay": 0}"#);
    assert_eq!(place.rotated("logs/a.log", None), [plain("first\n")]);
    place.write("logs/a.log", "second\n");
    place.run(r#"{"max_size": "5B", "delay": 0}"#);
    assert_eq!(
        place.rotated("logs/a.log", None),
        [packed("first\n"), packed("second\n")]
    );
}

#[tokio::test(start_paused = true)]
async fn every_day_counts_days_and_not_hours() {
    let place = Place::at(SLOT);
    let daily = r#"{"every": "day", "min_size": "3B"}"#;
    place.write("logs/a.log", "today\n");
    // Rotated yesterday, less than 24 hours ago.
    place.write("logs/a-20261123T030005Z.log", "yesterday\n");
    place.write("logs/b.log", "today\n");
    place.write("logs/b-20261124T000000Z.log", "this morning\n");
    place.write("logs/c.log", "x\n");
    place.write("logs/c-20261101T000000Z.log", "long ago\n");
    place.write("logs/d.log", "");
    place.write("logs/d-20261101T000000Z.log", "long ago\n");
    assert_eq!(place.run(daily).facts["rotated"], 1);
    let a = place.rotated("logs/a.log", None);
    assert_eq!(a, [packed("yesterday\n"), plain("today\n")]);
    let steps = place.steps(daily);
    for told in [
        "skip logs/a.log: it is empty",
        "skip logs/b.log: 6 B of 20.0 MB, and begun in this day",
        "skip logs/c.log: 2 B are less than `min_size` of 3 B",
        "skip logs/d.log: it is empty",
    ] {
        assert!(steps.iter().any(|step| step == told), "{told} in {steps:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn old_files_go_with_their_reason_also_those_of_a_log_that_is_gone() {
    let place = Place::at(SLOT);
    place.write("logs/a.log", "x\n");
    for day in ["20261001", "20261002", "20261120", "20261121"] {
        place.write(&format!("logs/a-{day}T030000Z.log"), day);
        let packed = if day < "20261100" { ".gz" } else { "" };
        place.write(&format!("logs/gone-{day}T030000Z.log{packed}"), day);
        // Of a program that calls its files so itself.
        place.write(&format!("logs/sync-{day}T020000Z.log"), day);
    }
    place.write("logs/a.log.1", "not ours");
    place.write("logs/a-20260101T000000Z.txt", "not meant");
    let report = place.run(r#"{"keep": {"age": "30d"}}"#);
    assert_eq!(report.facts["removed"], 4);
    let removed: Vec<_> = report
        .notes
        .iter()
        .filter(|n| n.starts_with("remove"))
        .collect();
    assert_eq!(
        removed[0],
        "remove logs/a-20261001T030000Z.log: older than 30d (`age`)"
    );
    assert_eq!(
        place.names("logs"),
        [
            "a-20260101T000000Z.txt",
            "a-20261120T030000Z.log.gz",
            "a-20261121T030000Z.log",
            "a.log",
            "a.log.1",
            "gone-20261120T030000Z.log.gz",
            "gone-20261121T030000Z.log",
            "sync-20261001T020000Z.log",
            "sync-20261002T020000Z.log",
            "sync-20261120T020000Z.log",
            "sync-20261121T020000Z.log",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_a_year_ahead_makes_no_file_too_old() {
    let ahead = Place::at("2027-11-24T03:00:00Z");
    let json = r#"{"every": "day", "delay": 9, "keep": {"age": "30d"}}"#;
    ahead.write("logs/a.log", "x\n");
    for day in ["20261001", "20261120", "20261123"] {
        ahead.write(&format!("logs/a-{day}T030000Z.log"), day);
        // Of a log that is gone.
        let packed = if day < "20261100" { ".gz" } else { "" };
        ahead.write(&format!("logs/b-{day}T030000Z.log{packed}"), day);
    }
    let report = ahead.run(json);
    let told = "skip logs/a.log: 2 of its files are too old only if the clock is right: ";
    let notes = &report.notes;
    assert!(notes.iter().any(|note| note.starts_with(told)), "{notes:?}");
    // What is too old by either clock goes.
    assert_eq!(report.facts["removed"], 2);
    assert_eq!(ahead.rotated("logs/a.log", None).len(), 3);
    assert_eq!(ahead.rotated("logs/b.log", None).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_rotation_of_the_future_does_not_make_each_run_rotate() {
    let now = Clock::System.now() + jiff::SignedDuration::from_secs(2);
    let place = Place::at(&now.to_string());
    place.write("logs/a.log", "x\n");
    place.write("logs/a-20991124T030000Z.log", "by a wrong clock\n");
    let json = r#"{"every": "month"}"#;
    assert_eq!(place.run(json).facts["rotated"], 0);
    assert_eq!(place.rotated("logs/a.log", None).len(), 1);
}

#[test]
fn a_dry_run_is_what_a_run_does_line_for_line() {
    let place = Place::new();
    for (name, text) in [
        ("a.log", "long enough\n"),
        ("a-20261001T030000Z.log", "old\n"),
        ("a-20261120T030000Z.log", "newer\n"),
        ("b.log", "x\n"),
        ("b-20261120T030000Z.log.gz.tmp", "half"),
        ("b-20261120T030000Z.log", "whole\n"),
    ] {
        place.write(&format!("logs/{name}"), text);
    }
    let json = r#"{"files": ["logs/*.log", "none/*.log"], "max_size": "5B", "delay": 0, "keep": {"count": 2}}"#;
    let before = place.names("logs");
    let planned: Vec<_> = place.steps(json);
    assert_eq!(place.names("logs"), before);
    let said: Vec<_> = planned
        .iter()
        .filter(|step| !step.starts_with("keep"))
        .collect();
    let notes = place.run(json).notes;
    // The name of what is rotated holds the second, which may have gone on.
    let without_second = |line: &str| {
        let at = line
            .find("Z.log")
            .filter(|_| line.contains("a-") && !line.contains("20261"));
        at.map_or_else(|| line.to_owned(), |at| line[at..].to_owned())
    };
    let [said, notes]: [Vec<String>; 2] = [
        said.iter().map(|line| without_second(line)).collect(),
        notes.iter().map(|line| without_second(line)).collect(),
    ];
    assert_eq!(notes, said);
    assert!(
        planned.iter().all(|step| !step.ends_with(": ")),
        "{planned:?}"
    );
}

#[test]
fn its_own_log_is_swapped_by_its_writer() {
    let place = Place::new();
    let path = place.env.settings.log_file();
    let own = LogFile::open(&path, Clock::System).unwrap();
    own.write_line(b"before\n").unwrap();
    let report = place.run(r#"{"max_size": "5B", "delay": 0, "method": "copy"}"#);
    own.write_line(b"after\n").unwrap();
    assert_eq!(report.facts["rotated"], 1);
    assert_eq!(
        place.rotated("logs/bellkeeper.log", None),
        [packed("before\n")]
    );
    assert_eq!(fs::read(&path).unwrap(), b"after\n");
    let rotate = job(r#"{"max_size": "1MB", "archive_dir": "old"}"#);
    assert!(rotate.covers(&path, &place.env) && !rotate.covers(&place.path("x.log"), &place.env));
    let limits = rotate.limits(&place.env);
    assert_eq!(limits.max_size, Bytes(1_000_000));
    assert_eq!(limits.archive_dir, Some(place.path("old")));
}

#[test]
fn a_log_whose_program_never_opens_it_again_is_copied_and_emptied() {
    let place = Place::new();
    let path = place.write("logs/a.log", "one\n");
    let mut program = File::options().append(true).open(&path).unwrap();
    program.write_all(b"two\n").unwrap();
    place.run(r#"{"max_size": "5B", "delay": 0, "method": "copy"}"#);
    program.write_all(b"three\n").unwrap();
    assert_eq!(place.rotated("logs/a.log", None), [packed("one\ntwo\n")]);
    assert_eq!(fs::read(&path).unwrap(), b"three\n");
}

#[test]
#[cfg(target_os = "linux")]
fn a_file_that_a_program_still_writes_stays_plain_until_it_does_not() {
    let place = Place::new();
    let path = place.write("logs/a.log", "one\n");
    let mut program = File::options().append(true).open(&path).unwrap();
    let json = r#"{"max_size": "4B", "delay": 0}"#;
    let report = place.run(json);
    let note = report
        .notes
        .iter()
        .find(|note| note.contains("still writes"));
    assert!(note.is_some(), "{:?}", report.notes);
    program.write_all(b"late\n").unwrap();
    assert_eq!(place.rotated("logs/a.log", None), [plain("one\nlate\n")]);
    assert!(
        place
            .steps(json)
            .iter()
            .any(|step| step.contains("still writes"))
    );
    drop(program);
    place.run(json);
    assert_eq!(place.rotated("logs/a.log", None), [packed("one\nlate\n")]);
}

#[test]
fn compressed_files_are_encrypted_if_that_is_asked_for_and_never_plain_instead() {
    let place = Place::new();
    let json = r#"{"max_size": "5B", "delay": 0, "encrypt": true}"#;
    place.write("logs/a.log", "secret\n");
    let report = place.run(json);
    assert_eq!(report.facts["encrypted"], 1);
    let sealed = (Form::Sealed, "secret\n".to_owned());
    assert_eq!(
        place.rotated("logs/a.log", None),
        std::slice::from_ref(&sealed)
    );
    // Without the private key, too.
    let key = &place.env.encryption.key_file;
    let keys = archive::identities(key).unwrap().unwrap();
    let mut env = (*place.env).clone();
    env.encryption.recipients = vec![keys[0].recipient().to_string()];
    env.encryption.key_file = place.path("config/elsewhere.key");
    let without = Place {
        env: Arc::new(env),
        ..place
    };
    without.write("logs/b.log", "secret\n");
    without.run(json);
    let names = without.names("logs");
    assert!(
        names.iter().filter(|n| n.ends_with(".gz.age")).count() == 2,
        "{names:?}"
    );
    // And with nobody to encrypt to nothing happens at all.
    let mut env = (*without.env).clone();
    env.encryption.recipients.clear();
    let nobody = Place {
        env: Arc::new(env),
        ..without
    };
    nobody.write("logs/c.log", "secret\n");
    let error = job(json).run(&nobody.cx()).unwrap_err();
    assert!(error.hint.unwrap().contains("recipients"));
    assert!(nobody.rotated("logs/c.log", None).is_empty());
}

/// Another filesystem than that of temporary folders, where there is one.
fn elsewhere() -> Option<tempfile::TempDir> {
    use std::os::unix::fs::MetadataExt;
    let there = tempfile::tempdir_in("/dev/shm").ok()?;
    let here = tempfile::tempdir().unwrap();
    let device = |dir: &tempfile::TempDir| dir.path().metadata().unwrap().dev();
    (device(&there) != device(&here)).then_some(there)
}

#[test]
fn the_archive_may_be_on_another_filesystem() {
    let place = Place::new();
    let other = elsewhere();
    let folder = other
        .as_ref()
        .map_or_else(|| place.path("old"), |dir| dir.path().join("old"));
    let folder = folder.to_str().unwrap();
    let first = format!(r#"{{"max_size": "5B", "archive_dir": "{folder}", "compress": "none"}}"#);
    for text in ["first\n", "second\n"] {
        place.write("logs/a.log", text);
        place.run(&first);
    }
    assert_eq!(place.names(folder).len(), 1);
    let second = format!(r#"{{"max_size": "5B", "archive_dir": "{folder}", "delay": 0}}"#);
    place.write("logs/a.log", "third\n");
    place.run(&second);
    assert_eq!(
        place.rotated("logs/a.log", Some(folder)),
        [packed("first\n"), packed("second\n"), packed("third\n")]
    );
    assert_eq!(place.names("logs"), ["a.log"]);
    assert_eq!(place.names(folder).len(), 3);
    // Its log is gone; what is in the archive is still looked after.
    files::remove(&place.path("logs/a.log")).unwrap();
    place.run(&second.replace('}', r#", "keep": {"count": 1}}"#));
    assert_eq!(place.names(folder).len(), 1);
}

#[test]
fn room_on_the_disk_of_the_archive_is_made_there() {
    // Nothing to try where there is one filesystem only.
    let Some(other) = elsewhere() else { return };
    let place = Place::new();
    let folder = other.path().to_str().unwrap();
    place.write("logs/a.log", "x\n");
    for day in ["01", "02", "03", "04"] {
        let name = format!("a-202611{day}T030000Z.log");
        let in_archive = day < "03";
        let there = if in_archive {
            other.path().join(name)
        } else {
            place.path("logs").join(name)
        };
        place.write(there.to_str().unwrap(), day);
    }
    let json = format!(
        r#"{{"archive_dir": "{folder}", "delay": 2, "keep": {{"min_free": "1000000TB"}}}}"#
    );
    let report = place.run(&json);
    assert_eq!(report.facts["removed"], 2, "{:?}", report.notes);
    assert_eq!(place.names("logs").len(), 3);
}

#[test]
fn a_disk_too_full_for_a_copy_still_loses_its_old_files_and_none_for_the_copy() {
    let place = Place::new();
    place.write("logs/a.log", "long enough\n");
    for day in ["01", "02", "03"] {
        place.write(&format!("logs/a-202611{day}T030000Z.log"), day);
    }
    let json = r#"{"max_size": "5B", "method": "copy", "delay": 9, "keep": {"count": 2}}"#;
    // Behind the removal of an older copy and the creation of this one.
    let (done, _) = with(Fault::Full, 2, || job(json).run(&place.cx()));
    let error = done.unwrap_err();
    assert!(error.chain().contains("copy"), "{}", error.chain());
    assert_eq!(error.disposition, Disposition::Retry);
    assert_eq!(
        place.rotated("logs/a.log", None),
        [plain("02"), plain("03")]
    );
    assert_eq!(place.read(&place.path("logs/a.log")), "long enough\n");
    assert_eq!(place.run(json).facts["rotated"], 1);
}

#[test]
fn an_archive_that_cannot_be_written_fails_the_run_and_loses_nothing() {
    let place = Place::new();
    place.write("in_the_way", "");
    place.write("logs/a.log", "first\n");
    place.write("logs/b.log", "other\n");
    let json = r#"{"max_size": "5B", "delay": 0, "archive_dir": "in_the_way/old"}"#;
    let error = job(json).run(&place.cx()).unwrap_err();
    assert!(error.to_string().contains("in_the_way/old"), "{error}");
    assert!(error.to_string().contains("and 1 more"), "{error}");
    assert_eq!(error.disposition, Disposition::Permanent);
    assert_eq!(place.rotated("logs/a.log", None), [plain("first\n")]);
    assert_eq!(place.rotated("logs/b.log", None), [plain("other\n")]);
}

#[test]
fn two_logs_of_one_name_do_not_share_an_archive() {
    let place = Place::new();
    place.write("logs/x/a.log", "first\n");
    place.write("logs/y/a.log", "second\n");
    let json = r#"{"files": ["logs/*/a.log"], "max_size": "5B", "archive_dir": "old", "delay": 0}"#;
    // Whose this one is nobody can tell.
    place.write("old/a-20261120T030000Z.log.gz", "of one of them");
    let report = place.run(&json.replace("delay", r#"keep": {"count": 1}, "delay"#));
    assert_eq!(report.facts["compressed"], 0);
    for (log, text) in [("logs/x/a.log", "first\n"), ("logs/y/a.log", "second\n")] {
        let told = format!("skip {log}: `{log}` has the name of another log");
        let notes = &report.notes;
        assert!(notes.iter().any(|n| n.starts_with(&told)), "{notes:?}");
        assert_eq!(place.read(&place.path(log)), text);
    }
    assert_eq!(place.names("old").len(), 1);
}

#[test]
fn a_log_does_not_lose_its_archive_to_a_folder_without_one_of_its_name() {
    let place = Place::new();
    let json = r#"{"files": ["a/*.log", "b/*.log", "*/*.log"], "max_size": "5B", "archive_dir": "old", "delay": 0}"#;
    for text in ["first\n", "second\n"] {
        place.write("b/app.log", text);
        assert_eq!(place.run(json).facts["compressed"], 1);
    }
    // Once it is gone the archive is looked after nevertheless.
    files::remove(&place.path("b/app.log")).unwrap();
    place.run(&json.replace("delay", r#"keep": {"count": 1}, "delay"#));
    assert_eq!(place.names("old").len(), 1);
}

#[test]
fn a_start_does_not_take_the_archive_of_one_log_for_that_of_another() {
    let place = Place::new();
    place.write("a/app.log", "a\n");
    place.write("b/app.log", "b\n");
    let json = r#"{"files": ["a/*.log", "b/*.log"], "archive_dir": "old", "encrypt": true}"#;
    let sealed = place.path("old/app-20261120T030000Z.log.gz.age");
    fs::create_dir(place.path("old")).unwrap();
    let keys = archive::identities(&place.env.encryption.key_file);
    let recipient = keys.unwrap().unwrap()[0].recipient();
    let to = File::create(&sealed).unwrap();
    archive::seal(&mut &b"the only copy"[..], to, &[recipient]).unwrap();
    place.write("b/app-20261120T030000Z.log", "of the same second\n");
    // Its key is not here.
    let mut env = (*place.env).clone();
    env.encryption.key_file = place.path("config/elsewhere.key");
    assert_eq!(job(json).recover(&env).unwrap(), []);
    assert!(sealed.exists() && place.names("b").len() == 2);
}

#[test]
fn an_archive_belongs_to_one_job_but_a_folder_of_logs_to_nobody() {
    let place = Place::new();
    let owned = |json: &str| job(json).owned_folders(&"a".parse().unwrap(), &place.env);
    assert_eq!(owned("{}"), [""; 0].map(PathBuf::from));
    assert_eq!(owned(r#"{"archive_dir": "old/"}"#), [place.path("old")]);
    assert_eq!(
        owned(r#"{"archive_dir": "./logs"}"#),
        [""; 0].map(PathBuf::from)
    );
}

#[test]
fn a_pattern_that_matches_nothing_is_a_note() {
    let place = Place::new();
    let report = place.run(r#"{"files": ["logs/*.log", "logs/none.log"]}"#);
    assert_eq!(report.notes.len(), 2);
    assert!(report.notes[0].starts_with("skip logs/*.log: no log matches it in "));
    assert_eq!(place.steps("{}").len(), 1);
}

#[test]
fn links_and_what_is_no_log_are_left_alone() {
    let place = Place::new();
    let real = place.write("elsewhere/real.txt", "linked\n");
    symlink(&real, place.path("logs/soft.log")).unwrap();
    let hard = place.write("logs/hard.log", "hard-linked\n");
    fs::hard_link(&hard, place.path("logs/other-name")).unwrap();
    fs::create_dir(place.path("logs/folder.log")).unwrap();
    let outside = tempfile::tempdir().unwrap();
    File::create(outside.path().join("x.log"))
        .unwrap()
        .write_all(b"outside\n")
        .unwrap();
    symlink(outside.path(), place.path("logs/way-out")).unwrap();
    let report = place.run(
        r#"{"files": ["logs/*.log", "logs/*/x.log", "data/*", "config/*.yaml", "./*.yaml"], "max_size": "1B"}"#,
    );
    assert_eq!(report.facts["rotated"], 0);
    for told in [
        "`logs/soft.log` is a symbolic link; name the file that it leads to",
        "`logs/hard.log` is one of 2 hard links to a file; remove the other names",
        "`logs/way-out/x.log` lies outside of the root; add its folder to `allowed`",
        "`data/trading_assistant.db` is no log",
        "`config/a.yaml` is no log",
        "`jobs.yaml` is no log",
    ] {
        let found = report.notes.iter().any(|note| note.contains(told));
        assert!(found, "{told} in {:#?}", report.notes);
    }
    assert_eq!(fs::read(&real).unwrap(), b"linked\n");
    // What is named and refused is an error, after the others had their turn.
    place.write("logs/z.log", "fine\n");
    let named = r#"{"files": ["logs/soft.log", "logs/z.log"], "max_size": "1B"}"#;
    let error = job(named).run(&place.cx()).unwrap_err();
    assert!(error.to_string().contains("is a symbolic link"), "{error}");
    assert_eq!(place.rotated("logs/z.log", None).len(), 1);
    // A folder that is allowed is no longer outside.
    let allowed = outside.path().to_str().unwrap();
    let json =
        format!(r#"{{"files": ["{allowed}/*.log"], "max_size": "1B", "allowed": ["{allowed}"]}}"#);
    assert_eq!(place.run(&json).facts["rotated"], 1);
}

#[test]
fn settings_that_cannot_work_are_found_at_load() {
    let place = Place::new();
    let real = place.write("logs/real.log", "x");
    symlink(&real, place.path("logs/soft.log")).unwrap();
    for (json, setting, message) in [
        (r#"{"files": []}"#, "files", "no logs are named"),
        (
            r#"{"files": ["/var/log/*.log"]}"#,
            "files",
            "`/var/log` lies outside of the root",
        ),
        (
            r#"{"files": ["logs/soft.log"]}"#,
            "files",
            "is a symbolic link",
        ),
        (
            r#"{"files": ["data/trading_assistant.db"]}"#,
            "files",
            "is no log",
        ),
        (r#"{"files": ["jobs.yaml"]}"#, "files", "is no log"),
        (
            r#"{"files": ["logs/a.log.gz"]}"#,
            "files",
            "cannot be rotated",
        ),
        (
            r#"{"min_size": "21MB"}"#,
            "min_size",
            "more than `max_size`",
        ),
        (
            r#"{"encrypt": true, "compress": "none"}"#,
            "encrypt",
            "only compressed",
        ),
    ] {
        let problems = job(json).check(&place.env);
        assert_eq!(problems.len(), 1, "{json}: {problems:?}");
        assert_eq!(problems[0].setting, setting);
        assert!(problems[0].message.contains(message), "{problems:?}");
        assert!(problems[0].hint.is_some());
    }
    assert!(serde_json::from_str::<RotateLogs>(r#"{"files": ["logs/**"]}"#).is_err());
    assert_eq!(
        job(r#"{"files": ["logs/real.log", "logs/to-come.log"]}"#).check(&place.env),
        []
    );
}

#[test]
fn what_a_crash_has_left_is_settled_at_a_start() {
    let place = Place::new();
    place.write("logs/a-20261120T030000Z.log", "whole\n");
    place.write("logs/a-20261120T030000Z.log.gz.tmp", "half");
    let done = job("{}").recover(&place.env).unwrap();
    assert_eq!((done.len(), done[0].act.as_str()), (1, "remove"));
    assert_eq!(place.names("logs"), ["a-20261120T030000Z.log"]);
    assert_eq!(job("{}").recover(&place.env).unwrap(), []);
}

#[test]
fn a_run_that_is_told_to_stop_does() {
    let place = Place::new();
    place.write("logs/a.log", "long enough\n");
    let cx = place.cx();
    cx.watch.cancel.cancel(CancelReason::Shutdown);
    let error = job(SMALL).run(&cx).unwrap_err();
    assert_eq!(
        error.disposition,
        Disposition::Interrupted(CancelReason::Shutdown)
    );
    assert_eq!(place.names("logs"), ["a.log"]);
}

const WHOLE: &str = r#"{"max_size": "5B", "delay": 0, "encrypt": true, "archive_dir": "old"}"#;

/// The lines of each log in all of its files, oldest first.
fn all_lines(place: &Place, archive: Option<&str>) -> BTreeMap<&'static str, String> {
    ["logs/a.log", "logs/bellkeeper.log"]
        .into_iter()
        .map(|log| {
            let mut text: String = place
                .rotated(log, archive)
                .into_iter()
                .map(|(_, t)| t)
                .collect();
            text += &fs::read_to_string(place.path(log)).unwrap_or_default();
            (log, text)
        })
        .collect()
}

#[test]
fn whatever_operation_fails_every_line_is_there_once_after_the_next_run() {
    let place = Place::quick();
    // What both methods share is tried with one of them only.
    for json in [
        r#"{"max_size": "5B", "method": "copy", "compress": "none"}"#,
        WHOLE,
    ] {
        for fault in [Fault::Full, Fault::Dead] {
            let operations = each(
                fault,
                |_| {
                    for folder in ["logs", "old"] {
                        drop(fs::remove_dir_all(place.path(folder)));
                        fs::create_dir(place.path(folder)).unwrap();
                    }
                    place.write("logs/a.log", "foreign 1\nforeign 2\n");
                    place.write("logs/bellkeeper.log", "own 1\n");
                    place.write("logs/a-20261120T030000Z.log", "foreign 0\n");
                    let own = LogFile::open(&place.env.settings.log_file(), Clock::System);
                    let done = job(json).run(&place.cx());
                    (own, done)
                },
                |at, (own, done)| {
                    drop(own);
                    if let Err(error) = &done {
                        let text = error.to_string();
                        assert!(
                            !text.is_empty()
                                && error.disposition
                                    != Disposition::Interrupted(CancelReason::Operator)
                        );
                        assert!(
                            fault == Fault::Dead || error.disposition == Disposition::Retry,
                            "{at}: {text}"
                        );
                    }
                    // The next start, and the next run.
                    let own = LogFile::open(&place.env.settings.log_file(), Clock::System).unwrap();
                    let after = job(json).run(&place.cx());
                    assert!(after.is_ok(), "{json} {fault:?} {at}: {after:?}");
                    drop(own);
                    let lines = all_lines(&place, Some("old"));
                    assert_eq!(
                        lines["logs/a.log"], "foreign 0\nforeign 1\nforeign 2\n",
                        "{json} {fault:?} {at}"
                    );
                    assert_eq!(
                        lines["logs/bellkeeper.log"], "own 1\n",
                        "{json} {fault:?} {at}"
                    );
                    for folder in ["logs", "old"] {
                        let names = place.names(folder);
                        let unfinished =
                            |name: &String| name.contains(".tmp") || name.starts_with(".new-");
                        assert!(!names.iter().any(unfinished), "{at}: {names:?}");
                    }
                },
            );
            assert!(operations > 10, "{operations}");
        }
    }
}
