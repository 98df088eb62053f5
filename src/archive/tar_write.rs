//! Writing tar: exactly the bytes a header announced, whatever happens to the file meanwhile.
//!
//! `tar::Builder` copies a file to its end, so a log that grows while it is read makes an archive
//! nobody can read. Here the header comes from metadata, and then follow exactly `size` bytes.

use std::io::{self, Write};

use tar::{EntryType, Header};

use super::{
    entry::{Entry, EntryKind, Head},
    hash::{Sum, length},
};

/// tar counts in blocks of this many bytes.
const BLOCK: usize = 512;

static ZEROS: [u8; 8192] = [0; 8192];

/// Writes entries to `W`; remembers what it wrote.
pub(super) struct TarWriter<W> {
    out: W,
    entries: Vec<Entry>,
    crcs: Vec<String>,
    plain: u64,
}

impl<W: Write> TarWriter<W> {
    pub(super) fn new(out: W) -> Self {
        Self {
            out,
            entries: Vec::new(),
            crcs: Vec::new(),
            plain: 0,
        }
    }

    /// What the tar is written to.
    pub(super) fn out(&mut self) -> &mut W {
        &mut self.out
    }

    /// What was written so far, in order.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The CRC-32 of each of them in hex, of the same bytes as its SHA-256.
    pub(super) fn crcs(&self) -> &[String] {
        &self.crcs
    }

    /// Bytes of listed entries written so far, without headers.
    pub(super) fn plain(&self) -> u64 {
        self.plain
    }

    /// Writes a folder or a link.
    pub(super) fn empty(&mut self, head: &Head) -> io::Result<()> {
        self.head(head)?;
        let sum = |sum: Sum| match head.kind {
            EntryKind::Link => sum.of(&head.target),
            EntryKind::File | EntryKind::Folder => String::new(),
        };
        self.entries.push(head.entry(sum(Sum::sha256())));
        self.crcs.push(sum(Sum::crc32()));
        Ok(())
    }

    /// Starts a file of exactly `head.size` bytes.
    pub(super) fn file(&mut self, head: Head) -> io::Result<FileWriter<'_, W>> {
        self.head(&head)?;
        Ok(FileWriter {
            left: head.size,
            sum: Sum::sha256(),
            crc: Sum::crc32(),
            head,
            tar: self,
        })
    }

    /// Writes a whole file that is not listed: the manifest itself.
    pub(super) fn unlisted(&mut self, head: Head, bytes: &[u8]) -> io::Result<()> {
        let plain = self.plain;
        let mut file = self.file(head)?;
        file.write(bytes)?;
        file.finish()?;
        self.entries.pop();
        self.crcs.pop();
        self.plain = plain;
        Ok(())
    }

    /// Ends the archive: two empty blocks.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&[0; 2 * BLOCK])?;
        Ok(self.out)
    }

    fn head(&mut self, head: &Head) -> io::Result<()> {
        let mut name = head.path.as_bytes().to_owned();
        if head.kind == EntryKind::Folder {
            name.push(b'/');
        }
        let mut header = Header::new_gnu();
        self.name_into(&mut header.as_old_mut().name, &name, EntryType::GNULongName)?;
        let (linkname, link) = (&mut header.as_old_mut().linkname, EntryType::GNULongLink);
        self.name_into(linkname, &head.target, link)?;
        header.set_entry_type(match head.kind {
            EntryKind::File => EntryType::Regular,
            EntryKind::Folder => EntryType::Directory,
            EntryKind::Link => EntryType::Symlink,
        });
        header.set_mode(head.mode & 0o7777);
        header.set_uid(head.uid);
        header.set_gid(head.gid);
        header.set_mtime(head.mtime);
        header.set_size(head.size);
        header.set_cksum();
        self.out.write_all(header.as_bytes())
    }

    /// Puts a name into its field; one that does not fit goes before the header, as GNU tar does.
    fn name_into(&mut self, field: &mut [u8; 100], name: &[u8], long: EntryType) -> io::Result<()> {
        for (to, from) in field.iter_mut().zip(name) {
            *to = *from;
        }
        if name.len() < field.len() {
            return Ok(());
        }
        let mut header = Header::new_gnu();
        for (to, from) in header.as_old_mut().name.iter_mut().zip(b"././@LongLink") {
            *to = *from;
        }
        header.set_entry_type(long);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(length(name) + 1);
        header.set_cksum();
        self.out.write_all(header.as_bytes())?;
        self.out.write_all(name)?;
        self.out.write_all(&[0])?;
        self.pad(length(name) + 1)
    }

    fn pad(&mut self, size: u64) -> io::Result<()> {
        let over = usize::try_from(size % 512).unwrap_or_default();
        let fill = (BLOCK - over) % BLOCK;
        self.out.write_all(ZEROS.get(..fill).unwrap_or_default())
    }
}

/// Writes the bytes of one file; what goes beyond the announced size is refused.
pub(super) struct FileWriter<'a, W> {
    tar: &'a mut TarWriter<W>,
    head: Head,
    left: u64,
    sum: Sum,
    crc: Sum,
}

impl<W: Write> FileWriter<'_, W> {
    /// Bytes still to come.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// Writes the next bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let over = || io::Error::other("more bytes than the entry announced");
        self.left = self.left.checked_sub(length(bytes)).ok_or_else(over)?;
        self.sum.update(bytes);
        self.crc.update(bytes);
        self.tar.plain += length(bytes);
        self.tar.out.write_all(bytes)
    }

    /// Ends the file; bytes that never came are zeros. Returns how many those are.
    pub(super) fn finish(mut self) -> io::Result<u64> {
        let missing = self.left;
        while self.left > 0 {
            let most = usize::try_from(self.left).unwrap_or(usize::MAX);
            self.write(ZEROS.get(..most).unwrap_or(&ZEROS))?;
        }
        self.tar.pad(self.head.size)?;
        let entry = self.head.entry(self.sum.finish());
        self.tar.entries.push(entry);
        self.tar.crcs.push(self.crc.finish());
        Ok(missing)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::archive::{entry::EntryName, hash::sha256};

    fn head(name: &[u8], kind: EntryKind, size: u64) -> Head {
        Head {
            path: EntryName::parse(name).unwrap(),
            kind,
            size,
            mtime: 1_700_000_000,
            mode: 0o640,
            uid: 5_000_000,
            gid: 7,
            target: Vec::new(),
        }
    }

    #[test]
    fn exactly_the_announced_bytes_are_written() {
        let mut tar = TarWriter::new(Vec::new());
        let mut file = tar.file(head(b"short", EntryKind::File, 10)).unwrap();
        file.write(b"1234").unwrap();
        assert_eq!(file.left(), 6);
        assert_eq!(file.finish().unwrap(), 6);
        let mut file = tar.file(head(b"long", EntryKind::File, 3)).unwrap();
        assert!(file.write(b"1234").is_err());
        drop(file);
        assert_eq!(tar.entries()[0].sha256, sha256(b"1234\0\0\0\0\0\0"));
        assert_eq!(tar.crcs(), [Sum::crc32().of(b"1234\0\0\0\0\0\0")]);
        assert_eq!(tar.plain(), 10);
    }

    #[test]
    fn the_tar_crate_reads_long_and_odd_names_and_links() {
        let long: Vec<u8> = [&b"deep/"[..]; 60].concat();
        let names: Vec<Vec<u8>> = [99, 100, 101, 250]
            .into_iter()
            .map(|n| [&long[..n - 1], b"f"].concat().replace_slashes())
            .chain([b"odd-\xff\xfe".to_vec(), [b"\xff".repeat(120)].concat()])
            .collect();
        let mut tar = TarWriter::new(Vec::new());
        for name in &names {
            let mut file = tar.file(head(name, EntryKind::File, 2)).unwrap();
            file.write(b"ok").unwrap();
            file.finish().unwrap();
            let mut link = head(&[name, &b".l"[..]].concat(), EntryKind::Link, 0);
            link.target.clone_from(name);
            tar.empty(&link).unwrap();
        }
        tar.empty(&head(b"folder", EntryKind::Folder, 0)).unwrap();
        let bytes = tar.finish().unwrap();
        assert_eq!(bytes.len() % BLOCK, 0);
        let mut archive = tar::Archive::new(&bytes[..]);
        let mut seen = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let target = entry.link_name_bytes().map(|t| t.to_vec());
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            assert_eq!(entry.header().uid().unwrap(), 5_000_000);
            seen.push((entry.path_bytes().to_vec(), target, content));
        }
        let mut expected = Vec::new();
        for name in names {
            expected.push((name.clone(), None, "ok".to_owned()));
            expected.push(([&name[..], b".l"].concat(), Some(name), String::new()));
        }
        expected.push((b"folder/".to_vec(), None, String::new()));
        assert_eq!(seen, expected);
    }

    trait ReplaceSlashes {
        fn replace_slashes(self) -> Self;
    }

    impl ReplaceSlashes for Vec<u8> {
        /// Keeps a name of cut-up folders valid: no empty part.
        fn replace_slashes(mut self) -> Self {
            for at in 1..self.len() {
                if self[at] == b'/' && self[at - 1] == b'/' {
                    self[at] = b'_';
                }
            }
            self
        }
    }
}
