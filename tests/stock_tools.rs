//! Archives open with nothing but stock tools, and RESTORE.txt says how.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use crate::world::{Dice, Out, Process, World, dump, integrity, need, query, text};

const JOBS: &str = "\
timezone: UTC
jobs:
  everything:
    backup: {what: [database, config, logs, data, files], to: backups/all}
";

/// A root with files of every sort, and an archive of them.
struct Made {
    world: World,
    archive: PathBuf,
}

impl Made {
    fn new() -> Self {
        let world = World::new(JOBS);
        let mut dice = Dice::new(3);
        world.write("files/empty", b"");
        world.write("files/odd", &dice.bytes(1_000_003));
        world.write("files/block", &dice.bytes(512));
        world.write("files/ü/名前 with spaces & 'quotes'.txt", b"name");
        world.write(
            &format!("files/{}/{}", "deep/".repeat(30), "x".repeat(200)),
            b"far",
        );
        world.write("files/zeros", &vec![0; 700_000]);
        symlink("odd", world.path("files/link")).unwrap();
        world.write("logs/assistant.log", &b"a line of a log\n".repeat(9_000));
        world.write("data/notes.csv", b"1,2,3\n");
        let archive = world.archive("everything");
        Self { world, archive }
    }

    /// A line of sh in the root, with the archive as F and the key as KEY.
    #[track_caller]
    fn sh(&self, line: &str) -> Out {
        sh(&self.world, &self.archive, line).code(0)
    }
}

fn sh(world: &World, archive: &Path, line: &str) -> Out {
    let mut command = Command::new("sh");
    command
        .args(["-euc", line])
        .current_dir(world.root())
        .env("F", archive)
        .env("KEY", world.key());
    Process::spawn(command).end()
}

/// Every file and link below `folder`, relative, sorted.
fn tree(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.symlink_metadata().unwrap().is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

#[track_caller]
fn same_files(a: &Path, b: &Path) {
    assert_eq!(tree(a), tree(b));
    for name in tree(a) {
        let (a, b) = (a.join(&name), b.join(&name));
        let link = |path: &Path| fs::read_link(path).ok();
        assert_eq!(link(&a), link(&b), "{}", name.display());
        assert!(
            fs::read(&a).unwrap() == fs::read(&b).unwrap(),
            "{}",
            name.display()
        );
        let modified = |path: &Path| {
            let modified = path.symlink_metadata().unwrap().modified().unwrap();
            modified
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap()
                .as_secs()
        };
        assert_eq!(modified(&a), modified(&b), "{}", name.display());
    }
}

#[test]
fn age_and_tar_give_back_the_same_bytes() {
    if !need(&["age", "tar", "gzip"]) {
        return;
    }
    let made = Made::new();
    made.sh("mkdir out; age -d -i \"$KEY\" \"$F\" | tar xz -C out");
    let (world, out) = (&made.world, made.world.path("out"));
    same_files(&world.path("files"), &out.join("files"));
    let same = |name: &str| {
        assert!(fs::read(world.path(name)).unwrap() == fs::read(out.join(name)).unwrap());
    };
    for name in [
        "jobs.yaml",
        "config/watchlist.yaml",
        "logs/assistant.log",
        "data/notes.csv",
    ] {
        same(name);
    }
    assert!(!out.join("config/backup.key").exists());
    let database = out.join("data/trading_assistant.db");
    integrity(&database);
    assert_eq!(dump(&database), dump(&world.database()));
    // The ledger, too, and no side file of either.
    integrity(&out.join("data/bellkeeper.db"));
    let data: Vec<_> = tree(&out.join("data"));
    assert!(
        data.iter().all(|name| !text(name).contains("db-")),
        "{data:?}"
    );
    // The last of the two manifests is the one that stays.
    let manifest = fs::read(out.join("MANIFEST.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["complete"], true);
    // The program's own way leads to the same.
    let own = world.restore(&made.archive, "own");
    same_files(&own.join("files"), &out.join("files"));
    assert_eq!(
        dump(&own.join("data/trading_assistant.db")),
        dump(&database)
    );
}

#[test]
fn gzip_and_bsdtar_find_nothing_wrong() {
    if !need(&["age", "gzip", "tar", "bsdtar"]) {
        return;
    }
    let made = Made::new();
    let quiet = made.sh("age -d -i \"$KEY\" \"$F\" | gzip -tv");
    assert!(quiet.stderr.contains("OK"), "{quiet:?}");
    let tar = made.sh("age -d -i \"$KEY\" \"$F\" | tar tz");
    assert_eq!(tar.stderr, "");
    let bsdtar = made.sh("age -d -i \"$KEY\" \"$F\" | LC_ALL=C.UTF-8 bsdtar tzf -");
    assert_eq!(bsdtar.stderr, "");
    assert_eq!(bsdtar.stdout.lines().count(), tar.stdout.lines().count());
    made.sh("mkdir out; age -d -i \"$KEY\" \"$F\" | LC_ALL=C.UTF-8 bsdtar xzf - -C out");
    same_files(&made.world.path("files"), &made.world.path("out/files"));
}

#[test]
fn python_reads_one_gzip_member_and_every_entry() {
    if !need(&["age", "python3"]) {
        return;
    }
    let made = Made::new();
    let script = "
import hashlib, io, json, sys, tarfile, zlib
data = sys.stdin.buffer.read()
member = zlib.decompressobj(31)
plain = member.decompress(data) + member.flush()
assert member.eof and member.unused_data == b'' and member.unconsumed_tail == b''
names = []
with tarfile.open(fileobj=io.BytesIO(data), mode='r:gz') as tar:
    last = None
    sums = {}
    for entry in tar:
        names.append(entry.name)
        if entry.isreg():
            sums[entry.name] = hashlib.sha256(tar.extractfile(entry).read()).hexdigest()
            if entry.name == 'MANIFEST.json':
                last = json.load(tar.extractfile(entry))
assert names[0] == names[-1] == 'MANIFEST.json'
assert last['complete']
for entry in last['entries']:
    if entry['path'] in sums:
        assert sums[entry['path']] == entry['sha256'], entry
assert len(sums) >= 10 and sums['files/odd']
print(len(names), len(plain))
";
    made.world.write("read.py", script.as_bytes());
    let out = made.sh("age -d -i \"$KEY\" \"$F\" | python3 read.py");
    let entries: usize = out
        .stdout
        .split_whitespace()
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let manifest = made.world.verify(&made.archive).manifest.unwrap();
    assert_eq!(entries, manifest.entries.len() + 2);
}

/// The indented lines of RESTORE.txt are run as they stand there.
#[test]
fn restore_txt_is_right_word_for_word() {
    if !need(&["age", "tar", "gzip", "sha256sum", "grep"]) {
        return;
    }
    // Once with side files beside the old database and once without.
    for side_files in [true, false] {
        let made = Made::new();
        let world = &made.world;
        let before = dump(&world.database());
        symlink(&made.archive, world.path("F")).unwrap();
        symlink(
            format!("{}.json", text(&made.archive)),
            world.path("F.json"),
        )
        .unwrap();
        symlink(world.key(), world.path("KEY")).unwrap();
        let spoil = rusqlite::Connection::open(world.database()).unwrap();
        spoil.execute_batch("DELETE FROM moves").unwrap();
        if side_files {
            // What a program that crashed leaves: a WAL with commits in it.
            for suffix in ["-wal", "-shm"] {
                let from = format!("{}{suffix}", text(&world.database()));
                fs::copy(&from, world.outside(suffix)).unwrap();
            }
            drop(spoil);
            for suffix in ["-wal", "-shm"] {
                let to = format!("{}{suffix}", text(&world.database()));
                fs::copy(world.outside(suffix), to).unwrap();
            }
        } else {
            drop(spoil);
            let left = world.names("data");
            assert!(
                !left.contains(&"trading_assistant.db-wal".to_owned()),
                "{left:?}"
            );
        }
        let restore = fs::read_to_string(world.path("backups/all/RESTORE.txt")).unwrap();
        assert!(restore.contains(text(&world.key())));
        let commands: Vec<&str> = restore
            .lines()
            .filter_map(|line| line.strip_prefix("       "))
            .map(str::trim)
            .collect();
        assert!(commands.len() >= 8, "{commands:?}");
        for command in commands {
            if command.starts_with("sqlite3 ") && !need(&["sqlite3"]) {
                continue;
            }
            let out = sh(world, &made.archive, command);
            assert_eq!(out.code, 0, "{command}: {out:?}");
            if command.starts_with("sha256sum") {
                let sum = out.stdout.split_whitespace().next().unwrap().to_owned();
                let line = sh(world, &made.archive, "grep '\"sha256\"' F.json").stdout;
                assert!(line.contains(&sum), "{line}");
            }
        }
        integrity(&world.database());
        assert_eq!(
            query::<i64>(&world.database(), "SELECT count(*) FROM moves"),
            2
        );
        assert_eq!(dump(&world.database()), before);
        assert!(world.path("OLD/trading_assistant.db").exists());
    }
}

/// age itself makes keys that work here.
#[test]
fn a_key_of_age_keygen_is_good() {
    if !need(&["age-keygen"]) {
        return;
    }
    let world = World::new("");
    let key = world.outside("made-by-age.key");
    let out = Process::spawn({
        let mut command = Command::new("age-keygen");
        command.arg("-o").arg(&key);
        command
    });
    let out = out.end().code(0);
    let public = out.stderr.split_whitespace().last().unwrap().to_owned();
    world.jobs(&format!(
        "encryption: {{recipients: [{public}]}}\njobs: {{b: {{backup: {{}}}}}}\n"
    ));
    let archive = world.archive("b");
    let to = world.outside("out");
    let args = [
        "restore",
        text(&archive),
        "--to",
        text(&to),
        "--key",
        text(&key),
    ];
    world.run(args).code(0);
    integrity(&to.join("data/trading_assistant.db"));
    // The root's own key is no recipient then.
    world.run(["backups", "verify", text(&archive)]).code(11);
    let keys = world.json(["keys", "show"]);
    assert_eq!(keys[0]["recipient"], public.as_str());
}
