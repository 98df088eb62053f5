use super::*;
use crate::{
    job::{RunId, Trigger},
    kinds::tests::{cx, site},
};

fn backup(text: &str) -> Backup {
    serde_json::from_str(text).unwrap()
}

fn archives(env: &Env) -> Vec<String> {
    let folder = backup("{}").folder(&"job".parse().unwrap(), env);
    let found = archive::list(&folder).unwrap();
    found.iter().map(|found| found.name.to_string()).collect()
}

#[test]
fn a_backup_is_published_verified_and_reported() {
    let root = tempfile::tempdir().unwrap();
    let env = site(root.path());
    let cx = cx(&env, "2026-11-23T02:00:00Z");
    let report = backup("{}").run(&cx).unwrap();
    assert_eq!(archives(&env), ["job-20261123T020000Z.tar.gz.age"]);
    assert!(report.summary.ends_with("verified"), "{}", report.summary);
    assert_eq!(report.facts["kept"], 1);
    let key = archive::identities(&env.encryption.key_file)
        .unwrap()
        .unwrap();
    let path = PathBuf::from(report.facts["path"].as_str().unwrap());
    let verified = archive::verify(&path, Some(&key), &cx.watch).unwrap();
    let manifest = verified.manifest.unwrap();
    let entries: Vec<String> = manifest
        .entries
        .iter()
        .map(|e| e.path.to_string())
        .collect();
    for expected in ["data/trading_assistant.db", "config/a.yaml", "jobs.yaml"] {
        assert!(
            entries.iter().any(|entry| entry == expected),
            "{expected} in {entries:?}"
        );
    }
    assert!(
        !entries.iter().any(|entry| entry.contains("backup.key")),
        "{entries:?}"
    );
    assert_eq!((manifest.run_id, manifest.job.as_str()), (7, "job"));
}

#[test]
fn a_second_attempt_finds_what_the_first_published() {
    let root = tempfile::tempdir().unwrap();
    let env = site(root.path());
    let mut cx = cx(&env, "2026-11-23T02:00:00Z");
    backup("{}").run(&cx).unwrap();
    cx.run.id = RunId(8);
    cx.run.attempt = 2;
    let report = backup("{}").run(&cx).unwrap();
    assert!(
        report.summary.contains("earlier attempt"),
        "{}",
        report.summary
    );
    assert_eq!(archives(&env).len(), 1);
    // A run by hand in the same second is another thing.
    cx.run.attempt = 1;
    cx.run.trigger = Trigger::Manual;
    backup("{}").run(&cx).unwrap();
    assert_eq!(
        archives(&env),
        [
            "job-20261123T020000Z-2.tar.gz.age",
            "job-20261123T020000Z.tar.gz.age"
        ]
    );
}

#[test]
fn old_archives_go_only_after_the_new_one_is_safe_and_each_says_why() {
    let root = tempfile::tempdir().unwrap();
    let env = site(root.path());
    let keep_two = backup(r#"{"keep": {"last": 2}}"#);
    for day in 20..23 {
        keep_two
            .run(&cx(&env, &format!("2026-11-{day}T02:00:00Z")))
            .unwrap();
    }
    assert_eq!(
        archives(&env),
        [
            "job-20261122T020000Z.tar.gz.age",
            "job-20261121T020000Z.tar.gz.age"
        ]
    );
    let report = keep_two.run(&cx(&env, "2026-11-23T02:00:00Z")).unwrap();
    let removed: Vec<_> = report
        .notes
        .iter()
        .filter(|n| n.starts_with("removed"))
        .collect();
    assert!(
        removed[0].starts_with("removed job-20261121T020000Z.tar.gz.age: "),
        "{removed:?}"
    );
    assert_eq!(report.facts["removed"], 1);
}

#[test]
fn a_failed_backup_removes_nothing() {
    let root = tempfile::tempdir().unwrap();
    let env = site(root.path());
    backup("{}").run(&cx(&env, "2026-11-22T02:00:00Z")).unwrap();
    let missing = backup(r#"{"what": ["database", "nowhere"], "keep": {"last": 1}}"#);
    let error = missing.run(&cx(&env, "2026-11-23T02:00:00Z")).unwrap_err();
    assert_eq!(error.disposition, Disposition::Permanent);
    assert!(error.to_string().contains("nowhere"), "{error}");
    assert_eq!(archives(&env), ["job-20261122T020000Z.tar.gz.age"]);
}

#[test]
fn without_a_recipient_nothing_is_written() {
    let root = tempfile::tempdir().unwrap();
    let env = site(root.path());
    crate::files::remove(&env.encryption.key_file).unwrap();
    let error = backup("{}")
        .run(&cx(&env, "2026-11-23T02:00:00Z"))
        .unwrap_err();
    assert_eq!(error.disposition, Disposition::Permanent);
    assert!(error.hint.unwrap().contains("recipients"));
    assert!(!root.path().join("backups").exists());
}

#[test]
fn settings_that_cannot_work_are_found_at_load() {
    let root = tempfile::tempdir().unwrap();
    let env = site(root.path());
    for (text, setting, message) in [
        (r#"{"what": []}"#, "what", "nothing goes into the archive"),
        (
            r#"{"what": ["logs", "logs"]}"#,
            "what",
            "`logs` is named twice",
        ),
        (
            r#"{"what": ["databse"]}"#,
            "what",
            "there is no file or folder `databse`",
        ),
        (r#"{"what": ["../x"]}"#, "what", "leaves the root"),
        (
            r#"{"what": ["data"], "to": "data/backups"}"#,
            "to",
            "is inside the source",
        ),
        (
            r#"{"what": ["./config/"], "to": "config//b"}"#,
            "to",
            "is inside the source",
        ),
    ] {
        let problems = backup(text).check(&env);
        assert_eq!(problems.len(), 1, "{text}: {problems:?}");
        assert_eq!(problems[0].setting, setting);
        assert!(problems[0].message.contains(message), "{problems:?}");
    }
}

#[test]
fn a_dry_run_names_what_would_be_read_written_and_removed() {
    let root = tempfile::tempdir().unwrap();
    let env = site(root.path());
    let keep_one = backup(r#"{"keep": {"last": 1}, "what": ["database", "logs"]}"#);
    for day in [20, 21] {
        backup("{}")
            .run(&cx(&env, &format!("2026-11-{day}T02:00:00Z")))
            .unwrap();
    }
    let plan = keep_one.plan(&cx(&env, "2026-11-23T02:00:00Z")).unwrap();
    let acts: Vec<_> = plan.steps.iter().map(|step| step.act.as_str()).collect();
    assert_eq!(acts, ["read", "read", "write", "keep", "remove"]);
    assert_eq!(archives(&env).len(), 2);
}

#[test]
fn paths_outside_the_root_keep_their_name_without_the_slash() {
    let root = tempfile::tempdir().unwrap();
    let env = site(root.path());
    let sources = sources_of("/etc/hosts", &env);
    assert_eq!(
        sources,
        [Source::Tree {
            path: "/etc/hosts".into(),
            entry: "etc/hosts".into()
        }]
    );
}

#[test]
fn other_jobs_learn_where_the_archives_are_and_whether_the_database_is_in_them() {
    let root = tempfile::tempdir().unwrap();
    let env = site(root.path());
    let job = "job".parse().unwrap();
    for (what, database) in [
        (&["config"][..], false),
        (&["database"], true),
        (&["logs", "data"], true),
        (&["./data/trading_assistant.db"], true),
    ] {
        let backup = Backup {
            what: what.iter().map(ToString::to_string).collect(),
            ..Backup::default()
        };
        let archives = backup.archives(&job, &env).unwrap();
        assert_eq!(archives.folder, env.settings.path("backups/job"));
        assert_eq!(archives.database, database, "{what:?}");
    }
}
