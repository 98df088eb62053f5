//! `keys show`: to whom archives are encrypted. Private keys are never shown.

use serde_json::json;

use super::super::shell::{Result, Shell, exit};

pub(super) fn run(shell: &Shell) -> Result {
    let encryption = shell.load()?.set.env.encryption.clone();
    let configured = !encryption.recipients.is_empty();
    let key_file = &encryption.key_file;
    let source = if configured {
        "jobs.yaml".to_owned()
    } else {
        let root = shell.site.settings.root();
        key_file
            .strip_prefix(root)
            .unwrap_or(key_file)
            .display()
            .to_string()
    };
    for recipient in encryption.resolve()? {
        let (text, fingerprint) = (recipient.to_string(), recipient.fingerprint());
        if shell.json {
            shell.json_line(&json!({
                "recipient": text,
                "fingerprint": fingerprint,
                "source": source,
                "private_key": (!configured).then_some(key_file),
            }));
        } else {
            shell.line(format!(
                "{text}\n  fingerprint {fingerprint}, from {source}"
            ));
        }
    }
    if !configured {
        shell.say(format!(
            "the private key is in {source}; without it no archive can be opened:"
        ));
        shell.say("keep a copy elsewhere");
    }
    Ok(exit::OK)
}
