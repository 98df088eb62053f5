//! Reading an archive's tar to its very end, as hostile input.
//!
//! Only what this program writes is accepted: files, folders and symbolic links with harmless
//! names, each name once, a manifest first and a complete one last, and every byte as that one
//! says. Hard links, devices, sparse files and extended headers are refused, not skipped.

use std::{
    collections::HashSet,
    io::{self, Read},
    path::Path,
};

use tar::EntryType;

use super::{
    Error,
    entry::{Entry, EntryKind, EntryName, Head, LONGEST_NAME},
    hash::{Sum, length},
    manifest::{FORMAT, LARGEST, MANIFEST, Manifest, Unreadable},
};
use crate::watch::Watch;

/// More entries are refused: their names must be kept until the end.
const MOST_ENTRIES: u64 = 1_000_000;

/// The most of a manifest that does not depend on the entries: databases, tables, what was skipped.
const LARGEST_FIRST: u64 = 16 << 20;

/// What happens to each entry on the way: nothing, or it is written to a folder.
pub(super) trait Sink {
    /// The first manifest was read; the entries follow.
    fn start(&mut self, manifest: &Manifest) -> Result<(), Error>;
    /// An entry begins.
    fn begin(&mut self, head: &Head) -> Result<(), Error>;
    /// Bytes of a file.
    fn data(&mut self, bytes: &[u8]) -> Result<(), Error>;
    /// The entry ends.
    fn end(&mut self, head: &Head) -> Result<(), Error>;
}

/// Only looks.
pub(super) struct Look;

impl Sink for Look {
    fn start(&mut self, _: &Manifest) -> Result<(), Error> {
        Ok(())
    }
    fn begin(&mut self, _: &Head) -> Result<(), Error> {
        Ok(())
    }
    fn data(&mut self, _: &[u8]) -> Result<(), Error> {
        Ok(())
    }
    fn end(&mut self, _: &Head) -> Result<(), Error> {
        Ok(())
    }
}

/// What a tar was found to hold.
pub(super) struct Found {
    /// Its complete manifest.
    pub(super) manifest: Manifest,
    /// Its entries; as `sha256` they have the sum that was asked for.
    entries: Vec<Entry>,
}

impl Found {
    /// Says what differs from the entries that were `listed`, with the sums that were asked for.
    pub(super) fn differs(&self, listed: impl ExactSizeIterator<Item = Entry>) -> Option<String> {
        let (found, expected) = (self.entries.len(), listed.len());
        let mut pairs = self.entries.iter().zip(listed);
        if let Some((entry, _)) = pairs.find(|(found, listed)| *found != listed) {
            return Some(format!("{:?} is not what the manifest says", entry.path));
        }
        (found != expected).then(|| format!("{found} entries instead of {expected}"))
    }
}

/// Reads the tar in `reader` to its end and checks all of it; returns the complete manifest.
///
/// `archive` is named in errors.
pub(super) fn scan<R: Read>(
    reader: R,
    archive: &Path,
    watch: &Watch,
    sink: &mut dyn Sink,
) -> Result<Manifest, Error> {
    let found = find(reader, archive, watch, sink, Sum::sha256)?;
    let what = found.differs(found.manifest.entries.iter().cloned());
    let path = archive.to_owned();
    what.map_or(Ok(found.manifest), |what| {
        Err(Error::Damaged { path, what })
    })
}

/// Like [`scan`], but computes sums of another kind, which the caller compares.
pub(super) fn find<R: Read>(
    reader: R,
    archive: &Path,
    watch: &Watch,
    sink: &mut dyn Sink,
    sum: fn() -> Sum,
) -> Result<Found, Error> {
    let mut tar = tar::Archive::new(reader);
    let mut scanner = Scanner {
        archive,
        watch,
        sink,
        sum,
        bytes: 0,
        listed: 0,
        entries: Vec::new(),
        names: HashSet::new(),
        first: None,
        last: None,
        buffer: vec![0; 128 << 10],
    };
    let mut long = Long::default();
    for raw in tar.entries().map_err(|e| scanner.io(e))?.raw(true) {
        let mut raw = raw.map_err(|e| scanner.io(e))?;
        scanner.entry(&mut raw, &mut long)?;
    }
    if long != Long::default() {
        return Err(scanner.wrong("it ends in the middle of a long name"));
    }
    scanner.drain(tar.into_inner())?;
    scanner.found()
}

/// The names of an entry that is still to come, when they did not fit its header.
#[derive(Default, PartialEq)]
struct Long {
    name: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
}

struct Scanner<'a> {
    archive: &'a Path,
    watch: &'a Watch,
    sink: &'a mut dyn Sink,
    sum: fn() -> Sum,
    bytes: u64,
    /// The most that the entries so far can take in the complete manifest.
    listed: u64,
    entries: Vec<Entry>,
    names: HashSet<EntryName>,
    first: Option<Manifest>,
    last: Option<Manifest>,
    buffer: Vec<u8>,
}

impl Scanner<'_> {
    fn wrong(&self, what: impl Into<String>) -> Error {
        Error::Damaged {
            path: self.archive.to_owned(),
            what: what.into(),
        }
    }

    /// An error with a number comes from the system, one without from a decoder: damage.
    fn io(&self, source: io::Error) -> Error {
        let path = self.archive.to_owned();
        if source.raw_os_error().is_some() {
            return Error::Read { path, source };
        }
        self.wrong(source.to_string())
    }

    fn entry<R: Read>(&mut self, raw: &mut tar::Entry<R>, long: &mut Long) -> Result<(), Error> {
        self.watch.cancel.checkpoint()?;
        if raw.header().as_gnu().is_none() {
            return Err(self.wrong("a header is not GNU tar's"));
        }
        let slot = match raw.header().entry_type() {
            EntryType::GNULongName => Some(&mut long.name),
            EntryType::GNULongLink => Some(&mut long.target),
            _ => None,
        };
        if let Some(slot) = slot {
            if slot.is_some() {
                return Err(self.wrong("two long names for one entry"));
            }
            *slot = Some(self.long_name(raw)?);
            return Ok(());
        }
        let head = self.head(raw, std::mem::take(long))?;
        if self.last.is_some() {
            return Err(self.wrong("something follows the complete manifest"));
        }
        if head.path.as_bytes() == MANIFEST.as_bytes() {
            self.manifest(&head, raw)
        } else {
            self.content(&head, raw)
        }
    }

    fn long_name<R: Read>(&self, raw: &mut R) -> Result<Vec<u8>, Error> {
        let mut name = Vec::new();
        let most = length(&[0; LONGEST_NAME]) + 2;
        raw.take(most)
            .read_to_end(&mut name)
            .map_err(|e| self.io(e))?;
        match name.pop() {
            Some(0) if name.len() <= LONGEST_NAME => Ok(name),
            _ => Err(self.wrong("a long name is broken or too long")),
        }
    }

    fn head<R: Read>(&self, raw: &tar::Entry<R>, long: Long) -> Result<Head, Error> {
        let header = raw.header();
        let kind = match header.entry_type() {
            EntryType::Regular => EntryKind::File,
            EntryType::Directory => EntryKind::Folder,
            EntryType::Symlink => EntryKind::Link,
            other => return Err(self.wrong(format!("an entry of type {other:?} is refused"))),
        };
        let mut name = long
            .name
            .unwrap_or_else(|| header.path_bytes().into_owned());
        if kind == EntryKind::Folder && name.last() == Some(&b'/') {
            name.pop();
        }
        let path = EntryName::parse(&name).map_err(|what| {
            let name = String::from_utf8_lossy(&name).into_owned();
            self.wrong(format!("the name `{name}` is refused: {what}"))
        })?;
        let short = || header.link_name_bytes().unwrap_or_default().into_owned();
        let head = Head {
            path,
            kind,
            size: raw.size(),
            mtime: header.mtime().map_err(|e| self.io(e))?,
            mode: header.mode().map_err(|e| self.io(e))? & 0o7777,
            uid: header.uid().map_err(|e| self.io(e))?,
            gid: header.gid().map_err(|e| self.io(e))?,
            target: long.target.unwrap_or_else(short),
        };
        if (kind == EntryKind::Link) == head.target.is_empty() || head.target.contains(&0) {
            return Err(self.wrong(format!("the target of {:?} is refused", head.path)));
        }
        if kind != EntryKind::File && head.size != 0 {
            return Err(self.wrong(format!("{:?} has bytes and is no file", head.path)));
        }
        Ok(head)
    }

    /// How long a manifest may be: it lists what was there before it, and what happened to it.
    fn longest_manifest(&self) -> u64 {
        let most = if self.first.is_none() {
            LARGEST_FIRST
        } else {
            LARGEST_FIRST.saturating_add(self.listed)
        };
        most.min(LARGEST)
    }

    fn manifest<R: Read>(&mut self, head: &Head, raw: &mut R) -> Result<(), Error> {
        if head.kind != EntryKind::File || head.size > self.longest_manifest() {
            return Err(self.wrong("its manifest is not a file of a sane size"));
        }
        let mut bytes = Vec::new();
        raw.read_to_end(&mut bytes).map_err(|e| self.io(e))?;
        if length(&bytes) != head.size {
            return Err(self.wrong("it ends in the middle of its manifest"));
        }
        let manifest = Manifest::from_json(&bytes).map_err(|error| match error {
            Unreadable::Newer(format) => Error::Newer {
                path: self.archive.to_owned(),
                format,
                known: FORMAT,
            },
            Unreadable::Broken(what) => self.wrong(format!("{MANIFEST}: {what}")),
        })?;
        let slot = if self.first.is_none() {
            self.sink.start(&manifest)?;
            &mut self.first
        } else {
            self.sink.begin(head)?;
            self.sink.data(&bytes)?;
            self.sink.end(head)?;
            &mut self.last
        };
        *slot = Some(manifest);
        Ok(())
    }

    fn content<R: Read>(&mut self, head: &Head, raw: &mut R) -> Result<(), Error> {
        self.admit(head)?;
        self.sink.begin(head)?;
        let mut sum = (self.sum)();
        let mut left = head.size;
        let mut buffer = std::mem::take(&mut self.buffer);
        while left > 0 {
            let read = raw.read(&mut buffer).map_err(|e| self.io(e))?;
            let bytes = buffer.get(..read).unwrap_or_default();
            left = left.saturating_sub(length(bytes));
            if bytes.is_empty() {
                return Err(self.wrong(format!("it ends in the middle of {:?}", head.path)));
            }
            sum.update(bytes);
            self.sink.data(bytes)?;
            self.watch.advance(length(bytes))?;
        }
        self.buffer = buffer;
        self.sink.end(head)?;
        let sum = match head.kind {
            EntryKind::File => sum.finish(),
            EntryKind::Folder => String::new(),
            EntryKind::Link => sum.of(&head.target),
        };
        self.entries.push(head.entry(sum));
        Ok(())
    }

    /// Refuses what no honest archive holds before a byte of it is written anywhere.
    fn admit(&mut self, head: &Head) -> Result<(), Error> {
        let Some(first) = &self.first else {
            return Err(self.wrong("it does not begin with its manifest"));
        };
        let planned = first.planned;
        self.bytes = self.bytes.saturating_add(head.size);
        // A file can be replaced by a larger one between the plan and its turn; hence the margin.
        let most = planned.bytes.saturating_mul(2).saturating_add(64 << 20);
        let count = length_of(&self.entries);
        if self.bytes > most || count >= planned.entries {
            return Err(self.wrong("it holds more than its manifest announces"));
        }
        if count >= MOST_ENTRIES {
            return Err(self.wrong(format!("it holds more than {MOST_ENTRIES} entries")));
        }
        self.listed = self.listed.saturating_add(listing(head));
        if !self.names.insert(head.path.clone()) {
            return Err(self.wrong(format!("{:?} is there twice", head.path)));
        }
        Ok(())
    }

    /// Reads what follows tar's end: check sums count only for what was read.
    fn drain<R: Read>(&mut self, mut rest: R) -> Result<(), Error> {
        const MOST: usize = 1 << 20;
        let mut seen = 0;
        loop {
            let mut buffer = std::mem::take(&mut self.buffer);
            let read = rest.read(&mut buffer).map_err(|e| self.io(e))?;
            let zeros = buffer.iter().take(read).all(|byte| *byte == 0);
            self.buffer = buffer;
            seen += read;
            if !zeros || seen > MOST {
                return Err(self.wrong("something follows its end"));
            }
            if read == 0 {
                return Ok(());
            }
        }
    }

    fn found(self) -> Result<Found, Error> {
        let path = self.archive.to_owned();
        let wrong = |what: &str| Error::Damaged {
            path,
            what: what.to_owned(),
        };
        match self.last {
            None => Err(wrong("it ends without its complete manifest")),
            Some(last) if !last.complete => Err(wrong("its last manifest is not complete")),
            Some(manifest) => Ok(Found {
                manifest,
                entries: self.entries,
            }),
        }
    }
}

/// The most that an entry can take in a manifest: itself and a note, each byte of its name escaped.
fn listing(head: &Head) -> u64 {
    length(head.path.as_bytes())
        .saturating_mul(12)
        .saturating_add(1_024)
}

fn length_of<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use tar::Header;

    use super::*;
    use crate::archive::{hash::sha256, testing};

    /// A tar of hostile making: raw headers, right check sums.
    #[derive(Default)]
    struct Forge {
        bytes: Vec<u8>,
        entries: Vec<Entry>,
    }

    impl Forge {
        fn raw(&mut self, kind: EntryType, name: &[u8], link: &[u8], size: u64, body: &[u8]) {
            let mut header = Header::new_gnu();
            header.as_old_mut().name[..name.len()].copy_from_slice(name);
            header.as_old_mut().linkname[..link.len()].copy_from_slice(link);
            header.set_entry_type(kind);
            header.set_mode(0o4644);
            header.set_uid(0);
            header.set_gid(0);
            header.set_mtime(0);
            header.set_size(size);
            header.set_cksum();
            self.bytes.extend_from_slice(header.as_bytes());
            self.bytes.extend_from_slice(body);
            let padded = self.bytes.len().next_multiple_of(512);
            self.bytes.resize(padded, 0);
        }

        fn file(&mut self, name: &str, body: &[u8]) -> &mut Self {
            self.raw(EntryType::Regular, name.as_bytes(), b"", length(body), body);
            if let Ok(path) = EntryName::parse(name.as_bytes()) {
                self.entries.push(Entry {
                    path,
                    kind: EntryKind::File,
                    size: length(body),
                    mtime: 0,
                    sha256: sha256(body),
                });
            }
            self
        }

        fn manifest(&mut self, complete: bool) -> &mut Self {
            let mut manifest = testing::manifest();
            manifest.complete = complete;
            if complete {
                manifest.entries.clone_from(&self.entries);
            }
            let json = manifest.to_json().unwrap();
            self.raw(
                EntryType::Regular,
                MANIFEST.as_bytes(),
                b"",
                length(&json),
                &json,
            );
            self
        }

        fn scan(&self) -> Result<Manifest, String> {
            let end = [self.bytes.as_slice(), &[0; 1024]].concat();
            scan_bytes(&end)
        }
    }

    fn scan_bytes(bytes: &[u8]) -> Result<Manifest, String> {
        let archive = Path::new("f");
        scan(bytes, archive, &Watch::default(), &mut Look).map_err(|error| error.to_string())
    }

    /// What is said of an archive that holds `forge`'s entries between two manifests.
    fn said(forge: impl Fn(&mut Forge)) -> String {
        let mut made = Forge::default();
        made.manifest(false);
        forge(&mut made);
        made.manifest(true);
        made.scan().unwrap_err()
    }

    #[test]
    fn an_honest_archive_is_read() {
        let mut made = Forge::default();
        made.manifest(false).file("a/b", b"hello").file("c", b"");
        made.manifest(true);
        assert_eq!(made.scan().unwrap().entries, made.entries);
    }

    #[test]
    fn names_that_leave_the_folder_are_refused() {
        for name in ["/etc/passwd", "../x", "a/../../x", "a//b", "./a"] {
            assert!(
                said(|f| _ = f.file(name, b"x")).contains("is refused"),
                "{name}"
            );
        }
    }

    #[test]
    fn everything_but_files_folders_and_links_is_refused() {
        for kind in [
            EntryType::Link,
            EntryType::Char,
            EntryType::Block,
            EntryType::Fifo,
            EntryType::GNUSparse,
            EntryType::XHeader,
            EntryType::XGlobalHeader,
            EntryType::Continuous,
        ] {
            let text = said(|f| f.raw(kind, b"x", b"y", 0, b""));
            assert!(text.contains("is refused"), "{text}");
        }
        assert!(said(|f| f.raw(EntryType::Symlink, b"x", b"", 0, b"")).contains("target"));
        assert!(said(|f| f.raw(EntryType::Directory, b"x", b"", 4, b"body")).contains("no file"));
    }

    #[test]
    fn long_names_are_bounded_and_belong_to_an_entry() {
        let long = |f: &mut Forge, size: usize| {
            let name = [vec![b'a'; size], vec![0]].concat();
            f.raw(
                EntryType::GNULongName,
                b"././@LongLink",
                b"",
                length(&name),
                &name,
            );
        };
        assert!(said(|f| long(f, LONGEST_NAME + 1)).contains("too long"));
        let twice = said(|f| {
            long(f, 200);
            long(f, 200);
        });
        assert!(twice.contains("two long names"));
        let mut made = Forge::default();
        made.manifest(false).manifest(true);
        long(&mut made, 200);
        assert!(made.scan().unwrap_err().contains("middle of a long name"));
    }

    #[test]
    fn the_manifests_must_frame_everything() {
        let mut none = Forge::default();
        none.file("a", b"x");
        assert!(
            none.scan()
                .unwrap_err()
                .contains("does not begin with its manifest")
        );
        let mut open = Forge::default();
        open.manifest(false).file("a", b"x");
        assert!(
            open.scan()
                .unwrap_err()
                .contains("without its complete manifest")
        );
        open.manifest(false);
        assert!(open.scan().unwrap_err().contains("not complete"));
        let mut more = Forge::default();
        more.manifest(false).manifest(true).file("a", b"x");
        assert!(
            more.scan()
                .unwrap_err()
                .contains("follows the complete manifest")
        );
        assert!(scan_bytes(b"").is_err());
    }

    #[test]
    fn what_the_manifest_does_not_say_is_refused() {
        let changed = said(|f| {
            f.file("a", b"x").entries[0].sha256 = sha256(b"y");
        });
        assert!(
            changed.contains("`a` is not what the manifest says"),
            "{changed}"
        );
        assert!(said(|f| _ = f.file("a", b"x").entries.pop()).contains("1 entries instead of 0"));
        assert!(said(|f| _ = f.file("a", b"x").file("a", b"x")).contains("there twice"));
        let many = said(|f| {
            f.file("a", b"")
                .file("b", b"")
                .file("c", b"")
                .file("d", b"");
        });
        assert!(many.contains("more than its manifest announces"));
        let large = said(|f| f.raw(EntryType::Regular, b"a", b"", 1 << 40, b""));
        assert!(large.contains("more than its manifest announces"));
    }

    #[test]
    fn what_follows_the_end_must_be_nothing() {
        let mut made = Forge::default();
        made.manifest(false).manifest(true);
        let good = [made.bytes.as_slice(), &[0; 10_240]].concat();
        scan_bytes(&good).unwrap();
        assert!(scan_bytes(&[&good[..], b"x"].concat()).is_err());
        assert!(scan_bytes(&[&good[..], &vec![0; 2 << 20]].concat()).is_err());
    }

    /// What lies between the reader and the verifier may be damaged by a fault in between.
    #[test]
    fn every_flipped_bit_of_a_file_is_found_by_its_crc() {
        let mut made = Forge::default();
        made.manifest(false)
            .file("a", &[7; 700])
            .file("b", b"hello");
        for entry in &mut made.entries {
            entry.sha256 = Sum::crc32().of(if entry.size == 5 { b"hello" } else { &[7; 700] });
        }
        let listed = made.entries.clone();
        made.manifest(true);
        let differs = |bytes: &[u8]| {
            let (archive, watch) = (Path::new("f"), Watch::default());
            let found = find(bytes, archive, &watch, &mut Look, Sum::crc32);
            found.map(|found| found.differs(listed.iter().cloned()))
        };
        made.bytes.resize(made.bytes.len() + 1024, 0);
        assert_eq!(differs(&made.bytes).unwrap(), None);
        let start = made.bytes.windows(700).position(|w| w == [7; 700]).unwrap();
        for at in start..start + 700 {
            let mut bad = made.bytes.clone();
            bad[at] ^= 1 << (at % 8);
            let what = differs(&bad).unwrap().unwrap();
            assert!(what.contains("`a` is not what"), "{at}: {what}");
        }
        let mut short = listed.clone();
        short.pop();
        let (archive, watch) = (Path::new("f"), Watch::default());
        let found = find(&made.bytes[..], archive, &watch, &mut Look, Sum::crc32).unwrap();
        assert!(
            found
                .differs(short.into_iter())
                .unwrap()
                .contains("2 entries instead of 1")
        );
    }
}
