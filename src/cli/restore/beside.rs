//! `restore ARCHIVE --to DIR`: extracts beside what is there.

use std::path::Path;

use serde_json::json;

use super::{interruptible, is_wanted_beside};
use crate::{
    app::{
        self,
        restore::{Chosen, Selection},
    },
    archive::{self, Identity},
    cli::shell::{Bar, Result, Shell, count, exit},
    jobfile::Loaded,
    units::Bytes,
};

pub(super) fn run(
    shell: &Shell,
    loaded: Option<&Loaded>,
    selection: &Selection,
    chosen: &[Chosen],
    identities: &[Identity],
    to: &Path,
) -> Result {
    let Some(chosen) = chosen.first() else {
        let (name, folders) = (String::new(), Vec::new());
        return Err(app::Error::NoArchive { name, folders }.into());
    };
    let watch = interruptible();
    let bar = Bar::new(shell.draws());
    let all = selection.words.is_empty();
    let wanted = is_wanted_beside(shell, loaded, selection);
    let extracted = bar.while_running(&watch, || {
        let wanted = |name: &archive::EntryName| all || wanted(name);
        archive::extract_some(&chosen.path, identities, to, &wanted, &watch)
    })?;
    let manifest = &extracted.manifest;
    let wanted = is_wanted_beside(shell, loaded, selection);
    let entries = manifest.entries.iter();
    let entries: Vec<_> = entries.filter(|it| all || wanted(&it.path)).collect();
    let bytes: u64 = entries.iter().map(|entry| entry.size).sum();
    if shell.json {
        shell.json_line(&json!({
            "path": chosen.path,
            "to": extracted.to,
            "job": manifest.job,
            "slot": manifest.slot,
            "created_at": manifest.created_at,
            "entries": entries.len(),
            "bytes": bytes,
            "notes": manifest.notes,
        }));
        return Ok(exit::OK);
    }
    shell.line(format!(
        "extracted {} ({}) into {}, each as written",
        count(entries.len(), "entry"),
        Bytes(bytes),
        extracted.to.display()
    ));
    shell.line(format!(
        "  they show {}",
        shell.times().absolute(manifest.created_at)
    ));
    for note in &manifest.notes {
        shell.line(format!("  {}: {}", note.path, note.note));
    }
    Ok(exit::OK)
}
