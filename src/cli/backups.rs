//! `backups list|plan|show|verify|drill`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{
    args::{self, BackupsVerb},
    shell::{Bar, Failure, Result, Shell, count, exit},
};
use crate::{
    app::{self, Shelf},
    archive::{self, Identity, Proved, Recorded, Sidecar},
    jobfile::Loaded,
    units::Bytes,
    watch::Watch,
};

mod drill;
mod list;
mod plan;

pub(super) use plan::told;

pub(super) fn run(shell: &Shell, args: &args::Backups) -> Result {
    match &args.verb {
        BackupsVerb::List { job } => list::run(shell, job.as_deref()),
        BackupsVerb::Plan { job, days } => plan::run(shell, job.as_deref(), *days),
        BackupsVerb::Show { archive } => show(shell, archive),
        BackupsVerb::Verify { archives, key } => verify(shell, archives, key.as_deref()),
        BackupsVerb::Drill { archive, key } => drill::run(shell, archive, key.as_deref()),
    }
}

/// The job file helps to find archives by name; a path is found without it.
fn optional_jobs(shell: &Shell) -> Option<Loaded> {
    shell.load().ok()
}

fn show(shell: &Shell, name: &str) -> Result {
    let loaded = optional_jobs(shell);
    let path = app::find_archive(&shell.site, loaded.as_ref(), name)?;
    let Some(sidecar) = Sidecar::read(&path)? else {
        let message = format!("`{}` has no sidecar", path.display());
        return Err(Failure::new(exit::NOT_FOUND, message)
            .hint("`bellkeeper backups verify` reads the archive itself"));
    };
    if shell.json {
        let mut value = serde_json::to_value(&sidecar).unwrap_or_default();
        if let Some(object) = value.as_object_mut() {
            object.insert("path".to_owned(), json!(path));
        }
        shell.json_line(&value);
        return Ok(exit::OK);
    }
    let times = shell.times();
    let pairs = [
        ("archive", path.display().to_string()),
        (
            "job",
            format!(
                "{} (run {}, {})",
                sidecar.job, sidecar.run_id, sidecar.trigger
            ),
        ),
        ("slot", times.absolute(sidecar.slot)),
        ("shows", times.absolute(sidecar.created_at)),
        (
            "state",
            list::standing(&times, sidecar.state, Some(&sidecar)),
        ),
        (
            "size",
            format!(
                "{} of {}",
                Bytes(sidecar.size_bytes),
                Bytes(sidecar.plain_bytes)
            ),
        ),
        ("entries", sidecar.entries.to_string()),
        ("sha256", sidecar.sha256.clone()),
        ("opened by", sidecar.recipients.join(", ")),
        (
            "made by",
            format!("{} on {}", sidecar.program, sidecar.host),
        ),
    ];
    for (name, value) in pairs {
        shell.line(format!("{name:<10} {value}"));
    }
    contents(shell, &sidecar);
    Ok(exit::OK)
}

/// What is known of what is in it.
fn contents(shell: &Shell, sidecar: &Sidecar) {
    if let Some(problem) = &sidecar.problem {
        shell.line(format!("problem    {problem}"));
    }
    for database in &sidecar.databases {
        shell.line(format!(
            "database   {} ({})",
            database.entry,
            Bytes(database.size())
        ));
        for table in &database.tables {
            let rows = table
                .rows
                .map_or_else(|| "?".to_owned(), |rows| rows.to_string());
            let newest = match &table.newest {
                Some(Value::String(text)) => format!(", newest {text}"),
                Some(value) => format!(", newest {value}"),
                None => String::new(),
            };
            shell.line(format!("  {:<20} {rows} rows{newest}", table.name));
        }
    }
    for note in &sidecar.notes {
        shell.line(format!("note       {}: {}", note.path, note.note));
    }
}

fn verify(shell: &Shell, names: &[String], key: Option<&Path>) -> Result {
    let loaded = if names.is_empty() {
        Some(shell.load()?)
    } else {
        optional_jobs(shell)
    };
    let identities = app::identities(&shell.site, key)?;
    let (paths, unreadable) = paths(shell, loaded.as_ref(), names)?;
    let mut code = list::tell(shell, unreadable);
    if paths.is_empty() && code == exit::OK {
        shell.say("there is no archive yet");
    }
    for path in paths {
        if let Err(failure) = verify_one(shell, &path, identities.as_deref()) {
            // Every archive is looked at; the first trouble decides the exit code.
            let one = shell.fail(&failure);
            code = if code == exit::OK { one } else { code };
        }
    }
    Ok(code)
}

fn paths(
    shell: &Shell,
    loaded: Option<&Loaded>,
    names: &[String],
) -> std::result::Result<(Vec<PathBuf>, Vec<archive::Error>), Failure> {
    if !names.is_empty() {
        let found = names
            .iter()
            .map(|name| app::find_archive(&shell.site, loaded, name));
        return Ok((found.collect::<std::result::Result<_, _>>()?, Vec::new()));
    }
    let all = |loaded| app::shelf(&shell.site, loaded, None);
    let Shelf { rows, unreadable } = loaded.map(all).unwrap_or_default();
    let paths = rows.into_iter().map(|row| row.judged.found.path).collect();
    Ok((paths, unreadable))
}

fn verify_one(
    shell: &Shell,
    path: &Path,
    identities: Option<&[Identity]>,
) -> std::result::Result<(), Failure> {
    let watch = Watch::default();
    let bar = Bar::new(shell.draws());
    let now = shell.site.clock.now();
    let proved = bar.while_running(&watch, || archive::prove(path, identities, now, &watch));
    let Proved {
        verified,
        depth,
        recorded,
        ..
    } = match proved {
        // It is as written: that it cannot be kept is worth a word, and no failure of the archive.
        Err(archive::Error::File(error)) => {
            shell.note(format!(
                "not kept in the sidecar: {}",
                crate::job::chain(&error)
            ));
            let verified =
                bar.while_running(&watch, || archive::verify(path, identities, &watch))?;
            Proved::of(verified)
        }
        proved => proved?,
    };
    if recorded == Recorded::NoSidecar {
        shell.note(format!("{}: no sidecar to keep this in", path.display()));
    }
    if shell.json {
        shell.json_line(&json!({
            "path": path,
            "verified": true,
            "depth": depth.as_str(),
            "size_bytes": verified.size_bytes,
            "sha256": verified.sha256,
            "entries": verified.manifest.as_ref().map(|manifest| manifest.entries.len()),
        }));
    } else {
        let what = match &verified.manifest {
            Some(manifest) => format!("{} as written", count(manifest.entries.len(), "entry")),
            None => "its checksum is as written; a private key would check its content".to_owned(),
        };
        shell.line(format!("{}: {what}", path.display()));
    }
    Ok(())
}
