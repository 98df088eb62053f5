//! `next`: the next slots of all jobs, or of one.

use serde_json::json;

use super::{
    args,
    shell::{Result, Shell, Table, exit, unknown_job},
};
use crate::app;

pub(super) fn run(shell: &Shell, args: &args::Next) -> Result {
    let loaded = shell.load()?;
    if let Some(job) = &args.job
        && loaded.set.get(job).is_none()
    {
        return Err(unknown_job(&loaded, job));
    }
    let ledger = app::open_ledger(&shell.site)?;
    let mut slots = Vec::new();
    for spec in &loaded.set.jobs {
        if args
            .job
            .as_ref()
            .is_none_or(|job| job == spec.name.as_str())
        {
            let next = app::next_slots(&shell.site, ledger.as_deref(), spec, args.count)?;
            slots.extend(next.into_iter().map(|at| (at, &spec.name)));
        }
    }
    slots.sort();
    slots.truncate(args.count);
    let times = shell.times();
    let mut table = Table::new(["job", "at", ""]);
    for (at, job) in slots {
        if shell.json {
            shell.json_line(&json!({"job": job, "at": times.rfc3339(at)}));
        } else {
            table.row([job.to_string(), times.absolute(at), times.relative(at)]);
        }
    }
    if !shell.json {
        let nothing = "nothing is due: no enabled job has a schedule that fires again";
        shell.line(if table.is_empty() {
            nothing.to_owned()
        } else {
            table.render()
        });
    }
    Ok(exit::OK)
}
