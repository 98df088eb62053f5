//! Random histories of ticks, ends, runs by hand, cancels and refused claims.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::{
    super::{Action, Failure, Input, Planner, Slot, Ticket},
    at, known, spec, started,
};
use crate::{
    job::{CatchUp, Disposition, JobName, Overlap, Policy, Retry, Trigger},
    units::Span,
    watch::CancelReason,
};
use jiff::{SignedDuration, Timestamp};

/// A step of a random history.
#[derive(Debug, Clone)]
enum Act {
    Pass(i64),
    Finish(usize, u8),
    Manual(usize),
    Cancel(usize),
    Deny(usize),
    Hold(bool),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => (0i64..400).prop_map(Act::Pass),
        1 => (3_600i64..90_000).prop_map(Act::Pass),
        1 => (-4_000i64..0).prop_map(Act::Pass),
        6 => (any::<usize>(), 0u8..4).prop_map(|(n, how)| Act::Finish(n, how)),
        1 => any::<usize>().prop_map(Act::Manual),
        1 => any::<usize>().prop_map(Act::Cancel),
        1 => any::<usize>().prop_map(Act::Deny),
        1 => any::<bool>().prop_map(Act::Hold),
    ];
    prop::collection::vec(act, 1..120)
}

fn policies() -> impl Strategy<Value = Policy> {
    let overlap = prop::sample::select(vec![
        Overlap::Skip,
        Overlap::Queue,
        Overlap::Replace,
        Overlap::Allow,
    ]);
    let catch_up = prop::sample::select(vec![CatchUp::Latest, CatchUp::All, CatchUp::None]);
    (overlap, catch_up, 1u32..4).prop_map(|(overlap, catch_up, attempts)| Policy {
        overlap,
        catch_up,
        catch_up_window: Span::from_secs(7_200),
        retry: Retry {
            attempts,
            ..Retry::default()
        },
        ..Policy::default()
    })
}

/// Watches the actions of one history and holds the invariants against them.
#[derive(Default)]
struct Judge {
    live: HashMap<Ticket, JobName>,
    over: HashSet<Ticket>,
    decided: HashSet<Slot>,
    caught_up: HashMap<JobName, usize>,
    held: bool,
}

impl Judge {
    fn look(&mut self, planner: &Planner, actions: &[Action]) {
        for action in actions {
            match action {
                Action::Start {
                    ticket,
                    slot,
                    trigger,
                    ..
                } => {
                    let job = &slot.job;
                    assert!(!self.held, "started while held: {slot:?}");
                    assert!(self.decided.insert(slot.clone()), "started twice: {slot:?}");
                    self.live.insert(*ticket, job.clone());
                    let overlap = planner.find(job).unwrap().policy.overlap;
                    let together = self.live.values().filter(|other| *other == job).count();
                    assert!(
                        overlap == Overlap::Allow || together == 1,
                        "{together} live runs"
                    );
                    if *trigger == Trigger::CatchUp {
                        *self.caught_up.entry(job.clone()).or_default() += 1;
                    }
                }
                Action::Skip { ticket, slot, .. } => {
                    assert!(self.decided.insert(slot.clone()), "decided twice: {slot:?}");
                    assert!(self.over.insert(*ticket), "{ticket:?} ended twice");
                }
                Action::End { ticket, .. } => {
                    assert!(
                        self.live.remove(ticket).is_some(),
                        "{ticket:?} was not live"
                    );
                    assert!(self.over.insert(*ticket), "{ticket:?} ended twice");
                }
                Action::Forget(ticket) => {
                    assert!(!self.live.contains_key(ticket), "{ticket:?} was live");
                    assert!(self.over.insert(*ticket), "{ticket:?} ended twice");
                }
                Action::Attempt { ticket, .. } | Action::WillRetry { ticket, .. } => {
                    let again = matches!(action, Action::Attempt { .. });
                    assert!(!(again && self.held), "another attempt while held");
                    assert!(self.live.contains_key(ticket));
                }
                Action::Wait { .. } | Action::Cancel { .. } | Action::Phase { .. } => {}
            }
        }
    }

    fn pick(&self, n: usize) -> Option<Ticket> {
        let mut live: Vec<_> = self.live.keys().copied().collect();
        live.sort_unstable();
        live.get(n.checked_rem(live.len())?).copied()
    }
}

fn failure(how: u8) -> Option<Failure> {
    let disposition = match how {
        0 | 1 => return None,
        2 => Disposition::Retry,
        _ => Disposition::Permanent,
    };
    Some(Failure {
        disposition,
        reason: "no".into(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_history_keeps_the_invariants(
        policies in prop::collection::vec(policies(), 1..4),
        acts in acts(),
    ) {
        let begin = at("00:00:00");
        let schedules = ["every 5m", "*/7 * * * *", "0 * * * *"];
        let jobs = policies.into_iter().zip(schedules).enumerate();
        let jobs = jobs.map(|(n, (policy, schedule))| {
            (spec(&format!("j{n}"), schedule, policy), known(begin))
        });
        let mut planner = Planner::new(jobs, None);
        let mut judge = Judge::default();
        let mut now = begin;
        let mut newest = begin;
        let mut manual = 0;
        let actions = planner.handle(now, Input::Start { left: vec![] });
        judge.look(&planner, &actions);
        for act in acts {
            let input = match act {
                Act::Pass(seconds) => {
                    now += SignedDuration::from_secs(seconds);
                    newest = newest.max(now);
                    Some(Input::Tick)
                }
                Act::Finish(n, how) => judge.pick(n).map(|ticket| Input::Finished { ticket, failure: failure(how) }),
                Act::Manual(n) => {
                    let job = n % planner.jobs.len();
                    manual += 1;
                    let slot = Slot {
                        job: format!("j{job}").parse().unwrap(),
                        at: Timestamp::from_second(manual).unwrap(),
                        scope: "manual".into(),
                    };
                    Some(Input::RunNow { ticket: planner.ticket(), slot, trigger: Trigger::Manual })
                }
                Act::Cancel(n) => judge.pick(n).map(|ticket| Input::Cancel { ticket, reason: CancelReason::Operator }),
                Act::Deny(n) => judge.pick(n).map(|ticket| {
                    judge.live.remove(&ticket);
                    Input::Denied(ticket)
                }),
                Act::Hold(held) => {
                    judge.held = held;
                    Some(Input::Hold(held))
                }
            };
            if let Some(input) = input {
                let actions = planner.handle(now, input);
                judge.look(&planner, &actions);
            }
        }
        judge.held = false;
        let actions = planner.handle(now, Input::Hold(false));
        judge.look(&planner, &actions);
        // Every slot up to the newest tick is decided, or waits in the backlog or the queue.
        let waiting: HashSet<Slot> = planner
            .backlog()
            .cloned()
            .chain(planner.jobs.iter().filter_map(|job| job.queued.as_ref().map(|q| q.slot.clone())))
            .collect();
        for job in &planner.jobs {
            let mut next = job.spec.next_after(begin, begin);
            let mut count = 0;
            while let Some(slot_at) = next.filter(|slot_at| *slot_at <= newest && count < 500) {
                let slot = Slot { job: job.spec.name.clone(), at: slot_at, scope: String::new() };
                prop_assert!(judge.decided.contains(&slot) || waiting.contains(&slot), "forgotten: {slot:?}");
                next = job.spec.next_after(slot_at, begin);
                count += 1;
            }
        }
        let actions = planner.handle(now, Input::Shutdown);
        judge.look(&planner, &actions);
        while let Some(ticket) = judge.pick(0) {
            let actions = planner.handle(now, Input::Finished { ticket, failure: failure(2) });
            judge.look(&planner, &actions);
        }
        prop_assert!(planner.is_idle());
    }

    #[test]
    fn a_jump_of_any_size_is_at_most_one_catch_up_of_a_latest_job(seconds in 11i64..5_000_000) {
        let (mut planner, _) = started("every 5m", Policy::default(), "00:00:00");
        let now = at("00:00:00") + SignedDuration::from_secs(seconds);
        let mut judge = Judge::default();
        let actions = planner.handle(now, Input::Tick);
        judge.look(&planner, &actions);
        for extra in 2..6 {
            let actions = planner.handle(now + SignedDuration::from_secs(extra), Input::Tick);
            judge.look(&planner, &actions);
        }
        prop_assert!(judge.caught_up.values().next().copied().unwrap_or_default() <= 1);
    }
}
