use std::sync::Arc;

use super::*;
use crate::{
    archive::{Sidecar, State},
    job::{ArchiveFolder, Disposition},
    kinds::{
        Backup,
        tests::{cx, site},
    },
};

/// A root whose job `job` has made archives for these days of November.
pub(in crate::kinds) fn made(root: &std::path::Path, days: std::ops::Range<u32>) -> Arc<Env> {
    let env = site(root);
    let backup: Backup = serde_json::from_str(r#"{"what": ["database"]}"#).unwrap();
    for day in days {
        let cx = cx(&env, &format!("2026-11-{day}T02:00:00Z"));
        backup.run(&cx).unwrap();
    }
    let job: JobName = "job".parse().unwrap();
    let folder = ArchiveFolder {
        folder: backup.folder(&job, &env),
        database: true,
    };
    let mut env = Arc::unwrap_or_clone(env);
    env.archives.insert(job, folder);
    Arc::new(env)
}

pub(in crate::kinds) fn paths(env: &Env) -> Vec<PathBuf> {
    let made = env.archives.values().next().unwrap();
    let found = archive::list(&made.folder).unwrap();
    found.into_iter().map(|found| found.path).collect()
}

pub(in crate::kinds) fn spoil(path: &std::path::Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    crate::files::write_atomic(path, &bytes).unwrap();
}

fn verify(text: &str) -> Verify {
    serde_json::from_str(text).unwrap()
}

fn run(verify: &Verify, env: &Arc<Env>) -> Result<Report, JobError> {
    verify.run(&cx(env, "2026-11-24T04:00:00Z"))
}

fn state(path: &std::path::Path) -> State {
    Sidecar::read(path).unwrap().unwrap().state
}

#[test]
fn all_or_the_newest_are_read_with_the_key_that_is_there() {
    let root = tempfile::tempdir().unwrap();
    let env = made(root.path(), 20..23);
    let report = run(&verify("{}"), &env).unwrap();
    assert!(report.summary.starts_with("3 verified, "), "{report:?}");
    assert_eq!(
        (&report.facts["content"], &report.facts["checksum"]),
        (&3.into(), &0.into())
    );
    let report = run(&verify(r#"{"newest": 2}"#), &env).unwrap();
    assert_eq!(report.facts["content"], 2);
    let plan = verify(r#"{"newest": 1}"#)
        .plan(&cx(&env, "2026-11-24T04:00:00Z"))
        .unwrap();
    assert_eq!(plan.steps[0].reason, "number 1 of `job`, by content");
    assert_eq!(plan.steps.len(), 1);
}

#[test]
fn without_a_key_the_check_sum_is_compared_and_that_is_said() {
    let root = tempfile::tempdir().unwrap();
    let env = made(root.path(), 20..22);
    let key = &env.encryption.key_file;
    crate::files::remove(key).unwrap();
    let report = run(&verify("{}"), &env).unwrap();
    assert!(report.summary.contains("by check sum alone"), "{report:?}");
    assert_eq!(report.notes.len(), 2);
    // A key that opens none of them is no better, unless it was asked for.
    archive::generate(key, jiff::Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(run(&verify("{}"), &env).unwrap().facts["checksum"], 2);
    let error = run(&verify(r#"{"identity": "config/backup.key"}"#), &env).unwrap_err();
    assert!(
        error.chain().contains("no private key at hand opens"),
        "{error}"
    );
    let error = run(&verify(r#"{"identity": "usb/my.key"}"#), &env).unwrap_err();
    assert!(error.hint.unwrap().contains("identity: FILE"));
    assert_eq!(error.disposition, Disposition::Permanent);
}

#[test]
fn damaged_ones_are_marked_and_named_and_the_others_are_read_all_the_same() {
    let root = tempfile::tempdir().unwrap();
    let env = made(root.path(), 20..24);
    let paths = paths(&env);
    spoil(&paths[0]);
    spoil(&paths[2]);
    let error = run(&verify("{}"), &env).unwrap_err();
    let told = error.chain();
    assert_eq!(error.disposition, Disposition::Permanent);
    assert!(told.starts_with("2 failed: archive `"), "{told}");
    for (path, damaged) in paths.iter().zip([true, false, true, false]) {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(told.contains(name), damaged, "{told}");
        assert_eq!(state(path) == State::Damaged, damaged);
        let at = Sidecar::read(path).unwrap().unwrap().verified_at;
        assert_eq!(at.is_none(), damaged);
    }
}

#[test]
fn a_fresh_root_has_nothing_to_verify_and_an_emptied_folder_is_a_failure() {
    let root = tempfile::tempdir().unwrap();
    let env = made(root.path(), 0..0);
    let report = run(&verify("{}"), &env).unwrap();
    assert_eq!(report.summary, "nothing to verify: there is no archive yet");
    let other = tempfile::tempdir().unwrap();
    let env = made(other.path(), 20..21);
    for path in paths(&env) {
        crate::files::remove(&path).unwrap();
    }
    let error = run(&verify("{}"), &env).unwrap_err();
    assert!(
        error.chain().contains("holds no archive of `job` any more"),
        "{error}"
    );
}

#[test]
fn a_folder_that_cannot_be_written_is_told_with_a_remedy() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::tempdir().unwrap();
    let env = made(root.path(), 20..21);
    let folder = &env.archives.values().next().unwrap().folder;
    let mode = |bits| std::fs::set_permissions(folder, PermissionsExt::from_mode(bits)).unwrap();
    mode(0o500);
    let probe = crate::files::create_private(&folder.join("probe"));
    let result = run(&verify("{}"), &env);
    mode(0o700);
    // Root writes everywhere.
    if probe.is_err() {
        let error = result.unwrap_err();
        assert!(
            error.hint.as_deref().unwrap().contains("writable"),
            "{error:?}"
        );
    }
}

#[test]
fn the_number_is_one_or_more_or_all() {
    for (text, newest) in [("3", Newest::Count(3)), ("\"all\"", Newest::All)] {
        let read: Newest = serde_json::from_str(text).unwrap();
        assert_eq!(read, newest);
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
        assert_eq!(
            format!("\"{newest}\"").trim_matches('"'),
            text.trim_matches('"')
        );
    }
    for text in ["0", "-1", "\"none\"", "true", "1.5"] {
        let error = serde_json::from_str::<Newest>(text)
            .unwrap_err()
            .to_string();
        assert!(error.contains("a number from 1 or `all`"), "{error}");
    }
}
