//! Encrypting a stream into a file, with a copy of what comes for a reader of its own.

use std::{
    io::{self, BufRead, BufWriter, IntoInnerError, Read, Write},
    path::Path,
    sync::mpsc::{Receiver, SyncSender},
};

use age::{Encryptor, stream::StreamWriter};

use super::{Error, Recipient, hash::Hashing};

/// Chunks of compressed bytes that may wait for the reader.
pub(super) const WAITING: usize = 4;

/// Buffered, because age turns a failure to write its header into one without a number, and a full
/// disk would no longer be told from a broken program; larger writes pass the buffer by.
type Output = BufWriter<Hashing<Box<dyn Write + Send>>>;

/// Encrypts into the file and copies what comes to the reader.
pub(super) struct Tee {
    age: StreamWriter<Output>,
    copy: SyncSender<Vec<u8>>,
}

impl Tee {
    /// Begins an encrypted file; `path` is named in errors.
    pub(super) fn new(
        file: Box<dyn Write + Send>,
        recipients: &[Recipient],
        copy: SyncSender<Vec<u8>>,
        path: &Path,
    ) -> Result<Self, Error> {
        let recipients = recipients.iter().map(|recipient| recipient.inner() as _);
        let encryptor = Encryptor::with_recipients(recipients).map_err(|error| Error::Encrypt {
            path: path.to_owned(),
            what: error.to_string(),
        })?;
        let output = BufWriter::new(Hashing::new(file));
        let age = encryptor
            .wrap_output(output)
            .map_err(|source| Error::Write {
                path: path.to_owned(),
                source,
            })?;
        Ok(Self { age, copy })
    }

    /// Ends the file, lets the reader see the end, and returns the SHA-256 of the file in hex and its
    /// length.
    pub(super) fn finish(self) -> io::Result<(String, u64)> {
        let Self { age, copy } = self;
        drop(copy);
        let output = age.finish()?.into_inner();
        Ok(output.map_err(IntoInnerError::into_error)?.finish())
    }
}

impl Write for Tee {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.age.write_all(bytes)?;
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        self.copy.send(bytes.to_vec()).map_err(gone)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.age.flush()
    }
}

/// The chunks of a channel as one stream.
pub(super) struct Chunks {
    from: Receiver<Vec<u8>>,
    chunk: Vec<u8>,
    read: usize,
}

impl Chunks {
    pub(super) fn new(from: Receiver<Vec<u8>>) -> Self {
        let chunk = Vec::new();
        Self {
            from,
            chunk,
            read: 0,
        }
    }
}

impl BufRead for Chunks {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.read >= self.chunk.len() {
            let Ok(chunk) = self.from.recv() else { break };
            (self.chunk, self.read) = (chunk, 0);
        }
        Ok(self.chunk.get(self.read..).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.read = self.read.saturating_add(amount);
    }
}

impl Read for Chunks {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}
