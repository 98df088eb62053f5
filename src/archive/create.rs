//! Making an archive from beginning to end.

use std::{path::PathBuf, time::Duration};

use jiff::Timestamp;

use super::{
    Error,
    entry::EntryKind,
    keys::Recipient,
    manifest::{FORMAT, Manifest, Note, Planned},
    pipeline::{self, Streamed},
    publish::{self, Partial},
    request::{Plan, Published, Request, Seams},
    restore_text,
    sidecar::{Sidecar, State},
    snapshot::{How, Snapshot},
    source::Rules,
    walk::{self, Item},
};
use crate::watch::{Cancelled, Watch};

/// The name of the program in manifests and sidecars.
const PROGRAM: &str = "bellkeeper";

/// Archives everything in `request`, verifies it and publishes it. Blocks; progress is counted in
/// plain bytes, and cancellation is obeyed between chunks.
///
/// # Errors
/// Any [`Error`]; nothing new is left in the folder then, and older archives are as they were.
pub fn create(request: &Request, watch: &Watch) -> Result<Published, Error> {
    create_with(request, watch, &Seams::default())
}

pub(super) fn create_with(
    request: &Request,
    watch: &Watch,
    seams: &Seams<'_>,
) -> Result<Published, Error> {
    attempt(request, watch, seams).map_err(|error| {
        // Threads that were told to stop fail in many ways; why they were told counts.
        let reason = watch.cancel.reason();
        reason.map_or(error, |reason| Cancelled(reason).into())
    })
}

fn attempt(request: &Request, watch: &Watch, seams: &Seams<'_>) -> Result<Published, Error> {
    let started = request.clock.monotonic();
    if request.recipients.is_empty() {
        return Err(Error::NoRecipient {
            key_file: request.key_file.clone(),
        });
    }
    watch.cancel.checkpoint()?;
    publish::prepare(request)?;
    restore_text::write(&request.folder, &request.recipients, &request.key_file)?;
    watch.progress.step("database");
    let plan = plan(request, watch, seams)?;
    (seams.listed)();
    let (partial, file) = Partial::create(request)?;
    let streamed = pipeline::run(request, plan, &partial.path, file, watch, seams)?;
    watch.progress.step("publish");
    watch.cancel.checkpoint()?;
    let seconds = request.clock.monotonic().saturating_sub(started);
    partial.publish(sidecar(request, &streamed, seconds))
}

fn plan(request: &Request, watch: &Watch, seams: &Seams<'_>) -> Result<Plan, Error> {
    let exclude = request.exclude.iter().chain([&request.folder]);
    let live = request.live.iter().map(PathBuf::as_path);
    let keys = [request.key_file.as_path()].into_iter();
    let rules = Rules::new(exclude.map(PathBuf::as_path), keys, live);
    let mut found = walk::find(&request.sources, &rules)?;
    let how = How {
        folder: request.folder.clone(),
        patience: seams.patience,
        copy: seams.copy,
    };
    // Before the first of them, as `prune` asks whether a row is older than its backup: what is
    // committed while they are taken may or may not be in them.
    let created_at = request.clock.now();
    let mut snapshots = Vec::new();
    for candidate in found.databases {
        match Snapshot::open(&candidate.item, &how, watch) {
            Ok(snapshot) => snapshots.push((candidate.item, snapshot)),
            // It only had the name of one.
            Err(Error::NotADatabase { .. }) if !candidate.certain => {
                found.items.push(candidate.item);
            }
            Err(error) => return Err(error),
        }
    }
    for (_, snapshot) in &mut snapshots {
        snapshot.examine(watch)?;
        found.notes.append(&mut snapshot.notes);
    }
    let manifest = manifest(request, created_at, &snapshots, &found.items, found.notes);
    watch.progress.expect(manifest.planned.bytes);
    Ok(Plan {
        snapshots,
        items: found.items,
        manifest,
    })
}

fn manifest(
    request: &Request,
    created_at: Timestamp,
    snapshots: &[(Item, Snapshot)],
    items: &[Item],
    notes: Vec<Note>,
) -> Manifest {
    let databases: Vec<_> = snapshots.iter().map(|(_, s)| s.facts.clone()).collect();
    let files = items.iter().filter(|i| i.head.kind == EntryKind::File);
    let planned = Planned {
        entries: count(snapshots.len() + items.len()),
        bytes: databases.iter().map(super::Database::size).sum::<u64>()
            + files.map(|item| item.head.size).sum::<u64>(),
    };
    Manifest {
        format: FORMAT,
        program: PROGRAM.to_owned(),
        version: request.version.clone(),
        job: request.job.clone(),
        slot: request.slot,
        run_id: request.run_id,
        trigger: request.trigger.clone(),
        host: request.host.clone(),
        created_at,
        planned,
        databases,
        entries: Vec::new(),
        notes,
        complete: false,
    }
}

fn sidecar(request: &Request, streamed: &Streamed, took: Duration) -> Sidecar {
    let manifest = &streamed.manifest;
    Sidecar {
        format: FORMAT,
        archive: String::new(),
        job: request.job.clone(),
        slot: request.slot,
        run_id: request.run_id,
        trigger: request.trigger.clone(),
        host: request.host.clone(),
        program: format!("{PROGRAM} {}", request.version),
        created_at: manifest.created_at,
        finished_at: request.clock.now(),
        duration_seconds: took.as_secs_f64(),
        size_bytes: streamed.size,
        sha256: streamed.sha256.clone(),
        plain_bytes: streamed.plain,
        entries: count(manifest.entries.len()),
        recipients: request
            .recipients
            .iter()
            .map(Recipient::fingerprint)
            .collect(),
        state: State::Verified,
        verified_at: None,
        drilled_at: None,
        recovery_seconds: None,
        problem: None,
        databases: manifest.databases.clone(),
        notes: manifest.notes.clone(),
    }
}

fn count(items: usize) -> u64 {
    u64::try_from(items).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        os::unix::fs::{MetadataExt, PermissionsExt, symlink},
        path::Path,
        sync::{Arc, atomic::AtomicUsize},
    };

    use super::*;
    use crate::{
        archive::{
            extract, list, remove, sweep,
            testing::{Failing, World},
            verify,
        },
        files::{
            self,
            fault::{Fault, each},
        },
        watch::{Cancel, CancelReason},
    };

    const NAME: &str = "backup-daily-20261123T020000Z.tar.gz.age";

    fn watch() -> Watch {
        Watch::default()
    }

    #[test]
    fn an_archive_holds_everything_and_opens_with_the_key() {
        let world = World::new();
        world.put("logs/app.log", b"started\n");
        symlink("app.log", world.path("logs/current")).unwrap();
        let readable = fs::Permissions::from_mode(0o640);
        fs::set_permissions(world.path("logs/app.log"), readable).unwrap();
        let watch = watch();
        let request = world.request(true, &["config", "logs", "data"]);
        let made = create(&request, &watch).unwrap();
        assert_eq!(
            world.published(),
            ["RESTORE.txt", NAME, &format!("{NAME}.json")]
        );
        assert_eq!(made.sidecar.state, State::Verified);
        assert_eq!(made.path.metadata().unwrap().mode() & 0o777, 0o600);
        assert_eq!(
            world.path("backups").metadata().unwrap().mode() & 0o777,
            0o700
        );
        let sample = watch.progress.sample();
        assert_eq!(
            (sample.done, sample.step.as_str()),
            (sample.total, "publish")
        );
        assert_eq!(sample.total, made.sidecar.plain_bytes);

        let to = world.path("out");
        let out = extract(&made.path, &world.keys(), &to, &Watch::default()).unwrap();
        let names: Vec<_> = out
            .manifest
            .entries
            .iter()
            .map(|e| e.path.to_string())
            .collect();
        assert_eq!(
            names,
            [
                "data/trading.db",
                "config",
                "config/app.yaml",
                "logs",
                "logs/app.log",
                "logs/current",
                "data"
            ]
        );
        assert_eq!(out.manifest.notes[0].note, "skipped: private key");
        assert!(!to.join("config/backup.key").exists());
        assert_eq!(
            fs::read_link(to.join("logs/current")).unwrap(),
            Path::new("app.log")
        );
        let (from, copy) = (world.path("logs/app.log"), to.join("logs/app.log"));
        let facts = |path: &Path| {
            let found = path.metadata().unwrap();
            (found.mode(), found.mtime(), fs::read(path).unwrap())
        };
        assert_eq!(facts(&from), facts(&copy));
        assert_eq!(out.manifest.databases[0].tables[0].rows, Some(2));
        assert!(to.join("MANIFEST.json").exists());
        assert_eq!(
            verify(&made.path, None, &Watch::default())
                .unwrap()
                .manifest,
            None
        );
    }

    #[test]
    fn nothing_secret_is_in_the_archive_or_beside_it() {
        let world = World::new();
        let key = fs::read_to_string(world.path("config/backup.key")).unwrap();
        world.put("config/copy-of-key", key.as_bytes());
        let made = world.archive(true, &["config"]);
        let to = world.path("out");
        extract(&made.path, &world.keys(), &to, &watch()).unwrap();
        assert!(!to.join("config/copy-of-key").exists());
        for file in ["RESTORE.txt", &format!("{NAME}.json")] {
            let text = fs::read_to_string(world.path("backups").join(file)).unwrap();
            assert!(!text.contains("AGE-SECRET-KEY-"), "{file}");
        }
        assert!(
            !fs::read(&made.path)
                .unwrap()
                .windows(7)
                .any(|w| w == b"symbols")
        );
    }

    #[test]
    fn a_taken_name_gets_a_serial_and_nothing_is_replaced() {
        let world = World::new();
        let first = world.archive(false, &["config"]);
        let before = fs::read(&first.path).unwrap();
        let second = world.archive(false, &["config"]);
        assert_eq!(second.name.serial, 2);
        assert_eq!(fs::read(&first.path).unwrap(), before);
        // A name that is taken while the archive is being written.
        let third = world.path("backups").join(NAME.replace("Z.", "Z-3."));
        let seams = Seams {
            opened: &|_| files::write_atomic(&third, b"someone's").unwrap(),
            ..Seams::default()
        };
        let request = world.request(false, &["config"]);
        let made = create_with(&request, &watch(), &seams).unwrap();
        assert_eq!(
            (made.name.serial, fs::read(&third).unwrap()),
            (4, b"someone's".to_vec())
        );
        assert_eq!(made.sidecar.archive, made.name.to_string());
        assert!(!Sidecar::path_for(&third).exists());
    }

    #[test]
    fn a_disk_that_fills_at_any_write_leaves_only_older_archives() {
        let world = World::new();
        let noise: Vec<u8> = (0..300_000u32)
            .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
            .collect();
        world.put("logs/noise", &noise);
        let old = world.archive(false, &["config"]);
        let before = (world.published(), fs::read(&old.path).unwrap());
        let request = world.request(true, &["logs"]);
        let mut failures = 0;
        loop {
            let left = Arc::new(AtomicUsize::new(failures));
            let seams = Seams {
                output: &|file| Box::new(Failing(file, Arc::clone(&left))),
                ..Seams::default()
            };
            match create_with(&request, &watch(), &seams) {
                Ok(_) => break,
                Err(error) => assert!(error.is_retryable(), "{error:?}"),
            }
            assert_eq!((world.published(), fs::read(&old.path).unwrap()), before);
            failures += 1;
        }
        assert!(failures > 10, "{failures}");
    }

    /// Everything beside the stream itself: RESTORE.txt, the partial file, its sync, the sidecar, the
    /// name.
    #[test]
    fn a_fault_at_any_file_operation_leaves_older_archives_and_what_is_swept() {
        for fault in [Fault::Full, Fault::Dead] {
            let world = World::new();
            let old = world.archive(true, &["config"]);
            let before = fs::read(&old.path).unwrap();
            let names = [NAME.to_owned(), format!("{NAME}.json")];
            let request = world.request(true, &["config"]);
            let text = world.path("backups/RESTORE.txt");
            let operations = each(
                fault,
                |_| {
                    // Written again, as by a program whose words have changed.
                    File::create(&text).unwrap();
                    create(&request, &watch())
                },
                |at, result| {
                    assert_eq!(fs::read(&old.path).unwrap(), before, "{fault:?} at {at}");
                    if let (Err(error), Fault::Full) = (&result, fault) {
                        assert!(error.is_retryable(), "{error:?}");
                    }
                    // A process that is gone may have given the name before it could say so.
                    for found in list(&world.path("backups")).unwrap() {
                        let verified = verify(&found.path, Some(&world.keys()), &watch());
                        verified.unwrap_or_else(|error| panic!("{fault:?} at {at}: {error}"));
                        let known = result.is_ok() || fault == Fault::Dead;
                        assert!(
                            known || found.path == old.path,
                            "{fault:?} at {at}: {found:?}"
                        );
                    }
                    sweep(&world.path("backups")).unwrap();
                    for found in list(&world.path("backups")).unwrap() {
                        assert_eq!(found.state, State::Verified, "{fault:?} at {at}");
                        if found.path != old.path {
                            remove(&found).unwrap();
                        }
                    }
                    create(&request, &watch())
                        .map(|made| take_away(&made))
                        .unwrap();
                    let mut left = world.published();
                    left.retain(|name| name != "RESTORE.txt");
                    assert_eq!(left, names, "{fault:?} at {at}");
                },
            );
            assert!(operations > 12, "{operations}");
        }
    }

    /// Takes an archive away again.
    fn take_away(made: &Published) {
        let all = list(files::parent(&made.path)).unwrap();
        remove(all.iter().find(|found| found.path == made.path).unwrap()).unwrap();
    }

    #[test]
    fn cancellation_leaves_nothing_and_keeps_its_reason() {
        let world = World::new();
        world.put("logs/app.log", &vec![7; 300_000]);
        let request = world.request(true, &["logs"]);
        for when in 0..2 {
            let cancel = Cancel::default();
            let stop = || cancel.cancel(CancelReason::Timeout);
            let seams = Seams {
                listed: &|| {
                    if when == 0 {
                        stop();
                    }
                },
                opened: &|_| stop(),
                ..Seams::default()
            };
            let watch = Watch {
                cancel: cancel.clone(),
                ..Watch::default()
            };
            let error = create_with(&request, &watch, &seams).unwrap_err();
            assert_eq!(error.cancelled(), Some(CancelReason::Timeout), "{error}");
            assert_eq!(world.published(), ["RESTORE.txt"]);
        }
    }

    #[test]
    fn bytes_that_change_on_the_way_to_the_verifier_are_noticed() {
        let world = World::new();
        let seams = Seams {
            copy: true,
            ..Seams::default()
        };
        let request = world.request(true, &["config"]);
        create_with(&request, &watch(), &seams).unwrap();
        // More entries than planned: what a second look must refuse.
        let late = Seams {
            listed: &|| {},
            ..Seams::default()
        };
        let plan = plan(&request, &watch(), &late).unwrap();
        let mut wrong = plan;
        wrong.manifest.planned.entries = 0;
        let (partial, file) = Partial::create(&request).unwrap();
        let result = pipeline::run(&request, wrong, &partial.path, file, &watch(), &late);
        let Err(error) = result else { panic!() };
        assert!(matches!(error, Error::ReadBack { .. }), "{error}");
        assert!(error.is_retryable());
    }

    /// A manifest is compared with the one that was read back: each number must survive JSON.
    #[test]
    fn moments_are_any_number_that_a_database_can_hold() {
        let world = World::new();
        let table = "CREATE TABLE ticks(ts REAL); INSERT INTO ticks VALUES (0.0)";
        world
            .database("data/trading.db")
            .execute_batch(table)
            .unwrap();
        for (moment, newest) in [
            (
                "1764644800.7844157",
                Some(serde_json::json!(1_764_644_800.784_415_7)),
            ),
            (
                "1764428834.6154861",
                Some(serde_json::json!(1_764_428_834.615_486_1)),
            ),
            ("8.589973e9", Some(serde_json::json!(8_589_973_000.0))),
            ("9e999", None),
        ] {
            world
                .database("data/trading.db")
                .execute_batch(&format!("UPDATE ticks SET ts = {moment}"))
                .unwrap();
            let made = world.archive(true, &[]);
            let found = verify(&made.path, Some(&world.keys()), &watch()).unwrap();
            let tables = &found.manifest.unwrap().databases[0].tables;
            let ticks = tables.iter().find(|table| table.name == "ticks").unwrap();
            assert_eq!(ticks.newest, newest, "{moment}");
        }
    }

    #[test]
    fn nothing_is_written_without_a_recipient() {
        let world = World::new();
        let mut request = world.request(true, &["config"]);
        request.recipients.clear();
        let error = create(&request, &watch()).unwrap_err();
        assert!(matches!(error, Error::NoRecipient { .. }));
        assert!(!world.path("backups").exists());
    }

    #[test]
    fn a_destination_that_cannot_be_is_refused_with_a_remedy() {
        let world = World::new();
        symlink(world.path("logs"), world.path("linked")).unwrap();
        let try_to = |folder: &str, sources: &[&str]| {
            let mut request = world.request(true, sources);
            request.folder = world.path(folder);
            create(&request, &watch()).unwrap_err()
        };
        for (folder, source, expected) in [
            ("config/backups", "config", "destination inside the source"),
            ("config", "config", "destination inside the source"),
            ("", "config", "source inside the destination"),
            ("data", "config", "source inside the destination"),
            ("linked", "config", "is a symbolic link"),
            ("config/app.yaml", "logs", "is not a folder"),
        ] {
            let error = try_to(folder, &[source]);
            assert!(error.to_string().contains(expected), "{folder}: {error}");
            assert!(error.hint().is_some());
        }
        assert!(!world.path("config/backups").exists());
    }

    #[test]
    fn a_destination_inside_a_source_is_fine_once_excluded() {
        let world = World::new();
        let mut request = world.request(false, &["data"]);
        request.folder = world.path("data/backups");
        request.exclude.push(world.path("data/backups"));
        for _ in 0..2 {
            let made = create(&request, &watch()).unwrap();
            assert_eq!(made.sidecar.entries, 2);
        }
        assert_eq!(list(&request.folder).unwrap().len(), 2);
    }

    #[test]
    fn too_little_space_is_told_before_anything_is_read() {
        let world = World::new();
        let made = world.archive(false, &["config"]);
        let mut sidecar = made.sidecar.clone();
        sidecar.size_bytes = 1 << 60;
        sidecar.write(&made.path).unwrap();
        let file = fs::OpenOptions::new().write(true).open(&made.path).unwrap();
        if file.set_len(1 << 42).is_err() {
            return;
        }
        sidecar.size_bytes = 1 << 42;
        sidecar.write(&made.path).unwrap();
        let error = create(&world.request(false, &["config"]), &watch()).unwrap_err();
        assert!(matches!(error, Error::NoSpace { .. }), "{error}");
        assert!(error.is_retryable() && error.to_string().contains("needed"));
    }

    #[test]
    fn locks_on_a_database_that_this_process_reads_are_left_alone() {
        let world = World::new();
        let live = world.database("data/trading.db");
        live.execute_batch("PRAGMA journal_mode = WAL; INSERT INTO signals DEFAULT VALUES")
            .unwrap();
        let ledger = world.database("data/ledger.odd");
        ledger
            .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE l(x)")
            .unwrap();
        for open in [&live, &ledger] {
            let query = "BEGIN; SELECT count(*) FROM sqlite_schema";
            open.execute_batch(query).unwrap();
        }
        let inodes: Vec<String> = [
            "trading.db",
            "trading.db-shm",
            "ledger.odd",
            "ledger.odd-shm",
        ]
        .map(|name| {
            world
                .path("data")
                .join(name)
                .metadata()
                .unwrap()
                .ino()
                .to_string()
        })
        .into();
        let locks = || {
            let all = fs::read_to_string("/proc/locks").unwrap_or_default();
            let mine = format!(" {} ", std::process::id());
            let mut lines: Vec<String> = all
                .lines()
                .filter(|line| line.contains(&mine))
                .filter(|line| {
                    inodes
                        .iter()
                        .any(|inode| line.contains(&format!(":{inode} ")))
                })
                // The number in front is only a position in the list.
                .filter_map(|line| line.split_once(": ").map(|(_, rest)| rest.to_owned()))
                .collect();
            lines.sort();
            lines
        };
        let before = locks();
        assert!(before.len() >= 4, "{before:?}");
        let mut request = world.request(true, &["data", "config"]);
        request.live.push(world.path("data/ledger.odd"));
        for copy in [false, true] {
            let seams = Seams {
                copy,
                ..Seams::default()
            };
            let made = create_with(&request, &watch(), &seams).unwrap();
            assert_eq!(locks(), before);
            assert_eq!(made.sidecar.databases.len(), 2);
        }
    }

    #[test]
    fn files_that_only_have_the_name_of_a_database_are_plain_files() {
        let world = World::new();
        world.put("config/thumbs.db", &b"not a database at all. ".repeat(100));
        world.put("config/empty.db", b"");
        let made = world.archive(false, &["config"]);
        let out = extract(&made.path, &world.keys(), &world.path("out"), &watch()).unwrap();
        let bytes = fs::read(out.to.join("config/thumbs.db")).unwrap();
        assert_eq!(bytes, b"not a database at all. ".repeat(100));
        assert_eq!(fs::read(out.to.join("config/empty.db")).unwrap(), b"");
    }

    #[test]
    fn fifty_archives_of_a_log_in_motion_are_all_readable() {
        use std::io::Write as _;
        let world = World::new();
        let log = world.path("logs/app.log");
        for round in 0..50 {
            world.put("logs/app.log", &vec![b'x'; 200_000]);
            let disturb = |_: &Path| match round % 4 {
                0 => {
                    let mut file = fs::OpenOptions::new().append(true).open(&log).unwrap();
                    file.write_all(&vec![b'y'; 100_000]).unwrap();
                }
                1 => {
                    let file = fs::OpenOptions::new().write(true).open(&log).unwrap();
                    file.set_len(70_000).unwrap();
                }
                2 => files::write_atomic(&log, b"rotated").unwrap(),
                _ => files::remove(&log).unwrap(),
            };
            let nothing = |_: &Path| {};
            let listed = || {
                if round % 8 < 4 {
                    disturb(&log);
                }
            };
            let during: &dyn Fn(&Path) = if round % 8 < 4 { &nothing } else { &disturb };
            let seams = Seams {
                listed: &listed,
                opened: during,
                ..Seams::default()
            };
            let request = world.request(false, &["logs"]);
            let made = create_with(&request, &watch(), &seams).unwrap();
            let verified = verify(&made.path, Some(&world.keys()), &watch()).unwrap();
            let expected = match round % 8 {
                0 | 4 => "grew while read",
                1 => "shrank while read",
                5 => "shrank while read: the last 130000 bytes are zeros",
                2 => "replaced while read",
                3 => "vanished",
                // The old file was open already and is archived whole.
                _ => continue,
            };
            assert_eq!(
                verified.manifest.unwrap().notes[0].note,
                expected,
                "{round}"
            );
        }
    }
}
