//! A run: look, refuse or remove, give the room back, say what was done.

use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::{
    Error, Prune, Reclaim,
    round::{self, At, Round},
    survey::{self, Surveyed},
};
use crate::{
    archive::rows::PublishedRows,
    job::{Cx, Report},
    store::{self, Log, Pace, Stopped, Writer},
    units::Bytes,
};

/// How long removing holds the database at a time.
const TURN: Duration = Duration::from_millis(20);

/// What was done to one table.
#[derive(Default)]
struct Done {
    archived: u64,
    deleted: u64,
    changed: u64,
    archives: Vec<Json>,
    /// Why the rest waits for the next run.
    stopped: Option<Stopped>,
}

/// Does it.
pub(super) fn run(prune: &Prune, cx: &Cx) -> Result<Report, Error> {
    let mut survey = survey::survey(prune, cx)?;
    // Nothing goes from any table unless it may go from all.
    if let Some(refusal) = survey
        .tables
        .iter_mut()
        .find_map(|table| table.refusal.take())
    {
        return Err(refusal);
    }
    let clock = cx.env.clock.clone();
    let pace = Pace {
        turn: TURN,
        log: Log::default(),
        until: clock.monotonic() + prune.budget.duration(),
        clock,
    };
    let mut report = Report::default();
    let (mut facts, mut total, mut tables) = (Map::new(), 0, 0);
    let mut pinned = false;
    let due = survey.tables.iter().any(has_rows);
    let writer = due.then(|| cx.env.store().writer()).transpose()?;
    for table in &survey.tables {
        let mut done = Done::default();
        if let (Some(writer), Some(selection)) = (&writer, &table.selection) {
            let at = At {
                prune,
                cx,
                table,
                selection,
                writer,
                pace: &pace,
            };
            one(&at, &mut done, &mut report)?;
        }
        blocked(&done, &report, cx)?;
        notes(table, &done, &mut report);
        pinned |= matches!(done.stopped, Some(Stopped::Reader(_) | Stopped::Log(_)));
        total += done.deleted;
        tables += u64::from(done.deleted > 0);
        facts.insert(table.name.clone(), receipt(table, &done));
    }
    let mut given = 0;
    if let Some(writer) = &writer {
        // Giving pages back is written to the log, too.
        let reclaim = prune.reclaim == Reclaim::Auto && !pinned;
        given = settle(reclaim, cx, writer, &pace, &mut report)?;
    }
    report.summary = summary(prune, total, tables, given);
    report.facts.insert("deleted".to_owned(), total.into());
    report
        .facts
        .insert("reclaimed_bytes".to_owned(), given.into());
    report
        .facts
        .insert("tables".to_owned(), Json::Object(facts));
    Ok(report)
}

fn has_rows(table: &Surveyed) -> bool {
    table
        .selection
        .as_ref()
        .is_some_and(|selection| selection.count > 0)
}

/// Removes the rows of one table, round by round.
fn one(at: &At<'_>, done: &mut Done, report: &mut Report) -> Result<(), Error> {
    let mut after = None;
    while at.selection.count > 0 && done.stopped.is_none() {
        at.cx.checkpoint()?;
        if at.pace.clock.monotonic() >= at.pace.until {
            done.stopped = Some(Stopped::Budget);
            break;
        }
        let round = at.round(after.as_deref())?;
        let Some(round) = round else { break };
        let Round {
            archive,
            deleted,
            after: next,
            waited,
        } = round;
        done.deleted += deleted.rows;
        done.changed += deleted.changed;
        done.stopped = deleted.stopped;
        if let Some(archive) = &archive {
            // Also for somebody whose run fails later and leaves no receipt.
            tracing::info!(
                job = %at.cx.run.job,
                table = at.table.name,
                removed = deleted.rows,
                archive = %archive.path.display(),
                sha256 = archive.sidecar.sha256,
                "rows were archived and removed"
            );
            done.archived += archive.sidecar.rows;
            done.archives.push(entry(archive));
        }
        report.notes.extend(waited);
        after = next;
        if after.is_none() {
            break;
        }
    }
    Ok(())
}

/// A run that could do nothing because of a reader is no success: it is tried again.
fn blocked(done: &Done, report: &Report, cx: &Cx) -> Result<(), Error> {
    let (Some(Stopped::Reader(bytes) | Stopped::Log(bytes)), 0) = (&done.stopped, done.deleted)
    else {
        return Ok(());
    };
    let told = report.notes.last().cloned();
    let told = told.unwrap_or_else(|| round::waits_for(&cx.env.store(), *bytes));
    Err(Error::Reader(told))
}

/// What the receipt has of an archive.
fn entry(archive: &PublishedRows) -> Json {
    let sidecar = &archive.sidecar;
    json!({
        "path": archive.path.display().to_string(),
        "rows": sidecar.rows,
        "sha256": sidecar.sha256,
        "plain_sha256": sidecar.plain_sha256,
    })
}

fn receipt(table: &Surveyed, done: &Done) -> Json {
    let selection = table.selection.as_ref();
    json!({
        "archived": done.archived,
        "deleted": done.deleted,
        "changed": done.changed,
        "column": table.limit.column,
        "before": selection.map(|selection| selection.before.shown()),
        "archives": done.archives,
    })
}

fn notes(table: &Surveyed, done: &Done, report: &mut Report) {
    let name = &table.name;
    let mut note = |text: String| report.notes.push(text);
    let Some(selection) = &table.selection else {
        note(format!("{name}: no row of it has a time"));
        return;
    };
    if done.deleted > 0 {
        let which = survey::which(selection);
        note(format!(
            "{name}: removed {} of {} rows: {which}",
            done.deleted, selection.of
        ));
    } else if selection.count == 0 {
        note(format!(
            "{name}: nothing is past its limits ({})",
            survey::which(selection)
        ));
    }
    for archive in done
        .archives
        .iter()
        .filter_map(|archive| archive.get("path"))
    {
        note(format!(
            "{name}: archived in {}",
            archive.as_str().unwrap_or_default()
        ));
    }
    if selection.sample > 0 {
        note(format!(
            "{name}: {} rows of the sample stay; a run with `--yes` removes them, too",
            selection.sample
        ));
    }
    if table.unsafe_rows > 0 {
        note(format!(
            "{name}: {} rows stay until a verified backup is newer than they are",
            table.unsafe_rows
        ));
    }
    if done.changed > 0 {
        note(format!(
            "{name}: {} rows stay: one of them or of their neighbours was changed meanwhile",
            done.changed
        ));
    }
    match done.stopped {
        None => {}
        Some(Stopped::Budget) => note(format!("{name}: the time was up; the next run goes on")),
        Some(Stopped::Reader(bytes) | Stopped::Log(bytes)) => note(format!(
            "{name}: stopped, because an old snapshot keeps {} of log; the next run goes on",
            Bytes(bytes)
        )),
    }
}

/// Gives the room back and puts the store in order; returns how many bytes were given back.
fn settle(
    reclaim: bool,
    cx: &Cx,
    writer: &Writer,
    pace: &Pace,
    report: &mut Report,
) -> Result<u64, Error> {
    cx.watch.progress.step("shrink the database");
    let given = if reclaim {
        store::reclaim(writer, pace, &cx.watch)?
    } else {
        0
    };
    if !store::settle(writer)? {
        report
            .notes
            .push("the log could not be cut off: it is being read".to_owned());
    }
    Ok(given)
}

fn summary(prune: &Prune, rows: u64, tables: u64, given: u64) -> String {
    if rows == 0 {
        return "nothing was removed".to_owned();
    }
    let archived = if prune.archive {
        "archived and removed"
    } else {
        "removed"
    };
    let tables = if tables == 1 {
        "1 table".to_owned()
    } else {
        format!("{tables} tables")
    };
    let room = match given {
        0 => String::new(),
        bytes => format!(", {} given back", Bytes(bytes)),
    };
    format!("{rows} rows of {tables} {archived}{room}")
}
