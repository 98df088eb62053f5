//! What is read, what is refused, and with which words.

use super::*;

fn error(text: &str) -> ScheduleError {
    Schedule::parse(text).unwrap_err()
}

#[test]
fn the_text_is_shown_as_written() {
    for text in [
        "0 2 * * *",
        "@daily",
        "0  2 * * SUN",
        "*/5 * * * * *",
        "every 5m",
        "@start",
    ] {
        assert_eq!(Schedule::parse(text).unwrap().to_string(), text);
    }
    assert_eq!(Schedule::parse(" @DAILY ").unwrap().to_string(), "@DAILY");
    assert_eq!(
        Schedule::parse("every 90m").unwrap().to_string(),
        "every 1h30m"
    );
    assert_eq!(Schedule::parse("@reboot").unwrap().to_string(), "@start");
}

#[test]
fn nicknames_stand_for_their_fields() {
    let utc = frame("UTC");
    for (nickname, fields) in NICKNAMES {
        let Some(fields) = fields else { continue };
        let after = "2026-11-23T10:30:00Z";
        assert_eq!(run(nickname, &utc, after, 3), run(fields, &utc, after, 3));
    }
}

#[test]
fn the_place_of_a_mistake_is_told() {
    for (text, place, message) in [
        ("61 * * * *", "61", "minute 61 is out of range 0–59"),
        ("  0 25 * * *", "25", "hour 25 is out of range 0–23"),
        ("0 0 * * mno", "mno", "`mno` is not a weekday"),
        ("0 0 1,32 * *", "32", "day 32 is out of range 1–31"),
        ("@dayly", "@dayly", "`@dayly` is not a schedule"),
        (
            "every 0s",
            "0s",
            "`every 0s` is too often: at least `every 1s`",
        ),
        (
            "every 1500ms",
            "1500ms",
            "`every 1500ms` must be in whole seconds",
        ),
        ("0 0 31 2 *", "0 0 31 2 *", "this schedule never fires"),
        (
            "0 2 * *",
            "0 2 * *",
            "a cron expression has five fields (minute hour day month weekday) or six with \
             seconds in front; found 4",
        ),
        ("ü * * * *", "ü", "`ü` is not a minute"),
    ] {
        let error = error(text);
        assert_eq!(error.message, message, "{text}");
        assert_eq!(&text[error.span], place, "{text}");
    }
}

#[test]
fn hints_lead_to_what_was_meant() {
    for (text, hint) in [
        ("every 5 minutes", "write `every 5m`"),
        ("every minute", "write `every 1m`"),
        ("every 10", "write `every 10m`"),
        ("every day", "write `@daily`"),
        ("@dayly", "did you mean `@daily`?"),
        ("@rebot", "did you mean `@reboot`?"),
        ("daily", "did you mean `@daily`?"),
        ("5m", "write `every 5m`"),
        ("5/15 * * * *", "write `5-59/15`"),
        ("*/90 * * * *", "`every 90m` counts across hours"),
        ("0 0 * * fri-mon", "write two ranges: `5-6,0-1`"),
        ("", "such as `0 2 * * *`, `@daily` or `every 5m`"),
    ] {
        assert_eq!(error(text).hint.as_deref(), Some(hint), "{text}");
    }
    assert!(
        error("@fortnight")
            .hint
            .unwrap()
            .starts_with("one of @hourly")
    );
}

#[test]
fn hints_are_themselves_schedules() {
    for text in [
        "every 5 minutes",
        "every hour",
        "every week",
        "daily",
        "5m",
        "@dayly",
    ] {
        let hint = error(text).hint.unwrap();
        let written = hint.split('`').nth(1).unwrap();
        assert!(Schedule::parse(written).is_ok(), "{hint}");
    }
}

#[test]
fn long_texts_and_other_dialects_are_refused() {
    for text in [
        &"0,".repeat(150),
        "0 0 0 1 1 * 2027",
        "0 0 ? * *",
        "0 0 * * +mon",
        "every",
        "every -5m",
        "@",
        "0 0 * * L",
    ] {
        assert!(Schedule::parse(text).is_err(), "{text}");
    }
}
