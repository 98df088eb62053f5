//! Writing an archive of rows: lines → gzip → age → file, with a reader on the way.

use std::{
    fmt,
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, sync_channel},
    thread::{self, JoinHandle},
};

use jiff::Timestamp;
use rusqlite::types::ValueRef;
use sha2::{Digest, Sha256};

use super::{
    line::{self, FORMAT, Header, Trailer},
    name::RowsName,
    read::{self, Held},
    sidecar::RowsSidecar,
};
use crate::{
    archive::{
        ArchiveName, Error, Recipient, folder,
        hash::{hex, length},
        tee::{Chunks, Tee, WAITING},
    },
    clock::Clock,
    files,
    gzip::{self, Level, ParallelGzip},
    sqlite::{Fingerprint, Value},
    words::JobName,
};

/// Lines are handed over in pieces of so many bytes.
const CHUNK: usize = 64 << 10;
/// How many archives of one slot there may be.
const MOST_SERIALS: u32 = 9_999;

/// What is to be archived, where to and for whom.
#[derive(Debug, Clone)]
pub struct RowsRequest {
    /// The folder of the archives; made if it is not there.
    pub folder: PathBuf,
    /// The job.
    pub job: JobName,
    /// The slot.
    pub slot: Timestamp,
    /// The run.
    pub run_id: i64,
    /// The name of this machine.
    pub host: String,
    /// The table.
    pub table: String,
    /// The names of the values of each row.
    pub columns: Vec<String>,
    /// The positions among them that name a row.
    pub key: Vec<usize>,
    /// Which rows: in words.
    pub which: String,
    /// Where the private key would be; named in errors.
    pub key_file: PathBuf,
    /// To whom to encrypt; at least one.
    pub recipients: Vec<Recipient>,
    /// The clock.
    pub clock: Clock,
}

/// An archive of rows that is complete, was read back, and has its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedRows {
    /// Where it is.
    pub path: PathBuf,
    /// Its sidecar.
    pub sidecar: RowsSidecar,
    /// The fingerprint of each row as the reader has understood it.
    pub prints: Vec<u64>,
}

/// What the reader on the way has found.
type Seen = (Held, Vec<u64>);

/// An archive of rows that is being written; what there is of it goes away unless it is published.
pub struct RowsWriter {
    request: RowsRequest,
    partial: Partial,
    created_at: Timestamp,
    to_sync: File,
    gzip: ParallelGzip<Tee>,
    reader: Option<JoinHandle<Result<Seen, Error>>>,
    header: Header,
    lines: Vec<u8>,
    sum: Sha256,
    bytes: u64,
    rows: u64,
}

impl fmt::Debug for RowsWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "RowsWriter({}, {} rows)",
            self.partial.path.display(),
            self.rows
        )
    }
}

impl RowsWriter {
    /// Begins an archive under the first free name of the slot.
    ///
    /// # Errors
    /// [`Error::NoRecipient`], [`Error::LinkedFolder`], [`Error::NotAFolder`], [`Error::File`],
    /// [`Error::NoName`], [`Error::Write`].
    pub fn create(request: RowsRequest) -> Result<Self, Error> {
        Self::create_with(request, &|file| Box::new(file))
    }

    pub(super) fn create_with(
        request: RowsRequest,
        output: &dyn Fn(File) -> Box<dyn Write + Send>,
    ) -> Result<Self, Error> {
        if request.recipients.is_empty() {
            let key_file = request.key_file;
            return Err(Error::NoRecipient { key_file });
        }
        folder::check_is_folder(&request.folder)?;
        files::create_private_dir(&request.folder)?;
        let (partial, file) = Partial::create(&request)?;
        let write = write(&partial.path);
        let to_sync = file.try_clone().map_err(&write)?;
        let (copy, copied) = sync_channel(WAITING);
        let reader = read_back(copied, &partial.path).map_err(&write)?;
        let tee = Tee::new(output(file), &request.recipients, copy, &partial.path)?;
        let gzip = ParallelGzip::new(tee, Level::Default, 0).map_err(&write)?;
        let header = header(&request);
        let mut this = Self {
            created_at: request.clock.now(),
            header,
            request,
            to_sync,
            gzip,
            reader: Some(reader),
            lines: Vec::with_capacity(2 * CHUNK),
            sum: Sha256::new(),
            bytes: 0,
            rows: 0,
            partial,
        };
        this.json_line(&this.header.clone())?;
        Ok(this)
    }

    /// Adds a row.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn add(&mut self, values: &[ValueRef<'_>]) -> Result<(), Error> {
        line::write(values, &mut self.lines);
        self.rows += 1;
        if self.lines.len() >= CHUNK {
            self.hand_over()?;
        }
        Ok(())
    }

    fn json_line(&mut self, value: &impl serde::Serialize) -> Result<(), Error> {
        let to_io = |error: serde_json::Error| write(&self.partial.path)(error.into());
        serde_json::to_writer(&mut self.lines, value).map_err(to_io)?;
        self.lines.push(b'\n');
        Ok(())
    }

    fn hand_over(&mut self) -> Result<(), Error> {
        self.sum.update(&self.lines);
        self.bytes += length(&self.lines);
        let written = self.gzip.write_all(&self.lines);
        self.lines.clear();
        written.map_err(|source| self.trouble(source))
    }

    /// A pipe that broke is the reader's doing: it says why.
    fn trouble(&mut self, source: io::Error) -> Error {
        if source.kind() == io::ErrorKind::BrokenPipe
            && let Some(Ok(Err(error))) = self.reader.take().map(JoinHandle::join)
        {
            return read_back_error(error);
        }
        write(&self.partial.path)(source)
    }

    /// Ends the archive, syncs it, compares it with what the reader has found, and gives it its name.
    ///
    /// # Errors
    /// [`Error::Write`], [`Error::ReadBack`], [`Error::File`], [`Error::NoName`]: nothing new is left
    /// in the folder then.
    pub fn publish(mut self) -> Result<PublishedRows, Error> {
        let rows = self.rows;
        self.json_line(&Trailer { rows })?;
        self.hand_over()?;
        let Self {
            request,
            partial,
            created_at,
            to_sync,
            gzip,
            reader,
            header,
            sum,
            bytes,
            ..
        } = self;
        let write = write(&partial.path);
        let ended = gzip.finish().and_then(Tee::finish);
        let (sha256, size_bytes) = ended.map_err(&write)?;
        to_sync.sync_all().map_err(&write)?;
        let plain_sha256 = hex(&sum.finalize());
        let stopped = || partial.damaged("the reader stopped early");
        let reader = reader.ok_or_else(stopped)?;
        let seen = reader.join().map_err(|_| stopped())?;
        let (held, prints) = seen.map_err(read_back_error)?;
        let expected = Held {
            header: header.clone(),
            rows,
            sha256: plain_sha256.clone(),
            bytes,
        };
        if held != expected {
            return Err(read_back_error(
                partial.damaged("it is not what was written"),
            ));
        }
        partial.publish(
            RowsSidecar {
                header,
                archive: String::new(),
                host: request.host,
                created_at,
                finished_at: request.clock.now(),
                rows,
                plain_bytes: bytes,
                plain_sha256,
                size_bytes,
                sha256,
                recipients: request
                    .recipients
                    .iter()
                    .map(Recipient::fingerprint)
                    .collect(),
            },
            prints,
        )
    }
}

fn header(request: &RowsRequest) -> Header {
    Header {
        format: FORMAT,
        program: format!("bellkeeper {}", env!("CARGO_PKG_VERSION")),
        job: request.job.clone(),
        slot: request.slot,
        run_id: request.run_id,
        table: request.table.clone(),
        columns: request.columns.clone(),
        key: request.key.clone(),
        which: request.which.clone(),
    }
}

fn read_back_error(source: Error) -> Error {
    let source = Box::new(source);
    Error::ReadBack { source }
}

fn write(path: &Path) -> impl Fn(io::Error) -> Error + use<> {
    let path = path.to_owned();
    move |source| Error::Write {
        path: path.clone(),
        source,
    }
}

/// Unpacks what was compressed and understands it anew.
fn read_back(
    copied: Receiver<Vec<u8>>,
    path: &Path,
) -> io::Result<JoinHandle<Result<Seen, Error>>> {
    let path = path.to_owned();
    let look = move || {
        let wrong = |what: String| Error::Damaged {
            path: path.clone(),
            what,
        };
        let io = |source: io::Error| wrong(source.to_string());
        let mut prints = Vec::new();
        let mut each = |_: &Header, row: Vec<Value>| {
            prints.push(Fingerprint::of(row.iter().map(Value::view)));
            Ok(())
        };
        let plain = gzip::Reader::new(Chunks::new(copied));
        let held = read::lines(plain, &mut each, &wrong, &io)?;
        Ok((held, prints))
    };
    thread::Builder::new().name("verify".into()).spawn(look)
}

/// A file without a name yet; removed unless it gets one.
#[derive(Debug)]
struct Partial {
    path: PathBuf,
    folder: PathBuf,
    name: RowsName,
}

impl Drop for Partial {
    fn drop(&mut self) {
        // What cannot be removed now is swept at the next start.
        let _removed = files::remove(&self.path);
    }
}

impl Partial {
    fn create(request: &RowsRequest) -> Result<(Self, File), Error> {
        let mut name = RowsName(ArchiveName {
            job: request.job.clone(),
            slot: request.slot,
            serial: 1,
        });
        let folder = request.folder.clone();
        while name.0.serial <= MOST_SERIALS {
            let names = [name.to_string(), format!("{name}.json"), name.partial()];
            let undone = format!("undone/{name}");
            let taken = |file: &String| folder.join(file).symlink_metadata().is_ok();
            if !names.iter().chain([&undone]).any(taken) {
                let path = folder.join(name.partial());
                let file = files::create_private(&path)?;
                return Ok((Self { path, folder, name }, file));
            }
            name.0.serial += 1;
        }
        let name = name.to_string();
        Err(Error::NoName { name })
    }

    fn damaged(&self, what: &str) -> Error {
        Error::Damaged {
            path: self.path.clone(),
            what: what.to_owned(),
        }
    }

    /// Nobody else writes into the folder of a job, so a name that was free stays so; if it is taken
    /// all the same, this fails and nothing is replaced.
    fn publish(self, mut sidecar: RowsSidecar, prints: Vec<u64>) -> Result<PublishedRows, Error> {
        let path = self.folder.join(self.name.to_string());
        sidecar.archive = self.name.to_string();
        sidecar.write_new(&path)?;
        files::publish(&self.path, &path).inspect_err(|_| {
            // A sidecar without its archive says nothing; the first error counts. The archive may
            // have its name already when giving up the other one fails.
            if path.symlink_metadata().is_err() {
                let _removed = files::remove(&crate::archive::Sidecar::path_for(&path));
            }
        })?;
        Ok(PublishedRows {
            path,
            sidecar,
            prints,
        })
    }
}
