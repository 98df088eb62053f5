//! `backups drill`: restores an archive as a trial and says how long a recovery would take.

use std::path::Path;

use serde_json::json;

use super::{
    super::shell::{Bar, Result, Shell, count, exit, interruptible},
    list, optional_jobs,
};
use crate::{app, archive, archive::Recorded, units::Bytes};

pub(super) fn run(shell: &Shell, name: &str, key: Option<&Path>) -> Result {
    let loaded = optional_jobs(shell);
    let path = app::find_archive(&shell.site, loaded.as_ref(), name)?;
    let own = || shell.site.settings.key_file();
    let keys = app::identities(&shell.site, key)?
        .ok_or_else(|| archive::Error::MissingKey { path: own() })?;
    let watch = interruptible();
    let bar = Bar::new(shell.draws());
    let (scratch, clock) = (shell.site.settings.scratch(), &shell.site.clock);
    let drilled = bar.while_running(&watch, || {
        archive::drill(&path, &keys, &scratch, clock, &watch)
    })?;
    if drilled.recorded == Recorded::NoSidecar {
        shell.note(format!("{}: no sidecar to keep this in", path.display()));
    }
    let seconds = drilled.took.as_secs_f64();
    let sound = &drilled.sound;
    if shell.json {
        shell.json_line(&json!({
            "path": path,
            "drilled": true,
            "recovery_seconds": seconds,
            "bytes": drilled.bytes,
            "bytes_per_second": drilled.bytes_per_second(),
            "entries": drilled.entries,
            "databases": sound.databases,
            "tables": sound.tables,
            "rows": sound.rows,
            "notes": sound.notes,
        }));
        return Ok(exit::OK);
    }
    let (bytes, rate) = (Bytes(drilled.bytes), Bytes(drilled.bytes_per_second()));
    let entries = count(
        usize::try_from(drilled.entries).unwrap_or(usize::MAX),
        "entry",
    );
    shell.line(format!("{}", path.display()));
    shell.line(format!(
        "  restored in {}: {entries}, {bytes}, {rate}/s",
        list::took(seconds)
    ));
    let tables = count(usize::try_from(sound.tables).unwrap_or(usize::MAX), "table");
    shell.line(format!(
        "  {tables} with {} rows, sound and as archived",
        sound.rows
    ));
    for note in &sound.notes {
        shell.line(format!("  {}: {}", note.path, note.note));
    }
    Ok(exit::OK)
}
