//! On real files: a ledger that was trimmed gives the answers of one that was not.

use std::{collections::BTreeSet, time::Duration};

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::{
    clock::Clock,
    ledger::{
        Claim, Decision, Ended, FailedAttempt, Fence, Filter, Instance, Known, Recovered,
        Registration, RunRow, Waiting,
    },
    words::{Outcome, RunId, Slot, Trigger},
};

const JOBS: [&str; 3] = ["a", "b", "c"];
const HOUR: i64 = 3_600;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn slot(job: &str, second: i64, scope: &str) -> Slot {
    Slot {
        job: job.parse().unwrap(),
        at: at(second),
        scope: scope.into(),
    }
}

/// A ledger whose clock is set by hand.
struct Book {
    _folder: tempfile::TempDir,
    clock: Clock,
    ledger: Ledger,
    me: Instance,
    /// Runs that are going on.
    open: Vec<Fence>,
}

impl Book {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::virtual_from(at(HOUR));
        let ledger = Ledger::open(&folder.path().join("x.db"), clock.clone()).unwrap();
        let me = ledger.begin("daemon", "host", "1").unwrap();
        let book = Self {
            _folder: folder,
            clock,
            ledger,
            me,
            open: Vec::new(),
        };
        book.register();
        book
    }

    /// The same history in another file.
    fn copy(&self) -> Self {
        self.ledger.checkpoint().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        std::fs::copy(&self.ledger.path, &path).unwrap();
        Self {
            _folder: folder,
            clock: self.clock.clone(),
            ledger: Ledger::open(&path, self.clock.clone()).unwrap(),
            me: self.me,
            open: Vec::new(),
        }
    }

    fn register(&self) -> Vec<Known> {
        let jobs = JOBS.map(|job| Registration {
            job: job.parse().unwrap(),
            schedule: "@hourly".into(),
            needed: true,
        });
        self.ledger.register(&jobs).unwrap()
    }

    fn decide(&self, decision: Decision) -> Option<Fence> {
        let claimed = self.ledger.decide(self.me, &[decision], &[]).unwrap();
        claimed[0].and_then(|claimed| claimed.fence)
    }

    fn claim(&self, slot: Slot) -> Option<Fence> {
        self.decide(Decision::Run(Claim {
            slot,
            trigger: Trigger::Schedule,
            missed: 0,
            lease: Duration::from_mins(1),
            max_claims: 2,
        }))
    }

    fn skip(&self, slot: Slot) {
        let (trigger, reason) = (Trigger::Schedule, "overlap".to_owned());
        self.decide(Decision::Skip {
            slot,
            trigger,
            reason,
        });
    }

    fn wait(&self, slot: Slot) {
        let note = "waits".to_owned();
        let waiting = Waiting { slot, note };
        self.ledger.decide(self.me, &[], &[waiting]).unwrap();
    }

    fn end(&self, fence: Fence, outcome: Outcome) {
        let ended = Ended {
            fence,
            outcome,
            reason: None,
            attempts: 1,
            report: None,
            at: self.clock.now(),
        };
        self.ledger.finish(&[ended]).unwrap();
    }

    fn run(&self, slot: Slot, outcome: Outcome) {
        let fence = self.claim(slot).unwrap();
        self.end(fence, outcome);
    }

    /// The process dies and another one begins.
    fn die(&mut self) -> Recovered {
        self.open.clear();
        self.me = self.ledger.begin("daemon", "host", "1").unwrap();
        self.ledger.recover(self.me).unwrap()
    }

    fn pass(&self, hours: i64) {
        self.clock.step(SignedDuration::from_hours(hours));
    }

    fn runs(&self) -> Vec<RunRow> {
        let filter = Filter {
            limit: u32::MAX,
            ..Filter::default()
        };
        self.ledger.runs(&filter).unwrap()
    }

    fn slots_of(&self, job: &str) -> Vec<i64> {
        let mut slots: Vec<_> = self
            .runs()
            .iter()
            .filter(|run| run.job.as_str() == job)
            .map(|run| run.slot.as_second() / HOUR)
            .collect();
        slots.sort_unstable();
        slots
    }

    /// Trims everything in pieces; how many runs went.
    fn trim(&self, before: Timestamp, most: u32) -> usize {
        let mut gone = 0;
        for (job, _) in self.ledger.oldest_slots(None, 99).unwrap() {
            loop {
                let piece = self.ledger.trim(&job, before, most).unwrap();
                assert!(piece <= most as usize);
                if piece == 0 {
                    break;
                }
                gone += piece;
            }
        }
        gone
    }

    /// Rows that point at nothing: slots without run, runs without slot, attempts without run.
    fn orphans(&self) -> i64 {
        let connection = self.ledger.lock();
        let count = |sql: &str| -> i64 { connection.query_row(sql, [], |row| row.get(0)).unwrap() };
        count(
            "SELECT count(*) FROM slots WHERE state <> 'waiting' AND NOT EXISTS (SELECT 1 FROM runs
                 WHERE runs.job = slots.job AND runs.scope = slots.scope AND slot = at)",
        ) + count(
            "SELECT count(*) FROM runs WHERE NOT EXISTS (SELECT 1 FROM slots
                 WHERE runs.job = slots.job AND runs.scope = slots.scope AND slot = at)",
        ) + count("SELECT count(*) FROM attempts WHERE run NOT IN (SELECT id FROM runs)")
    }
}

#[test]
fn what_is_older_goes_and_the_newest_slot_and_success_stay() {
    let book = Book::new();
    for hour in 1..=9 {
        let outcome = if hour == 3 {
            Outcome::Succeeded
        } else {
            Outcome::Failed
        };
        book.run(slot("a", hour * HOUR, ""), outcome);
        book.pass(1);
    }
    book.skip(slot("b", HOUR, ""));
    book.skip(slot("b", 2 * HOUR, ""));
    book.run(slot("b", 3 * HOUR, "manual"), Outcome::Failed);
    assert_eq!(book.trim(at(7 * HOUR), 2), 5);
    assert_eq!(book.slots_of("a"), [3, 7, 8, 9]);
    assert_eq!(book.slots_of("b"), [1, 2, 3], "they ended only now");
    assert_eq!(book.trim(at(40 * HOUR), 99), 2 + 2);
    assert_eq!(book.slots_of("a"), [3, 9]);
    assert_eq!(
        book.slots_of("b"),
        [2],
        "no later slot of the schedule is decided"
    );
    assert_eq!(book.orphans(), 0);
}

#[test]
fn a_piece_is_at_most_so_many_runs_and_takes_their_attempts_along() {
    let book = Book::new();
    for hour in 1..=5 {
        let fence = book.claim(slot("a", hour * HOUR, "")).unwrap();
        let failed = FailedAttempt {
            fence,
            attempt: 1,
            error: "disk full".into(),
        };
        book.ledger.attempt_failed(&failed).unwrap();
        book.end(fence, Outcome::Failed);
    }
    book.pass(20);
    let a = "a".parse().unwrap();
    let trim = |most| book.ledger.trim(&a, at(20 * HOUR), most).unwrap();
    assert_eq!((trim(3), book.slots_of("a")), (3, vec![4, 5]));
    assert_eq!((trim(3), trim(3)), (1, 0));
    let left: Vec<_> = (1..=5)
        .map(|run| book.ledger.failed_attempts(RunId(run)).unwrap().len())
        .collect();
    assert_eq!(left, [0, 0, 0, 0, 1]);
}

#[test]
fn what_is_not_over_stays_however_old_it_is() {
    let mut book = Book::new();
    book.claim(slot("a", HOUR, "")).unwrap();
    assert_eq!(book.die().died, 1);
    book.claim(slot("b", 2 * HOUR, "")).unwrap();
    book.wait(slot("c", 3 * HOUR, ""));
    // Whatever is newest stays anyway.
    for job in JOBS {
        book.run(slot(job, 9 * HOUR, ""), Outcome::Failed);
    }
    book.pass(9_999);
    assert_eq!(book.trim(at(8 * HOUR), 99), 0);
    let waiting = book.die().waiting;
    let left: Vec<_> = waiting
        .iter()
        .map(|lost| (lost.job.as_str(), lost.run))
        .collect();
    let expected = [("a", Some(RunId(1))), ("b", Some(RunId(2))), ("c", None)];
    assert_eq!(left, expected);
}

#[test]
fn a_run_that_ended_late_is_as_young_as_its_end() {
    let book = Book::new();
    let fence = book.claim(slot("a", HOUR, "")).unwrap();
    book.run(slot("a", 2 * HOUR, ""), Outcome::Failed);
    book.pass(100);
    book.end(fence, Outcome::Failed);
    assert_eq!(book.trim(at(50 * HOUR), 99), 0);
    assert_eq!(book.trim(at(102 * HOUR), 99), 1);
    assert_eq!(book.slots_of("a"), [2]);
}

#[test]
fn a_slot_that_was_run_twice_goes_with_its_last_run() {
    let mut book = Book::new();
    book.claim(slot("a", HOUR, "")).unwrap();
    book.die();
    book.run(slot("a", HOUR, ""), Outcome::Failed);
    book.run(slot("a", 2 * HOUR, ""), Outcome::Failed);
    book.pass(20);
    assert_eq!(book.slots_of("a"), [1, 1, 2]);
    let a = "a".parse().unwrap();
    let trim = || book.ledger.trim(&a, at(20 * HOUR), 1).unwrap();
    assert_eq!((trim(), book.slots_of("a")), (1, vec![1, 2]));
    assert_eq!(book.orphans(), 0);
    assert_eq!((trim(), trim(), book.orphans()), (1, 0, 0));
}

#[test]
fn each_job_with_runs_is_named_with_its_oldest_slot() {
    let book = Book::new();
    assert_eq!(book.ledger.oldest_slots(None, 9).unwrap(), []);
    for (job, hour) in [("z", 5), ("z", 4), ("m", 7), ("n", 6)] {
        book.skip(slot(job, hour * HOUR, ""));
    }
    let after = |job: Option<&str>, most| -> Vec<(String, i64)> {
        let job: Option<JobName> = job.map(|job| job.parse().unwrap());
        let oldest = book.ledger.oldest_slots(job.as_ref(), most).unwrap();
        oldest
            .iter()
            .map(|(job, slot)| (job.to_string(), slot.as_second() / HOUR))
            .collect()
    };
    let all = [("m", 7), ("n", 6), ("z", 4)].map(|(job, hour)| (job.to_owned(), hour));
    assert_eq!(after(None, 9), all);
    assert_eq!(after(None, 2), all[..2]);
    assert_eq!(after(Some("m"), 9), all[1..]);
    assert_eq!(after(Some("z"), 9), []);
}

/// What happens in the life of a ledger.
#[derive(Debug, Clone)]
enum Act {
    /// A slot of a job, in a lane, so many hours before now: skipped, kept waiting or begun.
    Decide(usize, i64, &'static str, u8),
    /// One of the runs that are going on ends, well or not.
    End(usize, bool),
    Pass(i64),
    Die,
}

fn act() -> impl Strategy<Value = Act> {
    let lane = prop::sample::select(vec!["", "", "", "manual", "retry:1"]);
    prop_oneof![
        6 => (0..3_usize, 0..9_i64, lane, 0..5_u8)
            .prop_map(|(job, ago, lane, what)| Act::Decide(job, ago, lane, what)),
        4 => (0..9_usize, any::<bool>()).prop_map(|(run, good)| Act::End(run, good)),
        3 => (1..30_i64).prop_map(Act::Pass),
        1 => Just(Act::Die),
    ]
}

fn live(acts: &[Act]) -> Book {
    let mut book = Book::new();
    for act in acts {
        match *act {
            Act::Decide(job, ago, lane, what) => {
                let hour = (book.clock.now().as_second() / HOUR - ago).max(1);
                let slot = slot(JOBS[job], hour * HOUR, lane);
                match what {
                    0 => book.skip(slot),
                    1 => book.wait(slot),
                    _ => {
                        let fence = book.claim(slot);
                        book.open.extend(fence);
                    }
                }
            }
            Act::End(run, good) if !book.open.is_empty() => {
                let fence = book.open.remove(run % book.open.len());
                let outcome = if good {
                    Outcome::Succeeded
                } else {
                    Outcome::Failed
                };
                book.end(fence, outcome);
            }
            Act::End(..) => {}
            Act::Pass(hours) => book.pass(hours),
            Act::Die => {
                book.die();
            }
        }
    }
    book
}

/// Everything that is asked of a ledger by who decides what runs.
fn answers(book: &mut Book) -> impl PartialEq + std::fmt::Debug + use<> {
    let known = JOBS.map(|job| book.ledger.known(&job.parse().unwrap()).unwrap());
    let waiting = JOBS.map(|job| book.ledger.waiting(&job.parse().unwrap()).unwrap());
    let running = book.ledger.running().unwrap();
    (known, waiting, running, book.register(), book.die())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_trimmed_ledger_gives_the_same_answers(
        acts in prop::collection::vec(act(), 1..60),
        keep in 1..60_i64,
        most in 1..9_u32,
    ) {
        let mut whole = live(&acts);
        let mut trimmed = whole.copy();
        let before = whole.clock.now() - SignedDuration::from_hours(keep);
        let all = whole.runs();
        let gone = trimmed.trim(before, most);
        let left: BTreeSet<_> = trimmed.runs().iter().map(|run| run.run.0).collect();
        prop_assert_eq!(all.len() - gone, left.len());
        for run in &all {
            let young = run.slot >= before || run.finished_at.is_none_or(|end| end >= before);
            prop_assert!(!young || left.contains(&run.run.0), "{run:?} is young");
        }
        prop_assert_eq!(trimmed.orphans(), 0);
        prop_assert_eq!(trimmed.trim(before, most), 0);
        prop_assert_eq!(answers(&mut whole), answers(&mut trimmed));
        // What is decided stays decided.
        for run in all.iter().filter(|run| run.slot >= before) {
            let slot = || slot(run.job.as_str(), run.slot.as_second(), "");
            let (one, other) = (whole.claim(slot()), trimmed.claim(slot()));
            prop_assert_eq!(one.is_some(), other.is_some());
        }
    }
}
