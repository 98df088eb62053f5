use std::{fs, io::Write};

use super::*;
use crate::{
    archive::{Found, generate, identities, list, testing::World},
    files::fault::{self, Fault},
};

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

fn proved(world: &World, path: &Path, key: bool) -> Result<Proved, Error> {
    let keys = world.keys();
    prove(path, key.then_some(&keys[..]), NOW, &Watch::default())
}

fn found(path: &Path) -> Found {
    let all = list(files::parent(path)).unwrap();
    all.into_iter().find(|found| found.path == path).unwrap()
}

fn set(path: &Path, act: impl FnOnce(&mut Sidecar)) {
    change(path, act).unwrap();
}

#[test]
fn a_state_only_rises_unless_the_archive_is_damaged() {
    let world = World::new();
    let path = world.archive(true, &["config"]).path;
    for (before, drilled, key, after) in [
        (State::Written, false, false, State::Written),
        (State::Written, false, true, State::Verified),
        (State::Verified, false, false, State::Verified),
        (State::Verified, false, true, State::Verified),
        (State::Drilled, true, false, State::Drilled),
        (State::Drilled, true, true, State::Drilled),
        // What a reader of the content has found is not undone by a check sum.
        (State::Damaged, false, false, State::Damaged),
        (State::Damaged, false, true, State::Verified),
        (State::Damaged, true, true, State::Drilled),
    ] {
        set(&path, |sidecar| {
            sidecar.state = before;
            sidecar.drilled_at = drilled.then_some(NOW);
            sidecar.verified_at = None;
            sidecar.problem = (before == State::Damaged).then(|| "torn".to_owned());
        });
        let proved = proved(&world, &path, key).unwrap();
        assert_eq!(proved.was_damaged, before == State::Damaged);
        let found = found(&path);
        assert_eq!(found.state, after, "{before} {key}");
        let is_damaged = after == State::Damaged;
        assert_eq!(found.problem.is_some(), is_damaged);
        assert_eq!(found.sidecar.unwrap().verified_at.is_none(), is_damaged);
    }
}

#[test]
fn a_damaged_archive_is_marked_with_what_was_found() {
    let world = World::new();
    let made = world.archive(true, &["config"]);
    let mut bytes = fs::read(&made.path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    files::write_atomic(&made.path, &bytes).unwrap();
    let error = proved(&world, &made.path, false).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    let found = found(&made.path);
    assert_eq!(found.state, State::Damaged);
    assert!(found.problem.unwrap().contains("SHA-256"));
    // Everything else that was known still is.
    let expected = Sidecar {
        state: State::Damaged,
        problem: found.sidecar.clone().unwrap().problem,
        ..made.sidecar
    };
    assert_eq!(found.sidecar.unwrap(), expected);
}

#[test]
fn what_says_nothing_about_the_archive_marks_nothing() {
    let world = World::new();
    let made = world.archive(false, &["config"]);
    let other = world.path("other.key");
    generate(&other, NOW).unwrap();
    let keys = identities(&other).unwrap().unwrap();
    let error = prove(&made.path, Some(&keys), NOW, &Watch::default()).unwrap_err();
    assert!(matches!(error, Error::WrongKey { .. }), "{error}");
    assert_eq!(Sidecar::read(&made.path).unwrap().unwrap(), made.sidecar);
    let watch = Watch::default();
    watch.cancel.cancel(crate::watch::CancelReason::Operator);
    let keys = world.keys();
    assert!(prove(&made.path, Some(&keys), NOW, &watch).is_err());
    assert_eq!(Sidecar::read(&made.path).unwrap().unwrap(), made.sidecar);
}

#[test]
fn an_archive_of_a_newer_program_is_neither_damaged_nor_touched() {
    let world = World::new();
    let made = world.archive(false, &["config"]);
    let path = Sidecar::path_for(&made.path);
    let newer = fs::read_to_string(&path).unwrap();
    let newer = newer.replace("\"format\": 1", "\"format\": 3");
    files::write_atomic(&path, newer.as_bytes()).unwrap();
    let error = proved(&world, &made.path, true).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("was made by a newer Bellkeeper: its format is 3, this one reads up to 1"),
        "{error}"
    );
    assert!(error.hint().is_some() && !error.is_retryable());
    assert_eq!(fs::read_to_string(&path).unwrap(), newer);
    assert!(
        found(&made.path)
            .problem
            .unwrap()
            .contains("newer Bellkeeper")
    );
}

#[test]
fn a_sidecar_of_an_older_program_is_read_and_an_older_one_reads_ours() {
    let world = World::new();
    let made = world.archive(true, &["config"]);
    let text = fs::read_to_string(Sidecar::path_for(&made.path)).unwrap();
    for new in ["verified_at", "drilled_at", "recovery_seconds", "problem"] {
        // What was never looked at again says nothing new: the old layout, word for word.
        assert!(!text.contains(new), "{new}");
    }
    let read: Sidecar = serde_json::from_str(&text).unwrap();
    assert_eq!(read, made.sidecar);
}

#[test]
fn an_archive_that_is_removed_meanwhile_leaves_no_sidecar() {
    let world = World::new();
    let path = world.archive(false, &["config"]).path;
    let recorded = change(&path, |sidecar| {
        files::remove(&path).unwrap();
        sidecar.verified_at = Some(NOW);
    });
    assert_eq!(recorded.unwrap(), Recorded::Gone);
    files::remove(&Sidecar::path_for(&path)).unwrap();
    assert_eq!(change(&path, |_| {}).unwrap(), Recorded::NoSidecar);
}

#[test]
fn whatever_fails_the_old_or_the_new_sidecar_is_there() {
    for fault in [Fault::Full, Fault::Dead] {
        let world = World::new();
        let made = world.archive(false, &["config"]);
        let side = Sidecar::path_for(&made.path);
        let before = fs::read(&side).unwrap();
        let mut failures = 0;
        fault::each(
            fault,
            |_| {
                fs::File::create(&side).unwrap().write_all(&before).unwrap();
                proved(&world, &made.path, true)
            },
            |at, result| {
                failures += usize::from(result.is_err());
                let sidecar = Sidecar::read(&made.path).unwrap().unwrap();
                let new = sidecar.verified_at == Some(NOW);
                assert!(new || sidecar == made.sidecar, "{at}");
                assert_eq!(world.published().len(), 3, "{at}: {:?}", world.published());
            },
        );
        assert!(failures > 3, "{failures}");
    }
}
