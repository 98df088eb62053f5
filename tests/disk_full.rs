//! A disk that fills up at any page that the ledger wants, or under a daemon: nothing that was written
//! is lost, the act is told to have failed, and it succeeds once there is room again.

use std::{fs, path::Path, time::Duration};

use bellkeeper::{
    clock::Clock,
    ledger::{
        Claim, Decision, Ended, Error, FailedAttempt, Fence, Gap, Instance, Ledger, Registration,
        Waiting,
    },
    sqlite::Trouble,
    words::{GapKind, JobName, Outcome, Pause, Slot, Trigger},
};
use jiff::Timestamp;
use serde_json::json;

use crate::world::{
    BY_HAND, Dice, SmallDisk, World, dump, integrity, on_small_disk, rounds, until,
};

/// Something that is written.
type Act = fn(&Live) -> Result<(), Error>;

/// What is tried: each on a ledger that has lived, with room for any number of pages.
const ACTS: &[(&str, Act)] = &[
    ("begin", |live| {
        live.ledger.begin("daemon", "host", "1").map(drop)
    }),
    ("note_stop", |live| live.ledger.note_stop("daemon")),
    ("recover", |live| live.ledger.recover(live.me).map(drop)),
    ("register", |live| {
        let job = |n| Registration {
            job: name(&format!("new-{n}")),
            schedule: "0 2 * * *".repeat(20),
            needed: n % 2 == 0,
        };
        let jobs: Vec<_> = (0..200).map(job).collect();
        live.ledger.register(&jobs).map(drop)
    }),
    ("decide", |live| {
        let decisions: Vec<_> = (1_000..1_150)
            .flat_map(|at| [run("b", at), skip("c", at)])
            .collect();
        let waiting: Vec<_> = (2_000..2_050).map(wait).collect();
        live.ledger
            .decide(live.me, &decisions, &waiting)
            .map(|claimed| assert!(claimed.iter().all(Option::is_some)))
    }),
    ("renew", |live| {
        let claims: Vec<_> = live
            .claims
            .iter()
            .map(|fence| (*fence, Duration::from_hours(9)))
            .collect();
        let renewed = live.ledger.renew(live.me, &claims)?;
        assert!(renewed.iter().all(|renewed| *renewed));
        Ok(())
    }),
    ("attempt_failed", |live| {
        live.ledger.attempt_failed(&FailedAttempt {
            fence: live.claims[0],
            attempt: 1,
            error: long(30_000),
        })
    }),
    ("finish", |live| {
        let ends: Vec<_> = live.claims.iter().map(|fence| end(*fence)).collect();
        let written = live.ledger.finish(&ends)?;
        assert!(written.iter().all(|written| *written));
        Ok(())
    }),
    ("note", |live| {
        live.ledger.note("me", "act", "subject", &long(50_000))
    }),
    ("note_gap", |live| {
        live.ledger.note_gap(Gap {
            what: GapKind::Suspended,
            began_at: at(5),
            ended_at: at(50),
        })
    }),
    ("set_anchor", |live| {
        live.ledger.set_anchor(&name("a"), at(77))
    }),
    ("pause", |live| {
        let pause = Pause {
            since: at(1),
            until: None,
        };
        live.ledger.pause(&name("b"), pause)
    }),
    ("resume", |live| live.ledger.resume(&name("a")).map(drop)),
    ("trim", |live| {
        live.ledger
            .trim(&name("a"), at(100_000_000), 100)
            .map(|removed| assert!(removed > 50))
    }),
    ("checkpoint", |live| live.ledger.checkpoint()),
    ("end", |live| live.ledger.end(live.me)),
];

fn name(name: &str) -> JobName {
    name.parse().unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Text that does not fit one page.
fn long(length: usize) -> String {
    "why ".repeat(length / 4)
}

fn slot(job: &str, second: i64) -> Slot {
    Slot {
        job: name(job),
        at: at(second),
        scope: String::new(),
    }
}

fn run(job: &str, second: i64) -> Decision {
    Decision::Run(Claim {
        slot: slot(job, second),
        trigger: Trigger::Schedule,
        missed: 0,
        lease: Duration::from_mins(1),
        max_claims: 2,
    })
}

fn skip(job: &str, second: i64) -> Decision {
    Decision::Skip {
        slot: slot(job, second),
        trigger: Trigger::CatchUp,
        reason: "the disk was away".to_owned(),
    }
}

fn wait(second: i64) -> Waiting {
    Waiting {
        slot: slot("d", second),
        note: "waits for a lock".to_owned(),
    }
}

fn end(fence: Fence) -> Ended {
    Ended {
        fence,
        outcome: Outcome::Succeeded,
        reason: None,
        attempts: 1,
        report: Some(json!({"summary": long(2_000)})),
        at: at(99),
    }
}

/// A ledger with a life that has begun, and the claims of that life.
struct Live {
    ledger: Ledger,
    me: Instance,
    claims: Vec<Fence>,
}

impl Live {
    fn open(path: &Path, clock: &Clock) -> Result<Self, Error> {
        let ledger = Ledger::open(path, clock.clone())?;
        let me = ledger.begin("daemon", "host", "1")?;
        Ok(Self {
            ledger,
            me,
            claims: Vec::new(),
        })
    }

    fn claim(&mut self, slots: std::ops::Range<i64>) -> Result<(), Error> {
        let decisions: Vec<_> = slots.map(|at| run("a", at)).collect();
        let claimed = self.ledger.decide(self.me, &decisions, &[])?;
        let fences = claimed.into_iter().flatten();
        self.claims
            .extend(fences.filter_map(|claimed| claimed.fence));
        Ok(())
    }
}

/// A ledger with history, runs of a dead process, and a pause.
fn template(path: &Path, clock: &Clock) {
    let mut live = Live::open(path, clock).unwrap();
    let job = |job: &str| Registration {
        job: name(job),
        schedule: "every 5m".to_owned(),
        needed: true,
    };
    live.ledger
        .register(&["a", "b", "c", "d"].map(job))
        .unwrap();
    live.claim(1..100).unwrap();
    let ends: Vec<_> = live.claims.iter().map(|fence| end(*fence)).collect();
    live.ledger.finish(&ends).unwrap();
    live.claim(100..130).unwrap();
    let pause = Pause {
        since: at(1),
        until: Some(at(9)),
    };
    live.ledger.pause(&name("a"), pause).unwrap();
    for _ in 0..50 {
        live.ledger.note("daemon", "start", "", "").unwrap();
    }
}

/// With the clock standing still, so that what is written does not depend on when.
fn with_clock(act: impl FnOnce(&Clock)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .start_paused(true)
        .enable_time()
        .build()
        .unwrap();
    let _inside = runtime.enter();
    act(&Clock::virtual_from(at(1_000_000)));
}

/// The files of a database, gone and copied from elsewhere.
fn renew(path: &Path, from: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        drop(fs::remove_file(format!("{}{suffix}", path.display())));
    }
    fs::copy(from, path).unwrap();
}

/// With room for more and more pages until the act succeeds; says how often it failed.
fn try_all(disk: &SmallDisk, clock: &Clock, template: &Path, act: Act) -> usize {
    let path = disk.path("ledger.db");
    let live = || {
        disk.free();
        renew(&path, template);
        let mut live = Live::open(&path, clock).unwrap();
        live.claim(200..240).unwrap();
        live
    };
    let whole = live();
    act(&whole).unwrap();
    let new = dump(&path);
    drop(whole);
    let mut failed = 0usize;
    for pages in (0..).step_by(rounds(1, 4)) {
        let live = live();
        let old = dump(&path);
        disk.leave(pages);
        let result = act(&live);
        integrity(&path);
        let Err(error) = result else {
            assert_eq!(dump(&path), new, "{pages} pages");
            return failed;
        };
        failed += 1;
        assert_eq!(error.trouble(), Trouble::Full, "{pages} pages: {error:?}");
        assert!(error.to_string().contains("in the ledger `"), "{error}");
        assert_eq!(dump(&path), old, "{pages} pages");
        if failed.is_multiple_of(2) {
            // The same life goes on.
            disk.free();
            act(&live).unwrap();
        } else {
            // It ends while there is no room, and another one begins where it stopped.
            let Live { ledger, me, claims } = live;
            drop(ledger);
            if let Err(error) = Ledger::open(&path, clock.clone()) {
                assert_eq!(error.trouble(), Trouble::Full, "{pages} pages: {error:?}");
            }
            disk.free();
            let ledger = Ledger::open(&path, clock.clone()).unwrap();
            assert_eq!(dump(&path), old, "{pages} pages");
            act(&Live { ledger, me, claims }).unwrap();
        }
        integrity(&path);
        assert_eq!(dump(&path), new, "{pages} pages, and then room");
    }
    unreachable!("a disk without end");
}

/// On a small disk: every act. Elsewhere: nothing.
#[test]
#[expect(clippy::print_stderr, reason = "figures for the long run")]
fn every_act() {
    let Some(disk) = SmallDisk::here() else {
        return;
    };
    let template_path = tempfile::tempdir().unwrap();
    let template_path = template_path.path().join("template.db");
    with_clock(|clock| {
        template(&template_path, clock);
        for (name, act) in ACTS {
            let failed = try_all(&disk, clock, &template_path, *act);
            eprintln!("{name} failed {failed} times");
        }
    });
}

#[test]
#[expect(clippy::print_stderr, reason = "figures for the long run")]
fn a_disk_that_fills_at_any_page_loses_nothing_of_the_ledger() {
    if let Some(out) = on_small_disk("4m", "disk_full::every_act") {
        let out = out.code(0);
        for (name, _) in ACTS {
            assert!(out.stderr.contains(&format!("{name} failed")), "{out:?}");
        }
        if crate::world::long() {
            eprintln!("{}", out.stderr);
        }
    }
}

/// On a small disk: a ledger that is made there. Elsewhere: nothing.
#[test]
fn the_making() {
    let Some(disk) = SmallDisk::here() else {
        return;
    };
    with_clock(|clock| {
        let path = disk.path("ledger.db");
        let mut failed = 0;
        for pages in 0.. {
            disk.free();
            for suffix in ["", "-wal", "-shm"] {
                drop(fs::remove_file(format!("{}{suffix}", path.display())));
            }
            disk.leave(pages);
            let opened = Live::open(&path, clock);
            let done = opened.is_ok();
            if let Err(error) = opened {
                assert_eq!(error.trouble(), Trouble::Full, "{pages} pages: {error:?}");
                failed += 1;
            }
            disk.free();
            let (ledger, aside) = Ledger::open_sound(&path, clock).unwrap();
            assert_eq!(aside, None, "{pages} pages");
            ledger.begin("daemon", "host", "1").unwrap();
            integrity(&path);
            if done {
                break;
            }
        }
        assert!(failed > 10, "{failed}");
    });
}

#[test]
fn a_disk_that_fills_while_the_ledger_is_made_is_no_damage() {
    if let Some(out) = on_small_disk("4m", "disk_full::the_making") {
        out.code(0);
    }
}

/// On a small disk: a daemon whose disk fills up under it. Elsewhere: nothing.
#[test]
fn the_daemon() {
    let Some(disk) = SmallDisk::here() else {
        return;
    };
    let world = World::new_in(&disk.path(""), BY_HAND);
    let daemon = world.start();
    let first = world.archive("backup-daily");
    disk.leave(0);
    let run = world.spawn(["run-job", "backup-daily", "--json"]);
    let told = until("word of the ledger", || run.lines().into_iter().next());
    assert_eq!(told["event"], "waiting", "{told}");
    assert_eq!(
        told["note"],
        "waits for the ledger, which has no room to grow"
    );
    world
        .run(["pause", "backup-daily"])
        .code(75)
        .says("pause a job in the ledger")
        .says("disk is full");
    disk.free();
    let lines = run.end().code(0).lines();
    let waits = lines.iter().filter(|line| line["event"] == "waiting");
    assert_eq!(waits.count(), 1, "{lines:?}");
    world.run(["pause", "backup-daily"]).code(0);
    daemon.stop();
    let outcomes: Vec<_> = world
        .history()
        .iter()
        .map(|run| run["outcome"].clone())
        .collect();
    assert_eq!(outcomes, ["succeeded", "succeeded"]);
    world.verify(&first);
}

#[test]
fn a_daemon_without_room_says_so_and_goes_on_when_there_is_some() {
    if let Some(out) = on_small_disk("4m", "disk_full::the_daemon") {
        out.code(0);
    }
}

const ONCE: &str = "\
timezone: UTC
defaults: {retry: {attempts: 1}}
jobs:
  known: {backup: {what: [noise]}}
  new: {backup: {what: [database, noise]}}
";

/// On a small disk: backups that find no room before they begin, and half-way. Elsewhere: nothing.
#[test]
fn backups() {
    let Some(disk) = SmallDisk::here() else {
        return;
    };
    let world = World::new_in(&disk.path(""), ONCE);
    world.write("noise", &Dice::new(1).bytes(300_000));
    let daemon = world.start();
    let first = world.archive("known");
    for (job, why) in [
        ("known", "not enough space in"),
        ("new", "No space left on device"),
    ] {
        let folder = format!("backups/{job}");
        let before = world.archives(&folder);
        disk.leave(40);
        world
            .run(["run-job", job])
            .code(1)
            .says(why)
            .says("help: free space");
        disk.free();
        assert_eq!(world.archives(&folder), before);
        assert_eq!(world.leftovers(&folder), [""; 0]);
        let newest = world.history().remove(0);
        assert_eq!(newest["outcome"], "failed");
        assert!(newest["reason"].as_str().unwrap().contains(why), "{newest}");
        world.verify(&world.archive(job));
    }
    world.verify(&first);
    daemon.stop();
}

#[test]
fn a_backup_without_room_fails_and_is_made_when_there_is_some() {
    if let Some(out) = on_small_disk("4m", "disk_full::backups") {
        out.code(0);
    }
}
