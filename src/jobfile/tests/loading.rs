//! Good files, and how problems are handed over.

use std::path::Path;

use jiff::tz::TimeZone;

use super::super::{Context, Loaded, Problems, load};
use crate::{
    clock::Clock,
    job::{CatchUp, Overlap},
    kinds::Backup,
    schedule::{Fold, Gap},
    settings::{Raw, Settings},
    units::Span,
};

/// Gives a context with an empty root, some variables and a clock that stands still.
pub(in crate::jobfile) fn with_context<T>(act: impl FnOnce(&Context<'_>) -> T) -> T {
    let root = tempfile::tempdir().unwrap();
    let raw = Raw {
        root: Some(root.path().into()),
        jobs_file: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .start_paused(true)
        .enable_time()
        .build()
        .unwrap();
    let _inside = runtime.enter();
    let context = Context {
        settings: Settings::resolve(&raw, Path::new("/")),
        clock: Clock::virtual_from("2026-11-24T00:00:00Z".parse().unwrap()),
        host: "host".to_owned(),
        local_zone: TimeZone::UTC,
        looks: true,
        vars: &|name| match name {
            "FOLDER" => Some("from/variable".to_owned()),
            "SECRET" => Some("hunter2".to_owned()),
            "SEVEN" => Some("7".to_owned()),
            "CRON" => Some("*/45 * * * *".to_owned()),
            "ZONE" => Some("America/New_York".to_owned()),
            _ => None,
        },
    };
    act(&context)
}

/// Loads a text in that context.
pub(super) fn loaded(text: &[u8]) -> Result<Loaded, Problems> {
    with_context(|context| load(text, Path::new("jobs.yaml"), context))
}

/// The problems of a text as a person sees them.
pub(super) fn rendered(text: &str) -> String {
    loaded(text.as_bytes()).unwrap_err().render(false)
}

fn good(text: &str) -> Loaded {
    loaded(text.as_bytes()).unwrap_or_else(|problems| panic!("{}", problems.render(false)))
}

#[test]
fn the_smallest_file_is_a_good_file() {
    let loaded = good("jobs: {backup-daily: {schedule: \"0 2 * * *\", backup: {}}}");
    let spec = loaded.set.get("backup-daily").unwrap();
    assert_eq!((spec.kind, spec.schedules.len()), ("backup", 1));
    assert_eq!(spec.policy.timezone, TimeZone::UTC);
    assert_eq!(loaded.timezone, TimeZone::UTC);
    let env = &loaded.set.env;
    assert_eq!(env.database, env.settings.path("data/trading_assistant.db"));
    assert_eq!(env.encryption.key_file, env.settings.key_file());
    let place = loaded.places.get(&spec.name).unwrap();
    assert_eq!((place.line, place.column), (1, 8));
}

#[test]
fn a_kind_without_settings_and_a_job_without_schedule_are_good() {
    let loaded = good("jobs:\n  a:\n    backup:\n");
    let spec = loaded.set.get("a").unwrap();
    assert_eq!(spec.as_kind::<Backup>(), Some(&Backup::default()));
    assert!(spec.schedules.is_empty());
}

#[test]
fn everything_that_is_written_arrives() {
    let loaded = good(
        "timezone: Asia/Shanghai\n\
         database: other.db\n\
         defaults: {retry: {attempts: 7, delay: 2s}, overlap: queue, dst: {gap: skip}}\n\
         encryption:\n  recipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p]\n\
         jobs:\n  \
           b: {schedule: [\"0 2 * * *\", \"0 3 * * *\"], enabled: false, backup: {to: x}}\n  \
           a:\n    description: a text\n    timezone: Europe/Berlin\n    retry: {attempts: 9}\n    \
             timeout: 5m\n    catch_up: none\n    catch_up_window: 1h\n    dst: {fold: last}\n    \
             backup: {to: \"${FOLDER}\", keep: {daily: \"${SEVEN}\"}}\n",
    );
    let names: Vec<_> = loaded
        .set
        .jobs
        .iter()
        .map(|spec| spec.name.as_str())
        .collect();
    assert_eq!(names, ["b", "a"], "the file's order");
    let (b, a) = (&loaded.set.jobs[0], &loaded.set.jobs[1]);
    assert_eq!((b.schedules.len(), b.policy.enabled), (2, false));
    assert_eq!(b.policy.timezone.iana_name(), Some("Asia/Shanghai"));
    assert_eq!(b.policy.retry.attempts, 7);
    assert_eq!(b.policy.catch_up_window, Span::from_secs(36 * 3_600));
    assert_eq!(a.policy.timezone.iana_name(), Some("Europe/Berlin"));
    assert_eq!(
        (a.policy.retry.attempts, a.policy.retry.delay),
        (9, Span::from_secs(2))
    );
    assert_eq!(a.policy.timeout, Span::from_secs(300));
    assert_eq!(
        (a.policy.overlap, a.policy.catch_up),
        (Overlap::Queue, CatchUp::None)
    );
    assert_eq!(a.policy.catch_up_window, Span::from_secs(3_600));
    assert_eq!(a.policy.dst.gap, Some(Gap::Skip));
    assert_eq!(a.policy.dst.fold, Some(Fold::Last));
    let backup = a.as_kind::<Backup>().unwrap();
    assert_eq!(backup.to.as_deref(), Some(Path::new("from/variable")));
    assert_eq!(backup.keep.daily, Some(7));
    let env = &loaded.set.env;
    assert_eq!(env.database, env.settings.path("other.db"));
    assert_eq!(env.encryption.recipients.len(), 1);
}

#[test]
fn anchors_and_merges_save_typing() {
    let loaded = good(
        "jobs:\n  a: &a {timeout: 5m, backup: {to: x}}\n  b:\n    <<: *a\n    backup: {to: y}\n",
    );
    let b = loaded.set.get("b").unwrap();
    assert_eq!(b.policy.timeout, Span::from_secs(300));
    assert_eq!(
        b.as_kind::<Backup>().unwrap().to.as_deref(),
        Some(Path::new("y"))
    );
}

#[test]
fn a_bad_schedule_is_told_inside_its_text() {
    let text = "jobs: {a: {schedule: \"this is nonsense\", backup: {}}}";
    let problems = loaded(text.as_bytes()).unwrap_err();
    let place = problems.list()[0].place;
    assert_eq!((problems.list().len(), place.line), (1, 1));
    assert!((21..39).contains(&place.column), "{place:?}");
}

#[test]
fn problems_are_objects_for_programs() {
    let problems = loaded(b"jobs:\n  a: {backup: {kep: 1}}\n").unwrap_err();
    let expected = serde_json::json!({
        "severity": "error", "file": "jobs.yaml", "line": 2, "column": 16,
        "message": "unknown key `kep`", "hint": "did you mean `keep`?",
    });
    assert_eq!(problems.json(), [expected]);
    assert_eq!(problems.to_string(), "1 problem in `jobs.yaml`");
    assert!(problems.render(true).contains("\u{1b}["));
}

#[test]
fn lines_may_end_as_on_windows() {
    let text = "jobs:\r\n  a: {backup: {kep: 1}}\r\n  b: {backup: {}, timeout: 3}\r\n";
    let told = rendered(text);
    assert!(!told.contains('\r'), "{told:?}");
    assert!(
        told.contains("jobs.yaml:2:16") && told.contains("jobs.yaml:3:28"),
        "{told}"
    );
}

#[test]
fn an_undefined_variable_is_told_once() {
    for text in [
        "jobs: {a: {schedule: \"${NOPE}\", backup: {}}}",
        "jobs: {a: {timezone: \"${NOPE}\", backup: {}}}",
        "jobs: {a: {backup: \"${NOPE}\"}}",
        "jobs: {a: {backup: {keep: {daily: \"${NOPE}\"}}}}",
        "encryption: {recipients: [\"${NOPE}\"]}\njobs: {a: {backup: {}}}",
    ] {
        let problems = loaded(text.as_bytes()).unwrap_err();
        let told: Vec<_> = problems.list().iter().map(|p| p.message.as_str()).collect();
        assert_eq!(told, ["the variable `NOPE` is not set"], "{text}");
    }
}
