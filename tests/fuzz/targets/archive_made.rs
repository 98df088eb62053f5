//! An archive whose frame is right and whose entries are hostile.

use bellkeeper::archive::{Entry, EntryKind, EntryName, Manifest, Planned};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tar::{EntryType, Header};

use super::{sandbox::Sandbox, tape::Tape};

const TYPES: [EntryType; 14] = [
    EntryType::Regular,
    EntryType::Directory,
    EntryType::Symlink,
    EntryType::Regular,
    EntryType::Directory,
    EntryType::Symlink,
    EntryType::Link,
    EntryType::Char,
    EntryType::Block,
    EntryType::Fifo,
    EntryType::Continuous,
    EntryType::GNUSparse,
    EntryType::XHeader,
    EntryType::XGlobalHeader,
];

const NAMES: [&[u8]; 20] = [
    b"a",
    b"b",
    b"a/b",
    b"a/b/c",
    b"a/../b",
    b"..",
    b"../file",
    b"../outside/file",
    b"/tmp/x",
    b"./a",
    b"a/",
    b"a//b",
    b"",
    b"\xff\xfe",
    b"MANIFEST.json",
    b"MANIFEST.json/a",
    b"l",
    b"l/file",
    b"l/new",
    b"to/../../file",
];

const TARGETS: [&[u8]; 8] = [
    b"../outside",
    b"../file",
    b"..",
    b".",
    b"a",
    b"/",
    b"",
    b"l",
];

/// The bytes decide about entries; the manifests around them fit, unless the bytes say otherwise.
pub fn archive_made(data: &[u8]) -> bool {
    let sandbox = Sandbox::new();
    let mut made = Made {
        tape: Tape(data),
        tar: Vec::new(),
        entries: Vec::new(),
        outside: sandbox.outside().into_os_string().into_encoded_bytes(),
    };
    let lie = made.tape.byte();
    let mut body = Vec::new();
    while !made.tape.is_over() && made.entries.len() < 64 {
        made.entry();
    }
    body.append(&mut made.tar);
    let mut manifest = manifest(&made.entries);
    match lie {
        1 => manifest.planned.entries = 0,
        2 => manifest.planned.bytes = u64::MAX,
        3 => manifest.planned.entries = u64::MAX,
        _ => {}
    }
    made.manifest(&manifest);
    made.tar.append(&mut body);
    manifest.entries.clone_from(&made.entries);
    manifest.complete = lie != 4;
    made.manifest(&manifest);
    made.tar.resize(made.tar.len() + 1_024, 0);
    sandbox.extract(&made.tar)
}

struct Made<'a> {
    tape: Tape<'a>,
    tar: Vec<u8>,
    entries: Vec<Entry>,
    outside: Vec<u8>,
}

impl Made<'_> {
    fn entry(&mut self) {
        let kind = self.tape.one_of(&TYPES);
        let name = self.words(&NAMES);
        let target = match kind {
            EntryType::Symlink | EntryType::Link => self.words(&TARGETS),
            _ => Vec::new(),
        };
        let length = match kind {
            EntryType::Regular => self.tape.below(40),
            _ => 0,
        };
        let body = self.tape.bytes(length).to_vec();
        let claimed = match self.tape.byte() {
            1 => u64::MAX >> 1,
            2 => body.len() as u64 + 1,
            3 => 0,
            _ => body.len() as u64,
        };
        let mode = u32::from(self.tape.byte()) << 4 | 0o7;
        if name.len() > 100 || self.tape.byte() == 1 {
            self.long(EntryType::GNULongName, &name);
        }
        self.raw(kind, &name, &target, claimed, &body, mode);
        self.list(kind, &name, &target, &body);
    }

    /// A word of the list, one made up, or the folder outside.
    fn words(&mut self, known: &[&[u8]]) -> Vec<u8> {
        match self.tape.byte() {
            0xfd => self.outside.clone(),
            0xfe => b"a/".repeat(1 + self.tape.below(200)),
            0xff => {
                let length = self.tape.below(24);
                self.tape.bytes(length).to_vec()
            }
            byte => known[usize::from(byte) % known.len()].to_vec(),
        }
    }

    fn list(&mut self, kind: EntryType, name: &[u8], target: &[u8], body: &[u8]) {
        let Ok(path) = EntryName::parse(name) else {
            return;
        };
        let sum = |bytes: &[u8]| {
            let sum = Sha256::digest(bytes);
            sum.iter()
                .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
        };
        let (kind, sha256) = match kind {
            EntryType::Directory => (EntryKind::Folder, String::new()),
            EntryType::Symlink => (EntryKind::Link, sum(target)),
            _ => (EntryKind::File, sum(body)),
        };
        self.entries.push(Entry {
            path,
            kind,
            size: body.len() as u64,
            mtime: 0,
            sha256,
        });
    }

    fn manifest(&mut self, manifest: &Manifest) {
        let json = manifest.to_json().unwrap();
        let length = json.len() as u64;
        self.raw(
            EntryType::Regular,
            b"MANIFEST.json",
            b"",
            length,
            &json,
            0o600,
        );
    }

    fn long(&mut self, kind: EntryType, name: &[u8]) {
        let name = [name, b"\0"].concat();
        self.raw(kind, b"././@LongLink", b"", name.len() as u64, &name, 0o600);
    }

    fn raw(
        &mut self,
        kind: EntryType,
        name: &[u8],
        link: &[u8],
        size: u64,
        body: &[u8],
        mode: u32,
    ) {
        let mut header = Header::new_gnu();
        let (old, short) = (header.as_old_mut(), |name: &[u8]| name.len().min(100));
        old.name[..short(name)].copy_from_slice(&name[..short(name)]);
        old.linkname[..short(link)].copy_from_slice(&link[..short(link)]);
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(size);
        header.set_cksum();
        self.tar.extend(header.as_bytes());
        self.tar.extend(body);
        self.tar.resize(self.tar.len().next_multiple_of(512), 0);
    }
}

fn manifest(entries: &[Entry]) -> Manifest {
    Manifest {
        format: bellkeeper::archive::FORMAT,
        program: "bellkeeper".into(),
        version: "0".into(),
        job: "j".parse().unwrap(),
        slot: Timestamp::UNIX_EPOCH,
        run_id: 1,
        trigger: "manual".into(),
        host: "h".into(),
        created_at: Timestamp::UNIX_EPOCH,
        planned: Planned {
            entries: entries.len() as u64,
            bytes: entries.iter().map(|entry| entry.size).sum(),
        },
        databases: Vec::new(),
        entries: Vec::new(),
        notes: Vec::new(),
        complete: false,
    }
}
