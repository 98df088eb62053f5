//! Archives that were made to do harm: nothing gets out of the target, and it ends soon and small.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use bellkeeper::{
    archive::{self, Entry, EntryKind, EntryName, Error, Identity, Manifest, Planned},
    watch::Watch,
};
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};
use tar::{EntryType, Header};

use crate::world::{World, rounds, text};

/// A tar of hostile making, with a manifest that says what it is told to.
struct Forge {
    out: GzEncoder<age::stream::StreamWriter<fs::File>>,
    entries: Vec<Entry>,
    planned: Planned,
}

const GENEROUS: Planned = Planned {
    entries: u64::MAX,
    bytes: 1 << 20,
};

impl Forge {
    fn new(path: &Path, key: &Identity, planned: Planned) -> Self {
        let recipient: age::x25519::Recipient = key.recipient().to_string().parse().unwrap();
        let age = age::Encryptor::with_recipients([&recipient as _].into_iter()).unwrap();
        let file = fs::File::create(path).unwrap();
        let mut forge = Self {
            out: GzEncoder::new(age.wrap_output(file).unwrap(), Compression::fast()),
            entries: Vec::new(),
            planned,
        };
        forge.manifest(false);
        forge
    }

    fn header(&mut self, kind: EntryType, name: &[u8], link: &[u8], size: u64) {
        let mut header = Header::new_gnu();
        let old = header.as_old_mut();
        old.name[..name.len()].copy_from_slice(name);
        old.linkname[..link.len()].copy_from_slice(link);
        header.set_entry_type(kind);
        header.set_mode(0o4777);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(size);
        header.set_cksum();
        self.out.write_all(header.as_bytes()).unwrap();
    }

    fn raw(&mut self, kind: EntryType, name: &[u8], link: &[u8], body: &[u8]) {
        self.header(kind, name, link, body.len() as u64);
        self.out.write_all(body).unwrap();
        self.out
            .write_all(&vec![0; body.len().next_multiple_of(512) - body.len()])
            .unwrap();
    }

    fn listed(&mut self, name: &[u8], kind: EntryKind, body: &[u8]) {
        let Ok(path) = EntryName::parse(name) else {
            return;
        };
        let hex = |mut text: String, byte: &u8| {
            use std::fmt::Write as _;
            write!(text, "{byte:02x}").unwrap();
            text
        };
        let sha256 = if kind == EntryKind::Folder {
            String::new()
        } else {
            Sha256::digest(body).iter().fold(String::new(), hex)
        };
        let size = if kind == EntryKind::File {
            body.len() as u64
        } else {
            0
        };
        self.entries.push(Entry {
            path,
            kind,
            size,
            mtime: 0,
            sha256,
        });
    }

    fn file(&mut self, name: &str, body: &[u8]) {
        self.raw(EntryType::Regular, name.as_bytes(), b"", body);
        self.listed(name.as_bytes(), EntryKind::File, body);
    }

    fn link(&mut self, name: &str, target: &str) {
        self.raw(EntryType::Symlink, name.as_bytes(), target.as_bytes(), b"");
        self.listed(name.as_bytes(), EntryKind::Link, target.as_bytes());
    }

    /// A file whose name is longer than a header.
    fn long(&mut self, name: &str, body: &[u8]) {
        let bytes = [name.as_bytes(), b"\0"].concat();
        self.raw(EntryType::GNULongName, b"././@LongLink", b"", &bytes);
        self.raw(EntryType::Regular, b"cut", b"", body);
        self.listed(name.as_bytes(), EntryKind::File, body);
    }

    fn manifest(&mut self, complete: bool) {
        let manifest = Manifest {
            format: 1,
            program: "bellkeeper".into(),
            version: "0.1.0".into(),
            job: "backup-daily".parse().unwrap(),
            slot: jiff::Timestamp::UNIX_EPOCH,
            run_id: 1,
            trigger: "schedule".into(),
            host: "elsewhere".into(),
            created_at: jiff::Timestamp::UNIX_EPOCH,
            planned: self.planned,
            databases: Vec::new(),
            entries: if complete {
                std::mem::take(&mut self.entries)
            } else {
                Vec::new()
            },
            notes: Vec::new(),
            complete,
        };
        let json = serde_json::to_vec(&manifest).unwrap();
        self.raw(EntryType::Regular, b"MANIFEST.json", b"", &json);
    }

    /// Ends as an honest archive would.
    fn end(mut self) {
        self.manifest(true);
        self.out.write_all(&[0; 1024]).unwrap();
        self.close();
    }

    fn close(self) {
        self.out.finish().unwrap().finish().unwrap();
    }
}

struct Site {
    world: World,
    key: Identity,
}

impl Site {
    fn new() -> Self {
        let world = World::new("jobs: {b: {backup: {}}}\n");
        let key = world.identities().remove(0);
        fs::create_dir(world.outside("victim")).unwrap();
        fs::write(world.outside("victim/precious"), b"precious").unwrap();
        Self { world, key }
    }

    fn path(&self) -> PathBuf {
        self.world.outside("f.tar.gz.age")
    }

    fn forge(&self) -> Forge {
        Forge::new(&self.path(), &self.key, GENEROUS)
    }

    /// Extracts what was forged; a failure must leave nothing at all.
    fn extract(&self) -> Result<archive::Extracted, Error> {
        let to = self.world.outside("target");
        let keys = std::slice::from_ref(&self.key);
        let before = self.outside();
        let result = archive::extract(&self.path(), keys, &to, &Watch::default());
        assert_eq!(
            self.outside(),
            before,
            "something was written outside of the target"
        );
        if result.is_err() {
            assert!(!to.exists(), "the target is left");
        } else {
            fs::remove_dir_all(&to).unwrap();
        }
        result
    }

    /// Every file that is not in the target, with its content.
    fn outside(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.world.outside("")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                let kind = entry.file_type().unwrap();
                if kind.is_dir() && entry.file_name() != "target" {
                    folders.push(entry.path());
                } else if kind.is_file() {
                    found.insert(entry.path(), fs::read(entry.path()).unwrap());
                }
            }
        }
        found
    }

    #[track_caller]
    fn refuses(&self, what: &str, fill: impl FnOnce(&mut Forge)) {
        let mut forge = self.forge();
        fill(&mut forge);
        forge.end();
        match self.extract() {
            Err(Error::Damaged { .. }) => {}
            other => panic!("{what}: {other:?}"),
        }
    }
}

#[test]
fn an_honest_archive_of_this_forge_is_extracted() {
    let site = Site::new();
    let mut forge = site.forge();
    forge.file("a/b", b"hello");
    forge.link("a/l", "b");
    forge.long(&format!("{}/x", "n".repeat(200)), b"long");
    forge.end();
    assert_eq!(site.extract().unwrap().manifest.entries.len(), 3);
}

#[test]
fn names_that_lead_out_are_refused_in_every_spelling() {
    let site = Site::new();
    let victim = site.world.outside("victim/new");
    let absolute = text(&victim);
    for name in [
        "../victim/new",
        "a/../../victim/new",
        "..",
        ".",
        "a/./b",
        "a//b",
        "/",
        absolute,
    ] {
        site.refuses(name, |forge| {
            forge.file(&name.chars().take(99).collect::<String>(), b"evil");
        });
        site.refuses(name, |forge| forge.long(name, b"evil"));
        let record = format!("path={name}\n");
        let length = record.len() + 3;
        site.refuses("pax", |forge| {
            let pax = format!("{length} {record}");
            forge.raw(EntryType::XHeader, b"PaxHeaders/x", b"", pax.as_bytes());
            forge.file("x", b"evil");
        });
        site.refuses("global pax", |forge| {
            let pax = format!("{length} {record}");
            forge.raw(
                EntryType::XGlobalHeader,
                b"pax_global_header",
                b"",
                pax.as_bytes(),
            );
            forge.file("x", b"evil");
        });
    }
}

#[test]
fn nothing_is_written_through_a_link() {
    let site = Site::new();
    let victim = site.world.outside("victim");
    let target = text(&victim);
    site.refuses("link, then a file in it", |forge| {
        forge.link("a", target);
        forge.file("a/precious", b"evil");
    });
    site.refuses("file, then a link in its folder's place", |forge| {
        forge.file("a/precious", b"evil");
        forge.link("a", target);
    });
    site.refuses("link to a file, then the file", |forge| {
        forge.link("p", &format!("{target}/precious"));
        forge.file("p", b"evil");
    });
    site.refuses("a chain of links", |forge| {
        forge.link("a", "..");
        forge.link("a/victim", "x");
        forge.file("a/victim/precious", b"evil");
    });
    site.refuses("a folder in a link's place", |forge| {
        forge.link("a", target);
        forge.raw(EntryType::Directory, b"a", b"", b"");
        forge.file("a/new", b"evil");
    });
    // A link alone is only a link.
    let mut forge = site.forge();
    forge.link("a", target);
    forge.end();
    site.extract().unwrap();
}

#[test]
fn hard_links_devices_and_odd_entries_are_refused() {
    let site = Site::new();
    let precious = site.world.outside("victim/precious");
    let target = text(&precious);
    site.refuses("hard link", |forge| {
        forge.raw(EntryType::Link, b"p", target.as_bytes(), b"");
        forge.file("p", b"evil");
    });
    for kind in [
        EntryType::Char,
        EntryType::Block,
        EntryType::Fifo,
        EntryType::Continuous,
        EntryType::GNUSparse,
        EntryType::new(b'M'),
        EntryType::new(b'V'),
        EntryType::new(0x80),
    ] {
        site.refuses(&format!("{kind:?}"), |forge| {
            forge.raw(kind, b"x", b"", b"");
        });
    }
}

#[test]
fn one_name_twice_is_refused() {
    let site = Site::new();
    site.refuses("files", |forge| {
        forge.file("a", b"good");
        forge.file("a", b"evil");
    });
    site.refuses("a file where a folder is", |forge| {
        forge.file("a/b", b"good");
        forge.file("a", b"evil");
    });
    site.refuses("a file in a file", |forge| {
        forge.file("a", b"good");
        forge.file("a/b", b"evil");
    });
    site.refuses("a second manifest", |forge| {
        forge.manifest(true);
        forge.file("a", b"evil");
    });
}

#[test]
fn sizes_that_lie_are_refused_soon() {
    let site = Site::new();
    let start = Instant::now();
    for size in [513, 1 << 20, 1 << 33, 1 << 62, u64::MAX] {
        let mut forge = site.forge();
        forge.header(EntryType::Regular, b"a", b"", size);
        forge.out.write_all(&[7; 512]).unwrap();
        forge.close();
        assert!(
            matches!(site.extract(), Err(Error::Damaged { .. })),
            "{size}"
        );
        let mut forge = site.forge();
        forge.header(EntryType::Regular, b"MANIFEST.json", b"", size);
        forge.close();
        assert!(site.extract().is_err(), "{size}");
        for kind in [
            EntryType::GNULongName,
            EntryType::GNULongLink,
            EntryType::XHeader,
        ] {
            let mut forge = site.forge();
            forge.header(kind, b"x", b"", size);
            forge.out.write_all(&[b'a'; 8192]).unwrap();
            forge.close();
            assert!(site.extract().is_err(), "{kind:?} {size}");
        }
    }
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn deep_folders_and_long_names_end_well_or_are_refused() {
    let site = Site::new();
    // As deep as a path can be.
    let deep = vec!["d"; 1_900].join("/");
    let mut forge = site.forge();
    forge.long(&deep, b"x");
    forge.end();
    match site.extract() {
        Ok(_) | Err(Error::Write { .. } | Error::File(_)) => {}
        other => panic!("{other:?}"),
    }
    site.refuses("longer than a path", |forge| {
        forge.long(&"d/".repeat(2_100), b"x");
    });
    let mut forge = site.forge();
    forge.long(&"n".repeat(300), b"x");
    forge.end();
    assert!(site.extract().is_err(), "no filesystem has such names");
}

/// Runs `restore` with so little memory that only a reader that keeps nothing can end.
fn restore_in(site: &Site, kilobytes: u32) -> (std::process::Output, Duration) {
    let to = site.world.outside("target");
    let command = site
        .world
        .command(["restore", text(&site.path()), "--to", text(&to)]);
    let args: Vec<_> = command
        .get_args()
        .map(|arg| arg.to_str().unwrap())
        .collect();
    let start = Instant::now();
    let output = std::process::Command::new("sh")
        .args(["-c", &format!("ulimit -v {kilobytes}; exec \"$0\" \"$@\"")])
        .arg(command.get_program())
        .args(args)
        .current_dir(site.world.root())
        .output()
        .unwrap();
    (output, start.elapsed())
}

/// What a small archive needs, threads and all, and room to spare.
const LITTLE: u32 = 400_000;

#[test]
fn bombs_are_refused_with_little_memory_and_in_little_time() {
    let site = Site::new();
    let zeros = vec![0; 1 << 20];
    let megabytes = rounds(2_048, 512);
    // An entry that unpacks to more than was announced.
    let mut forge = site.forge();
    forge.header(EntryType::Regular, b"bomb", b"", (megabytes as u64) << 20);
    for _ in 0..megabytes {
        forge.out.write_all(&zeros).unwrap();
    }
    forge.end();
    let length = fs::metadata(site.path()).unwrap().len();
    assert!(length < (megabytes as u64) << 14, "no bomb: {length}");
    let (output, took) = restore_in(&site, LITTLE);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("more than its manifest announces"), "{told}");
    assert!(took < Duration::from_secs(20), "{took:?}");
    assert!(!site.world.outside("target").exists());
    // A manifest that is one, first and last.
    for honest in [false, true] {
        let mut forge = site.forge();
        if honest {
            forge.file("a", b"x");
        }
        forge.header(EntryType::Regular, b"MANIFEST.json", b"", 256 << 20);
        for _ in 0..256 {
            forge.out.write_all(&zeros).unwrap();
        }
        forge.close();
        let (output, took) = restore_in(&site, LITTLE);
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(
            told.contains("manifest is not a file of a sane size"),
            "{told}"
        );
        assert!(took < Duration::from_secs(20), "{took:?}");
    }
    // What follows the end.
    let mut forge = site.forge();
    forge.manifest(true);
    for _ in 0..megabytes {
        forge.out.write_all(&zeros).unwrap();
    }
    forge.close();
    let (output, took) = restore_in(&site, LITTLE);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("follows its end"), "{told}");
    assert!(took < Duration::from_secs(20), "{took:?}");
}

#[test]
fn a_hundred_thousand_entries_are_extracted_with_little_memory() {
    let count = rounds(100_000, 4_000);
    let site = Site::new();
    let mut forge = site.forge();
    for number in 0..count {
        forge.file(&format!("d{}/{number}", number % 100), b"");
    }
    forge.end();
    let (output, took) = restore_in(&site, LITTLE);
    assert!(output.status.success(), "{output:?}");
    assert!(took < Duration::from_mins(5), "{took:?}");
    let mut told = String::new();
    let manifest = site.world.outside("target/MANIFEST.json");
    fs::File::open(manifest)
        .unwrap()
        .read_to_string(&mut told)
        .unwrap();
    assert_eq!(told.matches("\"path\"").count(), count);
}
