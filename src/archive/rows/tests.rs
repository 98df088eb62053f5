//! Archives of rows: whole or not there, and readable to the last bit.

use std::{
    fs::{self, File},
    io::Write,
    sync::{Arc, atomic::AtomicUsize},
};

use rusqlite::types::ValueRef;

use super::*;
use crate::{
    archive::{
        self, Error, Sidecar, State,
        testing::{Failing, World},
    },
    clock::Clock,
    files::fault::{self, Fault},
    sqlite::{Fingerprint, Value},
};

fn request(world: &World) -> RowsRequest {
    RowsRequest {
        folder: world.path("backups"),
        job: "prune".parse().unwrap(),
        slot: "2026-11-23T03:30:00Z".parse().unwrap(),
        run_id: 7,
        host: "here".into(),
        table: "signals".into(),
        columns: vec!["id".into(), "timestamp".into(), "inputs".into()],
        key: vec![0],
        which: "timestamp before 2026-08-25".into(),
        key_file: world.path("config/backup.key"),
        recipients: world
            .keys()
            .iter()
            .map(archive::Identity::recipient)
            .collect(),
        clock: Clock::System,
    }
}

fn row(id: i64) -> Vec<Value> {
    let text = format!("2026-01-01T00:00:{:02}Z", id % 60);
    vec![
        Value::Integer(id),
        Value::Text(text.into_bytes()),
        Value::Blob(vec![u8::try_from(id % 256).unwrap(); 50]),
    ]
}

fn fill(mut writer: RowsWriter, rows: i64) -> Result<PublishedRows, Error> {
    for id in 0..rows {
        let row = row(id);
        let views: Vec<ValueRef<'_>> = row.iter().map(Value::view).collect();
        writer.add(&views)?;
    }
    writer.publish()
}

fn made(world: &World, rows: i64) -> PublishedRows {
    fill(RowsWriter::create(request(world)).unwrap(), rows).unwrap()
}

#[test]
fn all_rows_come_back_and_were_seen_on_the_way() {
    let world = World::new();
    let published = made(&world, 5_000);
    let mut back = Vec::new();
    let header = each(&published.path, &world.keys(), |_, row| {
        back.push(row);
        Ok(())
    })
    .unwrap();
    assert_eq!(header, published.sidecar.header);
    let rows: Vec<Vec<Value>> = (0..5_000).map(row).collect();
    assert_eq!(back, rows);
    let prints = rows
        .iter()
        .map(|row| Fingerprint::of(row.iter().map(Value::view)));
    assert_eq!(published.prints, prints.collect::<Vec<_>>());
    assert_eq!(check(&published.path, &world.keys()).unwrap().1, 5_000);
    assert_eq!(published.sidecar.rows, 5_000);
    let sum = archive::rows::RowsSidecar::read(&published.path)
        .unwrap()
        .unwrap();
    assert_eq!(sum, published.sidecar);
}

#[test]
fn names_are_not_taken_twice_also_not_those_of_undone_ones() {
    let world = World::new();
    let (first, second) = (made(&world, 1), made(&world, 2));
    let undone = mark_undone(&first.path).unwrap();
    assert!(undone.exists() && Sidecar::path_for(&undone).exists());
    let third = made(&world, 3);
    let found: Vec<_> = list(&world.path("backups"))
        .unwrap()
        .into_iter()
        .map(|f| f.path)
        .collect();
    assert_eq!(found, [second.path, third.path.clone()]);
    assert!(third.path.to_str().unwrap().ends_with("-3.rows.gz.age"));
    assert_eq!(was_undone(&world.path("backups")).unwrap()[0].path, undone);
    // Again is no harm.
    mark_undone(&first.path).unwrap();
}

#[test]
fn the_wrong_key_and_every_damage_are_told() {
    let world = World::new();
    let published = made(&world, 300);
    archive::generate(&world.path("config/other.key"), jiff::Timestamp::UNIX_EPOCH).unwrap();
    let other = archive::identities(&world.path("config/other.key"))
        .unwrap()
        .unwrap();
    assert!(matches!(
        check(&published.path, &other),
        Err(Error::WrongKey { .. })
    ));
    let bytes = fs::read(&published.path).unwrap();
    for at in (0..bytes.len()).step_by(97) {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        files_write(&published.path, &bad);
        assert!(
            check(&published.path, &world.keys()).is_err(),
            "bit at {at}"
        );
        files_write(&published.path, &bytes[..at]);
        assert!(
            check(&published.path, &world.keys()).is_err(),
            "cut at {at}"
        );
    }
    files_write(&published.path, &bytes);
    check(&published.path, &world.keys()).unwrap();
    let mut sidecar = published.sidecar.clone();
    sidecar.plain_sha256 = "0".repeat(64);
    let text = serde_json::to_vec(&sidecar).unwrap();
    files_write(&Sidecar::path_for(&published.path), &text);
    let error = check(&published.path, &world.keys()).unwrap_err();
    assert!(
        error.to_string().contains("not what its sidecar says"),
        "{error}"
    );
}

fn files_write(path: &std::path::Path, bytes: &[u8]) {
    crate::files::write_atomic(path, bytes).unwrap();
}

#[test]
fn a_disk_that_fills_at_any_write_leaves_nothing() {
    let world = World::new();
    let mut good = 0;
    for writes in 0.. {
        let left = Arc::new(AtomicUsize::new(writes));
        let output =
            |file: File| -> Box<dyn Write + Send> { Box::new(Failing(file, Arc::clone(&left))) };
        let result = RowsWriter::create_with(request(&world), &output)
            .and_then(|writer| fill(writer, 4_000));
        match result {
            Ok(published) => {
                check(&published.path, &world.keys()).unwrap();
                good += 1;
                break;
            }
            Err(error) => {
                assert!(error.is_retryable(), "{writes}: {error:?}");
                assert_eq!(world.published(), [""; 0], "{writes}");
            }
        }
    }
    assert_eq!(good, 1);
}

#[test]
fn a_fault_at_any_file_operation_leaves_a_whole_archive_or_none() {
    for fault in [Fault::Full, Fault::Dead] {
        let mut world = World::new();
        let operations = fault::each(
            fault,
            |_| RowsWriter::create(request(&world)).and_then(|writer| fill(writer, 50)),
            |at, result| {
                let found = list(&world.path("backups")).unwrap();
                for rows in &found {
                    assert_eq!(
                        check(&rows.path, &world.keys()).unwrap().1,
                        50,
                        "{fault:?} {at}"
                    );
                }
                if let Ok(published) = result {
                    assert!(found.iter().any(|rows| rows.path == published.path));
                }
                archive::sweep(&world.path("backups")).unwrap();
                let left = if world.path("backups").exists() {
                    world.published()
                } else {
                    Vec::new()
                };
                assert_eq!(left.len(), 2 * found.len(), "{fault:?} {at}: {left:?}");
            },
        );
        assert!(operations > 5, "{operations}");
        world = World::new();
        assert_eq!(archive::list(&world.path("backups")).unwrap().len(), 0);
    }
    assert!(State::Verified > State::Written);
}

#[test]
fn a_folder_that_is_none_of_ours_is_refused() {
    let world = World::new();
    world.put("backups", b"a file");
    let error = RowsWriter::create(request(&world)).unwrap_err();
    assert!(matches!(error, Error::NotAFolder { .. }), "{error}");
    let nobody = RowsRequest {
        recipients: Vec::new(),
        ..request(&world)
    };
    assert!(matches!(
        RowsWriter::create(nobody),
        Err(Error::NoRecipient { .. })
    ));
}
