//! What the simulation (tests/sim) found, each in its smallest form.

use super::*;

fn with_schedules(name: &str, schedules: &[&str], policy: Policy) -> JobSpec {
    let parse = |text: &&str| Schedule::parse(text).unwrap();
    JobSpec {
        schedules: schedules.iter().map(parse).collect(),
        ..spec(name, "@start", policy)
    }
}

fn jittered() -> Policy {
    Policy {
        jitter: Span::from_secs(300),
        ..Policy::default()
    }
}

/// The fate of each slot: started, skipped or waiting.
fn decided(actions: &[Action]) -> Vec<String> {
    let each = actions.iter().filter_map(|action| match action {
        Action::Start { slot, .. } => Some(format!("starts {}", slot.at)),
        Action::Skip { slot, .. } => Some(format!("skipped {}", slot.at)),
        Action::Wait { slot, .. } => Some(format!("waits {}", slot.at)),
        _ => None,
    });
    each.collect()
}

fn reload(planner: &mut Planner, now: &str, spec: JobSpec, known: Known) -> Vec<Action> {
    let jobs = vec![(spec, known)];
    let input = Input::Reload {
        jobs,
        max_running: None,
    };
    planner.handle(at(now), input)
}

#[test]
fn a_start_does_not_hide_a_slot_whose_jitter_has_not_passed() {
    let job = with_schedules("a", &["@start", "0 * * * *"], jittered());
    let slot = at("01:00:00");
    assert!(job.jitter(slot) > SignedDuration::from_secs(10));
    let mut planner = Planner::new([(job, known(at("00:30:00")))], None);
    let actions = planner.handle(at("01:00:10"), Input::Start { left: Vec::new() });
    let fates = [
        "waits 2026-11-23T01:00:00Z",
        "skipped 2026-11-23T01:00:00Z",
        "starts 2026-11-23T01:00:10Z",
    ];
    assert_eq!(decided(&actions), fates);
}

#[test]
fn a_start_in_the_second_of_a_slot_that_was_lost_is_that_slot() {
    let job = with_schedules("a", &["@start", "0 * * * *"], Policy::default());
    let mut planner = Planner::new([(job, known(at("01:00:00")))], None);
    let left = Left {
        job: "a".parse().unwrap(),
        at: at("01:00:00"),
        ran: true,
    };
    let actions = planner.handle(at("01:00:00"), Input::Start { left: vec![left] });
    assert_eq!(decided(&actions), ["starts 2026-11-23T01:00:00Z"]);
}

#[test]
fn a_job_with_a_new_every_goes_on_though_the_clock_was_set_back() {
    let (mut planner, _) = started("0 * * * *", Policy::default(), "00:00:00");
    let ahead = known(at("20:00:00"));
    let job = spec("a", "every 5m", Policy::default());
    let actions = reload(&mut planner, "00:10:00", job, ahead);
    assert!(matches!(actions[..], [Action::Phase { .. }]), "{actions:?}");
    assert_eq!(planner.next_wake(), Some(at("00:15:01")));
}

#[test]
fn a_reload_while_the_daemon_stops_starts_nothing_anew() {
    let (mut planner, _) = started("every 5m", Policy::default(), "00:00:00");
    starts(&tick(&mut planner, "00:05:00"));
    planner.handle(at("00:06:00"), Input::Shutdown);
    let job = spec("a", "every 5m", Policy::default());
    reload(&mut planner, "00:07:00", job, known(at("00:05:00")));
    assert_eq!(planner.next_wake(), None);
}

#[test]
fn all_that_is_too_much_to_be_caught_up_is_counted() {
    let all = Policy {
        catch_up: CatchUp::All,
        ..Policy::default()
    };
    let (_, actions) = started("every 10s", all, "05:00:00");
    let skipped = skips(&actions);
    let (slot, reason) = &skipped[0];
    assert_eq!((skipped.len(), slot.as_str()), (1, "2026-11-23T02:13:30Z"));
    assert_eq!(
        reason,
        "missed: too many to catch up each of them (and 800 slots before it)"
    );
}

#[test]
fn what_is_caught_up_neither_replaces_a_run_nor_is_skipped_because_of_it() {
    for overlap in [Overlap::Skip, Overlap::Queue, Overlap::Replace] {
        let policy = Policy {
            catch_up: CatchUp::All,
            ..policy(overlap)
        };
        let job = with_schedules("a", &["@start", "0 * * * *"], policy);
        let mut planner = Planner::new([(job, known(at("00:30:00")))], None);
        let start = Input::Start { left: Vec::new() };
        let actions = planner.handle(at("01:30:00"), start);
        let running = starts(&actions)[0].0;
        assert_eq!(tick(&mut planner, "01:30:02"), []);
        finish(&mut planner, "01:31:00", running, None);
        let caught = starts(&tick(&mut planner, "01:31:00"));
        assert_eq!(caught[0].1, "2026-11-23T01:00:00Z", "{overlap:?}");
    }
}

#[test]
fn those_that_waited_for_one_success_are_caught_up_one_by_one() {
    let after = Policy {
        needs: vec!["a".parse().unwrap()],
        ..Policy::default()
    };
    let last = Policy {
        priority: -1,
        ..Policy::default()
    };
    let jobs = [
        spec("a", "0 1 * * *", last),
        spec("b", "0 1 * * *", after.clone()),
        spec("c", "0 1 * * *", after),
    ];
    let jobs = jobs.map(|job| (job, known(at("00:30:00"))));
    let mut planner = Planner::new(jobs, None);
    planner.handle(at("02:00:00"), Input::Start { left: Vec::new() });
    let first = starts(&tick(&mut planner, "02:00:02"));
    assert_eq!(
        started_jobs(&finish(&mut planner, "02:00:03", first[0].0, None)),
        ["b"]
    );
    assert!(starts(&tick(&mut planner, "02:00:03")).is_empty());
    let second = planner.live()[0];
    let actions = finish(&mut planner, "02:00:04", second, None);
    assert_eq!(started_jobs(&actions), ["c"]);
}

#[test]
fn a_job_that_may_not_overlap_any_more_does_not() {
    let locked = |overlap| Policy {
        locks: vec!["l".parse().unwrap()],
        ..policy(overlap)
    };
    for overlap in [Overlap::Skip, Overlap::Queue, Overlap::Replace] {
        let (mut planner, _) = started("every 5m", locked(Overlap::Allow), "00:00:00");
        let first = starts(&tick(&mut planner, "00:05:00"))[0].0;
        tick(&mut planner, "00:10:00");
        tick(&mut planner, "00:15:00");
        let job = spec("a", "every 5m", locked(overlap));
        let actions = reload(&mut planner, "00:16:00", job, known(at("00:15:00")));
        let ended = |action: &Action| matches!(action, Action::Cancel { .. } | Action::End { .. });
        assert!(!actions.iter().any(ended), "{actions:?}");
        let left = starts(&finish(&mut planner, "00:17:00", first, None));
        let expected: &[&str] = match overlap {
            Overlap::Skip => &[],
            _ => &["2026-11-23T00:15:00Z"],
        };
        let left: Vec<_> = left.iter().map(|start| start.1.as_str()).collect();
        assert_eq!(left, expected, "{overlap:?}");
    }
}

#[test]
fn what_waits_to_be_caught_up_follows_the_new_job_file() {
    let catching = |catch_up| Policy {
        catch_up,
        ..Policy::default()
    };
    let (mut planner, _) = started("0 * * * *", catching(CatchUp::All), "03:30:00");
    let job = spec("a", "0 * * * *", catching(CatchUp::Latest));
    let actions = reload(&mut planner, "03:30:01", job, known(at("03:00:00")));
    assert_eq!(skips(&actions).len(), 2);
    let caught = starts(&tick(&mut planner, "03:30:02"));
    assert_eq!(
        (caught[0].1.as_str(), caught[0].3),
        ("2026-11-23T03:00:00Z", 2)
    );

    let (mut planner, _) = started("0 * * * *", catching(CatchUp::All), "03:30:00");
    let job = spec("a", "0 * * * *", catching(CatchUp::None));
    let actions = reload(&mut planner, "03:30:01", job, known(at("03:00:00")));
    assert_eq!(skips(&actions).len(), 3);
}

#[test]
fn an_every_that_meets_a_phase_from_before_the_start_takes_another() {
    let job = spec("a", "every 5m", Policy::default());
    let mut planner = Planner::new([(job, known(at("09:00:00")))], None);
    planner.handle(at("03:00:00"), Input::Start { left: Vec::new() });
    let wake = planner.next_wake().unwrap();
    let taken = starts(&planner.handle(wake, Input::Tick))[0].0;
    let actions = planner.handle(wake, Input::Denied(taken));
    assert!(matches!(actions[..], [Action::Phase { .. }]), "{actions:?}");
    let again = planner.next_wake().unwrap();
    assert!(again.duration_since(wake) <= SignedDuration::from_secs(2));
    assert_eq!(starts(&planner.handle(again, Input::Tick)).len(), 1);
}
