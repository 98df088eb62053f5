//! The own log is rotated by its writer, as the job says that covers it; what a crash has left of any
//! rotation is settled at the start.

use std::{
    io,
    path::{Path, PathBuf},
    rc::Rc,
};

use crate::{
    archive,
    job::{JobSet, JobSpec, chain},
    kinds::RotateLogs,
    logs::{self, Limits, Log, Unseal, Unsealed},
    settings::Settings,
};

/// From now on the own log is rotated as the first job says that covers it, or by default. Call it
/// whenever the jobs have changed.
pub(super) fn limit(set: &JobSet) {
    let path = set.env.settings.log_file();
    let Some(log) = logs::writer_of(&path) else {
        return;
    };
    log.limit(limits(set, &path).unwrap_or_default());
}

/// The own log with its rotated files, wherever the jobs say that those are.
pub fn own_log(settings: &Settings, set: Option<&JobSet>) -> Log {
    let path = settings.log_file();
    let limits = set.and_then(|set| limits(set, &path));
    // Its writer follows a link too, and rotated files stand beside what that leads to.
    let place = path
        .is_symlink()
        .then(|| path.canonicalize().ok())
        .flatten();
    Log {
        path: place.unwrap_or(path),
        archive_dir: limits.and_then(|limits| limits.archive_dir),
        unseal: unseal(settings.key_file()),
    }
}

/// Opens what the keys of this root open.
fn unseal(key_file: PathBuf) -> Unseal {
    Unseal(Rc::new(move |path| open(&key_file, path)))
}

fn open(key_file: &Path, path: &Path) -> Unsealed {
    let other = |error| io::Error::other(chain(&error));
    let keys = archive::ring(key_file).map_err(other)?;
    let keys = keys.into_iter().flat_map(|file| file.identities);
    match archive::unseal(path, &keys.collect::<Vec<_>>()) {
        Ok(content) => Ok(Some(Box::new(content))),
        Err(archive::Error::WrongKey { .. }) => Ok(None),
        // Whether it is there at all matters to the one who asks.
        Err(archive::Error::Read { source, .. }) => Err(source),
        Err(error) => Err(other(error)),
    }
}

/// What the first job says that covers the log at `path`.
fn limits(set: &JobSet, path: &Path) -> Option<Limits> {
    let mut jobs = set.jobs.iter().filter_map(JobSpec::as_kind::<RotateLogs>);
    let job = jobs.find(|job| job.covers(path, &set.env))?;
    Some(job.limits(&set.env))
}

/// Finishes or undoes rotations that died with an earlier process. What cannot be settled is told
/// again by the job's next run, which fails for it.
pub(super) fn settle(set: &JobSet) {
    for spec in &set.jobs {
        let Some(rotation) = spec.as_kind::<RotateLogs>() else {
            continue;
        };
        match rotation.recover(&set.env) {
            Ok(done) => done.iter().for_each(|step| {
                let (act, file, reason) = (&step.act, &step.subject, &step.reason);
                tracing::warn!(job = %spec.name, act, file, reason, "settled what a crash had left");
            }),
            Err(error) => {
                let error = chain(&error);
                tracing::warn!(job = %spec.name, error, "its logs could not be looked at");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::{Site, load},
        clock::Clock,
        files,
        logs::LogFile,
        settings::Raw,
        system,
    };

    fn set(root: &Path, jobs: &str) -> JobSet {
        let raw = Raw {
            root: Some(root.to_owned()),
            jobs_file: None,
        };
        let site = Site {
            settings: Settings::resolve(&raw, root),
            clock: Clock::System,
            zone: system::local_zone(),
        };
        files::write_atomic(site.settings.jobs_file(), jobs.as_bytes()).unwrap();
        load(&site, &|_| None).unwrap().set
    }

    #[test]
    fn the_first_job_that_covers_the_own_log_says_how_large_it_becomes() {
        let root = tempfile::tempdir().unwrap();
        files::create_private_dir(&root.path().join("logs")).unwrap();
        let log = LogFile::open(&root.path().join("logs/bellkeeper.log"), Clock::System).unwrap();
        let rotations = || {
            log.write_line(b"a line of twenty ch\n").unwrap();
            logs::rotated(log.path(), None).unwrap().len()
        };
        let other = "jobs: {a: {rotate_logs: {files: [other/*.log], max_size: 1B}}}";
        limit(&set(root.path(), other));
        assert_eq!((rotations(), rotations()), (0, 0));
        let both = "jobs: {a: {rotate_logs: {max_size: 50B}}, b: {rotate_logs: {max_size: 1MB}}}";
        limit(&set(root.path(), both));
        assert_eq!((rotations(), rotations()), (1, 1));
        limit(&set(root.path(), "jobs: {a: {backup: {}}}"));
        assert_eq!((rotations(), rotations()), (1, 1));
    }

    #[test]
    fn the_own_log_is_found_where_links_and_jobs_lead() {
        let root = tempfile::tempdir().unwrap();
        let real = root.path().canonicalize().unwrap();
        let set = set(
            root.path(),
            "jobs: {a: {rotate_logs: {max_size: 1MB, archive_dir: old}}}",
        );
        let settings = &set.env.settings;
        let found = own_log(settings, Some(&set));
        assert_eq!(found.path, settings.log_file());
        assert_eq!(found.archive_dir, Some(settings.path("old")));
        assert_eq!(own_log(settings, None).archive_dir, None);
        for folder in ["logs", "elsewhere"] {
            files::create_private_dir(&root.path().join(folder)).unwrap();
        }
        files::write_new(&root.path().join("elsewhere/x.log"), b"").unwrap();
        std::os::unix::fs::symlink("../elsewhere/x.log", settings.log_file()).unwrap();
        assert_eq!(own_log(settings, None).path, real.join("elsewhere/x.log"));
    }

    #[test]
    fn leftovers_are_settled_and_a_folder_in_the_way_stops_nothing() {
        let root = tempfile::tempdir().unwrap();
        let logs = root.path().join("logs");
        files::create_private_dir(&logs).unwrap();
        let whole = logs.join("a-20261120T030000Z.log");
        files::write_new(&whole, b"whole\n").unwrap();
        let half = logs.join("a-20261120T030000Z.log.gz.tmp");
        files::write_new(&half, b"half").unwrap();
        settle(&set(
            root.path(),
            "jobs: {a: {rotate_logs: {}}, b: {backup: {}}}",
        ));
        assert!(whole.exists() && !half.exists());
    }
}
