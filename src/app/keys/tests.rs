use std::fs;

use super::*;
use crate::{
    app::load,
    clock::Clock,
    files::fault::{self, Fault},
    settings::{Raw, Settings},
    system,
};

const JOBS: &str = "jobs:\n  a: {backup: {}} # mine\n";

struct Root {
    folder: tempfile::TempDir,
    site: Site,
}

impl Root {
    /// A root with a key; `recipients` are written with the own public key for `OWN`.
    fn new(recipients: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let raw = Raw {
            root: Some(folder.path().into()),
            jobs_file: None,
        };
        let site = Site {
            settings: Settings::resolve(&raw, folder.path()),
            clock: Clock::System,
            zone: system::local_zone(),
        };
        let now = site.clock.now();
        let own = archive::generate(&site.settings.key_file(), now).unwrap();
        let text = format!("{JOBS}{}", recipients.replace("OWN", &own.to_string()));
        files::write_atomic(site.settings.jobs_file(), text.as_bytes()).unwrap();
        Self { folder, site }
    }

    fn plan(&self, change: KeyChange) -> Result<KeyPlan, Error> {
        let loaded = load(&self.site, &|_| None).unwrap();
        plan_keys(&self.site, &loaded, change)
    }

    fn apply(&self, change: KeyChange) -> Result<Recipient, Error> {
        self.plan(change)?.apply(&self.site, &|_| None)
    }

    /// To whom the next archive would be encrypted.
    fn recipients(&self) -> Vec<Recipient> {
        let loaded = load(&self.site, &|_| None).unwrap();
        loaded.set.env.encryption.resolve().unwrap()
    }

    fn jobs(&self) -> String {
        fs::read_to_string(self.site.settings.jobs_file()).unwrap()
    }

    fn keys(&self) -> Vec<Recipient> {
        let ring = archive::ring(&self.site.settings.key_file()).unwrap();
        let keys = ring.iter().flat_map(|key| &key.identities);
        keys.map(Identity::recipient).collect()
    }
}

fn acts(plan: &KeyPlan) -> Vec<&str> {
    plan.plan
        .steps
        .iter()
        .map(|step| step.act.as_str())
        .collect()
}

#[test]
fn the_first_key_that_is_added_does_not_drop_the_roots_own() {
    let root = Root::new("");
    let own = root.recipients();
    let new = archive::stand_in();
    let plan = root.plan(KeyChange::Add(new.clone())).unwrap();
    assert_eq!(acts(&plan), ["add", "edit"]);
    assert_eq!(root.jobs(), JOBS, "a plan changes nothing");
    root.apply(KeyChange::Add(new.clone())).unwrap();
    assert_eq!(root.recipients(), [own, vec![new.clone()]].concat());
    assert!(root.jobs().starts_with(JOBS));
    let error = root.apply(KeyChange::Add(new)).unwrap_err();
    assert!(
        matches!(error, Error::Keys(KeyError::Already(_))),
        "{error}"
    );
}

#[test]
fn a_generated_key_is_written_before_the_job_file_names_it() {
    let root = Root::new("encryption: {recipients: [OWN]}\n");
    let file = root.folder.path().join("usb/off-site.key");
    let change = KeyChange::Generate(file.clone());
    assert_eq!(
        acts(&root.plan(change.clone()).unwrap()),
        ["create", "edit"]
    );
    assert!(!file.exists());
    let new = root.apply(change.clone()).unwrap();
    let written = archive::identities(&file).unwrap().unwrap();
    assert_eq!(written[0].recipient(), new);
    assert_eq!(root.recipients()[1], new);
    let error = root.apply(change).unwrap_err();
    assert!(
        matches!(error, Error::Keys(KeyError::Taken { .. })),
        "{error}"
    );
}

#[test]
fn a_rotation_needs_no_edit_unless_the_job_file_names_the_key() {
    for (recipients, expected) in [
        ("", vec!["keep", "replace"]),
        (
            "encryption: {recipients: [OWN]} # me\n",
            vec!["keep", "replace", "edit"],
        ),
    ] {
        let root = Root::new(recipients);
        let old = root.recipients();
        let plan = root.plan(KeyChange::Rotate).unwrap();
        assert_eq!(acts(&plan), expected);
        let new = plan.apply(&root.site, &|_| None).unwrap();
        assert_eq!(root.recipients(), std::slice::from_ref(&new));
        assert_eq!(root.keys(), [vec![new], old].concat());
        assert_eq!(root.jobs().contains("# me"), !recipients.is_empty());
        // Once more on the same day.
        root.apply(KeyChange::Rotate).unwrap();
        assert_eq!(root.keys().len(), 3);
    }
}

#[test]
fn a_key_that_is_not_ours_is_not_rotated() {
    let other = archive::stand_in();
    let root = Root::new(&format!("encryption: {{recipients: [{other}]}}\n"));
    let error = root.apply(KeyChange::Rotate).unwrap_err();
    assert!(
        matches!(error, Error::Keys(KeyError::NotOurs { .. })),
        "{error}"
    );
    files::remove(&root.site.settings.key_file()).unwrap();
    assert!(matches!(
        root.plan(KeyChange::Rotate),
        Err(Error::Archive(_))
    ));
}

/// Whatever fails, the private key of everyone in the job file is on the disk, and the old one too.
#[test]
fn no_archive_is_ever_encrypted_to_a_key_that_is_nowhere() {
    for fault in [Fault::Full, Fault::Dead] {
        let mut failures = 0;
        let mut at = 0;
        loop {
            let root = Root::new("encryption: {recipients: [OWN]}\n");
            let old = root.recipients();
            let plan = root.plan(KeyChange::Rotate).unwrap();
            let (result, struck) = fault::with(fault, at, || plan.apply(&root.site, &|_| None));
            failures += usize::from(result.is_err());
            let keys = root.keys();
            assert!(
                root.recipients().iter().all(|one| keys.contains(one)),
                "{at}"
            );
            assert!(keys.contains(&old[0]), "{at}");
            // Trying again ends well.
            if result.is_err() {
                let new = root.apply(KeyChange::Rotate).unwrap();
                assert_eq!(root.recipients(), [new]);
            }
            if !struck {
                break;
            }
            at += 1;
        }
        assert!(failures > 8, "{failures}");
    }
}
