//! Claims, fences and recovery on a real file.

use std::time::Duration;

use super::*;
use crate::words::{GapKind, JobName, Outcome, Pause, Slot, Trigger};

struct Book {
    _root: tempfile::TempDir,
    path: PathBuf,
    ledger: Ledger,
    me: Instance,
}

fn book() -> Book {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("ledger.db");
    let ledger = Ledger::open(&path, Clock::System).unwrap();
    let me = ledger.begin("daemon", "host", "1").unwrap();
    Book {
        _root: root,
        path,
        ledger,
        me,
    }
}

fn slot(job: &str, at: i64) -> Slot {
    Slot {
        job: job.parse().unwrap(),
        at: Timestamp::from_second(at).unwrap(),
        scope: String::new(),
    }
}

fn run(job: &str, at: i64) -> Decision {
    Decision::Run(Claim {
        slot: slot(job, at),
        trigger: Trigger::Schedule,
        missed: 0,
        lease: Duration::from_mins(1),
        max_claims: 2,
    })
}

fn end(fence: Fence) -> Ended {
    Ended {
        fence,
        outcome: Outcome::Succeeded,
        reason: None,
        attempts: 1,
        report: Some(serde_json::json!({"summary": "done"})),
        at: Timestamp::from_second(99).unwrap(),
    }
}

fn claim(book: &Book, job: &str, at: i64) -> Option<Fence> {
    let claimed = book
        .ledger
        .decide(book.me, &[run(job, at)], &[])
        .unwrap()
        .remove(0);
    claimed.and_then(|claimed| claimed.fence)
}

#[test]
fn a_slot_is_claimed_once_and_for_ever() {
    let book = book();
    let decisions = [run("a", 10), run("b", 10), run("a", 10)];
    let claimed = book.ledger.decide(book.me, &decisions, &[]).unwrap();
    assert!(claimed[0].is_some() && claimed[1].is_some() && claimed[2].is_none());
    let again = Ledger::open(&book.path, Clock::System).unwrap();
    let other = again.begin("daemon", "host", "1").unwrap();
    assert_eq!(again.decide(other, &[run("a", 10)], &[]).unwrap(), [None]);
}

#[test]
fn a_skip_uses_its_slot_up_and_stands_in_history() {
    let book = book();
    let skip = Decision::Skip {
        slot: slot("a", 10),
        trigger: Trigger::Schedule,
        reason: "overlap".into(),
    };
    let claimed = book
        .ledger
        .decide(book.me, &[skip, run("a", 10)], &[])
        .unwrap();
    assert_eq!((claimed[0].unwrap().fence, claimed[1]), (None, None));
    let row = book.ledger.run(claimed[0].unwrap().run).unwrap().unwrap();
    assert_eq!(
        (row.outcome, row.reason.as_deref()),
        (Some(Outcome::Skipped), Some("overlap"))
    );
}

#[test]
fn the_end_of_a_run_is_written_once() {
    let book = book();
    let fence = claim(&book, "a", 10).unwrap();
    assert_eq!(book.ledger.running().unwrap().len(), 1);
    assert_eq!(
        book.ledger.finish(&[end(fence), end(fence)]).unwrap(),
        [true, false]
    );
    let row = book.ledger.run(fence.run()).unwrap().unwrap();
    assert_eq!(row.outcome, Some(Outcome::Succeeded));
    assert_eq!(row.finished_at, Some(Timestamp::from_second(99).unwrap()));
    assert_eq!(row.report.unwrap()["summary"], "done");
    assert!(book.ledger.running().unwrap().is_empty());
}

#[test]
fn a_dead_owners_run_is_lost_and_its_old_fence_writes_nothing() {
    let book = book();
    let old = claim(&book, "a", 10).unwrap();
    let ledger = Ledger::open(&book.path, Clock::System).unwrap();
    let next = ledger.begin("daemon", "host", "1").unwrap();
    let lost = ledger.recover(next).unwrap().waiting;
    assert_eq!(lost.len(), 1);
    assert_eq!((lost[0].run, lost[0].job.as_str()), (Some(old.run()), "a"));
    let taken = ledger.decide(next, &[run("a", 10)], &[]).unwrap()[0]
        .unwrap()
        .fence
        .unwrap();
    assert_ne!(taken.run(), old.run());
    assert_eq!(ledger.finish(&[end(old)]).unwrap(), [false]);
    let renew = |fence| {
        ledger
            .renew(next, &[(fence, Duration::from_secs(9))])
            .unwrap()
    };
    assert_eq!(renew(old), [false]);
    assert_eq!(renew(taken), [true]);
    assert_eq!(ledger.finish(&[end(taken)]).unwrap(), [true]);
    assert_eq!(renew(taken), [false]);
    let row = ledger.run(old.run()).unwrap().unwrap();
    assert_eq!(row.outcome, Some(Outcome::Lost));
    assert!(row.reason.unwrap().contains("died"));
}

#[test]
fn a_slot_that_kills_its_process_is_not_given_out_for_ever() {
    let book = book();
    assert!(claim(&book, "a", 10).is_some());
    for (life, granted) in [(2, true), (3, false)] {
        let ledger = Ledger::open(&book.path, Clock::System).unwrap();
        let me = ledger.begin("daemon", "host", "1").unwrap();
        assert_eq!(ledger.recover(me).unwrap().died, 1, "life {life}");
        let claimed = ledger.decide(me, &[run("a", 10)], &[]).unwrap();
        assert_eq!(claimed[0].is_some(), granted, "life {life}");
    }
}

#[test]
fn a_lost_slot_waits_for_the_one_who_runs_schedules() {
    let book = book();
    claim(&book, "a", 10).unwrap();
    // It died once, however many processes find it waiting.
    for died in [1, 0, 0] {
        let ledger = Ledger::open(&book.path, Clock::System).unwrap();
        let me = ledger.begin("run-job b", "host", "1").unwrap();
        let recovered = ledger.recover(me).unwrap();
        assert_eq!((recovered.died, recovered.waiting.len()), (died, 1));
    }
    let known = book.ledger.anchor(&"a".parse().unwrap()).unwrap();
    assert_eq!(known, None);
}

#[test]
fn a_new_job_has_missed_nothing_and_a_known_one_goes_on_from_its_last_slot() {
    let book = book();
    let job = |schedule: &str| {
        [Registration {
            job: "a".parse().unwrap(),
            schedule: schedule.into(),
            needed: true,
        }]
    };
    let first = book.ledger.register(&job("every 5m")).unwrap()[0];
    assert_eq!(first.anchor, first.decided_until);
    let later = first.decided_until.as_second() + 300;
    claim(&book, "a", later).unwrap();
    let known = book.ledger.register(&job("every 5m")).unwrap()[0];
    assert_eq!(
        (known.anchor, known.decided_until.as_second()),
        (first.anchor, later)
    );
    let changed = book.ledger.register(&job("every 7m")).unwrap()[0];
    assert_eq!(changed.anchor, first.anchor);
    // One that was taken out of the file owes nothing for that time.
    book.ledger.retire_others(&[]).unwrap();
    let tenure = |book: &Book| book.ledger.tenure(&"a".parse().unwrap()).unwrap().unwrap();
    assert_eq!(tenure(&book).schedule, "");
    book.ledger.register(&job("every 7m")).unwrap();
    book.ledger.retire_others(&job("every 7m")).unwrap();
    assert_eq!(tenure(&book).schedule, "every 7m");
}

#[test]
fn history_filters_and_pages() {
    let book = book();
    for at in 0..5 {
        let job = if at % 2 == 0 { "even" } else { "odd" };
        let fence = claim(&book, job, at).unwrap();
        let outcome = if at == 4 {
            Outcome::Failed
        } else {
            Outcome::Succeeded
        };
        book.ledger
            .finish(&[Ended {
                outcome,
                ..end(fence)
            }])
            .unwrap();
    }
    let list = |filter: Filter| -> Vec<i64> {
        book.ledger
            .runs(&filter)
            .unwrap()
            .iter()
            .map(|row| row.slot.as_second())
            .collect()
    };
    let all = Filter {
        limit: 10,
        ..Filter::default()
    };
    assert_eq!(list(all.clone()), [4, 3, 2, 1, 0]);
    assert_eq!(
        list(Filter {
            job: Some("odd".parse().unwrap()),
            ..all.clone()
        }),
        [3, 1]
    );
    assert_eq!(
        list(Filter {
            failed: true,
            ..all.clone()
        }),
        [4]
    );
    let newest = book
        .ledger
        .runs(&Filter {
            limit: 1,
            ..all.clone()
        })
        .unwrap()[0]
        .run;
    assert_eq!(
        list(Filter {
            before: Some(newest),
            limit: 2,
            ..all
        }),
        [3, 2]
    );
}

#[test]
fn attempts_and_journal_are_kept() {
    let book = book();
    let fence = claim(&book, "a", 10).unwrap();
    let attempt = FailedAttempt {
        fence,
        attempt: 1,
        error: "busy".into(),
    };
    book.ledger.attempt_failed(&attempt).unwrap();
    book.ledger.attempt_failed(&attempt).unwrap();
    let count: i64 = book
        .ledger
        .lock()
        .query_row(
            "SELECT count(*) FROM attempts WHERE error = 'busy'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(count, 1);
    book.ledger.note("me", "run", "a", "by hand").unwrap();
    let entry = book.ledger.journal(5).unwrap().remove(0);
    assert_eq!((entry.who.as_str(), entry.act.as_str()), ("me", "run"));
    assert!(book.ledger.has_done("me", "run").unwrap());
    assert!(!book.ledger.has_done("me", "stop").unwrap());
    book.ledger.end(book.me).unwrap();
    book.ledger.checkpoint().unwrap();
}

#[test]
fn a_ledger_of_a_newer_version_is_refused() {
    let book = book();
    book.ledger
        .lock()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let error = Ledger::open(&book.path, Clock::System).unwrap_err();
    assert!(matches!(error, Error::TooNew { found: 99, .. }), "{error}");
}

#[test]
fn a_slot_that_waits_outlives_its_process_and_is_claimed_once() {
    let book = book();
    let waiting = |at| Waiting {
        slot: slot("a", at),
        note: "waits for the lock `db`".into(),
    };
    let waits = [waiting(10), waiting(20)];
    assert_eq!(book.ledger.decide(book.me, &[], &waits).unwrap(), []);
    // A later slot that is claimed must not hide it.
    claim(&book, "a", 30).unwrap();
    let ledger = Ledger::open(&book.path, Clock::System).unwrap();
    let me = ledger.begin("daemon", "host", "1").unwrap();
    let left = ledger.recover(me).unwrap().waiting;
    let left: Vec<_> = left
        .iter()
        .map(|left| (left.slot.as_second(), left.run.is_some()))
        .collect();
    assert_eq!(left, [(10, false), (20, false), (30, true)]);
    let skip = Decision::Skip {
        slot: slot("a", 20),
        trigger: Trigger::CatchUp,
        reason: "merged".into(),
    };
    let claimed = ledger
        .decide(me, &[run("a", 10), skip], &[waiting(10)])
        .unwrap();
    assert!(claimed.iter().all(Option::is_some));
    // Decided for good: neither another claim nor another wait changes it.
    let again = ledger
        .decide(me, &[run("a", 10), run("a", 20)], &waits)
        .unwrap();
    assert_eq!(again, [None, None]);
}

#[test]
fn a_pause_is_kept_until_it_is_resumed() {
    let book = book();
    let job: JobName = "a".parse().unwrap();
    let pause = Pause {
        since: Timestamp::from_second(5).unwrap(),
        until: Some(Timestamp::from_second(9).unwrap()),
    };
    book.ledger.pause(&job, pause).unwrap();
    assert_eq!(book.ledger.pauses().unwrap(), [(job.clone(), pause)]);
    let registration = Registration {
        job: job.clone(),
        schedule: "every 5m".into(),
        needed: false,
    };
    assert_eq!(
        book.ledger.register(&[registration]).unwrap()[0].pause,
        Some(pause)
    );
    assert!(pause.covers(pause.since) && !pause.covers(pause.until.unwrap()));
    assert!(book.ledger.resume(&job).unwrap() && !book.ledger.resume(&job).unwrap());
}

#[test]
fn the_newest_success_of_a_needed_job_is_known() {
    let book = book();
    for at in [10, 30, 20] {
        let fence = claim(&book, "a", at).unwrap();
        let outcome = if at == 30 {
            Outcome::Failed
        } else {
            Outcome::Succeeded
        };
        book.ledger
            .finish(&[Ended {
                outcome,
                ..end(fence)
            }])
            .unwrap();
    }
    let registration = |needed| Registration {
        job: "a".parse().unwrap(),
        schedule: "every 5m".into(),
        needed,
    };
    let known = book.ledger.register(&[registration(true)]).unwrap()[0];
    assert_eq!(known.succeeded, Timestamp::from_second(20).ok());
    assert_eq!(
        book.ledger.register(&[registration(false)]).unwrap()[0].succeeded,
        None
    );
}

#[test]
fn the_time_between_two_daemons_is_a_gap() {
    let book = book();
    book.ledger.note_stop("somebody else").unwrap();
    assert_eq!(book.ledger.gaps(Timestamp::UNIX_EPOCH).unwrap(), []);
    let start = book.ledger.clock.now();
    while book.ledger.clock.now() <= start + jiff::SignedDuration::from_millis(2) {}
    book.ledger.note_stop("daemon").unwrap();
    let ledger = book.ledger;
    let gaps = ledger.gaps(Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(gaps.len(), 1);
    assert!(gaps[0].what == GapKind::Stopped && gaps[0].covers(gaps[0].ended_at));
    let step = Gap {
        what: GapKind::Stepped,
        began_at: Timestamp::from_second(50).unwrap(),
        ended_at: Timestamp::from_second(20).unwrap(),
    };
    ledger.note_gap(step).unwrap();
    assert_eq!(
        ledger.gaps(Timestamp::from_second(20).unwrap()).unwrap()[0],
        step
    );
}

#[test]
fn a_ledger_of_the_first_version_keeps_its_slots() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("l.db");
    let old = crate::sqlite::open_own(&path, &schema::MIGRATIONS[..1]).unwrap();
    old.execute_batch(
        "INSERT INTO instances (pid, host, version, what, started_at) VALUES (1, 'h', '1', 'x', 0);
         INSERT INTO slots VALUES ('a', 10, '', 'ended', 1, 1, 1, 0), ('a', 20, '', 'lost', 1, 1, 1, 0);",
    )
    .unwrap();
    drop(old);
    let ledger = Ledger::open(&path, Clock::System).unwrap();
    let me = ledger.begin("daemon", "host", "1").unwrap();
    let claimed = ledger.decide(me, &[run("a", 10)], &[]).unwrap();
    assert_eq!(claimed, [None]);
    assert_eq!(ledger.recover(me).unwrap().waiting.len(), 1);
}
