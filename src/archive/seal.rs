//! Single files encrypted like archives, for rotated logs: what `age -d -i KEY F` opens.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read},
    path::Path,
};

use age::{DecryptError, Decryptor, Encryptor};

use super::{Error, Identity, Recipient, hash::Hashing};
use crate::files::open_plain;

/// Encrypts what is read into `to` and returns the SHA-256 of what was written, in hex.
///
/// # Errors
/// Those of reading and writing; when there is no recipient.
pub fn seal(from: &mut dyn Read, to: File, recipients: &[Recipient]) -> io::Result<String> {
    let all = recipients.iter().map(|recipient| recipient.inner() as _);
    let encryptor = Encryptor::with_recipients(all).map_err(io::Error::other)?;
    // Buffered, or a full disk under the header would no longer be told as one.
    let output = BufWriter::new(Hashing::new(to));
    let mut age = encryptor.wrap_output(output)?;
    io::copy(from, &mut age)?;
    let output = age.finish()?.into_inner();
    let (sum, _) = output.map_err(io::IntoInnerError::into_error)?.finish();
    Ok(sum)
}

/// Opens a file that [`seal`] has written. What is read counts only once it was read to its end.
///
/// # Errors
/// [`Error::Read`]; [`Error::WrongKey`] if none of the keys opens it; [`Error::Damaged`].
pub fn unseal(path: &Path, identities: &[Identity]) -> Result<impl Read + use<>, Error> {
    let damaged = |what: String| Error::Damaged {
        path: path.to_owned(),
        what,
    };
    let read = |source: io::Error| match source.raw_os_error() {
        Some(_) => Error::Read {
            path: path.to_owned(),
            source,
        },
        None => damaged(source.to_string()),
    };
    let age = |error| match error {
        DecryptError::Io(source) => read(source),
        DecryptError::NoMatchingKeys => Error::WrongKey {
            path: path.to_owned(),
        },
        other => damaged(other.to_string()),
    };
    let file = open_plain(path).map_err(read)?;
    let decryptor = Decryptor::new_buffered(BufReader::new(file)).map_err(age)?;
    let identities = identities.iter().map(|identity| identity.inner() as _);
    decryptor.decrypt(identities).map_err(age)
}

/// The SHA-256 of a file in hex.
///
/// # Errors
/// Those of reading.
pub fn sha256_of(path: &Path) -> io::Result<String> {
    let mut file = Hashing::new(open_plain(path)?);
    io::copy(&mut file, &mut io::sink())?;
    Ok(file.finish().0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::generate;

    #[test]
    fn what_is_sealed_is_opened_with_its_key_alone() {
        let root = tempfile::tempdir().unwrap();
        let key = |name: &str| {
            let file = root.path().join(name);
            let recipient = generate(&file, jiff::Timestamp::UNIX_EPOCH).unwrap();
            (recipient, super::super::identities(&file).unwrap().unwrap())
        };
        let ((recipient, own), (_, others)) = (key("own"), key("other"));
        let path = root.path().join("f");
        let text = vec![7; 200_000];
        let to = File::create(&path).unwrap();
        let sum = seal(&mut &text[..], to, &[recipient]).unwrap();
        assert_eq!(sha256_of(&path).unwrap(), sum);
        let mut read = Vec::new();
        unseal(&path, &own).unwrap().read_to_end(&mut read).unwrap();
        assert_eq!(read, text);
        let wrong = unseal(&path, &others).err().unwrap();
        assert!(matches!(wrong, Error::WrongKey { .. }));
        let file = File::options().write(true).open(&path).unwrap();
        file.set_len(150_000).unwrap();
        let cut = unseal(&path, &own).unwrap().read_to_end(&mut read);
        assert!(cut.is_err());
        file.set_len(10).unwrap();
        let none = unseal(&path, &own).err().unwrap();
        assert!(matches!(none, Error::Damaged { .. }), "{none:?}");
    }

    #[test]
    fn without_a_recipient_nothing_is_written() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let sealed = seal(&mut &b"secret"[..], file.reopen().unwrap(), &[]);
        assert!(sealed.is_err());
        assert_eq!(file.path().metadata().unwrap().len(), 0);
    }
}
