//! What stands in and beside an archive as JSON.

use std::fs;

use bellkeeper::archive::{Manifest, Sidecar, list};

/// The bytes are a manifest.
pub fn manifest(data: &[u8]) -> bool {
    let Ok(manifest) = Manifest::from_json(data) else {
        return false;
    };
    let written = manifest.to_json().unwrap();
    let again = Manifest::from_json(&written).unwrap();
    assert_eq!(again, manifest);
    for entry in &manifest.entries {
        let path = entry.path.to_path();
        let mut parts = path.components();
        assert!(parts.all(|part| matches!(part, std::path::Component::Normal(_))));
    }
    for database in &manifest.databases {
        let (size, pages) = (database.size(), database.pages);
        assert!(database.page_size == 0 || size >= pages);
    }
    true
}

/// The bytes are a sidecar; the archive beside it is empty.
pub fn sidecar(data: &[u8]) -> bool {
    let folder = super::scratch();
    let archive = folder.path().join("j-20261123T020000Z.tar.gz.age");
    fs::write(&archive, b"").unwrap();
    fs::write(Sidecar::path_for(&archive), data).unwrap();
    let listed = list(folder.path()).unwrap();
    assert_eq!(listed.len(), 1);
    let accepted = match Sidecar::read(&archive) {
        Ok(Some(sidecar)) => {
            assert_eq!(listed[0].sidecar.as_ref(), Some(&sidecar));
            sidecar.write(&archive).unwrap();
            assert_eq!(Sidecar::read(&archive).unwrap(), Some(sidecar));
            true
        }
        Ok(None) => panic!("it is there"),
        Err(_) => {
            assert!(listed[0].sidecar.is_none() && listed[0].problem.is_some());
            false
        }
    };
    bellkeeper::archive::verify(&archive, None, &bellkeeper::watch::Watch::default())
        .expect_err("an empty file is no archive");
    accepted
}
