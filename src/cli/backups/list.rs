//! `backups list`: the archives, what is known of each and what `keep` says of it.

use serde_json::{Value, json};

use super::super::shell::{Result, Shell, Times, exit, unknown_job, wrap};
use crate::{
    app::{self, Row, Shelf},
    archive::{self, Sidecar, State},
    units::{Bytes, Span},
};

pub(super) fn run(shell: &Shell, job: Option<&str>) -> Result {
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
    for line in rows.iter().flat_map(|row| lines(row, &times)) {
        shell.line(line);
    }
    Ok(tell(shell, unreadable))
}

/// An archive in at most 80 columns, unless its name is longer.
fn lines(row: &Row, times: &Times) -> Vec<String> {
    let found = &row.judged.found;
    let (age, size) = (times.relative(found.name.slot), Bytes(found.size_bytes));
    let standing = standing(times, found.state, found.sidecar.as_ref());
    let keep = if row.judged.keep { "keep" } else { "remove" };
    let mut lines = vec![found.name.to_string()];
    lines.extend(wrap(&format!("{age}, {size}, {standing}"), 2));
    let reasons = row.judged.reasons.join("; ");
    lines.extend(wrap(&format!("{keep}: {reasons}"), 2));
    if let Some(problem) = &found.problem {
        lines.extend(wrap(&format!("problem: {problem}"), 2));
    }
    lines
}

/// How far an archive can be trusted and since when: `drilled 2d ago (recovery 1.2s)`.
pub(super) fn standing(times: &Times, state: State, sidecar: Option<&Sidecar>) -> String {
    let verified = sidecar.and_then(|sidecar| sidecar.verified_at);
    let drilled = sidecar.and_then(|sidecar| sidecar.drilled_at);
    let recovery = sidecar.and_then(|sidecar| sidecar.recovery_seconds);
    let mut text = match (state, verified) {
        (State::Verified, Some(at)) => format!("verified {}", times.relative(at)),
        // A look at it since its drill.
        (State::Drilled, Some(at)) if drilled != Some(at) => {
            format!("verified {}", times.relative(at))
        }
        (State::Drilled, _) => String::new(),
        (state, _) => state.to_string(),
    };
    if let Some(at) = drilled {
        let comma = if text.is_empty() { "" } else { ", " };
        text = format!("{text}{comma}drilled {}", times.relative(at));
    }
    match recovery {
        Some(seconds) => format!("{text} (recovery {})", took(seconds)),
        None => text,
    }
}

/// Seconds as people read them.
pub(super) fn took(seconds: f64) -> String {
    if seconds < 10.0 {
        return format!("{seconds:.1}s");
    }
    let whole = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default();
    Span::from_secs(whole.as_secs()).to_string()
}

/// What could not be listed; the first of it decides the exit code.
pub(super) fn tell(shell: &Shell, unreadable: Vec<archive::Error>) -> u8 {
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
        "verified_at": sidecar.and_then(|sidecar| sidecar.verified_at),
        "drilled_at": sidecar.and_then(|sidecar| sidecar.drilled_at),
        "recovery_seconds": sidecar.and_then(|sidecar| sidecar.recovery_seconds),
    })
}

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, tz::TimeZone};

    use super::*;
    use crate::{archive::Found, kinds::Judged};

    fn row(state: State, problem: Option<&str>) -> Row {
        let name: archive::ArchiveName =
            "backup-daily-20261123T020000Z.tar.gz.age".parse().unwrap();
        Row {
            job: name.job.clone(),
            judged: Judged {
                found: Found {
                    path: "f".into(),
                    size_bytes: 12_345,
                    sidecar: None,
                    state,
                    problem: problem.map(str::to_owned),
                    name,
                },
                keep: true,
                reasons: vec![
                    "daily 1 of 7 (2026-11-23)".to_owned(),
                    "weekly 1 of 4 (2026-W48)".to_owned(),
                    "the newest verified archive is never removed".to_owned(),
                ],
            },
        }
    }

    #[test]
    fn a_row_fits_eighty_columns_and_says_all() {
        let now: Timestamp = "2026-11-24T02:00:00Z".parse().unwrap();
        let times = Times::at(TimeZone::UTC, now);
        let lines = lines(&row(State::Damaged, Some(&"torn ".repeat(30))), &times);
        assert!(
            lines.iter().all(|line| line.chars().count() <= 80),
            "{lines:#?}"
        );
        assert_eq!(lines[1], "  1d ago, 12.3 KB, damaged");
        assert_eq!(
            lines[2],
            "  keep: daily 1 of 7 (2026-11-23); weekly 1 of 4 (2026-W48); the newest verified"
        );
        assert!(lines[4].starts_with("  problem: torn torn"));
    }

    #[test]
    fn recoveries_are_told_as_people_read_them() {
        assert_eq!([0.04, 9.94, 75.2].map(took), ["0.0s", "9.9s", "1m15s"]);
    }
}
