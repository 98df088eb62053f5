//! kill -9 at any moment of a backup.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use crate::world::{BY_HAND, Dice, World, holds, long, rounds, until};

const FOLDER: &str = "backups/backup-daily";

/// So much that a backup takes a few tenths of a second.
const MEGABYTES: u32 = if cfg!(debug_assertions) { 2 } else { 32 };

/// The archives and their bytes, which must never change.
#[derive(Default)]
struct Known(BTreeMap<PathBuf, Vec<u8>>);

impl Known {
    /// Older archives are as they were; new ones are whole. Returns how many are new.
    #[track_caller]
    fn check(&mut self, world: &World) -> usize {
        let archives = world.archives(FOLDER);
        for old in self.0.keys() {
            assert!(archives.contains(old), "{} is gone", old.display());
        }
        let mut new = 0;
        for path in archives {
            let bytes = fs::read(&path).unwrap();
            if let Some(before) = self.0.get(&path) {
                assert!(*before == bytes, "{} was changed", path.display());
                continue;
            }
            world.verify(&path);
            self.0.insert(path, bytes);
            new += 1;
        }
        new
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "figures of the long run")]
fn a_kill_at_any_moment_loses_nothing_but_the_run() {
    let world = World::new(BY_HAND);
    holds(&world.database(), MEGABYTES);
    let mut known = Known::default();
    let timed = || {
        let start = Instant::now();
        world.run_job("backup-daily");
        start.elapsed()
    };
    let typical = (0..3).map(|_| timed()).min().unwrap();
    assert_eq!(known.check(&world), 3);

    let count = rounds(100, 15);
    let mut dice = Dice::new(u64::from(std::process::id()));
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    let mut partials = 0;
    for round in 0..count {
        // Spread over the whole of it and a little more.
        let micros = u64::try_from(typical.as_micros()).unwrap();
        let delay = Duration::from_micros(dice.below(micros + micros / 10));
        if round % 2 == 0 {
            kill_run_job(&world, delay);
        } else {
            kill_daemon(&world, delay);
        }
        partials += world.leftovers(FOLDER).len();
        // What has a name is whole, also before anybody has cleaned up.
        let new = known.check(&world);
        let daemon = world.start();
        assert_eq!(world.leftovers(FOLDER), [""; 0], "round {round}");
        assert_eq!(known.check(&world), 0, "round {round}");
        let runs = world.history();
        assert!(runs.iter().all(|run| !run["outcome"].is_null()), "{runs:?}");
        let made = runs
            .iter()
            .filter(|run| run["outcome"] == "succeeded")
            .count();
        // A run may die after its archive has its name and before its outcome is written.
        assert!(made <= known.0.len() && made + new >= 1, "round {round}");
        for run in &runs {
            let outcome = run["outcome"].as_str().unwrap();
            assert!(matches!(outcome, "lost" | "succeeded"), "{run}");
        }
        outcomes = BTreeMap::new();
        for run in &runs {
            let outcome = run["outcome"].as_str().unwrap().to_owned();
            *outcomes.entry(outcome).or_default() += 1;
        }
        daemon.stop();
    }
    if long() {
        eprintln!(
            "{count} kills within {typical:?}: {outcomes:?}, {partials} files left behind and \
             swept, {} archives, all sound",
            known.0.len()
        );
    }
    assert!(
        outcomes.get("lost").is_some_and(|lost| *lost > 0),
        "{outcomes:?}"
    );
    world.run_job("backup-daily");
    assert_eq!(known.check(&world), 1);
}

fn kill_run_job(world: &World, delay: Duration) {
    let run = world.spawn(["run-job", "backup-daily", "--json"]);
    thread::sleep(delay);
    run.kill();
}

fn kill_daemon(world: &World, delay: Duration) {
    let daemon = world.start();
    let run = world.spawn(["run-job", "backup-daily", "--json"]);
    until("the run to start", || {
        (run.has_ended() || !run.lines().is_empty()).then_some(())
    });
    thread::sleep(delay);
    daemon.process.kill();
    // It notices that the daemon is gone, or had its archive before.
    let out = run.end();
    assert!(matches!(out.code, 0 | 1), "{out:?}");
}

/// The same at a moment that is certainly in the middle.
#[test]
fn a_run_that_died_half_way_is_lost_and_leaves_nothing() {
    let world = World::new("jobs: {b: {backup: {what: [database, big], to: backups/b}}}\n");
    world.write("big", b"small at first");
    let first = world.archive("b");
    world.endless("big");
    for with_daemon in [false, true] {
        let daemon = with_daemon.then(|| world.start());
        let run = world.spawn(["run-job", "b", "--json"]);
        until("the run to start", || {
            (!run.lines().is_empty()).then_some(())
        });
        until("a partial archive", || {
            let mut names = world.names("backups/b").into_iter();
            names.find(|name| name.ends_with(".partial"))
        });
        match daemon {
            Some(daemon) => {
                daemon.process.kill().code(-9);
                run.end().code(1).says("the daemon went away");
            }
            None => {
                run.kill().code(-9);
            }
        }
        assert_eq!(world.leftovers("backups/b").len(), 1);
        let daemon = world.start();
        assert_eq!(daemon.ready["lost"], 1);
        assert_eq!(world.leftovers("backups/b"), [""; 0]);
        assert_eq!(world.archives("backups/b"), std::slice::from_ref(&first));
        let newest = world.history().remove(0);
        assert_eq!(newest["outcome"], "lost");
        assert!(!newest["finished_at"].is_null(), "{newest}");
        daemon.stop();
    }
    world.verify(&first);
}
