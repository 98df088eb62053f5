//! Calendars in a job file: what a person sees when they do not fit.

use std::path::Path;

use insta::assert_snapshot;
use jiff::tz::TimeZone;

use super::super::{Context, Loaded, Problems, load};
use crate::{
    clock::Clock,
    schedule::Only,
    settings::{Raw, Settings},
};

/// Loads a text on 24 November 2026, or on another day, with a calendar file `MINE`.
fn loaded(text: &str, now: &str, mine: &str) -> Result<Loaded, Problems> {
    let root = tempfile::tempdir().unwrap();
    let raw = Raw {
        root: Some(root.path().into()),
        jobs_file: None,
    };
    let settings = Settings::resolve(&raw, Path::new("/"));
    std::fs::create_dir_all(settings.calendars()).unwrap();
    let mut file = std::fs::File::create(settings.calendars().join("MINE.yaml")).unwrap();
    std::io::Write::write_all(&mut file, mine.as_bytes()).unwrap();
    let context = Context {
        settings,
        clock: Clock::virtual_from(now.parse().unwrap()),
        host: "host".to_owned(),
        local_zone: TimeZone::UTC,
        looks: true,
        vars: &|name| (name == "WHEN").then(|| "at open".to_owned()),
    };
    load(text.as_bytes(), Path::new("jobs.yaml"), &context)
}

fn rendered(text: &str) -> String {
    loaded(text, "2026-11-24T00:00:00Z", "")
        .unwrap_err()
        .render(false)
}

#[test]
fn a_job_keeps_to_its_calendar() {
    let text = "jobs: {a: {schedule: [at close-10m, \"*/5 * * * *\"], calendar: XNYS, only: open, backup: {}}}";
    let loaded = loaded(text, "2026-11-24T00:00:00Z", "").unwrap_or_else(|p| panic!("{p}"));
    let spec = loaded.set.get("a").unwrap();
    let policy = &spec.policy;
    assert_eq!(policy.calendar.as_ref().unwrap().name(), "XNYS");
    assert_eq!(policy.only, Some(Only::Open));
    assert_eq!(
        spec.words().collect::<Vec<_>>(),
        [
            "10m before the close of XNYS",
            "every 5 minutes, while XNYS is open"
        ]
    );
    let after = "2026-11-27T17:46:00Z".parse().unwrap();
    let next = spec.next_after(after, after).unwrap();
    assert_eq!(next.to_string(), "2026-11-27T17:50:00Z");
    // The day after Thanksgiving ends at 13:00, and then comes Monday's open.
    let after = "2026-11-27T17:55:00Z".parse().unwrap();
    let next = spec.next_after(after, after).unwrap();
    assert_eq!(next.to_string(), "2026-11-30T14:30:00Z");
}

#[test]
fn three_mistakes_at_once() {
    let text = "jobs:
  a:
    schedule: [at open, at clse+5m]
    backup: {}
  b:
    schedule: \"0 9 * * *\"
    calendar: XNSY
    backup: {}
  c:
    schedule: \"0 9 * * *\"
    only: open
    backup: {}
";
    assert_snapshot!(rendered(text), @r"
    error: `at open` needs a calendar
     --> jobs.yaml:3:16
      |
    3 |     schedule: [at open, at clse+5m]
      |                ^^^^^^^
      |
      = help: add `calendar: XNYS`, or another of `bellkeeper calendar`

    error: expected `open` or `close` after `at`, found `clse`
     --> jobs.yaml:3:28
      |
    3 |     schedule: [at open, at clse+5m]
      |                            ^^^^
      |
      = help: did you mean `at close`?

    error: unknown calendar `XNSY`
     --> jobs.yaml:7:15
      |
    7 |     calendar: XNSY
      |               ^^^^
      |
      = help: did you mean `XNYS`? there are `MINE`, `XHKG`, `XLON`, `XNYS` and `XSHG`

    error: `only` needs a calendar
      --> jobs.yaml:11:11
       |
    11 |     only: open
       |           ^^^^
       |
       = help: add `calendar: XNYS`, or another of `bellkeeper calendar`
    ");
}

#[test]
fn what_never_falls_into_trading_hours() {
    let text = "jobs:
  a: {schedule: \"0 3 * * *\", timezone: America/New_York, calendar: XNYS, only: open, backup: {}}
  b: {schedule: \"0 12 * * 0\", timezone: Europe/London, calendar: XLON, backup: {}}
";
    assert_snapshot!(rendered(text), @r#"
    error: `0 3 * * *` is never due: XNYS is shut at all its times up to 2049-12-31
     --> jobs.yaml:2:17
      |
    2 |   a: {schedule: "0 3 * * *", timezone: America/New_York, calendar: XNYS, ...
      |                 ^^^^^^^^^^^
      |
      = help: it is open 09:30-16:00 in America/New_York

    error: `0 12 * * 0` is never due: XLON has no session on its dates up to 2049-12-31
     --> jobs.yaml:3:17
      |
    3 |   b: {schedule: "0 12 * * 0", timezone: Europe/London, calendar: XLON, ba...
      |                 ^^^^^^^^^^^^
      |
      = help: `bellkeeper calendar XLON` shows them; dates are those in Europe/London
    "#);
}

#[test]
fn a_calendar_that_has_ended_is_no_mistake_of_the_file() {
    let text = "jobs:
  a: {schedule: at open+5m, calendar: XSHG, backup: {}}
  b: {schedule: at open+5m, calendar: XSHG, enabled: false, backup: {}}
  c: {schedule: \"@start\", calendar: XSHG, backup: {}}
";
    // Tomorrow's backups must not hang on it: it is a warning, not a mistake.
    let after = loaded(text, "2027-01-01T00:00:00Z", "").unwrap();
    let now = "2027-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(
        crate::job::calendar_warnings(&after.set, now),
        ["calendar XSHG ended on 2026-12-31: job a is not due any more"]
    );
    assert!(loaded(text, "2026-12-30T00:00:00Z", "").is_ok());
}

#[test]
fn the_mistakes_of_a_calendar_file_come_with_its_name() {
    let text = "jobs:
  a: {schedule: at open, calendar: MINE, backup: {}}
  b: {schedule: at close, calendar: MINE, backup: {}}
";
    let mine = "extends: XNYS\nclosed: [2027-13-01]\nearly_close: {}\n";
    let problems = loaded(text, "2026-11-24T00:00:00Z", mine).unwrap_err();
    assert_snapshot!(problems.render(false), @r"
    error: the calendar file `config/calendars/MINE.yaml` is wrong
     --> jobs.yaml:2:36
      |
    2 |   a: {schedule: at open, calendar: MINE, backup: {}}
      |                                    ^^^^
      |
      = help: mend `config/calendars/MINE.yaml`

    error: the calendar file `config/calendars/MINE.yaml` is wrong
     --> jobs.yaml:3:37
      |
    3 |   b: {schedule: at close, calendar: MINE, backup: {}}
      |                                     ^^^^
      |
      = help: mend `config/calendars/MINE.yaml`

    error: `closed`: expected a date, or up to 100 days such as `2027-02-05..2027-02-11`, found text `2027-13-01`
     --> config/calendars/MINE.yaml:2:10
      |
    2 | closed: [2027-13-01]
      |          ^^^^^^^^^^

    error: unknown key `early_close`
     --> config/calendars/MINE.yaml:3:1
      |
    3 | early_close: {}
      | ^^^^^^^^^^^
      |
      = help: did you mean `early_closes`?
    ");
    let files: Vec<_> = problems
        .json()
        .iter()
        .map(|problem| {
            (
                problem["file"].as_str().unwrap().to_owned(),
                problem["line"].as_u64(),
            )
        })
        .collect();
    let mine = "config/calendars/MINE.yaml".to_owned();
    assert_eq!(
        files,
        [
            ("jobs.yaml".to_owned(), Some(2)),
            ("jobs.yaml".to_owned(), Some(3)),
            (mine.clone(), Some(2)),
            (mine, Some(3)),
        ]
    );
}

#[test]
fn a_variable_may_hold_the_schedule() {
    let text = "jobs: {a: {schedule: \"${WHEN}\", backup: {}}}";
    let told = rendered(text);
    assert!(
        told.contains("needs a calendar") && !told.contains("at open"),
        "{told}"
    );
}
