//! What a person sees at 80 columns.

use std::sync::Arc;

use jiff::{Timestamp, tz::TimeZone};

use super::*;
use crate::schedule::Schedule;
use crate::{
    app::{Absence, Gap},
    job::{Outcome, Policy, RunId},
    kinds::Backup,
};

fn spec() -> JobSpec {
    JobSpec {
        name: "a".parse().unwrap(),
        kind: "backup",
        schedules: vec![Schedule::parse("0 2 * * *").unwrap()],
        policy: Policy::default(),
        job: Arc::new(Backup::default()),
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn run(day: u8, outcome: Option<Outcome>, reason: Option<&str>) -> RunRow {
    let slot = at(&format!("2026-11-{day}T02:00:00Z"));
    RunRow {
        run: RunId(day.into()),
        job: "a".parse().unwrap(),
        slot,
        trigger: Trigger::Schedule,
        missed: 0,
        attempts: u32::from(outcome.is_some()),
        outcome,
        reason: reason.map(str::to_owned),
        started_at: slot,
        finished_at: outcome.map(|_| slot + jiff::SignedDuration::from_millis(3_200)),
        report: None,
    }
}

fn row(run: RunRow) -> Told {
    let failed = Vec::new();
    Told {
        slot: run.slot,
        gap: None,
        fate: Fate::Row { run, failed },
    }
}

fn before(day: u8) -> Told {
    Told {
        slot: at(&format!("2026-11-{day}T02:00:00Z")),
        gap: None,
        fate: Fate::None(Absence::FirstSeen(at("2026-11-19T12:00:00Z"))),
    }
}

fn told() -> Vec<Told> {
    let locked = "database `/srv/assistant/data/trading_assistant.db` is locked by another program";
    let mut failed = row(RunRow {
        attempts: 2,
        missed: 3,
        trigger: Trigger::CatchUp,
        ..run(22, Some(Outcome::Failed), Some(locked))
    });
    if let Fate::Row { failed, .. } = &mut failed.fate {
        failed.push(AttemptRow {
            attempt: 1,
            ended_at: at("2026-11-22T02:00:01Z"),
            error: locked.into(),
        });
    }
    let skipped = RunRow {
        attempts: 0,
        ..run(
            21,
            Some(Outcome::Skipped),
            Some("overlap: the last run is still going on"),
        )
    };
    let gap = Gap::Stopped {
        from: Some(at("2026-11-18T12:00:00Z")),
        until: None,
    };
    vec![
        row(run(24, None, None)),
        row(run(23, Some(Outcome::Succeeded), None)),
        failed,
        row(skipped),
        Told {
            slot: at("2026-11-20T02:00:00Z"),
            gap: None,
            fate: Fate::None(Absence::Down(gap)),
        },
        before(19),
        before(18),
        before(17),
    ]
}

#[test]
fn slots_in_a_terminal() {
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    let times = Times::at(zone, at("2026-11-24T02:00:05Z"));
    let told = told();
    let like = told.chunk_by(alike);
    let lines: Vec<_> = like.flat_map(|like| lines(like, &spec(), &times)).collect();
    assert!(
        lines.iter().all(|line| line.chars().count() <= 80),
        "{lines:#?}"
    );
    insta::assert_snapshot!(lines.join("\n"), @r"
    Tue 2026-11-24 10:00:00 +08:00  running (run 24, 5s ago)
    Mon 2026-11-23 10:00:00 +08:00  succeeded (run 23, took 3.2s, 1d ago)
    Sun 2026-11-22 10:00:00 +08:00  failed
        run 22, catch-up, 2 attempts, took 3.2s, 2d ago
        database `/srv/assistant/data/trading_assistant.db` is locked by another
        program
        attempt 1 failed: database `/srv/assistant/data/trading_assistant.db` is
        locked by another program
        stands for 3 slots missed before it
    Sat 2026-11-21 10:00:00 +08:00  skipped (run 21, 3d ago)
        overlap: the last run is still going on
    Fri 2026-11-20 10:00:00 +08:00  undecided (4d ago)
        no daemon has been running since Wed 2026-11-18 20:00:00 +08:00; the next
        start catches up the newest such slot (catch_up: latest), if that is within
        1d
    Thu 2026-11-19 10:00:00 +08:00  not-known (5d ago)
        and 2 slots before it, back to Tue 2026-11-17 10:00:00 +08:00
        the job was first seen at Thu 2026-11-19 20:00:00 +08:00: before that
        nothing was owed
    ");
}

#[test]
fn all_objects_have_the_same_fields() {
    let objects: Vec<_> = told().iter().map(|told| as_json(told, &spec())).collect();
    let fields =
        |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    assert!(
        objects
            .iter()
            .all(|value| fields(value) == fields(&objects[0]))
    );
    let fates: Vec<_> = objects
        .iter()
        .map(|value| value["fate"].as_str().unwrap())
        .collect();
    let expected = [
        "running",
        "succeeded",
        "failed",
        "skipped",
        "undecided",
        "not-known",
        "not-known",
        "not-known",
    ];
    assert_eq!(fates, expected);
    assert_eq!(objects[2]["failed_attempts"][0]["attempt"], 1);
    let reason = objects[4]["reason"].as_str().unwrap();
    assert!(reason.starts_with("no daemon has been running since 2026-11-18T12:00:00Z; "));
}

#[test]
fn the_heading_says_when_it_is_due() {
    let mut spec = spec();
    assert_eq!(heading(&spec), "a: every day at 02:00 (UTC)");
    spec.policy.enabled = false;
    assert_eq!(heading(&spec), "a: disabled (every day at 02:00)");
    spec.schedules.clear();
    assert_eq!(heading(&spec), "a: only by hand");
}
