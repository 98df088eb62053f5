//! The reloader on a real ledger and engine; time is virtual, the zone is made up.

use std::path::Path;

use jiff::tz::TimeZone;

use super::*;
use crate::{
    app::session,
    clock::Clock,
    files,
    settings::{Raw, Settings},
};

fn zone(name: &str) -> LocalZone {
    LocalZone {
        zone: TimeZone::get(name).unwrap(),
        name: name.to_owned(),
    }
}

struct Desk {
    _root: tempfile::TempDir,
    session: session::Session,
    /// Where the computer is.
    place: Arc<Mutex<LocalZone>>,
    asked: mpsc::Sender<Cause>,
    plan: SharedPlan,
    keeping: Keeping,
    jobs: std::path::PathBuf,
}

const JOBS: &[u8] = b"jobs: {a: {schedule: \"0 9 * * *\", backup: {}}}";

async fn desk() -> Desk {
    let root = tempfile::tempdir().unwrap();
    let jobs = root.path().join("jobs.yaml");
    files::write_new(&jobs, JOBS).unwrap();
    let raw = Raw {
        root: Some(root.path().to_owned()),
        jobs_file: None,
    };
    let site = Site {
        settings: Settings::resolve(&raw, Path::new("/")),
        clock: Clock::virtual_from("2026-11-24T02:00:00Z".parse().unwrap()),
        zone: zone("Asia/Shanghai"),
    };
    let place = Arc::new(Mutex::new(site.zone.clone()));
    let read = || load(&site, &|_| None);
    let (opened, loaded) = session::open(&site, &read, DAEMON).await.unwrap();
    let session = opened.engine(loaded.set.clone(), true).await.unwrap();
    let (plan, keeping) = (SharedPlan::of(&loaded), Keeping::of(&loaded.set));
    let (asked, causes) = mpsc::channel(4);
    let told = Arc::clone(&place);
    let reloader = Reloader {
        surroundings: Surroundings {
            vars: Arc::new(|_| None),
            zone: Arc::new(move || told.lock().unwrap().clone()),
        },
        site,
        loaded: Arc::new(loaded),
        engine: session.engine.clone(),
        ledger: Arc::clone(&session.ledger),
        plan: plan.clone(),
        keeping: keeping.clone(),
    };
    tokio::spawn(reloader.run(causes));
    Desk {
        _root: root,
        session,
        place,
        asked,
        plan,
        keeping,
        jobs,
    }
}

impl Desk {
    async fn ask(&self) -> Result<Reloaded, Error> {
        let (reply, answer) = oneshot::channel();
        self.asked.send(Cause::Asked(reply)).await.unwrap();
        answer.await.unwrap()
    }

    /// Acts and details, newest first.
    fn journal(&self) -> Vec<(String, String)> {
        let entries = self.session.ledger.journal(99).unwrap().into_iter();
        entries.map(|entry| (entry.act, entry.detail)).collect()
    }
}

fn act(act: &str, detail: &str) -> (String, String) {
    (act.to_owned(), detail.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_traveller_is_followed_within_a_minute() {
    let desk = desk().await;
    assert!(desk.ask().await.unwrap().difference.is_empty());
    assert_eq!(desk.journal(), []);
    *desk.place.lock().unwrap() = zone("Europe/Berlin");
    tokio::time::sleep(ASK_FOR_ZONE * 2).await;
    // Whatever was begun is done by the time it answers.
    assert!(desk.ask().await.unwrap().difference.is_empty());
    assert_eq!(
        desk.journal(),
        [
            act("reload", "~ timezone: Asia/Shanghai → Europe/Berlin"),
            act("zone changed", "Asia/Shanghai → Europe/Berlin"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_bad_file_is_told_once_and_forgotten_when_it_is_mended() {
    let desk = desk().await;
    files::write_atomic(&desk.jobs, b"jobs: {a: {bakcup: {}}}").unwrap();
    for _ in 0..3 {
        assert!(matches!(desk.ask().await, Err(Error::Problems(_))));
    }
    let problem = "jobs.yaml:1:12: unknown kind `bakcup`";
    assert_eq!(desk.journal(), [act("reload refused", problem)]);
    let broken = desk.plan.get().broken.unwrap();
    assert_eq!(broken.problems, [problem]);
    assert_eq!(desk.plan.get().jobs, 1);
    // Another mistake is told, but it has been wrong since the first.
    files::write_atomic(&desk.jobs, b"jobs: {a: {backup: {wat: 1}}}").unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(desk.ask().await.is_err());
    assert_eq!(desk.plan.get().broken.unwrap().since, broken.since);
    assert_eq!(desk.journal().len(), 2);
    files::write_atomic(&desk.jobs, JOBS).unwrap();
    assert!(desk.ask().await.unwrap().difference.is_empty());
    assert_eq!(desk.plan.get().broken, None);
    assert_eq!(desk.journal().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_changed_before_the_watch_began_is_taken() {
    let desk = desk().await;
    // The reloader has not had a turn yet.
    files::write_atomic(&desk.jobs, b"jobs: {b: {backup: {}}}").unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(desk.ask().await.unwrap().difference.is_empty());
    assert_eq!(desk.journal(), [act("reload", "+ b  only by hand; - a")]);
    assert_eq!(desk.plan.get().jobs, 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_removes_old_history_knows_the_file_in_force() {
    let desk = desk().await;
    let kept = |job: &str| desk.keeping.of_job(&job.parse().unwrap()).to_string();
    assert_eq!((kept("a"), kept("b")), ("400d".into(), "400d".into()));
    files::write_atomic(&desk.jobs, b"jobs: {a: {keep_history: 9d, backup: {}}}").unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    desk.ask().await.unwrap();
    assert_eq!((kept("a"), kept("b")), ("9d".into(), "400d".into()));
    files::write_atomic(&desk.jobs, b"jobs: {a: {keep_history: 9h, backup: {}}}").unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(desk.ask().await.is_err());
    assert_eq!(kept("a"), "9d", "all or nothing");
    files::write_atomic(&desk.jobs, b"jobs: {b: {keep_history: 8d, backup: {}}}").unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    desk.ask().await.unwrap();
    assert_eq!((kept("a"), kept("b")), ("400d".into(), "8d".into()));
}
