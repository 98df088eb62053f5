//! `reload`: the daemon takes the job file as it is now.

use serde_json::json;

use super::{
    shell::{Result, Shell, block_on, count, exit},
    stop::not_running,
};
use crate::{app::Client, jobfile::Change};

/// How many changes are shown.
const LINES: usize = 40;

pub(super) fn run(shell: &Shell) -> Result {
    let reloaded = block_on(async {
        let Some(client) = Client::connect(&shell.site.settings).await? else {
            return Err(not_running(shell));
        };
        Ok(client.reload().await?)
    })?;
    let difference = &reloaded.difference;
    if shell.json {
        let change = |job: Option<&str>, change: &Change| {
            let (from, to) = change.values.clone().unwrap_or_default();
            let (setting, shown) = (&change.setting, change.values.is_some());
            json!({"job": job, "setting": setting, "shown": shown, "from": from, "to": to})
        };
        let file = difference.file.iter().map(|it| change(None, it));
        let jobs = difference.changed.iter().flat_map(|changed| {
            let job = changed.job.as_str();
            changed.settings.iter().map(move |it| change(Some(job), it))
        });
        let added: Vec<_> = difference.added.iter().map(|added| &added.job).collect();
        shell.json_line(&json!({
            "reloaded": !difference.is_empty(),
            "jobs": reloaded.jobs,
            "added": added,
            "removed": difference.removed,
            "changed": file.chain(jobs).collect::<Vec<_>>(),
        }));
        return Ok(exit::OK);
    }
    if difference.is_empty() {
        shell.line("nothing has changed");
        return Ok(exit::OK);
    }
    for line in difference.lines(LINES) {
        shell.line(line);
    }
    shell.line(format!("reloaded ({})", count(reloaded.jobs, "job")));
    Ok(exit::OK)
}
