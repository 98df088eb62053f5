//! What every kind must hold, whatever it does.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::tz::TimeZone;

use super::{Visit, each};
use crate::{
    archive::Encryption,
    clock::Clock,
    job::{CancelReason, Cx, Disposition, Env, Kind, RunId, RunInfo, Trigger, Watch},
    settings::{Raw, Settings},
};

/// A root with a key and a small database.
pub(super) fn site(root: &Path) -> Arc<Env> {
    let raw = Raw {
        root: Some(root.into()),
        jobs_file: None,
    };
    let settings = Settings::resolve(&raw, root);
    for folder in [settings.data(), settings.config(), settings.logs()] {
        crate::files::create_private_dir(&folder).unwrap();
    }
    let database = settings.path(crate::store::DEFAULT_PATH);
    crate::store::create_sample(&database).unwrap();
    crate::files::write_atomic(settings.jobs_file(), b"jobs: {}\n").unwrap();
    crate::files::write_atomic(&settings.config().join("a.yaml"), b"a: 1\n").unwrap();
    let key_file = settings.key_file();
    crate::archive::generate(&key_file, jiff::Timestamp::UNIX_EPOCH).unwrap();
    let encryption = Encryption {
        recipients: Vec::new(),
        key_file,
    };
    Arc::new(Env {
        settings,
        database,
        encryption,
        clock: Clock::System,
        host: "host".into(),
        sources: crate::market::Sources::default(),
        archives: std::collections::BTreeMap::new(),
        rules: crate::job::Rules::default(),
    })
}

pub(super) fn cx(env: &Arc<Env>, slot: &str) -> Cx {
    let run = RunInfo {
        id: RunId(7),
        job: "job".parse().unwrap(),
        slot: slot.parse().unwrap(),
        attempt: 1,
        trigger: Trigger::Schedule,
        missed: 0,
    };
    Cx {
        run,
        env: Arc::clone(env),
        zone: TimeZone::UTC,
        watch: Watch::default(),
        approved: false,
    }
}

/// Every file below `root` with its size.
fn snapshot(root: &Path) -> BTreeMap<PathBuf, u64> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let metadata = entry.metadata().unwrap();
            files.insert(
                entry.path(),
                if metadata.is_dir() { 0 } else { metadata.len() },
            );
            if metadata.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    files
}

struct HoldsTheContract;

impl Visit for HoldsTheContract {
    type Out = &'static str;

    fn visit<K: Kind>(&mut self) -> &'static str {
        let job: K = serde_json::from_str(K::LEAST).unwrap();
        let root = tempfile::tempdir().unwrap();
        let env = site(root.path());
        let before = snapshot(root.path());
        assert_eq!(
            job.check(&env),
            [],
            "{}: the defaults have problems",
            K::NAME
        );
        let plan = job.plan(&cx(&env, "2026-11-23T02:00:00Z")).unwrap();
        assert!(!plan.steps.is_empty(), "{}: an empty plan", K::NAME);
        assert!(
            plan.steps.iter().all(|step| !step.reason.is_empty()),
            "{}: no reason",
            K::NAME
        );
        let cancelled = cx(&env, "2026-11-23T02:00:00Z");
        cancelled.watch.cancel.cancel(CancelReason::Operator);
        let error = job.run(&cancelled).unwrap_err();
        assert_eq!(
            error.disposition,
            Disposition::Interrupted(CancelReason::Operator)
        );
        assert_eq!(snapshot(root.path()), before, "{}: side effects", K::NAME);
        assert!(K::EXAMPLE.contains(&format!("{}:", K::NAME)));
        K::NAME
    }
}

#[test]
fn every_kind_holds_the_contract() {
    assert_eq!(each(&mut HoldsTheContract), super::NAMES);
}
