//! What a person sees at 80 columns.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::*;
use crate::{
    job::{Overlap, Policy},
    jobfile::Place,
    kinds::Backup,
    schedule::Schedule,
};

fn spec() -> JobSpec {
    JobSpec {
        name: "backup-daily".parse().unwrap(),
        kind: "backup",
        schedules: vec![Schedule::parse("0 2 * * *").unwrap()],
        policy: Policy {
            overlap: Overlap::Queue,
            timezone: TimeZone::get("Asia/Shanghai").unwrap(),
            ..Policy::default()
        },
        job: Arc::new(Backup::default()),
    }
}

fn setting(key: &str, value: &str, from: Origin, line: u32) -> Setting {
    let place = Place {
        line,
        column: 5,
        ..Place::default()
    };
    Setting {
        key: key.into(),
        value: value.into(),
        from,
        place: (line > 0).then_some(place),
    }
}

fn origins() -> Origins {
    Origins {
        file: "jobs.yaml".into(),
        description: Some("every night, long before the market opens in the morning".into()),
        settings: vec![
            setting("schedule", "0 2 * * *", Origin::Job, 7),
            setting("timezone", "Asia/Shanghai", Origin::File, 1),
            setting("timeout", "10m", Origin::Defaults, 2),
            setting("retry.attempts", "3", Origin::BuiltIn, 0),
            setting("catch_up_window", "1d12h", Origin::Kind, 0),
        ],
        kind: vec![setting("backup.to", "${FOLDER}/daily", Origin::Job, 8)],
    }
}

fn times() -> Times {
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    Times::at(zone, "2026-11-24T02:00:00Z".parse().unwrap())
}

#[test]
fn a_job_in_a_terminal() {
    let next = ["2026-11-24T18:00:00Z", "2026-11-25T18:00:00Z"].map(|at| at.parse().unwrap());
    let told = render(&spec(), &origins(), &next, &times());
    assert!(
        told.lines().all(|line| line.chars().count() <= 80),
        "{told}"
    );
    insta::assert_snapshot!(told, @r"
    backup-daily (backup): every night, long before the market opens in the morning
      every day at 02:00 (Asia/Shanghai)

    setting          value            from
    schedule         0 2 * * *        jobs.yaml:7
    timezone         Asia/Shanghai    whole file, jobs.yaml:1
    timeout          10m              defaults, jobs.yaml:2
    retry.attempts   3                built in
    catch_up_window  1d12h            default of backup
    backup.to        ${FOLDER}/daily  jobs.yaml:8

    next  Wed 2026-11-25 02:00:00 +08:00  in 16h
    next  Thu 2026-11-26 02:00:00 +08:00  in 1d16h
    ");
}

#[test]
fn a_job_that_is_never_due_says_why() {
    let last = |change: &dyn Fn(&mut JobSpec)| {
        let mut spec = spec();
        change(&mut spec);
        let told = render(&spec, &origins(), &[], &times());
        told.lines().last().unwrap().to_owned()
    };
    assert_eq!(last(&|_| ()), "next  never again");
    let disabled = last(&|spec| spec.policy.enabled = false);
    assert!(disabled.contains("it is disabled"), "{disabled}");
    let by_hand = last(&|spec| spec.schedules.clear());
    assert!(by_hand.contains("no schedule"), "{by_hand}");
    let at_start = last(&|spec| spec.schedules = vec![Schedule::Start]);
    assert_eq!(at_start, "next  at the next start of the daemon");
}
