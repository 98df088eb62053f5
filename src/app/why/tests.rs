//! Against a real ledger, on a clock that stands still.

use std::{sync::Arc, time::Duration};

use jiff::tz::TimeZone;

use super::*;
use crate::{
    clock::Clock,
    job::{JobName, Policy},
    kinds::Backup,
    ledger::{Claim, Decision, Ended, Instance, Registration},
    lock::{Holder, InstanceLock},
    schedule::Schedule,
    settings::{Raw, Settings},
    system::LocalZone,
    words::{Slot, Trigger},
};

struct World {
    site: Site,
    ledger: Ledger,
    me: Instance,
    spec: JobSpec,
    _folder: tempfile::TempDir,
}

fn registration(spec: &JobSpec) -> Registration {
    Registration {
        job: spec.name.clone(),
        schedule: spec.timing(),
        needed: false,
    }
}

fn at(text: &str) -> Timestamp {
    format!("2026-11-{text}:00Z").parse().unwrap()
}

impl World {
    /// It is the 24th at noon; a job that is due every six hours was first seen just now.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let raw = Raw {
            root: Some(folder.path().into()),
            jobs_file: None,
        };
        let site = Site {
            settings: Settings::resolve(&raw, folder.path()),
            clock: Clock::virtual_from(at("24T12:00")),
            zone: LocalZone {
                zone: TimeZone::UTC,
                ..crate::system::local_zone()
            },
        };
        let ledger = Ledger::open(&folder.path().join("ledger.db"), site.clock.clone()).unwrap();
        let me = ledger.begin(DAEMON, "host", "1").unwrap();
        let spec = JobSpec {
            name: "a".parse().unwrap(),
            kind: "backup",
            schedules: vec![Schedule::parse("0 */6 * * *").unwrap()],
            policy: Policy::default(),
            job: Arc::new(Backup::default()),
        };
        Self {
            site,
            ledger,
            me,
            spec,
            _folder: folder,
        }
    }

    fn register(&self) {
        self.ledger.register(&[registration(&self.spec)]).unwrap();
    }

    fn slot(&self, text: &str, scope: &str) -> Slot {
        Slot {
            job: self.spec.name.clone(),
            at: at(text),
            scope: scope.into(),
        }
    }

    fn skip(&self, text: &str, reason: &str) {
        let slot = self.slot(text, "");
        let (trigger, reason) = (Trigger::CatchUp, reason.to_owned());
        let skip = Decision::Skip {
            slot,
            trigger,
            reason,
        };
        assert!(self.ledger.decide(self.me, &[skip], &[]).unwrap()[0].is_some());
    }

    fn run(&self, text: &str, scope: &str, trigger: Trigger, outcome: Option<Outcome>) {
        let claim = Claim {
            slot: self.slot(text, scope),
            trigger,
            missed: 0,
            lease: Duration::from_mins(1),
            max_claims: 3,
        };
        let claimed = self
            .ledger
            .decide(self.me, &[Decision::Run(claim)], &[])
            .unwrap();
        let fence = claimed[0].unwrap().fence.unwrap();
        if let Some(outcome) = outcome {
            let ended = Ended {
                fence,
                outcome,
                reason: None,
                attempts: 1,
                report: None,
                at: at("24T12:00"),
            };
            assert_eq!(self.ledger.finish(&[ended]).unwrap(), [true]);
        }
    }

    fn why(&self, which: Which, count: Option<usize>) -> Vec<String> {
        let why = why(&self.site, Some(&self.ledger), &self.spec, which, count).unwrap();
        let line = |told: &Told| format!("{} {}", told.slot.strftime("%d %H:%M"), told.fate.word());
        why.slots.iter().map(line).collect()
    }

    /// Days pass.
    async fn later(&self, hours: u64) {
        tokio::time::sleep(Duration::from_secs(hours * 3_600)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn rows_and_slots_without_row_stand_in_one_list() {
    let world = World::new();
    world.register();
    world.later(36).await;
    world.run("24T18:00", "", Trigger::Schedule, Some(Outcome::Succeeded));
    world.skip("25T00:00", "overlap");
    world.run("25T03:00", "manual", Trigger::Manual, Some(Outcome::Failed));
    world.run("25T06:00", "", Trigger::Schedule, None);
    world.ledger.end(world.me).unwrap();
    let expected = [
        "26 00:00 undecided",
        "25 18:00 undecided",
        "25 12:00 undecided",
        "25 06:00 running",
        "25 03:00 failed",
        "25 00:00 skipped",
    ];
    assert_eq!(
        world.why(Which::Newest, None),
        expected,
        "the last day, and what is owed"
    );
    assert_eq!(world.why(Which::Newest, Some(9)).len(), 7);
    assert_eq!(world.why(Which::Newest, Some(2)), expected[..2]);
    let day = Which::Day(at("25T00:00"), at("26T00:00"));
    assert_eq!(world.why(day, None), expected[1..]);
}

#[tokio::test(start_paused = true)]
async fn a_time_means_its_slot_or_the_one_before() {
    let world = World::new();
    world.register();
    world.later(36).await;
    world.run("25T00:00", "", Trigger::Schedule, Some(Outcome::Succeeded));
    world.run(
        "25T03:00",
        "manual",
        Trigger::Manual,
        Some(Outcome::Succeeded),
    );
    let of = |text| world.why(Which::At(at(text)), None);
    assert_eq!(of("25T00:00"), ["25 00:00 succeeded"]);
    assert_eq!(of("25T02:59"), ["25 00:00 succeeded"]);
    assert_eq!(of("25T05:00"), ["25 03:00 succeeded", "25 00:00 succeeded"]);
    assert_eq!(of("25T06:00"), ["25 06:00 undecided"]);
    assert_eq!(of("24T11:00"), ["24 06:00 not-known"]);
    assert_eq!(of("27T01:00"), ["27 00:00 not-due"]);
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_was_lost_and_run_again_has_both_rows() {
    let world = World::new();
    world.register();
    world.later(7).await;
    world.run("24T18:00", "", Trigger::Schedule, None);
    let next = world.ledger.begin(DAEMON, "host", "1").unwrap();
    world.ledger.recover(next).unwrap();
    let world = World { me: next, ..world };
    world.run("24T18:00", "", Trigger::CatchUp, Some(Outcome::Succeeded));
    let told = world.why(Which::Newest, None);
    assert_eq!(told, ["24 18:00 succeeded", "24 18:00 lost"]);
}

#[tokio::test(start_paused = true)]
async fn what_no_daemon_has_read_is_not_owed() {
    let world = World::new();
    assert_eq!(world.why(Which::Newest, None), [""; 0]);
    assert_eq!(
        world.why(Which::At(at("24T11:00")), None),
        ["24 06:00 not-known"]
    );
    let other = Registration {
        job: world.spec.name.clone(),
        schedule: "@daily in UTC".into(),
        needed: false,
    };
    world.ledger.register(&[other]).unwrap();
    world.later(7).await;
    assert_eq!(world.why(Which::Newest, None), ["24 18:00 not-known"]);
}

#[tokio::test(start_paused = true)]
async fn a_disabled_job_was_never_due() {
    let mut world = World::new();
    world.register();
    world.spec.policy.enabled = false;
    world.later(36).await;
    world.run(
        "25T03:00",
        "manual",
        Trigger::Manual,
        Some(Outcome::Succeeded),
    );
    for which in [Which::Newest, Which::At(at("25T04:00"))] {
        assert_eq!(world.why(which, None), ["25 03:00 succeeded"]);
    }
}

#[tokio::test(start_paused = true)]
async fn slots_that_a_later_row_counts_are_skipped_and_others_passed_over() {
    let world = World::new();
    world.register();
    world.later(36).await;
    world.skip("25T06:00", "missed: old (and 2 slots before it)");
    world.run("25T18:00", "", Trigger::Schedule, Some(Outcome::Succeeded));
    let day = Which::Day(at("24T12:00"), at("25T18:01"));
    let why = why(&world.site, Some(&world.ledger), &world.spec, day, None).unwrap();
    let absent: Vec<_> = why
        .slots
        .iter()
        .filter_map(|told| match &told.fate {
            Fate::None(absence) => Some((told.slot, absence.clone())),
            Fate::Row { .. } => None,
        })
        .collect();
    let counted = Absence::CountedIn {
        slot: at("25T06:00"),
        reason: "missed: old (and 2 slots before it)".into(),
    };
    let expected = [
        (at("25T12:00"), Absence::PassedOver),
        (at("25T00:00"), counted.clone()),
        (at("24T18:00"), counted),
        (at("24T12:00"), Absence::FirstSeen(at("24T12:00"))),
    ];
    assert_eq!(absent, expected);
}

#[tokio::test(start_paused = true)]
async fn what_was_trimmed_is_said_to_be_older_than_the_history_kept() {
    let mut world = World::new();
    world.spec.policy.keep_history = "1d".parse().unwrap();
    world.register();
    for text in ["24T18:00", "25T00:00", "25T06:00", "25T12:00"] {
        world.later(6).await;
        world.skip(text, "overlap");
    }
    world.later(6 * 5 + 1).await;
    let before = at("25T18:00") + SignedDuration::from_hours(1);
    let job = &world.spec.name;
    assert_eq!(world.ledger.trim(job, before, 99).unwrap(), 3);
    let of = |text| world.why(Which::At(at(text)), None);
    assert_eq!(of("25T06:00"), ["25 06:00 not-kept"]);
    assert_eq!(of("25T12:00"), ["25 12:00 skipped"], "the newest stays");
    assert_eq!(of("25T18:00"), ["25 18:00 undecided"]);
    assert_eq!(of("24T07:00"), ["24 06:00 not-known"]);
    let day = Which::Day(at("25T00:00"), at("25T13:00"));
    let expected = ["25 12:00 skipped", "25 06:00 not-kept", "25 00:00 not-kept"];
    assert_eq!(world.why(day, None), expected);
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_holds_the_lock_is_the_one_to_decide() {
    let world = World::new();
    world.register();
    world.later(7).await;
    let path = world.site.settings.lock();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let fate = |what: &str| {
        let holder = Holder::this_process(what, world.site.clock.now());
        let _lock = InstanceLock::acquire(&path, &holder).unwrap();
        let which = Which::Newest;
        why(&world.site, Some(&world.ledger), &world.spec, which, None)
            .unwrap()
            .slots
    };
    let pid = std::process::id();
    let waits = Fate::None(Absence::Waits { pid });
    assert_eq!(fate(DAEMON).first().map(|told| &told.fate), Some(&waits));
    let by_hand = fate("run-job a");
    assert!(matches!(
        by_hand[0].fate,
        Fate::None(Absence::Down(Gap::Died { .. }))
    ));
}

#[tokio::test(start_paused = true)]
async fn a_dense_day_is_cut() {
    let mut world = World::new();
    world.spec.schedules = vec![Schedule::parse("every 1s").unwrap()];
    world.register();
    world.later(24).await;
    let day = Which::Day(at("25T00:00"), at("26T00:00"));
    let of = |count| why(&world.site, Some(&world.ledger), &world.spec, day, count).unwrap();
    let all = of(None);
    assert_eq!((all.slots.len(), all.more), (MOST, true));
    let few = of(Some(3));
    assert_eq!((few.slots.len(), few.more), (3, true));
    let name: JobName = "b".parse().unwrap();
    let none = JobSpec {
        name,
        schedules: Vec::new(),
        ..world.spec.clone()
    };
    let found = why(&world.site, Some(&world.ledger), &none, day, None).unwrap();
    assert_eq!(found, Why::default());
}
