//! `keys check`: proves that a key that is kept opens the newest archives.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::super::shell::{Bar, Failure, Result, Shell, count, exit};
use crate::{
    app::{self, Row, Shelf},
    archive::{self, KeyFile, Verified},
    watch::Watch,
};

pub(super) fn run(shell: &Shell, key: Option<&Path>) -> Result {
    let loaded = shell.load()?;
    let keys = app::key_files(&shell.site, key)?;
    let Shelf { rows, unreadable } = app::shelf(&shell.site, &loaded, None);
    for key in &keys {
        tell(shell, key, &rows);
    }
    let mut code = exit::OK;
    for error in unreadable {
        code = shell.fail(&error.into());
    }
    if rows.is_empty() && code == exit::OK {
        return Err(
            Failure::new(exit::NOT_FOUND, "there is no archive to try the keys on")
                .hint("`bellkeeper run-job` makes one"),
        );
    }
    for row in newest(&rows) {
        if let Err(failure) = prove(shell, row, &keys) {
            let one = shell.fail(&failure);
            // That no key opens it is what was asked.
            code = if code == exit::OK || one == exit::WRONG_KEY {
                one
            } else {
                code
            };
        }
    }
    Ok(code)
}

/// The newest archive of each job.
fn newest(rows: &[Row]) -> Vec<&Row> {
    let mut newest: Vec<&Row> = Vec::new();
    for row in rows {
        if newest.iter().all(|known| known.job != row.job) {
            newest.push(row);
        }
    }
    newest
}

/// Which archives the sidecars say a key opens.
fn tell(shell: &Shell, key: &KeyFile, rows: &[Row]) {
    let sidecars = rows
        .iter()
        .filter_map(|row| row.judged.found.sidecar.as_ref());
    let opens = sidecars.filter(|one| one.is_for(&key.identities)).count();
    let fingerprints: Vec<String> = key
        .identities
        .iter()
        .map(|identity| identity.recipient().fingerprint())
        .collect();
    if shell.json {
        shell.json_line(&json!({
            "key_file": key.path,
            "fingerprints": fingerprints,
            "opens": opens,
            "archives": rows.len(),
        }));
        return;
    }
    shell.line(format!(
        "{}: {}",
        shell.within(&key.path),
        fingerprints.join(", ")
    ));
    let all = count(rows.len(), "archive");
    shell.line(format!("  opens {opens} of {all}, by their sidecars"));
}

/// Decrypts all of an archive with the first key that opens it.
fn prove(shell: &Shell, row: &Row, keys: &[KeyFile]) -> std::result::Result<(), Failure> {
    let path = &row.judged.found.path;
    let bar = Bar::new(shell.draws());
    for key in keys {
        let watch = Watch::default();
        let opened = bar.while_running(&watch, || {
            archive::verify(path, Some(&key.identities), &watch)
        });
        match opened {
            Err(archive::Error::WrongKey { .. }) => {}
            opened => {
                proved(shell, row, &key.path, &opened?);
                return Ok(());
            }
        }
    }
    let tried: Vec<String> = keys.iter().map(|key| shell.within(&key.path)).collect();
    let needed = row
        .judged
        .found
        .sidecar
        .as_ref()
        .map(|one| one.recipients.join(", "));
    let failure = Failure::from(archive::Error::WrongKey {
        path: PathBuf::from(shell.within(path)),
    });
    let failure = failure.hint(format!("tried: {}", tried.join(", ")));
    Err(match needed {
        Some(needed) => failure.hint(format!("it is encrypted to {needed}")),
        None => failure,
    })
}

fn proved(shell: &Shell, row: &Row, key: &Path, verified: &Verified) {
    let entries = verified
        .manifest
        .as_ref()
        .map_or(0, |all| all.entries.len());
    if shell.json {
        shell.json_line(&json!({
            "path": row.judged.found.path,
            "job": row.job,
            "opened_by": key,
            "entries": entries,
        }));
        return;
    }
    shell.line(row.judged.found.name.to_string());
    shell.line(format!(
        "  opened with {}: {} as written",
        shell.within(key),
        count(entries, "entry")
    ));
}
