//! Where the control socket is.

use std::path::PathBuf;

use sha2::{Digest, Sha256};

use crate::settings::Settings;

/// A Unix socket's path must fit into 108 bytes with its final zero, on every system into 104.
const LONGEST: usize = 100;

/// `data/bellkeeper.sock` in the root; for a root too deep for that, a name made from the root's
/// path in a private folder of the system's temporary one.
pub(super) fn path(settings: &Settings) -> PathBuf {
    let usual = settings.path("data/bellkeeper.sock");
    if usual.as_os_str().len() <= LONGEST {
        return usual;
    }
    let digest = Sha256::digest(settings.root().as_os_str().as_encoded_bytes());
    let name = digest
        .iter()
        .take(8)
        .fold(0u64, |name, byte| name << 8 | u64::from(*byte));
    let user = rustix::process::getuid().as_raw();
    std::env::temp_dir()
        .join(format!("bellkeeper-{user}-{name:016x}"))
        .join("control.sock")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::settings::Raw;

    fn socket(root: &str) -> PathBuf {
        let raw = Raw {
            root: Some(root.into()),
            jobs_file: None,
        };
        path(&Settings::resolve(&raw, Path::new("/")))
    }

    #[test]
    fn a_deep_root_gets_a_short_socket_of_its_own() {
        assert_eq!(
            socket("/srv/box"),
            Path::new("/srv/box/data/bellkeeper.sock")
        );
        let [a, b] = ["a", "b"].map(|tail| socket(&format!("/{}/{tail}", "deep/".repeat(30))));
        assert!(a.as_os_str().len() <= LONGEST && a != b, "{a:?}");
    }
}
