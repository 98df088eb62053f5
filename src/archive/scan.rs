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

use sha2::{Digest, Sha256};
use tar::EntryType;

use super::{
    Error,
    entry::{Entry, EntryKind, EntryName, Head, LONGEST_NAME},
    hash::{hex, length, sha256},
    manifest::{LARGEST, MANIFEST, Manifest},
};
use crate::watch::Watch;

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

/// Reads the tar in `reader` to its end and checks all of it; returns the complete manifest.
///
/// `archive` is named in errors.
pub(super) fn scan<R: Read>(
    reader: R,
    archive: &Path,
    watch: &Watch,
    sink: &mut dyn Sink,
) -> Result<Manifest, Error> {
    let mut tar = tar::Archive::new(reader);
    let mut scanner = Scanner {
        archive,
        watch,
        sink,
        bytes: 0,
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
    scanner.compare()
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
    bytes: u64,
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

    fn manifest<R: Read>(&mut self, head: &Head, raw: &mut R) -> Result<(), Error> {
        if head.kind != EntryKind::File || head.size > LARGEST {
            return Err(self.wrong("its manifest is not a file of a sane size"));
        }
        let mut bytes = Vec::new();
        raw.read_to_end(&mut bytes).map_err(|e| self.io(e))?;
        if length(&bytes) != head.size {
            return Err(self.wrong("it ends in the middle of its manifest"));
        }
        let manifest = Manifest::from_json(&bytes).map_err(|what| self.wrong(what))?;
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
        let mut sum = Sha256::new();
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
            EntryKind::File => hex(&sum.finalize()),
            EntryKind::Folder => String::new(),
            EntryKind::Link => sha256(&head.target),
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
        if self.bytes > most || length_of(&self.entries) >= planned.entries {
            return Err(self.wrong("it holds more than its manifest announces"));
        }
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

    fn compare(self) -> Result<Manifest, Error> {
        let path = self.archive.to_owned();
        let wrong = |what: String| Error::Damaged { path, what };
        let Some(last) = self.last else {
            return Err(wrong("it ends without its complete manifest".into()));
        };
        if !last.complete {
            return Err(wrong("its last manifest is not complete".into()));
        }
        if self.entries == last.entries {
            return Ok(last);
        }
        let differs = self
            .entries
            .iter()
            .zip(&last.entries)
            .find(|(found, listed)| found != listed);
        Err(wrong(match differs {
            Some((found, _)) => format!("{:?} is not what the manifest says", found.path),
            None => format!(
                "{} entries instead of {}",
                self.entries.len(),
                last.entries.len()
            ),
        }))
    }
}

fn length_of<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}
