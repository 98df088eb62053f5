//! `restore ARCHIVE --to DIR`: extracts an archive beside what is there.

use serde_json::json;

use super::{
    args,
    shell::{Bar, Interrupts, Result, Shell, block_on, count, exit},
};
use crate::{
    app, archive,
    units::Bytes,
    watch::{CancelReason, Watch},
};

pub(super) fn run(shell: &Shell, args: &args::Restore) -> Result {
    // On a new machine there may be no job file: an archive given by its path needs none.
    let loaded = shell.load().ok();
    let path = app::find_archive(&shell.site, loaded.as_ref(), &args.archive)?;
    let key_file = || {
        args.key
            .clone()
            .unwrap_or_else(|| shell.site.settings.key_file())
    };
    let identities = app::identities(&shell.site, args.key.as_deref())?
        .ok_or_else(|| app::Error::NoKey { path: key_file() })?;
    let watch = Watch::default();
    let cancel = watch.cancel.clone();
    on_interrupt(move || cancel.cancel(CancelReason::Operator));
    let bar = Bar::new(shell.draws());
    let extracted = bar.while_running(&watch, || {
        archive::extract(&path, &identities, &args.to, &watch)
    })?;
    let manifest = &extracted.manifest;
    let bytes: u64 = manifest.entries.iter().map(|entry| entry.size).sum();
    if shell.json {
        shell.json_line(&json!({
            "path": path,
            "to": extracted.to,
            "job": manifest.job,
            "slot": manifest.slot,
            "created_at": manifest.created_at,
            "entries": manifest.entries.len(),
            "bytes": bytes,
            "notes": manifest.notes,
        }));
        return Ok(exit::OK);
    }
    shell.line(format!(
        "extracted {} ({}) into {}, each as written",
        count(manifest.entries.len(), "entry"),
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

/// Calls `act` at the first signal; where signals cannot be listened to, one just ends the process
/// and what is extracted so far stays.
pub(super) fn on_interrupt(act: impl FnOnce() + Send + 'static) {
    std::thread::spawn(move || {
        let listened = block_on(async { Ok(Interrupts::new()?.next().await) });
        if listened.is_ok() {
            act();
        }
    });
}
