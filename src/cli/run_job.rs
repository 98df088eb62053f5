//! `run-job`: runs a job now and follows it; the same with a daemon and without.

use super::{
    args, backups,
    shell::{
        Bar, Failure, Interrupts, Result, Shell, Times, block_on_workers, exit, unknown_job,
        variable,
    },
};
use crate::{
    app::{self, Following},
    engine::{Event, Finished},
    jobfile::Loaded,
    units::Bytes,
    words::Outcome,
};

pub(super) fn run(shell: &Shell, args: &args::RunJob) -> Result {
    if args.dry_run {
        return dry_run(shell, &shell.load()?, &args.job);
    }
    block_on_workers(async {
        let mut interrupts = Interrupts::new()?;
        let asked = {
            let site = &shell.site;
            app::run_job(site, &args.job, args.yes, &variable, shell.log_filter()).await
        };
        let following = asked.map_err(|error| explain(shell, &args.job, error))?;
        watch(shell, following, &mut interrupts).await
    })
}

/// Shows a run to its end; the exit code is that of its outcome.
pub(super) async fn watch(
    shell: &Shell,
    mut following: Following,
    interrupts: &mut Interrupts,
) -> Result {
    if let Some(kept) = &following.set_aside {
        shell.say(format!("the ledger {}", shell.set_aside(kept)));
    }
    let bar = Bar::new(shell.draws());
    let followed = follow(shell, &mut following, &bar, interrupts).await;
    bar.clear();
    match followed {
        Followed::Ended { end, interrupted } => {
            following.close().await?;
            finished(shell, &end);
            let cancelled = end.outcome == Outcome::Cancelled;
            Ok(interrupted
                .filter(|_| cancelled)
                .unwrap_or(exit::of(end.outcome)))
        }
        Followed::Left(code) => Err(Failure::new(code, "left the run to itself")
            .hint("`bellkeeper history` shows what becomes of it")),
        Followed::Gone => Err(Failure::new(
            exit::FAILED,
            "the daemon went away while the run was going on",
        )
        .hint("`bellkeeper history` shows what became of the run")),
    }
}

/// How following a run ended.
enum Followed {
    /// With the run; `interrupted` is the code of the signal that asked it to stop.
    Ended {
        end: Box<Finished>,
        interrupted: Option<u8>,
    },
    /// The person asked twice and did not want to wait.
    Left(u8),
    /// The daemon fell silent.
    Gone,
}

/// An unknown job is compared with those of the job file.
fn explain(shell: &Shell, name: &str, error: app::Error) -> Failure {
    use crate::engine::Error::UnknownJob;
    match (&error, shell.load()) {
        (
            app::Error::Engine(UnknownJob(_)) | app::Error::Refused { status: 404, .. },
            Ok(loaded),
        ) if loaded.set.get(name).is_none() => unknown_job(&loaded, name),
        _ => error.into(),
    }
}

fn dry_run(shell: &Shell, loaded: &Loaded, name: &str) -> Result {
    if loaded.set.get(name).is_none() {
        return Err(unknown_job(loaded, name));
    }
    let plan = app::plan_job(&shell.site, loaded, name)?.map_err(|error| {
        let failure = Failure::new(exit::FAILED, error.chain());
        match error.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })?;
    shell.plan(&plan);
    if shell.json {
        return Ok(exit::OK);
    }
    for ahead in app::ahead(&shell.site, loaded, Some(name), args::DAYS)? {
        shell.line(format!(
            "\nthe next {} days, if every run succeeds:",
            args::DAYS
        ));
        for line in backups::told(shell, &ahead) {
            shell.line(line);
        }
    }
    Ok(exit::OK)
}

/// Shows what happens until the run is over; Ctrl-C asks it to stop, twice leaves it.
async fn follow(
    shell: &Shell,
    following: &mut Following,
    bar: &Bar,
    interrupts: &mut Interrupts,
) -> Followed {
    let mut interrupted = None;
    loop {
        tokio::select! {
            event = following.events.recv() => match event {
                Some(Event::Finished(end)) => {
                    if shell.json {
                        shell.json_line(&Event::Finished(end.clone()));
                    }
                    return Followed::Ended { end: Box::new(end), interrupted };
                }
                Some(event) => show(shell, bar, &event),
                None => return Followed::Gone,
            },
            code = interrupts.next() => {
                if interrupted.is_some() {
                    return Followed::Left(code);
                }
                interrupted = Some(code);
                bar.above(|| shell.say("stopping; once more leaves the run to itself"));
                if let Err(error) = following.cancel().await {
                    shell.fail(&error.into());
                }
            }
        }
    }
}

fn show(shell: &Shell, bar: &Bar, event: &Event) {
    if shell.json {
        shell.json_line(event);
        return;
    }
    match event {
        Event::Waiting { job, note } => {
            bar.above(|| shell.say(format!("{job} {note}")));
        }
        Event::Started { run, .. } => {
            bar.above(|| shell.say(format!("{} started (run {})", run.job, run.id)));
        }
        Event::Retrying {
            attempt,
            reason,
            next_at,
            ..
        } => {
            let left = shell.times().relative(*next_at);
            let line = format!("attempt {attempt} failed: {reason}; the next one starts {left}");
            bar.above(|| shell.say(line));
        }
        Event::Progress { sample } => bar.show(sample),
        Event::Finished(_) => {}
    }
}

fn finished(shell: &Shell, end: &Finished) {
    if shell.json {
        return;
    }
    let took = Times::took(end.started_at, end.finished_at);
    let head = format!("{} {} in {took} (run {})", end.job, end.outcome, end.run_id);
    match (&end.report, &end.reason) {
        (Some(report), _) => {
            shell.line(format!("{head}\n  {}", report.summary));
            report
                .notes
                .iter()
                .for_each(|note| shell.line(format!("  {note}")));
            if let Some(bytes) = report
                .facts
                .get("plain_bytes")
                .and_then(serde_json::Value::as_u64)
            {
                rate(shell, end, bytes);
            }
        }
        (None, reason) => {
            let reason = reason.as_deref().unwrap_or("no reason was given");
            if end.outcome == Outcome::Skipped {
                shell.line(format!("{} skipped: {reason}", end.job));
                return;
            }
            shell.line(head);
            let failure = Failure::new(exit::of(end.outcome), reason);
            let failure = match &end.hint {
                Some(hint) => failure.hint(hint),
                None => failure,
            };
            shell.fail(&failure);
        }
    }
}

fn rate(shell: &Shell, end: &Finished, bytes: u64) {
    let millis = end.finished_at.as_millisecond() - end.started_at.as_millisecond();
    if let Some(per_second) = u64::try_from(millis)
        .ok()
        .filter(|millis| *millis > 200)
        .and_then(|millis| bytes.saturating_mul(1_000).checked_div(millis))
    {
        shell.say(format!("  {}/s", Bytes(per_second)));
    }
}
