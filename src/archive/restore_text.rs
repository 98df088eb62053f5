//! RESTORE.txt: how to get everything back with nothing but stock tools.

use std::{fs, path::Path};

use super::{Error, keys::Recipient};
use crate::files;

/// The name of the text in every folder of archives.
pub const RESTORE: &str = "RESTORE.txt";

/// Puts the text into `folder`, unless it is there already with the same words.
///
/// # Errors
/// [`Error::File`] if it cannot be written.
pub(super) fn write(folder: &Path, recipients: &[Recipient], key_file: &Path) -> Result<(), Error> {
    let path = folder.join(RESTORE);
    let text = text(recipients, key_file);
    if fs::read(&path).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(());
    }
    Ok(files::write_atomic(&path, text.as_bytes())?)
}

fn text(recipients: &[Recipient], key_file: &Path) -> String {
    let mut keys = String::new();
    for recipient in recipients {
        keys = format!("{keys}    {recipient}\n");
    }
    let key_file = key_file.display();
    format!(
        "\
How to restore from this folder
===============================

Each *.tar.gz.age file is one whole backup. You need age (https://age-encryption.org), tar, and the
private key of one of these public keys:

{keys}
The key that Bellkeeper made is kept in
    {key_file}
A copy of it must be somewhere else too: without the private key nobody can open these files. Archives
from before a change of keys need the older one, which is kept beside it with the day in its name.

In the commands below F is the archive, KEY the file of the private key and DIR a new, empty folder.

1. See that the file is whole: these two must show the same number.
       sha256sum F
       grep '\"sha256\"' F.json

2. Unpack it.
       mkdir -m 700 DIR
       age -d -i KEY F | tar xz -C DIR
   DIR/MANIFEST.json lists everything in it, with the number of rows of every table, and says
   what was skipped or changed while it was read.

3. Put a database back. Stop every program that uses it first. Then move the old database and, if
   they are there, the files beside it whose names end in -wal, -shm and -journal out of the way:
   left in place, they would be played into the restored file and spoil it.
       mkdir OLD
       mv data/trading_assistant.db* OLD/
       cp -p DIR/data/trading_assistant.db data/
       sqlite3 data/trading_assistant.db 'PRAGMA integrity_check'
   Keep OLD until everything works.

4. Other files (config, logs) are plain copies: take from DIR what you need.
"
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use jiff::Timestamp;

    use super::*;
    use crate::archive::keys;

    #[test]
    fn the_text_is_rewritten_only_when_it_differs() {
        let root = tempfile::tempdir().unwrap();
        let key_file = root.path().join("k");
        let key = keys::generate(&key_file, Timestamp::UNIX_EPOCH).unwrap();
        let recipients = [key];
        let file = root.path().join(RESTORE);
        let inode = || file.metadata().unwrap().ino();
        write(root.path(), &recipients, &key_file).unwrap();
        let first = inode();
        write(root.path(), &recipients, &key_file).unwrap();
        assert_eq!(inode(), first);
        files::write_atomic(&file, b"old").unwrap();
        write(root.path(), &recipients, &key_file).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains("age -d -i KEY F | tar xz -C DIR"));
        assert!(text.contains(&recipients[0].to_string()));
        assert!(!text.contains("AGE-SECRET-KEY-"));
        assert!(text.lines().all(|line| line.len() <= 120));
    }
}
