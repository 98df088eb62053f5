//! An archive as it lies on a disk, or on a disk that was damaged.

use std::{fs, io::Write, sync::LazyLock};

use age::{Encryptor, x25519};
use bellkeeper::{
    archive::{Identity, extract, identities, verify},
    watch::Watch,
};

/// A key that opens nothing but what is made here.
const KEY: &str = "AGE-SECRET-KEY-1NKFV888EF07YMKN46Z5JC85R8SCUYHYP9AH9W3F76UKQ6CALZVFQ574F2Z";

static IDENTITIES: LazyLock<Vec<Identity>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    fs::write(&file, KEY).unwrap();
    identities(&file).unwrap().unwrap()
});

/// After an even byte the rest is the file; after an odd one it is the `tar.gz` inside.
pub fn archive_file(data: &[u8]) -> bool {
    let folder = super::scratch();
    let path = folder.path().join("j-20261123T020000Z.tar.gz.age");
    let bytes = match data.split_first() {
        Some((first, rest)) if first % 2 == 0 => rest.to_vec(),
        Some((_, rest)) => encrypt(rest),
        None => Vec::new(),
    };
    fs::write(&path, bytes).unwrap();
    let verified = verify(&path, Some(&IDENTITIES), &Watch::default());
    let to = folder.path().join("to");
    let extracted = extract(&path, &IDENTITIES, &to, &Watch::default());
    let accepted = extracted.is_ok();
    match (verified, extracted) {
        (Ok(verified), Ok(extracted)) => assert_eq!(verified.manifest, Some(extracted.manifest)),
        (Ok(_), Err(error)) => assert!(!to.exists(), "half of it stayed: {error}"),
        (Err(error), Ok(_)) => panic!("extracted, but not verified: {error}"),
        (Err(_), Err(_)) => assert!(!to.exists(), "half of it stayed"),
    }
    accepted
}

fn encrypt(plain: &[u8]) -> Vec<u8> {
    let key: x25519::Identity = KEY.parse().unwrap();
    let recipient = key.to_public();
    let recipients = [&recipient as &dyn age::Recipient].into_iter();
    let mut writer = Encryptor::with_recipients(recipients)
        .unwrap()
        .wrap_output(Vec::new())
        .unwrap();
    writer.write_all(plain).unwrap();
    writer.finish().unwrap()
}
