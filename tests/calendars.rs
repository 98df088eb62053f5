//! Trading calendars as a person uses them: the command, the user's files, the warning.

use jiff::{ToSpan, Zoned, civil::Date};

use crate::world::World;

const JOBS: &str = "\
timezone: UTC
jobs:
  close:
    {schedule: at close-10m, calendar: XNYS, backup: {what: [config]}}
  mine:
    {schedule: \"0 12 * * *\", calendar: MINE, only: open, backup: {what: [config], to: backups/m}}
";

/// A calendar file that ends so many days from today.
fn ends_in(days: i64) -> String {
    let today = Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC).date();
    let (from, through) = (today.checked_sub(9.days()), today.checked_add(days.days()));
    format!(
        "timezone: UTC\nopen: 08:00\nclose: 16:00\nweekdays: [mon, tue, wed, thu, fri, sat, sun]\n\
         valid_from: {}\nvalid_through: {}\n",
        from.unwrap(),
        through.unwrap()
    )
}

fn world(mine: &str) -> World {
    let world = World::new(JOBS);
    world.write("config/calendars/MINE.yaml", mine.as_bytes());
    world
}

#[test]
fn the_calendars_are_listed_with_their_ends() {
    let world = world(&ends_in(400));
    let out = world.run(["calendar"]).code(0);
    for row in [
        "XHKG      Asia/Hong_Kong    09:30-12:00, 13:00-16:00  2027-12-31     built in",
        "XNYS      America/New_York  09:30-16:00               2049-12-31     built in",
    ] {
        assert!(out.stdout.contains(row), "{}", out.stdout);
    }
    let lines = world.json(["calendar"]);
    let names: Vec<_> = lines.iter().map(|line| line["calendar"].as_str()).collect();
    let names: Vec<_> = names.into_iter().flatten().collect();
    assert_eq!(names, ["MINE", "XHKG", "XLON", "XNYS", "XSHG"]);
    assert_eq!(lines[0]["file"], "config/calendars/MINE.yaml");
}

#[test]
fn a_year_is_shown_session_by_session() {
    let world = world(&ends_in(400));
    let lines = world.json(["calendar", "XNYS", "--year", "2027"]);
    assert_eq!(lines.len(), 251);
    let day = |date: &str| lines.iter().find(|line| line["date"] == date);
    let early = day("2027-11-26").unwrap();
    assert_eq!(early["close"], "2027-11-26T13:00:00-05:00");
    assert_eq!(early["early"], true);
    assert_eq!(
        day("2027-07-06").unwrap()["open"],
        "2027-07-06T09:30:00-04:00"
    );
    assert!(day("2027-07-05").is_none());
    let out = world.run(["calendar", "XNYS", "--year", "2027"]).code(0);
    assert!(
        out.stdout
            .contains("2027-11-26 Fri  09:30 -05:00  13:00 -05:00  early")
    );
}

#[test]
fn what_is_not_there_or_not_known_is_told() {
    let world = world(&ends_in(400));
    world
        .run(["calendar", "xnsy"])
        .code(4)
        .says("did you mean `XNYS`? there are `MINE`, `XHKG`, `XLON`, `XNYS` and `XSHG`");
    world
        .run(["calendar", "XSHG", "--year", "2031"])
        .code(4)
        .says("the calendar covers 2015-01-01 to 2026-12-31");
    world
        .run(["when", "at open"])
        .code(2)
        .says("add `--calendar XNYS`");
}

#[test]
fn a_file_takes_the_place_of_a_built_in_calendar() {
    let world = world(&ends_in(400));
    let mourning = "extends: XNYS\nclosed: [2027-01-05]\n";
    world.write("config/calendars/XNYS.yaml", mourning.as_bytes());
    let lines = world.json(["calendar", "XNYS", "--year", "2027"]);
    assert_eq!(lines.len(), 250);
    assert_eq!(lines[1]["date"], "2027-01-06");
    let after = "2027-01-04T21:00:00Z";
    let next = world.json([
        "when",
        "at open",
        "--calendar",
        "XNYS",
        "--timezone",
        "UTC",
        "--after",
        after,
    ]);
    assert_eq!(next[0]["at"], "2027-01-06T14:30:00+00:00");
}

#[test]
fn a_wrong_file_is_told_wherever_it_is_asked_for() {
    let world = world("timezone: UTC\nopen: 8h\n");
    let part = "config/calendars/MINE.yaml:2:7";
    world.run(["validate"]).code(78).says(part);
    world.run(["calendar", "MINE"]).code(78).says(part);
    // The others are listed all the same.
    let out = world.run(["calendar"]).code(78);
    assert!(out.stdout.contains("XLON"), "{}", out.stdout);
    assert!(out.stderr.contains(part), "{}", out.stderr);
}

#[test]
fn list_and_next_follow_the_calendar() {
    let world = world(&ends_in(3));
    let out = world.run(["list"]).code(0);
    let words = out.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("10m before the close of XNYS"), "{words}");
    let line = &world.json(["list"])[1];
    assert_eq!(
        (&line["calendar"], &line["only"]),
        (&"MINE".into(), &"open".into())
    );
    let next = world.json(["next", "mine", "-n", "50"]);
    let last = next.last().unwrap()["at"].as_str().unwrap();
    let last: Date = last[..10].parse().unwrap();
    let today = Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC).date();
    assert!(
        last <= today.checked_add(4.days()).unwrap() && next.len() <= 5,
        "{next:?}"
    );
}

#[test]
fn the_end_of_a_calendar_is_in_the_log_at_start() {
    let world = world(&ends_in(40));
    world.start().stop();
    let log = std::fs::read_to_string(world.path("logs/bellkeeper.log")).unwrap();
    let warnings: Vec<_> = log
        .lines()
        .filter(|line| line.contains("calendar MINE ends on"))
        .collect();
    assert_eq!(warnings.len(), 1, "{log}");
    assert!(warnings[0].contains("WARN") && warnings[0].contains("job mine is not due afterwards"));
    assert!(!log.contains("calendar XNYS ends"), "{log}");
}
