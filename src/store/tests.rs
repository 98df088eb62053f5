//! The sample: whole or not there, private, and consistent in itself.

use std::{fs, os::unix::fs::PermissionsExt};

use super::*;

mod flow;
mod plans;

fn made() -> (tempfile::TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("trading_assistant.db");
    assert!(create_sample(&path).unwrap());
    (root, path)
}

fn ask<T: rusqlite::types::FromSql>(path: &Path, sql: &str) -> T {
    let connection = sqlite::open_existing(path).unwrap();
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn it_is_one_private_sound_wal_database() {
    let (root, path) = made();
    assert_eq!(names(root.path()), ["trading_assistant.db"]);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(ask::<String>(&path, "PRAGMA integrity_check"), "ok");
    assert_eq!(ask::<String>(&path, "PRAGMA journal_mode"), "wal");
    assert_eq!(ask::<i64>(&path, "PRAGMA auto_vacuum"), 2);
    assert_eq!(ask::<i64>(&path, "PRAGMA user_version"), 3);
}

#[test]
fn it_holds_a_winter_of_three_symbols() {
    let (_root, path) = made();
    for (sql, least, most) in [
        ("SELECT count(*) FROM bars", 200, 400),
        ("SELECT count(DISTINCT symbol) FROM bars", 3, 3),
        ("SELECT count(*) FROM signals", 12, 40),
        ("SELECT count(*) FROM trades", 12, 40),
        ("SELECT count(*) FROM positions", 3, 3),
    ] {
        let count = ask::<i64>(&path, sql);
        assert!((least..=most).contains(&count), "{sql}: {count}");
    }
    let wrong = "SELECT count(*) FROM bars WHERE low > min(open, close) OR high < max(open, close)";
    assert_eq!(ask::<i64>(&path, wrong), 0);
}

#[test]
fn positions_agree_with_trades() {
    let (_root, path) = made();
    let wrong = "
        SELECT count(*) FROM positions AS p JOIN (
            SELECT symbol,
                   sum(iif(side = 'buy', quantity, -quantity)) AS held,
                   sum(iif(side = 'buy', -1, 1) * quantity / 1000000 * price - fee) AS cash,
                   max(timestamp) AS last
            FROM trades GROUP BY symbol
        ) AS t USING (symbol)
        WHERE p.quantity <> t.held OR p.updated_at <> t.last
           OR p.realised_pnl <> t.cash + p.quantity / 1000000 * p.avg_cost";
    assert_eq!(ask::<i64>(&path, wrong), 0);
    let open = "SELECT count(*) FROM positions WHERE quantity > 0";
    assert!(
        ask::<i64>(&path, open) > 0,
        "somebody should hold something"
    );
}

#[test]
fn it_is_the_same_each_time() {
    let ((_a, a), (_b, b)) = (made(), made());
    assert!(fs::read(a).unwrap() == fs::read(b).unwrap());
}

#[test]
fn what_is_there_is_never_touched() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("x.db");
    files::write_atomic(&path, b"mine").unwrap();
    assert!(!create_sample(&path).unwrap());
    assert_eq!(fs::read(&path).unwrap(), b"mine");
    assert_eq!(names(root.path()), ["x.db"]);
}

#[test]
fn what_a_crash_left_is_swept() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("x.db");
    for name in ["x.db.partial", "x.db.partial-wal", "x.db.partial-shm"] {
        files::write_atomic(&root.path().join(name), b"half").unwrap();
    }
    assert!(create_sample(&path).unwrap());
    assert_eq!(names(root.path()), ["x.db"]);
    assert_eq!(ask::<String>(&path, "PRAGMA integrity_check"), "ok");
}

#[test]
fn a_missing_folder_is_named() {
    let error = create_sample(Path::new("/nonexistent/x.db")).unwrap_err();
    assert_eq!(error.to_string(), "create `/nonexistent/x.db.partial`");
}
