//! The keys for rotated logs: to whom they are encrypted, and what opens them again.

use std::{
    cell::RefCell,
    fs::File,
    io::{self, Read},
    path::Path,
};

use crate::{
    archive::{self, Identity, Recipient},
    job::Env,
    logs::{How, same_bytes},
};

/// What is known of keys.
#[derive(Debug, Default)]
pub(super) struct Keys {
    recipients: Vec<Recipient>,
    identities: Vec<Identity>,
}

impl Keys {
    /// The private keys of this root, if there are any that can be read. They are not needed.
    pub(super) fn at_hand(env: &Env) -> Self {
        let identities = archive::identities(&env.encryption.key_file);
        Self {
            recipients: Vec::new(),
            identities: identities.ok().flatten().unwrap_or_default(),
        }
    }

    /// The same, and to whom to encrypt.
    ///
    /// # Errors
    /// When there is nobody: nothing is ever written unencrypted instead.
    pub(super) fn with_recipients(self, env: &Env) -> Result<Self, archive::Error> {
        Ok(Self {
            recipients: env.encryption.resolve()?,
            ..self
        })
    }

    /// Whether an encrypted file holds the bytes of another one; `None` without its key.
    ///
    /// # Errors
    /// Those of reading; [`io::ErrorKind::InvalidData`] for a damaged file.
    pub(super) fn holds(&self, sealed: &Path, original: &Path) -> io::Result<Option<bool>> {
        match archive::unseal(sealed, &self.identities) {
            Ok(mut opened) => same_bytes(&mut File::open(original)?, &mut opened).map(Some),
            Err(archive::Error::WrongKey { .. }) => Ok(None),
            Err(archive::Error::Read { source, .. }) => Err(source),
            Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        }
    }

    /// Calls `convert` with how a file is encrypted: what was written is read back, and opened if
    /// its key is at hand.
    pub(super) fn sealing<T>(&self, convert: impl FnOnce(How<'_>) -> T) -> T {
        let sum = RefCell::new(String::new());
        let write = |from: &mut (dyn Read + Send), to: File| {
            *sum.borrow_mut() = archive::seal(from, to, &self.recipients)?;
            Ok(())
        };
        let check = |original: &mut dyn Read, sealed: &Path| {
            if archive::sha256_of(sealed)? != *sum.borrow() {
                return Ok(false);
            }
            match archive::unseal(sealed, &self.identities) {
                Ok(mut opened) => same_bytes(original, &mut opened),
                Err(archive::Error::WrongKey { .. }) => Ok(true),
                Err(archive::Error::Read { source, .. }) => Err(source),
                Err(_) => Ok(false),
            }
        };
        convert(How {
            write: &write,
            check: &check,
        })
    }
}
