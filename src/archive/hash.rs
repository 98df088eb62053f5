//! Sums on the way: of what is written and what is read.

use std::{
    io::{self, Read, Write},
    path::Path,
};

use crc32fast::Hasher;
use sha2::{Digest, Sha256};

/// Hashes and counts what passes through to or from `T`.
pub(super) struct Hashing<T> {
    inner: T,
    sum: Sha256,
    bytes: u64,
}

impl<T> Hashing<T> {
    pub(super) fn new(inner: T) -> Self {
        let sum = Sha256::new();
        Self {
            inner,
            sum,
            bytes: 0,
        }
    }

    /// The SHA-256 in hex, as `sha256sum` prints it, and the number of bytes.
    pub(super) fn finish(self) -> (String, u64) {
        (hex(&self.sum.finalize()), self.bytes)
    }

    fn count(&mut self, bytes: &[u8]) {
        self.sum.update(bytes);
        self.bytes += length(bytes);
    }
}

impl<T: Write> Write for Hashing<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.count(bytes.get(..written).unwrap_or(bytes));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<T: Read> Read for Hashing<T> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.count(into.get(..read).unwrap_or_default());
        Ok(read)
    }
}

/// The SHA-256 of a plain file in hex, as a manifest lists it. Not for databases that this process has
/// open; a link that took the file's place is not followed.
///
/// # Errors
/// What the system said.
pub fn sum_of_file(path: &Path) -> io::Result<String> {
    let mut file = Hashing::new(crate::files::open_plain(path)?);
    io::copy(&mut file, &mut io::sink())?;
    Ok(file.finish().0)
}

/// What is computed of an entry's bytes, to be compared with what was computed elsewhere.
pub(super) enum Sum {
    /// What the manifest lists: for bytes that come from a disk.
    Sha256(Box<Sha256>),
    /// For bytes that never left this process and so can differ only by a fault: CRC-32 finds
    /// those at a tenth of the cost.
    Crc32(Hasher),
}

impl Sum {
    pub(super) fn sha256() -> Self {
        Self::Sha256(Box::default())
    }

    pub(super) fn crc32() -> Self {
        Self::Crc32(Hasher::new())
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(sum) => sum.update(bytes),
            Self::Crc32(sum) => sum.update(bytes),
        }
    }

    /// The sum in hex.
    pub(super) fn finish(self) -> String {
        match self {
            Self::Sha256(sum) => hex(&sum.finalize()),
            Self::Crc32(sum) => hex(&sum.finalize().to_be_bytes()),
        }
    }

    /// The sum of `bytes` alone in hex.
    pub(super) fn of(mut self, bytes: &[u8]) -> String {
        self.update(bytes);
        self.finish()
    }
}

/// Bytes as lowercase hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _written = write!(text, "{byte:02x}");
        text
    })
}

/// The SHA-256 of `bytes` in hex.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The number of bytes as archives count them.
pub(super) fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_reading_and_hashing_at_once_agree_with_sha256sum() {
        let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let mut written = Hashing::new(Vec::new());
        written.write_all(b"abc").unwrap();
        let mut read = Hashing::new(&b"abc"[..]);
        io::copy(&mut read, &mut io::sink()).unwrap();
        assert_eq!(written.finish(), (sum.to_owned(), 3));
        assert_eq!(read.finish(), (sum.to_owned(), 3));
        assert_eq!(sha256(b"abc"), sum);
        assert_eq!(Sum::sha256().of(b"abc"), sum);
        assert_eq!(Sum::crc32().of(b"123456789"), "cbf43926");
    }
}
