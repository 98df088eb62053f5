//! Keys: to whom archives are encrypted and with what they are opened.

use std::{fmt, fs, io, path::Path, str::FromStr};

use age::secrecy::{ExposeSecret, SecretString};
use jiff::Timestamp;

use super::{Encryption, Error, hash};
use crate::files;

/// A public key (`age1…`, X25519): whoever has its private half can open the archive.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient(age::x25519::Recipient);

impl Recipient {
    /// A short SHA-256 of the public key, to tell keys apart in sidecars: 16 hex digits.
    pub fn fingerprint(&self) -> String {
        let mut sum = hash::sha256(self.to_string().as_bytes());
        sum.truncate(16);
        sum
    }

    pub(super) fn inner(&self) -> &age::x25519::Recipient {
        &self.0
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({self})")
    }
}

impl FromStr for Recipient {
    type Err = String;

    /// The message never repeats a private key that was pasted by mistake.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let upper = text.to_ascii_uppercase();
        if upper.contains("AGE-SECRET-KEY-") {
            return Err(
                "this is a private key: put its public half (`age1…`) here, \
                        and treat the private one as seen by others"
                    .to_owned(),
            );
        }
        if upper.contains("PRIVATE KEY-----") {
            return Err("this is a private key, and not an age one: \
                        put an age public key (`age1…`) here"
                .to_owned());
        }
        if text.starts_with("ssh-") || text.starts_with("ecdsa-") {
            return Err(
                "SSH keys are not supported: make an age key with `age-keygen` \
                        and put its public half (`age1…`) here"
                    .to_owned(),
            );
        }
        text.parse().map(Self).map_err(|_| {
            let shown: String = text.chars().take(80).collect();
            format!("`{shown}` is not an age public key: expected `age1` and 58 characters")
        })
    }
}

/// A private key that opens archives. It is never shown.
#[derive(Clone)]
pub struct Identity(age::x25519::Identity);

impl Identity {
    /// The public half.
    pub fn recipient(&self) -> Recipient {
        Recipient(self.0.to_public())
    }

    pub(super) fn inner(&self) -> &age::x25519::Identity {
        &self.0
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(…)")
    }
}

/// Whether `text` can be a recipient in jobs.yaml.
///
/// # Errors
/// What is wrong with it and what to write instead; a private key is never repeated.
pub fn check_recipient(text: &str) -> Result<(), String> {
    text.parse::<Recipient>().map(drop)
}

/// The fingerprint of a recipient: a short SHA-256 of the public key in hex.
pub fn fingerprint(recipient: &Recipient) -> String {
    recipient.fingerprint()
}

/// Makes a private key in `key_file` (mode 0600, in age's own format) and returns its public half.
///
/// # Errors
/// [`Error::File`] if it cannot be written; an existing file is never replaced.
pub fn generate(key_file: &Path, now: Timestamp) -> Result<Recipient, Error> {
    let (recipient, text) = new_key(now);
    files::create_private_dir(files::parent(key_file))?;
    files::write_new(key_file, text.expose_secret().as_bytes())?;
    Ok(recipient)
}

/// A new key: its public half, and what goes into its file.
pub(super) fn new_key(now: Timestamp) -> (Recipient, SecretString) {
    let identity = Identity(age::x25519::Identity::generate());
    let recipient = identity.recipient();
    let secret = identity.0.to_string();
    let text = format!(
        "# created: {}\n# public key: {recipient}\n{}\n",
        now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        secret.expose_secret(),
    );
    (recipient, text.into())
}

/// A public key that nobody has the private half of, to try something with before a key is made.
pub fn stand_in() -> Recipient {
    Identity(age::x25519::Identity::generate()).recipient()
}

/// The private keys in `key_file`; `None` if there is no such file.
///
/// # Errors
/// [`Error::KeyFile`] if it cannot be read or holds anything but age private keys and comments.
pub fn identities(key_file: &Path) -> Result<Option<Vec<Identity>>, Error> {
    let wrong = |what: String| Error::KeyFile {
        path: key_file.to_owned(),
        what,
    };
    let text = match fs::read_to_string(key_file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(error.to_string())),
    };
    let mut found = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // The line itself may be a damaged secret, so only its number is told.
        let identity = line
            .parse()
            .map_err(|_| wrong(format!("line {number} is not an age private key")))?;
        found.push(Identity(identity));
    }
    if found.is_empty() {
        return Err(wrong("it holds no private key".to_owned()));
    }
    Ok(Some(found))
}

/// Whether a file of these bytes is a private key, whatever it is called.
pub(super) fn holds_private_key(bytes: &[u8]) -> bool {
    let parses = |line: &str| line.trim().parse::<age::x25519::Identity>().is_ok();
    String::from_utf8_lossy(bytes).lines().any(parses)
}

impl Encryption {
    /// To whom to encrypt: the configured recipients, or else the public half of the key file.
    ///
    /// # Errors
    /// [`Error::Recipient`] if one cannot be read, [`Error::NoRecipient`] if there is none:
    /// nothing is ever written unencrypted.
    pub fn resolve(&self) -> Result<Vec<Recipient>, Error> {
        if !self.recipients.is_empty() {
            let parse = |text: &String| text.parse().map_err(|what| Error::Recipient { what });
            return self.recipients.iter().map(parse).collect();
        }
        let identities = identities(&self.key_file)?.ok_or_else(|| Error::NoRecipient {
            key_file: self.key_file.clone(),
        })?;
        Ok(identities.iter().map(Identity::recipient).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn private(text: &str) -> &str {
        text.lines().last().unwrap()
    }

    #[test]
    fn a_generated_key_is_private_in_ages_format_and_never_replaced() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("config/backup.key");
        let recipient = generate(&file, NOW).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        let expected = format!("# created: 1970-01-01T00:00:00Z\n# public key: {recipient}\n");
        assert!(text.starts_with(&format!("{expected}AGE-SECRET-KEY-1")));
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(generate(&file, NOW).is_err());
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
        let found = identities(&file).unwrap().unwrap();
        assert_eq!(found[0].recipient(), recipient);
        assert_eq!(recipient.to_string().parse(), Ok(recipient));
        assert!(holds_private_key(text.as_bytes()));
    }

    #[test]
    fn recipients_come_from_the_settings_or_else_from_the_key_file() {
        let root = tempfile::tempdir().unwrap();
        let key_file = root.path().join("backup.key");
        let mut encryption = Encryption {
            recipients: Vec::new(),
            key_file: key_file.clone(),
        };
        let error = encryption.resolve().unwrap_err();
        assert!(matches!(&error, Error::NoRecipient { .. }));
        assert!(error.hint().is_some());
        let own = generate(&key_file, NOW).unwrap();
        assert_eq!(encryption.resolve().unwrap(), [own]);
        let other = generate(&root.path().join("other.key"), NOW).unwrap();
        encryption.recipients = vec![other.to_string()];
        assert_eq!(encryption.resolve().unwrap(), [other]);
        encryption.recipients.push("age1nonsense".into());
        assert!(matches!(encryption.resolve(), Err(Error::Recipient { .. })));
    }

    #[test]
    fn a_pasted_secret_is_recognised_and_not_repeated() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("k");
        generate(&file, NOW).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        let secret = private(&text);
        for pasted in [
            secret.to_owned(),
            secret.to_lowercase(),
            format!("x {secret}"),
        ] {
            let message = check_recipient(&pasted).unwrap_err();
            assert!(message.contains("private key"), "{message}");
            assert!(!message.to_uppercase().contains(&secret[20..40]));
        }
        let message = check_recipient("ssh-ed25519 AAAA me@home").unwrap_err();
        assert!(message.contains("SSH keys are not supported"));
        for bad in ["", "age1", "age1qqqq", "hello"] {
            assert!(
                check_recipient(bad)
                    .unwrap_err()
                    .contains("not an age public key")
            );
        }
    }

    #[test]
    fn a_damaged_key_file_is_an_error_without_its_content() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("k");
        assert!(identities(&file).unwrap().is_none());
        for (content, told) in [
            ("# only a comment\n", "no private key"),
            ("\nAGE-SECRET-KEY-1BROKEN\n", "line 2"),
        ] {
            files::write_atomic(&file, content.as_bytes()).unwrap();
            let error = identities(&file).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
            assert!(!error.contains("BROKEN"));
        }
    }

    #[test]
    fn fingerprints_are_short_and_differ() {
        let root = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| generate(&root.path().join(name), NOW).unwrap());
        assert_eq!(fingerprint(&a).len(), 16);
        assert_ne!(fingerprint(&a), fingerprint(&b));
    }
}
