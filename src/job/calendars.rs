//! Calendars that end: a fact about the health of the jobs that keep to them.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;

use super::{JobSet, JobSpec};
use crate::schedule::Calendar;

/// How many days before its end a calendar is worth a warning: time enough for exchanges to
/// announce the next year and for somebody to write it down.
const WARN_DAYS: i32 = 60;

/// More names than this make a line that nobody reads.
const MAX_NAMES: usize = 5;

/// One line for each calendar that ends within 60 days or has ended, with the jobs that are not
/// due after it; in the order of their names.
pub fn calendar_warnings(set: &JobSet, now: Timestamp) -> Vec<String> {
    let mut jobs: BTreeMap<&str, (&Arc<Calendar>, Vec<&str>)> = BTreeMap::new();
    for spec in set.jobs.iter().filter(|spec| is_bound(spec)) {
        if let Some(calendar) = &spec.policy.calendar
            && calendar.ends_within(now, WARN_DAYS)
        {
            let entry = jobs.entry(calendar.name());
            let (_, names) = entry.or_insert((calendar, Vec::new()));
            names.push(spec.name.as_str());
        }
    }
    jobs.into_values()
        .map(|(calendar, names)| warning(calendar, &names, now))
        .collect()
}

/// Whether anything of a job's schedule depends on its calendar.
fn is_bound(spec: &JobSpec) -> bool {
    spec.policy.enabled && spec.schedules.iter().any(|schedule| !schedule.at_start())
}

fn warning(calendar: &Calendar, names: &[&str], now: Timestamp) -> String {
    let (name, through) = (calendar.name(), calendar.valid_through());
    let shown: Vec<&str> = names.iter().take(MAX_NAMES).copied().collect();
    let more = match names.len().saturating_sub(MAX_NAMES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let (jobs, are) = match names {
        [_] => ("job", "is"),
        _ => ("jobs", "are"),
    };
    let jobs = format!("{jobs} {}{more} {are} not due", shown.join(", "));
    match calendar.days_left(now) {
        ..0 => format!("calendar {name} ended on {through}: {jobs} any more"),
        0 => format!("calendar {name} ends today, {through}: {jobs} afterwards"),
        1 => format!("calendar {name} ends on {through} (in 1 day): {jobs} afterwards"),
        days => format!("calendar {name} ends on {through} (in {days} days): {jobs} afterwards"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::{
        archive::Encryption,
        clock::Clock,
        job::{Env, Policy, testing::Nothing},
        schedule::{Schedule, built_in_calendar},
        settings::{Raw, Settings},
    };

    fn spec(name: &str, schedule: &str, calendar: Option<&str>, enabled: bool) -> JobSpec {
        JobSpec {
            name: name.parse().unwrap(),
            kind: "nothing",
            schedules: vec![Schedule::parse(schedule).unwrap()],
            policy: Policy {
                enabled,
                calendar: calendar.and_then(built_in_calendar),
                ..Policy::default()
            },
            job: Arc::new(Nothing),
        }
    }

    fn set(jobs: Vec<JobSpec>) -> JobSet {
        let settings = Settings::resolve(&Raw::default(), "/".as_ref());
        JobSet {
            jobs,
            env: Arc::new(Env {
                settings,
                database: PathBuf::from("/db"),
                encryption: Encryption {
                    recipients: Vec::new(),
                    key_file: PathBuf::from("/key"),
                },
                clock: Clock::System,
                host: "host".to_owned(),
                sources: crate::market::Sources::default(),
                archives: std::collections::BTreeMap::new(),
                rules: crate::job::Rules::default(),
            }),
            max_running: None,
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn one_line_a_calendar_with_its_jobs() {
        let set = set(vec![
            spec("b", "at open", Some("XSHG"), true),
            spec("a", "@daily", Some("XSHG"), true),
            spec("off", "@daily", Some("XSHG"), false),
            spec("start", "@start", Some("XSHG"), true),
            spec("new-york", "@daily", Some("XNYS"), true),
            spec("free", "@daily", None, true),
        ]);
        assert_eq!(
            calendar_warnings(&set, at("2026-11-24T02:00:00Z")),
            ["calendar XSHG ends on 2026-12-31 (in 37 days): jobs b, a are not due afterwards"]
        );
        assert!(calendar_warnings(&set, at("2026-10-31T00:00:00Z")).is_empty());
        assert_eq!(calendar_warnings(&set, at("2026-11-01T00:00:00Z")).len(), 1);
    }

    #[test]
    fn the_last_days_and_after() {
        let set = set(vec![spec("a", "at open", Some("XSHG"), true)]);
        let told = |now: &str| calendar_warnings(&set, at(now)).join("");
        assert_eq!(
            told("2026-12-30T00:00:00Z"),
            "calendar XSHG ends on 2026-12-31 (in 1 day): job a is not due afterwards"
        );
        assert_eq!(
            told("2026-12-31T00:00:00Z"),
            "calendar XSHG ends today, 2026-12-31: job a is not due afterwards"
        );
        assert_eq!(
            told("2027-01-02T00:00:00Z"),
            "calendar XSHG ended on 2026-12-31: job a is not due any more"
        );
    }

    #[test]
    fn a_long_list_of_jobs_is_cut() {
        let jobs = (1..=7).map(|n| spec(&format!("j{n}"), "@daily", Some("XSHG"), true));
        let told = calendar_warnings(&set(jobs.collect()), at("2026-12-01T00:00:00Z"));
        assert!(told[0].ends_with("jobs j1, j2, j3, j4, j5 and 2 more are not due afterwards"));
    }
}
