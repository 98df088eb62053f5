//! What an archive holds: names that can do no harm, and what is known of each entry.

use std::{
    ffi::OsStr,
    fmt,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The longest name an entry may have, in bytes: what Linux allows for a path.
pub(super) const LONGEST_NAME: usize = 4096;

/// A name inside an archive: relative, without `..`, in bytes as Unix has them.
///
/// As text, a backslash is written `\\` and a byte that is not UTF-8 `\xNN`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryName(Vec<u8>);

impl EntryName {
    /// Reads a name.
    ///
    /// # Errors
    /// Why the name could do harm: it is empty, absolute, too long or holds `.`, `..` or NUL.
    pub fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        if bytes.is_empty() {
            return Err("it is empty");
        }
        if bytes.len() > LONGEST_NAME {
            return Err("it is too long");
        }
        if bytes.contains(&0) {
            return Err("it holds a NUL byte");
        }
        if bytes.starts_with(b"/") {
            return Err("it is absolute");
        }
        for part in bytes.split(|byte| *byte == b'/') {
            match part {
                b"" => return Err("it holds an empty part"),
                b"." | b".." => return Err("it holds `.` or `..`"),
                _ => {}
            }
        }
        Ok(Self(bytes.to_owned()))
    }

    /// The name of something in the folder of this name.
    pub(super) fn join(&self, name: &OsStr) -> Self {
        let mut bytes = self.0.clone();
        bytes.push(b'/');
        bytes.extend_from_slice(name.as_bytes());
        Self(bytes)
    }

    /// The name as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The name as a relative path.
    pub fn to_path(&self) -> PathBuf {
        Path::new(OsStr::from_bytes(&self.0)).to_owned()
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            f.write_str(&chunk.valid().replace('\\', r"\\"))?;
            for byte in chunk.invalid() {
                write!(f, r"\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('\\');
    bytes.extend_from_slice(parts.next()?.as_bytes());
    while let Some(part) = parts.next() {
        if let Some(code) = part.strip_prefix('x') {
            let (code, rest) = code.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(code, 16).ok()?);
            bytes.extend_from_slice(rest.as_bytes());
        } else if part.is_empty() {
            bytes.push(b'\\');
            bytes.extend_from_slice(parts.next()?.as_bytes());
        } else {
            return None;
        }
    }
    Some(bytes)
}

impl Serialize for EntryName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EntryName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = unescape(&text).ok_or_else(|| de::Error::custom("broken escape in a name"))?;
        Self::parse(&bytes).map_err(|what| de::Error::custom(format!("name `{text}`: {what}")))
    }
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryKind {
    /// A file with bytes; databases too.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
}

/// One entry as the complete manifest lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its name inside the archive.
    pub path: EntryName,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: EntryKind,
    /// Its length in bytes; 0 for folders and links.
    pub size: u64,
    /// When it was last changed, in seconds since 1970.
    pub mtime: u64,
    /// SHA-256 of its bytes, or of a link's target; empty for a folder.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sha256: String,
}

/// What stands before an entry's bytes in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) path: EntryName,
    pub(super) kind: EntryKind,
    pub(super) size: u64,
    pub(super) mtime: u64,
    /// Permission bits.
    pub(super) mode: u32,
    pub(super) uid: u64,
    pub(super) gid: u64,
    /// A link's target; empty otherwise.
    pub(super) target: Vec<u8>,
}

impl Head {
    pub(super) fn entry(&self, sha256: String) -> Entry {
        Entry {
            path: self.path.clone(),
            kind: self.kind,
            size: self.size,
            mtime: self.mtime,
            sha256,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_could_leave_the_folder_are_refused() {
        for bad in [
            "", "/", "/etc", "a//b", "a/", "..", "../a", "a/../b", "a/..", "./a", ".", "a\0b",
        ] {
            assert!(EntryName::parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert!(EntryName::parse(&[b'a'; LONGEST_NAME + 1]).is_err());
        for good in ["a", "a/b", "..a/b..", "a b", "\\", "…"] {
            assert!(EntryName::parse(good.as_bytes()).is_ok(), "{good}");
        }
    }

    #[test]
    fn a_hostile_name_in_json_is_refused() {
        for bad in [
            r#""../a""#,
            r#""\\x2e\\x2e/a""#,
            r#""\\x""#,
            r#""\\q""#,
            r#""a\\""#,
        ] {
            assert!(serde_json::from_str::<EntryName>(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_name_is_read_back_from_json(bytes in proptest::collection::vec(any::<u8>(), 1..40)) {
            if let Ok(name) = EntryName::parse(&bytes) {
                let json = serde_json::to_string(&name).unwrap();
                prop_assert_eq!(serde_json::from_str::<EntryName>(&json).unwrap(), name);
            }
        }
    }
}
