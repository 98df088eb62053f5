//! Reading an archive of rows to its very end.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use age::{DecryptError, Decryptor};

use super::{
    line::{self, FORMAT, Header, Trailer},
    sidecar::RowsSidecar,
};
use crate::{
    archive::{Error, Identity, hash::Hashing},
    gzip,
    sqlite::Value,
};

/// The longest line, in bytes: SQLite's longest value is a gigabyte, which hex doubles.
const LONGEST: u64 = 3 << 30;

/// What is done with a row.
pub(super) type Each<'a> = &'a mut dyn FnMut(&Header, Vec<Value>) -> Result<(), Error>;

/// What a stream of lines was found to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) header: Header,
    pub(super) rows: u64,
    /// SHA-256 of all lines in hex.
    pub(super) sha256: String,
    /// Bytes of all lines.
    pub(super) bytes: u64,
}

/// Reads all lines, hands the rows to `each`, and checks that nothing is missing or behind.
///
/// # Errors
/// What is wrong, in words, or what the system said.
pub(super) fn lines(
    plain: impl Read,
    each: Each<'_>,
    wrong: &dyn Fn(String) -> Error,
    io: &dyn Fn(io::Error) -> Error,
) -> Result<Held, Error> {
    let mut reader = BufReader::with_capacity(128 << 10, Hashing::new(plain));
    let mut text = Vec::new();
    let mut header: Option<Header> = None;
    let (mut rows, mut end) = (0, None);
    loop {
        text.clear();
        reader
            .by_ref()
            .take(LONGEST)
            .read_until(b'\n', &mut text)
            .map_err(io)?;
        if text.is_empty() {
            break;
        }
        if text.last() != Some(&b'\n') {
            return Err(wrong("it ends in the middle of a line".to_owned()));
        }
        let parse = |error: serde_json::Error| wrong(error.to_string());
        match (&header, end) {
            (_, Some(_)) => return Err(wrong("something follows its last line".to_owned())),
            (None, _) => header = Some(first(&text, wrong)?),
            (Some(header), None) if text.first() == Some(&b'[') => {
                let row = line::read(&text).map_err(wrong)?;
                if row.len() != header.columns.len() {
                    return Err(wrong(format!("row {} has {} values", rows + 1, row.len())));
                }
                rows += 1;
                each(header, row)?;
            }
            (Some(_), None) => end = Some(serde_json::from_slice::<Trailer>(&text).map_err(parse)?),
        }
    }
    let (sha256, bytes) = reader.into_inner().finish();
    match (header, end) {
        (Some(header), Some(end)) if end.rows == rows => Ok(Held {
            header,
            rows,
            sha256,
            bytes,
        }),
        (_, Some(end)) => Err(wrong(format!("it has {rows} rows instead of {}", end.rows))),
        _ => Err(wrong("it has no last line".to_owned())),
    }
}

fn first(text: &[u8], wrong: &dyn Fn(String) -> Error) -> Result<Header, Error> {
    let header: Header = serde_json::from_slice(text).map_err(|error| wrong(error.to_string()))?;
    if header.format != FORMAT {
        let format = header.format;
        return Err(wrong(format!(
            "its format is {format}, this program knows {FORMAT}"
        )));
    }
    Ok(header)
}

/// Decrypts the archive at `path` and hands every row to `each`. Call [`check`] first where nothing
/// may be done with a part of it.
///
/// # Errors
/// [`Error::Damaged`], [`Error::WrongKey`], [`Error::Read`], and whatever `each` returns.
pub fn each(
    path: &Path,
    identities: &[Identity],
    mut each: impl FnMut(&Header, Vec<Value>) -> Result<(), Error>,
) -> Result<Header, Error> {
    decrypted(path, identities, &mut each).map(|held| held.header)
}

/// Reads all of the archive and compares it with its sidecar, if it has one; returns its first line
/// and the number of rows.
///
/// # Errors
/// [`Error::Damaged`], [`Error::WrongKey`], [`Error::Sidecar`], [`Error::Read`].
pub fn check(path: &Path, identities: &[Identity]) -> Result<(Header, u64), Error> {
    let held = decrypted(path, identities, &mut |_, _| Ok(()))?;
    if let Some(sidecar) = RowsSidecar::read(path)? {
        let same = sidecar.header == held.header
            && sidecar.rows == held.rows
            && sidecar.plain_sha256 == held.sha256;
        if !same {
            return Err(damaged(path)("it is not what its sidecar says".to_owned()));
        }
    }
    Ok((held.header, held.rows))
}

fn damaged(path: &Path) -> impl Fn(String) -> Error + '_ {
    move |what| Error::Damaged {
        path: path.to_owned(),
        what,
    }
}

fn decrypted(path: &Path, identities: &[Identity], each: Each<'_>) -> Result<Held, Error> {
    let wrong = damaged(path);
    let io = |source: io::Error| {
        if source.raw_os_error().is_some() {
            let path = path.to_owned();
            return Error::Read { path, source };
        }
        wrong(source.to_string())
    };
    let age = |error| match error {
        DecryptError::Io(source) => io(source),
        DecryptError::NoMatchingKeys => Error::WrongKey {
            path: path.to_owned(),
        },
        other => wrong(other.to_string()),
    };
    let file = File::open(path).map_err(&io)?;
    let decryptor = Decryptor::new_buffered(BufReader::new(file)).map_err(age)?;
    let identities = identities.iter().map(|identity| identity.inner() as _);
    let plain = decryptor.decrypt(identities).map_err(age)?;
    let plain = gzip::Reader::new(BufReader::with_capacity(64 << 10, plain));
    lines(plain, each, &wrong, &io)
}
