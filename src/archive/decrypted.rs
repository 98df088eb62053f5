//! Archives that somebody else has decrypted: the `tar.gz` that `age -d` prints.

use std::{io::BufRead, path::Path};

use super::{
    Error,
    extract::{self, Extracted},
    manifest::Manifest,
    scan::Look,
    verify,
};
use crate::watch::Watch;

/// Reads a decrypted archive to its very end and compares every entry with its manifest, which is
/// returned. `name` is how errors call it.
///
/// # Errors
/// [`Error::Damaged`] if anything differs, [`Error::Read`], [`Error::Cancelled`].
pub fn verify_decrypted<R: BufRead>(
    archive: R,
    name: &Path,
    watch: &Watch,
) -> Result<Manifest, Error> {
    verify::unpack(archive, name, watch, &mut Look)
}

/// As [`super::extract`], from a decrypted archive.
///
/// # Errors
/// As [`super::extract`], but those of keys and sidecar.
pub fn extract_decrypted<R: BufRead>(
    archive: R,
    name: &Path,
    to: &Path,
    watch: &Watch,
) -> Result<Extracted, Error> {
    extract::into_folder(name, to, &|_| true, |sink| {
        verify::unpack(archive, name, watch, sink)
    })
}
