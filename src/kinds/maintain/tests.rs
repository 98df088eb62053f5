//! Maintenance of sound, locked, foreign and damaged databases.

use std::sync::Arc;

use rusqlite::Connection;

use super::*;
use crate::kinds::tests::{cx, site};

const SLOT: &str = "2026-12-01T04:00:00Z";

fn place() -> (tempfile::TempDir, Arc<Env>) {
    let root = tempfile::tempdir().unwrap();
    let env = site(root.path());
    (root, env)
}

fn sql(env: &Env, sql: &str) {
    Connection::open(&env.database)
        .unwrap()
        .execute_batch(sql)
        .unwrap();
}

#[test]
fn a_sound_database_is_told_so_with_its_figures() {
    let (_root, env) = place();
    sql(&env, "INSERT INTO api_calls SELECT NULL, '2026', 's', 'e', hex(zeroblob(9000)), 'ok', 1 FROM bars;
               DELETE FROM api_calls");
    let report = Maintain::default().run(&cx(&env, SLOT)).unwrap();
    assert!(report.summary.starts_with("sound, "), "{}", report.summary);
    assert_eq!(report.facts["queries"].as_array().unwrap().len(), 3);
    assert_eq!(
        (&report.facts["check"], &report.facts["log_bytes"]),
        (&"ok".into(), &0.into())
    );
    assert!(report.facts["free_bytes"].as_u64().unwrap() > 0);
    let vacuum = Maintain {
        vacuum: true,
        ..Maintain::default()
    };
    let report = vacuum.run(&cx(&env, SLOT)).unwrap();
    assert_eq!(report.facts["free_bytes"], 0);
    assert!(report.facts["size_bytes"].as_u64() < report.facts["size_bytes_before"].as_u64());
}

#[test]
fn missing_indexes_stand_in_the_plan_and_are_added_once() {
    let (_root, env) = place();
    sql(&env, "DROP INDEX signals_timestamp");
    let plan = Maintain::default().plan(&cx(&env, SLOT)).unwrap();
    let added: Vec<_> = plan
        .steps
        .iter()
        .filter(|step| step.act == "add index")
        .collect();
    assert_eq!(added.len(), 1);
    assert_eq!(added[0].subject, "bellkeeper_signals_timestamp");
    let report = Maintain::default().run(&cx(&env, SLOT)).unwrap();
    assert_eq!(report.notes, ["added an index on signals.timestamp"]);
    assert_eq!(
        Maintain::default().run(&cx(&env, SLOT)).unwrap().notes,
        [""; 0]
    );
}

#[test]
fn a_locked_database_is_tried_again() {
    let (_root, env) = place();
    let other = Connection::open(&env.database).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = Maintain::default().run(&cx(&env, SLOT)).unwrap_err();
    assert_eq!(error.disposition, Disposition::Retry);
    assert!(error.chain().contains("locked"), "{error}");
    // A reader does not stop it.
    other
        .execute_batch("COMMIT; BEGIN; SELECT * FROM bars")
        .unwrap();
    let report = Maintain::default().run(&cx(&env, SLOT)).unwrap();
    assert!(report.summary.starts_with("sound"), "{report:?}");
}

#[test]
fn damage_is_no_matter_for_another_attempt() {
    let (_root, env) = place();
    sql(
        &env,
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = 3 WHERE name = 'trades'",
    );
    let error = Maintain::default().run(&cx(&env, SLOT)).unwrap_err();
    assert_eq!(error.disposition, Disposition::Permanent);
    assert!(error.chain().contains("is damaged: "), "{error}");
    assert!(error.hint.unwrap().contains("restore the database"));
}
