//! `list`: the jobs, when they are due and how they last went.

use std::sync::Arc;

use serde_json::json;

use super::shell::{Result, Shell, Table, exit};
use crate::{
    app,
    job::JobSpec,
    ledger::{Filter, Ledger, RunRow},
    schedule::Calendar,
};

pub(super) fn run(shell: &Shell) -> Result {
    let loaded = shell.load()?;
    let ledger = app::open_ledger(&shell.site)?;
    let times = shell.times();
    let mut table = Table::new(["job", "kind", "due", "next", "last run"]);
    for spec in &loaded.set.jobs {
        let next = app::next_slots(&shell.site, ledger.as_deref(), spec, 1)?.pop();
        let last = last_run(ledger.as_ref(), spec)?;
        if shell.json {
            shell.json_line(&json!({
                "job": spec.name,
                "kind": spec.kind,
                "schedule": spec.schedules.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "timezone": spec.policy.timezone.iana_name(),
                "calendar": spec.policy.calendar.as_deref().map(Calendar::name),
                "only": spec.policy.only,
                "enabled": spec.policy.enabled,
                "next": next.map(|at| times.rfc3339(at)),
                "last_run_id": last.as_ref().map(|run| run.run),
                "last_outcome": last.as_ref().and_then(|run| run.outcome),
                "last_finished_at": last.as_ref().and_then(|run| run.finished_at),
            }));
            continue;
        }
        let next = next.map_or_else(|| "-".to_owned(), |at| times.relative(at));
        let last = last.map_or_else(
            || "never".to_owned(),
            |run| {
                let outcome = run.outcome.map_or("running", crate::words::Outcome::as_str);
                let at = run.finished_at.unwrap_or(run.started_at);
                format!("{outcome} {}", times.relative(at))
            },
        );
        table.row([
            spec.name.to_string(),
            spec.kind.to_owned(),
            due(spec),
            next,
            last,
        ]);
    }
    if !shell.json {
        shell.line(table.render());
    }
    Ok(exit::OK)
}

fn due(spec: &JobSpec) -> String {
    let words = spec.due_words();
    if spec.policy.enabled {
        words
    } else {
        format!("disabled ({words})")
    }
}

fn last_run(
    ledger: Option<&Arc<Ledger>>,
    spec: &JobSpec,
) -> std::result::Result<Option<RunRow>, crate::app::Error> {
    let Some(ledger) = ledger else {
        return Ok(None);
    };
    let filter = Filter {
        job: Some(spec.name.clone()),
        limit: 1,
        ..Filter::default()
    };
    Ok(ledger.runs(&filter)?.pop())
}
