//! A job file as anybody may have written it.

use std::{fs, path::Path, sync::LazyLock};

use bellkeeper::{
    clock::Clock,
    jobfile::{Context, Difference, Place, explain, load},
    settings::{Raw, Settings},
};
use jiff::tz::TimeZone;
use tempfile::TempDir;

/// A root with a calendar of its own; nothing may be written there.
static ROOT: LazyLock<TempDir> = LazyLock::new(|| {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("config/calendars")).unwrap();
    fs::write(
        root.path().join("config/calendars/MINE.yaml"),
        "timezone: UTC\nhours: 09:00-17:00\n",
    )
    .unwrap();
    root
});

/// The bytes are `jobs.yaml`.
pub fn jobs_yaml(data: &[u8]) -> bool {
    let raw = Raw {
        root: Some(ROOT.path().into()),
        jobs_file: None,
    };
    let context = Context {
        settings: Settings::resolve(&raw, Path::new("/")),
        clock: Clock::virtual_from("2026-11-24T00:00:00Z".parse().unwrap()),
        host: "host".to_owned(),
        local_zone: TimeZone::UTC,
        looks: true,
        vars: &|name| match name {
            "VAR" => Some("value".to_owned()),
            "CRON" => Some("*/45 * * * *".to_owned()),
            "SECRET" => Some("hunter2hunter2".to_owned()),
            _ => None,
        },
    };
    let name = Path::new("jobs.yaml");
    let accepted = match load(data, name, &context) {
        Err(problems) => {
            assert!(!problems.json().is_empty());
            for problem in problems.list() {
                assert!(!problem.message.is_empty());
            }
            let text = problems.render(false);
            assert!(!text.contains("hunter2hunter2"), "{text}");
            assert!(problems.render(true).len() >= text.len());
            assert!(problems.lines().len() <= problems.json().len());
            false
        }
        Ok(loaded) => {
            assert!(loaded.written.is(data));
            assert!(Difference::between(&loaded, &loaded).is_empty());
            loaded.warnings.render(false);
            assert_eq!(loaded.places.len(), loaded.set.jobs.len());
            for (job, place) in &loaded.places {
                assert!(
                    *place != Place::FILE && place.end <= data.len() && place.start < place.end
                );
                let (_, origins) = explain(data, name, &context, job.as_str()).unwrap();
                assert!(origins.is_some());
            }
            true
        }
    };
    assert_eq!(
        fs::read_dir(ROOT.path()).unwrap().count(),
        1,
        "something was written"
    );
    accepted
}
