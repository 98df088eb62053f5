use std::{fs, io::Write};

use super::*;
use crate::{
    archive::{list, testing::World},
    files,
    files::fault::{self, Fault},
    watch::CancelReason,
};

fn drilled(world: &World, path: &Path) -> Result<Drilled, Error> {
    let (scratch, watch) = (world.path(".drill"), Watch::default());
    drill(path, &world.keys(), &scratch, &Clock::System, &watch)
}

#[test]
fn a_drill_measures_the_recovery_and_leaves_nothing_but_the_record() {
    let world = World::new();
    let made = world.archive(true, &["config", "logs"]);
    let (scratch, watch) = (world.path(".drill"), Watch::default());
    let done = drill(&made.path, &world.keys(), &scratch, &Clock::System, &watch).unwrap();
    assert_eq!((done.entries, done.sound.rows), (made.sidecar.entries, 2));
    assert_eq!(done.bytes, made.sidecar.plain_bytes);
    assert!(done.bytes_per_second() > 0 && done.recorded == Recorded::Yes);
    assert!(!scratch.exists());
    let sidecar = Sidecar::read(&made.path).unwrap().unwrap();
    assert_eq!(sidecar.state, State::Drilled);
    assert_eq!(sidecar.recovery_seconds, Some(done.took.as_secs_f64()));
    assert!(sidecar.drilled_at.is_some() && sidecar.verified_at == sidecar.drilled_at);
    let sample = watch.progress.sample();
    assert_eq!(sample.done, sample.total);
}

#[test]
fn an_archive_whose_database_is_not_sound_is_told_and_not_marked_damaged() {
    let world = World::new();
    // An index that knows another value: `quick_check` lets it pass, so it gets into an archive.
    let live = world.database("data/trading.db");
    live.execute_batch("CREATE INDEX i ON signals(timestamp)")
        .unwrap();
    let root: i64 = live
        .query_row(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'i'",
            [],
            |r| r.get(0),
        )
        .unwrap();
    live.execute_batch("PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'i'")
        .unwrap();
    drop(live);
    let live = world.database("data/trading.db");
    live.execute_batch("UPDATE signals SET timestamp = '2025-01-01' WHERE id = 1")
        .unwrap();
    live.execute_batch(&format!(
        "PRAGMA writable_schema = ON; INSERT INTO sqlite_schema VALUES
         ('index', 'i', 'signals', {root}, 'CREATE INDEX i ON signals(timestamp)')"
    ))
    .unwrap();
    drop(live);
    let made = world.archive(true, &[]);
    let error = drilled(&world, &made.path).unwrap_err();
    assert!(matches!(error, Error::Unsound { .. }), "{error}");
    let found = list(&world.path("backups")).unwrap().remove(0);
    assert_eq!(found.state, State::Verified);
    let problem = found.problem.unwrap();
    assert!(problem.starts_with("drill: `trading.db`: "), "{problem}");
    assert!(!world.path(".drill").exists());
}

#[test]
fn a_damaged_archive_is_marked_by_a_drill_too() {
    let world = World::new();
    let made = world.archive(true, &[]);
    let mut bytes = fs::read(&made.path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    files::write_atomic(&made.path, &bytes).unwrap();
    let error = drilled(&world, &made.path).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    let found = list(&world.path("backups")).unwrap().remove(0);
    assert_eq!(found.state, State::Damaged);
    assert!(!world.path(".drill").exists());
}

#[test]
fn a_drill_that_is_told_to_stop_or_has_no_room_leaves_nothing() {
    let world = World::new();
    let made = world.archive(true, &["config"]);
    let (scratch, watch) = (world.path(".drill"), Watch::default());
    watch.cancel.cancel(CancelReason::Timeout);
    let error = drill(&made.path, &world.keys(), &scratch, &Clock::System, &watch).unwrap_err();
    assert_eq!(error.cancelled(), Some(CancelReason::Timeout));
    prove::change(&made.path, |sidecar| sidecar.plain_bytes = 1 << 60).unwrap();
    let error = drilled(&world, &made.path).unwrap_err();
    assert!(matches!(error, Error::NoSpace { .. }), "{error}");
    assert!(!scratch.exists());
}

#[test]
fn whatever_fails_nothing_is_left_after_the_next_drill() {
    for fault in [Fault::Full, Fault::Dead] {
        let world = World::new();
        let made = world.archive(true, &["config"]);
        let before = fs::read(Sidecar::path_for(&made.path)).unwrap();
        let mut failures = 0;
        fault::each(
            fault,
            |_| {
                fs::File::create(Sidecar::path_for(&made.path))
                    .unwrap()
                    .write_all(&before)
                    .unwrap();
                drilled(&world, &made.path)
            },
            |at, result| {
                failures += usize::from(result.is_err());
                let state = Sidecar::read(&made.path).unwrap().unwrap().state;
                assert!(state >= State::Verified, "{at}");
                assert_eq!(world.published().len(), 3, "{at}");
                // What a process that died has left is swept by the next one.
                drilled(&world, &made.path).unwrap();
                assert!(!world.path(".drill").exists(), "{at}");
            },
        );
        assert!(failures > 10, "{failures}");
    }
}
