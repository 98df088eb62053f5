//! Verifying an archive on disk: its check sum without a key, every byte of it with one.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
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
    unpack(BufReader::with_capacity(64 << 10, plain), path, watch, sink)
}

/// Unpacks all of a decrypted archive into `sink`; `path` is named in errors.
pub(super) fn unpack<R: BufRead>(
    plain: R,
    path: &Path,
    watch: &Watch,
    sink: &mut dyn Sink,
) -> Result<Manifest, Error> {
    scan::scan(gzip::Reader::new(plain), path, watch, sink)
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

#[cfg(test)]
mod tests {
    use std::{fs, ops::Range};

    use jiff::Timestamp;

    use super::*;
    use crate::{
        archive::{generate, identities, testing::World},
        files,
        watch::{Cancel, CancelReason},
    };

    #[test]
    fn a_good_archive_is_verified_with_and_without_its_key() {
        let world = World::new();
        let made = world.archive(true, &["config"]);
        let watch = Watch::default();
        let verified = verify(&made.path, Some(&world.keys()), &watch).unwrap();
        let manifest = verified.manifest.unwrap();
        assert!(manifest.complete);
        assert_eq!(verified.sha256, made.sidecar.sha256);
        assert_eq!(manifest.entries.len(), 3);
        let sample = watch.progress.sample();
        assert_eq!(
            (sample.done, sample.total),
            (made.sidecar.plain_bytes, sample.done)
        );
        verify(&made.path, None, &watch).unwrap();
        files::remove(&Sidecar::path_for(&made.path)).unwrap();
        verify(&made.path, Some(&world.keys()), &watch).unwrap();
        let error = verify(&made.path, None, &watch).unwrap_err();
        assert!(matches!(error, Error::Unverifiable { .. }));
    }

    #[test]
    fn a_wrong_key_is_told_apart_from_damage() {
        let world = World::new();
        let made = world.archive(false, &["config"]);
        let file = world.path("other.key");
        generate(&file, Timestamp::UNIX_EPOCH).unwrap();
        let other = identities(&file).unwrap().unwrap();
        let error = verify(&made.path, Some(&other), &Watch::default()).unwrap_err();
        assert!(matches!(error, Error::WrongKey { .. }), "{error}");
        let both = [other, world.keys()].concat();
        verify(&made.path, Some(&both), &Watch::default()).unwrap();
    }

    #[test]
    fn cancellation_is_obeyed() {
        let world = World::new();
        let made = world.archive(true, &["config"]);
        let watch = Watch {
            cancel: Cancel::default(),
            ..Watch::default()
        };
        watch.cancel.cancel(CancelReason::Operator);
        let error = verify(&made.path, Some(&world.keys()), &watch).unwrap_err();
        assert_eq!(error.cancelled(), Some(CancelReason::Operator));
    }

    struct Small {
        world: World,
        path: PathBuf,
        good: Vec<u8>,
    }

    impl Small {
        fn new() -> Self {
            let world = World::new();
            let path = world.archive(false, &["config/app.yaml"]).path;
            let good = fs::read(&path).unwrap();
            Self { world, path, good }
        }

        fn refuses(&self, bytes: &[u8], keys: Option<&[Identity]>, what: &str) {
            // A plain write: this is done thousands of times.
            #[expect(clippy::disallowed_methods, reason = "speed; a test's own file")]
            fs::write(&self.path, bytes).unwrap();
            let result = verify(&self.path, keys, &Watch::default());
            assert!(result.is_err(), "{what}");
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_refused_without_a_key() {
        let small = Small::new();
        for at in 0..small.good.len() {
            for bit in 0..8 {
                let mut bad = small.good.clone();
                bad[at] ^= 1 << bit;
                small.refuses(&bad, None, &format!("bit {bit} of byte {at}"));
            }
            small.refuses(&small.good[..at], None, &format!("cut at {at}"));
        }
        small.refuses(&[&small.good[..], b"x"].concat(), None, "a byte too many");
    }

    /// With a key and no sidecar to help: only the formats themselves can notice.
    fn with_key_only(part: Range<usize>) {
        let small = Small::new();
        files::remove(&Sidecar::path_for(&small.path)).unwrap();
        let keys = small.world.keys();
        let length = small.good.len();
        for at in (length * part.start / 4)..(length * part.end / 4) {
            let mut bad = small.good.clone();
            bad[at] ^= 1 << (at % 8);
            small.refuses(&bad, Some(&keys), &format!("byte {at}"));
            small.refuses(&small.good[..at], Some(&keys), &format!("cut at {at}"));
        }
        small.refuses(
            &[&small.good[..], b"x"].concat(),
            Some(&keys),
            "a byte too many",
        );
    }

    #[test]
    fn every_flipped_byte_and_every_cut_is_refused_with_a_key_first_half() {
        with_key_only(0..2);
    }

    #[test]
    fn every_flipped_byte_and_every_cut_is_refused_with_a_key_second_half() {
        with_key_only(2..4);
    }
}
