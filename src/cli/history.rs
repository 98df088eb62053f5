//! `history`: past runs, newest first.

use serde_json::json;

use super::{
    args,
    shell::{Result, Shell, Table, Times, exit},
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
        shell.say("no run fits");
        return Ok(exit::OK);
    }
    let times = shell.times();
    let mut table = Table::new(["run", "job", "outcome", "why", "started", "took", "details"]);
    for row in rows {
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
            details(&row),
        ]);
    }
    shell.line(table.render());
    Ok(exit::OK)
}

fn details(row: &RunRow) -> String {
    let summary = row.report.as_ref().and_then(|report| report.get("summary"));
    let text = row
        .reason
        .as_deref()
        .or_else(|| summary.and_then(serde_json::Value::as_str));
    let missed = if row.missed > 0 {
        format!(" (for {} missed)", row.missed)
    } else {
        String::new()
    };
    format!("{}{missed}", text.unwrap_or_default())
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
