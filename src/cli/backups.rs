//! `backups list|show|verify`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{
    args::{self, BackupsVerb},
    shell::{Bar, Failure, Result, Shell, count, exit, unknown_job},
};
use crate::{
    app::{self, Row, Shelf},
    archive::{self, Identity, Sidecar},
    jobfile::Loaded,
    units::Bytes,
    watch::Watch,
};

pub(super) fn run(shell: &Shell, args: &args::Backups) -> Result {
    match &args.verb {
        BackupsVerb::List { job } => list(shell, job.as_deref()),
        BackupsVerb::Show { archive } => show(shell, archive),
        BackupsVerb::Verify { archives, key } => verify(shell, archives, key.as_deref()),
    }
}

fn list(shell: &Shell, job: Option<&str>) -> Result {
    let loaded = shell.load()?;
    if let Some(job) = job.filter(|job| loaded.set.get(job).is_none()) {
        return Err(unknown_job(&loaded, job));
    }
    let Shelf { rows, unreadable } = app::shelf(&shell.site, &loaded, job);
    if shell.json {
        for row in &rows {
            shell.json_line(&as_json(row));
        }
        return Ok(tell(shell, unreadable));
    }
    if rows.is_empty() && unreadable.is_empty() {
        shell.say("there is no archive yet; `bellkeeper run-job` makes one");
        return Ok(exit::OK);
    }
    let times = shell.times();
    for row in &rows {
        let found = &row.judged.found;
        let keep = if row.judged.keep { "keep" } else { "remove" };
        shell.line(found.name.to_string());
        let (age, size) = (times.relative(found.name.slot), Bytes(found.size_bytes));
        shell.line(format!("  {age}, {size}, {}, {keep}:", found.state));
        for reason in &row.judged.reasons {
            shell.line(format!("    {reason}"));
        }
        if let Some(problem) = &found.problem {
            shell.line(format!("  problem: {problem}"));
        }
    }
    Ok(tell(shell, unreadable))
}

/// What could not be listed; the first of it decides the exit code.
fn tell(shell: &Shell, unreadable: Vec<archive::Error>) -> u8 {
    let codes = unreadable
        .into_iter()
        .map(|error| shell.fail(&error.into()));
    let codes: Vec<u8> = codes.collect();
    codes.first().copied().unwrap_or(exit::OK)
}

fn as_json(row: &Row) -> Value {
    let found = &row.judged.found;
    let sidecar = found.sidecar.as_ref();
    json!({
        "path": found.path,
        "job": row.job,
        "slot": found.name.slot,
        "size_bytes": found.size_bytes,
        "state": found.state,
        "keep": row.judged.keep,
        "reasons": row.judged.reasons,
        "problem": found.problem,
        "sha256": sidecar.map(|sidecar| &sidecar.sha256),
        "run_id": sidecar.map(|sidecar| sidecar.run_id),
    })
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
        ("state", sidecar.state.to_string()),
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
    Ok(exit::OK)
}

fn verify(shell: &Shell, names: &[String], key: Option<&Path>) -> Result {
    let loaded = if names.is_empty() {
        Some(shell.load()?)
    } else {
        optional_jobs(shell)
    };
    let identities = app::identities(&shell.site, key)?;
    let (paths, unreadable) = paths(shell, loaded.as_ref(), names)?;
    let mut code = tell(shell, unreadable);
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
    let verified = bar.while_running(&watch, || archive::verify(path, identities, &watch));
    let verified = verified?;
    let depth = if verified.manifest.is_some() {
        "content"
    } else {
        "checksum"
    };
    if shell.json {
        shell.json_line(&json!({
            "path": path,
            "verified": true,
            "depth": depth,
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
