//! Damaged archives are refused, whatever byte it is.

use std::{
    fs,
    path::{Path, PathBuf},
};

use bellkeeper::{
    archive::{self, Identity},
    watch::Watch,
};

use crate::world::{Dice, World, text};

const JOBS: &str = "jobs: {small: {backup: {what: [note.txt]}}}\n";

struct Small {
    world: World,
    archive: PathBuf,
    bytes: Vec<u8>,
    identities: Vec<Identity>,
}

impl Small {
    fn new() -> Self {
        let world = World::new(JOBS);
        world.write("note.txt", b"a small thing to archive");
        let archive = world.archive("small");
        let bytes = fs::read(&archive).unwrap();
        let identities = world.identities();
        Self {
            world,
            archive,
            bytes,
            identities,
        }
    }

    /// Whether verification passes once the archive has these bytes.
    fn passes(&self, bytes: &[u8], identities: Option<&[Identity]>) -> bool {
        fs::write(&self.archive, bytes).unwrap();
        archive::verify(&self.archive, identities, &Watch::default()).is_ok()
    }

    fn without_sidecar(self) -> Self {
        let sidecar = format!("{}.json", text(&self.archive));
        fs::remove_file(sidecar).unwrap();
        self
    }
}

fn flipped(bytes: &[u8], at: usize, bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1 << (bit % 8);
    bytes
}

#[test]
fn a_flipped_bit_at_any_position_is_refused() {
    let small = Small::new();
    assert!(small.passes(&small.bytes, None));
    assert!(small.passes(&small.bytes, Some(&small.identities)));
    for at in 0..small.bytes.len() {
        let bytes = flipped(&small.bytes, at, at);
        assert!(!small.passes(&bytes, None), "byte {at}");
        assert!(!small.passes(&bytes, Some(&small.identities)), "byte {at}");
    }
    assert!(small.passes(&small.bytes, None));
}

/// Nothing but the archive and the key: the format itself notices.
#[test]
fn a_flipped_bit_is_refused_without_the_sidecar() {
    let small = Small::new().without_sidecar();
    assert!(small.passes(&small.bytes, Some(&small.identities)));
    for at in 0..small.bytes.len() {
        let bytes = flipped(&small.bytes, at, at);
        assert!(!small.passes(&bytes, Some(&small.identities)), "byte {at}");
    }
}

#[test]
fn every_truncation_is_refused() {
    let small = Small::new();
    for length in 0..small.bytes.len() {
        let bytes = &small.bytes[..length];
        assert!(!small.passes(bytes, None), "{length} bytes");
        assert!(
            !small.passes(bytes, Some(&small.identities)),
            "{length} bytes"
        );
    }
    let longer = [small.bytes.as_slice(), b"\0"].concat();
    assert!(!small.passes(&longer, None));
    let small = small.without_sidecar();
    for length in 0..small.bytes.len() {
        let bytes = &small.bytes[..length];
        assert!(
            !small.passes(bytes, Some(&small.identities)),
            "{length} bytes"
        );
    }
    assert!(!small.passes(&longer, Some(&small.identities)));
}

#[test]
fn the_command_refuses_them_too() {
    let small = Small::new();
    let (key, away) = (small.world.key(), small.world.outside("backup.key"));
    let verify = || small.world.run(["backups", "verify", text(&small.archive)]);
    verify().code(0).says("as written");
    let mut dice = Dice::new(5);
    let length = small.bytes.len();
    for round in 0..10 {
        let at = usize::try_from(dice.below(length as u64)).unwrap();
        let bytes = if round % 2 == 0 {
            flipped(&small.bytes, at, round)
        } else {
            small.bytes[..at].to_vec()
        };
        fs::write(&small.archive, bytes).unwrap();
        // With the key of the root, and with none.
        if round == 5 {
            fs::rename(&key, &away).unwrap();
        }
        let out = verify().code(1).says("damaged").says(text(&small.archive));
        assert!(out.stderr.contains("help: "), "{out:?}");
    }
}

#[test]
fn restore_refuses_a_damaged_archive_and_leaves_nothing_to_trust() {
    let small = Small::new();
    let at = small.bytes.len() - 20;
    fs::write(&small.archive, flipped(&small.bytes, at, 3)).unwrap();
    let to = small.world.outside("restored");
    let args = ["restore", text(&small.archive), "--to", text(&to)];
    small.world.run(args).code(1).says("damaged");
    let left = fs::read_dir(&to).into_iter().flatten().count();
    assert_eq!(left, 0, "half of an archive was left in place");
}

#[test]
fn another_key_is_told_apart_from_damage() {
    let small = Small::new();
    let other = small.world.outside("other.key");
    archive::generate(&other, jiff::Timestamp::UNIX_EPOCH).unwrap();
    let archive = text(&small.archive);
    let args = ["backups", "verify", archive, "--key", text(&other)];
    small
        .world
        .run(args)
        .code(11)
        .says("no private key at hand");
    let to = small.world.outside("restored");
    let args = ["restore", archive, "--to", text(&to), "--key", text(&other)];
    small.world.run(args).code(11);
    let args = [
        "restore",
        archive,
        "--to",
        text(&to),
        "--key",
        "missing.key",
    ];
    small.world.run(args).code(11).says("help: ");
}

#[test]
fn a_damaged_archive_is_listed_as_such_and_decides_nothing() {
    let world = World::new("jobs: {b: {backup: {keep: {last: 1}}}}\n");
    let good = world.archive("b");
    let copy = world.path("backups/b/b-20200101T000000Z.tar.gz.age");
    fs::copy(&good, &copy).unwrap();
    let list = world.json(["backups", "list"]);
    let state = |path: &Path| {
        let mut rows = list.iter();
        let row = rows.find(|row| row["path"] == text(path)).unwrap();
        (
            row["state"].as_str().unwrap(),
            row["keep"].as_bool().unwrap(),
        )
    };
    assert_eq!(state(&good), ("verified", true));
    assert_eq!(state(&copy).0, "written");
}
