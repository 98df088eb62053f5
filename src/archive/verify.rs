//! Verifying an archive on disk: its check sum without a key, every byte of it with one.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

use age::{DecryptError, Decryptor};

use super::{
    Error,
    hash::Hashing,
    keys::Identity,
    manifest::Manifest,
    scan::{self, Look, Sink},
    sidecar::Sidecar,
};
use crate::{gzip, watch::Watch};

/// What verification found to be true.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    /// The archive.
    pub path: PathBuf,
    /// Its length in bytes.
    pub size_bytes: u64,
    /// Its SHA-256 in hex.
    pub sha256: String,
    /// The complete manifest, if a key was given: all of the archive was read and agrees with it.
    pub manifest: Option<Manifest>,
}

/// Compares `path` with its sidecar and, if `identities` are given, decrypts it, unpacks it in
/// memory and compares every entry with the manifest. Progress is counted in plain bytes.
///
/// # Errors
/// [`Error::Damaged`] if anything differs, [`Error::WrongKey`] if no key opens it,
/// [`Error::Unverifiable`] without both sidecar and key, [`Error::Read`], [`Error::Cancelled`].
pub fn verify(
    path: &Path,
    identities: Option<&[Identity]>,
    watch: &Watch,
) -> Result<Verified, Error> {
    let (sidecar, sha256, size_bytes) = check_sum(path, watch)?;
    let expect = |sidecar: &Sidecar| watch.progress.expect(sidecar.plain_bytes);
    let manifest = match identities {
        Some(identities) => {
            sidecar.as_ref().map(expect);
            Some(read(path, identities, watch, &mut Look)?)
        }
        None if sidecar.is_none() => {
            let path = path.to_owned();
            return Err(Error::Unverifiable { path });
        }
        None => None,
    };
    Ok(Verified {
        path: path.to_owned(),
        size_bytes,
        sha256,
        manifest,
    })
}

/// The sidecar, if there is one, and the check sum and length of the file, which agree with it.
fn check_sum(path: &Path, watch: &Watch) -> Result<(Option<Sidecar>, String, u64), Error> {
    let read = |source| Error::Read {
        path: path.to_owned(),
        source,
    };
    let sidecar = Sidecar::read(path)?;
    let mut file = Hashing::new(File::open(path).map_err(read)?);
    let mut buffer = vec![0; 128 << 10];
    while file.read(&mut buffer).map_err(read)? > 0 {
        watch.cancel.checkpoint()?;
    }
    let (sum, size) = file.finish();
    let damaged = |what| Error::Damaged {
        path: path.to_owned(),
        what,
    };
    if let Some(sidecar) = &sidecar {
        if sidecar.size_bytes != size {
            let what = format!("it has {size} bytes instead of {}", sidecar.size_bytes);
            return Err(damaged(what));
        }
        if sidecar.sha256 != sum {
            return Err(damaged("its SHA-256 is not the one in its sidecar".into()));
        }
    }
    Ok((sidecar, sum, size))
}

/// Decrypts and unpacks all of an archive into `sink`.
pub(super) fn read(
    path: &Path,
    identities: &[Identity],
    watch: &Watch,
    sink: &mut dyn Sink,
) -> Result<Manifest, Error> {
    let io = |source: io::Error| {
        let path = path.to_owned();
        if source.raw_os_error().is_some() {
            return Error::Read { path, source };
        }
        let what = source.to_string();
        Error::Damaged { path, what }
    };
    let age = |error| match error {
        DecryptError::Io(source) => io(source),
        DecryptError::NoMatchingKeys => Error::WrongKey {
            path: path.to_owned(),
        },
        other => Error::Damaged {
            path: path.to_owned(),
            what: other.to_string(),
        },
    };
    let file = File::open(path).map_err(io)?;
    let decryptor = Decryptor::new_buffered(BufReader::new(file)).map_err(age)?;
    let identities = identities.iter().map(|identity| identity.inner() as _);
    let plain = decryptor.decrypt(identities).map_err(age)?;
    let plain = gzip::Reader::new(BufReader::with_capacity(64 << 10, plain));
    scan::scan(plain, path, watch, sink)
}

/// Like [`verify`] with a key, but everything goes to `sink` on the way.
pub(super) fn verify_into(
    path: &Path,
    identities: &[Identity],
    watch: &Watch,
    sink: &mut dyn Sink,
) -> Result<Manifest, Error> {
    let (sidecar, ..) = check_sum(path, watch)?;
    if let Some(sidecar) = sidecar {
        watch.progress.expect(sidecar.plain_bytes);
    }
    read(path, identities, watch, sink)
}
