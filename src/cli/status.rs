//! `status`: exit code 0 running, 3 stopped, 4 unknown.

use serde_json::json;

use super::shell::{Result, Shell, Table, block_on, exit};
use crate::{
    app::{Client, Info},
    engine::Running,
    lock, system,
    units::Bytes,
};

/// How many waiting runs are shown.
const WAITING: usize = 5;
/// How many coming slots are shown.
const NEXT: usize = 5;

pub(super) fn run(shell: &Shell) -> Result {
    block_on(async {
        let asked = match Client::connect(&shell.site.settings).await {
            Ok(Some(client)) => client.status().await.map(Some),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        match asked {
            Ok(Some(info)) => {
                running(shell, &info);
                Ok(exit::OK)
            }
            Ok(None) => Ok(stopped(shell)),
            Err(error) => {
                shell.fail(&error.into());
                Ok(exit::STATUS_UNKNOWN)
            }
        }
    })
}

fn running(shell: &Shell, info: &Info) {
    let memory = system::process(info.pid)
        .ok()
        .flatten()
        .map(|process| process.memory);
    if shell.json {
        let next = info.engine.upcoming.iter().take(NEXT);
        let next: Vec<_> = next
            .map(|(at, job)| json!({"job": job, "at": at}))
            .collect();
        shell.json_line(&json!({
            "state": "running",
            "pid": info.pid,
            "since": info.since,
            "version": info.version,
            "jobs": info.jobs,
            "broken": info.broken,
            "running": info.engine.running,
            "waiting": info.engine.waiting,
            "paused": info.engine.paused.iter().map(|(job, pause)| json!({
                "job": job, "since": pause.since, "until": pause.until,
            })).collect::<Vec<_>>(),
            "backlog": info.engine.backlog,
            "draining": info.engine.draining,
            "held_since": info.engine.held_since,
            "next": next,
            "memory_bytes": memory.map(|bytes| bytes.0),
        }));
        return;
    }
    let times = shell.times();
    let state = if info.engine.draining {
        "stopping"
    } else {
        "running"
    };
    shell.line(format!(
        "{state}  pid {}, version {}",
        info.pid, info.version
    ));
    let (since, ago) = (times.absolute(info.since), times.relative(info.since));
    shell.line(format!("since    {since} ({ago})"));
    let memory = memory
        .map(|bytes| format!(", {bytes} of memory"))
        .unwrap_or_default();
    shell.line(format!("jobs     {}{memory}", info.jobs));
    troubles(shell, info);
    for run in &info.engine.running {
        shell.line(format!("now      {}", run_line(shell, run)));
    }
    waiting_and_paused(shell, info);
    let mut table = Table::new(["next", "at", ""]);
    for (at, job) in info.engine.upcoming.iter().take(NEXT) {
        table.row([job.to_string(), times.absolute(*at), times.relative(*at)]);
    }
    if !table.is_empty() {
        shell.line(table.render());
    }
}

/// What is not as usual.
fn troubles(shell: &Shell, info: &Info) {
    let times = shell.times();
    if let Some(broken) = &info.broken {
        let file = shell.within(shell.site.settings.jobs_file());
        let since = times.absolute(broken.since);
        shell.line(format!("file     {file} has problems since {since}:"));
        shell.line("         `bellkeeper validate` shows them; the jobs stay as they were");
    }
    if let Some(since) = info.engine.held_since {
        let since = times.relative(since);
        shell.line(format!(
            "held     {since}: a restore is going on, nothing starts"
        ));
    }
    if info.engine.backlog > 0 {
        shell.line(format!(
            "backlog  {} missed slots wait to be caught up",
            info.engine.backlog
        ));
    }
}

fn waiting_and_paused(shell: &Shell, info: &Info) {
    let times = shell.times();
    for waiting in info.engine.waiting.iter().take(WAITING) {
        shell.line(format!("waiting  {}: {}", waiting.job, waiting.note));
    }
    if let Some(more) = info.engine.waiting.len().checked_sub(WAITING + 1) {
        shell.line(format!("waiting  and {} more", more + 1));
    }
    for (job, pause) in &info.engine.paused {
        let until = pause.until.map_or_else(
            || "until it is resumed".to_owned(),
            |until| format!("until {}", times.absolute(until)),
        );
        shell.line(format!("paused   {job} {until}"));
    }
}

fn run_line(shell: &Shell, running: &Running) -> String {
    let sample = &running.progress;
    let started = shell.times().relative(running.started_at);
    let mut line = format!(
        "{} (run {}, started {started})",
        running.run.job, running.run.id
    );
    if sample.total > 0 {
        let done = format!(
            " {}: {} of {}",
            sample.step,
            Bytes(sample.done),
            Bytes(sample.total)
        );
        line.push_str(&done);
    }
    line
}

fn stopped(shell: &Shell) -> u8 {
    let holder = lock::holder(&shell.site.settings.lock()).ok().flatten();
    if shell.json {
        shell.json_line(&json!({"state": "stopped", "holder": holder}));
    } else {
        match holder {
            Some(holder) => {
                let holder = shell.holder(&holder);
                shell.line(format!("stopped; another process is at work ({holder})"));
            }
            None => shell.line("stopped"),
        }
    }
    exit::NOT_RUNNING
}
