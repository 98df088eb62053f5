//! What becomes of the archives of a job in the days to come.

use jiff::{SignedDuration, Timestamp};

use super::{Error, Site, upcoming::upcoming};
use crate::{
    archive::ArchiveName,
    job::{JobName, JobSpec},
    jobfile::Loaded,
    kinds::Backup,
    retention::{self, Item, Simulation},
};

/// More archives than this are not played through.
const MOST: usize = 5_000;

/// The archives of one job, today and in the days to come.
#[derive(Debug, Clone, PartialEq)]
pub struct Ahead {
    /// The job.
    pub job: JobName,
    /// What becomes of them.
    pub simulation: Simulation,
    /// How large a new one is taken to be: as the newest, in bytes; 0 while there is none.
    pub size_bytes: u64,
    /// Whether there are so many slots that not all were played through.
    pub is_cut: bool,
}

/// Plays the archives of the backup jobs through the next `days` days; `job` narrows it to one.
///
/// # Errors
/// [`Error::Archive`] when a folder cannot be read, [`Error::Ledger`].
pub fn ahead(
    site: &Site,
    loaded: &Loaded,
    job: Option<&str>,
    days: u16,
) -> Result<Vec<Ahead>, Error> {
    let jobs = loaded.set.jobs.iter();
    jobs.filter(|spec| job.is_none_or(|job| job == spec.name.as_str()))
        .filter_map(|spec| Some((spec, spec.as_kind::<Backup>()?)))
        .map(|(spec, backup)| one(site, loaded, spec, backup, days))
        .collect()
}

fn one(
    site: &Site,
    loaded: &Loaded,
    spec: &JobSpec,
    backup: &Backup,
    days: u16,
) -> Result<Ahead, Error> {
    let (now, zone) = (site.clock.now(), &spec.policy.timezone);
    let today = backup.items(&spec.name, &loaded.set.env)?;
    let good = today.iter().filter(|item| item.verified);
    let size_bytes = good
        .max_by_key(|item| item.at)
        .map_or(0, |item| item.size_bytes);
    let until = now
        .checked_add(SignedDuration::from_hours(24 * i64::from(days)))
        .unwrap_or(Timestamp::MAX);
    let slots = upcoming(site, None, [timed(loaded, spec)], Some(until), MOST)?;
    let made = |(at, _): (Timestamp, JobName)| Item {
        id: ArchiveName {
            job: spec.name.clone(),
            slot: at,
            serial: 1,
        }
        .to_string(),
        at,
        size_bytes,
        verified: true,
    };
    let coming: Vec<Item> = slots.slots.into_iter().map(made).collect();
    let simulation = retention::simulate(&today, &coming, &backup.keep, now, days, zone);
    Ok(Ahead {
        job: spec.name.clone(),
        simulation,
        size_bytes,
        is_cut: slots.more,
    })
}

/// The job whose slots decide when `spec` runs: itself, or the one that it runs after.
fn timed<'a>(loaded: &'a Loaded, spec: &'a JobSpec) -> &'a JobSpec {
    let mut timed = spec;
    // Needs have no cycles; the count is only for a file that nobody has checked.
    for _ in 0..loaded.set.jobs.len() {
        let first = timed
            .policy
            .needs
            .first()
            .filter(|_| timed.is_after_others());
        match first.and_then(|first| loaded.set.get(first.as_str())) {
            Some(first) => timed = first,
            None => break,
        }
    }
    timed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::load,
        clock::Clock,
        files,
        settings::{Raw, Settings},
        system,
    };

    fn site(jobs: &str) -> (tempfile::TempDir, Site) {
        let root = tempfile::tempdir().unwrap();
        files::write_atomic(&root.path().join("jobs.yaml"), jobs.as_bytes()).unwrap();
        let raw = Raw {
            root: Some(root.path().into()),
            jobs_file: None,
        };
        let site = Site {
            settings: Settings::resolve(&raw, root.path()),
            clock: Clock::virtual_from("2026-11-24T00:00:00Z".parse().unwrap()),
            zone: system::local_zone(),
        };
        (root, site)
    }

    #[tokio::test(start_paused = true)]
    async fn slots_come_from_the_job_or_from_what_it_runs_after() {
        let (_root, site) = site(
            "timezone: UTC
jobs:
  a: {schedule: \"0 2 * * *\", backup: {keep: {daily: 7}}}
  b: {needs: [a], backup: {to: backups/b, keep: {weekly: 2}}}
  c: {backup: {to: backups/c, keep: {weekly: 2}}}
",
        );
        let loaded = load(&site, &|_| None).unwrap();
        let all = ahead(&site, &loaded, None, 90).unwrap();
        let count = |at: usize| all[at].simulation.courses.len();
        assert_eq!([count(0), count(1), count(2)], [90, 90, 0]);
        let here = |at: usize| all[at].simulation.days.last().unwrap().here.len();
        assert_eq!([here(0), here(1), here(2)], [7, 2, 0]);
        assert_eq!(
            all[0].simulation.courses[0].item.id,
            "a-20261124T020000Z.tar.gz.age"
        );
        assert_eq!(ahead(&site, &loaded, Some("b"), 1).unwrap().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn more_slots_than_can_be_played_are_told() {
        let (_root, site) =
            site("timezone: UTC\njobs:\n  a: {schedule: every 5m, backup: {keep: {last: 3}}}\n");
        let loaded = load(&site, &|_| None).unwrap();
        let one = ahead(&site, &loaded, None, 90).unwrap().remove(0);
        assert!(one.is_cut && one.simulation.courses.len() == MOST);
    }
}
