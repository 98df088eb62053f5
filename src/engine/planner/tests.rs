//! The planner's rules, by example; `histories` holds them against random ones.

use super::*;
use crate::{
    job::{CatchUp, Disposition, Policy, testing::Nothing},
    schedule::Schedule,
    units::Span,
    words::Outcome,
};

mod clock;
mod found;
mod gate;
mod histories;
mod missed;
mod needs;
mod reload;

fn at(text: &str) -> Timestamp {
    format!("2026-11-23T{text}Z").parse().unwrap()
}

fn spec(name: &str, schedule: &str, policy: Policy) -> JobSpec {
    JobSpec {
        name: name.parse().unwrap(),
        kind: "nothing",
        schedules: vec![Schedule::parse(schedule).unwrap()],
        policy,
        job: std::sync::Arc::new(Nothing),
    }
}

/// A job that is decided up to `at`, where its phase begins.
fn known(at: Timestamp) -> Known {
    Known {
        anchor: at,
        decided_until: at,
        succeeded: None,
        pause: None,
    }
}

/// A planner of jobs that were all decided up to midnight, started then.
fn planner(jobs: impl IntoIterator<Item = JobSpec>, max_running: Option<u32>) -> Planner {
    let midnight = at("00:00:00");
    let jobs = jobs.into_iter().map(|spec| (spec, known(midnight)));
    let mut planner = Planner::new(jobs, max_running);
    planner.handle(midnight, Input::Start { left: Vec::new() });
    planner
}

/// What has started: job and time of the slot.
fn started_jobs(actions: &[Action]) -> Vec<String> {
    let each = actions.iter().filter_map(|action| match action {
        Action::Start { slot, .. } => Some(slot.job.to_string()),
        _ => None,
    });
    each.collect()
}

fn notes(actions: &[Action]) -> Vec<String> {
    let each = actions.iter().filter_map(|action| match action {
        Action::Wait { slot, note, .. } => Some(format!("{} {note}", slot.job)),
        _ => None,
    });
    each.collect()
}

/// A planner with one job that was decided up to midnight, started at `now`.
fn started(schedule: &str, policy: Policy, now: &str) -> (Planner, Vec<Action>) {
    let midnight = at("00:00:00");
    let mut planner = Planner::new([(spec("a", schedule, policy), known(midnight))], None);
    let actions = planner.handle(at(now), Input::Start { left: Vec::new() });
    (planner, actions)
}

fn tick(planner: &mut Planner, now: &str) -> Vec<Action> {
    planner.handle(at(now), Input::Tick)
}

fn starts(actions: &[Action]) -> Vec<(Ticket, String, Trigger, u32)> {
    let each = actions.iter().filter_map(|action| match action {
        Action::Start {
            ticket,
            slot,
            trigger,
            missed,
            ..
        } => Some((*ticket, slot.at.to_string(), *trigger, *missed)),
        _ => None,
    });
    each.collect()
}

fn skips(actions: &[Action]) -> Vec<(String, String)> {
    let each = actions.iter().filter_map(|action| match action {
        Action::Skip { slot, reason, .. } => Some((slot.at.to_string(), reason.clone())),
        _ => None,
    });
    each.collect()
}

fn finish(
    planner: &mut Planner,
    now: &str,
    ticket: Ticket,
    error: Option<Disposition>,
) -> Vec<Action> {
    let failure = error.map(|disposition| Failure {
        disposition,
        reason: "no".into(),
    });
    planner.handle(at(now), Input::Finished { ticket, failure })
}

fn policy(overlap: Overlap) -> Policy {
    Policy {
        overlap,
        ..Policy::default()
    }
}

#[test]
fn a_slot_fires_at_its_instant_and_the_next_one_is_planned() {
    let (mut planner, actions) = started("0 2 * * *", Policy::default(), "00:00:05");
    assert_eq!(
        (actions, planner.next_wake()),
        (vec![], Some(at("02:00:00")))
    );
    assert!(tick(&mut planner, "01:59:59").is_empty());
    let fired = starts(&tick(&mut planner, "02:00:00"));
    assert_eq!(fired[0].1, "2026-11-23T02:00:00Z");
    assert_eq!(
        planner.next_wake(),
        Some("2026-11-24T02:00:00Z".parse().unwrap())
    );
}

#[test]
fn a_slot_that_comes_during_a_run_is_skipped_with_its_reason() {
    let (mut planner, _) = started("every 5m", policy(Overlap::Skip), "00:00:00");
    let first = starts(&tick(&mut planner, "00:05:00"))[0].0;
    let skipped = skips(&tick(&mut planner, "00:10:00"));
    assert_eq!(skipped[0].1, "overlap: the last run is still going on");
    finish(&mut planner, "00:11:00", first, None);
    assert_eq!(starts(&tick(&mut planner, "00:15:00")).len(), 1);
}

#[test]
fn a_queued_slot_starts_after_the_run_and_only_the_newest_waits() {
    let (mut planner, _) = started("every 5m", policy(Overlap::Queue), "00:00:00");
    let first = starts(&tick(&mut planner, "00:05:00"))[0].0;
    assert!(matches!(
        tick(&mut planner, "00:10:00")[..],
        [Action::Wait { keep: true, .. }]
    ));
    let skipped = skips(&tick(&mut planner, "00:15:00"));
    assert_eq!(
        skipped[0],
        (
            "2026-11-23T00:10:00Z".into(),
            "overlap: a newer slot waits in its place".into()
        )
    );
    let next = starts(&finish(&mut planner, "00:16:00", first, None));
    assert_eq!(next[0].1, "2026-11-23T00:15:00Z");
}

#[test]
fn a_replaced_run_is_cancelled_and_gets_no_further_attempt() {
    let (mut planner, _) = started("every 5m", policy(Overlap::Replace), "00:00:00");
    let first = starts(&tick(&mut planner, "00:05:00"))[0].0;
    let actions = tick(&mut planner, "00:10:00");
    let reason = CancelReason::Replaced;
    assert_eq!(
        actions[1],
        Action::Cancel {
            ticket: first,
            reason
        }
    );
    let actions = finish(
        &mut planner,
        "00:10:01",
        first,
        Some(Disposition::Interrupted(reason)),
    );
    assert!(matches!(
        actions[0],
        Action::End {
            outcome: Outcome::Cancelled,
            ..
        }
    ));
    assert_eq!(starts(&actions).len(), 1);
}

#[test]
fn a_replaced_run_that_waits_for_its_next_attempt_ends_at_once() {
    let (mut planner, _) = started("every 5m", policy(Overlap::Replace), "00:00:00");
    let first = starts(&tick(&mut planner, "00:05:00"))[0].0;
    finish(&mut planner, "00:09:55", first, Some(Disposition::Retry));
    let actions = tick(&mut planner, "00:10:00");
    assert!(actions.iter().any(|a| matches!(
        a,
        Action::End {
            outcome: Outcome::Failed,
            ..
        }
    )));
    assert_eq!(starts(&actions).len(), 1);
}

#[test]
fn runs_that_may_overlap_do() {
    let (mut planner, _) = started("every 5m", policy(Overlap::Allow), "00:00:00");
    for now in ["00:05:00", "00:10:00", "00:15:00"] {
        assert_eq!(starts(&tick(&mut planner, now)).len(), 1);
    }
    assert_eq!(planner.live().len(), 3);
}

#[test]
fn a_failed_attempt_is_repeated_with_growing_waits_and_then_the_run_failed() {
    let (mut planner, _) = started("0 2 * * *", Policy::default(), "00:00:00");
    let ticket = starts(&tick(&mut planner, "02:00:00"))[0].0;
    let actions = finish(&mut planner, "02:00:01", ticket, Some(Disposition::Retry));
    assert!(matches!(&actions[0], Action::WillRetry { next_at, .. } if *next_at == at("02:00:11")));
    assert_eq!(
        tick(&mut planner, "02:00:11"),
        [Action::Attempt { ticket, attempt: 2 }]
    );
    finish(&mut planner, "02:00:12", ticket, Some(Disposition::Retry));
    assert_eq!(
        tick(&mut planner, "02:00:32"),
        [Action::Attempt { ticket, attempt: 3 }]
    );
    let actions = finish(&mut planner, "02:00:33", ticket, Some(Disposition::Retry));
    let reason = Some("no".to_owned());
    assert_eq!(
        actions,
        [Action::End {
            ticket,
            outcome: Outcome::Failed,
            reason,
            attempts: 3
        }]
    );
    assert!(planner.is_idle());
}

#[test]
fn a_permanent_error_and_a_timeout_are_not_repeated() {
    let timeout = Disposition::Interrupted(CancelReason::Timeout);
    for (disposition, expected) in [
        (Disposition::Permanent, Outcome::Failed),
        (timeout, Outcome::TimedOut),
    ] {
        let (mut planner, _) = started("0 2 * * *", Policy::default(), "00:00:00");
        let ticket = starts(&tick(&mut planner, "02:00:00"))[0].0;
        let actions = finish(&mut planner, "02:00:01", ticket, Some(disposition));
        assert!(matches!(actions[..], [Action::End { outcome, .. }] if outcome == expected));
    }
}

#[test]
fn a_clock_that_steps_back_fires_nothing_again() {
    let (mut planner, _) = started("every 5m", Policy::default(), "00:00:00");
    let ticket = starts(&tick(&mut planner, "00:05:00"))[0].0;
    finish(&mut planner, "00:05:01", ticket, None);
    assert!(tick(&mut planner, "00:01:00").is_empty());
    assert_eq!(planner.next_wake(), Some(at("00:10:00")));
}

#[test]
fn a_disabled_job_fires_only_by_hand() {
    let off = Policy {
        enabled: false,
        ..Policy::default()
    };
    let (mut planner, _) = started("every 5m", off, "03:00:00");
    assert_eq!(planner.next_wake(), None);
    let ticket = planner.ticket();
    let slot = Slot {
        job: "a".parse().unwrap(),
        at: at("03:00:00"),
        scope: "manual".into(),
    };
    let actions = planner.handle(
        at("03:00:00"),
        Input::RunNow {
            ticket,
            slot,
            trigger: Trigger::Manual,
        },
    );
    assert_eq!(starts(&actions)[0].2, Trigger::Manual);
}

#[test]
fn the_drain_ends_what_waits_and_lets_what_runs_finish() {
    let (mut planner, _) = started("every 5m", policy(Overlap::Queue), "00:00:00");
    let running = starts(&tick(&mut planner, "00:05:00"))[0].0;
    tick(&mut planner, "00:10:00");
    // The slot in the queue is kept in the ledger: the next start catches it up.
    let actions = planner.handle(at("00:11:00"), Input::Shutdown);
    assert!(matches!(actions[..], [Action::Forget(_)]));
    assert!(!planner.is_idle());
    let end = finish(&mut planner, "00:12:00", running, Some(Disposition::Retry));
    assert!(matches!(
        end[..],
        [Action::End {
            outcome: Outcome::Failed,
            ..
        }]
    ));
    assert!(planner.is_idle() && planner.next_wake().is_none());
}

#[test]
fn a_run_can_be_cancelled_wherever_it_is() {
    let reason = CancelReason::Operator;
    let (mut planner, _) = started("every 5m", policy(Overlap::Queue), "00:00:00");
    let running = starts(&tick(&mut planner, "00:05:00"))[0].0;
    let Action::Wait { ticket: queued, .. } = tick(&mut planner, "00:10:00")[0] else {
        panic!("no queue")
    };
    let cancelled = planner.handle(
        at("00:10:01"),
        Input::Cancel {
            ticket: queued,
            reason,
        },
    );
    assert_eq!(skips(&cancelled).len(), 1);
    let cancelled = planner.handle(
        at("00:10:02"),
        Input::Cancel {
            ticket: running,
            reason,
        },
    );
    assert_eq!(
        cancelled,
        [Action::Cancel {
            ticket: running,
            reason
        }]
    );
    finish(&mut planner, "00:10:03", running, Some(Disposition::Retry));
    let ended = planner.handle(
        at("00:10:04"),
        Input::Cancel {
            ticket: running,
            reason,
        },
    );
    assert!(matches!(
        ended[..],
        [Action::End {
            outcome: Outcome::Cancelled,
            ..
        }]
    ));
}

#[test]
fn a_claim_that_the_ledger_could_not_take_is_tried_again() {
    let (mut planner, _) = started("every 5m", Policy::default(), "00:00:00");
    let ticket = starts(&tick(&mut planner, "00:05:00"))[0].0;
    planner.handle(at("00:05:00"), Input::Unclaimed(ticket));
    assert_eq!(starts(&tick(&mut planner, "00:05:05"))[0].0, ticket);
    assert!(
        planner
            .handle(at("00:05:05"), Input::Denied(ticket))
            .is_empty()
    );
    assert!(planner.is_idle());
}

#[test]
fn a_claim_that_was_never_written_does_not_hold_up_the_drain() {
    let (mut planner, _) = started("every 5m", Policy::default(), "00:00:00");
    let ticket = starts(&tick(&mut planner, "00:05:00"))[0].0;
    planner.handle(at("00:05:00"), Input::Unclaimed(ticket));
    let actions = planner.handle(at("00:05:01"), Input::Shutdown);
    assert_eq!(actions, [Action::Forget(ticket)]);
    assert!(planner.is_idle());

    let (mut planner, _) = started("every 5m", Policy::default(), "00:00:00");
    let ticket = starts(&tick(&mut planner, "00:05:00"))[0].0;
    planner.handle(at("00:05:01"), Input::Shutdown);
    let actions = planner.handle(at("00:05:02"), Input::Unclaimed(ticket));
    assert_eq!(actions, [Action::Forget(ticket)]);
    assert!(planner.is_idle());
}

#[test]
fn a_claim_that_was_never_written_can_be_cancelled() {
    let (mut planner, _) = started("every 5m", Policy::default(), "00:00:00");
    let ticket = starts(&tick(&mut planner, "00:05:00"))[0].0;
    planner.handle(at("00:05:00"), Input::Unclaimed(ticket));
    let reason = CancelReason::Operator;
    let actions = planner.handle(at("00:05:01"), Input::Cancel { ticket, reason });
    assert_eq!(skips(&actions).len(), 1);
    assert!(starts(&tick(&mut planner, "00:05:05")).is_empty());
}
