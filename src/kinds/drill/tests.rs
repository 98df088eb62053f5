use std::sync::Arc;

use super::*;
use crate::{
    archive::Sidecar,
    job::Disposition,
    kinds::{
        tests::cx,
        verify::tests::{made, paths, spoil},
    },
};

fn drill(text: &str) -> Drill {
    serde_json::from_str(text).unwrap()
}

fn run(drill: &Drill, env: &Arc<Env>) -> Result<Report, JobError> {
    drill.run(&cx(env, "2026-11-24T05:00:00Z"))
}

fn state(path: &std::path::Path) -> State {
    Sidecar::read(path).unwrap().unwrap().state
}

#[test]
fn the_newest_is_restored_and_its_recovery_measured() {
    let root = tempfile::tempdir().unwrap();
    let env = made(root.path(), 20..22);
    let report = run(&drill("{}"), &env).unwrap();
    assert!(
        report.summary.contains("rows as archived"),
        "{}",
        report.summary
    );
    assert_eq!(report.facts["drilled"], 1);
    let fact = &report.facts["archives"][0];
    assert!(fact["rows"].as_u64().unwrap() > 0 && fact["bytes_per_second"].as_u64().unwrap() > 0);
    let paths = paths(&env);
    let sidecar = Sidecar::read(&paths[0]).unwrap().unwrap();
    assert_eq!(
        sidecar.recovery_seconds,
        report.facts["recovery_seconds"].as_f64()
    );
    assert_eq!(
        [state(&paths[0]), state(&paths[1])],
        [State::Drilled, State::Verified]
    );
    assert!(!env.settings.scratch().exists());
    let plan = drill("{}").plan(&cx(&env, "2026-11-24T05:00:00Z")).unwrap();
    let acts: Vec<_> = plan.steps.iter().map(|step| step.act.as_str()).collect();
    assert_eq!(acts, ["restore", "use", "use"]);
    assert!(!env.settings.scratch().exists());
}

#[test]
fn a_damaged_newest_is_noted_and_the_next_is_tried() {
    let root = tempfile::tempdir().unwrap();
    let env = made(root.path(), 20..22);
    let paths = paths(&env);
    spoil(&paths[0]);
    // Nobody knows yet: this drill finds it.
    let error = run(&drill("{}"), &env).unwrap_err();
    assert!(error.chain().contains("is damaged"), "{error}");
    let report = run(&drill("{}"), &env).unwrap();
    assert!(
        report.notes[0].ends_with("damaged, so an older one is tried"),
        "{report:?}"
    );
    assert_eq!(state(&paths[1]), State::Drilled);
    spoil(&paths[1]);
    run(&drill("{}"), &env).unwrap_err();
    let error = run(&drill("{}"), &env).unwrap_err();
    assert!(
        error.chain().contains("every archive of `job` is damaged"),
        "{error}"
    );
}

#[test]
fn without_its_key_a_drill_fails_for_good_and_says_what_to_do() {
    let root = tempfile::tempdir().unwrap();
    let env = made(root.path(), 20..21);
    crate::files::remove(&env.encryption.key_file).unwrap();
    for settings in ["{}", r#"{"identity": "usb/my.key"}"#] {
        let error = run(&drill(settings), &env).unwrap_err();
        assert_eq!(error.disposition, Disposition::Permanent);
        assert!(
            error.chain().starts_with("there is no private key `"),
            "{error}"
        );
        assert!(error.hint.unwrap().contains("identity: FILE"));
        assert!(
            drill(settings)
                .plan(&cx(&env, "2026-11-24T05:00:00Z"))
                .is_err()
        );
    }
}

#[test]
fn a_fresh_root_has_nothing_to_drill() {
    let root = tempfile::tempdir().unwrap();
    let env = made(root.path(), 0..0);
    let report = run(&drill("{}"), &env).unwrap();
    assert_eq!(report.summary, "nothing to drill: there is no archive yet");
    assert_eq!(report.notes, ["`job` has made no archive yet"]);
}
