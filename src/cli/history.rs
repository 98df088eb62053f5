//! `history`: past runs, newest first.

use serde_json::json;

use super::{
    args,
    shell::{Failure, Result, Shell, Table, Times, count, exit, unknown_job},
};
use crate::{
    app,
    ledger::{Filter, RunRow},
};

pub(super) fn run(shell: &Shell, args: &args::History) -> Result {
    let filter = Filter {
        job: args.job.clone(),
        failed: args.failed,
        before: None,
        limit: args.count,
    };
    let rows = match app::open_ledger(&shell.site)? {
        Some(ledger) => ledger.runs(&filter).map_err(app::Error::from)?,
        None => Vec::new(),
    };
    if shell.json {
        for row in &rows {
            shell.json_line(&as_json(row));
        }
        return Ok(exit::OK);
    }
    if rows.is_empty() {
        known(shell, args)?;
        shell.say("no run fits");
        return Ok(exit::OK);
    }
    let times = shell.times();
    let mut table = Table::new(["run", "job", "outcome", "why", "started", "took"]);
    for row in &rows {
        table.row([
            row.run.to_string(),
            row.job.to_string(),
            row.outcome
                .map_or("running", crate::words::Outcome::as_str)
                .to_owned(),
            row.trigger.to_string(),
            times.relative(row.started_at),
            row.finished_at
                .map(|end| Times::took(row.started_at, end))
                .unwrap_or_default(),
        ]);
    }
    let mut lines = table.lines().into_iter();
    lines
        .next()
        .into_iter()
        .for_each(|header| shell.line(header));
    for (line, row) in lines.zip(&rows) {
        shell.line(line);
        for detail in details(row) {
            shell.line(format!("     {detail}"));
        }
    }
    Ok(exit::OK)
}

/// A job that neither has run nor stands in the job file is most likely misspelt.
fn known(shell: &Shell, args: &args::History) -> std::result::Result<(), Failure> {
    let (Some(job), Ok(loaded)) = (&args.job, shell.load()) else {
        return Ok(());
    };
    match loaded.set.get(job.as_str()) {
        Some(_) => Ok(()),
        None => Err(unknown_job(&loaded, job.as_str())),
    }
}

/// What a person may want to know beyond the row: why it went wrong, what it stands for.
fn details(row: &RunRow) -> Vec<String> {
    let missed = (row.missed > 0).then(|| {
        format!(
            "stands for {} missed before it",
            count(row.missed as usize, "slot")
        )
    });
    row.reason.clone().into_iter().chain(missed).collect()
}

fn as_json(row: &RunRow) -> serde_json::Value {
    json!({
        "run_id": row.run,
        "job": row.job,
        "slot": row.slot,
        "trigger": row.trigger,
        "missed": row.missed,
        "attempts": row.attempts,
        "outcome": row.outcome,
        "reason": row.reason,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
        "report": row.report,
    })
}
