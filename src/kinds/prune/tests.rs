//! Whole runs on a root with backups: what goes, what stays, and why.

use std::{path::Path, sync::Arc};

use super::*;
use crate::{
    archive::rows,
    clock::Clock,
    files::fault::{self, Fault},
    job::{ArchiveFolder, Disposition},
    kinds::{
        Backup,
        tests::{cx, site},
    },
    store::Store,
};

const SLOT: &str = "2026-11-24T03:30:00Z";

fn job(settings: &str) -> Prune {
    serde_json::from_str(settings).unwrap()
}

/// A root whose database has `rows` signals, one an hour until half an hour ago, and a backup of it.
struct Place {
    env: Arc<Env>,
    _root: tempfile::TempDir,
}

impl Place {
    fn new(rows: u32) -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut env = (*site(root.path())).clone();
        let folder = env.settings.path("backups/backup-daily");
        env.archives.insert(
            "job".parse().unwrap(),
            ArchiveFolder {
                folder: env.settings.path("backups/job"),
                database: true,
            },
        );
        drop(folder);
        let place = Self {
            env: Arc::new(env),
            _root: root,
        };
        place.sql(&format!(
            "DELETE FROM signals;
             WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {rows} - 1)
             INSERT INTO signals SELECT NULL, 'AAPL', '1d',
                strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-30 minutes', (i - {rows} + 1) || ' hours'), 's' || i, 'buy', i / 7.0,
                i, '{{}}', 'test', 'none', 'h', '1' FROM n"
        ));
        place
    }

    fn backed_up(rows: u32) -> Self {
        let place = Self::new(rows);
        place.back_up();
        place
    }

    fn back_up(&self) {
        let backup = Backup::default();
        backup.run(&cx(&self.env, SLOT)).unwrap();
    }

    fn sql(&self, sql: &str) {
        rusqlite::Connection::open(&self.env.database)
            .unwrap()
            .execute_batch(sql)
            .unwrap();
    }

    fn signals(&self) -> i64 {
        let connection = rusqlite::Connection::open(&self.env.database).unwrap();
        connection
            .query_row("SELECT count(*) FROM signals", [], |row| row.get(0))
            .unwrap()
    }

    fn archives(&self) -> Vec<rows::FoundRows> {
        rows::list(&self.env.settings.path("backups/job")).unwrap()
    }

    fn plan(&self, prune: &Prune) -> Vec<String> {
        let plan = prune.plan(&cx(&self.env, SLOT)).unwrap();
        plan.steps
            .iter()
            .map(|step| format!("{} {}: {}", step.act, step.subject, step.reason))
            .collect()
    }

    fn run(&self, prune: &Prune) -> Result<Report, JobError> {
        prune.run(&cx(&self.env, SLOT))
    }
}

const TEN_DAYS: &str = r#"{"tables": {"signals": {"column": "timestamp", "keep": "10d"}}}"#;

#[test]
fn old_rows_are_archived_and_removed_with_a_receipt() {
    let place = Place::backed_up(400);
    let prune = job(TEN_DAYS);
    assert_eq!(prune.check(&place.env), []);
    let plan = place.plan(&prune);
    assert!(
        plan.iter().any(
            |line| line.starts_with("remove 160 rows of signals: timestamp before 20")
                && line.contains("keep: 10d; ISO 8601 text; 40 % of the table")
        ),
        "{plan:#?}"
    );
    assert!(
        plan.iter().any(|line| line.starts_with("rely on ")),
        "{plan:#?}"
    );
    let report = place.run(&prune).unwrap();
    assert!(
        report
            .summary
            .starts_with("160 rows of 1 table archived and removed"),
        "{}",
        report.summary
    );
    assert_eq!(place.signals(), 240);
    let receipt = &report.facts["tables"]["signals"];
    assert_eq!(
        (&receipt["archived"], &receipt["deleted"]),
        (&160.into(), &160.into())
    );
    let archives = place.archives();
    assert_eq!(archives.len(), 1);
    let sidecar = archives[0].sidecar.as_ref().unwrap();
    assert_eq!(
        receipt["archives"][0]["path"],
        archives[0].path.to_str().unwrap()
    );
    assert_eq!(receipt["archives"][0]["plain_sha256"], sidecar.plain_sha256);
    assert_eq!((sidecar.rows, sidecar.header.run_id), (160, 7));
    // Nothing is left to do, and nothing is written for it.
    let again = place.run(&prune).unwrap();
    assert_eq!(
        (again.summary.as_str(), place.archives().len()),
        ("nothing was removed", 1)
    );
}

#[test]
fn without_a_verified_backup_that_is_newer_nothing_goes() {
    let place = Place::new(400);
    let prune = job(TEN_DAYS);
    let error = place.run(&prune).unwrap_err();
    assert_eq!(error.disposition, Disposition::Permanent);
    assert!(
        error
            .chain()
            .contains("160 rows of `signals` are past their limits, but no verified backup")
    );
    assert!(
        error
            .hint
            .as_deref()
            .unwrap()
            .contains("`bellkeeper run-job job` makes one"),
        "{error:?}"
    );
    assert!(place.plan(&prune)[0].starts_with("refuse 160 rows of signals: "));
    assert_eq!((place.signals(), place.archives().len()), (400, 0));
    // One that was only written does not count, nor does one of another database.
    place.back_up();
    let found = crate::archive::list(&place.env.settings.path("backups/job")).unwrap();
    let mut sidecar = found[0].sidecar.clone().unwrap();
    sidecar.state = crate::archive::State::Written;
    sidecar.write(&found[0].path).unwrap();
    assert!(place.run(&prune).is_err());
    sidecar.state = crate::archive::State::Verified;
    sidecar.write(&found[0].path).unwrap();
    let mut elsewhere = (*place.env).clone();
    elsewhere.database = place.env.settings.path("data/bellkeeper.db");
    assert_eq!(RequireBackup::Any(true).newest(&elsewhere).unwrap(), None);
    // An old one protects what is older than itself; the rest stays.
    let days = jiff::SignedDuration::from_hours(24 * 13);
    sidecar.created_at = Clock::System.now().checked_sub(days).unwrap();
    sidecar.write(&found[0].path).unwrap();
    let report = place.run(&prune).unwrap();
    assert_eq!(report.facts["deleted"], 88);
    let told = report
        .notes
        .iter()
        .any(|note| note.contains("72 rows stay until a verified backup"));
    assert!(told, "{:?}", report.notes);
    assert!(
        place
            .run(&prune)
            .unwrap_err()
            .hint
            .unwrap()
            .contains("the newest is of ")
    );
    let careless = job(&TEN_DAYS.replace("10d\"}}", "10d\"}}, \"require_backup\": false"));
    assert_eq!(place.run(&careless).unwrap().facts["deleted"], 72);
}

#[test]
fn too_large_a_share_is_refused_until_a_person_says_yes() {
    let place = Place::backed_up(400);
    let prune = job(&TEN_DAYS.replace("10d", "2d"));
    let error = place.run(&prune).unwrap_err();
    assert_eq!(error.disposition, Disposition::Permanent);
    let told = error.chain();
    assert!(
        told.starts_with(
            "352 of 400 rows of `signals` (88 %) would go, more than `max_delete: 50%`"
        ),
        "{told}"
    );
    assert!(
        error
            .hint
            .unwrap()
            .contains("`bellkeeper run-job job --yes`")
    );
    assert!(place.plan(&prune)[0].starts_with("refuse 352 rows of signals: "));
    assert_eq!((place.signals(), place.archives().len()), (400, 0));
    let mut approved = cx(&place.env, SLOT);
    approved.approved = true;
    assert_eq!(prune.run(&approved).unwrap().facts["deleted"], 352);
    assert_eq!(place.signals(), 48);
}

#[test]
fn a_leap_of_the_clock_is_named() {
    let place = Place::backed_up(400);
    place.sql(
        "UPDATE signals SET timestamp = strftime('%Y-%m-%dT%H:%M:%SZ', timestamp, '-1000 days')",
    );
    let error = place.run(&job(TEN_DAYS)).unwrap_err();
    assert!(
        error
            .hint
            .unwrap()
            .contains("has the clock of this computer leapt")
    );
    assert_eq!(place.signals(), 400);
}

#[test]
fn a_refusal_for_one_table_stops_all() {
    let place = Place::backed_up(400);
    place.sql(
        "CREATE TABLE a_log(at INTEGER);
         INSERT INTO a_log SELECT 1767225600 + id FROM signals",
    );
    let both = r#"{"tables": {"signals": {"column": "timestamp", "keep": "10d"},
                              "a_log": {"column": "at", "keep": "1d"}}}"#;
    assert!(place.run(&job(both)).is_err());
    assert_eq!((place.signals(), place.archives().len()), (400, 0));
    let fine = both.replace("\"keep\": \"1d\"", "\"rows\": 300");
    let report = place.run(&job(&fine)).unwrap();
    assert_eq!(report.facts["deleted"], 100 + 160);
    assert!(
        report.summary.contains("260 rows of 2 tables"),
        "{}",
        report.summary
    );
    assert_eq!(place.archives().len(), 2);
}

#[test]
fn the_sample_is_left_alone_unless_meant() {
    let root = tempfile::tempdir().unwrap();
    let env = site(root.path());
    let report = Prune::default().run(&cx(&env, SLOT)).unwrap();
    assert_eq!(report.summary, "nothing was removed");
    assert!(
        report
            .notes
            .iter()
            .any(|note| note.contains("22 rows of the sample stay")),
        "{report:?}"
    );
    let plan = Prune::default().plan(&cx(&env, SLOT)).unwrap();
    assert_eq!(plan.steps[0].act, "keep");
}

#[test]
fn names_that_are_not_there_are_found_at_load_if_there_is_a_database() {
    let place = Place::new(1);
    for (settings, told, hint) in [
        (
            TEN_DAYS.replace("signals", "signal"),
            "there is no table `signal`",
            "did you mean `signals`?",
        ),
        (
            TEN_DAYS.replace("timestamp", "timestmp"),
            "has no column `timestmp`",
            "did you mean `timestamp`?",
        ),
        (
            r#"{"tables": {}}"#.to_owned(),
            "no table is named",
            "name one",
        ),
        (
            r#"{"tables": {"signals": {"column": "timestamp"}}}"#.to_owned(),
            "how much of `signals`",
            "add `keep`",
        ),
        (r#"{"budget": "0s"}"#.to_owned(), "some time", "10m"),
    ] {
        let job = job(&settings);
        let problems = [job.check(&place.env), job.look(&place.env)].concat();
        assert_eq!(problems.len(), 1, "{settings}: {problems:?}");
        assert!(problems[0].message.contains(told), "{problems:?}");
        assert!(
            problems[0].hint.as_deref().unwrap().contains(hint),
            "{problems:?}"
        );
    }
    let mut nowhere = (*place.env).clone();
    nowhere.database = place.env.settings.path("data/later.db");
    let wrong = job(&TEN_DAYS.replace("signals", "signal"));
    assert_eq!(wrong.look(&nowhere), []);
    // At run it is told, too.
    let error = place.run(&wrong).unwrap_err();
    assert!(error.hint.unwrap().contains("did you mean `signals`?"));
    let error = wrong.run(&cx(&Arc::new(nowhere), SLOT)).unwrap_err();
    assert!(error.chain().contains("there is no database"), "{error}");
}

#[test]
fn settings_say_what_they_expect() {
    for (settings, told) in [
        (r#"{"max_delete": "0.5"}"#, "from `0%` to `100%`"),
        (
            r#"{"require_backup": 3}"#,
            "`true`, `false` or the name of a job",
        ),
        (r#"{"reclaim": "full"}"#, "`auto` or `never`"),
        (
            r#"{"tables": {"t": {"keep": "1d"}}}"#,
            "missing field `column`",
        ),
    ] {
        let error = serde_json::from_str::<Prune>(settings)
            .unwrap_err()
            .to_string();
        assert!(error.contains(told), "{settings}: {error}");
    }
    let of = job(r#"{"require_backup": "nightly"}"#);
    assert_eq!(of.archives_of()[0].job.as_str(), "nightly");
    assert_eq!(job("{}").archives_of(), []);
}

/// Every row is in the table or in a published archive that reads whole.
fn nothing_is_lost(place: &Place, all: i64, told: &str) {
    let keys = crate::archive::identities(&place.env.encryption.key_file)
        .unwrap()
        .unwrap();
    let mut ids = std::collections::BTreeSet::new();
    for found in place.archives() {
        rows::check(&found.path, &keys).unwrap_or_else(|error| panic!("{told}: {error}"));
        rows::each(&found.path, &keys, |_, row| {
            ids.insert(format!("{:?}", row[0]));
            Ok(())
        })
        .unwrap();
    }
    let connection = rusqlite::Connection::open(&place.env.database).unwrap();
    let mut statement = connection.prepare("SELECT id FROM signals").unwrap();
    let live = statement.query_map([], |row| row.get::<_, i64>(0)).unwrap();
    ids.extend(live.map(|id| format!("Integer({})", id.unwrap())));
    assert_eq!(i64::try_from(ids.len()).unwrap(), all, "{told}");
}

#[test]
fn a_fault_at_any_file_operation_of_a_run_loses_no_row() {
    for fault in [Fault::Full, Fault::Dead] {
        let mut failed = 0;
        for at in 0.. {
            let place = Place::backed_up(60);
            let prune = job(&TEN_DAYS.replace("10d", "1d").replace("10d\"}}", "\"}}"));
            let mut approved = cx(&place.env, SLOT);
            approved.approved = true;
            let (result, struck) = fault::with(fault, at, || prune.run(&approved));
            nothing_is_lost(&place, 60, &format!("{fault:?} {at}"));
            if let Err(error) = &result {
                failed += 1;
                if fault == Fault::Full {
                    assert_eq!(error.disposition, Disposition::Retry, "{at}: {error}");
                }
            }
            // The next attempt ends well, whatever was left.
            prune.run(&approved).unwrap();
            nothing_is_lost(&place, 60, &format!("{fault:?} {at} again"));
            assert_eq!(place.signals(), 24);
            if !struck {
                break;
            }
        }
        assert!(failed > 3, "{failed}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_told_and_nothing_goes() {
    let place = Place::backed_up(400);
    crate::files::write_atomic(&place.env.settings.path("blocked"), b"a file").unwrap();
    let prune = job(&TEN_DAYS.replace("10d\"}}", "10d\"}}, \"to\": \"blocked/rows\""));
    let error = place.run(&prune).unwrap_err();
    assert!(error.chain().contains("blocked/rows"), "{error}");
    assert!(error.hint.unwrap().contains("`to`"));
    assert_eq!(place.signals(), 400);
}

#[test]
fn without_an_archive_rows_only_go() {
    let place = Place::backed_up(400);
    let prune = job(&TEN_DAYS.replace(
        "10d\"}}",
        "10d\"}}, \"archive\": false, \"reclaim\": \"never\"",
    ));
    assert!(
        place
            .plan(&prune)
            .iter()
            .all(|line| !line.starts_with("write"))
    );
    let report = place.run(&prune).unwrap();
    assert_eq!(
        (report.summary.as_str(), place.archives().len()),
        ("160 rows of 1 table removed", 0)
    );
}

#[test]
fn the_folder_is_the_jobs_own() {
    let place = Place::new(1);
    let name: JobName = "rows".parse().unwrap();
    let folder = Prune::default().owned_folders(&name, &place.env);
    assert_eq!(folder, [place.env.settings.path(Path::new("backups/rows"))]);
    assert!(Store::at(&place.env.database).path().exists());
}
