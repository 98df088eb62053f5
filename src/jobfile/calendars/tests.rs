//! Calendar files: good ones, wrong ones, hostile ones.

use std::path::Path;

use insta::assert_snapshot;
use jiff::civil::date;

use super::*;
use crate::{schedule::Day, settings::Raw};

const TOKYO: &str = "timezone: Asia/Tokyo\nopen: 09:00\nclose: \"15:30\"\nbreak: 11:30-12:30\n\
                     valid_from: 2026-01-01\nvalid_through: 2027-12-31\n";

/// A root with one calendar file.
struct Files {
    _root: tempfile::TempDir,
    calendars: Calendars,
}

fn files(name: &str, text: &[u8]) -> Files {
    let root = tempfile::tempdir().unwrap();
    let raw = Raw {
        root: Some(root.path().into()),
        jobs_file: None,
    };
    let settings = Settings::resolve(&raw, Path::new("/"));
    let path = settings.calendars().join(name);
    fs::create_dir_all(settings.calendars()).unwrap();
    std::io::Write::write_all(&mut fs::File::create(path).unwrap(), text).unwrap();
    Files {
        calendars: Calendars::new(&settings),
        _root: root,
    }
}

fn good(name: &str, text: &str) -> Arc<Calendar> {
    let files = files(&format!("{name}.yaml"), text.as_bytes());
    let calendar = files.calendars.get(name);
    calendar.unwrap_or_else(|error| panic!("{}", told(&error)))
}

fn told(error: &CalendarError) -> String {
    match error {
        CalendarError::File(problems) => problems.render(false),
        other => format!("{other}\n{}", other.hint()),
    }
}

/// What a person is told of a wrong file.
fn rendered(text: &str) -> String {
    let files = files("MINE.yaml", text.as_bytes());
    told(&files.calendars.get("MINE").unwrap_err())
}

fn trades(calendar: &Calendar, day: jiff::civil::Date) -> bool {
    matches!(calendar.day(day), Day::Session(_))
}

#[test]
fn a_whole_calendar_is_read() {
    let text = format!(
        "{TOKYO}closed: [2026-01-01..2026-01-03, 2026-05-04]\nsessions: [2026-01-10]\n\
         early_closes: {{2026-12-30: \"11:30\"}}\n"
    );
    let tokyo = good("XTKS", &text);
    assert_eq!(tokyo.name(), "XTKS");
    assert_eq!(tokyo.hours().to_string(), "09:00-11:30, 12:30-15:30");
    assert!(!trades(&tokyo, date(2026, 1, 1)) && !trades(&tokyo, date(2026, 1, 2)));
    assert!(trades(&tokyo, date(2026, 1, 5)) && trades(&tokyo, date(2026, 1, 10)));
    assert!(!trades(&tokyo, date(2026, 1, 11)) && !trades(&tokyo, date(2026, 5, 4)));
    let Day::Session(half) = tokyo.day(date(2026, 12, 30)) else {
        panic!("a session");
    };
    assert_eq!((half.early, half.lunch), (true, None));
    assert_eq!(tokyo.day(date(2028, 1, 1)), Day::Unknown);
}

#[test]
fn weekdays_can_be_others() {
    let text = format!("{TOKYO}weekdays: [sun, mon, tue, wed, thu]\n");
    let calendar = good("RIYADH", &text);
    assert!(trades(&calendar, date(2026, 11, 22)) && !trades(&calendar, date(2026, 11, 20)));
}

#[test]
fn a_file_may_carry_a_built_in_calendar_on() {
    let text = "extends: XSHG\nvalid_through: 2027-12-31\nclosed: [2027-02-05..2027-02-11]\n";
    let calendar = good("XSHG", text);
    let base = schedule::built_in_calendar("XSHG").unwrap();
    assert_eq!(calendar.valid_through(), date(2027, 12, 31));
    assert_eq!(calendar.hours(), base.hours());
    assert_eq!(calendar.day(date(2026, 10, 1)), Day::Closed);
    assert!(trades(&calendar, date(2027, 2, 4)) && !trades(&calendar, date(2027, 2, 8)));
}

#[test]
fn an_empty_break_takes_that_of_the_base_away() {
    let calendar = good("XHKG", "extends: XHKG\nbreak:\n");
    assert_eq!(calendar.hours().to_string(), "09:30-16:00");
    let kept = good("XHKG", "extends: XHKG\n");
    assert_eq!(kept.hours().to_string(), "09:30-12:00, 13:00-16:00");
}

#[test]
fn names_are_those_of_files_and_built_in_ones() {
    let files = files("XTKS.yaml", TOKYO.as_bytes());
    assert_eq!(
        files.calendars.names(),
        ["XHKG", "XLON", "XNYS", "XSHG", "XTKS"]
    );
    assert_eq!(
        files.calendars.file("XTKS").unwrap(),
        Path::new("config/calendars/XTKS.yaml")
    );
    assert!(files.calendars.file("XNYS").is_none());
}

#[test]
fn an_unknown_name_is_told_with_those_there_are() {
    let files = files("notes.txt", b"");
    let unknown = |name: &str| told(&files.calendars.get(name).unwrap_err());
    assert_eq!(
        unknown("xnsy"),
        "no calendar is called `xnsy`\n\
         did you mean `XNYS`? there are `XHKG`, `XLON`, `XNYS` and `XSHG`"
    );
    assert!(unknown("moon").contains("add your own as `config/calendars/NAME.yaml`"));
    for name in ["../XNYS", "", ".", "..", "a/b", "/etc/passwd", "a\0b"] {
        let error = files.calendars.get(name).unwrap_err();
        assert!(matches!(error, CalendarError::Unknown { .. }), "{name}");
    }
}

#[test]
fn every_mistake_is_told_at_its_place() {
    let text = "timezone: Asia/Tokio
open: 9
close: \"25:00\"
brake: 11:30-12:30
weekdays: [mon, tues]
closed: [2026-02-30, 2026-12-31..2026-12-01]
valid_from: 2026-01-01
valid_through: soon
";
    assert_snapshot!(rendered(text), @r#"
    error: unknown time zone `Asia/Tokio`
     --> config/calendars/MINE.yaml:1:11
      |
    1 | timezone: Asia/Tokio
      |           ^^^^^^^^^^
      |
      = help: did you mean `Asia/Tokyo`?

    error: `open`: expected a time of day such as `09:30`, found the number 9
     --> config/calendars/MINE.yaml:2:7
      |
    2 | open: 9
      |       ^

    error: `close`: expected a time of day such as `09:30`, found text `25:00`
     --> config/calendars/MINE.yaml:3:8
      |
    3 | close: "25:00"
      |        ^^^^^^^

    error: unknown key `brake`
     --> config/calendars/MINE.yaml:4:1
      |
    4 | brake: 11:30-12:30
      | ^^^^^
      |
      = help: expected one of `extends`, `timezone`, `open`, `close`, `break`, `weekdays`, `closed`, `sessions`, `early_closes`, `valid_from` or `valid_through`

    error: `weekdays`: unknown value `tues`
     --> config/calendars/MINE.yaml:5:17
      |
    5 | weekdays: [mon, tues]
      |                 ^^^^
      |
      = help: did you mean `tue`?

    error: `closed`: expected a date, or up to 100 days such as `2027-02-05..2027-02-11`, found text `2026-02-30`
     --> config/calendars/MINE.yaml:6:10
      |
    6 | closed: [2026-02-30, 2026-12-31..2026-12-01]
      |          ^^^^^^^^^^

    error: `closed`: expected a date, or up to 100 days such as `2027-02-05..2027-02-11`, found text `2026-12-31..2026-12-01`
     --> config/calendars/MINE.yaml:6:22
      |
    6 | closed: [2026-02-30, 2026-12-31..2026-12-01]
      |                      ^^^^^^^^^^^^^^^^^^^^^^

    error: `valid_through`: expected a date such as `2027-01-04`, found text `soon`
     --> config/calendars/MINE.yaml:8:16
      |
    8 | valid_through: soon
      |                ^^^^
    "#);
}

#[test]
fn what_says_nothing_is_told() {
    let text = format!(
        "{TOKYO}closed: [2072-01-01, 2026-01-10]\nsessions: [2026-01-10]\n\
         early_closes:\n  2026-12-26: \"11:30\"\n  2026-12-25: \"15:30\"\n  2030-01-01: \"11:30\"\n"
    );
    assert_snapshot!(rendered(&text), @r#"
    error: this is outside what the calendar covers, 2026-01-01 to 2027-12-31
     --> config/calendars/MINE.yaml:7:10
      |
    7 | closed: [2072-01-01, 2026-01-10]
      |          ^^^^^^^^^^
      |
      = help: mend the date, or `valid_from` and `valid_through`

    error: 2026-01-10 stands under `closed` and under `sessions`
     --> config/calendars/MINE.yaml:8:11
      |
    8 | sessions: [2026-01-10]
      |           ^

    error: 2026-12-26 has no session that could end early
      --> config/calendars/MINE.yaml:10:3
       |
    10 |   2026-12-26: "11:30"
       |   ^^^^^^^^^^

    error: an early close lies between the open and the usual close
      --> config/calendars/MINE.yaml:11:15
       |
    11 |   2026-12-25: "15:30"
       |               ^^^^^^^
       |
       = help: a usual session is 09:00-11:30, 12:30-15:30

    error: this is outside what the calendar covers, 2026-01-01 to 2027-12-31
      --> config/calendars/MINE.yaml:12:3
       |
    12 |   2030-01-01: "11:30"
       |   ^^^^^^^^^^
       |
       = help: mend the date, or `valid_from` and `valid_through`
    "#);
}

#[test]
fn what_is_missing_is_told() {
    assert_snapshot!(rendered("closed: []\n"), @r"
    error: `timezone`, `open`, `close`, `valid_from` and `valid_through` are missing
    --> config/calendars/MINE.yaml
     = help: only a calendar that says `extends: NAME` may leave them out
    ");
}

#[test]
fn hours_and_ranges_must_be_in_order() {
    let with = |from: &str, to: &str| {
        let text = TOKYO.replace(from, to);
        assert_ne!(text, TOKYO);
        let first = rendered(&text);
        first.lines().take(2).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(
        with("\"15:30\"", "\"08:00\""),
        "error: a session must close after it opens, on the same date\n \
         --> config/calendars/MINE.yaml:3:8"
    );
    assert_eq!(
        with("11:30-12:30", "15:00-16:00"),
        "error: the break must begin after the open and end before the close\n \
         --> config/calendars/MINE.yaml:4:8"
    );
    assert_eq!(
        with("2027-12-31", "2025-12-31"),
        "error: `valid_through` lies before `valid_from`\n --> config/calendars/MINE.yaml:6:16"
    );
    assert_eq!(
        with("2027-12-31", "2126-01-01"),
        "error: a calendar covers at most 100 years\n --> config/calendars/MINE.yaml:6:16"
    );
    assert_eq!(
        with("valid_from", "weekdays: []\nvalid_from"),
        "error: no date has a session\n--> config/calendars/MINE.yaml"
    );
}

#[test]
fn only_built_in_calendars_are_extended() {
    let text = rendered("extends: MINE\n");
    assert!(text.contains("only a calendar that comes with Bellkeeper can be extended"));
    assert!(text.contains("MINE.yaml:1:10"), "{text}");
    assert_eq!(text.matches("error").count(), 1, "{text}");
    assert!(rendered("extends: XNSY\n").contains("did you mean `XNYS`?"));
}

#[test]
fn hostile_files_are_refused_at_once() {
    let bomb = format!("a: &a [{}]\nclosed: [*a, *a, *a]\n", "[x], ".repeat(5_000));
    for (text, part) in [
        (
            format!("{TOKYO}closed: [{}]\n", "2026-01-01, ".repeat(9_000)),
            "at most 100 kB",
        ),
        ("[".repeat(50_000), "nested more than"),
        (bomb, "error"),
        (
            format!("{TOKYO}closed: {{2026-01-01: x}}\n"),
            "expected a list",
        ),
        ("- open\n".to_owned(), "found a list"),
        (TOKYO.replace("2027-12-31", "9999-12-31"), "expected a date"),
        (format!("{TOKYO}name: \u{1b}[2J\n"), "cannot start with"),
    ] {
        let told = rendered(&text);
        assert!(told.contains(part), "{part}: {told:.300}");
        assert!(!told.contains('\u{1b}'));
    }
    let files = files("BAD.yaml", b"open: \xff\n");
    assert!(told(&files.calendars.get("BAD").unwrap_err()).contains("not UTF-8"));
}

#[test]
fn four_thousand_stretches_are_read_all_the_same() {
    let many = "2026-01-01..2026-03-31, ".repeat(4_000);
    let calendar = good("MINE", &format!("{TOKYO}closed: [{many}]\n"));
    assert!(!trades(&calendar, date(2026, 3, 31)) && trades(&calendar, date(2026, 4, 1)));
}

#[test]
fn what_is_no_file_is_told() {
    let files = files("notes.txt", b"");
    fs::create_dir(files.calendars.folder.join("DIR.yaml")).unwrap();
    let told = told(&files.calendars.get("DIR").unwrap_err());
    assert!(
        told.contains("it cannot be read: not a regular file"),
        "{told}"
    );
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[a-z0-9:.,\\-\\[\\]{}& *\n\"]{0,200}") {
        let files = files("MINE.yaml", text.as_bytes());
        drop(files.calendars.get("MINE"));
    }
}
