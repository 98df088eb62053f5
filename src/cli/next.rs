//! `next`: the next slots of all jobs, or of one.

use serde_json::json;

use super::{
    args,
    shell::{Bare, Moment, Result, Shell, Table, exit, unknown_job},
};
use crate::app;

/// How many slots are shown when nobody says how many or until when.
const COUNT: usize = 10;
/// How many at most when somebody says until when.
const MOST: usize = 10_000;

pub(super) fn run(shell: &Shell, args: &args::Next) -> Result {
    let until = args.until.as_deref();
    let until = until.map(|text| shell.moment(text, Bare::Ahead).map(Moment::start));
    let until = until.transpose()?;
    let loaded = shell.load()?;
    if let Some(job) = &args.job
        && loaded.set.get(job).is_none()
    {
        return Err(unknown_job(&loaded, job));
    }
    let ledger = app::open_ledger(&shell.site)?;
    let wanted = |name: &str| args.job.as_deref().is_none_or(|job| job == name);
    let jobs = loaded.set.jobs.iter();
    let jobs = jobs.filter(|spec| wanted(spec.name.as_str()));
    let count = args.count;
    let count = count.unwrap_or(if until.is_some() { MOST } else { COUNT });
    let found = app::upcoming(&shell.site, ledger.as_deref(), jobs, until, count)?;
    let times = shell.times();
    let mut table = Table::new(["job", "at", ""]);
    for (at, job) in found.slots {
        if shell.json {
            shell.json_line(&json!({"job": job, "at": times.rfc3339(at)}));
        } else {
            table.row([job.to_string(), times.absolute(at), times.relative(at)]);
        }
    }
    if !shell.json {
        let nothing = match until {
            Some(until) => format!("nothing is due until {}", times.absolute(until)),
            None => "nothing is due: no enabled job has a schedule that fires again".to_owned(),
        };
        shell.line(if table.is_empty() {
            nothing
        } else {
            table.render()
        });
    }
    if found.more && until.is_some() {
        shell.note(format!(
            "cut after {count}: there are more, `-n` shows them"
        ));
    }
    Ok(exit::OK)
}
