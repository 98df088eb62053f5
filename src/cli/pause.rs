//! `pause` and `resume`: a job's slots are skipped for a while. A run by hand is always possible.

use serde_json::json;

use super::{
    args,
    shell::{Failure, Result, Shell, block_on, exit, unknown_job, variable},
};
use crate::{
    app,
    engine::Error::UnknownJob,
    words::{JobName, Pause},
};

pub(super) fn pause(shell: &Shell, args: &args::Pause) -> Result {
    let now = shell.site.clock.now();
    let since = jiff::Timestamp::from_second(now.as_second()).unwrap_or(now);
    let until = args.span.map(|span| {
        let until = since.checked_add(span.signed());
        until.unwrap_or(jiff::Timestamp::MAX)
    });
    let pause = Pause { since, until };
    tell(shell, &args.job, Some(pause))?;
    let job = &args.job;
    if shell.json {
        shell.json_line(&json!({"job": job, "paused": true, "since": since, "until": until}));
        return Ok(exit::OK);
    }
    let times = shell.times();
    let until = until.map_or_else(
        || "until it is resumed".to_owned(),
        |until| {
            format!(
                "until {} ({})",
                times.absolute(until),
                times.relative(until)
            )
        },
    );
    shell.line(format!("{job} is paused {until}"));
    shell.say(format!("`bellkeeper resume {job}` ends it"));
    Ok(exit::OK)
}

pub(super) fn resume(shell: &Shell, args: &args::Resume) -> Result {
    let was = tell(shell, &args.job, None)?;
    let job = &args.job;
    if shell.json {
        shell.json_line(&json!({"job": job, "paused": false, "was_paused": was}));
    } else if was {
        shell.line(format!("{job} goes on with its next slot"));
    } else {
        shell.line(format!("{job} was not paused"));
    }
    Ok(exit::OK)
}

fn tell(shell: &Shell, job: &JobName, pause: Option<Pause>) -> std::result::Result<bool, Failure> {
    block_on(async { Ok(app::pause(&shell.site, job, pause, &variable).await) })?.map_err(|error| {
        match (&error, shell.load()) {
            (
                app::Error::Engine(UnknownJob(_)) | app::Error::Refused { status: 404, .. },
                Ok(loaded),
            ) if loaded.set.get(job.as_str()).is_none() => unknown_job(&loaded, job.as_str()),
            _ => error.into(),
        }
    })
}
